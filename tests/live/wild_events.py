"""Events of all kinds that are valid JSON, with wild values in every field, while everything runs that reads events.

``python -m tests.live.wild_events --frames 2000000`` feeds that many to a client with feeds, waits, restarts and logs.
"""

import argparse
import asyncio
import copy
import gc
import itertools
import json
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio

from aiotravis import Feed, LiveOptions, Travis, events
from aiotravis.testing import Build, TravisServer
from aiotravis.testing.live.payloads import build_event, job_event, log_event, millisecond
from aiotravis.testing.world.world import Part

__all__ = ["DELETED", "VALUES", "changed", "run"]

TOKEN = "a-token-for-wild-events"

DELETED = object()
"""Stands for a key that is missing."""

NUMBER_BEYOND = "@a number beyond any float@"

VALUES: tuple[Any, ...] = (
    DELETED, None, True, False, 0, 1, -1, 1.5, 2**31, 2**63, -(2**63), 2**64, 1e308, float("nan"), float("inf"),
    NUMBER_BEYOND, "", " ", "x", "7", "-7", "1.5", "9" * 400, "\ud800", "\x00\x1b[2J", "größe💎" * 50, "x" * 3000,
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999-14:00", "2026-11-27",
    "2026-11-27T12:00:00",
    "2026-11-27T12:00:00.123+05:30", "2026-02-31T25:61:61Z", "2026-11-27 12:00:00 UTC", "now", "passed", "PASSED",
    cast("Any", []), [None], [0], [{"x": 1}], ["x"], [[[[[0]]]]], cast("Any", {}),
    {"id": None}, {"id": 1}, {"name": "x"}, {"a": {"b": {"c": [1]}}},
    '{"id":1}', '"x"', "[1,2", "null",
)  # fmt: skip

STATE_EVENTS = ("created", "queued", "received", "started", "finished", "canceled", "restarted")


def changed(draw: random.Random, value: Any, values: tuple[object, ...] = VALUES) -> Any:
    """Return a JSON value of which a few parts, at any depth, are other values."""
    for _ in range(draw.choice([1, 1, 2, 5])):
        place: Any = value
        keys = list[Any]()
        while _keys_of(place) and (not keys or draw.random() < 0.6):
            keys.append(draw.choice(_keys_of(place)))
            place = place[keys[-1]]
        if not keys:
            return draw.choice(values)
        parent = value
        for key in keys[:-1]:
            parent = parent[key]
        wild = draw.choice(values)
        if wild is DELETED:
            del parent[keys[-1]]
        else:
            parent[keys[-1]] = copy.deepcopy(wild)
    return None if value is DELETED else value


def _keys_of(value: object) -> list[Any]:
    held = cast("Any", value)
    return list(held) if isinstance(value, dict) else list(range(len(held))) if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return JSON, or what other encoders take for it."""
    return json.dumps(None if value is DELETED else value).replace(f'"{NUMBER_BEYOND}"', "1e400")


class Story:
    """A client with everything that reads events, and wild events for it."""

    def __init__(self, server: TravisServer, travis: Travis, seed: int) -> None:
        self.server = server
        self.travis = travis
        self.draw = random.Random(seed)
        user = server.world.user("sarah", token=TOKEN)
        self.repository = server.world.repository("a/b", users=[user])
        self.builds = [self.repository.build(jobs=2, quiet=True).start() for _ in range(4)]
        self.ended = False
        self.kinds: Counter[str] = Counter()
        self.goods = 0
        self.restarts = 0

    def frames(self, count: int) -> list[bytes]:
        """Return wild frames, and a good one behind them."""
        made = [self._frame() for _ in range(count)]
        self.goods += 1
        made.append(f'{{"event":"good","channel":"repo-82","data":"{self.goods}"}}'.encode())
        return made

    def _frame(self) -> bytes:
        draw, build = self.draw, self.draw.choice(self.builds)
        job = draw.choice(build.jobs)
        kind = draw.randrange(10)
        channel = draw.choice(["repo-82", "private-user-201"])
        if kind < 4:
            name, data = f"job:{draw.choice(STATE_EVENTS)}", job_event(job, always_full=True)
        elif kind < 8:
            name, data = f"build:{draw.choice(STATE_EVENTS)}", build_event(build, always_full=True)
        else:
            # The logs of the first builds are compared: a wild part may be one that the server has lost.
            job = draw.choice(self.builds[2].jobs)
            name, channel = "job:log", f"job-{job.id}"
            data = log_event(job, Part(number=draw.randrange(9), content="wild\n", final=False), core_fields=True)
        fields = json.loads(data)
        # Each is an event of its own.
        fields.get("build", fields)["updated_at"] = millisecond(self.server.world.clock())
        value = changed(draw, fields)
        if draw.random() < 0.05 and isinstance(value, dict):
            cast("dict[str, Any]", value)["_no_full_payload"] = draw.choice([True, None, 0, "x"])
        text = text_of(cast("object", value))
        if draw.random() < 0.7:
            text = json.dumps(text)
        return f'{{"event":"{name}","channel":"{channel}","data":{text}}}'.encode()

    async def consume(self, feed: Feed) -> None:
        """Check that every good event arrives, in order."""
        number = 0
        async for event in feed:
            self.kinds[type(event).__name__] += 1
            if isinstance(event, events.UnknownEvent) and event.name == "good":
                number += 1
                assert event.data == number, (event, number)
        assert self.ended

    async def count(self, feed: Feed) -> None:
        """Count the events of jobs alone, whose channels carry no good ones."""
        async for event in feed:
            self.kinds[type(event).__name__] += 1
        assert self.ended

    async def wait(self, build: Build) -> None:
        """Wait for a build and a job; wild states are shown to the function, and decide nothing."""
        await asyncio.gather(
            self.travis.wait_for_build(build.id, until=lambda one: self.ended and bool(repr(one))),
            self.travis.wait_for_job(build.jobs[0].id, until=lambda one: self.ended and bool(repr(one))),
        )

    async def restart(self) -> None:
        """Restart a finished build, again and again."""
        build = self.repository.build(quiet=True)
        while not self.ended:
            build.start().finish("failed")
            assert (await self.travis.restart(build.id)).id == build.id
            self.restarts += 1

    async def follow(self) -> None:
        """Follow two logs whose jobs have wild events."""
        jobs = [self.builds[0].jobs[0], self.builds[1].jobs[0]]
        texts = await asyncio.gather(*(self.travis.follow_log(job.id).text() for job in jobs))
        assert texts == ["".join(part.content for part in job.log.parts) for job in jobs]

    async def feed(self, frames: int) -> None:
        """Let the connection handle so many frames, some in bursts."""
        while self.travis.live.statistics().frames < frames:
            connection = self.travis._hub._connection
            assert connection is not None
            assert await connection._handle_frames(self.frames(self.draw.choice([1, 3, 20, 60]))) is None
            await asyncio.sleep(0)
            if self.goods % 50 == 0:
                self.builds[0].jobs[0].write(f"line {self.goods}\n")
                self.builds[1].jobs[0].write(f"{self.goods}\n")
                # REST has its turn, too.
                await asyncio.sleep(0.002)
        self.ended = True
        for build in self.builds:
            for job in build.jobs:
                job.write("", final=True)
            build.finish()


def _ticking() -> Callable[[], float]:
    """Return a clock that goes on by a millisecond whenever it is read."""
    began, ticks = time.time(), itertools.count()
    return lambda: max(time.time(), began + next(ticks) / 1000)


@asynccontextmanager
async def _watching_for_orphans() -> AsyncGenerator[list[str]]:
    orphans: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: orphans.append(f"{context['message']}: {context.get('exception')!r}"))
    yield orphans
    gc.collect()
    await asyncio.sleep(0)
    loop.set_exception_handler(None)


async def run(frames: int, seed: int) -> Counter[str]:
    """Run a story of so many frames, and return what feeds have received and the client has counted."""
    options = LiveOptions(coalesce=0.01, buffer_bytes=256 << 20)
    async with (
        _watching_for_orphans() as orphans,
        TravisServer(instant=True, max_records=1000, clock=_ticking()) as server,
        Travis(TOKEN, endpoint=server.endpoint, live=options, rate_limits=False) as travis,
    ):
        story = Story(server, travis, seed)
        job = story.builds[2].jobs[0].id
        async with (
            travis.events(82, buffer=100_000) as first,
            travis.events(82, job, build=story.builds[2].id, buffer=100_000) as second,
            travis.events(job=[one.id for one in story.builds[2].jobs], buffer=100_000) as third,
            anyio.create_task_group() as group,
        ):
            for feed in (first, second):
                group.start_soon(story.consume, feed)
            group.start_soon(story.count, third)
            for build in story.builds:
                group.start_soon(story.wait, build)
            group.start_soon(story.restart)
            group.start_soon(story.follow)
            await server.pusher.wait_occupied(f"job-{story.builds[0].jobs[0].id}")
            await story.feed(frames)
            await anyio.sleep(0.05)
            for feed in (first, second, third):
                await feed.aclose()
        counted = travis.live.statistics()
        assert (server.pusher.opened, counted.connections, counted.gaps, counted.dropped) == (1, 1, 0, 0), counted
    assert orphans == []
    story.kinds.update(
        unreadable=counted.unreadable, invalid_frames=counted.invalid_frames, restarts=story.restarts, good=story.goods
    )
    return story.kinds


def main() -> None:
    """Feed wild events to a client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("aiotravis").setLevel(logging.ERROR)
    began = time.perf_counter()
    kinds = anyio.run(run, options.frames, options.seed)
    print(f"{options.frames} frames in {time.perf_counter() - began:.0f} s, and nothing ended: {dict(kinds)}")


if __name__ == "__main__":
    main()
