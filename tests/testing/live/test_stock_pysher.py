"""Stock pysher, its own thread and socket, as an independent client of the embedded Travis, in each dialect.

| Call | What it returns here |
|---|---|
| ``Pusher(key, custom_host=, port=, secure=)``, ``connect()`` | ``pusher:connection_established``, a ``socket_id`` |
| ``subscribe(channel)`` | ``pusher_internal:subscription_succeeded`` |
| ``subscribe(channel, auth)`` with a signature | the same, for a private channel |
| ``channel.bind(event, callback)`` | every event's data as the string that was published, in order; a complete log |
| a server that closes with 4200 | reconnects with a new ``socket_id``; subscribes and signs again |
| ``disconnect()``, after a server's close with 1000 | no thread and no socket is left |
"""

import json
import threading

import anyio.to_thread
import pytest

from aiotravis.testing import Dialect, TravisServer
from tests.testing.live.subscribed_pysher import subscribed_pysher
from tests.testing.pusher_apps import make_app, serve_app

TEXTS = [
    '"quotes" and \\ back\\slashes',
    "\x1b[31mred\x1b[0m\r\n\t\x00",
    "naïve ☃ 漢字 🚀",
    "\u2028 </script> \ud83d",
    "",
]


@pytest.mark.parametrize("dialect", ["pusher", "slanger", "soketi"])
@pytest.mark.parametrize("channel", ["job-1", "private-job-1"])
async def test_stock_pysher_receives_every_event_in_order(dialect: Dialect, channel: str) -> None:
    app = make_app(dialect=dialect)
    published = [json.dumps({"number": number, "_log": text}) for number, text in enumerate(TEXTS * 100)]
    published += [json.dumps({"number": 500, "_log": TEXTS[2]}, ensure_ascii=False)]
    received: list[str] = []
    done = threading.Event()

    def receive(data: str) -> None:
        received.append(data)
        if len(received) == len(published):
            done.set()

    async with serve_app(app) as port, subscribed_pysher(app, port, channel, "job:log", receive):
        for data in published:
            app.publish(["job-2", channel], "job:log", data)
        assert await anyio.to_thread.run_sync(done.wait, 10)
    assert received == published


async def test_stock_pysher_receives_a_complete_log(server: TravisServer) -> None:
    job = server.world.repository("travis-ci/travis.rb").build().jobs[0]
    parts: list[str] = []
    done = threading.Event()

    def receive(data: str) -> None:
        parts.append(data)
        if '"final":true' in data:
            done.set()

    async with subscribed_pysher(server.pusher, server.port, f"job-{job.id}", "job:log", receive):
        await server.play(server.world.builds[job.build.id], speed=1000)
        assert await anyio.to_thread.run_sync(done.wait, 10)
    assert "".join(json.loads(part)["_log"] for part in parts) == job.log.text


@pytest.mark.parametrize("dialect", ["pusher", "slanger", "soketi"])
async def test_stock_pysher_reconnects_and_subscribes_again(dialect: Dialect) -> None:
    app = make_app(dialect=dialect)
    received: list[str] = []
    done = threading.Event()

    def receive(data: str) -> None:
        received.append(data)
        done.set()

    async with serve_app(app) as port, subscribed_pysher(app, port, "private-job-1", "job:log", receive):
        first = next(iter(app.connections))
        await app.disconnect(4200)
        await app.wait_occupied("private-job-1")
        assert next(iter(app.connections)) != first
        app.publish(["private-job-1"], "job:log", "{}")
        assert await anyio.to_thread.run_sync(done.wait, 10)
    assert (received, app.opened) == (["{}"], 2)
