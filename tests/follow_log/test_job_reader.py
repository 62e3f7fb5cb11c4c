"""The states of jobs, for all followers of a client: batched, at the same moments."""

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.follow_log.job_reader import IDLE_INTERVAL, JobReader
from aiotravis.testing import Repository, TravisServer
from tests.waiting import until


class Follower:
    pass


def reader(travis: Travis, followers: list[Follower]) -> JobReader:
    reader = JobReader(travis.jobs)
    for follower in followers:
        reader.add(follower)
    return reader


async def test_jobs_are_read_a_hundred_in_a_request(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    ids = [job.id for job in repository.build(jobs=150, quiet=True).jobs]
    followers = [Follower() for _ in ids]
    jobs = reader(travis, followers)
    found: dict[int, int] = {}

    async def read(number: int) -> None:
        found[number] = (await jobs.get(number)).id

    async with anyio.create_task_group() as group:
        for number in [*ids, ids[0]]:
            group.start_soon(read, number)
    assert found == {number: number for number in ids}
    assert len(server.requests) == 2


async def test_a_single_follower_reads_its_job_without_delay(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    job = repository.build(quiet=True).jobs[0]
    followers = [Follower()]
    assert (await reader(travis, followers).get(job.id)).id == job.id
    assert [seen.path for seen in server.requests] == [f"/jobs/{job.id}"]


async def test_a_missing_job_is_an_error_of_its_own_reader(travis: Travis, repository: Repository) -> None:
    job = repository.build(quiet=True).jobs[0]
    followers = [Follower(), Follower()]
    jobs = reader(travis, followers)

    async def read_missing() -> None:
        with pytest.raises(errors.NotFoundError, match="no job 9") as info:
            await jobs.get(9)
        assert info.value.missing == (9,)

    async with anyio.create_task_group() as group:
        group.start_soon(read_missing)
        assert (await jobs.get(job.id)).id == job.id


async def test_a_cancelled_reader_leaves_the_request_to_another(travis: Travis, repository: Repository) -> None:
    job = repository.build(quiet=True).jobs[0]
    followers = [Follower(), Follower()]
    jobs = reader(travis, followers)
    async with anyio.create_task_group() as first:
        first.start_soon(jobs.get, 9)
        await until(lambda: jobs._batch is not None)
        async with anyio.create_task_group() as second:

            async def read() -> None:
                assert (await jobs.get(job.id)).id == job.id

            second.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            first.cancel_scope.cancel()


async def test_all_jobs_are_read_at_the_same_moments_and_more_rarely_if_they_are_many() -> None:
    intervals: list[float | None] = []
    jobs = JobReader(None, intervals.append)  # type: ignore[arg-type]
    for now in (0.0, 1.0, 5.9, 6.1, 11.9, 12.0, 1234.5):
        delay = jobs.until_idle_read(now)
        assert IDLE_INTERVAL / 2 < delay <= IDLE_INTERVAL * 1.5
        assert (now + delay) % IDLE_INTERVAL == pytest.approx(0.0, abs=1e-6)
    followers = [Follower() for _ in range(6000)]
    for follower in followers:
        jobs.add(follower)
    assert intervals[-1] == jobs.idle_interval == 60.0
    for follower in followers:
        jobs.remove(follower)
    assert intervals.pop() is None
    assert jobs.idle_interval == IDLE_INTERVAL
