"""API v3: section 11."""

import re
from typing import Any

from aiotravis.testing import Cron, Request, RequestMessage, Switches
from tests.conformance.scene import NOW, READER, STRANGER, Scene
from tests.conformance.tables import NOTHING, Before, Check, Row, calls, equals, ids
from tests.conftest import TOKEN
from tests.raw import Raw

V3 = {"Travis-API-Version": "3"}
REPO, POST_IT = "/v3/repo/{repo}", "/v3/repo/{repo}/requests"
NOTES = "/v3/repo/{notes}"


def error(error_type: str, message: str | None = None, **more: object) -> Check:
    """Return a check of an error: its type, its message if given, and further keys."""

    def check(body: Any) -> bool:
        told = body["@type"] == "error" and body["error_type"] == error_type
        return told and message in {None, body["error_message"]} and all(body[name] == more[name] for name in more)

    return check


NOT_FOUND = error("not_found", "repository not found (or insufficient access)", resource_type="repository")
LOGIN = error("login_required", "login required")


def has(**expected: object) -> Check:
    """Return a check that an answer has these values; ``__`` stands for a level."""

    def check(body: Any) -> bool:
        for name, value in expected.items():
            found = body
            for part in name.split("__"):
                found = found["@" + part[3:] if part.startswith("at_") else part]
            if found != value:
                return False
        return True

    return check


def pretty(answer: Raw, _: Scene) -> bool:
    return answer.content_type == "application/json" and answer.body.startswith(b'{\n  "@type"')


def migrated(found: Scene) -> None:
    found.repo.migrated = True


def inactive(found: Scene) -> None:
    found.repo.active = False


def one_slug(found: Scene) -> None:
    found.server.world.repository("a/b.json", users=[found.sarah])


REACHED: dict[str, Row] = {
    "11.1 by the prefix": Row(200, REPO, lambda body: body["@href"].startswith("/v3/repo/"), answer_is=pretty),
    "11.1 by the header": Row(
        200, "/repo/{repo}", lambda body: body["@href"].startswith("/repo/"), headers=V3, answer_is=pretty,
    ),
    "11.1 by Accept": Row(200, "/repo/{repo}", has(at_type="repository"), accept="application/vnd.travis-ci.3+json"),
    "11.1 behind the proxy of an Enterprise": Row(
        200, REPO, lambda body: body["@href"].startswith("/api/v3/"), mode="enterprise",
    ),
    "11.1 a slug in any case, one segment": Row(200, "/v3/repo/travis-ci%2FTravis.RB", has(slug="travis-ci/travis.rb")),
    "11.1 %2f": Row(200, "/v3/repo/travis-ci%2ftravis.rb", has(slug="travis-ci/travis.rb")),
    "11.1 a slug that ends like a format": Row(200, "/v3/repo/a%2Fb.json/crons", before=one_slug),
    "11.1 a raw slash matches nothing": Row(404, "/v3/repo/travis-ci/travis.rb", error("not_found", "not found")),
    "11.1 another method": Row(405, REPO, error("method_not_allowed"), method="PUT"),
    "11.1 another method, by the header": Row(
        405, "/repo/{repo}", error("method_not_allowed"), method="PUT", headers=V3,
    ),
    "11.1 HEAD": Row(405, REPO, method="HEAD"),
    "11.1 an unknown parameter": Row(
        202, POST_IT, lambda body: [one["parameter"] for one in body["@warnings"]] == ["lnguage"], method="POST",
        json={"request": {"branch": "main", "lnguage": "ruby"}},
    ),
    **{
        f"11.1 branch as {shown}": Row(202, POST_IT, has(request__branch="main"), method="POST", json=body)
        for shown, body in (
            ("R: {F}", {"request": {"branch": "main"}}), ("R.F", {"request.branch": "main"}), ("F", {"branch": "main"}),
        )
    },
    "11.1 a form": Row(
        202, POST_IT, has(request__branch="main"), method="POST", data=b"request[branch]=main",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
}  # fmt: skip

ACCESS: dict[str, Row] = {
    "11.2 nobody reads": Row(200, REPO, has(active=True), token=None),
    "11.2 nobody, com": Row(200, REPO, has(active=True), token=None, mode="com"),
    "11.2 nobody, private mode": Row(404, REPO, NOT_FOUND, token=None, mode="com-private"),
    "11.2 nobody, enterprise": Row(404, REPO, NOT_FOUND, token=None, mode="enterprise"),
    "11.2 nobody acts": Row(403, POST_IT, LOGIN, method="POST", token=None),
    "11.2 quotes": Row(200, "/v3/repo/{notes}", token=None, headers={"Authorization": f'token "{TOKEN}"'}),
    **{
        f"11.2 {scheme}": Row(
            403, REPO, error("wrong_credentials", "access denied"), token=None,
            headers={"Authorization": f"{scheme} {TOKEN}"},
        )
        for scheme in ("Bearer", "Token", "TOKEN", "Unknown")
    },
    "11.2 an unknown token": Row(403, REPO, b"access denied", "text/html", token="unknown"),
    "11.2 access_token is ignored": Row(403, POST_IT + f"?access_token={TOKEN}", LOGIN, method="POST", token=None),
    "11.2 a hidden repository": Row(404, "/v3/repo/{secret}", NOT_FOUND),
    "11.2 its user": Row(200, "/v3/repo/{secret}", has(private=True), token=STRANGER),
}  # fmt: skip

ERRORS: dict[str, Row] = {
    "11.3 404": Row(404, "/v3/repo/99", NOT_FOUND),
    "11.3 404 without a route": Row(
        404, "/v3/no/such", equals({"@type": "error", "error_type": "not_found", "error_message": "not found"}),
    ),
    "11.3 404, request": Row(404, REPO + "/request/99", error("not_found", resource_type="request")),
    "11.3 400": Row(400, REPO + "/requests?limit=x", error("wrong_params", "limit must be an integer")),
    "11.3 a body that is no JSON": Row(
        400, POST_IT, b'{"error":"Failed to parse body as JSON"}', method="POST", data=b"{",
        headers={"Content-Type": "application/json"},
    ),
}  # fmt: skip


def many(found: Scene) -> None:
    found.notes.data.requests += [Request(number, "push", None, NOW) for number in range(1001, 1131)]


def page(limit: int, offset: int, count: int = 130) -> Check:
    def check(body: Any) -> bool:
        told = body["@pagination"]
        shown = [one["id"] for one in body["requests"]]
        expected = list(range(1130, 1000, -1))[offset : offset + limit]
        numbers = (told["limit"], told["offset"], told["count"])
        ends = (told["is_first"], told["is_last"]) == (offset == 0, offset + limit >= count)
        return shown == expected and numbers == (limit, offset, count) and ends

    return check


PAGES: dict[str, Row] = {
    "11.4 an envelope": Row(
        200, NOTES + "/requests",
        lambda body: list(body) == ["@type", "@href", "@representation", "@pagination", "requests"],
    ),
    "11.4 by default 25": Row(200, NOTES + "/requests", page(25, 0), before=many),
    "11.4 limit": Row(200, NOTES + "/requests?limit=30", page(30, 0), before=many),
    "11.4 limit at most 100": Row(200, NOTES + "/requests?limit=500", page(100, 0), before=many),
    "11.4 limit 0": Row(200, NOTES + "/requests?limit=0", page(100, 0), before=many),
    "11.4 limit below 0": Row(200, NOTES + "/requests?limit=-1", page(25, 0), before=many),
    "11.4 offset": Row(200, NOTES + "/requests?limit=50&offset=100", page(50, 100), before=many),
    "11.4 offset below 0": Row(200, NOTES + "/requests?offset=-5", page(25, 0), before=many),
    "11.4 offset beyond the end": Row(200, NOTES + "/requests?offset=200", page(25, 200), before=many),
    "11.4 offset x": Row(400, NOTES + "/requests?offset=x", error("wrong_params", "offset must be an integer")),
    "11.4 next, prev, first, last": Row(
        200, NOTES + "/requests?limit=50&offset=50",
        lambda body: [body["@pagination"][name]["offset"] for name in ("next", "prev", "first", "last")]
        == [100, 0, 0, 100],
        before=many,
    ),
    "11.4 links have a path": Row(
        200, NOTES + "/requests?limit=50",
        lambda body: body["@pagination"]["next"]["@href"].endswith("/requests?limit=50&offset=50"), before=many,
    ),
    "11.4 no next, no prev": Row(
        200, NOTES + "/requests", lambda body: body["@pagination"]["next"] is body["@pagination"]["prev"] is None,
    ),
    "11.4 nothing": Row(
        200, NOTES + "/crons", has(crons=[], at_pagination__count=0, at_pagination__is_last=True, at_type="crons"),
    ),
}  # fmt: skip


def used(count: int, *, age: float = 0.0, limit: object = 10, event_type: str = "api") -> Before:
    """Return a change after which so many requests were made, so long ago."""

    def change(found: Scene) -> None:
        found.repo.data.settings["api_builds_rate_limit"] = limit
        found.repo.data.requests += [Request(500 + n, event_type, "rejected", NOW - age) for n in range(count)]

    return change


def newest(found: Scene) -> Request:
    return found.repo.data.requests[-1]


WHOLE = {
    "branch": "topic", "sha": "bf944c95", "tag_name": "v1.0", "message": "it", "merge_mode": "replace",
    "config": {"script": "true"},
}  # fmt: skip

TRIGGERED: dict[str, Row] = {
    "11.5 an empty body": Row(
        202, POST_IT,
        lambda body: list(body) == ["@type", "remaining_requests", "repository", "request", "resource_type"]
        and list(body["request"]) == ["repository", "user", "id", "branch"],
        method="POST", before=used(0), after=lambda found: newest(found).state == "pending",
    ),
    "11.5 everything": Row(
        202, POST_IT,
        has(
            at_type="pending", resource_type="request", repository__id=82, repository__slug="travis-ci/travis.rb",
            request__repository__id=44_000_082, request__message="it", request__branch="topic", request__sha="bf944c95",
            request__tag_name="v1.0", request__merge_mode="replace", request__config='{"script":"true"}',
        ),
        method="POST", json={"request": WHOLE}, answer_is=pretty,
        after=lambda found: (newest(found).sha, newest(found).tag) == ("bf944c95", "v1.0"),
    ),
    "11.5 no prefix in a 202": Row(202, POST_IT, has(repository__at_href="/repo/82"), method="POST"),
    "11.5 a config as text": Row(
        202, POST_IT, has(request__config="script: true"), method="POST", json={"request": {"config": "script: true"}},
    ),
    "11.5 configs win": Row(
        202, POST_IT, lambda body: body["request"]["configs"] == [{"config": '{"os":"osx"}', "mode": "merge"}],
        method="POST", json={"request": {"config": {}, "configs": [{"config": {"os": "osx"}, "mode": "merge"}]}},
    ),
    "11.5 any merge_mode": Row(202, POST_IT, method="POST", json={"request": {"config": {}, "merge_mode": "x"}}),
    "11.5 remaining counts this one": Row(202, POST_IT, has(remaining_requests=10), method="POST", before=used(0)),
    "11.5 the last one": Row(202, POST_IT, has(remaining_requests=1), method="POST", before=used(9)),
    "11.5 the limit": Row(
        429, POST_IT,
        error("request_limit_reached", "request limit reached for resource", max_requests=10, per_seconds=3600),
        method="POST", before=used(10), after=lambda found: newest(found).id == 509,
    ),
    "11.5 the limit of the settings": Row(429, POST_IT, has(max_requests=3), method="POST", before=used(3, limit=3)),
    "11.5 without a setting 10": Row(429, POST_IT, has(max_requests=10), method="POST", before=used(10, limit=None)),
    "11.5 at most 200": Row(429, POST_IT, has(max_requests=200), method="POST", before=used(200, limit=500)),
    "11.5 after an hour": Row(202, POST_IT, has(remaining_requests=10), method="POST", before=used(10, age=3600)),
    "11.5 only those of the API": Row(
        202, POST_IT, has(remaining_requests=10), method="POST", before=used(10, event_type="push"),
    ),
    "11.5 unknown": Row(404, "/v3/repo/99/requests", NOT_FOUND, method="POST"),
    "11.5 hidden": Row(404, "/v3/repo/{secret}/requests", NOT_FOUND, method="POST"),
    "11.5 no right": Row(
        403, POST_IT,
        error(
            "insufficient_access", "operation requires create_request access to repository",
            resource_type="repository", permission="create_request",
        ),
        method="POST", token=READER, before=inactive,
    ),
    "11.5 migrated": Row(403, POST_IT, error("repo_migrated"), method="POST", before=migrated),
    "11.5 migrated, on com": Row(202, POST_IT, method="POST", before=migrated, mode="com"),
    "11.5 inactive": Row(
        406, POST_IT, error("repository_inactive", "cannot create requests on an inactive repository"),
        method="POST", before=inactive,
    ),
    "11.5 active is null": Row(406, NOTES + "/requests", error("repository_inactive"), method="POST"),
}  # fmt: skip


def made(*, reads: int = 0, **fields: Any) -> Before:
    """Return a change that makes request 700, shown so often before."""

    def change(found: Scene) -> None:
        request = Request(700, "api", None, NOW, branch="topic", is_queued=True, reads=reads, **fields)
        request.messages += [
            RequestMessage(1, "info", None, None),
            RequestMessage(2, "warn", "root", "unknown_key", {"key": "a"}, "api", 0),
            RequestMessage(3, None, "env", "x"), RequestMessage(4, "alert", "env", "secure"),
            RequestMessage(5, "error", "os", "unknown_value", {"value": "x"}, ".travis.yml", 3),
        ]  # fmt: skip
        found.repo.data.requests.append(request)

    return change


ONE = REPO + "/request/700"
FIRST_FIELDS = [
    "@type", "@href", "@representation", "id", "state", "result", "message", "pull_request_mergeable", "repository",
    "branch_name", "commit", "builds", "owner", "created_at", "event_type", "base_commit", "head_commit", "messages",
    "config", "raw_configs",
]  # fmt: skip
BUILD_FIELDS = [
    "@type", "@href", "@representation", "id", "number", "state", "duration", "event_type", "previous_state",
    "pull_request_title", "pull_request_number", "started_at", "finished_at", "private", "priority",
]  # fmt: skip

STATUS: dict[str, Row] = {
    "11.6 pending": Row(
        200, ONE,
        has(
            state="pending", result=None, message=None, branch_name=None, commit=None, builds=[], messages=[],
            raw_configs=[], config={}, event_type="api", id=700,
        ),
        before=made(configs=[("{}", None)]), answer_is=pretty,
    ),
    "11.6 its fields": Row(200, ONE, lambda body: list(body) == FIRST_FIELDS, before=made()),
    "11.6 approved": Row(
        200, ONE,
        lambda body: (body["result"], body["message"], body["branch_name"])
        == ("approved", "Build created successfully", "topic")
        and list(body["builds"][0]) == BUILD_FIELDS,
        before=made(reads=1),
        after=lambda found: newest(found).build_id == max(found.server.world.builds),
    ),
    "11.6 the commit": Row(
        200, ONE, has(commit__sha="bf944c95", commit__ref="refs/heads/topic", commit__message="it"),
        before=made(reads=1, sha="bf944c95", commit_message="it"),
    ),
    "11.6 the tag": Row(200, ONE, has(commit__ref="refs/tags/v1"), before=made(reads=1, tag="v1")),
    "11.6 rejected": Row(
        200, ONE, has(state="finished", result="rejected", message="Build skipped via commit message", builds=[]),
        before=made(reads=1), switches=Switches(gatekeeper="rejects"),
        after=lambda found: newest(found).build_id is None,
    ),
    "11.6 pending for ever": Row(
        200, ONE, has(state="pending", builds=[]), before=made(reads=99), switches=Switches(gatekeeper="silent"),
    ),
    "11.6 the repository in the path is not compared": Row(200, "/v3/repo/99/request/700", has(id=700), before=made()),
    "11.6 hidden": Row(404, "/v3/repo/{secret}/request/41", error("not_found", resource_type="request")),
    "11.6 nobody": Row(200, ONE, has(id=700), before=made(), token=None),
    "11.6 v2 has the same": Row(
        200, "/requests/700", has(request__result="approved", request__event_type="api"), before=made(reads=1),
    ),
    "11.6 messages in order": Row(
        200, ONE, lambda body: [one["level"] for one in body["messages"]] == ["alert", "error", "warn", "info", None],
        before=made(reads=1),
    ),
    "11.6 a message": Row(
        200, ONE + "/messages",
        lambda body: body["messages"][1] == {
            "@type": "message", "@representation": "minimal", "id": 5, "level": "error", "key": "os",
            "code": "unknown_value", "args": {"value": "x"}, "src": ".travis.yml", "line": 3,
        },
        before=made(),
    ),
    "11.6 messages are paged": Row(
        200, ONE + "/messages?limit=2&offset=2", ids("messages", 2, 1), before=made(),
    ),
    "11.6 the list": Row(200, REPO + "/requests", ids("requests", 700, 33, 32, 31), before=made()),
    "11.6 raw_configs": Row(
        200, ONE, lambda body: [(one["config"], one["merge_mode"]) for one in body["raw_configs"]] == [("{}", "merge")],
        before=made(reads=1, configs=[("{}", "merge")]),
    ),
}  # fmt: skip


def debugging(found: Scene) -> None:
    found.repo.data.debugging = True


ACTIONS: dict[str, Row] = {
    "11.7 priority": Row(
        202, "/v3/build/{running}/priority", has(at_type="pending", priority=True, resource_type="build"),
        method="POST", json={"cancel_all": False}, token=STRANGER,
    ),
    "11.7 priority, nobody": Row(403, "/v3/build/{running}/priority", LOGIN, method="POST", token=None),
    "11.7 priority, unknown": Row(
        404, "/v3/build/9/priority", error("not_found", resource_type="build"), method="POST",
    ),
    "11.7 debug": Row(
        202, "/v3/job/{job}/debug", has(at_type="pending", state_change="created", resource_type="job"), method="POST",
        json={"quiet": True}, before=debugging, after=lambda found: found.passed.jobs[0].state == "created",
    ),
    "11.7 debug, not enabled": Row(
        403, "/v3/job/{job}/debug", error("wrong_credentials", "access denied"), method="POST",
    ),
    "11.7 debug, running": Row(
        409, "/v3/job/{running_job}/debug", error("job_already_running"), method="POST", before=debugging,
    ),
    "11.7 debug, no right": Row(403, "/v3/job/{job}/debug", error("insufficient_access"), method="POST", token=READER),
    "11.7 debug, hidden": Row(
        404, "/v3/job/{hidden_job}/debug", error("not_found", resource_type="job"), method="POST",
    ),
}  # fmt: skip

BUILDS: dict[str, Row] = {
    "11.10 a build": Row(
        200, "/v3/build/{build}",
        has(at_type="build", at_representation="standard", state="passed", previous_state=None, private=False,
            priority=False, repository__at_representation="minimal", branch__name="master", tag=None, stages=[],
            commit__at_type="commit", created_by=None, at_permissions__restart=True),
        answer_is=pretty,
    ),
    "11.10 ids and texts": Row(
        200, "/v3/build/{build}", lambda body: (
            isinstance(body["number"], str)
            and [sorted(job) for job in body["jobs"]] == [["@href", "@representation", "@type", "id"]] * 2
            and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["updated_at"]) is not None
        ),
    ),
    "11.10 a branch with a slash": Row(
        200, "/v3/build/{running}",
        has(branch__name="feature/x", previous_state=None, finished_at=None, duration=None),
    ),
    "11.10 nobody reads": Row(200, "/v3/build/{build}", has(at_permissions__restart=False), token=None),
    "11.10 unknown": Row(404, "/v3/build/9", error("not_found", resource_type="build")),
    "11.10 hidden": Row(404, "/v3/build/{hidden}", error("not_found", resource_type="build")),
    "11.10 HEAD": Row(405, "/v3/build/{build}", method="HEAD"),
    "11.10 include, which is not served here": Row(
        501, "/v3/build/{build}?include=build.jobs", error("not_implemented"),
    ),
}  # fmt: skip

REPOSITORIES: dict[str, Row] = {
    "11.8 activate": Row(
        200, NOTES + "/activate", has(active=True, at_representation="standard", slug="sarah/notes"), method="POST",
        after=lambda found: found.notes.active is True,
    ),
    "11.8 deactivate": Row(
        200, REPO + "/deactivate", has(active=False, at_type="repository"), method="POST",
        after=lambda found: found.repo.active is False,
    ),
    "11.8 activate, nobody": Row(403, REPO + "/activate", LOGIN, method="POST", token=None),
    "11.8 activate, no right": Row(
        403, REPO + "/activate", error("insufficient_access", permission="activate"), method="POST", token=READER,
    ),
    "11.8 deactivate, no right": Row(
        403, REPO + "/deactivate", error("insufficient_access", permission="deactivate"), method="POST", token=READER,
    ),
    "11.8 activate, migrated": Row(403, REPO + "/activate", error("repo_migrated"), method="POST", before=migrated),
    "11.8 activate, unknown": Row(404, "/v3/repo/no%2Fsuch/activate", NOT_FOUND, method="POST"),
    "11.8 active is always a bool": Row(200, NOTES, has(active=False)),
    "11.8 who may": Row(200, REPO, has(at_permissions__create_request=True, at_permissions__read=True)),
    "11.8 who may not": Row(200, REPO, has(at_permissions__create_request=False), token=READER),
}  # fmt: skip


def cron(found: Scene) -> None:
    found.repo.data.crons.append(Cron(900, "feature/x", "daily", False, NOW))


BRANCH = REPO + "/branch/feature%2Fx/cron"
WEEKLY = {"interval": "weekly", "dont_run_if_recent_build_exists": True}

CRONS: dict[str, Row] = {
    "11.9 the list": Row(200, REPO + "/crons", ids("crons", 900), before=cron),
    "11.9 of a branch": Row(200, BRANCH, has(id=900, branch__name="feature/x", interval="daily"), before=cron),
    "11.9 none": Row(404, BRANCH, error("not_found", resource_type="cron")),
    "11.9 made": Row(
        200, BRANCH, has(interval="weekly", dont_run_if_recent_build_exists=True, active=True, last_run=None),
        method="POST", json=WEEKLY,
    ),
    "11.9 replaced": Row(
        200, BRANCH, lambda body: body["id"] != 900, method="POST", json={"cron.interval": "monthly"}, before=cron,
        after=lambda found: [one.interval for one in found.repo.data.crons] == ["monthly"],
    ),
    "11.9 another interval": Row(
        422, BRANCH, error("error", 'Invalid value for interval. Interval must be "daily", "weekly" or "monthly"!'),
        method="POST", json={"interval": "hourly"},
    ),
    "11.9 no right": Row(
        403, BRANCH, error("insufficient_access", permission="create_cron"), method="POST", json=WEEKLY, token=READER,
    ),
    "11.9 by id": Row(200, "/v3/cron/900", has(id=900), before=cron, token=None),
    "11.9 deleted": Row(
        204, "/v3/cron/900", NOTHING, None, method="DELETE", before=cron,
        after=lambda found: found.repo.data.crons == [],
    ),
    "11.9 not deleted": Row(
        403, "/v3/cron/900", error("insufficient_access"), method="DELETE", before=cron, token=READER,
        after=lambda found: len(found.repo.data.crons) == 1,
    ),
    "11.9 unknown": Row(404, "/v3/cron/9", error("not_found", resource_type="cron")),
}  # fmt: skip

ROWS = {
    **REACHED, **ACCESS, **ERRORS, **PAGES, **TRIGGERED, **STATUS, **ACTIONS, **BUILDS, **REPOSITORIES, **CRONS,
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)
