"""Stock pysher, its own thread and socket, as an independent client of the embedded Travis, in each dialect.

| Call | What it returns here |
|---|---|
| ``Pusher(key, custom_host=, port=, secure=)``, ``connect()`` | the greeting, and a ``socket_id`` |
| ``subscribe(channel)`` | ``pusher_internal:subscription_succeeded`` |
| ``subscribe(channel, auth)`` with a signature of ours | the same, for a private channel |
| ``channel.bind(event, callback)`` | every event's data as the string that was published, in order; a log whole |
| a server that closes with 4200 | comes back by itself, with a new ``socket_id``; subscribes, signs and hears again |
| ``disconnect()``, after a server's close with 1000 | no thread and no socket is left |
"""

import json
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import pysher
import pytest

from aiotravis.testing import Dialect, PusherApp, TravisServer
from tests.testing.bare import app_of, served

TEXTS = [
    '"quotes" and \\ back\\slashes',
    "\x1b[31mred\x1b[0m\r\n\t\x00",
    "naïve ☃ 漢字 🚀",
    "\u2028 </script> \ud83d",
    "",
]


@asynccontextmanager
async def listening(
    app: PusherApp, port: int, channel: str, event: str, heard: Callable[[str], None]
) -> AsyncGenerator[Any]:
    """Connect a stock pysher, and give it once its subscription is confirmed; it leaves no thread behind."""
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
        subscription.bind(event, heard)

    # Left alone, its timer thread (a daemon) sleeps on for up to 30 seconds after the end, and nothing can wake it:
    # so it gets a sleep that can be ended. This is the one thing that is not stock.
    pusher.connection.timeout_scheduler.delayfunc = sleep
    pusher.connection.bind("pusher:connection_established", connected)
    pusher.connect()
    try:
        assert await anyio.to_thread.run_sync(subscribed.wait, 10)
        yield pusher
    finally:
        # Closing from its own side, or while the server closes, its socket thread is left behind now and then: so the
        # server closes first, and the thread ends by itself.
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


@pytest.mark.parametrize("dialect", ["pusher", "slanger", "soketi"])
@pytest.mark.parametrize("channel", ["job-1", "private-job-1"])
async def test_stock_pysher_hears_everything_in_order(dialect: Dialect, channel: str) -> None:
    app = app_of(dialect=dialect)
    published = [json.dumps({"number": number, "_log": text}) for number, text in enumerate(TEXTS * 100)]
    published += [json.dumps({"number": 500, "_log": TEXTS[2]}, ensure_ascii=False)]
    heard: list[str] = []
    done = threading.Event()

    def hear(data: str) -> None:
        heard.append(data)
        if len(heard) == len(published):
            done.set()

    async with served(app) as port, listening(app, port, channel, "job:log", hear):
        for data in published:
            app.publish(["job-2", channel], "job:log", data)
        assert await anyio.to_thread.run_sync(done.wait, 10)
    assert heard == published


async def test_stock_pysher_receives_a_log_whole(server: TravisServer) -> None:
    job = server.world.repository("travis-ci/travis.rb").build().jobs[0]
    parts: list[str] = []
    done = threading.Event()

    def hear(data: str) -> None:
        parts.append(data)
        if '"final":true' in data:
            done.set()

    async with listening(server.pusher, server.port, f"job-{job.id}", "job:log", hear):
        await server.play(server.world.builds[job.build.id], speed=1000)
        assert await anyio.to_thread.run_sync(done.wait, 10)
    assert "".join(json.loads(part)["_log"] for part in parts) == job.log.text


@pytest.mark.parametrize("dialect", ["pusher", "slanger", "soketi"])
async def test_stock_pysher_comes_back_signs_anew_and_hears_on(dialect: Dialect) -> None:
    app = app_of(dialect=dialect)
    heard: list[str] = []
    done = threading.Event()

    def hear(data: str) -> None:
        heard.append(data)
        done.set()

    async with served(app) as port, listening(app, port, "private-job-1", "job:log", hear):
        first = next(iter(app.connections))
        await app.disconnect(4200)
        await app.wait_occupied("private-job-1")
        assert next(iter(app.connections)) != first
        app.publish(["private-job-1"], "job:log", "{}")
        assert await anyio.to_thread.run_sync(done.wait, 10)
    assert (heard, app.opened) == (["{}"], 2)
