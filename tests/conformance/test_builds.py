"""Builds and their configuration: sections 3.5 and 3.6 of the facts."""

from typing import Any

from tests.conformance.scene import STRANGER, Scene
from tests.conformance.tables import (
    NOT_FOUND,
    NOTHING,
    SORRY,
    V21,
    Before,
    Check,
    Entity,
    Place,
    Row,
    calls,
    equals,
    fields,
    keys,
    no_other_fields,
    numbers,
)

EMPTY = equals({"builds": [], "commits": []})
RESTARTED = b'{"result": true, "flash": [{"notice": "The build was successfully restarted."}]}'
RIGHTLESS = "You don't seem to have sufficient permissions."
UNFIT = "The build currently can not be restarted."


def flash(result: bool, *reasons: str) -> Check:
    return equals({"result": result, "flash": [{"error": reason} for reason in reasons]})


def history(found: Scene) -> None:
    found.notes.history(30)


def migrated(found: Scene) -> None:
    found.repo.migrated = True


def unreadable(found: Scene) -> None:
    found.passed.config[".result"] = "parse_error"


def is_migrated(body: Any) -> bool:
    return set(body) == {"error_type", "error_message"} and body["error_type"] == "migrated_repository"


def others(found: Scene) -> None:
    """Add a public build of nobody, and one of each event type."""
    found.server.world.repository("other/public").build().finish("passed")
    for event_type in ("api", "cron"):
        found.notes.build(event_type=event_type)


def config(name: str, expected: object) -> Check:
    return lambda body: body["build"]["config"].get(name) == expected


def job_config(name: str, expected: object) -> Check:
    return lambda body: body["job"]["config"].get(name) == expected


def job_has(name: str, value: object) -> Before:
    return lambda found: found.passed.jobs[0].config.update({name: value})


def build_has(name: str, value: object) -> Before:
    return lambda found: found.passed.config.update({name: value})


LIST = "/builds?repository_id={repo}"

ROWS: dict[str, Row] = {
    "3.5 GET /builds: no jobs key": Row(200, LIST, keys("builds", "commits"), token=None),
    "3.5 GET /builds, nobody, com": Row(401, LIST, NOTHING, token=None, mode="com"),
    "3.5 GET /builds, nobody, com, v2.1": Row(
        200, LIST, numbers("4", "3", "2", "1"), token=None, mode="com", accept=V21,
    ),
    "3.5 GET /repos/{owner}/{name}/builds": Row(200, "/repos/{slug}/builds", numbers("4", "3", "2", "1")),
    "3.5 GET /repos/{owner}/{name}/builds, unknown": Row(200, "/repos/no/such/builds", EMPTY),
    "3.5 GET /repos/{id}/builds does not exist": Row(404, "/repos/{repo}/builds", NOT_FOUND),
    "3.5 GET /repos/{id}/builds/{id} does not exist": Row(404, "/repos/{repo}/builds/{build}", NOT_FOUND),
    "3.5 GET /builds/{id}": Row(200, "/builds/{build}", keys("build", "commit", "jobs"), token=None),
    "3.5 GET /builds/{id}, unknown": Row(404, "/builds/99999", NOT_FOUND),
    "3.5 GET /repos/{owner}/{name}/builds/{id}": Row(
        200, "/repos/{slug}/builds/{build}", keys("build", "commit", "jobs"),
    ),
    "3.5 POST cancel": Row(
        204, "/builds/{running}/cancel", NOTHING, None, method="POST",
        after=lambda found: found.running.state == "canceled",
    ),
    "3.5 POST cancel, ended": Row(
        422, "/builds/{build}/cancel", method="POST",
        body=lambda body: body["error"]["code"] == "cant_cancel"
        and body["error"]["message"].endswith("can't be canceled"),
    ),
    "3.5 POST cancel without pull right": Row(
        403, "/builds/{running}/cancel", method="POST", token=STRANGER,
        body=lambda body: body["error"]["message"].startswith("You don't have access to cancel build("),
        after=lambda found: found.running.state == "started",
    ),
    "3.5 POST cancel, unknown": Row(404, "/builds/99999/cancel", NOTHING, method="POST"),
    "3.5 POST cancel, migrated": Row(403, "/builds/{running}/cancel", is_migrated, method="POST", before=migrated),
    "3.5 POST cancel, nobody, org": Row(
        500, "/builds/{running}/cancel", SORRY, "text/plain", method="POST", token=None,
    ),
    "3.5 POST cancel, nobody, com": Row(
        401, "/builds/{running}/cancel", NOTHING, method="POST", token=None, mode="com",
    ),
    "3.5 POST restart": Row(
        202, "/builds/{build}/restart", RESTARTED, method="POST",
        after=lambda found: found.passed.queued_restarts == [found.passed] and found.passed.state == "passed",
    ),
    "3.5 POST restart, running": Row(400, "/builds/{running}/restart", flash(False, UNFIT), method="POST"),
    "3.5 POST restart, several reasons": Row(
        400, "/builds/{running}/restart", flash(False, RIGHTLESS, UNFIT), method="POST", token=STRANGER,
    ),
    "3.5 POST restart, unknown": Row(404, "/builds/99999/restart", NOTHING, method="POST"),
    "3.5 POST restart, migrated": Row(403, "/builds/{build}/restart", is_migrated, method="POST", before=migrated),
    "3.5 POST restart, migrated, no JSON": Row(
        403, "/builds/{build}/restart", None, "text/plain", method="POST", before=migrated, accept="text/plain",
        answer_is=lambda answer, _: answer.body.startswith(b"This repository has been migrated"),
    ),
    "3.5 POST restart, migrated, com": Row(
        202, "/builds/{build}/restart", RESTARTED, method="POST", before=migrated, mode="com",
    ),
    "3.5 POST restart, nobody, org": Row(
        400, "/builds/{build}/restart", flash(False, RIGHTLESS), method="POST", token=None,
    ),
    "3.5 POST restart before 2015": Row(200, "/builds/{build}/restart", RESTARTED, method="POST", age="2014"),
    "3.5 POST restart before 2015, refused": Row(
        200, "/builds/{running}/restart", flash(True, UNFIT), method="POST", age="2014",
    ),
    "3.5 ids=1,2": Row(200, "/builds?ids={full},{build}", numbers("1", "4"), token=None),
    "3.5 ids[]=": Row(200, "/builds?ids[]={full}&ids[]={build}", numbers("1", "4")),
    "3.5 ids ignore other filters": Row(200, "/builds?ids={full}&event_type=push&number=9", numbers("1")),
    "3.5 ids have no limit": Row(
        200, "/builds?ids=" + ",".join(map(str, range(1, 1200))), lambda body: len(body["builds"]) == 34,
        before=history,
    ),
    "3.5 repository_id": Row(200, "/builds?repository_id={repo}", numbers("4", "3", "2", "1")),
    "3.5 slug": Row(200, "/builds?slug=Travis-CI/TRAVIS.rb", numbers("4", "3", "2", "1")),
    "3.5 number": Row(200, LIST + "&number=2", numbers("2")),
    "3.5 number is exact": Row(200, "/builds?repository_id={notes}&number=1", numbers("1"), before=history),
    "3.5 number needs a repository": Row(200, "/builds?number=2", numbers("4", "1")),
    "3.5 after_number": Row(200, LIST + "&after_number=3", numbers("2", "1")),
    "3.5 after_number needs a repository": Row(200, "/builds?after_number=2", numbers("4", "1")),
    "3.5 event_type=push": Row(200, LIST + "&event_type=push", numbers("4", "3")),
    "3.5 event_type=pull_request": Row(200, LIST + "&event_type=pull_request", numbers("1")),
    "3.5 event_type=api": Row(200, "/builds?repository_id={notes}&event_type=api", numbers("1"), before=others),
    "3.5 event_type=cron": Row(200, "/builds?repository_id={notes}&event_type=cron", numbers("2"), before=others),
    "3.5 branches": Row(
        200, LIST + "&branches=true", numbers("5", "3", "2", "1"), before=lambda found: found.repo.build(),
    ),
    "3.5 running": Row(200, "/builds?running=true", numbers("3")),
    "3.5 running needs a token": Row(200, "/builds?running=true", EMPTY, token=None),
    "3.5 running at most 25": Row(
        200, "/builds?running=true", lambda body: len(body["builds"]) == 25,
        before=lambda found: [found.notes.build().start() for _ in range(30)],
    ),
    "3.5 exclude_config": Row(
        200, LIST + "&exclude_config=1", lambda body: all(one["config"] == {} for one in body["builds"]),
    ),
    "3.5 exclude_config of one": Row(
        200, "/builds/{build}?exclude_config=1", lambda body: body["build"]["config"] == {},
    ),
    "3.5 exclude_config of one unknown": Row(500, "/builds/99999?exclude_config=1", SORRY, "text/plain"),
    "3.5 (none): the last passed or failed": Row(200, "/builds", numbers("1", "4", "1"), before=others),
    "3.5 (none), com: own repositories": Row(200, "/builds", numbers("4", "1"), before=others, mode="com"),
    "3.5 (none): at most 25": Row(200, "/builds", lambda body: len(body["builds"]) == 25, before=history),
    "3.5 (none), nobody": Row(200, "/builds", EMPTY, token=None),
    "3.5 duration is the sum over jobs": Row(200, "/builds/{full}", lambda body: body["build"]["duration"] == 120),
    "3.5 job_ids in id order": Row(
        200, "/builds/{full}", lambda body: body["build"]["job_ids"] == [job["id"] for job in body["jobs"]]
        and body["build"]["job_ids"] == sorted(body["build"]["job_ids"]),
    ),
    "3.6 keys are strings": Row(
        200, "/builds/{build}", config("by_year", {"2014": "2.1"}), before=build_has("by_year", {2014: "2.1"}),
    ),
    "3.6 {} for old builds": Row(200, "/builds/{sparse}", lambda body: body["build"]["config"] == {}),
    "3.6 source_key is removed": Row(200, "/builds/{full}", config("source_key", None)),
    "3.6 source_key of a job is removed": Row(
        200, "/jobs/{job}", job_config("source_key", None), before=job_has("source_key", "a secret"),
    ),
    "3.6 secure values": Row(200, "/builds/{full}", config("env", ["A=1", "B=[secure]"])),
    "3.6 secure values that nobody can read": Row(
        200, "/builds/{build}", before=build_has("env", [{"secure": "garbage"}]),
        body=config("env", ["[One of the secure variables in your .travis.yml has an invalid format.]"]),
    ),
    "3.6 a build's env is a list": Row(200, "/builds/{build}", config("env", ["A=1"]), before=build_has("env", "A=1")),
    "3.6 a build's nested env": Row(
        200, "/builds/{build}", config("env", {"global": ["A=1"]}), before=build_has("env", {"global": ["A=1"]}),
    ),
    "3.6 a job's env is one text": Row(200, "/jobs/{full_job}", job_config("env", "A=1 B=[secure]")),
    "3.6 a job's env may be null": Row(
        200, "/jobs/{job}", lambda body: body["job"]["config"]["env"] is None, before=job_has("env", None),
    ),
    "3.6 a job's global_env is one text": Row(200, "/jobs/{full_job}", job_config("global_env", "C=3")),
    "3.6 a job's global_env may be null": Row(
        200, "/jobs/{job}", lambda body: body["job"]["config"]["global_env"] is None,
    ),
    "3.6 a job's addons are those that are safe": Row(
        200, "/jobs/{job}", job_config("addons", {"apt": ["git"]}),
        before=job_has("addons", {"apt": ["git"], "sauce_connect": {"access_key": "a secret"}}),
    ),
    "3.6 .result is shown": Row(200, "/builds/{build}", config(".result", "parse_error"), before=unreadable),
    "3.6 .result makes a restart impossible": Row(
        400, "/builds/{build}/restart", flash(False, UNFIT), method="POST", before=unreadable,
    ),
}  # fmt: skip

ENTITIES: dict[str, Entity] = {
    "build": Entity(
        "3.5", "full", "sparse",
        {
            "list": Place(LIST, "builds"),
            "single": Place("/builds/{one}", "build"),
            "branches": Place("/branches?ids[]={one}", "branches"),
            "2014": Place("/builds/{one}", "build", age="2014"),
        },
        {
            "id": "int", "repository_id": "int", "commit_id": "int", "number": "string", "event_type": "string?",
            "pull_request": "bool", "pull_request_title": "string?", "pull_request_number": "int?", "config": "object",
            "state": "string", "started_at": "ts?", "finished_at": "ts?", "duration": "int?", "job_ids": "[int]",
        },
        only={
            "event_type": ["list", "single"],
            "pull_request_title": ["list", "single", "2014"],
            "pull_request_number": ["list", "single", "2014"],
        },
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)

test_an_entity_has_the_field = fields(ENTITIES)

test_an_entity_has_no_other_fields = no_other_fields(ENTITIES)
