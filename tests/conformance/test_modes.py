"""Access in each mode, and without rights: sections 1.1 and 1.5 of the facts."""

from dataclasses import replace
from itertools import product
from typing import Unpack

from aiotravis.testing import Mode, Switches
from tests.conformance.scene import READER
from tests.conformance.tables import NOT_FOUND, NOTHING, V21, Check, Row, RowOptions, calls, equals
from tests.raw import V2

NO_TOKEN = b"no access token supplied"
SEEN, HIDDEN = "travis-ci/travis.rb", "josh/secret"

GUARDED = {
    "branches": "/branches?slug={slug}", "builds": "/builds/{build}", "jobs": "/jobs/{job}", "logs": "/logs/{log}",
    "repos": "/repos/{repo}", "requests": "/requests/31",
}  # fmt: skip

GUARDED_PRIVATE = {"hooks": "/hooks", "users": "/users", "settings/ssh_key": "/settings/ssh_key/{repo}"}

UNGUARDED = {
    "/": ("GET", "/"), "/config": ("GET", "/config"), "/lint": ("POST", "/lint"), "/uptime": ("GET", "/uptime"),
    "/pusher/auth": ("POST", "/pusher/auth"), "/auth/*": ("POST", "/auth/github"),
}  # fmt: skip

PRIVATE = {
    "accounts": ("GET", "/accounts"), "broadcasts": ("GET", "/broadcasts"), "hooks": ("GET", "/hooks"),
    "users": ("GET", "/users"), "users/permissions": ("GET", "/users/permissions"),
    "users/sync": ("POST", "/users/sync"),
    "repos settings": ("PATCH", "/repos/{repo}/settings"), "repos caches": ("GET", "/repos/{slug}/caches"),
    "settings/env_vars": ("GET", "/settings/env_vars?repository_id={repo}"),
    "PATCH jobs/:id/log": ("PATCH", "/jobs/{job}/log"), "POST requests": ("POST", "/requests"),
}  # fmt: skip

JSON: dict[str, object] = {
    "socket_id": "1.1",
    "channels": list[object](),
    "content": "language: c",
    "github_token": "github-a-token-that-must-not-leak",
}

READS: dict[tuple[Mode, str], int] = {
    ("org", V2): 200, ("org", V21): 200, ("com", V2): 401, ("com", V21): 200, ("com-private", V2): 401,
    ("com-private", V21): 401, ("enterprise", V2): 401, ("enterprise", V21): 401,
}  # fmt: skip

CLOSED: tuple[Mode, ...] = ("com", "com-private", "enterprise")

SWITCH = Switches(force_authentication=True)


def named(accept: str) -> str:
    return "v2" if accept == V2 else "v2.1"


def read(mode: Mode, accept: str, path: str) -> Row:
    status = READS[mode, accept]
    return Row(status, path, NOTHING if status == 401 else None, token=None, mode=mode, accept=accept)


def unseen(status: int, path: str, body: bytes | Check, **more: Unpack[RowOptions]) -> Row:
    return replace(Row(status, path, body, mode="com"), **more)


def nothing(*names: str) -> Check:
    return equals({name: list[object]() for name in names})


NO_JOB = {"error": {"message": "The job(1002) couldn't be found"}}

ROWS: dict[str, Row] = {
    **{
        f"1.1 {mode}, {named(accept)}: {name}": read(mode, accept, path)
        for (mode, accept), (name, path) in product(READS, GUARDED.items())
    },
    **{
        f"1.1 {mode}, v2: {name} is refused by the mode": Row(401, path, NOTHING, token=None, mode=mode)
        for mode, (name, path) in product(CLOSED, GUARDED_PRIVATE.items())
    },
    **{
        f"1.1 com-private: {name} is not guarded": Row(
            200, path, None, None, method=method, token=None, mode="com-private",
            json=JSON if method == "POST" else None,
        )
        for name, (method, path) in UNGUARDED.items()
    },
    **{
        f"1.1 always a token: {name}": Row(401, path, NO_TOKEN, method=method, token=None)
        for name, (method, path) in PRIVATE.items()
    },
    "1.1 com, v2.1: a private repository is hidden": Row(
        404, "/repos/{secret}", NOT_FOUND, token=None, mode="com", accept=V21,
    ),
    "1.1 com, v2.1: a private repository's list is empty": Row(
        200, "/builds?repository_id={secret}", nothing("builds", "commits"), token=None, mode="com", accept=V21,
    ),
    "1.1 enterprise is below /api": Row(
        200, "/config", mode="enterprise", token=None,
        answer_is=lambda _, found: found.server.endpoint.endswith("/api"),
    ),
    "1.1 force_authentication": Row(403, "/builds/{build}", NOTHING, token=None, switches=SWITCH),
    "1.1 force_authentication, no guarded route": Row(403, "/uptime", NOTHING, token=None, switches=SWITCH),
    "1.1 force_authentication: /": Row(200, "/", token=None, switches=SWITCH),
    "1.1 force_authentication: /config": Row(200, "/config", token=None, switches=SWITCH),
    "1.1 force_authentication: /auth/*": Row(
        200, "/auth/github", method="POST", token=None, json=JSON, switches=SWITCH,
    ),
    "1.1 force_authentication with a token": Row(200, "/builds/{build}", switches=SWITCH),
    "1.5 single build": unseen(404, "/builds/{hidden}", NOT_FOUND),
    "1.5 single job": unseen(404, "/jobs/{hidden_job}", equals(NO_JOB)),
    "1.5 single branch": unseen(404, "/repos/{secret}/branches/master", NOT_FOUND),
    "1.5 single repo": unseen(404, "/repos/josh/secret", NOT_FOUND),
    "1.5 single request": unseen(404, "/requests/41", NOT_FOUND),
    "1.5 repo key": unseen(404, "/repos/{secret}/key", NOT_FOUND),
    "1.5 log": unseen(404, "/logs/{hidden_log}", NOT_FOUND),
    "1.5 log of a job": unseen(404, "/jobs/{hidden_job}/log", NOT_FOUND),
    "1.5 list of builds": unseen(200, "/builds?repository_id={secret}", nothing("builds", "commits")),
    "1.5 list of builds by ids": unseen(200, "/builds?ids={hidden}", nothing("builds", "commits")),
    "1.5 list of builds by slug": unseen(200, "/repos/josh/secret/builds", nothing("builds", "commits")),
    "1.5 list of jobs": unseen(200, "/jobs?ids[]={hidden_job}", nothing("jobs", "commits")),
    "1.5 list of branches": unseen(200, "/repos/{secret}/branches", nothing("branches", "commits")),
    "1.5 list of repos": unseen(200, "/repos?slug=josh/secret", nothing("repos")),
    "1.5 list of hooks": unseen(200, "/hooks?id={secret}&all=true", nothing("hooks")),
    "1.5 a missing repository looks the same": unseen(200, "/repos/no/such/builds", nothing("builds", "commits")),
    "1.5 requests list": unseen(404, "/requests?slug=josh/secret", equals({"error": "Repository could not be found"})),
    "1.5 settings": unseen(404, "/repos/{secret}/settings", equals({"error": "Couldn't find repository"})),
    "1.5 settings without push right": unseen(
        404, "/repos/{repo}/settings", equals({"error": "Couldn't find repository"}), token=READER,
    ),
    "1.5 env vars": unseen(404, "/settings/env_vars?repository_id={secret}", NOTHING),
    "1.5 ssh_key": unseen(404, "/settings/ssh_key/{secret}", NOT_FOUND),
    "1.5 caches": unseen(403, "/repos/{secret}/caches", b"{}"),
    "1.5 caches without push right": unseen(403, "/repos/{repo}/caches", b"{}", token=READER),
    "1.5 nobody, settings by id": Row(404, "/repos/{repo}/settings", NOT_FOUND, token=None),
    "1.5 nobody, caches by id": Row(404, "/repos/{repo}/caches", NOT_FOUND, token=None),
    "1.5 nobody, caches by slug": Row(401, "/repos/{slug}/caches", NO_TOKEN, token=None),
}  # fmt: skip


test_a_request_has_the_answer_of_travis = calls(ROWS)
