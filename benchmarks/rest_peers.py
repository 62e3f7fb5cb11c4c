"""Other REST clients for the same task: hand-written on aiohttp, TravisPy, requests with threads, httpx."""

import asyncio
import importlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import anyio
import msgspec

from benchmarks.bare_structs import Build, Page, Single

__all__ = ["batches", "singles"]

ACCEPT = {"Accept": "application/vnd.travis-ci.2+json"}

THREADS = 16

SLOW = {"TravisPy": 20, "httpx": 10, "requests, 16 threads": 5}
"""Clients that fetch only every n-th item, because all would take minutes."""


Case = Callable[[str, Sequence[int], int], int]
"""Fetches builds from an endpoint by their ids, with so many requests in flight; returns the number fetched."""


def singles(peers: bool) -> dict[str, Case]:
    """Return the clients that fetch builds one by one, by name: the floor, and other libraries if asked for."""
    decode = msgspec.json.Decoder(Single).decode

    def raw(body: bytes) -> object:
        return decode(body)

    def plain(body: bytes) -> object:
        return json.loads(body)["build"]

    found: dict[str, Case] = {
        "floor": lambda endpoint, ids, at_once: anyio.run(_by_hand, endpoint, ids, at_once, raw),
        "aiohttp + json": lambda endpoint, ids, at_once: anyio.run(_by_hand, endpoint, ids, at_once, plain),
    }
    if not peers:
        return found
    if importlib.util.find_spec("uvloop"):
        options = {"use_uvloop": True}
        found["floor, uvloop"] = lambda endpoint, ids, at_once: anyio.run(
            _by_hand, endpoint, ids, at_once, raw, backend_options=options
        )
    if importlib.util.find_spec("httpx"):
        found["httpx"] = lambda endpoint, ids, at_once: anyio.run(_httpx, endpoint, ids, at_once)
    if importlib.util.find_spec("requests"):
        found["requests, 16 threads"] = lambda endpoint, ids, _: _requests(endpoint, ids)
    if importlib.util.find_spec("travispy"):
        found["TravisPy"] = lambda endpoint, ids, _: _travispy(endpoint, ids)
    return found


def batches() -> dict[str, Case]:
    """Return the clients that fetch a hundred builds per request, by name; TravisPy can only fetch one by one."""
    found: dict[str, Case] = {"floor": lambda endpoint, ids, at_once: anyio.run(_pages_by_hand, endpoint, ids, at_once)}
    if importlib.util.find_spec("travispy"):
        found["TravisPy"] = lambda endpoint, ids, _: _travispy(endpoint, ids)
    return found


async def _by_hand(endpoint: str, ids: Sequence[int], at_once: int, read: Callable[[bytes], object]) -> int:
    """Fetch with a fixed number of workers, as a careful person writes it."""
    left = iter(ids)
    builds: list[object] = []
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector, headers=ACCEPT) as session:

        async def work() -> None:
            for number in left:
                async with session.get(f"{endpoint}/builds/{number}") as response:
                    builds.append(read(await response.read()))

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    return len(builds)


async def _pages_by_hand(endpoint: str, ids: Sequence[int], at_once: int) -> int:
    decode = msgspec.json.Decoder(Page).decode
    left = iter([ids[start : start + 100] for start in range(0, len(ids), 100)])
    builds: list[Build] = []
    async with aiohttp.ClientSession(headers=ACCEPT) as session:

        async def work() -> None:
            for batch in left:
                async with session.get(f"{endpoint}/builds?ids={','.join(map(str, batch))}") as response:
                    builds.extend(decode(await response.read()).builds)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    return len(builds)


async def _httpx(endpoint: str, ids: Sequence[int], at_once: int) -> int:
    httpx: Any = importlib.import_module("httpx")
    left = iter(ids)
    got = 0
    async with httpx.AsyncClient(headers=ACCEPT, limits=httpx.Limits(max_connections=at_once)) as client:

        async def work() -> None:
            nonlocal got
            for number in left:
                assert (await client.get(f"{endpoint}/builds/{number}")).json()["build"]["id"] == number
                got += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    return got


def _requests(endpoint: str, ids: Sequence[int]) -> int:
    session: Any = importlib.import_module("requests").Session()
    session.headers.update(ACCEPT)

    def get(number: int) -> object:
        return session.get(f"{endpoint}/builds/{number}").json()["build"]

    with ThreadPoolExecutor(THREADS) as pool:
        return len(list(pool.map(get, ids)))


def _travispy(endpoint: str, ids: Sequence[int]) -> int:
    client: Any = importlib.import_module("travispy").TravisPy(uri=endpoint)
    return len([client.build(number) for number in ids])
