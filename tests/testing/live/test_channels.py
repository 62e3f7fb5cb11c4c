"""Which connections subscribe to which channels, and since when."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from aiotravis.testing import ServerConnection
from aiotravis.testing.live.channels import ChannelRegistry
from tests.testing.pusher_apps import make_app, open_websocket, serve_app
from tests.waiting import until


@asynccontextmanager
async def two_connections() -> AsyncGenerator[tuple[ServerConnection, ServerConnection]]:
    app = make_app()
    async with serve_app(app) as port, open_websocket(port), open_websocket(port):
        await until(lambda: len(app.connections) == 2)
        first, second = app.connections.values()
        yield first, second


async def test_a_channel_is_occupied_from_the_first_to_the_last_subscription() -> None:
    now = 1.0
    channels = ChannelRegistry(lambda: now)
    async with two_connections() as (first, second):
        channels.subscribe(first, "a")
        now = 2.0
        channels.subscribe(second, "a")
        channels.subscribe(second, "b")
        channels.subscribe(second, "b")
        assert [channels.occupied_since(channel) for channel in ("a", "b", "c")] == [1.0, 2.0, None]
        assert (channels.subscription_counts, channels.subscribers("a")) == ({"a": 2, "b": 1}, [first, second])
        assert (first.channels, second.channels) == ({"a"}, {"a", "b"})
        channels.unsubscribe(first, "a")
        assert (channels.occupied_since("a"), channels.subscribers("a")) == (1.0, [second])
        channels.remove(second)
        assert (channels.subscription_counts, channels.occupied_since("a"), second.channels) == ({}, None, set())
        now = 3.0
        channels.subscribe(first, "a")
        assert channels.occupied_since("a") == 3.0


async def test_unsubscribing_without_a_subscription_changes_nothing() -> None:
    channels = ChannelRegistry()
    async with two_connections() as (first, second):
        channels.subscribe(first, "a")
        channels.unsubscribe(second, "a")
        channels.unsubscribe(first, "b")
        assert channels.subscription_counts == {"a": 1}


async def test_waiting_for_a_subscriber_can_be_cancelled() -> None:
    channels = ChannelRegistry()
    async with two_connections() as (first, _):
        waiting, cancelled = (asyncio.ensure_future(channels.wait_occupied("a")) for _ in range(2))
        channels.subscribe(first, "b")
        await asyncio.sleep(0)
        assert not waiting.done()
        cancelled.cancel()
        with suppress(asyncio.CancelledError):
            await cancelled
        channels.subscribe(first, "a")
        await waiting
        await channels.wait_occupied("a")
