"""What a follower finds by looking: what was lost on the way, the end, holes."""

import math

import pytest

from aiotravis import Travis, errors
from aiotravis.testing import Job, TravisServer
from tests.follow_log.reading import follow
from tests.waiting import ignored

pytestmark = pytest.mark.usefixtures("hasty")


async def test_a_log_that_ended_long_ago_is_read_once(server: TravisServer, travis: Travis, job: Job) -> None:
    await server.play(job.build, speed=math.inf)
    assert await follow(travis, job) == job.log.text
    job.log.aggregated = True
    assert await follow(travis, job) == job.log.text


async def test_a_part_that_was_lost_on_the_way_is_asked_for(
    server: TravisServer, travis: Travis, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with travis.follow_log(job.id) as log:
        job.start()
        publish = server.world.notify
        monkeypatch.setattr(server.world, "notify", ignored)
        job.write("lost ")
        monkeypatch.setattr(server.world, "notify", publish)
        job.write("found")
        job.write("", final=True)
        assert [part.content async for part in log] == ["lost ", "found", ""]


async def test_a_lost_end_is_found(
    server: TravisServer, travis: Travis, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with travis.follow_log(job.id) as log:
        job.start()
        job.write("a")
        assert (await anext(log)).content == "a"
        publish = server.world.notify
        monkeypatch.setattr(server.world, "notify", ignored)
        job.write("b")
        job.write("", final=True)
        monkeypatch.setattr(server.world, "notify", publish)
        job.finish()
        assert [part.content async for part in log] == ["b", ""]


async def test_without_a_live_channel_it_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    async with TravisServer(pusher_key=None) as server, Travis(endpoint=server.endpoint) as travis:
        job = server.world.repository("a/b").build().jobs[0]
        server.play(job.build, speed=100)
        assert await follow(travis, job) == job.log.text


async def test_a_server_without_numbers_and_without_the_text_yet(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    server.log_mode = "2017"
    server.respond(
        "GET", f"/jobs/{job.id}/log", body=b'{"log":{"id":1,"body":"Your log is temporarily unavailable"}}', times=1
    )
    job.start()
    async with travis.follow_log(job.id) as log:
        job.write("text")
        job.write("", final=True)
        job.finish()
        assert "".join([part.content or "" async for part in log]) == "text"


async def test_a_part_that_the_server_itself_has_lost_is_named_after_all_the_rest(travis: Travis, job: Job) -> None:
    job.start()
    job.write("a")
    job.write("b")
    job.write("c")
    job.write("", final=True)
    del job.log.parts[1]
    job.finish()
    log = travis.follow_log(job.id)
    assert [(await anext(log)).content for _ in range(3)] == ["a", "c", ""]
    with pytest.raises(errors.LogGap, match="parts 1") as info:
        await anext(log)
    assert (info.value.job_id, info.value.missing) == (job.id, (1,))
    assert not log.complete
