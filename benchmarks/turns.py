"""The longest turn of the event loop while a large response is received and decoded; the server is elsewhere."""

import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from aiotravis import Travis
from benchmarks.body_server import serving
from benchmarks.pages import page_of_builds, page_of_jobs

__all__ = ["LIMIT", "SHAPES", "Turns", "longest_turns"]

LIMIT = 16 << 20
"""Bytes of the largest JSON response that a client reads by default."""

LINE = b"\x1b[32m$ bundle exec rake spec\x1b[0m of a log, as long as such a line is\r\n"


async def _builds(travis: Travis) -> object:
    return await travis.builds.recent()


async def _jobs(travis: Travis) -> object:
    return await travis.jobs.list()


async def _log(travis: Travis) -> object:
    return await travis.logs.text(1)


def _up_to(size: int, page: Callable[[int], bytes]) -> bytes:
    """Make the largest page that has at most so many bytes."""
    count = size * 100 // len(page(100))
    while len(body := page(count)) > size:
        count -= max(1, count // 500)
    return body


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One kind of large response.

    Attributes:
        fetch: The call that receives it.
        content_type: Its content type.
        body: Makes a body of about so many bytes, and not more.
        alone: What the standard library does with the body, in one turn.
    """

    fetch: Callable[[Travis], Awaitable[object]]
    content_type: str
    body: Callable[[int], bytes]
    alone: tuple[str, Callable[[bytes], object]] = ("json.loads", json.loads)


SHAPES = {
    "builds": Shape(fetch=_builds, content_type="application/json", body=lambda size: _up_to(size, page_of_builds)),
    "jobs": Shape(fetch=_jobs, content_type="application/json", body=lambda size: _up_to(size, page_of_jobs)),
    "a log": Shape(
        fetch=_log,
        content_type="text/plain",
        body=lambda size: LINE * (size // len(LINE)),
        alone=("bytes.decode", bytes.decode),
    ),
}


class Turns:
    """Measures the turns of the running event loop, with a callback that schedules itself again.

    Attributes:
        wall: Wall-clock seconds of each turn.
        cpu: CPU seconds of this thread in each turn.
    """

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._began = time.perf_counter(), time.thread_time()
        self._handle = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        began, self._began = self._began, (time.perf_counter(), time.thread_time())
        self.wall.append(self._began[0] - began[0])
        self.cpu.append(self._began[1] - began[1])
        self._handle = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Measure the turn that runs now, and no more."""
        self._handle.cancel()
        self._turn()
        self._handle.cancel()


def longest_turns(shape: str, *, size: int = LIMIT, rounds: int) -> tuple[dict[str, list[float]], int]:
    """Measure the longest turn, and for comparison the same body in one call of the standard library.

    Args:
        shape: One of `SHAPES`.
        size: Largest body in bytes.
        rounds: How often to measure.

    Returns:
        Milliseconds of CPU, one figure a round, by who decodes; and how many turns there were in the last round.
    """
    figures: dict[str, list[float]] = {}
    turns = 0
    name, decode = SHAPES[shape].alone
    body = SHAPES[shape].body(size)
    with serving(SHAPES[shape].content_type, body) as endpoint:
        for _ in range(rounds):
            measured = anyio.run(_fetch, shape, endpoint)
            turns = len(measured.cpu)
            figures.setdefault("aiotravis", []).append(max(measured.cpu) * 1e3)
            figures.setdefault("aiotravis, wall clock", []).append(max(measured.wall) * 1e3)
            began = time.thread_time()
            decode(body)
            figures.setdefault(name, []).append((time.thread_time() - began) * 1e3)
    return figures, turns


async def _fetch(shape: str, endpoint: str) -> Turns:
    async with Travis(endpoint=endpoint) as travis:
        # A full collection of what the process holds otherwise would be measured as a turn.
        gc.collect()
        gc.freeze()
        turns = Turns()
        response = await SHAPES[shape].fetch(travis)
        turns.stop()
        gc.unfreeze()
        assert response
    return turns
