"""The arguments of the methods that wait for builds, jobs and commits; the flows have tests of their own."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from aiotravis import Build, Job, Progress, Travis, errors
from aiotravis.testing import Repository, TravisServer
from tests.waiting import until

BUILD, JOB = Build(id=7, job_ids=(8,)), Job(id=8, build_id=7)


async def test_an_invalid_after_raises_usage_error() -> None:
    async with Travis() as travis:
        with pytest.raises(errors.UsageError, match="after must be a value of build 7"):
            await travis.wait_for_build(7, after=JOB)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(errors.UsageError, match="after must be a value of job 9"):
            await travis.wait_for_job(9, after=JOB)
        with pytest.raises(errors.UsageError, match="after must be a value of job 8"):
            travis.follow_log(8, after=BUILD)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_log_can_be_asked_for_without_an_event_loop() -> None:
    assert repr(Travis().follow_log(JOB, after=JOB)) == "<LogStream of job 8, not opened>"


async def test_restart_takes_either_a_build_or_a_job() -> None:
    async with Travis() as travis:
        with pytest.raises(errors.UsageError, match="either a build or a job"):
            await travis.restart()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
        with pytest.raises(errors.UsageError, match="either a build or a job"):
            await travis.restart(BUILD, job=JOB)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
        with pytest.raises(errors.UsageError, match="build must be a positive id"):
            await travis.restart(0)
        with pytest.raises(errors.UsageError, match="job must be a positive id"):
            await travis.restart(job=BUILD)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.mark.parametrize("patience", [-1, float("nan"), True, None])
def test_an_invalid_patience_raises_usage_error(patience: Any) -> None:
    with pytest.raises(errors.UsageError, match="restart_patience must be a finite number of seconds"):
        Travis(restart_patience=patience)


# Many builds ----------------------------------------------------------------------------------------------------------


async def test_builds_are_yielded_as_they_end(server: TravisServer, travis: Travis, repository: Repository) -> None:
    builds = [repository.build(quiet=True) for _ in range(5)]
    builds[3].start().finish("failed")
    reported: list[Progress] = []
    ids = [*(build.id for build in builds), 99_999, builds[0].id]
    async with travis.wait_for_builds(ids, progress=reported.append) as outcomes:
        found = [await anext(outcomes), await anext(outcomes)]
        assert {outcome.item for outcome in found} == {builds[3].id, 99_999}
        missing = next(outcome for outcome in found if outcome.item == 99_999)
        assert isinstance(missing.error, errors.NotFoundError)
        for place, times in ((4, 1), (1, 1), (0, 2), (2, 1)):
            builds[place].start().finish()
            for _ in range(times):
                outcome = await anext(outcomes)
                assert (outcome.item, outcome.value.state) == (builds[place].id, "passed")
        assert await anext(outcomes, None) is None
    assert (reported[-1].done, reported[-1].failed, reported[-1].total) == (7, 1, 7)


async def test_builds_to_wait_for_may_come_from_a_list(travis: Travis, repository: Repository) -> None:
    repository.history(60)
    running = repository.build().start()
    async with travis.wait_for_builds(travis.builds.list(repository.id)) as outcomes:
        ended = [(await anext(outcomes)).value.number for _ in range(60)]
        running.finish("errored")
        assert (await anext(outcomes)).value.state == "errored"
    assert sorted(map(int, ended)) == list(range(1, 61))


async def test_leaving_the_block_ends_the_waits(travis: Travis, repository: Repository) -> None:
    builds = [repository.build() for _ in range(200)]
    async with travis.wait_for_builds(build.id for build in builds) as outcomes:
        await until(lambda: len(travis._waiting) == 200)
        builds[7].start().finish()
        assert (await anext(outcomes)).item == builds[7].id
    assert len(travis._waiting) == 0
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "aiotravis waiting"])
    assert [task for task in asyncio.all_tasks() if "map" in task.get_name()] == []


@pytest.mark.parametrize("builds", [7, "7", [7, 0], [7, JOB], [7, None]])
def test_what_is_no_build_is_refused_before_any_wait(builds: Any) -> None:
    with pytest.raises(errors.UsageError, match="builds must be ") as info:
        Travis().wait_for_builds(builds)
    assert info.value.argument == "builds"


async def test_what_is_no_build_in_an_async_iterable_fails_alone(travis: Travis, repository: Repository) -> None:
    [build] = repository.history(1)

    async def mixed() -> AsyncGenerator[Any]:
        for item in (0, build.id, JOB):
            yield item

    async with travis.wait_for_builds(mixed()) as outcomes:
        found = {outcome.item: outcome.error async for outcome in outcomes}
    assert found[build.id] is None
    assert sum(isinstance(error, errors.UsageError) for error in found.values()) == 2


# until= ---------------------------------------------------------------------------------------------------------------

SHA = "0123456789"

WAITS: list[Callable[[Travis, Any], Awaitable[object]]] = [
    lambda travis, condition: travis.wait_for_build(7, until=condition),
    lambda travis, condition: travis.wait_for_job(8, until=condition),
    lambda travis, condition: travis.wait_for_builds([7], until=condition).__aenter__(),
    lambda travis, condition: travis.wait_for_commit(9, SHA, until=condition),
]


async def ended(value: Build | Job) -> bool:
    await anyio.lowlevel.checkpoint()
    return value.finished


class Ended:
    async def __call__(self, value: Build | Job) -> bool:
        return await ended(value)


@pytest.mark.parametrize("until", [ended, 3, True, "passed"])
@pytest.mark.parametrize("wait", WAITS)
async def test_an_async_until_is_refused_before_anything_is_sent(wait: Any, until: Any) -> None:
    async with TravisServer() as server, Travis(endpoint=server.endpoint) as travis:
        with pytest.raises(errors.UsageError, match="until must be a ") as info:
            await wait(travis, until)
        assert (info.value.argument, list(server.requests)) == ("until", [])


def start(value: Build | Job) -> object:
    return ended(value)


@pytest.mark.parametrize("until", [start, Ended()])
@pytest.mark.parametrize("kind", ["build", "job", "commit"])
async def test_an_until_that_turns_out_to_be_async_ends_its_own_wait_alone(until: Any, kind: str) -> None:
    async with TravisServer() as server, Travis(endpoint=server.endpoint) as travis:
        build = server.world.repository("a/b").build().start()
        job = build.jobs[0]
        wait: dict[str, Callable[[Any], Awaitable[Build | Job]]] = {
            "build": lambda until: travis.wait_for_build(build.id, until=until),
            "job": lambda until: travis.wait_for_job(job.id, until=until),
            "commit": lambda until: travis.wait_for_commit("a/b", build.commit.sha, until=until),
        }
        found: list[Build | Job] = []

        async def wait_for_the_end() -> None:
            found.append(await wait[kind](None))

        async with anyio.create_task_group() as group:
            group.start_soon(wait_for_the_end)
            with anyio.fail_after(5), pytest.raises(errors.UsageError, match="until must be a plain function"):
                await wait[kind](until)
            build.finish()
        assert [value.state for value in found] == ["passed"]
