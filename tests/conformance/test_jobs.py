"""Jobs and annotations: sections 3.10 and 3.2 of the facts."""

from tests.conformance.scene import STRANGER, Scene
from tests.conformance.tables import (
    NOT_FOUND,
    NOTHING,
    SORRY,
    V21,
    Check,
    Entity,
    Place,
    Row,
    calls,
    equals,
    fields,
    keys,
    no_other_fields,
)

RESTARTED = b'{"result": true, "flash": [{"notice": "The job was successfully restarted."}]}'
UNFIT = b'{"result": false, "flash": [{"error": "The job currently can not be restarted."}]}'
INCOMPLETE = equals({"error": "Must include status and description"})
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REMARK = {"username": "lint", "key": "a-key", "description": "tidy", "status": "passed", "url": "https://example.org/2"}


def jobs(*expected: str) -> Check:
    """Return a check that these jobs are listed, in any order."""
    return lambda body: sorted(one["number"] for one in body["jobs"]) == sorted(expected)


def others(found: Scene) -> None:
    found.server.world.repository("other/public").build(jobs=3).start()


def many(found: Scene) -> None:
    found.notes.build(jobs=300)


def waiting(found: Scene) -> None:
    """Add a queued and a received job."""
    queued, received = found.notes.build(jobs=2).jobs
    queued.enqueue()
    received.enqueue().receive()


def count(expected: int) -> Check:
    return lambda body: len(body["jobs"]) == expected


def annotate(code: int, body: bytes | Check, /, **changed: object) -> Row:
    return Row(
        code, "/jobs/{job}/annotations", body, method="POST", token=None, age="2014",
        json={**REMARK, **changed},
    )  # fmt: skip


def remarks(found: Scene) -> list[tuple[int, str, str | None, str | None]]:
    return [(one.id, one.description, one.status, one.url) for one in found.passed.jobs[0].annotations]


def is_not_found(number: str) -> Check:
    return equals({"error": {"message": f"The job({number}) couldn't be found"}})


ROWS: dict[str, Row] = {
    "3.10 GET /jobs/{id}": Row(200, "/jobs/{job}", keys("job", "commit"), token=None),
    "3.10 GET /jobs/{id}, unknown": Row(404, "/jobs/42", is_not_found("42")),
    "3.10 GET /jobs/{id}, nobody, com": Row(401, "/jobs/{job}", NOTHING, token=None, mode="com"),
    "3.10 GET /jobs/{id}, nobody, com, v2.1": Row(200, "/jobs/{job}", token=None, mode="com", accept=V21),
    "3.10 GET /jobs": Row(200, "/jobs", keys("jobs", "commits"), token=None),
    "3.10 one commit per job": Row(
        200, "/jobs?state=passed", lambda body: len(body["commits"]) == len(body["jobs"]) == 2,
    ),
    "3.10 POST cancel": Row(
        204, "/jobs/{running_job}/cancel", NOTHING, None, method="POST",
        after=lambda found: found.running.jobs[0].state == "canceled",
    ),
    "3.10 POST cancel, ended": Row(
        422, "/jobs/{job}/cancel", lambda body: body["error"]["code"] == "cant_cancel", method="POST",
    ),
    "3.10 POST cancel without pull right": Row(
        403, "/jobs/{running_job}/cancel", method="POST", token=STRANGER,
        body=lambda body: body["error"]["message"].startswith("You don't have access to cancel job("),
    ),
    "3.10 POST cancel, unknown": Row(404, "/jobs/42/cancel", NOTHING, method="POST"),
    "3.10 POST cancel, nobody, org": Row(
        500, "/jobs/{running_job}/cancel", SORRY, "text/plain", method="POST", token=None,
    ),
    "3.10 POST restart": Row(
        202, "/jobs/{job}/restart", RESTARTED, method="POST",
        after=lambda found: found.passed.queued_restarts == [found.passed.jobs[0]]
        and {job.state for job in found.passed.jobs} == {"passed"},
    ),
    "3.10 POST restart, running": Row(400, "/jobs/{running_job}/restart", UNFIT, method="POST"),
    "3.10 POST restart, unknown": Row(404, "/jobs/42/restart", NOTHING, method="POST"),
    "3.10 ids[]=": Row(200, "/jobs?ids[]={job}&ids[]={second_job}", jobs("4.1", "4.2")),
    "3.10 ids=1,2 finds only job 1": Row(200, "/jobs?ids={job},{second_job}", jobs("4.1")),
    "3.10 ids win over state and queue": Row(200, "/jobs?ids[]={job}&state=created&queue=x", jobs("4.1")),
    "3.10 ids have no limit": Row(
        200, "/jobs?" + "&".join(f"ids[]={number}" for number in range(1000, 1330)), count(306), before=many,
    ),
    "3.10 state": Row(200, "/jobs?state=failed", jobs("1.1", "1.2")),
    "3.10 state[]=": Row(200, "/jobs?state[]=failed&state[]=started", jobs("1.1", "1.2", "3.1")),
    "3.10 state wins over queue": Row(200, "/jobs?state=failed&queue=builds.nowhere", jobs("1.1", "1.2")),
    "3.10 queue": Row(200, "/jobs?queue=builds.gce", jobs("1.1", "1.2", "3.1", "4.1", "4.2")),
    "3.10 queue that has none": Row(200, "/jobs?queue=builds.nowhere", jobs()),
    "3.10 none: created, queued, received, started": Row(
        200, "/jobs", jobs("1.1", "1.2", "2.1", "3.1"),
        before=waiting,
    ),
    "3.10 at most 250": Row(200, "/jobs?state=created", count(250), before=many),
    "3.10 com with token: own repositories only": Row(
        200, "/jobs?state=started", jobs("3.1"), mode="com", before=others,
    ),
    "3.10 org: what may be seen": Row(200, "/jobs?state=started", jobs("1.1", "1.2", "1.3", "3.1"), before=others),
    "3.10 log_id with include_log_id": Row(
        200, "/jobs/{job}?include_log_id=false",
        answer_is=lambda answer, found: answer.json["job"]["log_id"] == found.passed.jobs[0].log.id,
    ),
    "3.10 log_id in lists": Row(
        200, "/jobs?state=passed&include_log_id=1", lambda body: all(one["log_id"] for one in body["jobs"]),
    ),
    "3.10 log_id for a User-Agent of Travis": Row(
        200, "/jobs/{job}", lambda body: isinstance(body["job"]["log_id"], int), headers={"User-Agent": "Travis/1.8"},
    ),
    "3.10 no log_id for one of travis": Row(
        200, "/jobs/{job}", lambda body: "log_id" not in body["job"], headers={"User-Agent": "travis/1.8"},
    ),
    "3.10 log_id always in 2014": Row(
        200, "/jobs/{job}", lambda body: isinstance(body["job"]["log_id"], int), age="2014",
    ),
    "3.10 number is build number and index": Row(
        200, "/builds/{build}", lambda body: [one["number"] for one in body["jobs"]] == ["4.1", "4.2"],
    ),
    "3.10 tags may be an empty string": Row(
        200, "/jobs/{job}", lambda body: body["job"]["tags"] == "",
        before=lambda found: setattr(found.passed.jobs[0], "tags", ""),
    ),
    "3.2 GET /jobs/{id}/annotations": Row(
        200, "/jobs/{full_job}/annotations", age="2014",
        body=lambda body: set(body) == {"annotations"} and [one["id"] for one in body["annotations"]] == [1, 2],
    ),
    "3.2 GET /jobs/{id}/annotations today": Row(404, "/jobs/{full_job}/annotations", NOT_FOUND),
    "3.2 POST /jobs/{id}/annotations": Row(
        204, "/jobs/{job}/annotations", NOTHING, None, method="POST", token=None, age="2014", json=REMARK,
        after=lambda found: remarks(found) == [(5, "tidy", "passed", "https://example.org/2")],
    ),
    "3.2 POST /jobs/{id}/annotations, form": Row(
        204, "/jobs/{job}/annotations", NOTHING, None, method="POST", token=None, age="2014", headers=FORM,
        data=b"username=lint&key=a-key&description=tidy&status=passed",
        after=lambda found: remarks(found) == [(5, "tidy", "passed", None)],
    ),
    "3.2 POST /jobs/{id}/annotations again": Row(
        204, "/jobs/{full_job}/annotations", NOTHING, None, method="POST", token=None, age="2014", json=REMARK,
        after=lambda found: [one.description for one in found.full.jobs[0].annotations] == ["tidy", "fine"],
    ),
    "3.2 POST /jobs/{id}/annotations today": Row(404, "/jobs/{job}/annotations", NOT_FOUND, method="POST", json=REMARK),
    "3.2 an unknown provider": annotate(401, NOTHING, username="nobody"),
    "3.2 a wrong key": annotate(401, NOTHING, key="another"),
    "3.2 no status": annotate(422, INCOMPLETE, status=None),
    "3.2 no description": annotate(422, INCOMPLETE, description=""),
    "3.2 GET /builds/{id} in 2014": Row(
        200, "/builds/{full}", age="2014",
        body=lambda body: [one["id"] for one in body["annotations"]] == [1, 2, 3, 4]
        and [one["annotation_ids"] for one in body["jobs"]] == [[1, 2], [3, 4]],
    ),
    "3.2 GET /jobs/{id} in 2014": Row(
        200, "/jobs/{full_job}", age="2014",
        body=lambda body: [one["id"] for one in body["annotations"]] == body["job"]["annotation_ids"] == [1, 2],
    ),
}  # fmt: skip

AGENT = {"User-Agent": "Travis/1.8"}
ALONE = ["list", "single", "list, Travis", "single, Travis", "2014"]

ENTITIES: dict[str, Entity] = {
    "job": Entity(
        "3.10", "full_job", "sparse_job",
        {
            "list": Place("/jobs?ids[]={one}", "jobs"),
            "single": Place("/jobs/{one}", "job"),
            "list, Travis": Place("/jobs?ids[]={one}", "jobs", headers=AGENT),
            "single, Travis": Place("/jobs/{one}", "job", headers=AGENT),
            "nested": Place("/builds/{one_build}", "jobs"),
            "2014": Place("/jobs/{one}", "job", age="2014"),
        },
        {
            "id": "int", "repository_id": "int", "build_id": "int", "commit_id": "int", "repository_slug": "string",
            "stage_id": "int?", "number": "string", "config": "object", "state": "string", "started_at": "ts?",
            "finished_at": "ts?", "queue": "string?", "allow_failure": "bool?", "tags": "string?", "log_id": "int",
            "annotation_ids": "[int]",
        },
        only={
            "repository_slug": ALONE, "stage_id": ALONE, "log_id": ["list, Travis", "single, Travis", "2014"],
            "annotation_ids": ["2014"],
        },
        never=("duration",),
    ),
    "annotation": Entity(
        "3.2", 1, 2, {"list": Place("/jobs/{full_job}/annotations", "annotations", age="2014")},
        {
            "id": "int", "job_id": "int", "description": "string", "url": "string?", "status": "string?",
            "provider_name": "string",
        },
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)

test_an_entity_has_the_field = fields(ENTITIES)

test_an_entity_has_no_other_fields = no_other_fields(ENTITIES)
