"""Finding the way back: a live server that comes late or has moved, odd data, errors of our own, idle connections."""

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
import pytest

from aiotravis import LiveState, Travis, errors, events
from aiotravis.live import hub as hub_module
from aiotravis.live import placement
from aiotravis.testing import FaultProxy, Repository, ServerConnection, TravisServer
from tests import autojump
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

T = TypeVar("T")


def run(story: Callable[[Callable[[], float]], Coroutine[Any, Any, T]]) -> T:
    """Run a story in virtual time that waits long enough for bytes which pass through a proxy."""
    return autojump.run(story, settling=0.01)


@asynccontextmanager
async def live_server_away() -> AsyncGenerator[tuple[TravisServer, FaultProxy, Travis, Repository]]:
    async with TravisServer() as server, FaultProxy(server.port) as proxy:
        server.announced_port = proxy.port
        user = server.world.user("sarah", token=TOKEN)
        repository = server.world.repository("a/b", users=[user])
        await proxy.refuse()
        async with Travis(TOKEN, endpoint=server.endpoint) as travis:
            yield server, proxy, travis, repository


def reads(server: TravisServer) -> int:
    return sum(seen.path.startswith(("/builds", "/jobs")) for seen in server.requests)


# A live server that is away at first ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "away"), [("refuses", 2.0), ("refuses", 200.0), ("swallows", 2.0), ("swallows", 60.0), ("stalls", 20.0)]
)
def test_a_flow_polls_without_the_live_channel_and_uses_it_when_it_comes(how: str, away: float) -> None:
    async def story(clock: Callable[[], float]) -> float:
        async with live_server_away() as (server, proxy, travis, repository):
            if how == "swallows":
                await proxy.heal()
                proxy.swallow()
            elif how == "stalls":
                await proxy.heal()
                proxy.stall()
            build = repository.build()
            build.start()
            waiting = asyncio.ensure_future(travis.wait_for_build(build.id))
            await anyio.sleep(away)
            # It polls meanwhile: every ten seconds, and twice at the beginning.
            assert reads(server) >= away / 15
            await proxy.heal()
            proxy.reset_all()
            healed = clock()
            async for state in travis.live.changes():
                if state is LiveState.CONNECTED:
                    break
            came = clock() - healed
            while not server.pusher.occupied("repo-82"):  # noqa: ASYNC110
                await anyio.sleep(0.01)
            await anyio.sleep(1.0)
            before = clock()
            build.finish()
            assert (await waiting).passed
            assert clock() - before < 4.5
            return came

    assert run(story) <= 31


def test_a_build_that_ends_while_the_live_channel_is_away_is_found_by_polling() -> None:
    async def story(clock: Callable[[], float]) -> float:
        async with live_server_away() as (_, _, travis, repository):
            build = repository.build()
            build.start()
            waiting = asyncio.ensure_future(travis.wait_for_build(build.id))
            await anyio.sleep(100.0)
            build.finish()
            ended = clock()
            await waiting
            return clock() - ended

    assert run(story) <= 13


def test_a_build_that_ends_while_the_connection_is_lost_is_found_by_polling() -> None:
    async def story(clock: Callable[[], float]) -> float:
        async with live_server_away() as (_, proxy, travis, repository):
            await proxy.heal()
            build = repository.build()
            build.start()
            waiting = asyncio.ensure_future(travis.wait_for_build(build.id))
            await anyio.sleep(30.0)
            await proxy.refuse()
            proxy.reset_all()
            await anyio.sleep(100.0)
            build.finish()
            ended = clock()
            await waiting
            return clock() - ended

    assert run(story) <= 13


@pytest.mark.parametrize("flow", ["log", "commit", "job"])
def test_every_flow_uses_a_live_channel_that_comes_late(flow: str) -> None:
    async def story(clock: Callable[[], float]) -> None:
        async with live_server_away() as (server, proxy, travis, repository):
            build = repository.build()
            build.start()
            job = build.jobs[0]
            sha = "a" * 40
            flows: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
                "log": lambda: travis.follow_log(job.id).text(),
                "commit": lambda: travis.wait_for_commit(repository.slug, sha, until=lambda _: True),
                "job": lambda: travis.wait_for_job(job.id),
            }
            running = asyncio.ensure_future(flows[flow]())
            await anyio.sleep(2.0)
            await proxy.heal()
            while not server.pusher.occupied("repo-82"):  # noqa: ASYNC110
                await anyio.sleep(0.01)
            await anyio.sleep(0.5)
            before = clock()
            if flow == "commit":
                built = repository.build(quiet=True)
                built.commit.sha = sha
                server.world.notify("build:created", built, None)
            else:
                job.write("all", final=True)
                build.finish()
            await running
            # A log that came live is checked against the stored one twice at most, two seconds apart.
            assert clock() - before < 4.5

    run(story)


GREETINGS: dict[str, Callable[[ServerConnection], None]] = {
    "silent": lambda _: None,
    "4200": lambda connection: connection.close(4200),
    "over capacity": lambda connection: connection.close(4100),
    "1011": lambda connection: connection.close(1011),
    "no socket id": lambda connection: connection.send('{"event":"pusher:connection_established","data":{}}'),
    "aborts": lambda connection: connection.abort(),
}


@pytest.mark.parametrize("greeting", GREETINGS)
@pytest.mark.parametrize("connected", [False, True])
def test_an_opening_is_told_of_a_server_that_accepts_no_connection(greeting: str, connected: bool) -> None:
    async def story(clock: Callable[[], float]) -> None:
        async with TravisServer() as server, Travis(endpoint=server.endpoint) as travis, AsyncExitStack() as stack:
            greet = server.pusher._greet
            feed = await stack.enter_async_context(travis.events(channels=["repo-1"])) if connected else None
            server.pusher._greet = GREETINGS[greeting]  # type: ignore[method-assign, assignment]
            if feed is not None:
                await server.pusher.disconnect(4200)
                await until(lambda: not feed.live)
            began = clock()
            with pytest.raises(errors.LiveUnavailable, match="accepted no connection"):
                await anext(travis.events(channels=["repo-2"]))
            assert 5.0 < clock() - began < 40.0
            server.pusher._greet = greet  # type: ignore[method-assign]
            async with travis.events(channels=["repo-2"]) as other:
                assert other.live
            if feed is not None:
                assert isinstance(await anext(feed), events.Reconnected)

    run(story)


async def test_events_raise_at_once_and_again_while_flows_keep_trying() -> None:
    async with live_server_away() as (_, proxy, travis, repository):
        build = repository.build()
        build.start()
        async with anyio.create_task_group() as group:
            group.start_soon(travis.wait_for_build, build.id)
            await until(lambda: travis.live.state is LiveState.UNAVAILABLE)
            for _ in range(3):
                with pytest.raises(errors.LiveUnavailable, match="cannot be reached"), anyio.fail_after(5):
                    await anext(travis.events(repository.id))
            await proxy.heal()
            async with travis.events(repository.id) as feed:
                assert feed.live
            build.finish()


async def test_a_deployment_that_gets_a_live_channel_later_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "FIRST_RETRY", 0.05)
    async with TravisServer() as server, Travis(endpoint=server.endpoint, live=HASTY) as travis:
        server.respond("GET", "/config", body=b'{"config":{}}', times=2)
        build = server.world.repository("a/b").build()
        build.start()
        async with anyio.create_task_group() as group:
            group.start_soon(travis.wait_for_build, build.id)
            await server.pusher.wait_occupied("repo-82")
            build.finish()


# Addresses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("waits", [False, True])
async def test_after_a_fatal_refusal_the_configuration_is_read_again(waits: bool) -> None:
    async with TravisServer() as server, Travis(endpoint=server.endpoint, live=HASTY) as travis:
        repository = server.world.repository("a/b")
        feed = travis.events(repository.id)
        if waits:
            await feed.__aenter__()
        old = server.pusher.key
        server.pusher.key = "new"
        pusher = f'"key":"new","host":"127.0.0.1","port":{server.port},"scheme":"http"'
        if not waits:
            await travis._hub._placement.read_config(travis._subscriber._resources)
        assert old != "new"
        server.respond("GET", "/config", body=f'{{"config":{{"pusher":{{{pusher}}}}}}}'.encode())
        if waits:
            await server.pusher.disconnect(4001)
            assert isinstance(await anext(feed), events.Reconnected)
        else:
            await feed.__aenter__()
        assert feed.live
        await feed.aclose()


async def test_a_refusal_that_lasts_is_told_and_a_later_feed_finds_the_new_key() -> None:
    async with TravisServer() as server, Travis(endpoint=server.endpoint, live=HASTY) as travis:
        repository = server.world.repository("a/b")
        async with travis.events(repository.id) as feed:
            old, server.pusher.key = server.pusher.key, "new"
            await server.pusher.disconnect(1001)
            with pytest.raises(errors.LiveUnavailable, match="no app with this key") as info:
                await anext(feed)
            assert info.value.code == 4001
        server.pusher.key = old
        async with travis.events(repository.id) as feed:
            assert feed.live


# Odd data, and errors of our own --------------------------------------------------------------------------------------


def received(travis: Travis, frames: int) -> bool:
    return travis.live.statistics().frames > frames


IDS_ALONE = (
    ("job:started", '{"id":1,"updated_at":"0001-01-01T00:00:00","_no_full_payload":true}'),
    ("job:finished", '{"id":501,"build_id":"x","_no_full_payload":1}'),
    ("build:created", '{"build":{"id":7,"updated_at":"9999-12-31T23:59:59-14:00"},"_no_full_payload":true}'),
    ("build:created", '{"build":{"id":7,"job_ids":{}},"_no_full_payload":null}'),
)


@pytest.mark.parametrize(("name", "data"), IDS_ALONE)
async def test_odd_ids_alone_are_delivered_incomplete_on_the_same_connection(
    server: TravisServer, travis: Travis, name: str, data: str
) -> None:
    server.respond("GET", "/jobs", body=b'{"jobs":[]}')
    server.respond("GET", "/builds", body=b'{"builds":[]}')
    async with travis.events(channels=["repo-82"]) as feed:
        server.pusher.publish(["repo-82"], name, data)
        event = await anext(feed)
        assert isinstance(event, events.JobEvent | events.BuildEvent)
        assert (event.complete, event.updated_at) == (False, None) or event.updated_at is not None
        assert (server.pusher.opened, travis.live.statistics().gaps) == (1, 0)


@pytest.mark.parametrize("broken", ["dispatch", "dispatch_log", "confirm", "_deliver"])
async def test_an_error_in_the_handling_of_a_frame_is_that_frames_and_logged_once(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, broken: str,
) -> None:  # fmt: skip
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    job = repository.build(quiet=True).jobs[0]
    async with travis.events(repository.id, job.id) as feed:
        with monkeypatch.context() as patch:
            patch.setattr(travis._hub._dispatcher, broken, fail)
            for number in range(3):
                if broken == "confirm":
                    server.pusher.send_raw('{"event":"pusher_internal:subscription_succeeded","channel":"repo-82"}')
                job.write(str(number))
                repository.build()
                await until(partial(received, travis, 3 * number + 3))
        job.write("good")
        while not (isinstance(event := await anext(feed), events.JobLog) and event.content == "good"):
            pass
        assert server.pusher.opened == 1
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failures) == (broken != "confirm")


def test_reconnecting_stays_paced_and_feeds_are_told_if_the_hub_itself_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def story(clock: Callable[[], float]) -> list[float]:
        attempts: list[float] = []
        async with TravisServer() as server, Travis(endpoint=server.endpoint) as travis:

            async def fail(address: object) -> object:
                attempts.append(clock())
                raise ZeroDivisionError

            travis._hub._connector.connect = fail  # type: ignore[method-assign, assignment]
            build = server.world.repository("a/b").build()
            build.start()
            waiting = asyncio.ensure_future(travis.wait_for_build(build.id))
            with pytest.raises(errors.LiveError, match="failed: "):
                await anext(travis.events(channels=["repo-1"]))
            await anyio.sleep(120.0)
            build.finish()
            await waiting
        return attempts

    attempts = run(story)
    assert len(attempts) > 2
    for start in attempts:
        assert sum(start <= other < start + 10 for other in attempts) <= 10
    assert not [record for record in caplog.records if "never retrieved" in record.getMessage()]


# Nothing is left over -------------------------------------------------------------------------------------------------


async def test_the_connection_closes_some_seconds_after_the_last_feed(
    server: TravisServer, travis: Travis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "IDLE_CHECK", 0.1)
    async with travis.events(channels=["repo-1"]):
        await asyncio.sleep(0.3)
        assert server.pusher.connections
    async with travis.events(channels=["repo-2"]):
        assert server.pusher.opened == 1
    await until(lambda: not server.pusher.connections)
    await until(lambda: travis.live.state is LiveState.IDLE)
    assert not travis._hub._task.running
    async with travis.events(channels=["repo-1"]) as feed:
        assert (feed.live, server.pusher.opened) == (True, 2)


@pytest.mark.filterwarnings("ignore:Unclosed:ResourceWarning")
async def test_forgotten_clients_leave_no_tasks_and_no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "IDLE_CHECK", 0.05)
    async with TravisServer() as server:
        before = len(asyncio.all_tasks())

        async def forget() -> None:
            await Travis(endpoint=server.endpoint).events(channels=["repo-1"]).__aenter__()

        for _ in range(20):
            await forget()
        gc.collect()
        await until(lambda: not server.pusher.connections)
        await until(lambda: len(asyncio.all_tasks()) <= before)
        # What the warnings are about that are of no interest here.
        gc.collect()
