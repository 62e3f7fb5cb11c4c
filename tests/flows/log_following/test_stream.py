"""A log followed against the embedded Travis: whole, in order, once, whatever happens on the way."""

import math

import anyio
import pytest

from aiotravis import LogReset, Travis, errors
from aiotravis.testing import Job, Part, TravisServer
from tests.flows.log_following.reading import follow

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
    assert len(travis._hub._registry) == 0


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
    assert len(travis._hub._registry) == 0
