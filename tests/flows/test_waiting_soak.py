"""Thousands of waiters while sockets are killed, events dropped and doubled: each wait ends once, and correctly.

``AIOTRAVIS_SOAK_WAITERS=10000 python -m pytest -s tests/flows/test_waiting_soak.py`` is the long run, by hand.
"""

import asyncio
import os
import random
import time

import anyio
import anyio.lowlevel
import pytest

from aiotravis import Build, LiveOptions, Travis
from aiotravis.flows import waiting
from aiotravis.testing import Build as BuildOfWorld
from aiotravis.testing import Job, Part, TravisServer
from tests.conftest import TOKEN
from tests.waiting import until

WAITERS = int(os.environ.get("AIOTRAVIS_SOAK_WAITERS", "400"))

REPOSITORIES = 20

ENDS = ("passed", "failed", "errored", "canceled")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
async def test_every_wait_ends_once_and_correctly(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    monkeypatch.setattr(waiting, "RECONCILE_INTERVAL", 1.0 + WAITERS / 2000)
    found: list[Build] = []
    ends: dict[int, set[str]] = {}
    dropped = doubled = kills = opened = 0
    before = asyncio.all_tasks()
    async with TravisServer() as server:
        world = server.world
        user = world.user("sarah", token=TOKEN)
        repositories = [world.repository(f"a/{n}", users=[user]) for n in range(REPOSITORIES)]
        builds = [repositories[n % REPOSITORIES].build(quiet=True) for n in range(WAITERS)]
        publish = world.notify

        def unreliable(event: str, about: BuildOfWorld | Job, part: Part | None) -> None:
            nonlocal dropped, doubled
            chance = draw.random()
            dropped += chance < 0.1
            doubled += 0.1 <= chance < 0.2
            for _ in range(0 if chance < 0.1 else 2 if chance < 0.2 else 1):
                publish(event, about, part)

        world.notify = unreliable
        options = LiveOptions(reconnect_delay=0.01, max_reconnect_delay=0.05)
        async with Travis(TOKEN, endpoint=server.endpoint, live=options) as travis:
            began, used = time.perf_counter(), time.process_time()
            async with anyio.create_task_group() as group:

                async def wait(number: int) -> None:
                    found.append(await travis.wait_for_build(number))

                for build in builds:
                    group.start_soon(wait, build.id)
                await until(lambda: len(travis._waiting) == WAITERS)
                await server.pusher.wait_occupied(f"repo-{repositories[0].id}")
                opened = len(server.requests)
                for place, build in enumerate(draw.sample(builds, len(builds))):
                    for _ in range(1 + (draw.random() < 0.2)):
                        if build.id in ends:
                            build.restart()
                        build.start()
                        build.finish(draw.choice(ENDS))
                        ends.setdefault(build.id, set()).add(build.state)
                    if place % max(1, WAITERS // 20) == 0:
                        kills += 1
                        server.pusher.disconnect(draw.choice([None, 1006, 4200, 4100]))
                    if place % 10 == 0:
                        await anyio.lowlevel.checkpoint()
            wall, cpu = time.perf_counter() - began, time.process_time() - used
            assert len(travis._waiting) == 0
            assert not travis._waiting._receivers
        reads = len(server.requests) - opened
    assert sorted(build.id for build in found) == sorted(ends)
    # A build that was restarted may have been returned in either of its final states.
    assert [build for build in found if build.state not in ends[build.id]] == []
    assert dropped
    assert doubled
    assert asyncio.all_tasks() == before
    print(
        f"{WAITERS} waiters: {dropped} events dropped, {doubled} doubled, {kills} kills, "
        f"{reads} requests after opening, {wall:.1f} s, {cpu:.1f} s of CPU with the server's"
    )
