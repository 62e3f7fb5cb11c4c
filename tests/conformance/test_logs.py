"""What ``GET /jobs/{id}/log`` answers in each state of a log, for each ``Accept``, by age: section 5.2 of the facts."""

from collections.abc import Callable
from typing import Any

import pytest

from aiotravis.testing import Job, TravisServer
from tests.conformance.tables import JSON, NOT_FOUND, NOTHING, Check, Row, calls
from tests.raw import V2, ask

CHUNKED = "application/json; chunked=true; version=2"
TEXT = "text/plain"
ACCEPT = {"JSON": V2, "chunked": CHUNKED, "text": TEXT}

SetState = Callable[[Job], None]


def untouched(_: Job) -> None:
    pass


def live(job: Job) -> None:
    job.start()
    job.write("one ")
    job.write("zwö\n")


def aggregated(job: Job) -> None:
    live(job)
    job.write("", final=True)
    job.finish()
    job.log.aggregated = True


def archived(job: Job) -> None:
    aggregated(job)
    job.log.archived = True


def removed(job: Job) -> None:
    aggregated(job)
    job.log.remove("Sarah", 1_396_916_254.0)


def missing(job: Job) -> None:
    job.log.missing = True


def hidden(job: Job) -> None:
    job.repository.private = True
    job.repository.users.clear()


BODY = "one zwö\n"
NOTICE = "Log removed by Sarah at 2014-04-08 00:17:34 UTC"
PARTS = [{"number": 0, "content": "one ", "final": False}, {"number": 1, "content": "zwö\n", "final": False}]


def body(text: str | None) -> Check:
    return lambda answer: answer["log"]["body"] == text


def parts(expected: list[dict[str, Any]]) -> Check:
    return lambda answer: (
        [{name: part[name] for name in ("number", "content", "final")} for part in answer["log"]["parts"]] == expected
    )


def no_record(answer: Any) -> bool:
    log = answer["log"]
    return set(log) == {"job_id", "parts", "@type"} and log["parts"] == [] and log["@type"] == "Log"


TEXT_BODY = BODY.encode()

ANSWERS: list[tuple[str, SetState, str, int, str | None, bytes | Check]] = [
    ("head", hidden, "JSON", 404, JSON, NOT_FOUND),
    ("head", hidden, "chunked", 404, JSON, NOT_FOUND),
    ("head", hidden, "text", 404, JSON, NOT_FOUND),
    ("head", missing, "JSON", 200, JSON, no_record),
    ("head", missing, "chunked", 200, JSON, no_record),
    ("head", missing, "text", 200, JSON, no_record),
    ("head", live, "JSON", 200, JSON, body(BODY)),
    ("head", live, "chunked", 200, JSON, body(BODY)),
    ("2017", live, "chunked", 200, JSON, parts(PARTS)),
    ("head", live, "text", 200, TEXT, TEXT_BODY),
    ("head", untouched, "JSON", 200, JSON, body(None)),
    ("head", untouched, "chunked", 200, JSON, body(None)),
    ("2017", untouched, "chunked", 200, JSON, parts([])),
    ("head", untouched, "text", 406, TEXT, NOTHING),
    ("head", aggregated, "JSON", 200, JSON, body(BODY)),
    ("head", aggregated, "chunked", 406, JSON, NOTHING),
    ("2017", aggregated, "chunked", 406, JSON, NOTHING),
    ("head", aggregated, "text", 200, TEXT, TEXT_BODY),
    ("head", archived, "JSON", 200, JSON, body(BODY)),
    ("head", archived, "text", 200, TEXT, TEXT_BODY),
    ("2017", archived, "JSON", 406, JSON, NOTHING),
    ("2017", archived, "chunked", 406, JSON, NOTHING),
    ("2017", archived, "text", 307, None, NOTHING),
    ("2014", archived, "JSON", 307, None, NOTHING),
    ("head", removed, "JSON", 200, JSON, body(NOTICE)),
    ("head", removed, "text", 200, TEXT, NOTICE.encode()),
]


def row(log_mode: str, state: SetState, accept: str, status: int, kind: str | None, answer: bytes | Check) -> Row:
    return Row(
        status, "/jobs/{sparse_job}/log", answer, kind, accept=ACCEPT[accept], age=log_mode,
        before=lambda found: state(found.sparse.jobs[0]),
    )  # fmt: skip


ROWS = {f"5.2 {answer[1].__name__}, {answer[0]}, {answer[2]}": row(*answer) for answer in ANSWERS}

test_a_request_has_the_answer_of_travis = calls(ROWS)


@pytest.mark.parametrize("accept", ACCEPT)
async def test_the_log_of_an_unknown_job_is_an_empty_404(accept: str) -> None:
    async with TravisServer() as server:
        answer = await ask(server, "/jobs/9/log", accept=ACCEPT[accept])
    assert (answer.status, answer.content_type, answer.body) == (404, "application/json", b"")


async def test_a_removed_log_says_when_and_by_whom_it_was_removed() -> None:
    async with TravisServer() as server:
        job = server.world.repository("a/b").build().jobs[0]
        removed(job)
        log = (await ask(server, f"/jobs/{job.id}/log")).json["log"]
    assert (log["removed_at"], log["removed_by"]) == ("2014-04-08 00:17:34 UTC", "Sarah")
