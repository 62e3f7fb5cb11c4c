"""Ten thousand builds awaited by one client: requests, sockets, memory and CPU of the client alone.

``python -m benchmarks.waiters --builds 10000`` is the server: a Travis whose builds finish when it reads a line.
"""

import argparse
import asyncio
import gc
import subprocess
import sys
import time
import tracemalloc
from dataclasses import dataclass

import anyio
import anyio.lowlevel

from aiotravis import Travis
from aiotravis.testing import TravisServer

__all__ = ["WaitResult", "waiting"]

REPOSITORIES = 20

STABLE_POLLS = 10
"""Polls of the server, 0.05 seconds apart, without a new request after which everything is set up."""


@dataclass(frozen=True, kw_only=True)
class WaitResult:
    """The cost of waiting for many builds.

    Attributes:
        opening: Seconds until all builds were read and all channels subscribed.
        requests: Requests in that time.
        sockets: Number of live connections.
        notifying: Seconds from the end of the first build to the return of the last waiter.
        cpu: Microseconds of CPU per waiter in total.
        held: Bytes per waiter, including its task; 0 if memory was not measured.
        bare: Bytes of a task that waits for a future; 0 if memory was not measured.
    """

    opening: float
    requests: int
    sockets: int
    notifying: float
    cpu: float
    held: float = 0.0
    bare: float = 0.0


def waiting(*, waiters: int, weigh: bool = False) -> WaitResult:
    """Wait for many builds concurrently.

    Args:
        waiters: Number of builds.
        weigh: Whether to measure memory, which makes everything slower.
    """
    command = [sys.executable, "-m", "benchmarks.waiters", "--builds", str(waiters)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            endpoint = process.stdout.readline().strip()
            first = int(process.stdout.readline())
            return anyio.run(_wait, process, endpoint, range(first, first + 2 * waiters, 2), weigh)
        finally:
            process.kill()


async def _wait(process: "subprocess.Popen[str]", endpoint: str, ids: range, weigh: bool) -> WaitResult:
    async def counts() -> list[int]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("count\n")
        process.stdin.flush()
        return [int(number) for number in (await anyio.to_thread.run_sync(process.stdout.readline)).split()]

    passed: list[bool] = []
    requests = sockets = stable = 0
    opening = held = 0.0
    began, used = time.perf_counter(), time.process_time()
    # The feed opens the connection, and imports what only that needs: neither is the memory of a waiter.
    async with Travis(endpoint=endpoint) as travis, travis.events(channels=["other"]):
        if weigh:
            gc.collect()
            tracemalloc.start()
        async with anyio.create_task_group() as group:

            async def wait(number: int) -> None:
                passed.append((await travis.wait_for_build(number)).passed)

            for number in ids:
                group.start_soon(wait, number)
            while stable < STABLE_POLLS:
                await anyio.sleep(0.05)
                before, (requests, sockets) = requests, await counts()
                stable = stable + 1 if requests == before else 0
            opening = time.perf_counter() - began - STABLE_POLLS * 0.05
            if weigh:
                gc.collect()
                held = tracemalloc.get_traced_memory()[0] / len(ids)
            began = time.perf_counter()
            assert process.stdin is not None
            process.stdin.write("finish\n")
            process.stdin.flush()
        notifying = time.perf_counter() - began
        bare = await _task_memory(len(ids)) if weigh else 0.0
    tracemalloc.stop()
    assert passed == [True] * len(ids), len(passed)
    cpu = (time.process_time() - used) / len(ids) * 1e6
    return WaitResult(
        opening=opening, requests=requests, sockets=sockets, notifying=notifying, cpu=cpu, held=held, bare=bare
    )


async def _task_memory(count: int) -> float:
    """Measure the memory of tasks that wait for a future each."""
    gc.collect()
    before, held = tracemalloc.get_traced_memory()[0], 0
    async with anyio.create_task_group() as group:
        futures = [asyncio.get_running_loop().create_future() for _ in range(count)]

        async def wait(future: "asyncio.Future[None]") -> None:
            await future

        for future in futures:
            group.start_soon(wait, future)
        await anyio.sleep(0.1)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        for future in futures:
            future.set_result(None)
    return held / count


async def serve(count: int) -> None:
    """Serve builds with a job each; finish them when a line is read."""
    async with TravisServer() as server:
        repositories = [server.world.repository(f"a/{number}") for number in range(REPOSITORIES)]
        builds = [repositories[number % REPOSITORIES].build(quiet=True) for number in range(count)]
        print(server.endpoint, flush=True)
        print(builds[0].id, flush=True)
        while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            if line == "count\n":
                print(len(server.requests), server.pusher.opened, flush=True)
            else:
                for place, build in enumerate(builds):
                    build.start()
                    build.finish("passed")
                    if place % 100 == 0:
                        await anyio.lowlevel.checkpoint()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=10_000)
    anyio.run(serve, parser.parse_args().builds)
