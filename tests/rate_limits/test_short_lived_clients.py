"""A client, an event loop and a garbage collection for each call, as in a web service: real sockets, virtual time.

`AIOTRAVIS_SHORT_LIVED_CLIENTS=10000` makes more of them.
"""

import asyncio
import gc
import os
import threading
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path

import pytest

from aiotravis import RateLimits, Travis, errors
from aiotravis.rate_limits import clock, memory
from aiotravis.testing import TravisServer
from tests.autojump import AutojumpLoop

TOKEN = "a-token"

CLIENTS = int(os.environ.get("AIOTRAVIS_SHORT_LIVED_CLIENTS", "160"))

POST_EVERY = 50 if CLIENTS > 1000 else 2


class VirtualClock:
    """The clock of the loop that runs, or where the last one ended."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.loop: AutojumpLoop | None = None

    def __call__(self) -> float:
        return self.now if self.loop is None else self.loop.time()

    def run(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run a program on an event loop of its own, as `asyncio.run` does."""
        # The server is in another thread, and answers within this time, however busy the machine is.
        self.loop = AutojumpLoop(self.now, settling=0.5 if CLIENTS < 1000 else 5.0)
        with asyncio.Runner(loop_factory=lambda: self.loop or AutojumpLoop()) as runner:
            runner.run(coroutine)
        self.now, self.loop = self.loop.time(), None


@pytest.mark.timeout(120 + CLIENTS / 10)
@pytest.mark.parametrize("store", ["memory", "machine"])
def test_short_lived_clients_are_neither_throttled_nor_banned(
    store: RateLimits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    virtual, started, ended = VirtualClock(), threading.Event(), threading.Event()
    monkeypatch.setattr(clock, "seconds", virtual)
    monkeypatch.setenv("TRAVIS_STATE_DIR", str(tmp_path / "state"))
    server = TravisServer(rate_rules=True, max_records=None, clock=lambda: virtual() + clock.EPOCH_OFFSET)
    server.world.user("sarah", token=TOKEN)

    async def serve() -> None:
        async with server:
            started.set()
            await asyncio.to_thread(ended.wait)

    async def call(post: bool) -> None:
        async with Travis(TOKEN, endpoint=server.endpoint, rate_limits=store) as travis:
            if post:
                await travis.request("POST", "/lint", json={"content": "language: ruby"})
            else:
                await travis.request("GET", "/config")

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(30)
        for number in range(CLIENTS):
            virtual.run(call(number % POST_EVERY == 0))
            gc.collect(0 if number % 40 else 2)
    finally:
        ended.set()
        thread.join(30)
        memory._kept.clear()
    assert Counter(seen.status for seen in server.requests) == {200: CLIENTS}
    assert server.rates is not None
    assert server.rates.banned == {}
    assert server.rates.posts.highest <= 40


async def test_a_ban_stops_later_clients_of_the_process() -> None:
    stores: tuple[RateLimits, ...] = (False, "memory")
    async with TravisServer(rate_rules=True) as server:
        server.world.user("sarah", token=TOKEN)
        async with Travis(TOKEN, endpoint=server.endpoint, rate_limits=False) as careless:
            for _ in range(50):
                await careless.request("POST", "/lint", json={"content": "x"})
            with pytest.raises(errors.BannedError):
                await careless.config.get()
        sent = len(server.requests)
        for store in stores:
            async with Travis(TOKEN, endpoint=server.endpoint, rate_limits=store) as travis:
                with pytest.raises(errors.BannedError):
                    await travis.config.get()
        assert len(server.requests) == sent
