"""Logs that are being viewed: each is followed once and shared by its viewers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from aiotravis import LogReset, Travis, TravisError
from examples.dashboard_web.shown_log import PIECE, ShownLog
from examples.dashboard_web.state import Signal

MAX_FOLLOWED: Final = 32
"""Logs that are followed at the same time."""

INTERVAL: Final = 0.1
"""Seconds between two messages."""


class FollowedLog:
    """One log, followed as long as somebody views it.

    Attributes:
        shown: What is shown of it.
        changed: Wakes viewers.
        ended: Whether the log has ended.
        viewers: Number of viewers.
        scope: Stops following when cancelled.
    """

    def __init__(self, job: int) -> None:
        self.job = job
        self.shown = ShownLog()
        self.changed = Signal()
        self.ended = False
        self.viewers = 0
        self.scope = anyio.CancelScope()
        self._problem: str | None = None

    async def follow(self, travis: Travis) -> None:
        """Read the log to its end."""
        with self.scope:
            try:
                async with travis.follow_log(self.job) as stream, anyio.create_task_group() as group:
                    group.start_soon(self._notify_periodically)
                    async for part in stream:
                        if isinstance(part, LogReset):
                            self.shown.reset()
                        text = part.content or ""
                        for place in range(0, len(text), PIECE):
                            self.shown.feed(text[place : place + PIECE])
                            await anyio.lowlevel.checkpoint()
                    group.cancel_scope.cancel()
            except* TravisError as failures:
                self._problem = str(failures.exceptions[0])
            self.shown.close()
            self.ended = True
            self.changed.notify()

    async def _notify_periodically(self) -> None:
        seen = (-1, 0, 0)
        while True:
            await anyio.sleep(INTERVAL)
            if self.shown.position != seen:
                seen = self.shown.position
                self.changed.notify()

    def summary(self) -> dict[str, object]:
        """Return how the log ended."""
        return self.shown.summary(self._problem)


class Logs:
    """The logs that are being viewed.

    Args:
        travis: The client that follows them.
        group: The task group that follows them.
    """

    def __init__(self, travis: Travis, group: TaskGroup) -> None:
        self._travis = travis
        self._group = group
        self._logs: dict[int, FollowedLog] = {}
        self.followed = 0

    @asynccontextmanager
    async def view(self, job: int, *, finished: bool) -> AsyncGenerator[FollowedLog | None]:
        """View a log, together with its other viewers.

        Args:
            job: Id of the job.
            finished: Whether the job has finished. If not, the log of an earlier run is not reused.

        Yields:
            The log; None if too many are followed already.
        """
        log = self._logs.get(job)
        if log is None or (log.ended and not finished):
            if self.followed >= MAX_FOLLOWED:
                yield None
                return
            log = self._logs[job] = FollowedLog(job)
            self.followed += 1
            self._group.start_soon(log.follow, self._travis)
        log.viewers += 1
        try:
            yield log
        finally:
            log.viewers -= 1
            if not log.viewers:
                log.scope.cancel()
                self.followed -= 1
                if self._logs.get(job) is log:
                    del self._logs[job]
