"""Waiting for builds and jobs: any number of calls, one connection, each resolved once and correctly."""

import asyncio
import random
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any, cast

import anyio
import anyio.lowlevel
import msgspec
import pytest
from anyio.abc import TaskGroup

from aiotravis import Build, Job, State, Travis, errors, events
from aiotravis.flows import waiting
from aiotravis.testing import Build as BuildOfWorld
from aiotravis.testing import Job as JobOfWorld
from aiotravis.testing import Part, Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import ignored, until

LONG = "x" * 10_001


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BATCH_DELAY", 0.001)
    monkeypatch.setattr(waiting, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(waiting, "POLL_INTERVAL", 0.02)


@pytest.fixture
async def single_attempt(server: TravisServer) -> AsyncGenerator[Travis]:
    """A client whose transport does not retry: what is retried, the flow retries."""
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, attempts=1) as travis:
        yield travis


def reads(server: TravisServer) -> list[str]:
    return [seen.path for seen in server.requests if seen.path.startswith(("/builds", "/jobs"))]


async def test_a_finished_build_is_returned_at_once(
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
    # Once to learn their repository, once more as soon as it is subscribed to.
    assert len(reads(server)) == 4


async def test_until_decides_when_the_wait_ends(travis: Travis, repository: Repository, server: TravisServer) -> None:
    build = repository.build()
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            assert (await travis.wait_for_build(build.id, until=lambda one: one.running)).running

        group.start_soon(wait)
        await server.pusher.wait_occupied("repo-82")
        build.start()


async def test_an_exception_of_until_is_raised_in_its_call(travis: Travis, repository: Repository) -> None:
    build = repository.build()

    def fail(_: Build) -> bool:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await travis.wait_for_build(build.id, until=fail)
    assert len(travis._waiting) == 0


async def test_an_unknown_build_fails_its_own_wait_only(travis: Travis, repository: Repository) -> None:
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


async def test_a_restart_before_until_holds_prolongs_the_wait(
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
async def test_a_change_without_a_complete_event_is_found_by_reading(
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


async def test_late_events_and_those_of_an_earlier_run_do_not_end_a_wait(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.start()
    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, build.id)
        await server.pusher.wait_occupied("repo-82")
        await until(lambda: len(reads(server)) == 2 and not travis._waiting._due)
        (watch,) = travis._waiting._receivers.values()
        read = await travis.builds.get(build.id)
        assert read.started_at is not None

        def receive(state: State, seconds: float, *, started: float | None = None, late: bool = False) -> None:
            """Receive an event of so many seconds after the start that was read."""
            assert read.started_at is not None
            start = None if started is None else read.started_at + timedelta(seconds=started)
            updated_at = read.started_at + timedelta(seconds=seconds)
            value = msgspec.structs.replace(read, state=state, started_at=start, updated_at=updated_at)
            travis._waiting._apply_event(events.BuildFinished(build=value, late=late), watch)

        receive(State.FAILED, -1)
        receive(State.FAILED, 1, late=True)
        # A restarted build starts; what comes afterwards from the run before is older than this start.
        receive(State.STARTED, 9, started=8)
        receive(State.FAILED, 7)
        receive(State.CREATED, 10)
        receive(State.FAILED, 7)
        # The new run has not started, as far as is known: only a read can tell what has ended.
        receive(State.FAILED, 11)
        assert len(travis._waiting) == 1
        assert len(travis._waiting._due) == 1
        receive(State.STARTED, 13, started=12)
        receive(State.FAILED, 7, started=0)
        assert len(travis._waiting) == 1
        receive(State.FAILED, 14, started=12)
        assert len(travis._waiting) == 0


async def test_an_incomplete_event_is_completed_by_reading(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = repository.build()
    build.start()
    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, build.id)
        await server.pusher.wait_occupied("repo-82")
        await until(lambda: len(reads(server)) == 2 and not travis._waiting._due)
        monkeypatch.setattr(server.world, "notify", ignored)
        build.finish()
        (watch,) = travis._waiting._receivers.values()
        event = events.BuildFinished(build=Build(id=build.id), complete=False)
        travis._waiting._apply_event(event, watch)
    assert len(reads(server)) == 3


async def test_the_last_wait_of_a_repository_unsubscribes_from_it(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    first, second = repository.build(), server.world.repository("a/b").build()
    async with anyio.create_task_group() as group:
        for build in (first, second):
            build.start()
            group.start_soon(travis.wait_for_build, build.id)
            await server.pusher.wait_occupied(f"repo-{build.repository.id}")
        first.finish()
        await until(lambda: not server.pusher.occupied("repo-82"))
        assert len(travis._waiting) == 1
        second.finish()


async def test_without_a_live_channel_states_are_polled_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    async with TravisServer(pusher_key=None) as server, Travis(endpoint=server.endpoint, live=HASTY) as travis:
        builds = [server.world.repository("a/b").build(quiet=True) for _ in range(150)]
        async with anyio.create_task_group() as group:
            for build in builds:
                group.start_soon(travis.wait_for_build, build.id)
            await until(lambda: len(reads(server)) >= 4)
            for build in builds:
                build.finish()
        assert all("ids=" in path for path in reads(server))


async def test_transient_failures_of_the_server_are_retried(
    server: TravisServer, single_attempt: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.start()
    build.finish()
    server.respond("GET", "/builds", status=503, times=3)
    assert (await single_attempt.wait_for_build(build.id)).passed
    assert len(reads(server)) == 4
    server.respond("GET", "/builds", status=403, body=b"access denied", headers={"Content-Type": "text/html"})
    with pytest.raises(errors.AuthenticationError):
        await single_attempt.wait_for_build(build.id)


async def test_cancelling_unsubscribes_and_ends_the_background_task(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
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


async def test_cancelling_after_any_number_of_turns_leaves_nothing(
    server: TravisServer, repository: Repository
) -> None:
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
    monkeypatch.setattr(waiting, "RECONCILE_INTERVAL", 0.01)
    monkeypatch.setattr(waiting, "POLL_INTERVAL", 0.01)
    build = repository.build()
    build.start()
    build.finish("passed")
    server.respond("GET", "/builds", body=b'{"builds":[{"id":null,"number":"1"}]}', times=2)
    assert (await travis.wait_for_build(build.id)).passed


@pytest.mark.parametrize("kind", ["strict", "large"])
async def test_a_response_that_cannot_be_read_ends_the_wait_it_concerns_alone(server: TravisServer, kind: str) -> None:
    repository = server.world.repository("a/b")
    builds = [repository.build(message="x" * (20_000 if kind == "large" and n == 3 else 1)) for n in range(8)]
    for build in builds:
        build.finish("passed")
    if kind == "strict":
        builds[3].event_type = cast("Any", ["odd"])
    outcomes: dict[int, object] = {}
    options = {"strict": True} if kind == "strict" else {"max_response": 15_000}
    async with Travis(endpoint=server.endpoint, live=HASTY, attempts=1, **cast("Any", options)) as travis:

        async def wait(number: int) -> None:
            try:
                outcomes[number] = (await travis.wait_for_build(number)).state
            except errors.TravisError as exc:
                outcomes[number] = type(exc)

        async with anyio.create_task_group() as group:
            for build in builds:
                group.start_soon(wait, build.id)
    expected: dict[int, object] = {build.id: "passed" for build in builds}
    expected[builds[3].id] = errors.DecodeError if kind == "strict" else errors.TooLargeError
    assert outcomes == expected
    # All, then halves: one build in eight takes seven requests.
    assert len(reads(server)) == 7


async def _finish_all(server: TravisServer, builds: list[int], draw: random.Random) -> None:
    for number in builds:
        build = server.world.builds[number]
        build.start()
        build.finish(draw.choice(["passed", "failed", "errored", "canceled"]))
        if draw.random() < 0.05:
            await server.pusher.disconnect(draw.choice([None, 1001, 4200]))
        if draw.random() < 0.2:
            await anyio.lowlevel.checkpoint()


async def test_many_waits_on_one_socket_end_once_each_while_connections_die(
    server: TravisServer, travis: Travis, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(7)
    repositories = [server.world.repository(f"a/{name}") for name in "bcd"]
    builds = [draw.choice(repositories).build(quiet=True).id for _ in range(300)]
    states: dict[int, list[str]] = {number: [] for number in builds}
    publish = server.world.notify

    def lossy(event: str, thing: BuildOfWorld | JobOfWorld, part: Part | None = None) -> None:
        for _ in range(draw.choice([0, 1, 1, 2])):
            publish(event, thing, part)

    monkeypatch.setattr(server.world, "notify", lossy)
    monkeypatch.setattr(waiting, "RECONCILE_INTERVAL", 0.3)
    monkeypatch.setattr("aiotravis.live.reconnect_policy.ATTEMPT_LIMITS", ((10.0, 10_000),))

    async def wait(number: int) -> None:
        states[number].append((await travis.wait_for_build(number)).state)

    async def story(group: TaskGroup) -> None:
        for number in builds:
            group.start_soon(wait, number)
        await until(lambda: len(travis._waiting) == 300)
        await _finish_all(server, builds, draw)

    async with anyio.create_task_group() as group:
        await story(group)
    assert states == {number: [server.world.builds[number].state] for number in builds}
    assert len(server.pusher.connections) <= 1


async def test_an_exception_of_until_after_cancellation_is_dropped(travis: Travis, repository: Repository) -> None:
    build = repository.build()
    build.start()
    cancelled: list[asyncio.Task[Build]] = []

    def cancel(_: Build) -> bool:
        cancelled[0].cancel()
        raise LookupError("mine")

    async with anyio.create_task_group() as group:
        cancelled.append(asyncio.ensure_future(travis.wait_for_build(build.id, until=cancel)))
        group.start_soon(travis.wait_for_build, build.id)
        await asyncio.wait(cancelled)
        assert cancelled[0].cancelled()
        build.finish()


async def test_stop_iteration_of_until_becomes_runtime_error_in_its_call_only(
    travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.start()

    def stop(_: Build) -> bool:
        raise StopIteration

    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, build.id)
        with pytest.raises(RuntimeError, match="StopIteration") as info:
            await travis.wait_for_build(build.id, until=stop)
        assert isinstance(info.value.__cause__, StopIteration)
        build.finish()


@pytest.mark.parametrize("status", [503, 500])
async def test_subscribing_is_retried_after_a_transient_failure(
    server: TravisServer, single_attempt: Travis, repository: Repository, status: int
) -> None:
    build = repository.build()
    build.start()
    server.respond("GET", "/config", status=status, times=1)
    async with anyio.create_task_group() as group:
        group.start_soon(single_attempt.wait_for_build, build.id)
        await server.pusher.wait_occupied("repo-82")
        build.finish()


async def test_a_wait_begun_as_the_last_one_of_its_repository_ends_gets_events(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = repository.build(), repository.build()
    first.start()
    publish = server.world.notify
    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, first.id)
        await server.pusher.wait_occupied("repo-82")
        await until(lambda: len(reads(server)) == 2)
        monkeypatch.setattr(waiting, "BATCH_DELAY", 0.3)
        monkeypatch.setattr(server.world, "notify", ignored)
        first.finish()
        monkeypatch.setattr(server.world, "notify", publish)
        await server.pusher.disconnect()
        await until(lambda: len(travis._waiting._due) == 1)
        # Both are read in one batch: the first has ended, and the repository is not watched any more.
        group.start_soon(travis.wait_for_build, second.id)
        await until(lambda: len(travis._waiting) == 2)
        monkeypatch.setattr(waiting, "BATCH_DELAY", 0.001)
        await until(lambda: len(travis._waiting) == 1)
        assert len(reads(server)) == 3
        # Read once more as soon as the repository is subscribed to; from then on, events decide.
        await until(lambda: len(reads(server)) == 4)
        second.start()
        second.finish()
