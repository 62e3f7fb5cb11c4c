"""The CPU of one read and one POST with each store of the rate limits, beside none, interleaved in one run."""

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from typing import Final

import anyio

from aiotravis import RateLimits, RedisLimits, Travis
from aiotravis._http import ApiRequest
from aiotravis.rate_limits import Limiter, limiter_for
from benchmarks.pages import FIRST_ID
from benchmarks.rest_server import serving

__all__ = ["calls", "permits"]

Figures = dict[str, list[float]]

SITE: Final = "https://api.travis-ci.com"

READ: Final = ApiRequest("GET", "/builds/1")
WRITE: Final = ApiRequest("POST", "/builds/1/restart")


@contextlib.contextmanager
def _stores() -> Generator[dict[str, RateLimits]]:
    """Yield the stores, each with nothing counted yet: a new folder, a new Redis if there is one."""
    stores: dict[str, RateLimits] = {"none": False, "memory": "memory", "machine": "machine"}
    redis = shutil.which("redis-server") or shutil.which("valkey-server")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        os.environ["TRAVIS_STATE_DIR"] = folder
        stack.callback(os.environ.pop, "TRAVIS_STATE_DIR")
        if redis is not None:
            with socket.socket() as found:
                found.bind(("127.0.0.1", 0))
                port: int = found.getsockname()[1]
            command = [redis, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder]
            server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(server.communicate)
            stack.callback(server.kill)
            assert server.stdout is not None
            next(line for line in server.stdout if "eady to accept connections" in line)
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"EVAL \"return redis.call('HSET', 'aiotravis:epoch', 'since', 0, 'run', "
                                   b"string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'))\" 0\r\n")  # fmt: skip
                connection.recv(100)
            stores["redis"] = RedisLimits(f"redis://127.0.0.1:{port}/0", processes=4)
        yield stores


def permits(*, count: int, rounds: int, post: bool) -> Figures:
    """Acquire and release permits. Return microseconds of CPU each, by store.

    Args:
        count: Number of permits in each round; POSTs in rounds of at most 30, which is what may be sent at once.
        rounds: Number of rounds; stores are interleaved.
        post: Whether they are for POSTs.
    """
    figures: Figures = {}
    request = WRITE if post else READ

    async def run(limiter: Limiter, number: int) -> float:
        used = _cpu_seconds()
        for _ in range(number):
            limiter.release(limiter.try_acquire(request) or await limiter.acquire(request))
        await limiter.aclose()
        return (_cpu_seconds() - used) / number * 1e6

    number = min(count, 30) if post else min(count, 1500)
    with _stores() as stores:
        for round_ in range(rounds):
            for name, store in stores.items():
                # Each round has an identity of its own, with all of its limits left.
                limiter = limiter_for(SITE, f"benchmark-{post}-{round_}-{name}", store)
                figures.setdefault(name, []).append(anyio.run(run, limiter, number))
    return figures


def calls(*, count: int, rounds: int) -> Figures:
    """Fetch builds one by one. Return microseconds of CPU each, by store.

    Args:
        count: Number of reads in each round.
        rounds: Number of rounds; stores are interleaved.
    """
    figures: Figures = {}

    async def run(endpoint: str, token: str, store: RateLimits) -> float:
        async with Travis(token, endpoint=endpoint, rate_limits=store) as travis:
            await travis.builds.get(FIRST_ID)
            used = _cpu_seconds()
            for number in range(count):
                await travis.builds.get(FIRST_ID + number)
            return (_cpu_seconds() - used) / count * 1e6

    with _stores() as stores, serving(builds=count, latency=0.0) as endpoint:
        for round_ in range(rounds + 1):
            for name, store in stores.items():
                cpu = anyio.run(run, endpoint, f"benchmark-{round_}-{name}", store)
                # In the first round the server prepares its responses.
                if round_:
                    figures.setdefault(name, []).append(cpu)
    return figures


def _cpu_seconds() -> float:
    """Return the CPU seconds of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
