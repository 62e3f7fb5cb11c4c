"""Ten thousand builds awaited by one client: requests, sockets, memory and CPU of the client, the server elsewhere.

``python -m benchmarks.waiters --builds 10000`` is the server: a Travis whose builds end when a line comes on its input.
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

__all__ = ["Waited", "waiting"]

REPOSITORIES = 20

CALM = 10
"""Looks at the server, a twentieth of a second apart, without a new request: then everything is set up."""


@dataclass(frozen=True, kw_only=True)
class Waited:
    """What it took.

    Attributes:
        opening: Seconds until everything was read and listened to.
        requests: Requests in that time: a round of reading, what changed meanwhile, and what listening needs.
        sockets: Live connections.
        telling: Seconds from the end of the first build to the last waiter being told.
        cpu: Microseconds of CPU for each waiter, all in all.
        held: Bytes held for each waiter, its task among them; 0 where it was not weighed.
        bare: Bytes that a task alone holds which waits for a bare future; 0 where it was not weighed.
    """

    opening: float
    requests: int
    sockets: int
    telling: float
    cpu: float
    held: float = 0.0
    bare: float = 0.0


def waiting(*, waiters: int, weigh: bool = False) -> Waited:
    """Wait for so many builds at once.

    Args:
        waiters: How many.
        weigh: Whether to weigh what is held; everything is slower then.
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


async def _wait(process: "subprocess.Popen[str]", endpoint: str, ids: range, weigh: bool) -> Waited:
    async def told() -> list[int]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("tell\n")
        process.stdin.flush()
        return [int(number) for number in (await anyio.to_thread.run_sync(process.stdout.readline)).split()]

    told_of: list[bool] = []
    requests = sockets = calm = 0
    opening = held = 0.0
    began, used = time.perf_counter(), time.process_time()
    async with Travis(endpoint=endpoint) as travis:
        if weigh:
            gc.collect()
            tracemalloc.start()
        async with anyio.create_task_group() as group:

            async def wait(number: int) -> None:
                told_of.append((await travis.wait_for_build(number)).passed)

            for number in ids:
                group.start_soon(wait, number)
            while calm < CALM:
                await anyio.sleep(0.05)
                before, (requests, sockets) = requests, await told()
                calm = calm + 1 if requests == before else 0
            opening = time.perf_counter() - began - CALM * 0.05
            if weigh:
                gc.collect()
                held = tracemalloc.get_traced_memory()[0] / len(ids)
            began = time.perf_counter()
            assert process.stdin is not None
            process.stdin.write("finish\n")
            process.stdin.flush()
        telling = time.perf_counter() - began
        bare = await _bare(len(ids)) if weigh else 0.0
    tracemalloc.stop()
    assert told_of == [True] * len(ids), len(told_of)
    cpu = (time.process_time() - used) / len(ids) * 1e6
    return Waited(opening=opening, requests=requests, sockets=sockets, telling=telling, cpu=cpu, held=held, bare=bare)


async def _bare(count: int) -> float:
    """Weigh tasks that wait for a future each."""
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
    """Serve so many builds, a job each; end them when told to."""
    async with TravisServer() as server:
        repositories = [server.world.repository(f"a/{number}") for number in range(REPOSITORIES)]
        builds = [repositories[number % REPOSITORIES].build(quiet=True) for number in range(count)]
        print(server.endpoint, flush=True)
        print(builds[0].id, flush=True)
        while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            if line == "tell\n":
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
