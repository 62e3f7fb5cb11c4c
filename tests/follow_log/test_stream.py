"""A log followed on the embedded Travis: complete, in order, each part once, whatever happens."""

import asyncio
import contextlib
import math
from types import SimpleNamespace
from typing import Any, Literal

import anyio
import pytest

from aiotravis import LogPart, LogReset, LogStream, Travis, errors
from aiotravis.follow_log import poll_schedule, spooled_text
from aiotravis.testing import Job, Part, TravisServer
from tests.follow_log.reading import follow
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("short_delays")


@pytest.mark.parametrize("mode", ["head", "2017"])
@pytest.mark.parametrize("speed", [math.inf, 200])
async def test_a_whole_build_is_followed_byte_for_byte(
    server: TravisServer, travis: Travis, job: Job, mode: str, speed: float
) -> None:
    server.log_mode = mode
    task = server.play(job.build, speed=speed)
    text = await follow(travis, job)
    await task
    assert text == job.log.text


async def test_parts_written_before_the_subscription_come_first(travis: Travis, job: Job) -> None:
    job.start()
    job.write("before ")
    async with travis.follow_log(job.id) as log:
        job.write("after")
        job.write("", final=True)
        assert [part.content async for part in log] == ["before ", "after", ""]
        assert repr(log) == f"<LogStream of job {job.id}, ended>"


async def test_parts_in_any_order_and_twice_arrive_in_order_and_once(travis: Travis, job: Job) -> None:
    job.start()
    job.log.parts += [Part(n, str(n), n == 5) for n in range(6)]
    async with travis.follow_log(job.id) as log:
        for number in (5, 3, 3, 0, 1, 4, 2, 5):
            job.world.notify("job:log", job, job.log.parts[number])
        assert [part.content async for part in log] == list("012345")


async def test_a_lost_connection_loses_no_part(server: TravisServer, travis: Travis, job: Job) -> None:
    async with travis.follow_log(job.id) as log:
        job.start()
        job.write("a")
        assert (await anext(log)).content == "a"
        await server.pusher.disconnect()
        job.write("b")
        job.write("", final=True)
        job.finish()
        assert "".join([part.content or "" async for part in log]) == "b"


async def test_a_job_canceled_before_it_starts_has_an_empty_log(travis: Travis, job: Job) -> None:
    async with travis.follow_log(job.id) as log:
        job.finish("canceled")
        assert [part async for part in log] == []
        assert log.complete


async def test_a_restart_resets_the_log(travis: Travis, job: Job) -> None:
    job.start()
    job.write("old")
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "old"
        job.restart()
        job.start()
        job.write("new")
        job.write("", final=True)
        parts = [part async for part in log]
    assert isinstance(parts[0], LogReset)
    assert [part.content for part in parts] == ["", "new", ""]


async def test_an_unknown_job_raises_and_leaves_no_subscription(server: TravisServer, travis: Travis) -> None:
    with pytest.raises(errors.NotFoundError):
        async with travis.follow_log(9):
            pass
    assert len(travis._hub._dispatcher) == 0


async def test_a_closed_stream_can_be_neither_iterated_nor_opened(travis: Travis, job: Job) -> None:
    log = travis.follow_log(job.id)
    await log.aclose()
    with pytest.raises(errors.UsageError, match="has ended"):
        aiter(log)
    with pytest.raises(errors.UsageError, match="has ended"):
        await log.__aenter__()


async def test_awaiting_a_stream_names_the_remedy(travis: Travis, job: Job) -> None:
    with pytest.raises(errors.UsageError, match="A LogStream cannot be awaited: use `async with"):
        await travis.follow_log(job.id)  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


async def test_a_text_is_read_once_and_only_as_a_whole(travis: Travis, job: Job) -> None:
    job.start()
    job.write("one ")
    job.write("two", final=True)
    job.finish()
    log = travis.follow_log(job.id)
    assert await log.text() == "one two"
    with pytest.raises(errors.UsageError, match="has ended"):
        await log.text()
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content
        with pytest.raises(errors.UsageError, match="only an unused stream has the whole text"):
            await log.text()


async def test_a_text_that_was_cancelled_is_continued(travis: Travis, job: Job) -> None:
    job.start()
    job.write("one ")
    async with travis.follow_log(job.id) as log:
        with anyio.move_on_after(0.1) as scope:
            await log.text()
        assert scope.cancelled_caught
        job.write("two", final=True)
        assert await log.text() == "one two"


async def test_cancellation_leaves_no_subscription(server: TravisServer, travis: Travis, job: Job) -> None:
    job.start()
    with anyio.move_on_after(0.1) as scope:
        await follow(travis, job)
    assert scope.cancelled_caught
    assert len(travis._hub._dispatcher) == 0


async def test_transient_failures_while_opening_are_retried(server: TravisServer, travis: Travis, job: Job) -> None:
    job.start()
    job.write("text", final=True)
    job.finish()
    server.respond("GET", f"/jobs/{job.id}", status=500, times=2)
    server.respond("GET", "/config", status=500, times=2)
    assert await follow(travis, job) == "text"


async def test_a_stream_continues_after_opening_failed(
    server: TravisServer, travis: Travis, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 0.0)
    job.start()
    job.write("text", final=True)
    job.finish()
    log = travis.follow_log(job.id)
    server.respond("GET", f"/jobs/{job.id}", status=500, times=8)
    with pytest.raises(errors.ServerError):
        await anext(log)
    assert not log.complete
    assert [part.content async for part in log] == ["text"]


@pytest.mark.parametrize("live", [True, False])
async def test_a_cancelled_anext_can_be_repeated(live: bool) -> None:
    """Cancel at every step; the next call returns what follows."""
    async with TravisServer(pusher_key="key" if live else None) as server:
        job = server.world.repository("a/b").build(quiet=True).jobs[0]
        job.start()
        job.write("a")
        async with Travis(endpoint=server.endpoint) as travis:
            log = travis.follow_log(job.id)
            given = ""
            for turns in (number for number in range(60) for _ in range(2)):
                asking = asyncio.ensure_future(anext(log))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if asking.cancel():
                    with contextlib.suppress(asyncio.CancelledError):
                        given += (await asking).content or ""
                else:
                    given += asking.result().content or ""
                if turns % 10 == 9:
                    job.write(f"{turns} ")
            job.write("", final=True)
            job.finish()
            with anyio.fail_after(10):
                async for part in log:
                    given += part.content or ""
            assert log.complete
        assert given == job.log.text


@pytest.mark.parametrize("live", [True, False])
async def test_closing_from_another_task_ends_a_waiting_anext(live: bool) -> None:
    async with TravisServer(pusher_key="key" if live else None) as server:
        job = server.world.repository("a/b").build(quiet=True).jobs[0]
        job.start()
        job.write("a")
        async with Travis(endpoint=server.endpoint) as travis:
            log = travis.follow_log(job.id)
            assert (await anext(log)).content == "a"
            waiting = asyncio.ensure_future(anext(log, None))
            whole = travis.follow_log(job.id)
            reading = asyncio.ensure_future(whole.text())
            await until(lambda: log._scope is not None and whole._scope is not None and whole._opened)
            # Less than the wait for the next poll.
            with anyio.fail_after(1.5):
                await log.aclose()
                assert await waiting is None
                await whole.aclose()
                with pytest.raises(errors.UsageError, match="closed before its end"):
                    await reading


async def test_a_stream_iterated_by_two_tasks_raises(travis: Travis, job: Job) -> None:
    job.start()
    async with travis.follow_log(job.id) as log:
        first = asyncio.ensure_future(anext(log))
        await until(lambda: log._scope is not None)
        with pytest.raises(errors.UsageError, match="Two tasks iterate the same log"):
            await anext(log)
        job.write("text")
        assert (await first).content == "text"


async def test_two_streams_of_one_log_are_independent(travis: Travis, job: Job) -> None:
    job.start()
    async with travis.follow_log(job.id) as first, travis.follow_log(job.id) as second:
        job.write("a")
        assert (await anext(first)).content == (await anext(second)).content == "a"
        await first.aclose()
        job.write("b", final=True)
        job.finish()
        assert [part.content async for part in second] == ["b"]


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [(403, "text/html", errors.AuthenticationError), (404, "application/json", errors.NotFoundError)],
    ids=["the token expires", "the job is gone"],
)
async def test_losing_access_while_following_raises(
    server: TravisServer, travis: Travis, job: Job, status: int, kind: str, error: type[errors.TravisError]
) -> None:
    job.start()
    job.write("a")
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "a"
        headers = {"Content-Type": kind}
        server.respond("GET", f"/jobs/{job.id}", status=status, body=b"access denied", headers=headers)
        job.world.notify("job:log", job, Part(2, "behind a hole", False))
        with pytest.raises(error):
            await anext(log)


async def test_a_log_removed_while_it_is_followed_ends(server: TravisServer, travis: Travis, job: Job) -> None:
    job.start()
    job.write("a")
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "a"
        job.finish()
        await travis.logs.remove(job.id)
        with anyio.fail_after(5):
            rest = [part async for part in log]
    assert "a" not in [part.content for part in rest]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write every text to a file, and deliver it a few characters at a time."""
    monkeypatch.setattr(spooled_text, "PIECE", 10)
    monkeypatch.setattr(spooled_text, "MAX_IN_MEMORY", 1)


@pytest.mark.usefixtures("small_pieces")
async def test_a_text_is_delivered_in_numbered_pieces_and_resumes_if_cancelled(travis: Travis, job: Job) -> None:
    job.start()
    job.write("größe " * 20, final=True)
    job.finish()
    job.log.unavailable_reads = 0
    log, parts, turns = travis.follow_log(job.id), list[LogPart](), 0
    while (part := await next_part(log, turns)) is not None:
        parts += [part] if part else []
        turns += 1
    assert [part.number for part in parts] == list(range(len(parts)))
    assert "".join(part.content or "" for part in parts) == job.log.text
    assert len(parts) > 10
    assert log.complete


async def next_part(log: LogStream, turns: int) -> LogPart | Literal[False] | None:
    """Wait for a part for some turns of the event loop: return it, None at the end, or False if there is none."""
    asking = asyncio.ensure_future(anext(log, None))
    for _ in range(turns % 120):
        await asyncio.sleep(0)
    with contextlib.suppress(asyncio.CancelledError):
        asking.cancel()
        return await asking
    return False


@pytest.mark.usefixtures("small_pieces")
async def test_a_stream_closed_in_the_middle_of_a_text_deletes_it(travis: Travis, job: Job) -> None:
    job.start()
    job.write("text " * 20, final=True)
    job.finish()
    async with travis.follow_log(job.id) as log:
        await anext(log)
        text = log._log.remainder
        assert text is not None
    assert text._file.closed
    assert not log.complete
    with pytest.raises(errors.UsageError, match="This stream has ended"):
        aiter(log)
    with pytest.raises(errors.UsageError, match="Parts of this log were taken before"):
        await log.text()


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("stored", ["live and more", "note: live and more"])
async def test_json_above_the_limit_is_replaced_by_text_that_continues_or_restarts(
    server: TravisServer, travis: Travis, job: Job, stored: str
) -> None:
    job.start()
    job.write("live")
    log = travis.with_options(max_response=3000).follow_log(job.id)
    assert (await anext(log)).content == "live"
    server.respond("GET", f"/v3/job/{job.id}/log_parts", body=b" " * 4000)
    server.respond("GET", f"/jobs/{job.id}/log", body=stored.encode(), headers={"Content-Type": "text/plain"})
    job.finish()
    parts = [part async for part in log]
    resets = [part for part in parts if isinstance(part, LogReset)]
    assert len(resets) == (not stored.startswith("live"))
    assert "".join(part.content or "" for part in parts) == stored.removeprefix("live")
    assert log.complete


async def test_a_log_without_numbers_that_has_ended_is_read_until_it_stays_the_same(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    server.log_mode = "2017"
    job.start()
    job.write("one ")
    job.finish()
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "one "
        job.write("two", final=True)
        assert "".join([part.content or "" async for part in log]) == "two"


async def test_a_restart_while_the_text_is_read_is_noticed(server: TravisServer, travis: Travis, job: Job) -> None:
    job.start()
    job.write("old", final=True)
    job.finish()
    reading, resumed = anyio.Event(), anyio.Event()
    read = travis.logs._stream_text

    async def interrupted(*args: Any, **options: Any) -> Any:
        log = await read(*args, **options)
        reading.set()
        await resumed.wait()
        return log

    log = travis.follow_log(job.id)
    log._poller._sources._logs = SimpleNamespace(parts=travis.logs.parts, _stream_text=interrupted, get=travis.logs.get)  # type: ignore[assignment]
    asking = asyncio.ensure_future(log.text())
    await reading.wait()
    now = server.world.clock()
    server.world.clock = lambda: now + 60
    job.restart()
    job.start()
    job.write("new", final=True)
    job.finish()
    resumed.set()
    assert await asking == "new"


async def test_a_running_log_above_the_limit_is_followed_as_text(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    job.start()
    job.write("x" * 5000)
    async with travis.with_options(max_response=4000).follow_log(job.id) as log:
        pieces = [(await anext(log)).content or ""]
        server.requests.clear()
        job.write(" and more")
        pieces.append((await anext(log)).content or "")
        assert not [seen for seen in server.requests if "log_parts" in seen.path]
        job.write("", final=True)
        job.finish()
        pieces += [part.content or "" async for part in log]
        assert log.complete
    assert "".join(pieces) == job.log.text
