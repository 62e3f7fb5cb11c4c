"""How often, and how long, the event loop turns while something else goes on."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Turns:
    """Counts the turns of the event loop, and the longest."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0

    async def watch(self) -> None:
        # In time of this thread: a machine that gives its processor to others must not look like a loop held up.
        began = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest = max(self.longest, now - began)
            self.count += 1
            began = now


@asynccontextmanager
async def watched() -> AsyncGenerator[Turns]:
    turns = Turns()
    task = asyncio.create_task(turns.watch())
    try:
        yield turns
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
