"""How Travis says no, row by row: status, type and body as bytes, with no client of ours in between."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from aiotravis.testing import Build, Mode, Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import V2, ask

JSON = "application/json"
NOT_FOUND = b'{"file":"not found"}'
READER = "a-reader's-token"


@dataclass
class Scene:
    """A repository with a finished and a running build; a user who may push, and one who may only read."""

    server: TravisServer
    repository: Repository
    finished: Build
    running: Build


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        path: May hold ``{build}``, ``{job}``, ``{running}``, ``{running_job}``, ``{repo}``, ``{log}``.
        body: All of the body, or a function that says whether it is right.
    """

    status: int
    path: str
    body: bytes | Callable[[Any], bool]
    kind: str = JSON
    method: str = "GET"
    token: str | None = TOKEN
    mode: Mode = "org"
    accept: str = V2
    headers: dict[str, str] = field(default_factory=dict[str, str])
    json: object = None
    data: bytes | None = None
    before: Callable[[Scene], object] = lambda _: None


def says(text: str) -> Callable[[Any], bool]:
    return lambda body: text in json.dumps(body)


ROWS: dict[str, Row] = {
    "400 restart refused": Row(
        400, "/builds/{running}/restart", lambda body: body["result"] is False and "error" in body["flash"][0],
        method="POST",
    ),
    "400 a body that is no JSON": Row(
        400, "/lint", lambda body: body == {"error": "Failed to parse body as JSON"}, method="POST",
        headers={"Content-Type": JSON}, data=b"{",
    ),
    "400 a JSONP name that is none": Row(400, "/config?callback=a-b", b"Bad Request", "text/plain"),
    "401 guarded, no token": Row(401, "/builds/{build}", b"", token=None, mode="com"),
    "401 private scope, no token": Row(401, "/users", b"no access token supplied", token=None),
    "401 removing a log without push right": Row(
        401, "/jobs/{job}/log", says("insufficient permission to remove logs"), method="PATCH", token=READER, json={},
    ),
    "403 unknown token": Row(403, "/builds/{build}", b"access denied", "text/html", token="unknown"),
    "403 caches without push right": Row(403, "/repos/{repo}/caches", b"{}", token=READER),
    "403 GET /repos, nobody, org": Row(403, "/repos", b"", token=None),
    "401 GET /repos, nobody, com": Row(401, "/repos", b"", token=None, mode="com"),
    "403 a GitHub token of nobody": Row(
        403, "/auth/github", b"not a Travis user", method="POST", token=None, json={"github_token": "nobody"},
    ),
    "403 logout of nobody, org": Row(403, "/logout", b"access denied", token=None),
    "404 no route": Row(404, "/no/such/route/at/all", NOT_FOUND),
    "404 no build": Row(404, "/builds/99999", NOT_FOUND),
    "404 restart of an unknown build": Row(404, "/builds/99999/restart", b"", method="POST"),
    "404 cancel of an unknown job": Row(404, "/jobs/99999/cancel", b"", method="POST"),
    "404 log of an unknown job": Row(404, "/jobs/99999/log", b""),
    "404 unknown job": Row(404, "/jobs/99999", says("The job(99999) couldn't be found")),
    "404 requests of an unknown repository": Row(
        404, "/requests?slug=no/such", lambda body: body == {"error": "Repository could not be found"},
    ),
    "404 settings of an unknown repository": Row(404, "/repos/99999/settings", says("Couldn't find repository")),
    "406 nothing acceptable": Row(406, "/builds/{build}", b"", accept="image/png"),
    "406 text where there is none": Row(406, "/builds/{build}", b"", accept="text/plain"),
    "409 a log of an unfinished job": Row(
        409, "/jobs/{running_job}/log", lambda body: "is not finished" in body["error"]["message"], method="PATCH",
        json={},
    ),
    "422 cancel of what has ended": Row(
        422, "/builds/{build}/cancel",
        lambda body: body["error"]["code"] == "cant_cancel" and "can't be canceled" in body["error"]["message"],
        method="POST",
    ),
    "422 settings without settings": Row(
        422, "/repos/{repo}/settings", lambda body: body == {"error": "Settings must be passed with a request"},
        method="PATCH", json={},
    ),
    "422 no GitHub token": Row(
        422, "/auth/github", lambda body: body == {"error": "Must pass 'github_token' parameter"}, method="POST",
        token=None, json={},
    ),
    "422 an environment variable without a name": Row(
        422, "/settings/env_vars?repository_id={repo}",
        lambda body: body["message"] == "Validation failed"
        and {"field": "name", "code": "missing_field"} in body["errors"],
        method="POST", json={"env_var": {"value": "x"}},
    ),
    "429 throttled": Row(
        429, "/config", b"Retry later\n", "text/plain", before=lambda scene: scene.server.faults.rest().too_many(),
    ),
    "403 banned": Row(
        403, "/config", b"Forbidden\n", "text/plain", before=lambda scene: scene.server.faults.rest().ban(),
    ),
}  # fmt: skip


async def scene_of(server: TravisServer) -> Scene:
    sarah = server.world.user("sarah", token=TOKEN)
    reader = server.world.user("reader", token=READER)
    repository = server.world.repository("travis-ci/travis.rb", users=[sarah, reader])
    repository.readers.append(reader)
    finished, running = repository.build(), repository.build()
    for build in (finished, running):
        build.start()
        build.jobs[0].write("text\n", final=True)
    finished.finish("passed")
    return Scene(server, repository, finished, running)


@pytest.mark.parametrize("name", ROWS)
async def test_a_refusal_is_that_of_travis(name: str) -> None:
    row = ROWS[name]
    async with TravisServer(mode=row.mode) as server:
        scene = await scene_of(server)
        row.before(scene)
        path = row.path.format(
            build=scene.finished.id, job=scene.finished.jobs[0].id, running=scene.running.id,
            running_job=scene.running.jobs[0].id, repo=scene.repository.id, log=scene.finished.jobs[0].log.id,
        )  # fmt: skip
        answer = await ask(
            server, path, method=row.method, token=row.token, accept=row.accept, json=row.json, data=row.data,
            headers=dict(row.headers),
        )  # fmt: skip
    assert answer.status == row.status
    assert answer.content_type.partition(";")[0] == row.kind
    if isinstance(row.body, bytes):
        assert answer.body == row.body
    else:
        assert row.body(answer.json), answer.body
