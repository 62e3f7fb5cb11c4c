"""Following a log of 10 MB in parts of 1,600 bytes: `Travis.follow_log` beside a hand-written reader of the socket."""

import time
import tracemalloc

import anyio

from aiotravis import Travis
from benchmarks.live_peers import floor_log
from benchmarks.live_server import serving

__all__ = ["following", "peak_memory"]


def following(*, parts: int, size: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds that it takes, one figure per round, by client.

    Args:
        parts: Number of parts of the log.
        size: Size of each frame in bytes.
        rounds: Number of rounds; clients are interleaved.
    """
    figures: dict[str, list[float]] = {}
    with serving(events=parts, size=size) as port:
        for _ in range(rounds):
            figures.setdefault("aiotravis", []).append(anyio.run(_follow, port, parts))
            figures.setdefault("floor", []).append(anyio.run(floor_log, port, parts)[0])
    return figures


def peak_memory(*, parts: int, size: int) -> int:
    """Return the peak memory in bytes of following a log, beyond what the client held before.

    Args:
        parts: Number of parts of the log.
        size: Size of each frame in bytes.
    """
    with serving(events=parts, size=size) as port:
        return anyio.run(_peak_memory, port, parts)


async def _follow(port: int, parts: int) -> float:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis, travis.events(channels=["other"]):
        began, seen = time.perf_counter(), 0
        async with travis.follow_log(1) as log:
            async for _ in log:
                seen += 1
        assert log.complete
        assert seen == parts, seen
        return time.perf_counter() - began


async def _peak_memory(port: int, parts: int) -> int:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis, travis.events(channels=["other"]):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        seen = 0
        async with travis.follow_log(1) as log:
            async for _ in log:
                seen += 1
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert seen == parts, seen
        return peak
