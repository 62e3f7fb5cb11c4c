"""Numbers, restarts and logs as users of Travis reported them: sections 10.1, 10.2 and 10.4 of the facts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Unpack

from aiotravis.testing import LogForm, Switches
from tests.conformance.scene import Scene
from tests.conformance.tables import JSON, NOTHING, SORRY, Before, Check, Row, RowOptions, calls, equals
from tests.raw import Raw

CHUNKED = "application/json; chunked=true; version=2"
TEXT = "text/plain"
NOTICE = "Your log is temporarily unavailable"
LOG, PARTS, V3_TEXT = "/jobs/{job}/log", "/v3/job/{job}/log_parts", "/v3/job/{job}/log.txt"
WHOLE = "$ rake\n"
NO_PARTS = {"@type": "log_parts", "@representation": "standard", "log_parts": list[object]()}

# Restarts and numbers


def queued(reads: int, *, job: bool = False) -> Before:
    """Return a change that queues a restart and shows the state a number of times."""

    def change(found: Scene) -> None:
        found.passed.queue_restart(found.passed.jobs[0] if job else found.passed)
        found.passed.reads_since_restart = reads

    return change


def states(*expected: str) -> Check:
    return lambda body: [one["state"] for one in (body["build"], *body["jobs"])] == list(expected)


def times(expected: bool) -> Check:
    return lambda body: all((body["job"][name] is not None) is expected for name in ("started_at", "finished_at"))


def twice(found: Scene) -> None:
    found.notes.build(quiet=True, number=7)
    found.notes.build(quiet=True, number=7, event_type="pull_request")


def tagged(found: Scene) -> None:
    branch, tag = found.notes.build(quiet=True), found.notes.build(quiet=True)
    tag.commit = replace(branch.commit, id=branch.commit.id + 1, branch="v1.0", tag="v1.0")


def ten(found: Scene) -> None:
    for _ in range(12):
        found.notes.build(quiet=True)


def built(*expected: int) -> Check:
    return lambda body: [int(one["number"]) for one in body["builds"]] == list(expected)


def same_sha(answer: Raw, _: Scene) -> bool:
    commits = answer.json["commits"]
    return len({one["sha"] for one in commits}) == 1 and {one["tag"] for one in commits} == {None, "v1.0"}


BUILDS = "/builds?repository_id={notes}"

RESTARTS: dict[str, Row] = {
    "10.1 two builds share a number": Row(200, BUILDS, built(7, 7), before=twice),
    "10.1 a cursor loses what shares its number": Row(200, BUILDS + "&after_number=7", built(), before=twice),
    "10.1 a cursor with an overlap does not": Row(200, BUILDS + "&after_number=8", built(7, 7), before=twice),
    "10.1 number= finds all": Row(200, BUILDS + "&number=7", built(7, 7), before=twice),
    "10.1 every tenth number is repeated": Row(
        200, BUILDS, built(11, 10, 10, *range(9, 0, -1)), before=ten, switches=Switches(repeated_numbers=True),
    ),
    "10.1 one commit, branch and tag": Row(200, BUILDS, before=tagged, answer_is=same_sha),
    "10.1 restart: the old state": Row(200, "/builds/{build}", states(*["passed"] * 3), before=queued(0)),
    "10.1 restart: the old times": Row(200, "/jobs/{job}", times(True), before=queued(0)),
    "10.1 restart: the old log": Row(200, LOG, lambda body: body["log"]["body"] == WHOLE, before=queued(1)),
    "10.1 restart: then the new state": Row(200, "/builds/{build}", states(*["created"] * 3), before=queued(1)),
    "10.1 restart: then no times": Row(200, "/jobs/{job}", times(False), before=queued(1)),
    "10.1 restart of a job: then its new state": Row(
        200, "/builds/{build}", states("created", "created", "passed"), before=queued(1, job=True),
    ),
    **{
        f"10.1 restart dropped: {path}": Row(
            202, path, method="POST", switches=Switches(dropped_restarts=True),
            after=lambda found: found.passed.queued_restarts == [] and found.passed.state == "passed",
        )
        for path in ("/builds/{build}/restart", "/jobs/{job}/restart")
    },
}  # fmt: skip

# Logs


def being_stored(form: LogForm) -> Before:
    def change(found: Scene) -> None:
        log = found.passed.jobs[0].log
        log.unavailable_reads, log.unavailable_as = 1, form

    return change


def log(
    form: LogForm, answer: bytes | Check, media: str = JSON, *, status: int = 200, **more: Unpack[RowOptions]
) -> Row:
    return replace(Row(status, LOG, answer, media, before=being_stored(form)), **more)


def v3(form: LogForm, status: int, answer: bytes | Check | None, kind: str = JSON) -> Row:
    return Row(status, PARTS, answer, kind, before=being_stored(form))


def v3_text(form: LogForm, answer: bytes) -> Row:
    return Row(200, V3_TEXT, answer, TEXT, before=being_stored(form))


def body(expected: str | None) -> Check:
    return lambda answer: set(answer["log"]) == {"id", "job_id", "type", "body"} and answer["log"]["body"] == expected


def only_part(text: str, at: Callable[[Any], Any] = lambda answer: answer["log_parts"]) -> Check:
    return lambda answer: [part["content"] for part in at(answer)] == [text]


def without_parts(answer: Any) -> bool:
    return set(answer["log"]) == {"job_id", "parts"} and answer["log"]["parts"] == []


def error(error_type: str) -> Check:
    return lambda answer: answer["@type"] == "error" and answer["error_type"] == error_type


def redirected(answer: Raw, found: Scene) -> bool:
    return answer.headers["location"] == f"{found.server.archive_url}/jobs/{found.names['job']}/log.txt"


LOGS: dict[str, Row] = {
    "10.2 no parts": log("no parts", without_parts),
    "10.2 no parts, text": log("no parts", without_parts, accept=TEXT),
    "10.2 body null": log("null body", body(None)),
    "10.2 body null, text": log("null body", NOTHING, TEXT, status=406, accept=TEXT),
    "10.2 no log": log("no log", equals({"log": {}})),
    "10.2 no log, text": log("no log", equals({"log": {}}), accept=TEXT),
    "10.2 body empty": log("empty body", body("")),
    "10.2 body empty, text": log("empty body", NOTHING, TEXT, accept=TEXT),
    "10.2 406": log("406", NOTHING, status=406),
    "10.2 406, text": log("406", NOTHING, status=406, accept=TEXT),
    "10.2 the notice as body": log("notice", body(NOTICE)),
    "10.2 the notice as text": log("notice", NOTICE.encode(), TEXT, accept=TEXT),
    "10.2 the notice as only part": log(
        "notice as part", only_part(NOTICE, lambda answer: answer["log"]["parts"]), accept=CHUNKED, age="2017",
    ),
    "10.2 the notice as only part, today": log("notice as part", body(NOTICE), accept=CHUNKED),
    "10.2 without its beginning": log("beginning missing", body("ake\n")),
    "10.2 without its beginning, text": log("beginning missing", b"ake\n", TEXT, accept=TEXT),
    "10.2 v3: no parts": v3("no parts", 200, equals(NO_PARTS)),
    "10.2 v3: no parts, text": v3_text("no parts", NOTHING),
    "10.2 v3: the notice as only part": v3("notice", 200, only_part(NOTICE)),
    "10.2 v3: the notice as text": v3_text("notice", NOTICE.encode()),
    "10.2 v3: 404": v3("406", 404, error("not_found")),
    "10.2 v3: without its beginning": v3("beginning missing", 200, only_part("ake\n")),
    "10.2 v3 alone has it": log("v2 without parts", without_parts),
    "10.2 v3 alone has it: v3": v3("v2 without parts", 200, only_part(WHOLE)),
    "10.2 v2 alone has it: no parts": v3("v3 without parts", 200, equals(NO_PARTS)),
    "10.2 v2 alone has it: 403": v3("v3 403", 403, error("insufficient_access")),
    "10.2 v2 alone has it: 500": v3("v3 500", 500, SORRY, TEXT),
    "10.2 v2 alone has it: a web page": v3("v3 web page", 200, None, "text/html"),
    **{
        f"10.2 v2 alone has it: {form}, v2": log(form, body(WHOLE))
        for form in ("v3 without parts", "v3 403", "v3 500", "v3 web page")
    },
    **{
        f"10.2 {form}": Row(
            307, LOG, NOTHING, None, accept=TEXT, age="2017", before=being_stored(form), answer_is=redirected,
        )
        for form in ("archive 404", "archive 403", "archive error page")
    },
}  # fmt: skip

# Corrections

VARIABLES = "/settings/env_vars/?repository_id={repo}"

ROOTS: dict[str, Row] = {
    **{
        f"10.4 a slash after {path}": Row(200, f"{path}/", lambda answer: len(answer) > 0)
        for path in ("/accounts", "/branches", "/broadcasts", "/builds", "/hooks", "/jobs", "/repos", "/users")
    },
    "10.4 a slash after /requests": Row(200, "/requests/?slug={slug}"),
    "10.4 a slash after /lint": Row(200, "/lint/", method="PUT", data=b"language: c", headers={"Content-Type": "a/b"}),
    "10.4 a slash after /settings/env_vars": Row(200, VARIABLES, lambda answer: len(answer["env_vars"]) == 3),
    "10.4 a slash after /settings/env_vars, POST": Row(
        200, VARIABLES, lambda answer: answer["env_var"]["name"] == "A", method="POST", json={"env_var": {"name": "A"}},
    ),
    "10.4 a slash after an id of theirs": Row(
        404, "/settings/env_vars/{public}/?repository_id={repo}", b'{"file":"not found"}',
    ),
    "10.4 a slash after a list of a repository": Row(404, "/repos/{repo}/caches/", b'{"file":"not found"}'),
}  # fmt: skip

ROWS = {**RESTARTS, **LOGS, **ROOTS}

test_a_request_has_the_answer_of_travis = calls(ROWS)
