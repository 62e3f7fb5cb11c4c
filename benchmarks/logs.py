"""Following a log of 10 MB in parts of 1,600 bytes: through `Travis.follow_log`, beside the socket read by hand."""

import time
import tracemalloc

import anyio

from aiotravis import Travis
from benchmarks.live_peers import floor_log
from benchmarks.live_server import serving

__all__ = ["following", "held"]


def following(*, parts: int, size: int, rounds: int) -> dict[str, list[float]]:
    """Give the seconds that it takes, one figure a round, by client.

    Args:
        parts: How many parts the log has.
        size: Bytes of each frame.
        rounds: How often to measure, interleaved.
    """
    figures: dict[str, list[float]] = {}
    with serving(events=parts, size=size) as port:
        for _ in range(rounds):
            figures.setdefault("aiotravis", []).append(anyio.run(_follow, port, parts))
            figures.setdefault("floor", []).append(anyio.run(floor_log, port, parts)[0])
    return figures


def held(*, parts: int, size: int) -> int:
    """Give the most bytes that following a log holds at once, beyond what a client holds before.

    Args:
        parts: How many parts the log has.
        size: Bytes of each frame.
    """
    with serving(events=parts, size=size) as port:
        return anyio.run(_follow_and_weigh, port, parts)


async def _follow(port: int, parts: int) -> float:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis, travis.events(channels=["other"]):
        began, seen = time.perf_counter(), 0
        async with travis.follow_log(1) as log:
            async for _ in log:
                seen += 1
        assert log.complete
        assert seen == parts, seen
        return time.perf_counter() - began


async def _follow_and_weigh(port: int, parts: int) -> int:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis, travis.events(channels=["other"]):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        seen = 0
        async with travis.follow_log(1) as log:
            async for _ in log:
                seen += 1
        most = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert seen == parts, seen
        return most
