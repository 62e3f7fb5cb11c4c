"""A thousand logs followed by one client: requests, sockets, and memory of the client alone.

``python -m benchmarks.followers --logs 1000`` is the server: a Travis whose jobs write when it reads a line.
"""

import argparse
import gc
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass

import anyio
import anyio.lowlevel

from aiotravis import Travis
from aiotravis.testing import TravisServer

__all__ = ["FollowResult", "following_many"]

JOBS_PER_BUILD = 10


@dataclass(frozen=True, kw_only=True)
class FollowResult:
    """The cost of following many logs.

    Attributes:
        requests: Requests in total.
        sockets: Number of live connections.
        first: Seconds from the first write until every follower had a part.
        held: Bytes per follower once all are open, including its task; 0 if memory was not measured.
    """

    requests: int
    sockets: int
    first: float
    held: float = 0.0


def following_many(*, logs: int, pace: float, weigh: bool = False) -> FollowResult:
    """Follow many logs concurrently, each of 20 parts and a final one.

    Args:
        logs: Number of logs.
        pace: Seconds between the parts of a log.
        weigh: Whether to measure memory, which makes everything slower.
    """
    command = [sys.executable, "-m", "benchmarks.followers", "--logs", str(logs), "--pace", str(pace)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            return anyio.run(_follow, process, weigh)
        finally:
            process.kill()


async def _follow(process: "subprocess.Popen[str]", weigh: bool) -> FollowResult:
    assert process.stdin is not None
    assert process.stdout is not None
    endpoint, *numbers = process.stdout.readline().split()
    opened = done = 0
    held = began = first = 0.0
    expected = "".join(f"{number}\n" for number in range(20))
    async with Travis(endpoint=endpoint, rate_limits=False) as travis:
        if weigh:
            gc.collect()
            tracemalloc.start()
        async with anyio.create_task_group() as group:

            async def follow(job: int) -> None:
                nonlocal opened, done, first
                async with travis.follow_log(job) as log:
                    opened += 1
                    pieces: list[str] = []
                    async for part in log:
                        first = first if pieces else max(first, anyio.current_time())
                        pieces.append(part.content or "")
                    assert log.complete
                    assert "".join(pieces) == expected
                done += 1

            for number in numbers:
                group.start_soon(follow, int(number))
            while opened < len(numbers):  # noqa: ASYNC110
                await anyio.sleep(0.05)
            if weigh:
                gc.collect()
                held = tracemalloc.get_traced_memory()[0] / len(numbers)
                tracemalloc.stop()
            began = anyio.current_time()
            process.stdin.write("run\n")
            process.stdin.flush()
        assert done == len(numbers)
    process.stdin.write("count\n")
    process.stdin.flush()
    requests, sockets = map(int, (await anyio.to_thread.run_sync(process.stdout.readline)).split())
    return FollowResult(requests=requests, sockets=sockets, first=first - began, held=held)


async def serve(logs: int, pace: float) -> None:
    """Serve jobs; run them when a line is read, and count what was requested when the next one is."""
    async with TravisServer() as server:
        repository = server.world.repository("a/b")
        builds = [repository.build(jobs=JOBS_PER_BUILD, quiet=True) for _ in range(logs // JOBS_PER_BUILD)]
        jobs = [job for build in builds for job in build.jobs]
        for job in jobs:
            job.start()
        print(server.endpoint, *(job.id for job in jobs), flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        for number in range(20):
            for place, job in enumerate(jobs):
                job.write(f"{number}\n")
                if place % 100 == 0:
                    await anyio.lowlevel.checkpoint()
            await anyio.sleep(pace)
        for job in jobs:
            job.write("", final=True)
            job.finish()
        await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        print(len(server.requests), server.pusher.opened, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=1000)
    parser.add_argument("--pace", type=float, default=0.5)
    options = parser.parse_args()
    anyio.run(serve, options.logs, options.pace)
