"""A stock pysher with one subscription."""

import logging
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import pysher

from aiotravis.testing import PusherApp


@asynccontextmanager
async def subscribed_pysher(
    app: PusherApp, port: int, channel: str, event: str, received: Callable[[str], None]
) -> AsyncGenerator[Any]:
    """Connect a stock pysher, wait for its subscription, and end all of its threads afterwards."""
    make: Any = pysher.Pusher
    address = {"custom_host": "127.0.0.1", "port": port, "secure": False}
    pusher = make(app.key, **address, log_level=logging.CRITICAL, reconnect_interval=0.01)
    ended, subscribed = threading.Event(), threading.Event()
    sockets: list[Any] = []

    def sleep(seconds: float) -> None:
        ended.wait(min(seconds, 30))

    def confirmed(data: object) -> None:
        subscribed.set()

    def connected(data: object) -> None:
        sockets.append(pusher.connection.socket.sock)
        signature = app.sign(pusher.connection.socket_id, channel) if channel.startswith("private-") else None
        subscription = pusher.subscribe(channel, signature)
        subscription.bind("pusher_internal:subscription_succeeded", confirmed)
        subscription.bind(event, received)

    # pysher's timer thread sleeps for up to 30 seconds after the end, and nothing wakes it. A sleep that can be ended
    # is the only thing here that is not stock.
    pusher.connection.timeout_scheduler.delayfunc = sleep
    pusher.connection.bind("pusher:connection_established", connected)
    pusher.connect()
    try:
        assert await anyio.to_thread.run_sync(subscribed.wait, 10)
        yield pusher
    finally:
        # If pysher closes first, or while the server closes, its socket thread sometimes never ends. Let the server
        # close first: then the thread ends by itself.
        pusher.connection.disconnect_called = True
        await app.disconnect(1000)
        await anyio.to_thread.run_sync(pusher.connection.join, 10)
        await anyio.to_thread.run_sync(pusher.disconnect, 10)
        timers = pusher.connection.timeout_scheduler_thread
        pusher.connection._stop_timers()
        ended.set()
        # After a server's close frame, websocket-client leaves the socket to the garbage collector.
        for socket in sockets:
            socket.shutdown()
        await anyio.to_thread.run_sync(timers.join, 10)
        assert not pusher.connection.is_alive()
        assert not timers.is_alive()
