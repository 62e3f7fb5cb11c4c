"""A log followed against the embedded Travis: whole, in order, once, whatever happens on the way."""

import asyncio
import contextlib
import math

import anyio
import pytest

from aiotravis import LogReset, Travis, errors
from aiotravis.follow_log import state
from aiotravis.testing import Job, Part, TravisServer
from tests.follow_log.reading import follow
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("hasty")


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


async def test_what_was_written_before_the_subscription_comes_first(travis: Travis, job: Job) -> None:
    job.start()
    job.write("before ")
    async with travis.follow_log(job.id) as log:
        job.write("after")
        job.write("", final=True)
        assert [part.content async for part in log] == ["before ", "after", ""]
        assert repr(log) == f"<LogStream of job {job.id}, ended>"


async def test_parts_in_any_order_and_twice_come_in_order_and_once(travis: Travis, job: Job) -> None:
    job.start()
    job.log.parts += [Part(n, str(n), n == 5) for n in range(6)]
    async with travis.follow_log(job.id) as log:
        for number in (5, 3, 3, 0, 1, 4, 2, 5):
            job.world.notify("job:log", job, job.log.parts[number])
        assert [part.content async for part in log] == list("012345")


async def test_a_connection_lost_on_the_way_loses_no_part(server: TravisServer, travis: Travis, job: Job) -> None:
    async with travis.follow_log(job.id) as log:
        job.start()
        job.write("a")
        assert (await anext(log)).content == "a"
        await server.pusher.disconnect()
        job.write("b")
        job.write("", final=True)
        assert [part.content async for part in log] == ["b", ""]


async def test_a_job_that_is_canceled_before_it_starts_has_an_empty_log(travis: Travis, job: Job) -> None:
    async with travis.follow_log(job.id) as log:
        job.finish("canceled")
        assert [part async for part in log] == []
        assert log.complete


async def test_a_restart_begins_the_log_anew(travis: Travis, job: Job) -> None:
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


async def test_an_unknown_job_is_told_and_nothing_is_left(server: TravisServer, travis: Travis) -> None:
    with pytest.raises(errors.NotFoundError):
        async with travis.follow_log(9):
            pass
    assert len(travis._hub._dispatcher) == 0


async def test_a_stream_that_was_closed_yields_nothing_and_opens_no_more(travis: Travis, job: Job) -> None:
    log = travis.follow_log(job.id)
    await log.aclose()
    assert [part async for part in log] == []
    with pytest.raises(errors.UsageError, match="has ended"):
        await log.__aenter__()


async def test_cancelling_leaves_nothing(server: TravisServer, travis: Travis, job: Job) -> None:
    job.start()
    with anyio.move_on_after(0.1) as scope:
        await follow(travis, job)
    assert scope.cancelled_caught
    assert len(travis._hub._dispatcher) == 0


async def test_a_server_that_fails_while_the_stream_is_opened_is_waited_out(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    job.start()
    job.write("text", final=True)
    job.finish()
    server.respond("GET", f"/jobs/{job.id}", status=500, times=2)
    server.respond("GET", "/config", status=500, times=2)
    assert await follow(travis, job) == "text"


async def test_asking_on_goes_on_where_it_was_even_if_opening_failed(
    server: TravisServer, travis: Travis, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "PATIENCE", 0.0)
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
async def test_a_part_that_is_asked_for_with_a_deadline_can_be_asked_for_again(live: bool) -> None:
    """Cancelled at every step of the way; each time, the next one who asks gets what follows."""
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
async def test_closing_it_from_another_task_ends_it_at_once_for_who_waits(live: bool) -> None:
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
            with anyio.fail_after(0.5):
                await log.aclose()
                assert await waiting is None
                await whole.aclose()
                with pytest.raises(errors.UsageError, match="closed before its end"):
                    await reading


async def test_one_stream_is_of_one_task(travis: Travis, job: Job) -> None:
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
    ("status", "kind", "told"),
    [(403, "text/html", errors.AuthenticationError), (404, "application/json", errors.NotFoundError)],
    ids=["the token expires", "the job is gone"],
)
async def test_what_becomes_of_the_right_to_follow_is_told(
    server: TravisServer, travis: Travis, job: Job, status: int, kind: str, told: type[errors.TravisError]
) -> None:
    job.start()
    job.write("a")
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "a"
        headers = {"Content-Type": kind}
        server.respond("GET", f"/jobs/{job.id}", status=status, body=b"access denied", headers=headers)
        job.world.notify("job:log", job, Part(2, "behind a hole", False))
        with pytest.raises(told):
            await anext(log)


async def test_a_log_that_is_removed_while_it_is_followed_ends(server: TravisServer, travis: Travis, job: Job) -> None:
    job.start()
    job.write("a")
    async with travis.follow_log(job.id) as log:
        assert (await anext(log)).content == "a"
        job.finish()
        await travis.logs.remove(job.id)
        with anyio.fail_after(5):
            rest = [part async for part in log]
    assert "a" not in [part.content for part in rest]
