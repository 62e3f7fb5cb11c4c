"""Many feeds on one channel: what one event costs, and the longest turn of the event loop."""

import asyncio
import gc
import time

import anyio

from aiotravis import Travis
from aiotravis import events as travis_events
from aiotravis.testing import TravisServer
from benchmarks.live_server import CHANNEL, serving
from benchmarks.turns import Turns

__all__ = ["of_one_user", "on_one_channel"]

TOKEN = "a-token-of-the-benchmark"


def of_one_user(*, feeds: int, events: int) -> float:
    """Return the microseconds that an event on a user's channel takes, with so many feeds of a repository each."""
    return anyio.run(_of_one_user, feeds, events)


async def _of_one_user(feeds: int, events: int) -> float:
    async with TravisServer(secure=True) as server:
        user = server.world.user("sarah", token=TOKEN)
        server.world.repository("a/b", users=[user])
        async with Travis(TOKEN, endpoint=server.endpoint) as travis:
            opened = [travis.events(number) for number in range(1, feeds + 1)]
            await asyncio.gather(*(feed.__aenter__() for feed in opened))
            connection = travis._hub._connection
            assert connection is not None
            channel = f"private-user-{user.id}"
            frames = [
                f'{{"event":"job:started","channel":"{channel}","data":"{{\\"id\\":{number + 1},\\"repository_id\\":'
                f'{number % feeds + 1},\\"state\\":\\"started\\"}}"}}'.encode()
                for number in range(events)
            ]
            began = time.process_time()
            await connection._handle_frames(frames)
            took = (time.process_time() - began) / events * 1e6
            assert sum(feed.statistics().waiting for feed in opened) == events
            return took


def on_one_channel(*, consumers: int, events: int, rounds: int) -> list[tuple[float, float]]:
    """Return the longest turn in milliseconds of CPU, and the deliveries per second, one pair per round.

    Args:
        consumers: Number of feeds of one channel, each with a task that reads it.
        events: Number of events of 200 bytes that the server sends as fast as it can.
        rounds: Number of rounds.
    """
    with serving(events=events, size=200) as port:
        return [anyio.run(_on_one_channel, port, consumers, events) for _ in range(rounds)]


async def _on_one_channel(port: int, consumers: int, events: int) -> tuple[float, float]:
    async with Travis(endpoint=f"http://127.0.0.1:{port}") as travis, travis.events(channels=["other"]):
        feeds = [travis.events(channels=[CHANNEL], buffer=events + 1) for _ in range(consumers)]
        seen = 0

        async def consume(number: int) -> None:
            nonlocal seen
            async with feeds[number] as feed:
                left = events
                async for event in feed:
                    if isinstance(event, travis_events.JobLog):
                        seen += 1
                        left -= 1
                        if not left:
                            return

        began, longest = time.perf_counter(), 0.0
        async with anyio.create_task_group() as group:
            for number in range(consumers):
                group.start_soon(consume, number)
            # A full collection of what the process holds otherwise would be measured as a turn.
            gc.collect()
            gc.freeze()
            turns = Turns()
            while seen < consumers * events // 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            turns.stop()
            gc.unfreeze()
            longest = max(turns.cpu) * 1000
        return longest, seen / (time.perf_counter() - began)
