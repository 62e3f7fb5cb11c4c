"""Restarts that take effect late, or never: waits, followed logs and `Travis.restart` wait for the new run."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import anyio
import msgspec
import pytest

from aiotravis import State, Travis, errors, events
from aiotravis.flows import waiting
from aiotravis.follow_log import poll_schedule
from aiotravis.follow_log import state as follow_log_state
from aiotravis.testing import Build, Job, Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BATCH_DELAY", 0.001)
    monkeypatch.setattr(waiting, "POLL_INTERVAL", 0.02)
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 0.02)
    monkeypatch.setattr("aiotravis.follow_log.stream.POLL_DELAY", 0.02)
    # For so long, what is read may be the old log; only live parts are certain.
    monkeypatch.setattr(follow_log_state, "MAX_OLD_LOG", 0.1)


@pytest.fixture
def server(live_or_polled: TravisServer) -> TravisServer:
    return live_or_polled


@pytest.fixture
async def travis(server: TravisServer) -> AsyncGenerator[Travis]:
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, restart_patience=5.0) as travis:
        yield travis


@pytest.fixture
async def impatient(server: TravisServer) -> AsyncGenerator[Travis]:
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, restart_patience=0.2) as travis:
        yield travis


@pytest.fixture
def build(repository: Repository) -> Build:
    """A build of two jobs that failed a minute ago: REST has whole seconds only (fact 1.3)."""
    build = repository.build(jobs=2, quiet=True)
    build.start().write("old\n").write("", final=True).finish("failed")
    build.started_at = build.finished_at = repository.world.clock() - 60
    for job in build.jobs:
        job.started_at = job.finished_at = build.started_at
    return build


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Callable[[Build | Job], Callable[[], Any]]:
    """Make Travis accept restarts without effect (fact 10.1); returns a function that gives one its effect."""

    def queue(target: Build | Job) -> Callable[[], Any]:
        effect = target.restart
        monkeypatch.setattr(target, "restart", lambda: target)
        return effect

    return queue


Queue = Callable[[Build | Job], Callable[[], Any]]


def awaits_run(travis: Travis) -> bool:
    """Return whether a wait still waits for a new run."""
    return any(target.awaits_run for target in travis._waiting._targets.values())


def reads(server: TravisServer) -> int:
    return sum(seen.method == "GET" and seen.path.startswith(("/builds", "/jobs")) for seen in server.requests)


async def further_reads(server: TravisServer, count: int = 2) -> None:
    enough = reads(server) + count
    await until(lambda: reads(server) >= enough)


# Waiting --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarted", ["build", "job"])
@pytest.mark.parametrize("waited", ["build", "job"])
async def test_a_wait_after_a_restart_is_for_the_new_run(
    server: TravisServer, travis: Travis, build: Build, queue: Queue, restarted: str, waited: str
) -> None:
    effect = queue(build if restarted == "build" else build.jobs[0])
    if restarted == "build":
        await travis.builds.restart(build.id)
    else:
        await travis.jobs.restart(build.jobs[0].id)
    found: list[Any] = []
    travis = travis.with_options(attempts=2)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            if waited == "build":
                found.append(await travis.wait_for_build(build.id))
            else:
                found.append(await travis.wait_for_job(build.jobs[0].id))

        group.start_soon(wait)
        await further_reads(server, 3)
        assert found == []
        effect()
        build.start()
        await until(lambda: not awaits_run(travis))
        assert found == []
        build.finish("passed")
    # The other job still makes the build fail if it was not restarted.
    assert found[0].state == (build if waited == "build" else build.jobs[0]).state
    # Later calls are not delayed.
    assert (await travis.wait_for_build(build.id)).state == build.state
    assert (await travis.wait_for_job(build.jobs[0].id)).passed


async def test_a_job_that_was_not_restarted_is_not_waited_for(travis: Travis, build: Build, queue: Queue) -> None:
    queue(build.jobs[0])
    await travis.jobs.restart(build.jobs[0].id)
    assert (await travis.wait_for_job(build.jobs[1].id)).state == "failed"


async def test_a_job_canceled_before_it_started_is_waited_for_after_its_restart(
    server: TravisServer, travis: Travis, repository: Repository, queue: Queue
) -> None:
    job = repository.build().jobs[0].cancel()
    effect = queue(job)
    await travis.jobs.restart(job.id)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            assert (await travis.wait_for_job(job.id)).passed

        group.start_soon(wait)
        await further_reads(server)
        effect()
        await until(lambda: not awaits_run(travis))
        job.start().finish("passed")


async def test_waits_of_a_dropped_restart_end_and_later_ones_take_the_old_run(
    impatient: Travis, build: Build, queue: Queue
) -> None:
    queue(build)
    await impatient.builds.restart(build.id)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:

            async def wait_for_job() -> None:
                with pytest.raises(errors.RestartDropped, match=r"POST /builds/.*Restart it again"):
                    await impatient.wait_for_job(build.jobs[1].id)

            async def follow() -> None:
                with pytest.raises(errors.RestartDropped):
                    await impatient.follow_log(build.jobs[0].id).text()

            group.start_soon(wait_for_job)
            group.start_soon(follow)
            with pytest.raises(errors.RestartDropped) as info:
                await impatient.wait_for_build(build.id, until=lambda _: True)
            assert (info.value.build_id, info.value.job_id) == (build.id, None)
    assert (await impatient.wait_for_build(build.id)).state == "failed"
    assert await impatient.follow_log(build.jobs[0].id).text() == "old\n"


async def test_a_response_that_was_on_its_way_when_the_new_run_was_seen_is_not_used(
    server: TravisServer, travis: Travis, build: Build, queue: Queue
) -> None:
    effect = queue(build)
    await travis.builds.restart(build.id)
    old = await travis.builds.get(build.id)
    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, build.id)
        await further_reads(server)
        effect()
        await until(lambda: not awaits_run(travis))
        before = reads(server)
        travis._waiting._apply_read(old)
        assert len(travis._waiting) == 1
        await until(lambda: reads(server) > before)
        build.start().finish("passed")


async def test_an_event_without_a_time_makes_the_build_be_read(
    server: TravisServer, travis: Travis, build: Build, queue: Queue
) -> None:
    queue(build)
    await travis.builds.restart(build.id)
    old = await travis.builds.get(build.id)
    async with anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, build.id)
        await until(lambda: len(travis._waiting._read_often) == 1)
        (watch,) = travis._waiting._receivers.values()
        created = msgspec.structs.replace(old, state=State.CREATED, started_at=None, finished_at=None)
        travis._waiting._apply_event(events.BuildCreated(build=created), watch)
        assert len(travis._waiting._read_often) == 1
        assert len(travis._waiting._due) == 1
        group.cancel_scope.cancel()


async def test_a_refused_restart_is_not_remembered(travis: Travis, repository: Repository) -> None:
    build = repository.build().start()
    with pytest.raises(errors.RefusedError):
        await travis.builds.restart(build.id)
    build.finish("failed")
    assert (await travis.wait_for_build(build.id)).state == "failed"


async def test_a_server_that_fails_for_the_whole_patience_does_not_make_the_old_run_new(
    server: TravisServer, impatient: Travis, build: Build, queue: Queue
) -> None:
    queue(build)
    await impatient.builds.restart(build.id)
    server.respond("GET", "/builds", status=503)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            with pytest.raises(errors.RestartDropped):
                await impatient.wait_for_build(build.id)

        group.start_soon(wait)
        await anyio.sleep(0.25)
        server.respond("GET", "/builds", status=503, times=1)


async def test_without_patience_nothing_is_waited_for(server: TravisServer, build: Build, queue: Queue) -> None:
    queue(build)
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, restart_patience=0) as travis:
        await travis.builds.restart(build.id)
        assert (await travis.wait_for_build(build.id)).state == "failed"
        with pytest.raises(errors.RestartDropped):
            await travis.restart(build.id)


# Following a log ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarted", ["build", "job"])
async def test_a_log_followed_after_a_restart_is_that_of_the_new_run(
    server: TravisServer, travis: Travis, build: Build, queue: Queue, restarted: str
) -> None:
    job = build.jobs[0]
    effect = queue(build if restarted == "build" else job)
    if restarted == "build":
        await travis.builds.restart(build.id)
    else:
        await travis.jobs.restart(job.id)
    parts: list[Any] = []
    async with anyio.create_task_group() as group:

        async def follow() -> None:
            async with travis.follow_log(job.id) as log:
                parts.append(await anext(log))
                parts.extend([part async for part in log])

        group.start_soon(follow)
        await further_reads(server)
        # A part of the old run that comes late (fact 7.9).
        job.world.notify("job:log", job, job.log.parts[0])
        await further_reads(server)
        assert parts == []
        effect()
        build.start().write("new\n")
        await until(lambda: len(parts) > 0)
        build.write("", final=True).finish("passed")
    # The old log was not given, so nothing has to be discarded.
    assert "".join(part.content for part in parts) == "new\n"
    assert {type(part).__name__ for part in parts} == {"LogPart"}


async def test_a_log_of_a_new_run_that_is_over_at_once_is_followed(
    server: TravisServer, travis: Travis, build: Build, queue: Queue
) -> None:
    job = build.jobs[0]
    effect = queue(job)
    await travis.jobs.restart(job.id)
    texts: list[str] = []
    async with anyio.create_task_group() as group:

        async def follow() -> None:
            texts.append(await travis.follow_log(job.id).text())

        group.start_soon(follow)
        await further_reads(server)
        effect()
        build.start().write("new\n").write("", final=True).finish("passed")
    assert texts == ["new\n"]


@pytest.mark.parametrize("code", [4200, 4001])
async def test_a_connection_lost_while_the_new_run_is_waited_for_does_no_harm(
    server: TravisServer, travis: Travis, build: Build, queue: Queue, code: int
) -> None:
    job = build.jobs[0]
    effect = queue(job)
    await travis.jobs.restart(job.id)
    texts: list[str] = []
    async with anyio.create_task_group() as group:

        async def follow() -> None:
            texts.append(await travis.follow_log(job.id).text())

        group.start_soon(follow)
        await further_reads(server)
        await server.pusher.disconnect(code)
        await further_reads(server)
        effect()
        build.start().write("new\n").write("", final=True).finish("passed")
    assert texts == ["new\n"]


# Restarts made elsewhere ----------------------------------------------------------------------------------------------


async def test_after_waits_for_a_restart_made_elsewhere(server: TravisServer, travis: Travis, build: Build) -> None:
    old, old_job = await travis.builds.get(build.id), await travis.jobs.get(build.jobs[0].id)
    found: list[Any] = []
    async with anyio.create_task_group() as group:

        async def wait_for_build() -> None:
            found.append((await travis.wait_for_build(build.id, after=old)).state)

        async def wait_for_job() -> None:
            found.append((await travis.wait_for_job(old_job, after=old_job)).state)

        async def follow() -> None:
            found.append(await travis.follow_log(old_job, after=old_job).text())

        group.start_soon(wait_for_build)
        group.start_soon(wait_for_job)
        group.start_soon(follow)
        await further_reads(server, 6)
        assert found == []
        build.restart().start().write("new\n").write("", final=True)
        await further_reads(server)
        build.finish("passed")
    assert sorted(found) == ["new\n", "passed", "passed"]


# Travis.restart -------------------------------------------------------------------------------------------------------


async def test_restart_returns_once_the_new_run_exists(
    server: TravisServer, travis: Travis, build: Build, queue: Queue
) -> None:
    effect = queue(build)
    found: list[Any] = []
    async with anyio.create_task_group() as group:

        async def restart() -> None:
            found.append(await travis.restart(await travis.builds.get(build.id)))

        group.start_soon(restart)
        await until(lambda: any(seen.method == "POST" and "restart" in seen.path for seen in server.requests))
        await further_reads(server, 3)
        assert found == []
        effect()
    assert [(one.id, one.state) for one in found] == [(build.id, "created")]
    build.start().finish("passed")
    assert (await travis.wait_for_build(build.id)).passed


async def test_restart_takes_a_job(travis: Travis, build: Build) -> None:
    job = await travis.jobs.get(build.jobs[0].id)
    restarted = await travis.restart(job)
    assert (restarted.id, restarted.pending, build.jobs[1].state) == (job.id, True, "failed")
    build.finish("passed")
    assert (await travis.restart(job=job.id)).pending


async def test_a_new_run_that_is_over_within_the_second_is_returned(
    travis: Travis, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    effect = build.restart

    def restart_and_run() -> Build:
        return effect().start().finish("passed")

    monkeypatch.setattr(build, "restart", restart_and_run)
    assert (await travis.restart(build.id)).passed


async def test_a_dropped_or_refused_restart_raises(
    impatient: Travis, build: Build, repository: Repository, queue: Queue
) -> None:
    queue(build)
    with pytest.raises(errors.RestartDropped):
        await impatient.restart(build.id)
    with pytest.raises(errors.RefusedError):
        await impatient.restart(repository.build().id)
    with pytest.raises(errors.NotFoundError):
        await impatient.restart(999)
    assert len(impatient._hub._dispatcher) == 0


async def test_closing_the_client_ends_a_restart(travis: Travis, build: Build, queue: Queue) -> None:
    queue(build)
    async with anyio.create_task_group() as group:

        async def restart() -> None:
            with pytest.raises(errors.UsageError, match="closed"):
                await travis.restart(build.id)

        group.start_soon(restart)
        await until(lambda: len(travis._waiting) == 1)
        await travis.aclose()
