"""What a follower finds by polling: lost parts, the end, gaps."""

import math

import pytest

from aiotravis import Travis, errors
from aiotravis.follow_log import log_timeout
from aiotravis.testing import Job, TravisServer
from tests.follow_log.reading import follow
from tests.waiting import ignored

pytestmark = pytest.mark.usefixtures("short_delays")


async def test_the_log_of_an_ended_job_is_complete(server: TravisServer, travis: Travis, job: Job) -> None:
    await server.play(job.build, speed=math.inf)
    assert await follow(travis, job) == job.log.text
    job.log.aggregated = True
    assert await follow(travis, job) == job.log.text


async def test_a_part_lost_on_the_live_channel_is_read_over_rest(
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


async def test_a_final_part_lost_on_the_live_channel_is_read_over_rest(
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
        assert "".join([part.content or "" async for part in log]) == "b"


async def test_without_a_live_channel_the_stream_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_timeout, "LATE_PARTS", 0.1)
    async with TravisServer(pusher_key=None) as server, Travis(endpoint=server.endpoint) as travis:
        job = server.world.repository("a/b").build().jobs[0]
        server.play(job.build, speed=100)
        assert await follow(travis, job) == job.log.text


async def test_a_temporarily_unavailable_text_is_read_later(server: TravisServer, travis: Travis, job: Job) -> None:
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


async def test_a_part_that_the_server_lost_is_reported_after_the_others(travis: Travis, job: Job) -> None:
    job.start()
    job.write("a")
    job.write("b")
    job.write("c")
    job.write("", final=True)
    del job.log.parts[1]
    job.finish()
    job.log.unavailable_reads = 0
    log = travis.follow_log(job.id)
    assert [(await anext(log)).content for _ in range(3)] == ["a", "c", ""]
    with pytest.raises(errors.LogGap, match="parts 1") as info:
        await anext(log)
    assert (info.value.job_id, info.value.missing) == (job.id, (1,))
    assert not log.complete
