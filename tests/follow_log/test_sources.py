"""Where a log can be read, and what is remembered of that."""

import pytest

from aiotravis import Travis, errors
from aiotravis.follow_log.sources import LogSources
from aiotravis.testing import Job, Repository, TravisServer


@pytest.fixture
def job(repository: Repository) -> Job:
    job = repository.build().jobs[0]
    job.start()
    for piece in "abc":
        job.write(piece)
    return job


def asked(server: TravisServer) -> list[str]:
    return [seen.path.partition("?")[0] for seen in server.requests]


async def test_numbered_parts_come_first(server: TravisServer, travis: Travis, job: Job) -> None:
    snapshot = await LogSources(travis.logs).read(job.id, after=0)
    assert [part.number for part in snapshot.parts or ()] == [1, 2]
    assert asked(server) == [f"/v3/job/{job.id}/log_parts"]
    assert not snapshot.whole


async def test_a_server_without_version_three_is_asked_for_it_once(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    server.log_mode = "2017"
    sources = LogSources(travis.logs)
    for _ in range(2):
        assert [part.number for part in (await sources.read(job.id, after=1)).parts or ()] == [0, 1, 2]
    assert asked(server) == [f"/v3/job/{job.id}/log_parts", *[f"/jobs/{job.id}/log"] * 2]


async def test_a_log_that_is_not_there_yet_says_nothing_about_the_route(
    server: TravisServer, travis: Travis, job: Job
) -> None:
    sources = LogSources(travis.logs)
    job.log.missing = True
    assert (await sources.read(job.id)).parts == ()
    job.log.missing = False
    assert len((await sources.read(job.id)).parts or ()) == 3
    assert asked(server)[-1] == f"/v3/job/{job.id}/log_parts"


async def test_a_log_that_was_put_together_is_whole(server: TravisServer, travis: Travis, job: Job) -> None:
    job.log.aggregated = True
    snapshot = await LogSources(travis.logs).read(job.id)
    assert snapshot.whole
    server.log_mode = "2017"
    snapshot = await LogSources(travis.logs).read(job.id)
    assert (snapshot.parts, snapshot.body) == (None, "abc")


@pytest.mark.parametrize("text", ["log aggregated", "Your log is temporarily unavailable"])
async def test_a_placeholder_is_no_text(server: TravisServer, travis: Travis, job: Job, text: str) -> None:
    part = f'{{"number":0,"content":"{text}","final":true}}'
    server.respond("GET", f"/v3/job/{job.id}/log_parts", body=f'{{"log_parts":[{part}]}}'.encode())
    server.respond("GET", f"/jobs/{job.id}/log", body=f'{{"log":{{"id":1,"body":"{text}"}}}}'.encode())
    sources = LogSources(travis.logs)
    assert (await sources.read(job.id)).parts == ()
    assert (await sources.read_v2(job.id)).body is None


async def test_an_unknown_job_is_an_error(travis: Travis) -> None:
    with pytest.raises(errors.NotFoundError):
        await LogSources(travis.logs).read(9)
