"""Requests: section 3.14."""

from aiotravis.testing import Switches
from aiotravis.testing.world.repository_data import Request
from tests.conformance.scene import NOW, READER, Scene
from tests.conformance.tables import (
    NOT_FOUND,
    NOTHING,
    SORRY,
    Check,
    Entity,
    Place,
    Row,
    calls,
    equals,
    fields,
    ids,
    keys,
    no_other_fields,
)

UNKNOWN = equals({"error": "Repository could not be found"})
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FAILING = Switches(requests_fail=True)


def many(found: Scene) -> None:
    found.repo.data.requests += [Request(number, "push", None, NOW) for number in range(101, 301)]


def span(first: int, last: int) -> Check:
    return ids("requests", *range(first, last - 1, -1))


def flash(kind: str, text: str) -> Check:
    return equals({"result": True, "flash": [{kind: text}]})


LIST = "/requests?repository_id={repo}"

ROWS: dict[str, Row] = {
    "3.14 GET /requests/{id}": Row(200, "/requests/31", keys("request", "commit"), token=None),
    "3.14 GET /requests/{id} without a commit": Row(200, "/requests/32", keys("request")),
    "3.14 GET /requests/{id}, unknown": Row(404, "/requests/99", NOT_FOUND),
    "3.14 GET /requests/{id}, nobody, com": Row(401, "/requests/31", NOTHING, token=None, mode="com"),
    "3.14 GET /requests/{id} is good for a year": Row(
        200, "/requests/31", answer_is=lambda answer, _: answer.headers["cache-control"] == "public, max-age=31536000",
    ),
    "3.14 GET /requests?repository_id=": Row(200, LIST, keys("requests", "commits"), token=None),
    "3.14 GET /requests?slug=": Row(200, "/requests?slug=travis-ci/Travis.rb", ids("requests", 33, 32, 31)),
    "3.14 id descending": Row(200, LIST, ids("requests", 33, 32, 31)),
    "3.14 GET /requests, neither given": Row(404, "/requests", UNKNOWN),
    "3.14 GET /requests, unknown": Row(404, "/requests?slug=no/such", UNKNOWN),
    "3.14 commits only where there are": Row(200, LIST, lambda body: len(body["commits"]) == 2),
    "3.14 limit by default 25": Row(200, LIST, span(300, 276), before=many),
    "3.14 limit": Row(200, LIST + "&limit=30", span(300, 271), before=many),
    "3.14 limit at most 100": Row(200, LIST + "&limit=150", span(300, 201), before=many),
    "3.14 older_than is exclusive": Row(200, LIST + "&older_than=33", ids("requests", 32, 31)),
    "3.14 older_than fixes the limit at 25": Row(200, LIST + "&older_than=201&limit=100", span(200, 176), before=many),
    "3.14 limit may fail": Row(500, LIST + "&limit=5", SORRY, "text/plain", switches=FAILING),
    "3.14 older_than may fail": Row(500, LIST + "&older_than=33", SORRY, "text/plain", switches=FAILING),
    "3.14 neither does not fail": Row(200, LIST, ids("requests", 33, 32, 31), switches=FAILING),
    "3.14 POST /requests build_id=": Row(
        200, "/requests", flash("notice", "The build was successfully restarted."), method="POST", headers=FORM,
        data=b"build_id={build}",
        after=lambda found: found.passed.queued_restarts == [found.passed],
    ),
    "3.14 POST /requests job_id=": Row(
        200, "/requests", flash("notice", "The job was successfully restarted."), method="POST", headers=FORM,
        data=b"job_id={job}",
        after=lambda found: found.passed.queued_restarts == [found.passed.jobs[0]],
    ),
    "3.14 POST /requests, refused": Row(
        200, "/requests", flash("error", "You don't seem to have sufficient permissions."), method="POST", token=READER,
        headers=FORM, data=b"build_id={build}",
        after=lambda found: found.passed.state == "passed",
    ),
    "3.14 POST /requests, nobody": Row(
        401, "/requests", b"no access token supplied", method="POST", token=None, headers=FORM,
        data=b"build_id={build}",
    ),
    "3.14 POST /requests build_id=, unknown": Row(404, "/requests", NOTHING, method="POST", json={"build_id": 9}),
    "3.14 POST /requests with request.repository": Row(
        404, "/requests", NOT_FOUND, method="POST", json={"request": {"repository": {"owner_name": "a", "name": "b"}}},
    ),
    "3.14 result": Row(
        200, LIST, lambda body: [one["result"] for one in body["requests"]] == ["rejected", None, "accepted"],
    ),
    "3.14 owner_type Organization": Row(
        200, "/requests/31", lambda body: body["request"]["owner_type"] == "Organization",
    ),
    "3.14 owner_type User": Row(
        200, "/requests/50", lambda body: (body["request"]["owner_type"], body["request"]["owner_id"]) == ("User", 201),
        before=lambda found: found.notes.data.requests.append(Request(50, "push", None, NOW)),
    ),
    "3.14 a single request without a build omits build_id": Row(
        200, "/requests/32", lambda body: "build_id" not in body["request"],
    ),
}  # fmt: skip

FIELDS = {
    "id": "int", "repository_id": "int", "commit_id": "int?", "owner_id": "int?", "created_at": "ts",
    "owner_type": "string?", "event_type": "string", "base_commit": "string?", "head_commit": "string?",
    "result": "string?", "message": "string?", "pull_request": "bool", "pull_request_number": "int?",
    "pull_request_title": "string?", "branch": "string?", "tag": "string?", "build_id": "int?",
}  # fmt: skip

ENTITIES: dict[str, Entity] = {
    "request": Entity("3.14", 31, 32, {"list": Place(LIST, "requests")}, FIELDS),
    "single request": Entity(
        "3.14", 31, 32, {"single": Place("/requests/{one}", "request")},
        {name: kind for name, kind in FIELDS.items() if name != "build_id"},
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)

test_an_entity_has_the_field = fields(ENTITIES)

test_an_entity_has_no_other_fields = no_other_fields({"request": ENTITIES["request"]})
