"""A repository's whole history, page by page: aiotravis beside TravisPy, 20 ms from the server."""

import importlib
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import anyio

from aiotravis import Travis
from benchmarks.rest_server import serving

__all__ = ["history"]

LATENCY = 0.02


def history(*, builds: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each client took, one figure per round; TravisPy only if it is installed.

    Args:
        builds: Number of builds.
        rounds: Number of rounds; clients are interleaved.
    """
    figures: dict[str, list[float]] = {}
    with serving(builds=builds, latency=LATENCY) as endpoint:
        cases: dict[str, Callable[[], int]] = {"aiotravis": lambda: anyio.run(_ours, endpoint)}
        if importlib.util.find_spec("travispy"):
            cases["TravisPy"] = lambda: _travispy(endpoint)
        for name, case in cases.items():
            # The server builds its pages at the first request, which must not be measured.
            assert case() == builds, name
        for _ in range(rounds):
            for name, case in cases.items():
                began = time.perf_counter()
                case()
                figures.setdefault(name, []).append(time.perf_counter() - began)
    return figures


async def _ours(endpoint: str) -> int:
    async with Travis(endpoint=endpoint) as travis:
        numbers = [int(build.number) async for build in travis.builds.list(82)]
    assert numbers == sorted(set(numbers), reverse=True)
    return len(numbers)


def _travispy(endpoint: str) -> int:
    client: Any = importlib.import_module("travispy").TravisPy(uri=endpoint)
    numbers: list[int] = []
    page: list[Any] = client.builds(repository_id=82)
    while page:
        numbers += [int(build.number) for build in page]
        page = client.builds(repository_id=82, after_number=numbers[-1]) if numbers[-1] > 1 else []
    return len(numbers)
