"""One process of a fleet: ``python -m tests.rate_limits.fleet ENDPOINT TOKEN STORE SECONDS``. Prints JSON.

Some tasks send reads and some POSTs, as fast as they may, through clients that live for some requests only.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import cast

import anyio

from aiotravis import RateLimits, RedisLimits, Travis, errors

AT_ONCE = 6
"""Tasks that send reads."""

POSTERS = 2
"""Tasks that send POSTs."""


async def _send(travis: Travis, method: str, met: Counter[str]) -> None:
    try:
        if method == "GET":
            await travis.with_options(attempts=1).request("GET", "/config")
        else:
            await travis.with_options(attempts=1).request("POST", "/lint", json={"content": "language: ruby"})
        met[method] += 1
    except errors.TravisError as exc:
        met[f"{method} {type(exc).__name__}"] += 1
        if not isinstance(exc, errors.RateLimited):
            await anyio.sleep(0.2)


async def _work(endpoint: str, token: str, store: RateLimits, method: str, until: float, met: Counter[str]) -> None:
    while time.monotonic() < until:
        async with Travis(token, endpoint=endpoint, rate_limits=store) as travis:
            for _ in range(random.choice([1, 10, 100])):
                if time.monotonic() >= until:
                    return
                await _send(travis, method, met)
                await anyio.sleep(random.random() * 0.02)


async def run(endpoint: str, token: str, store: RateLimits, seconds: float) -> Counter[str]:
    """Send for some seconds, and return what happened how often."""
    met: Counter[str] = Counter()
    with anyio.move_on_after(seconds + 1):
        async with anyio.create_task_group() as group:
            for number in range(AT_ONCE + POSTERS):
                method = "GET" if number < AT_ONCE else "POST"
                group.start_soon(_work, endpoint, token, store, method, time.monotonic() + seconds, met)
    return met


def store_of(name: str) -> RateLimits:
    """Return the store that the command line names."""
    return RedisLimits.from_url(name) if "://" in name else cast("RateLimits", name)


if __name__ == "__main__":
    _, endpoint, token, store, seconds = sys.argv
    print(json.dumps(asyncio.run(run(endpoint, token, store_of(store), float(seconds)))), flush=True)
