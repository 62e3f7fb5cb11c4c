"""States of the live channel as they change, and its counters."""

import asyncio
import gc
import logging
import re

import pytest

from aiotravis import LiveState, Travis, errors, events
from aiotravis.live.monitor import Live, LiveMonitor
from aiotravis.testing import Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until


async def test_changes_yield_the_states_in_order_from_the_present_one() -> None:
    monitor = LiveMonitor()
    live = Live(monitor, lambda: (0, 0))
    changes = live.changes()
    for state in (LiveState.CONNECTING, LiveState.CONNECTED, LiveState.CONNECTED, LiveState.RECONNECTING):
        monitor.state = state
    assert live.state == "reconnecting"
    monitor.state = LiveState.CLOSED
    monitor.state = LiveState.IDLE
    assert [state.value async for state in changes] == [
        "idle", "connecting", "connected", "reconnecting", "closed",
    ]  # fmt: skip
    assert live.state == "closed"
    assert repr(live) == "<Live closed>"


async def test_two_tasks_may_not_iterate_the_same_changes() -> None:
    monitor = LiveMonitor()
    changes = monitor.changes()
    assert await anext(changes) is LiveState.IDLE
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    with pytest.raises(errors.UsageError, match="Two tasks"):
        await anext(changes)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    monitor.state = LiveState.CONNECTING
    assert await anext(changes) is LiveState.CONNECTING


def test_deleted_changes_are_removed() -> None:
    monitor = LiveMonitor()
    changes = monitor.changes()
    assert len(monitor._changes) == 1
    del changes
    gc.collect()
    assert len(monitor._changes) == 0


async def test_states_and_counters_follow_a_connection(server: TravisServer, repository: Repository) -> None:
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
        changes = travis.live.changes()
        assert travis.live.state == "idle"
        async with travis.events(repository.id) as feed:
            assert travis.live.state == "connected"
            await server.pusher.disconnect()
            assert isinstance(await anext(feed), events.Reconnected)
            build = repository.build()
            for _ in range(2):
                await anext(feed)
            # The repository's own channel brings the same events once more.
            await until(lambda: travis.live.statistics().duplicates == 2)
            counted = travis.live.statistics()
            assert (counted.state, counted.feeds, counted.channels) == (LiveState.CONNECTED, 1, 2)
            assert (counted.connections, counted.reconnects, counted.gaps) == (2, 1, 1)
            assert (counted.events, counted.dropped, counted.invalid_frames, counted.late) == (4, 0, 0, 0)
            assert counted.frames >= 4 + 2 + 4
            assert counted.bytes > 1000
            assert counted.lag is not None
            assert abs(counted.lag) < 5
            assert build.state == "created"
    assert [state.value async for state in changes] == [
        "idle", "connecting", "connected", "reconnecting", "connected", "closed",
    ]  # fmt: skip


async def test_a_refusal_makes_the_state_unavailable_and_another_feed_tries_again(
    server: TravisServer, travis: Travis
) -> None:
    right = server.pusher.key
    server.pusher.key = "another"
    with pytest.raises(errors.LiveUnavailable):
        await anext(travis.events(channels=["repo-82"]))
    assert travis.live.state == "unavailable"
    server.pusher.key = right
    async with travis.events(channels=["repo-82"]):
        assert travis.live.state == "connected"


async def test_events_dropped_by_a_slow_feed_are_counted(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    job = repository.build().jobs[0]
    async with travis.events(job=job.id, buffer=2, only=events.JobLog) as feed:
        for number in range(5):
            job.write(str(number))
        await until(lambda: travis.live.statistics().dropped == 3)
        assert travis.live.statistics().gaps == 1
        assert feed.statistics().dropped == 3


async def test_each_loss_and_return_of_the_connection_is_one_log_line(
    server: TravisServer, travis: Travis, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with travis.events(repository.id) as feed:
        assert caplog.records == []
        await server.pusher.disconnect(4200)
        assert isinstance(await anext(feed), events.Reconnected)
    lines = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert [(name, level) for name, level, _ in lines] == [("aiotravis.live", "INFO")] * 2
    assert re.fullmatch(r"live connection: lost, code 4200; the next attempt in \d\.\d s", lines[0][2])
    assert re.fullmatch(r"live connection: back after \d\.\d s", lines[1][2])


def test_a_refusal_is_a_warning_once_until_the_server_accepts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    monitor = LiveMonitor()
    for state in (LiveState.UNAVAILABLE, LiveState.UNAVAILABLE, None, LiveState.UNAVAILABLE):
        if state is None:
            monitor.log_connected(0.0)
        else:
            monitor.state, monitor.end = state, "refused"
            monitor.log_end(2.5)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
    assert caplog.messages[0] == "live connection: refused; the next attempt in 2.5 s"


async def test_awaiting_changes_names_the_remedy() -> None:
    async with Travis() as travis:
        with pytest.raises(errors.UsageError, match="A LiveStateChanges cannot be awaited: iterate with `async for"):
            await travis.live.changes()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
