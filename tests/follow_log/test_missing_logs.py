"""Logs that the server does not have, or not yet, or not whole: what came is kept, what may come is waited for."""

import asyncio
import random
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import msgspec
import pytest

from aiotravis import LogPart, LogReset, LogStream, State, Travis, errors, events
from aiotravis.follow_log import poll_schedule, poller
from aiotravis.testing import Job, Part, TravisServer
from tests.autojump import run
from tests.conftest import HASTY, TOKEN
from tests.follow_log.simulation import JOB, Server, stream
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("short_delays")

NOTICE = "Your log is temporarily unavailable"

ABSENT = {
    # fact 10.2
    "no parts": (200, "application/json", b'{"log":{"job_id":1,"parts":[],"@type":"Log"}}'),
    "no body": (200, "application/json", b'{"log":{"id":1,"body":null}}'),
    "no keys": (200, "application/json", b'{"log":{}}'),
    "an empty body": (200, "application/json", b'{"log":{"id":1,"body":""}}'),
    "an empty text": (200, "text/plain", b""),
    "406": (406, "text/plain", b""),
    "a notice": (200, "text/plain", NOTICE.encode()),
    "a notice as body": (200, "application/json", b'{"log":{"id":1,"body":"%s"}}' % NOTICE.encode()),
    "an error of an archive": (200, "application/xml", b"<Error><Code>NoSuchKey</Code></Error>"),
}

NO_PARTS = {
    "no parts": (200, b'{"@type":"log_parts","log_parts":[]}'),
    "not found": (404, b'{"@type":"error","error_type":"not_found","error_message":"log not found"}'),
    "a notice": (200, b'{"log_parts":[{"number":0,"content":"%s","final":true}]}' % NOTICE.encode()),
    "an empty part": (200, b'{"log_parts":[{"number":0,"content":"","final":true}]}'),
    "forbidden": (403, b'{"@type":"error","error_type":"insufficient_access","error_message":"no"}'),
    "an error": (500, b"Sorry"),
    "a web page": (200, b"<html>"),
}


def hide(server: TravisServer, job: Job, v2: str = "no parts", v3: str = "no parts", times: int | None = None) -> None:
    """Answer every route of the log as if it were not there."""
    status, content_type, body = ABSENT[v2]
    headers = {"Content-Type": content_type}
    server.respond("GET", f"/jobs/{job.id}/log", status=status, body=body, headers=headers, times=times)
    status, body = NO_PARTS[v3]
    for route in ("log_parts", "log.txt"):
        server.respond("GET", f"/v3/job/{job.id}/{route}", status=status, body=body, times=times)


async def rest_of(log: LogStream) -> tuple[list[LogPart], errors.TravisError | None]:
    parts: list[LogPart] = []
    try:
        async for part in log:
            parts.append(part)  # noqa: PERF401 - those before the error count
    except errors.TravisError as exc:
        return parts, exc
    return parts, None


# What came live is kept -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("v2", ABSENT)
@pytest.mark.parametrize("v3", ["no parts", "not found"])
async def test_a_log_that_came_whole_live_is_kept_and_waits_for_nothing(
    server: TravisServer, travis: Travis, job: Job, v2: str, v3: str
) -> None:
    job.start()
    async with travis.follow_log(job.id) as log:
        hide(server, job, v2, v3)
        job.write("one ")
        job.write("two", final=True)
        job.finish()
        with anyio.fail_after(5):
            parts, error = await rest_of(log)
        assert ("".join(part.content or "" for part in parts), error) == ("one two", None)
        assert not any(isinstance(part, LogReset) for part in parts)
        assert log.complete


STORED = ["two, three", "wo, three", "three", "one, three", "one, two, ", "e, two, hree", "one, tw\ufffd, three",
          "The log was truncated. three", "another", "\r\n", "  \n"]  # fmt: skip


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("whole", [True, False])
async def test_a_stored_log_that_lacks_parts_takes_nothing_back(
    server: TravisServer, job: Job, stored: str, whole: bool
) -> None:
    job.start()
    async with (
        Travis(TOKEN, endpoint=server.endpoint, live=HASTY, log_patience=0.2) as travis,
        travis.follow_log(job.id) as log,
    ):
        hide(server, job)
        server.respond("GET", f"/jobs/{job.id}/log", body=stored.encode(), headers={"Content-Type": "text/plain"})
        for content in ("one, ", "two, ", "three"):
            job.write(content)
        if whole:
            job.write("", final=True)
        job.finish()
        parts, error = await rest_of(log)
        assert "".join(part.content or "" for part in parts) == "one, two, three"
        assert not any(isinstance(part, LogReset) for part in parts)
        # Without its final part, nothing shows how it ends.
        assert log.complete is whole is (error is None)


FAILURES = [(500, b"Sorry"), (502, b"<html>"), (503, b""), (504, b""), (429, b"Retry later"), (403, b"Forbidden")]


@pytest.mark.parametrize(("status", "body"), FAILURES)
@pytest.mark.parametrize("route", ["log", "job"])
async def test_a_failing_check_does_not_cost_a_log_that_came_whole(
    server: TravisServer, travis: Travis, job: Job, status: int, body: bytes, route: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if status == 429:
        # fact 9.5: without a Retry-After, the rest of the minute is waited for, longer than any check may take.
        monkeypatch.setattr(poller, "CHECK_TIMEOUT", 0.2)
    job.start()
    async with travis.follow_log(job.id) as log:
        paths = [f"/jobs/{job.id}/log", f"/v3/job/{job.id}/log_parts", f"/v3/job/{job.id}/log.txt"]
        for path in paths if route == "log" else [f"/jobs/{job.id}", "/jobs"]:
            server.respond("GET", path, status=status, body=body, headers={"Content-Type": "text/plain"})
        job.write("one ")
        job.write("two", final=True)
        job.finish()
        with anyio.fail_after(8):
            parts, error = await rest_of(log)
        assert ("".join(part.content or "" for part in parts), error) == ("one two", None)
        assert log.complete


@pytest.mark.parametrize("status", [500, 502, 403])
async def test_a_job_that_never_started_has_an_empty_log_whatever_the_routes_answer(
    server: TravisServer, travis: Travis, job: Job, status: int
) -> None:
    job.finish("canceled")
    for path in (f"/jobs/{job.id}/log", f"/v3/job/{job.id}/log_parts", f"/v3/job/{job.id}/log.txt"):
        server.respond("GET", path, status=status, body=b"Sorry")
    with anyio.fail_after(8):
        assert await travis.with_options(attempts=1).follow_log(job.id).text() == ""


@pytest.mark.parametrize("state", ["passed", "canceled"])
@pytest.mark.parametrize("key", ["key", None])
@pytest.mark.usefixtures("short_delays")
async def test_parts_that_arrive_after_the_end_belong_to_the_log(state: str, key: str | None) -> None:
    async with TravisServer(pusher_key=key) as server, Travis(endpoint=server.endpoint) as travis:
        job = server.world.repository("a/b").build().jobs[0]
        job.start()
        for content in ("one ", "two "):
            job.write(content)

        async def write() -> None:
            job.finish(state)
            job.log.unavailable_reads = 0
            reads = len(server.requests)
            await until(lambda: len(server.requests) > reads + 12)
            job.write("three")
            job.write("", final=True)

        async with travis.follow_log(job.id) as log:
            writing = asyncio.ensure_future(write())
            parts, error = await rest_of(log)
            await writing
        assert ("".join(part.content or "" for part in parts), error, log.complete) == ("one two three", None, True)


async def test_what_came_live_is_given_before_the_error(server: TravisServer, job: Job) -> None:
    job.start()
    async with (
        Travis(TOKEN, endpoint=server.endpoint, live=HASTY, log_patience=0.2) as travis,
        travis.follow_log(job.id) as log,
    ):
        hide(server, job)
        job.write("one ")
        job.write("two")
        job.finish()
        parts, error = await rest_of(log)
        assert [part.content for part in parts] == ["one ", "two"]
        assert isinstance(error, errors.LogUnavailable)
        assert (error.job_id, error.retry_after) == (job.id, 60.0)
        assert not log.complete
        with pytest.raises(errors.UsageError, match="This stream has ended"):
            aiter(log)


# A log that is not there (yet) ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("v2", ABSENT)
@pytest.mark.parametrize("v3", NO_PARTS)
async def test_a_log_that_is_not_there_is_unavailable_and_not_empty(
    server: TravisServer, job: Job, v2: str, v3: str
) -> None:
    job.start()
    job.write("text", final=True)
    job.finish()
    hide(server, job, v2, v3)
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, log_patience=0.05) as travis:
        with pytest.raises(errors.LogUnavailable):
            await travis.follow_log(job.id).text()


@pytest.mark.parametrize("v2", ["no parts", "406", "a notice"])
async def test_a_log_is_given_as_soon_as_it_is_there(server: TravisServer, travis: Travis, job: Job, v2: str) -> None:
    job.start()
    job.write("text", final=True)
    job.finish()
    hide(server, job, v2, times=3)
    with anyio.fail_after(10):
        assert await travis.follow_log(job.id).text() == "text"


async def test_the_log_of_a_job_that_ended_long_ago_is_read_twice(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    now = server.world.clock()
    server.world.clock = lambda: now - 2 * 3600
    job.start()
    job.write("text", final=True)
    job.finish()
    hide(server, job)
    with pytest.raises(errors.LogUnavailable, match="It ended long ago") as info:
        await travis.follow_log(job.id).text()
    assert info.value.retry_after is None
    assert [seen.path for seen in server.requests].count(f"/v3/job/{job.id}/log_parts?content=false") == 2


@pytest.mark.parametrize("state", ["canceled", "errored"])
async def test_a_job_that_never_started_has_an_empty_log(
    server: TravisServer, travis: Travis, job: Job, state: str
) -> None:
    job.finish(state)
    hide(server, job)
    with anyio.fail_after(5):
        assert await travis.follow_log(job.id).text() == ""


def test_the_wait_lasts_a_minute_from_the_end_of_the_job() -> None:
    async def main(clock: Callable[[], float]) -> float:
        server = Server(random.Random(1), loses=False, clock=clock)
        quiet(server)
        server.hidden_for = 1e9
        server.state, server.started_at = State.STARTED, datetime.fromtimestamp(int(clock()), UTC)
        async with stream(server) as log:
            await anyio.sleep(100)
            server.state, server.finished_at = State.PASSED, datetime.fromtimestamp(clock(), UTC)
            server.announce(events.JobFinished)
            with pytest.raises(errors.LogUnavailable):
                await anext(log)
            return clock() - (server.ended_at or 0.0)

    assert 60.0 <= run(main, start=1.7e9, settling=0) < 75.0


@pytest.mark.parametrize(("ended_ago", "reads", "longest"), [(7200.0, 1, 0.0), (10.0, 2, 2.5)])
@pytest.mark.parametrize("size", [1000, 10_000_000])
def test_a_stored_text_without_numbers_is_delivered_at_once(
    monkeypatch: pytest.MonkeyPatch, size: int, ended_ago: float, reads: int, longest: float
) -> None:
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 2.0)

    async def main(clock: Callable[[], float]) -> tuple[int, int, float]:
        server = Server(random.Random(1), loses=False, clock=clock)
        quiet(server)
        server.is_live = server.has_v3 = server.has_parts = False
        server.state, server.stored = State.PASSED, [LogPart(number=0, content="x" * size)]
        server.started_at = server.finished_at = datetime.fromtimestamp(time.time() - ended_ago, UTC)
        log, began = stream(server), clock()
        length = sum([len(part.content or "") async for part in log])
        return length, server.texts_read, clock() - began

    length, read, seconds = run(main, start=time.time(), settling=0)
    assert (length, read) == (size, reads)
    assert seconds < longest + 0.1


# Other ways to lose a part --------------------------------------------------------------------------------------------


def quiet(server: Server) -> None:
    """Let everything arrive, at once."""
    server.has_v3 = server.has_text = server.is_live = True
    server.repeats = server.delay = server.failing = server.latency = server.loss = server.absence = 0.0
    server.state_loss, server.hidden_for, server.first = 0.0, 0.0, 0


@pytest.mark.parametrize("reconnects", [0, 5])
@pytest.mark.parametrize("silence", [0.0, 1000.0])
def test_a_lost_last_part_and_a_lost_end_are_found_within_30_seconds(reconnects: int, silence: float) -> None:
    async def main(clock: Callable[[], float]) -> float:
        server = Server(random.Random(1), loses=False, clock=clock)
        quiet(server)
        server.state, server.started_at = State.STARTED, datetime.fromtimestamp(int(clock()), UTC)
        async with stream(server) as log:
            server.keep(LogPart(number=0, content="a"))
            assert (await anext(log)).content == "a"
            rest = asyncio.ensure_future(rest_of(log))
            for _ in range(reconnects):
                await anyio.sleep(20)
                server.buffer.put(events.Reconnected(down=1.0), 0)
            await anyio.sleep(silence)
            server.loss = 1.0
            server.keep(LogPart(number=1, content="b", final=True))
            server.state, server.finished_at = State.PASSED, datetime.fromtimestamp(clock(), UTC)
            parts, error = await rest
            assert ("".join(part.content or "" for part in parts), error) == ("b", None)
            return clock() - (server.ended_at or 0.0)

    assert run(main, start=1.7e9, settling=0) < 30.0


@pytest.mark.parametrize("mode", ["2014", "2017"])
async def test_parts_numbered_from_1_are_a_whole_log(server: TravisServer, travis: Travis, job: Job, mode: str) -> None:
    server.log_mode = mode
    job.start()
    job.log.parts += [Part(1, "a\n", False)]
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "a\n"
        for part in (Part(2, "b\n", False), Part(3, "c\n", True)):
            job.log.parts.append(part)
            job.world.notify("job:log", job, part)
            with anyio.fail_after(5):
                assert (await anext(log)).content == part.content
        job.finish()
        assert await rest_of(log) == ([], None)
        assert log.complete
    assert await travis.follow_log(job.id).text() == "a\nb\nc\n"


async def test_a_stored_log_numbered_from_1_is_read_as_parts(server: TravisServer, travis: Travis, job: Job) -> None:
    job.start()
    job.finish()
    parts = [{"number": 1, "content": "a\n", "final": False}, {"number": 2, "content": "b\n", "final": True}]
    hide(server, job, v3="not found")
    server.respond("GET", f"/jobs/{job.id}/log", body=msgspec.json.encode({"log": {"id": 1, "parts": parts}}))
    assert await travis.follow_log(job.id).text() == "a\nb\n"


async def test_60_000_parts_behind_a_gap_need_bounded_memory_and_all_arrive() -> None:
    async def main(clock: Callable[[], float]) -> None:
        server = Server(random.Random(1), loses=False, clock=clock)
        quiet(server)
        server.state, server.started_at = State.STARTED, datetime.fromtimestamp(int(clock()), UTC)
        async with stream(server) as log:
            state = log._log
            tracemalloc.start()
            for number in range(1, 60_001):
                state.handle_event(events.JobLog(job_id=JOB, number=number, content=f"{number:050}\n"), clock())
            used, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert used < 8 << 20
            assert state.is_poll_due(clock())
            server.stored = [LogPart(number=number, content=f"{number:050}\n") for number in range(60_001)]
            server.state, server.finished_at = State.PASSED, datetime.fromtimestamp(clock(), UTC)
            parts, error = await rest_of(log)
            assert error is None
            assert [part.number for part in parts] == list(range(60_001))

    await anyio.to_thread.run_sync(lambda: run(main, start=1.7e9, settling=0))


async def test_parts_behind_a_hole_that_the_server_lost_are_all_given() -> None:
    async def main(clock: Callable[[], float]) -> None:
        server = Server(random.Random(1), loses=False, clock=clock)
        quiet(server)
        server.state, server.started_at = State.STARTED, datetime.fromtimestamp(int(clock()), UTC)
        numbers = [0, *range(2, 30_000)]
        async with stream(server) as log:
            for number in numbers:
                server.stored.append(LogPart(number=number, content=f"{number}\n"))
                log._log.handle_event(events.JobLog(job_id=JOB, number=number, content=f"{number}\n"), clock())
            server.state, server.finished_at = State.PASSED, datetime.fromtimestamp(clock(), UTC)
            parts, error = await rest_of(log)
            assert [part.number for part in parts] == numbers
            assert isinstance(error, errors.LogGap)
            assert error.missing == (1,)

    await anyio.to_thread.run_sync(lambda: run(main, start=1.7e9, settling=0))


async def test_a_repeated_created_event_takes_nothing_back(server: TravisServer, travis: Travis, job: Job) -> None:
    later = datetime.now(UTC) - timedelta(hours=1)
    job.start()
    async with travis.follow_log(job.id) as log:
        hide(server, job)
        job.write("one")
        assert (await anext(log)).content == "one"
        created = events.JobCreated(job=msgspec.structs.replace(await travis.jobs.get(job.id), updated_at=later))
        log._log.handle_event(created, 1e9)
        job.write("two", final=True)
        job.finish()
        parts, error = await rest_of(log)
        assert ([part.content for part in parts], error) == (["two"], None)


def test_parts_that_waited_while_the_log_was_opened_may_be_of_an_earlier_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 2.0)

    async def main(clock: Callable[[], float]) -> list[str | None]:
        server = Server(random.Random(1), loses=False, clock=clock)
        quiet(server)
        server.failing = 1.0
        server.start()
        log = stream(server)
        opening = asyncio.ensure_future(log.__aenter__())
        await anyio.sleep(1)
        server.keep(LogPart(number=0, content="old"))
        server.keep(LogPart(number=1, content="old", final=True))
        server.end(State.PASSED)
        await anyio.sleep(4)
        server.restart()
        await anyio.sleep(1)
        server.start()
        server.failing = 0.0
        await opening
        server.keep(LogPart(number=0, content="new"))
        server.keep(LogPart(number=1, content="", final=True))
        server.end(State.PASSED)
        parts, error = await rest_of(log)
        assert error is None
        last_reset = max((place for place, part in enumerate(parts) if isinstance(part, LogReset)), default=-1)
        return [part.content for part in parts[last_reset + 1 :]]

    assert run(main, start=1.7e9, settling=0) == ["new", ""]


async def test_the_log_of_a_job_that_has_not_started_is_not_requested(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    async with travis.follow_log(job.id) as log:
        assert not [seen.path for seen in server.requests if "/log" in seen.path]
        job.start()
        job.write("text", final=True)
        assert (await anext(log)).content == "text"
