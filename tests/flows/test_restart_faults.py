"""Restarts on a Travis that answers oddly, repeats events, loses them, and whose clocks differ."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.flows import restart as restart_flow
from aiotravis.flows import waiting
from aiotravis.follow_log import poll_schedule
from aiotravis.resources import _runs
from aiotravis.testing import Build, Job, Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>proxy</body></html>"
HTML, JSON = {"Content-Type": "text/html"}, {"Content-Type": "application/json"}
YEAR_9999 = datetime(9999, 12, 31, tzinfo=UTC).timestamp()

Flow = Callable[[Travis, Build], Awaitable[str]]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (waiting, "BATCH_DELAY"), (waiting, "FIRST_RETRY"), (restart_flow, "FIRST_RETRY"), (_runs, "MAX_POLL_INTERVAL"),
        (poll_schedule, "POLL_DELAY"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 0.01)
    monkeypatch.setattr("aiotravis.follow_log.stream.POLL_DELAY", 0.01)


@pytest.fixture
async def travis(server: TravisServer) -> AsyncGenerator[Travis]:
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, attempts=1, restart_patience=5.0) as travis:
        yield travis


@pytest.fixture
def build(repository: Repository) -> Build:
    """A build that failed a minute ago."""
    build = repository.build(quiet=True).start().write("old\n").write("", final=True).finish("failed")
    build.started_at, build.finished_at = repository.world.clock() - 90, repository.world.clock() - 60
    for job in build.jobs:
        job.started_at, job.finished_at = build.started_at, build.finished_at
    return build


@pytest.fixture
def effect(build: Build, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Build]:
    """Make Travis accept restarts without effect (fact 10.1); gives the build's restart its effect."""
    restart = build.restart
    monkeypatch.setattr(build, "restart", lambda: build)
    return restart


def reads(server: TravisServer) -> int:
    return sum(seen.method == "GET" and seen.path.startswith(("/builds", "/jobs")) for seen in server.requests)


def posts(server: TravisServer) -> int:
    return sum(seen.method == "POST" and seen.path.endswith("/restart") for seen in server.requests)


async def further_reads(server: TravisServer, count: int = 3) -> None:
    enough = reads(server) + count
    await until(lambda: reads(server) >= enough)


async def exchanges(travis: Travis) -> None:
    """Let what was published before arrive, and what follows from it."""
    for _ in range(5):
        await travis.config.get()


# What a user does after a restart; each gets the state, or the text, of the new run.


async def wait_for_build(travis: Travis, build: Build) -> str:
    await travis.builds.restart(build.id)
    return (await travis.wait_for_build(build.id)).state


async def wait_for_job(travis: Travis, build: Build) -> str:
    await travis.builds.restart(await travis.builds.get(build.id))
    return (await travis.wait_for_job(build.jobs[0].id)).state


async def restart_and_wait(travis: Travis, build: Build) -> str:
    return (await travis.wait_for_build(await travis.restart(build.id))).state


async def restart_job_and_wait(travis: Travis, build: Build) -> str:
    return (await travis.wait_for_job(await travis.restart(job=build.jobs[0].id))).state


async def wait_after(travis: Travis, build: Build) -> str:
    old = await travis.builds.get(build.id)
    async with Travis(TOKEN, endpoint=travis.endpoint) as elsewhere:
        await elsewhere.builds.restart(build.id)
    return (await travis.wait_for_build(build.id, after=old)).state


async def follow(travis: Travis, build: Build) -> str:
    await travis.builds.restart(build.id)
    return "passed" if await travis.follow_log(build.jobs[0].id).text() == "new\n" else "failed"


async def follow_after(travis: Travis, build: Build) -> str:
    old = await travis.jobs.get(build.jobs[0].id)
    async with Travis(TOKEN, endpoint=travis.endpoint) as elsewhere:
        await elsewhere.builds.restart(build.id)
    return "passed" if await travis.follow_log(old, after=old).text() == "new\n" else "failed"


WAITS = [wait_for_build, wait_for_job, restart_and_wait, wait_after]
FLOWS = [*WAITS, follow, follow_after]


def run_again(build: Build) -> Build:
    return build.start().write("new\n").write("", final=True)


# Clocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("ahead", [3.0, 300.0, None])
async def test_an_end_in_the_future_hides_no_new_run(
    server: TravisServer, travis: Travis, build: Build, effect: Callable[[], Build], flow: Flow, ahead: float | None
) -> None:
    # fact 10.1: the clock of a worker is ahead, and a bot restarts at once; or the date is absurd.
    runs: list[Build | Job] = [build, *build.jobs]
    for one in runs:
        one.finished_at = YEAR_9999 if ahead is None else server.world.clock() + ahead
    found: list[str] = []
    async with anyio.create_task_group() as group:

        async def go() -> None:
            found.append(await flow(travis, build))

        group.start_soon(go)
        await until(lambda: posts(server) == 1)
        await further_reads(server)
        effect()
        await exchanges(travis)
        run_again(build)
        await exchanges(travis)
        assert found == []
        build.finish("passed")
    assert found == ["passed"]


@pytest.mark.parametrize("flow", [*WAITS, follow])
@pytest.mark.parametrize("offset", [-18000.0, -40.0, 40.0, 18000.0, -56 * 365 * 86400.0])
async def test_a_wrong_date_of_the_server_makes_no_new_run(
    server: TravisServer, travis: Travis, build: Build, effect: Callable[[], Build], flow: Flow, offset: float
) -> None:
    server.switches.date_offset = offset
    found: list[str] = []
    async with anyio.create_task_group() as group:

        async def go() -> None:
            found.append(await flow(travis, build))

        group.start_soon(go)
        await until(lambda: posts(server) == 1)
        await further_reads(server)
        assert found == []
        effect()
        run_again(build).finish("passed")
    assert found == ["passed"]


@pytest.mark.parametrize("flow", [*WAITS, follow])
@pytest.mark.parametrize("offset", [-30.0, 30.0])
async def test_workers_whose_clocks_are_wrong_hide_no_new_run(
    server: TravisServer, travis: Travis, build: Build, effect: Callable[[], Build], flow: Flow, offset: float
) -> None:
    server.world.worker_clock_offset = offset
    found: list[str] = []
    async with anyio.create_task_group() as group:

        async def go() -> None:
            found.append(await flow(travis, build))

        group.start_soon(go)
        await until(lambda: posts(server) == 1)
        await further_reads(server)
        effect()
        run_again(build)
        await exchanges(travis)
        assert found == []
        build.finish("passed")
    assert found == ["passed"]


# Late and repeated events ---------------------------------------------------------------------------------------------


def ended_again(server: TravisServer, about: Build | Job, updated_at: str) -> None:
    """Publish the end of the run that failed a minute ago once more (fact 7.9)."""
    kind = "build" if isinstance(about, Build) else "job"
    parent = "" if kind == "build" else f'"build_id":{about.build.id},'  # type: ignore[union-attr]
    fields = (
        f'{{"id":{about.id},{parent}"repository_id":82,"number":"{about.number}","state":"failed",'
        f'"started_at":"{OLD_START}","finished_at":"{OLD_END}","_seen":{reads(server)}{updated_at}}}'
    )
    data = f'{{"build":{fields},"repository":{{"id":82}}}}' if kind == "build" else fields
    server.pusher.publish(["repo-82"], f"{kind}:finished", data)


OLD_START, OLD_END = "2026-11-27T15:59:00Z", "2026-11-27T15:59:58Z"

UPDATES = ["", ',"updated_at":null', ',"updated_at":"yesterday"', ',"updated_at":"2030-01-01T00:00:00.000Z"']


@pytest.mark.parametrize("flow", [*WAITS, restart_job_and_wait])
@pytest.mark.parametrize("updated_at", UPDATES)
async def test_the_end_of_the_old_run_that_is_told_again_ends_no_wait(
    server: TravisServer, travis: Travis, build: Build, effect: Callable[[], Build], flow: Flow, updated_at: str
) -> None:
    runs: list[Build | Job] = [build, *build.jobs]
    for one in runs:
        one.started_at = datetime.fromisoformat(OLD_START).timestamp()
        one.finished_at = datetime.fromisoformat(OLD_END).timestamp()
    found: list[str] = []
    async with anyio.create_task_group() as group:

        async def go() -> None:
            found.append(await flow(travis, build))

        group.start_soon(go)
        await until(lambda: posts(server) == 1)
        await server.pusher.wait_occupied("repo-82")
        await further_reads(server)
        if flow is not restart_job_and_wait:
            effect()
        for step in (lambda: None, lambda: run_again(build)):
            await until(lambda: build.state != "failed")
            step()
            before = reads(server)
            ended_again(server, build, updated_at)
            ended_again(server, build.jobs[0], updated_at)
            # It decides nothing: the state is read.
            await until(lambda enough=before + 1: reads(server) >= enough)  # type: ignore[misc]
            assert found == []
        build.finish("passed")
    assert found == ["passed"]


# Lost events ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", [*WAITS, restart_job_and_wait])
async def test_events_that_are_lost_after_a_restart_are_not_waited_for(
    server: TravisServer, travis: Travis, build: Build, flow: Flow
) -> None:
    server.faults.live("build:*").drop()
    server.faults.live("job:*").drop()
    found: list[str] = []
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:

            async def go() -> None:
                found.append(await flow(travis, build))

            group.start_soon(go)
            await until(lambda: build.state == "created")
            await further_reads(server)
            run_again(build)
            await further_reads(server)
            assert found == []
            build.finish("passed")
    assert found == ["passed"]


async def test_once_an_event_of_the_new_run_has_come_nothing_is_polled(
    server: TravisServer, travis: Travis, build: Build
) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(wait_for_build, travis, build)
        await until(lambda: build.state == "created")
        await server.pusher.wait_occupied("repo-82")
        run_again(build)
        await until(lambda: not travis._waiting._read_often)
        await anyio.sleep(0.05)
        before = reads(server)
        await anyio.sleep(0.1)
        assert reads(server) == before
        build.finish("passed")


# Lost and odd answers to the restart ----------------------------------------------------------------------------------


ANSWERS: dict[str, Callable[[TravisServer], None]] = {
    "cut": lambda server: server.faults.rest("*/restart", method="POST").truncate(12),
    "202 page": lambda server: server.faults.rest("*/restart", method="POST").status(202, PAGE, HTML, processed=True),
    "202 empty": lambda server: server.faults.rest("*/restart", method="POST").status(202, b"", JSON, processed=True),
    "204": lambda server: server.faults.rest("*/restart", method="POST").status(204, processed=True),
}

UNKNOWN: dict[str, Callable[[TravisServer, Build], None]] = {
    "lost": lambda server, build: server.lose_answer("POST", f"/builds/{build.id}/restart"),
    "200 page": lambda server, _: server.faults.rest("*/restart", method="POST").status(
        200, PAGE, HTML, processed=True
    ),
    "500": lambda server, _: server.faults.rest("*/restart", method="POST").status(500, b"Sorry", processed=True),
    "502": lambda server, _: server.faults.rest("*/restart", method="POST").status(502, PAGE, HTML, processed=True),
    "504": lambda server, _: server.faults.rest("*/restart", method="POST").status(504, PAGE, HTML, processed=True),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("flow", [wait_for_build, restart_and_wait, follow])
async def test_an_odd_answer_that_says_accepted_is_done(
    server: TravisServer, travis: Travis, build: Build, flow: Flow, answer: str
) -> None:
    ANSWERS[answer](server)
    async with anyio.create_task_group() as group:

        async def go() -> None:
            assert await flow(travis, build) == "passed"

        group.start_soon(go)
        await until(lambda: build.state == "created")
        run_again(build).finish("passed")
    assert posts(server) == 1


@pytest.mark.parametrize("answer", UNKNOWN)
async def test_after_a_lost_answer_the_new_run_is_waited_for(
    server: TravisServer, travis: Travis, build: Build, answer: str
) -> None:
    UNKNOWN[answer](server, build)
    with pytest.raises((errors.RequestError, errors.ServerError, errors.DecodeError)) as info:
        await travis.builds.restart(build.id)
    assert answer == "200 page" or "may have been carried out: check before you repeat it" in str(info.value)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            assert (await travis.wait_for_build(build.id)).passed

        async def read() -> None:
            assert await travis.follow_log(build.jobs[0].id).text() == "new\n"

        group.start_soon(wait)
        group.start_soon(read)
        await until(lambda: build.state == "created")
        run_again(build).finish("passed")
    assert posts(server) == 1


@pytest.mark.parametrize("answer", UNKNOWN)
async def test_restart_finds_out_whether_a_lost_restart_was_carried_out(
    server: TravisServer, travis: Travis, build: Build, answer: str
) -> None:
    UNKNOWN[answer](server, build)
    assert (await travis.restart(build.id)).pending
    assert posts(server) == 1


async def test_a_restart_that_was_lost_without_effect_raises_and_the_old_run_counts(
    server: TravisServer, build: Build
) -> None:
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, restart_patience=0.2) as travis:
        server.faults.rest("*/restart", method="POST").reset()
        with pytest.raises(errors.RequestError, match="may have been carried out: check before you repeat it"):
            await travis.restart(build.id)
        with pytest.raises(errors.RequestError, match="may have been carried out"):
            await travis.builds.restart(build.id)
        # It may have been carried out, so a new run is waited for; but Travis never accepted it, so none was dropped.
        with anyio.fail_after(5):
            assert (await travis.wait_for_build(build.id)).state == "failed"
    assert posts(server) == 2


async def test_a_restart_that_was_cancelled_while_it_was_sent_is_remembered(
    server: TravisServer, travis: Travis, build: Build
) -> None:
    server.faults.rest("*/restart", method="POST").late(0.2)
    with anyio.move_on_after(0.1):
        await travis.builds.restart(build.id)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            assert (await travis.wait_for_build(build.id)).passed

        group.start_soon(wait)
        await further_reads(server, 1)
        build.restart()
        run_again(build).finish("passed")


# Odd answers to reads after the restart -------------------------------------------------------------------------------


def odd(server: TravisServer, status: int, body: bytes, headers: dict[str, str], times: int | None) -> None:
    for path in ("/builds*", "/jobs*"):
        server.faults.rest(path, method="GET", times=times).status(status, body, headers)


ODD: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "page": (200, PAGE, HTML),
    "cut": (200, b'{"builds":[{"id":', JSON),
    "empty list": (200, b'{"builds":[],"jobs":[],"commits":[]}', JSON),
    "null": (200, b"null", JSON),
    "no body": (200, b"", JSON),
    "401": (401, b"", JSON),
    "403": (403, b"insufficient access", JSON),
    "404": (404, b'{"file":"not found"}', JSON),
    "418": (418, b"", JSON),
    "502": (502, PAGE, HTML),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("flow", [wait_for_build, restart_and_wait, restart_job_and_wait, follow])
async def test_odd_answers_after_a_restart_are_outlasted(
    server: TravisServer, travis: Travis, build: Build, flow: Flow, name: str
) -> None:
    async with anyio.create_task_group() as group:

        async def go() -> None:
            assert await flow(travis, build) == "passed"

        group.start_soon(go)
        await until(lambda: posts(server) == 1)
        odd(server, *ODD[name], times=2)
        await until(lambda: len(server.faults.made) >= 2)
        server.faults.clear()
        await until(lambda: build.state != "failed")
        run_again(build).finish("passed")
    assert posts(server) == 1


@pytest.mark.parametrize("name", ["page", "cut", "empty list", "401", "404"])
@pytest.mark.parametrize("flow", [wait_for_build, restart_and_wait, follow])
async def test_odd_answers_without_end_are_raised_with_the_restart_that_was_sent(
    server: TravisServer, build: Build, flow: Flow, name: str
) -> None:
    impatient = Travis(TOKEN, endpoint=server.endpoint, live=HASTY, attempts=1, restart_patience=0.2)
    async with impatient as travis, anyio.create_task_group() as group:

        async def go() -> None:
            with pytest.raises(errors.TravisError) as info:
                await flow(travis, build)
            assert not isinstance(info.value, errors.RestartDropped)
            # Of which build a job is that could not be read is unknown.
            sent = f"POST /builds/{build.id}/restart was accepted before: check before you repeat it."
            assert flow is follow or str(info.value).endswith(sent)

        group.start_soon(go)
        await until(lambda: posts(server) == 1)
        odd(server, *ODD[name], times=None)


async def test_a_ban_ends_a_wait_after_a_restart(server: TravisServer, travis: Travis, build: Build) -> None:
    await travis.builds.restart(build.id)
    server.faults.rest(method="GET").ban()
    with pytest.raises(errors.BannedError):
        await travis.wait_for_build(build.id)
