"""What ``GET /jobs/{id}/log`` answers in each state of a log, to each way of asking, server by server."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aiotravis.testing import Job, TravisServer
from tests.conftest import TOKEN
from tests.raw import V2, ask

CHUNKED = "application/json; chunked=true; version=2"
TEXT = "text/plain"
WAYS = {"JSON": V2, "chunked": CHUNKED, "text": TEXT}

JSON_TYPE, TEXT_TYPE = "application/json", "text/plain"


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


def body(text: str | None) -> Callable[[bytes], bool]:
    return lambda given: json.loads(given)["log"]["body"] == text


def parts(expected: list[dict[str, Any]]) -> Callable[[bytes], bool]:
    def right(given: bytes) -> bool:
        found = json.loads(given)["log"]["parts"]
        return [{name: part[name] for name in ("number", "content", "final")} for part in found] == expected

    return right


def exactly(expected: bytes) -> Callable[[bytes], bool]:
    return lambda given: given == expected


def no_record(given: bytes) -> bool:
    log = json.loads(given)["log"]
    return set(log) == {"job_id", "parts", "@type"} and log["parts"] == [] and log["@type"] == "Log"


NOTHING, NOT_FOUND = exactly(b""), exactly(b'{"file":"not found"}')
TEXT_BODY = exactly(BODY.encode())

ROWS: list[tuple[str, Callable[[Job], None], str, int, str, Callable[[bytes], bool]]] = [
    ("head", hidden, "JSON", 404, JSON_TYPE, NOT_FOUND),
    ("head", hidden, "chunked", 404, JSON_TYPE, NOT_FOUND),
    ("head", hidden, "text", 404, JSON_TYPE, NOT_FOUND),
    ("head", missing, "JSON", 200, JSON_TYPE, no_record),
    ("head", missing, "chunked", 200, JSON_TYPE, no_record),
    ("head", missing, "text", 200, JSON_TYPE, no_record),
    ("head", live, "JSON", 200, JSON_TYPE, body(BODY)),
    ("head", live, "chunked", 200, JSON_TYPE, body(BODY)),
    ("2017", live, "chunked", 200, JSON_TYPE, parts(PARTS)),
    ("head", live, "text", 200, TEXT_TYPE, TEXT_BODY),
    ("head", untouched, "JSON", 200, JSON_TYPE, body(None)),
    ("head", untouched, "chunked", 200, JSON_TYPE, body(None)),
    ("2017", untouched, "chunked", 200, JSON_TYPE, parts([])),
    ("head", untouched, "text", 406, TEXT_TYPE, NOTHING),
    ("head", aggregated, "JSON", 200, JSON_TYPE, body(BODY)),
    ("head", aggregated, "chunked", 406, JSON_TYPE, NOTHING),
    ("2017", aggregated, "chunked", 406, JSON_TYPE, NOTHING),
    ("head", aggregated, "text", 200, TEXT_TYPE, TEXT_BODY),
    ("head", archived, "JSON", 200, JSON_TYPE, body(BODY)),
    ("head", archived, "text", 200, TEXT_TYPE, TEXT_BODY),
    ("2017", archived, "JSON", 406, JSON_TYPE, NOTHING),
    ("2017", archived, "chunked", 406, JSON_TYPE, NOTHING),
    ("2017", archived, "text", 307, "", NOTHING),
    ("2014", archived, "JSON", 307, "", NOTHING),
    ("head", removed, "JSON", 200, JSON_TYPE, body(NOTICE)),
    ("head", removed, "text", 200, TEXT_TYPE, exactly(NOTICE.encode())),
]


@pytest.mark.parametrize(
    ("mode", "state", "way", "status", "kind", "right"),
    ROWS,
    ids=[f"{mode}-{state.__name__}-{way}" for mode, state, way, *_ in ROWS],
)
async def test_a_log_is_answered_as_by_travis(
    mode: str, state: Callable[[Job], None], way: str, status: int, kind: str, right: Callable[[bytes], bool]
) -> None:
    async with TravisServer(log_mode=mode) as server:
        user = server.world.user("sarah", token=TOKEN)
        job = server.world.repository("a/b", users=[user]).build().jobs[0]
        state(job)
        answer = await ask(server, f"/jobs/{job.id}/log", token=TOKEN, accept=WAYS[way])
    assert answer.status == status
    if kind:
        assert answer.content_type.partition(";")[0] == kind
    assert right(answer.body), answer.body


@pytest.mark.parametrize("way", WAYS)
async def test_an_unknown_job_has_an_empty_404(way: str) -> None:
    async with TravisServer() as server:
        answer = await ask(server, "/jobs/9/log", accept=WAYS[way])
    assert (answer.status, answer.content_type, answer.body) == (404, "application/json", b"")


async def test_what_was_removed_says_when_and_by_whom() -> None:
    async with TravisServer() as server:
        job = server.world.repository("a/b").build().jobs[0]
        removed(job)
        log = (await ask(server, f"/jobs/{job.id}/log")).json["log"]
    assert (log["removed_at"], log["removed_by"]) == ("2014-04-08 00:17:34 UTC", "Sarah")
