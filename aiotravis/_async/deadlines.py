"""Deadlines of what is in flight, with one timer for all of them."""

import asyncio
import math
from types import TracebackType
from typing import Final

import anyio
import anyio.lowlevel

__all__ = ["Deadline", "InFlight"]

NEVER: Final = math.inf


class Deadline:
    """A block that ends, without an error, at a deadline that can be moved, or with everything else in flight.

    Args:
        in_flight: What the block belongs to.

    Attributes:
        when: The deadline, in seconds of the loop's clock; none at first.
    """

    __slots__ = ("_in_flight", "_scope", "when")

    def __init__(self, in_flight: "InFlight") -> None:
        self._in_flight = in_flight
        self._scope = anyio.CancelScope()
        self.when: float = NEVER

    def __enter__(self) -> "Deadline":
        self._scope.__enter__()
        self._in_flight.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._in_flight.discard(self)
        return bool(self._scope.__exit__(kind, exc, traceback))

    @property
    def cancelled_caught(self) -> bool:
        """Whether the block was ended by its deadline or by `cancel`."""
        return self._scope.cancelled_caught

    def set(self, when: float) -> None:
        """Set or move the deadline."""
        self.when = when
        self._in_flight.schedule(when)

    def clear(self) -> None:
        """Remove the deadline."""
        self.when = NEVER

    def cancel(self) -> None:
        """End the block now."""
        self._scope.cancel()


class InFlight:
    """All blocks in flight.

    There is one timer for all deadlines: setting a timer for each step would cost more than the step itself. Moving a
    deadline only stores it; the timer reads it when it fires.
    """

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, deadline: Deadline) -> None:
        """Add a block."""
        self._deadlines.add(deadline)

    def discard(self, deadline: Deadline) -> None:
        """Remove a block."""
        self._deadlines.discard(deadline)

    def schedule(self, when: float) -> None:
        """Make the timer fire no later than this."""
        if self._timer is None or when < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(when, self._fire)

    def _fire(self) -> None:
        now, self._timer = asyncio.get_running_loop().time(), None
        following = NEVER
        for deadline in self._deadlines:
            if deadline.when <= now:
                deadline.cancel()
            else:
                following = min(following, deadline.when)
        if following < NEVER:
            self.schedule(following)

    def cancel(self) -> None:
        """End all blocks now."""
        for deadline in self._deadlines:
            deadline.cancel()

    async def aclose(self) -> None:
        """End all blocks, and wait until they have ended."""
        while self._deadlines:
            self.cancel()
            await anyio.lowlevel.checkpoint()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
