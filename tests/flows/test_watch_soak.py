"""Hundreds of repositories that change all the time, from another process: what one watch costs, and that it ends true.

``AIOTRAVIS_WATCH_SECONDS=600 AIOTRAVIS_WATCH_REPOSITORIES=1000 python -m pytest -s tests/flows/test_watch_soak.py`` is
the long run, by hand: it prints requests, CPU, memory, lag and the longest turns of the event loop.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from aiotravis import RepositoryUpdate, Travis, WatchStatus
from tests.conftest import TOKEN
from tests.waiting import until

SECONDS = float(os.environ.get("AIOTRAVIS_WATCH_SECONDS", "3"))
REPOSITORIES = int(os.environ.get("AIOTRAVIS_WATCH_REPOSITORIES", "60"))
EVENTS = float(os.environ.get("AIOTRAVIS_WATCH_EVENTS", "50"))
CUT = min(60.0, SECONDS / 2)

ROOT = Path(__file__).parents[2]


def resident() -> float:
    """Return the memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure_turns(monkeypatch: pytest.MonkeyPatch, turns: list[tuple[float, str]]) -> None:
    """Keep the CPU time of each turn of the event loop that takes more than 20 ms, and what ran."""
    run = asyncio.events.Handle._run

    def measured(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run(handle)
        if (taken := time.thread_time() - began) > 0.02:
            turns.append((taken, repr(getattr(cast("Any", handle)._callback, "__self__", handle))[:300]))

    monkeypatch.setattr(asyncio.events.Handle, "_run", measured)


@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_busy_watch_ends_true_in_flat_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[tuple[float, str]] = []
    measure_turns(monkeypatch, turns)
    command = [sys.executable, "-m", "tests.flows.busy_world", str(REPOSITORIES), str(EVENTS), str(SECONDS), str(CUT)]
    world = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT, limit=2**26
    )
    assert world.stdin
    assert world.stdout
    seen: dict[int, RepositoryUpdate] = {}
    lags: list[float] = []
    memory: list[float] = []
    items = first = requests = 0
    snapshot = cpu = 0.0
    result: dict[str, Any] = {}
    try:
        endpoint = (await world.stdout.readline()).decode().strip()
        async with Travis(TOKEN, endpoint=endpoint) as travis, travis.watch(last=8) as watch:

            async def consume() -> None:
                nonlocal items
                async for item in watch:
                    items += 1
                    match item:
                        case RepositoryUpdate(repository=repository, builds=builds) if repository:
                            now = time.time()
                            known = {one.id for one in seen[repository.id].builds} if repository.id in seen else None
                            seen[repository.id] = item
                            lags.extend(
                                now - float(one.commit.message)
                                for one in builds
                                if known is not None and one.id not in known and one.commit and one.commit.message
                            )
                        case WatchStatus(error=error):
                            print(f"status: {error}")
                        case _:
                            pass

            async def sample() -> None:
                while True:
                    await anyio.sleep(SECONDS / 20)
                    memory.append(resident())

            async with anyio.create_task_group() as group:
                group.start_soon(consume)
                began, used = time.monotonic(), time.process_time()
                await until(lambda: len(seen) == REPOSITORIES, 90)
                snapshot, first = time.monotonic() - began, travis.statistics().requests
                world.stdin.write(b"\n")
                group.start_soon(sample)
                result = json.loads(await world.stdout.readline())
                truth = {int(key): value for key, value in result["shown"].items()}

                def state() -> dict[int, Any]:
                    return {
                        key: [
                            [int(one.number), str(one.state), [[job.number, str(job.state)] for job in one.jobs]]
                            for one in update.builds
                        ]
                        for key, update in seen.items()
                    }

                await until(lambda: state() == truth, 60)
                cpu, requests = time.process_time() - used, travis.statistics().requests
                group.cancel_scope.cancel()
        world.stdin.write(b"\n")
        await world.wait()
    finally:
        if world.returncode is None:
            world.kill()
            await world.wait()
    print(
        f"{REPOSITORIES} repositories in {snapshot:.1f} s and {first} requests; in {SECONDS:g} s {result['counts']}: "
        f"{items} items, {requests} requests, {cpu:.1f} s of CPU, memory {[round(one, 1) for one in memory]} MiB, "
        f"lag of {len(lags)} builds {statistics.median(lags):.3f} s, at most {max(lags):.1f} s"
    )
    for taken, what in sorted(turns, reverse=True)[:8]:
        print(f"turn of {taken * 1000:.0f} ms: {what}")
    # Until then, what is bounded is filled: the newest events.
    full = len(memory) * 3 // 4
    assert max(memory[full:]) < memory[full] + 2
