"""A Travis whose builds change all the time.

``python -m tests.flows.busy_world REPOSITORIES EVENTS_A_SECOND SECONDS CUT`` prints its endpoint, and waits for a line.
For so many seconds, builds are created, started and finished, and every CUT seconds live connections are cut. Then it
prints what happened how often, and what its repositories show, and waits for another line.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter

import anyio
from anyio.to_thread import run_sync

from aiotravis.testing import Build, Job, Part, Repository, TravisServer
from tests.conftest import TOKEN

KEPT = 12
"""Builds that each repository keeps."""

TICK = 0.02


def shown(repository: Repository) -> list[object]:
    """Return what a watch of the newest eight builds shows of it."""
    newest = list(reversed(repository.builds))[:8]
    return [[one.number, one.state, [[job.number, job.state] for job in one.jobs]] for one in newest]


def change(repository: Repository, draw: random.Random) -> None:
    """Start or finish one of its builds, or create one whose commit message is the time."""
    unfinished = [one for one in repository.builds if one.state in ("created", "started")]
    if not unfinished or (len(unfinished) < 3 and draw.random() < 0.3):
        repository.build(jobs=2, message=repr(time.time()))
        if len(repository.builds) > KEPT:
            repository.forget(repository.builds[0])
    else:
        build = draw.choice(unfinished)
        if build.state == "created":
            build.start()
        else:
            build.finish(draw.choice(["passed", "failed", "errored", "canceled"]))


async def main(repositories: int, rate: float, seconds: float, cut: float) -> None:
    """Serve, and change until the time is over."""
    draw = random.Random(1)
    counts: Counter[str] = Counter()
    async with TravisServer(instant=True, max_records=1000) as server:
        world = server.world
        user = world.user("sarah", token=TOKEN)
        watched = [world.repository(f"owner/{number}", users=[user]) for number in range(repositories)]
        for repository in watched:
            repository.history(8, jobs=2)
        publish = world.notify

        def counting(event: str, about: Build | Job, part: Part | None) -> None:
            counts["events"] += 1
            publish(event, about, part)

        world.notify = counting
        print(server.endpoint, flush=True)
        await run_sync(sys.stdin.readline)
        began = asyncio.get_running_loop().time()
        while (passed := asyncio.get_running_loop().time() - began) < seconds:
            while counts["events"] < rate * passed:
                change(draw.choice(watched), draw)
            if passed > cut * (counts["cuts"] + 1):
                counts["cuts"] += 1
                await server.pusher.disconnect()
            await anyio.sleep(TICK)
        print(json.dumps({"counts": counts, "shown": {one.id: shown(one) for one in watched}}), flush=True)
        await run_sync(sys.stdin.readline)


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
