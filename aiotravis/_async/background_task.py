"""BackgroundTask: a task that an object owns and that runs while there is work."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import anyio

__all__ = ["BackgroundTask"]

logger: Final = logging.getLogger("aiotravis.flows")


class BackgroundTask:
    """A task that is started when there is work, and ends when there is none.

    Args:
        run: The work; returns once there is nothing left to do.
        has_work: Returns whether there is something to do.
        name: Name of the task.

    Attributes:
        closed: Whether `aclose` was called.
    """

    def __init__(self, run: Callable[[], Coroutine[Any, Any, None]], has_work: Callable[[], bool], name: str) -> None:
        self._run = run
        self._has_work = has_work
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self.closed = False

    @property
    def running(self) -> bool:
        """Whether the task is running."""
        return self._task is not None and not self._task.done()

    def ensure(self) -> bool:
        """Start the task unless it is running or closed. Return whether it was started."""
        if self.closed or self.running:
            return False
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)
        self._task.add_done_callback(self._ended)
        return True

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            # By `aclose`, or the event loop ends: another task would outlive it.
            return
        if (error := task.exception()) is not None:
            logger.error("the task %r failed", self._name, exc_info=error)
        # Work that came while the task was ending would never be done.
        if task is self._task and self._has_work():
            self.ensure()

    async def aclose(self) -> None:
        """Cancel the task permanently, from any task of the same event loop."""
        self.closed = True
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
