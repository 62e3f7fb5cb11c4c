"""Builds over REST, one by one and in batches of ids: aiotravis beside others, near the server and far away."""

import asyncio
import resource
import time
from collections.abc import Sequence

import anyio

from aiotravis import Build, Travis
from benchmarks.pages import FIRST_ID
from benchmarks.rest_peers import SLOW, Case, batches, singles
from benchmarks.rest_server import serving

__all__ = ["by_ids", "clients", "one_by_one"]

Figures = dict[str, list[tuple[float, float]]]
"""Items per second and microseconds of CPU per item, one pair per round, by client."""


def one_by_one(*, builds: int, at_once: int, latency: float, rounds: int, peers: bool = True) -> Figures:
    """Fetch builds one by one, with many requests in flight.

    Args:
        builds: Number of builds that each client fetches; slow clients fetch a fraction.
        at_once: Number of requests in flight; TravisPy has one.
        latency: Delay of every response in seconds.
        rounds: Number of rounds; clients are interleaved.
        peers: Whether to measure other libraries, or the floor alone.
    """
    return _measure(clients(peers=peers), builds, at_once, latency, rounds)


def clients(*, peers: bool = False) -> dict[str, Case]:
    """Return what fetches builds one by one, by name.

    Args:
        peers: Whether to add other libraries to the floor.
    """
    return {
        "aiotravis": lambda endpoint, ids, at_once: anyio.run(_map, endpoint, ids, at_once),
        "aiotravis, get": lambda endpoint, ids, at_once: anyio.run(_get, endpoint, ids, at_once),
        **singles(peers),
    }


def by_ids(*, builds: int, at_once: int, latency: float, rounds: int) -> Figures:
    """Fetch builds by their ids, a hundred per request.

    Args:
        builds: Number of builds that each client fetches; slow clients fetch a fraction.
        at_once: Number of requests in flight in the floor; aiotravis chooses its own.
        latency: Delay of every response in seconds.
        rounds: Number of rounds; clients are interleaved.
    """
    cases: dict[str, Case] = {"aiotravis": lambda endpoint, ids, _: anyio.run(_many, endpoint, ids), **batches()}
    return _measure(cases, builds, at_once, latency, rounds)


def _measure(cases: dict[str, Case], builds: int, at_once: int, latency: float, rounds: int) -> Figures:
    figures: Figures = {}
    with serving(builds=builds, latency=latency) as endpoint:
        for round_ in range(rounds + 1):
            for name, case in cases.items():
                ids = range(FIRST_ID, FIRST_ID + max(1, builds // SLOW.get(name, 1)))
                rate, cpu = _timed(case, endpoint, ids, at_once)
                # In the first round the server prepares its responses, which must not be measured.
                if round_:
                    figures.setdefault(name, []).append((rate, cpu))
    return figures


def _timed(case: Case, endpoint: str, ids: Sequence[int], at_once: int) -> tuple[float, float]:
    began, used = time.perf_counter(), _cpu_seconds()
    got = case(endpoint, ids, at_once)
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - used
    assert got == len(ids), got
    return got / seconds, cpu / got * 1e6


def _cpu_seconds() -> float:
    """Return the CPU seconds of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _map(endpoint: str, ids: Sequence[int], at_once: int) -> int:
    async with Travis(endpoint=endpoint) as travis, travis.map(travis.builds.get, ids, at_once=at_once) as outcomes:
        return len([outcome.value async for outcome in outcomes])


async def _get(endpoint: str, ids: Sequence[int], at_once: int) -> int:
    """Fetch with a fixed number of workers, as the floor does."""
    left, builds = iter(ids), list[Build]()
    async with Travis(endpoint=endpoint) as travis:

        async def work() -> None:
            for number in left:
                builds.append(await travis.builds.get(number))

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    return len(builds)


async def _many(endpoint: str, ids: Sequence[int]) -> int:
    async with Travis(endpoint=endpoint) as travis:
        return len([build async for build in travis.builds.many(ids)])
