"""Processes with one token against the counting of the server: a machine, a fleet with a Redis that comes and goes.

`AIOTRAVIS_FLEET_SECONDS=600` makes the runs long: Redis is then started again twice, and away for 30 s.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import anyio
import pytest

from aiotravis.testing import TravisServer
from tests.programs import python
from tests.rate_limits.redis_server import RedisServer, needs_redis, running_redis

TOKEN = "a-token-of-many-processes"

SECONDS = float(os.environ.get("AIOTRAVIS_FLEET_SECONDS", "3"))

LONG = SECONDS > 100

PROCESSES = 8 if LONG else 4


class Run:
    """Processes, and the server that counts."""

    def __init__(self, server: TravisServer, store: str) -> None:
        self.server = server
        self._command = [*python(), "-m", "tests.rate_limits.fleet", server.endpoint, TOKEN, store]
        self._until = time.monotonic() + SECONDS
        self.met: list[Counter[str]] = []
        self.met_at_last: list[Counter[str]] = []

    async def process(self, lives: float | None = None) -> None:
        """Run one process until the end, or kill it and start another one after some seconds."""
        met = self.met if lives is None else self.met_at_last
        while (left := self._until - time.monotonic()) > 0:
            process = await asyncio.create_subprocess_exec(*self._command, str(left), stdout=subprocess.PIPE)
            try:
                life = left + 60 if lives is None else lives * (0.5 + random.random())
                with anyio.move_on_after(min(life, left + 60)):
                    output = (await process.communicate())[0]
                    met.append(Counter(json.loads(output)))
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGKILL)
                    await process.wait()

    def check(self) -> None:
        """Check what the server counted: nobody is banned, at most 2 % of reads are answered 429, nobody starves."""
        rates = self.server.rates
        assert rates is not None
        statuses = Counter(seen.status for seen in self.server.requests)
        print(f"\n{statuses=} highest={rates.requests.highest} posts={rates.posts.highest}")
        for met in (*self.met, *self.met_at_last):
            print(dict(met))
        assert rates.banned == {}
        assert rates.posts.highest < 50
        assert statuses[200] > 0
        assert statuses[403] == 0
        assert statuses[429] <= 0.02 * statuses[200]
        if LONG:
            # Of the one that is killed now and then, only the last life is known. It may have begun in a minute that
            # was used up, and ended before the next one.
            assert len(self.met) == PROCESSES - 1
            reads, posts = ([met[method] for met in self.met] for method in ("GET", "POST"))
            assert min(reads) > 0.5 * max(reads)
            assert min(posts) > 0.3 * max(posts)


async def _server() -> TravisServer:
    server = TravisServer(rate_rules=True, max_records=None)
    server.world.user("sarah", token=TOKEN)
    return server


@pytest.mark.timeout(SECONDS + 120)
async def test_the_processes_of_a_machine_are_not_banned() -> None:
    async with await _server() as server:
        run = Run(server, "machine")
        async with anyio.create_task_group() as group:
            for _ in range(PROCESSES - 1):
                group.start_soon(run.process)
            group.start_soon(run.process, SECONDS / 5)
        # Reads are not shared: once a minute, each call in flight of each process meets the end of the limit.
        run.check()


async def _disturb(redis: RedisServer, server: TravisServer) -> None:
    """Start Redis again twice, the second time after it was away. In a short run, it only goes away."""
    if not LONG:
        while len(server.requests) < 100:  # noqa: ASYNC110 - the server has no event for it
            await anyio.sleep(0.01)
        redis.stop()
        return
    await anyio.sleep(SECONDS * 0.25)
    redis.stop()
    redis.start()
    await anyio.sleep(SECONDS * 0.35)
    redis.stop()
    await anyio.sleep(30)
    redis.start()


@needs_redis
@pytest.mark.timeout(SECONDS + 120)
async def test_the_processes_of_a_fleet_are_not_banned(tmp_path: Path) -> None:
    with running_redis(tmp_path) as redis:
        async with await _server() as server:
            run = Run(server, f"{redis.url}?processes={PROCESSES}")
            async with anyio.create_task_group() as group:
                for _ in range(PROCESSES - 1):
                    group.start_soon(run.process)
                group.start_soon(run.process, SECONDS / 5)
                group.start_soon(_disturb, redis, server)
            run.check()
