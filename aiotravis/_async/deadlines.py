"""Deadlines of the calls in flight, with one timer for all of them."""

import asyncio
import math
from contextvars import ContextVar
from types import TracebackType
from typing import Final, cast

import anyio
import anyio.lowlevel

__all__ = ["NEVER", "Deadline", "InFlight", "current_deadline"]

NEVER: Final = math.inf
"""The time of a deadline that is none."""

REPEAT_AFTER: Final = 1.0
"""Seconds after which a block that goes on although it was cancelled is cancelled again."""

current_deadline: Final[ContextVar["Deadline | None"]] = ContextVar("deadline", default=None)
"""The innermost block that the running task is in, or was started in."""


class Deadline:
    """A block that ends, without an error, at a deadline that can be moved, or with everything else in flight.

    It cancels its task as `asyncio.timeout` does, which costs a fifth of a cancel scope of anyio.

    Args:
        in_flight: What the block belongs to.

    Attributes:
        when: The deadline, in seconds of the loop's clock; none at first.
        requests: How often the block was cancelled.
    """

    __slots__ = ("_cancelling", "_in_flight", "_outer", "_task", "requests", "when")

    def __init__(self, in_flight: "InFlight") -> None:
        self._in_flight = in_flight
        self.requests: int = 0
        self.when: float = NEVER

    def __enter__(self) -> "Deadline":
        # Entered by coroutines, so there is a task.
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancelling = self._task.cancelling()
        self._outer = current_deadline.set(self)
        self._in_flight._deadlines.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._in_flight._deadlines.discard(self)
        current_deadline.reset(self._outer)
        if not self.requests:
            return False
        for _ in range(self.requests):
            self._task.uncancel()
        # If others have requested it as well, the task stays cancelled.
        return kind is asyncio.CancelledError and self._task.cancelling() <= self._cancelling

    def set(self, when: float) -> None:
        """Set or move the deadline."""
        self.when = when
        in_flight = self._in_flight
        if when < in_flight.fires_at:
            in_flight.schedule(when)

    def clear(self) -> None:
        """Remove the deadline."""
        self.when = NEVER

    def cancel(self) -> None:
        """End the block now."""
        self.requests += 1
        self._task.cancel()


class InFlight:
    """All blocks in flight.

    There is one timer for all deadlines: setting a timer for each step would cost more than the step itself. Moving a
    deadline only stores it; the timer reads it when it fires.

    Attributes:
        fires_at: When the timer fires, in seconds of the loop's clock.
    """

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self.fires_at: float = NEVER
        self._timer: asyncio.TimerHandle | None = None

    def schedule(self, when: float) -> None:
        """Make the timer fire then instead."""
        if self._timer is not None:
            self._timer.cancel()
        self.fires_at = when
        self._timer = None if when == NEVER else asyncio.get_running_loop().call_at(when, self._fire)

    def _fire(self) -> None:
        now, following = asyncio.get_running_loop().time(), NEVER
        for deadline in self._deadlines:
            if deadline.when <= now:
                deadline.when = now + REPEAT_AFTER
                deadline.cancel()
            following = min(following, deadline.when)
        self.schedule(following)

    async def aclose(self) -> None:
        """End all blocks, and wait until they have ended."""
        clock, again = asyncio.get_running_loop().time, -math.inf
        while self._deadlines:
            # What cleans up is left alone. What has swallowed its cancellation is cancelled again, a second later.
            repeat = clock() >= again
            for deadline in self._deadlines:
                if repeat or not deadline.requests:
                    deadline.cancel()
            again = clock() + REPEAT_AFTER if repeat else again
            await anyio.lowlevel.checkpoint()
        self.schedule(NEVER)
