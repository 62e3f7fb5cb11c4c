"""The live channel at full speed: aiotravis with hub, typed events and feed, beside other clients."""

import asyncio
import statistics
import time
from collections.abc import Callable

import anyio

from aiotravis import Travis
from aiotravis import events as travis_events
from benchmarks.live_peers import Figure, Watcher, floor_log, subscribers, watchers
from benchmarks.live_server import CHANNEL, serving

__all__ = ["burst", "bursts", "latency", "subscribing"]

SLOW = {"stock pysher": 10}
"""Clients that receive only every n-th event, because all would take minutes."""


def burst(*, events: int, size: int, rounds: int, peers: bool = True) -> dict[str, list[tuple[float, float]]]:
    """Return events per second and microseconds of CPU per event, one pair per round, by client.

    Args:
        events: Number of events that each client receives.
        size: Size of each frame in bytes.
        rounds: Number of rounds; clients are interleaved.
        peers: Whether to measure other libraries, or the floor alone.
    """
    figures: dict[str, list[tuple[float, float]]] = {}
    cases = _watchers(peers)
    few = events // max(SLOW.values())
    with serving(events=events, size=size) as port, serving(events=few, size=size) as slow_port:
        for _ in range(rounds):
            for name, case in cases.items():
                count = few if name in SLOW else events
                seconds, cpu = case(slow_port if name in SLOW else port, count, None)
                figures.setdefault(name, []).append((count / seconds, cpu / count * 1e6))
    return figures


def bursts(*, events: int, together: int, pace: float, rounds: int, peers: bool = True) -> dict[str, list[float]]:
    """Return the median milliseconds from sending to delivery when events come in bursts, by client.

    Args:
        events: Number of events of 200 bytes that each client receives per round.
        together: Events per burst.
        pace: Events per second.
        rounds: Number of rounds; clients are interleaved.
        peers: Whether to measure other libraries, or the floor alone.
    """
    figures: dict[str, list[float]] = {}
    with serving(events=events, size=200, pace=pace, burst=together) as port:
        for _ in range(rounds):
            for name, case in _watchers(peers).items():
                late: list[float] = []
                case(port, events, late)
                figures.setdefault(name, []).append(statistics.median(late) * 1000)
    return figures


def latency(*, events: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return median and 99th percentile of the milliseconds from sending to delivery, by client.

    2,000 events of 200 bytes per second; the server writes the time into each.

    Args:
        events: Number of events that each client receives per round.
        rounds: Number of rounds; clients are interleaved.
    """
    figures: dict[str, list[tuple[float, float]]] = {}
    with serving(events=events, size=200, pace=2000) as port:
        for _ in range(rounds):
            for name, case in (("aiotravis", _log), ("floor", floor_log)):
                late: list[float] = []
                anyio.run(case, port, events, late)
                late.sort()
                pair = (late[len(late) // 2] * 1000, late[len(late) * 99 // 100] * 1000)
                figures.setdefault(name, []).append(pair)
    return figures


def subscribing(*, channels: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds until all subscriptions are confirmed, one figure per round, by client.

    Args:
        channels: Number of channels.
        rounds: Number of rounds; clients are interleaved.
    """
    figures: dict[str, list[float]] = {}
    cases: dict[str, Callable[[int, int], Figure]] = {
        "aiotravis": lambda port, count: anyio.run(_channels, port, count),
        "aiotravis, a feed each": lambda port, count: anyio.run(_feeds, port, count),
    }
    with serving(events=1, size=200) as port:
        for _ in range(rounds):
            for name, case in (cases | subscribers()).items():
                figures.setdefault(name, []).append(case(port, channels)[0])
    return figures


def _watchers(peers: bool) -> dict[str, Watcher]:
    return {"aiotravis": lambda port, events, late: anyio.run(_log, port, events, late), **watchers(peers)}


async def _log(port: int, events: int, late: list[float] | None = None) -> Figure:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis, travis.events(channels=["other"]):
        began, used = time.perf_counter(), time.process_time()
        seen = 0
        async with travis.events(channels=[CHANNEL], buffer=events + 1) as feed:
            async for event in feed:
                if isinstance(event, travis_events.JobLog):
                    seen += 1
                    if late is not None:
                        late.append(time.time() - float(event.content[:17]))
                    if event.final:
                        break
        figure = time.perf_counter() - began, time.process_time() - used
    assert seen == events, seen
    return figure


async def _channels(port: int, count: int) -> Figure:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis, travis.events(channels=["other"]):
        began, used = time.perf_counter(), time.process_time()
        async with travis.events(channels=[f"c-{number}" for number in range(count)]):
            return time.perf_counter() - began, time.process_time() - used


async def _feeds(port: int, count: int) -> Figure:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis, travis.events(channels=["other"]):
        began, used = time.perf_counter(), time.process_time()
        feeds = [travis.events(channels=[f"c-{number}"]) for number in range(count)]
        # Tasks of asyncio: a task group of anyio alone takes 40 us for each, as much as everything else together.
        async with asyncio.TaskGroup() as group:
            for feed in feeds:
                group.create_task(feed.__aenter__())
        figure = time.perf_counter() - began, time.process_time() - used
        for feed in feeds:
            await feed.aclose()
        return figure
