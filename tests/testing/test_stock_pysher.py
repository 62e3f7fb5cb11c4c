"""Stock pysher, its own thread and socket, as an independent client of the embedded Travis."""

import json
import logging
import threading
from typing import Any

import anyio.to_thread
import pysher

from aiotravis.testing import TravisServer


async def test_stock_pysher_receives_a_log_whole(server: TravisServer) -> None:
    job = server.world.repository("travis-ci/travis.rb").build().jobs[0]
    parts: list[str] = []
    subscribed, done = threading.Event(), threading.Event()
    make: Any = pysher.Pusher
    pusher = make(server.pusher.key, custom_host=server.host, port=server.port, secure=False, log_level=logging.ERROR)

    def connected(data: object) -> None:
        channel: Any = pusher.subscribe(f"job-{job.id}")
        channel.bind("pusher_internal:subscription_succeeded", subscribed_to)
        channel.bind("job:log", heard)

    def subscribed_to(data: object) -> None:
        subscribed.set()

    def heard(data: str) -> None:
        parts.append(data)
        if '"final": true' in data:
            done.set()

    pusher.connection.bind("pusher:connection_established", connected)
    pusher.connect()
    try:
        assert await anyio.to_thread.run_sync(subscribed.wait, 10)
        await server.play(server.world.builds[job.build.id], speed=1000)
        assert await anyio.to_thread.run_sync(done.wait, 10)
    finally:
        # Closing from its own side, its thread is left behind now and then: so the server closes first. Its timer
        # thread is a daemon that sleeps on; nothing but the end of the process ends it.
        connection: Any = pusher.connection.socket.sock
        pusher.connection.disconnect_called = True
        await server.pusher.disconnect(1000)
        await anyio.to_thread.run_sync(pusher.disconnect, 10)
        # Once the server has closed, nobody else closes the socket itself.
        connection.shutdown()
    assert "".join(json.loads(part)["_log"] for part in parts) == job.log.text
