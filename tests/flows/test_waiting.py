"""Waiting for builds and jobs: any number of waiters, one connection, each told once and rightly."""

import asyncio
import random

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from aiotravis import Build, Job, Travis, errors
from aiotravis.flows import waiting
from aiotravis.testing import Build as BuildOfWorld
from aiotravis.testing import Job as JobOfWorld
from aiotravis.testing import Part, Repository, TravisServer
from tests.conftest import HASTY
from tests.waiting import ignored, until

LONG = "x" * 10_001


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "GATHER", 0.001)
    monkeypatch.setattr(waiting, "POLL", 0.02)


def reads(server: TravisServer) -> list[str]:
    return [seen.path for seen in server.requests if seen.path.startswith(("/builds", "/jobs"))]


async def test_a_build_that_has_ended_is_given_at_once(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.start()
    build.finish("failed")
    found = await travis.wait_for_build(build.id)
    assert (found.id, found.state, found.passed) == (build.id, "failed", False)
    assert found.commit is not None
    assert len(reads(server)) == 1
    assert server.pusher.opened == 0


@pytest.mark.parametrize("state", ["passed", "failed", "errored", "canceled"])
async def test_an_event_ends_the_wait(server: TravisServer, travis: Travis, repository: Repository, state: str) -> None:
    build = repository.build(jobs=2)
    build.start()
    found: list[Build | Job] = []
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found.append(await travis.wait_for_build(build.id))

        async def wait_for_job() -> None:
            found.append(await travis.wait_for_job(build.jobs[0].id))

        group.start_soon(wait)
        group.start_soon(wait_for_job)
        await server.pusher.wait_occupied("repo-82")
        await until(lambda: len(reads(server)) == 4)
        build.finish(state)
    assert {(type(one), one.id, one.state) for one in found} == {
        (Build, build.id, state), (Job, build.jobs[0].id, state),
    }  # fmt: skip
    # Once to learn their repository, once more as soon as it is listened to.
    assert len(reads(server)) == 4


async def test_what_is_waited_for_may_be_anything(travis: Travis, repository: Repository, server: TravisServer) -> None:
    build = repository.build()
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            assert (await travis.wait_for_build(build.id, until=lambda one: one.running)).running

        group.start_soon(wait)
        await server.pusher.wait_occupied("repo-82")
        build.start()


async def test_the_callers_own_failure_is_the_callers(travis: Travis, repository: Repository) -> None:
    build = repository.build()

    def fail(_: Build) -> bool:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await travis.wait_for_build(build.id, until=fail)
    assert len(travis._waiting) == 0


async def test_an_unknown_build_is_told_to_who_waits_for_it_alone(travis: Travis, repository: Repository) -> None:
    build = repository.build()
    build.start()
    build.finish()
    async with anyio.create_task_group() as group:

        async def unknown() -> None:
            with pytest.raises(errors.NotFoundError, match="GET /builds/999: no such build"):
                await travis.wait_for_build(999)
            with pytest.raises(errors.NotFoundError, match="no such job"):
                await travis.wait_for_job(998)

        group.start_soon(unknown)
        assert (await travis.wait_for_build(build.id)).passed


async def test_a_restart_before_the_end_is_waited_out(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.start()
    found: list[Build] = []
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found.append(await travis.wait_for_build(build.id, until=lambda one: one.passed))

        group.start_soon(wait)
        await server.pusher.wait_occupied("repo-82")
        build.finish("failed")
        build.restart()
        build.start()
        assert found == []
        build.finish("passed")
    assert found[0].passed


@pytest.mark.parametrize("loss", ["reconnect", "too large"])
async def test_what_no_event_told_is_found_by_reading(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    build = repository.build()
    build.start()
    found: list[Build] = []
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found.append(await travis.wait_for_build(build.id))

        group.start_soon(wait)
        await server.pusher.wait_occupied("repo-82")
        await until(lambda: len(reads(server)) == 2)
        if loss == "reconnect":
            publish = server.world.notify
            monkeypatch.setattr(server.world, "notify", ignored)
            build.finish()
            monkeypatch.setattr(server.world, "notify", publish)
            await server.pusher.disconnect()
        else:
            build.commit.message = LONG
            build.finish()
    assert found[0].passed


async def test_without_a_live_channel_everything_is_read_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    async with TravisServer(pusher_key=None) as server, Travis(endpoint=server.endpoint, live=HASTY) as travis:
        builds = [server.world.repository("a/b").build(quiet=True) for _ in range(150)]
        async with anyio.create_task_group() as group:
            for build in builds:
                group.start_soon(travis.wait_for_build, build.id)
            await until(lambda: len(reads(server)) >= 4)
            for build in builds:
                build.finish()
        assert all("ids=" in path for path in reads(server))


async def test_a_failing_server_is_waited_out(server: TravisServer, travis: Travis, repository: Repository) -> None:
    build = repository.build()
    build.start()
    build.finish()
    server.respond("GET", "/builds", status=503, times=3)
    assert (await travis.wait_for_build(build.id)).passed
    server.respond("GET", "/builds", status=403, body=b"access denied", headers={"Content-Type": "text/html"})
    with pytest.raises(errors.AuthenticationError):
        await travis.wait_for_build(build.id)


async def test_cancelling_leaves_nothing(server: TravisServer, travis: Travis, repository: Repository) -> None:
    build = repository.build()
    for _ in range(2):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(travis.wait_for_build, build.id)
                await server.pusher.wait_occupied("repo-82")
                scope.cancel()
        await until(lambda: not server.pusher.occupied("repo-82"))
        assert len(travis._waiting) == 0
        await until(lambda: not travis._waiting._task.running)


async def test_cancelling_at_every_step_leaves_nothing(server: TravisServer, repository: Repository) -> None:
    """A wait is cancelled after every number of turns of the loop that it takes; nothing of it is left behind."""
    build = repository.build()
    before = len(asyncio.all_tasks())
    for turns in [*range(40), 80, 160]:
        async with Travis(endpoint=server.endpoint, live=HASTY) as travis:
            waiter = asyncio.ensure_future(travis.wait_for_build(build.id))
            for _ in range(turns):
                await asyncio.sleep(0)
            waiter.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiter
            assert len(travis._waiting) == 0
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_closing_the_client_ends_every_wait(server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    travis = Travis(endpoint=server.endpoint)
    waiter = asyncio.ensure_future(travis.wait_for_build(build.id))
    await server.pusher.wait_occupied("repo-82")
    await travis.aclose()
    with pytest.raises(errors.UsageError, match="closed while"):
        await waiter
    with pytest.raises(errors.UsageError, match="closed"):
        await travis.wait_for_build(build.id)


async def test_a_build_that_came_without_a_readable_id_is_read_again(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "RECONCILE", 0.01)
    monkeypatch.setattr(waiting, "POLL", 0.01)
    build = repository.build()
    build.start()
    build.finish("passed")
    server.respond("GET", "/builds", body=b'{"builds":[{"id":null,"number":"1"}]}', times=2)
    assert (await travis.wait_for_build(build.id)).passed


async def _finish_all(server: TravisServer, builds: list[int], draw: random.Random) -> None:
    for number in builds:
        build = server.world.builds[number]
        build.start()
        build.finish(draw.choice(["passed", "failed", "errored", "canceled"]))
        if draw.random() < 0.05:
            await server.pusher.disconnect(draw.choice([None, 1001, 4200]))
        if draw.random() < 0.2:
            await anyio.lowlevel.checkpoint()


async def test_many_waiters_on_one_socket_each_told_once_while_connections_die(
    server: TravisServer, travis: Travis, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(7)
    repositories = [server.world.repository(f"a/{name}") for name in "bcd"]
    builds = [draw.choice(repositories).build(quiet=True).id for _ in range(300)]
    told: dict[int, list[str]] = {number: [] for number in builds}
    publish = server.world.notify

    def lossy(event: str, thing: BuildOfWorld | JobOfWorld, part: Part | None = None) -> None:
        for _ in range(draw.choice([0, 1, 1, 2])):
            publish(event, thing, part)

    monkeypatch.setattr(server.world, "notify", lossy)
    monkeypatch.setattr(waiting, "RECONCILE", 0.3)
    monkeypatch.setattr("aiotravis.live.reconnect_policy.ATTEMPT_LIMITS", ((10.0, 10_000),))

    async def wait(number: int) -> None:
        told[number].append((await travis.wait_for_build(number)).state)

    async def story(group: TaskGroup) -> None:
        for number in builds:
            group.start_soon(wait, number)
        await until(lambda: len(travis._waiting) == 300)
        await _finish_all(server, builds, draw)

    async with anyio.create_task_group() as group:
        await story(group)
    assert told == {number: [server.world.builds[number].state] for number in builds}
    assert len(server.pusher.connections) <= 1


async def test_a_failure_of_who_has_just_left_harms_nobody_else(travis: Travis, repository: Repository) -> None:
    build = repository.build()
    build.start()
    leaving: list[asyncio.Task[Build]] = []

    def leave(_: Build) -> bool:
        leaving[0].cancel()
        raise LookupError("mine")

    async with anyio.create_task_group() as group:
        leaving.append(asyncio.ensure_future(travis.wait_for_build(build.id, until=leave)))
        group.start_soon(travis.wait_for_build, build.id)
        await asyncio.wait(leaving)
        assert leaving[0].cancelled()
        build.finish()


async def test_a_function_that_stops_an_iteration_harms_nobody_else(travis: Travis, repository: Repository) -> None:
    build = repository.build()
    build.start()

    def stop(_: Build) -> bool:
        raise StopIteration

    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, build.id)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await travis.wait_for_build(build.id, until=stop)
        build.finish()


@pytest.mark.parametrize("status", [503, 500])
async def test_a_live_channel_that_cannot_be_found_just_now_is_waited_out(
    server: TravisServer, travis: Travis, repository: Repository, status: int
) -> None:
    build = repository.build()
    build.start()
    attempts = travis._transport.config.attempts
    server.respond("GET", "/config", status=status, times=attempts if status == 503 else 1)
    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, build.id)
        await server.pusher.wait_occupied("repo-82")
        build.finish()


async def test_who_comes_as_the_last_of_a_repository_leaves_is_told_by_events_too(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = repository.build(), repository.build()
    first.start()
    publish = server.world.notify
    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, first.id)
        await server.pusher.wait_occupied("repo-82")
        await until(lambda: len(reads(server)) == 2)
        monkeypatch.setattr(waiting, "GATHER", 0.3)
        monkeypatch.setattr(server.world, "notify", ignored)
        first.finish()
        monkeypatch.setattr(server.world, "notify", publish)
        await server.pusher.disconnect()
        await until(lambda: len(travis._waiting._unread) == 1)
        # Both are read at once: the first has ended, and nobody listens to the repository any more.
        group.start_soon(travis.wait_for_build, second.id)
        await until(lambda: len(travis._waiting) == 2)
        await until(lambda: len(travis._waiting) == 1)
        assert len(reads(server)) == 3
        # Read once more as soon as it is listened to; from then on, events tell.
        await until(lambda: len(reads(server)) == 4)
        second.start()
        second.finish()
