"""A task that an object owns: started when there is work, started again if work came while it ended, ended with it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio

__all__ = ["BackgroundTask"]


class BackgroundTask:
    """The task of an object whose users come and go in tasks of their own.

    Args:
        run: What it does; returns once there is nothing left to do.
        wanted: Tells whether there is something to do.
        name: What it is called.

    Attributes:
        closed: Whether it was ended for good.
    """

    def __init__(self, run: Callable[[], Coroutine[Any, Any, None]], wanted: Callable[[], bool], name: str) -> None:
        self._run = run
        self._wanted = wanted
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self.closed = False

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._task is not None and not self._task.done()

    def ensure(self) -> bool:
        """Start it, unless it is at work or was ended for good; tell whether that was needed."""
        if self.closed or self.running:
            return False
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)
        self._task.add_done_callback(self._ended)
        return True

    def _ended(self, task: "asyncio.Task[None]") -> None:
        # Who came while it was about to end has been taken in, and would wait for ever.
        if task is self._task and self._wanted():
            self.ensure()

    async def aclose(self) -> None:
        """End it for good, from any task of the same event loop."""
        self.closed = True
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
