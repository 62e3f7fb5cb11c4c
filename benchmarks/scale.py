"""``python -m benchmarks scale``: public calls with 1, 10 and 100 times the work.

Measures what an item costs, the longest turn of the event loop, and the memory of an item. Responses are made before
they are measured and come from this process; the live channel is a server of its own. Times are CPU of the loop's
thread, without Python's collections of cycles, which take as long as there are tasks and futures to look at.
"""

import asyncio
import base64
import functools
import gc
import random
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import anyio
import anyio.lowlevel
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aiotravis import LogText, Travis, webhooks
from aiotravis._http import ApiRequest, ApiResponse, Sink, Transport
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.memory import MemoryLimiter
from aiotravis.rate_limits.rules import AUTHENTICATED
from aiotravis.resources._runs import Restarts
from benchmarks.live_server import serving
from benchmarks.pages import envelope
from benchmarks.turns import Turns

__all__ = ["CASES", "Growth", "grow", "verdict"]

MAX_GROWTH = 2.0
"""By how much an item may cost more with a hundred times the work: above, the call is not flat."""

MAX_TURN = 50.0
"""Milliseconds of CPU that a turn of the event loop may take."""

UNKNOWN = 10**9
"""Builds with this id or a higher one do not exist."""


class Replay:
    """A transport that makes each response once, and keeps it.

    Args:
        live: Sends what concerns the live channel.
    """

    waiting = 0

    def __init__(self, live: Transport) -> None:
        self._live = live
        self._responses: dict[str, ApiResponse] = {}

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        """Return the response to a request, at the next turn of the event loop."""
        if request.path == "/config":
            return await self._live.send(request, sink)
        await anyio.lowlevel.checkpoint()
        found = self._responses.get(request.target)
        if found is None:
            body = envelope(_response(request.target))
            headers = {"content-type": "application/json", "content-length": str(len(body))}
            found = self._responses[request.target] = ApiResponse(200, headers, body)
        return found


def _response(target: str) -> object:
    """Return the response to a request. The last number of a path is how many records it has."""
    path, query = urlsplit(target).path, {name: values[-1] for name, values in parse_qs(urlsplit(target).query).items()}
    kind, number = path.strip("/").split("/")[0], next((int(one) for one in path.split("/") if one.isdigit()), 0)
    ids = [int(one) for one in query.get("ids", "").split(",") if one]
    if "annotations" in path:
        return {"annotations": [{"id": n + 1, "job_id": 1, "description": f"remark {n}"} for n in range(number)]}
    if "branches" in path:
        branches = [_build(n + 1) | {"commit_id": n + 1} for n in range(number)]
        return {"branches": branches, "commits": [_commit(n + 1) for n in range(number)]}
    if "log_parts" in path:
        parts = [{"number": n, "content": f"line {n}\r\n", "final": False} for n in range(number)]
        return {"@type": "log_parts", "log_parts": parts}
    if kind == "repos":
        found = [{"id": one, "slug": f"a/{one}", "last_build_id": one} for one in ids or [number]]
        return {"repos": found} if ids else {"repo": found[0]}
    if kind == "builds" and number:
        return {"build": _build(number), "commit": _commit(number), "jobs": [_job(n + 1) for n in range(number)]}
    if "repository_id" in query:
        # A repository has as many builds as its id says.
        repository = int(query["repository_id"])
        top = int(query["after_number"]) - 1 if "after_number" in query else repository
        ids = [int(query["number"])] if "number" in query else list(range(top, max(0, top - 25), -1))
        builds = [_build(one) | {"repository_id": repository} for one in ids]
        return {"builds": builds, "commits": [_commit(one) for one in ids]}
    ids = [one for one in ids if one < UNKNOWN]
    return {"builds": [_build(one) for one in ids], "commits": [_commit(one) for one in ids]}


def _build(number: int) -> dict[str, Any]:
    # Those with odd ids have not ended.
    return {
        "id": number, "repository_id": number // 2 + 1, "commit_id": number, "number": str(number),
        "state": "started" if number % 2 else "passed", "started_at": "2026-01-01T10:00:00Z",
        "finished_at": None if number % 2 else "2026-01-01T10:10:00Z", "job_ids": [number], "config": {"rvm": "3.2"},
    }  # fmt: skip


def _commit(number: int) -> dict[str, Any]:
    return {"id": number, "sha": "a" * 40, "branch": "main", "message": "Fix it"}


def _job(number: int) -> dict[str, Any]:
    return {"id": number, "repository_id": 1, "build_id": 1, "number": f"1.{number}", "state": "passed", "config": {}}


class ReplayedTravis(Travis):
    """A client whose responses come from a `Replay`."""

    def _bind_resources(self, transport: Transport, token: str | None, endpoint: str, restarts: Restarts) -> None:
        super()._bind_resources(Replay(transport), token, endpoint, restarts)


Work = Callable[[Travis, int], Awaitable[object]]
"""Does some work with so many items; what it returns is held while memory is measured."""


async def _generated(count: int) -> AsyncIterator[int]:
    for number in range(2, 2 * count + 2, 2):
        yield number


def _evens(count: int) -> range:
    return range(2, 2 * count + 2, 2)


async def _shared(travis: Travis, count: int) -> object:
    builds, found = travis.builds.many(_evens(count)), list[object]()

    async def take() -> None:
        async for build in builds:
            found.append(build)

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(take)
    assert len(found) == count
    return found


def _map(*, ordered: bool) -> Work:
    async def work(travis: Travis, count: int) -> object:
        async def call(number: int) -> int:
            for _ in range(number % 3):
                await anyio.lowlevel.checkpoint()
            return number

        async with travis.map(call, range(count), ordered=ordered) as outcomes:
            return [outcome.value async for outcome in outcomes]

    return work


async def _finished_waits(travis: Travis, count: int) -> object:
    async with travis.wait_for_builds(_evens(count)) as outcomes:
        return [outcome.value async for outcome in outcomes]


ORDERS: dict[str, Callable[[list[Any]], object]] = {
    "oldest first": lambda _: None,
    "newest first": lambda several: several.reverse(),
    "at random": random.Random(7).shuffle,
}
"""Orders in which many calls are cancelled, or many feeds closed."""


async def _cancelled(calls: Sequence[Callable[[], Awaitable[object]]], order: str, ready: Callable[[], bool]) -> object:
    """Start calls; once they wait, cancel them one by one."""
    tasks = list[asyncio.Future[object]]()
    for call in calls:
        tasks.append(asyncio.ensure_future(call()))
        # What all of them do first would otherwise be one turn.
        if len(tasks) % 100 == 0:
            await asyncio.sleep(0)
    while not ready():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    ORDERS[order](tasks)
    for number, task in enumerate(tasks):
        task.cancel()
        if number % 100 == 0:
            await asyncio.sleep(0)
    while any(not task.done() for task in tasks):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return None


def _waits(order: str, *, of_one: bool) -> Work:
    async def work(travis: Travis, count: int) -> object:
        ids = [1 if of_one else 2 * number + 1 for number in range(count)]
        calls = [lambda number=number: travis.wait_for_build(number) for number in ids]
        return await _cancelled(calls, order, lambda: travis.statistics().live.channels >= len(set(ids)))

    return work


def _line(order: str) -> Work:
    async def work(travis: Travis, count: int) -> object:
        limiter = MemoryLimiter(RateLimiter(AUTHENTICATED))
        limiter.pause(3600.0)
        request = ApiRequest("GET", "/builds")
        calls = [lambda: limiter.acquire(request) for _ in range(count)]
        return await _cancelled(calls, order, lambda: limiter.waiting == count)

    return work


def _feeds(order: str, *, of_one: bool) -> Work:
    async def work(travis: Travis, count: int) -> object:
        feeds = [travis.events(channels=["c-0" if of_one else f"c-{number}"]) for number in range(count)]
        async with anyio.create_task_group() as group:
            for number, feed in enumerate(feeds):
                group.start_soon(feed.__aenter__)
                if number % 100 == 0:
                    await asyncio.sleep(0)
        held = list(feeds)
        ORDERS[order](feeds)
        for number, feed in enumerate(feeds):
            await feed.aclose()
            if number % 100 == 0:
                await asyncio.sleep(0)
        return held

    return work


async def _one_feed(travis: Travis, count: int) -> object:
    async with travis.events(range(1, count + 1)) as feed:
        return feed


async def _watch(travis: Travis, count: int) -> object:
    found = list[object]()
    async with travis.watch(list(_evens(count)), last=1, jobs=False) as watch:
        async for update in watch:
            found.append(update)
            if len(found) == count:
                return found
    return found


async def _log_text(_: Travis, count: int) -> object:
    log = LogText()
    for number in range(count):
        log.feed(f"\x1b[32mline {number}\x1b[0m\r\n")
        if number % 100 == 0:
            await anyio.lowlevel.checkpoint()
    log.close()
    return log


async def _followed(travis: Travis, count: int) -> object:
    # The server sends its log once over each connection, and its job has ended until another one is opened.
    seen = 0
    async with (
        Travis(endpoint=travis.endpoint) as own,
        own.events(channels=["other"]),
        own.follow_log(1) as log,
    ):
        async for _ in log:
            seen += 1
    assert seen == count, seen
    return None


@functools.cache
def _signed_webhook(jobs: int) -> tuple[bytes, str, str]:
    """Return body, signature and public key of a webhook about a build with so many jobs."""
    key = rsa.generate_private_key(65537, 2048)
    payload = envelope(_build(2) | {"matrix": [_job(number + 1) for number in range(jobs)]})
    signature = base64.b64encode(key.sign(payload, padding.PKCS1v15(), hashes.SHA1()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"payload={quote(payload)}".encode(), signature.decode(), public.decode()


async def _webhook(_: Travis, count: int) -> object:
    return webhooks.verify(*_signed_webhook(count))


CASES: dict[str, tuple[int, Work]] = {
    "many": (100, lambda travis, n: travis.builds.many(_evens(n)).to_list()),
    "many, unknown ids": (
        1000, lambda travis, n: travis.builds.many(range(UNKNOWN, UNKNOWN + n), missing_ok=True).to_list(),
    ),
    "many, ids from an async iterable": (100, lambda travis, n: travis.builds.many(_generated(n)).to_list()),
    "many, shared by ten tasks": (100, _shared),
    "list": (100, lambda travis, n: travis.builds.list(n).to_list()),
    "map": (100, _map(ordered=True)),
    "map, as completed": (100, _map(ordered=False)),
    "get, a build with jobs": (100, lambda travis, n: travis.builds.get(n)),
    "annotations": (100, lambda travis, n: travis.annotations.list(n)),
    "branches": (100, lambda travis, n: travis.branches.list(n)),
    "log parts": (100, lambda travis, n: travis.logs.parts(n)),
    "webhook, jobs": (100, _webhook),
    "log_text, lines": (100, _log_text),
    "wait_for_builds, ended": (100, _finished_waits),
    **{f"wait_for_build, a build each, cancelled {order}": (50, _waits(order, of_one=False)) for order in ORDERS},
    **{f"wait_for_build, one build, cancelled {order}": (100, _waits(order, of_one=True)) for order in ORDERS},
    **{f"rate limits, waiting, cancelled {order}": (100, _line(order)) for order in ORDERS},
    **{f"events, a channel each, closed {order}": (50, _feeds(order, of_one=False)) for order in ORDERS},
    **{f"events, one channel, closed {order}": (50, _feeds(order, of_one=True)) for order in ORDERS},
    "events, one feed of repositories": (50, _one_feed),
    "follow_log, parts": (1000, _followed),
    "watch, repositories": (20, _watch),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What one amount of work cost.

    Attributes:
        count: Number of items.
        cost: Microseconds of CPU per item.
        turn: Milliseconds of CPU of the longest turn of the event loop.
        memory: Most bytes per item while it ran.
    """

    count: int
    cost: float
    turn: float
    memory: float


def grow(name: str, factors: Sequence[float]) -> list[Growth]:
    """Return what a case costs with each multiple of its work."""
    base, work = CASES[name]
    return [_measure(work, max(1, int(base * factor))) for factor in factors]


def _measure(work: Work, count: int) -> Growth:
    with serving(events=count, size=200) as port:
        return anyio.run(_run, work, f"http://127.0.0.1:{port}", count)


async def _run(work: Work, endpoint: str, count: int) -> Growth:
    async with ReplayedTravis(endpoint=endpoint) as travis, travis.events(channels=["other"]):
        # Makes the responses, and whatever is made once.
        await work(travis, count)
        costs, longest = list[float](), list[float]()
        for _ in range(3):
            gc.collect()
            gc.disable()
            turns, began = Turns(), time.thread_time()
            await work(travis, count)
            costs.append(time.thread_time() - began)
            turns.stop()
            gc.enable()
            # The callback that measures the turns costs something, too, where the work waits.
            busy = sum(turn for turn in turns.cpu if turn > 2e-5)
            costs[-1] = min(costs[-1], busy)
            longest.append(max(turns.cpu))
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        held = await work(travis, count)
        most = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        del held
    return Growth(count=count, cost=min(costs) / count * 1e6, turn=min(longest) * 1e3, memory=most / count)


def verdict(growths: Sequence[Growth]) -> str:
    """Return what is wrong with the growth of a case; empty if it is flat, and no turn is long."""
    flat = growths[-1].cost <= MAX_GROWTH * min(growth.cost for growth in growths)
    short = max(growth.turn for growth in growths) <= MAX_TURN
    return ", ".join([*([] if flat else ["not flat"]), *([] if short else ["long turn"])])
