"""Logs followed over real sockets while the live connection and REST are interrupted: exact, to the byte."""

import os
import random

import anyio
import pytest

from aiotravis import LiveOptions, LogReset, Travis
from aiotravis.follow_log import poll_schedule
from aiotravis.live import reconnect_policy
from aiotravis.testing import FaultProxy, Job, TravisServer

SEEDS = int(os.environ.get("AIOTRAVIS_SOAK_SEEDS", "1"))
FAULTS = int(os.environ.get("AIOTRAVIS_SOAK_FAULTS", "15"))
"""Faults of each kind and seed. Run more by hand: ``AIOTRAVIS_SOAK_SEEDS=10 AIOTRAVIS_SOAK_FAULTS=100``."""

JOBS = 4


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 0.05)
    monkeypatch.setattr(poll_schedule, "IDLE_POLL_DELAY", 1.0)
    monkeypatch.setattr(reconnect_policy, "ATTEMPT_LIMITS", ((10.0, 10_000),))


async def write(draw: random.Random, job: Job, over: anyio.Event) -> None:
    """Run a job that prints until the faults are over."""
    job.start()
    number = 0
    while not over.is_set():
        job.write(f"{job.id}.{number} größe\r\x1b[0K" + "x" * draw.randrange(200))
        number += 1
        await anyio.sleep(draw.random() * 0.02)
    job.write("", final=True)
    await anyio.sleep(draw.random() * 0.2)
    job.finish()


async def inject_faults(draw: random.Random, live: FaultProxy, rest: FaultProxy, over: anyio.Event) -> None:
    """Interrupt both connections in every way that the proxy knows."""
    for _ in range(FAULTS):
        for proxy in (live, rest):
            how = draw.randrange(4)
            if how == 0:
                proxy.reset_all()
            elif how == 1:
                proxy.close_all()
            elif how == 2:
                proxy.cut_after(draw.randrange(3000), reset=draw.random() < 0.5)
            else:
                proxy.freeze()
            await anyio.sleep(draw.random() * 0.1)
            await proxy.heal()
            if how == 3:
                # Bytes of a frame are lost, so the connection is useless.
                proxy.reset_all()
        await anyio.sleep(draw.random() * 0.1)
    over.set()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_logs_are_exact_despite_faults_of_both_connections(seed: int) -> None:
    draw = random.Random(seed)
    options = LiveOptions(reconnect_delay=0.02, max_reconnect_delay=0.1, activity_timeout=0.3, pong_timeout=0.2)
    async with TravisServer() as server, FaultProxy(server.port) as live, FaultProxy(server.port) as rest:
        server.announced_port = live.port
        jobs = server.world.repository("a/b").build(jobs=JOBS).jobs
        over = anyio.Event()
        texts: dict[int, str] = {}
        async with Travis(
            endpoint=f"http://127.0.0.1:{rest.port}", live=options, attempts=5, read_timeout=1.0
        ) as travis:

            async def follow(job: Job) -> None:
                text = ""
                async with travis.follow_log(job.id) as log:
                    async for part in log:
                        text = "" if isinstance(part, LogReset) else text + (part.content or "")
                assert log.complete
                texts[job.id] = text

            with anyio.fail_after(60 + FAULTS):
                async with anyio.create_task_group() as group:
                    for job in jobs:
                        group.start_soon(follow, job)
                        group.start_soon(write, draw, job, over)
                    group.start_soon(inject_faults, draw, live, rest, over)
        assert texts == {job.id: job.log.text for job in jobs}
