"""Closing and cancelling in the states between asking for a feed and having it: quick, and nothing is left (row 14)."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from aiotravis import LiveState, Travis, errors
from aiotravis.live import channel_subscriber, placement
from aiotravis.testing import FaultProxy, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import ignored, until

STATES = [
    "collecting feeds", "collecting signatures", "waiting for limits", "restarting", "restarting without live channel",
    "live channel away", "reading a repository", "waiting for a confirmation",
]  # fmt: skip


@pytest.mark.parametrize("how", ["close", "cancel"])
@pytest.mark.parametrize("state", STATES)
async def test_row_14_between_asking_and_having_closing_is_quick_and_leaves_nothing(
    state: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, threads = len(asyncio.all_tasks()), threading.active_count()
    token = f"{TOKEN}-{state}-{how}".replace(" ", "-")
    async with TravisServer() as server, FaultProxy(server.port) as proxy:
        user = server.world.user("sarah", token=token)
        repository = server.world.repository("a/b", users=[user])
        build = repository.build(quiet=True).start().finish("failed")
        server.announced_port = proxy.port
        travis = Travis(
            token, endpoint=server.endpoint, live=HASTY, rate_limits="memory" if state == "waiting for limits" else None
        )
        if state == "collecting feeds":
            monkeypatch.setattr(placement, "GATHERING_DELAY", 60.0)
        elif state == "collecting signatures":
            monkeypatch.setattr(channel_subscriber, "SIGNING_DELAY", 60.0)
        elif state == "waiting for limits":
            await travis.users.me()
            travis._transport.limiter.pause(60.0)
        elif state.startswith("restarting"):
            monkeypatch.setattr(build, "restart", lambda: build)
        elif state == "reading a repository":
            server.faults.rest("/repos/a/b").freeze()
        elif state == "waiting for a confirmation":
            monkeypatch.setattr(server.pusher, "_subscribe", ignored)
        if state in {"restarting without live channel", "live channel away"}:
            await proxy.refuse()
        feed: Callable[[], Awaitable[object]] = travis.events("a/b").__aenter__
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "restarting": lambda: travis.restart(build.id),
            "restarting without live channel": lambda: travis.restart(build.id),
            "live channel away": travis._subscriber.events(82, optional=True).__anext__,
        }
        reached: dict[str, Callable[[], bool]] = {
            "collecting feeds": lambda: travis.live.state is LiveState.IDLE and travis._hub._task.running,
            "collecting signatures": lambda: server.pusher.occupied("repo-82"),
            "waiting for limits": lambda: travis.statistics().waiting_for_limits > 0,
            "restarting": lambda: travis.statistics().waiters == 1,
            "restarting without live channel": lambda: travis.statistics().waiters == 1,
            "live channel away": lambda: travis.live.state is LiveState.UNAVAILABLE,
            "reading a repository": lambda: bool(server.faults.made),
            "waiting for a confirmation": lambda: any("subscribe" in frame.text for frame in server.pusher.frames),
        }
        task = asyncio.ensure_future(calls.get(state, feed)())
        await until(reached[state])
        began = asyncio.get_running_loop().time()
        if how == "cancel":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await travis.aclose()
        assert asyncio.get_running_loop().time() - began < 0.3
        if how == "close":
            with pytest.raises((errors.UsageError, StopAsyncIteration)):
                await task
        await until(lambda: not server.pusher.connections)
    await until(lambda: len(asyncio.all_tasks()) <= before)
    assert threading.active_count() == threads
