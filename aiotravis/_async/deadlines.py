"""What is under way: each call ends at its deadline, or with the client."""

import asyncio
import math
from types import TracebackType
from typing import Final

import anyio
import anyio.lowlevel

__all__ = ["Deadline", "InFlight"]

NEVER: Final = math.inf


class Deadline:
    """How long something may take until its next step: a block that ends, without an error, when that has passed.

    Args:
        in_flight: What the block is a part of.

    Attributes:
        deadline: In seconds of the loop's clock.
    """

    __slots__ = ("_in_flight", "_scope", "deadline")

    def __init__(self, in_flight: "InFlight") -> None:
        self._in_flight = in_flight
        self._scope = anyio.CancelScope()
        self.deadline = NEVER

    def __enter__(self) -> "Deadline":
        self._scope.__enter__()
        self._in_flight.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._in_flight.discard(self)
        return bool(self._scope.__exit__(kind, exc, traceback))

    def until(self, deadline: float) -> None:
        """Set the deadline, or put it off."""
        self.deadline = deadline
        self._in_flight.expect(deadline)

    def without_end(self) -> None:
        """Set no deadline."""
        self.deadline = NEVER

    def end(self) -> None:
        """End the block now."""
        self._scope.cancel()


class InFlight:
    """Everything that is under way, with one timer for all deadlines: one for each step would cost more than the step.

    A deadline that is put off is only written down; the timer finds out when it looks.
    """

    def __init__(self) -> None:
        self._all: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, deadline: Deadline) -> None:
        """Look after a block."""
        self._all.add(deadline)

    def discard(self, deadline: Deadline) -> None:
        """Look after it no more."""
        self._all.discard(deadline)

    def expect(self, deadline: float) -> None:
        """Look at the deadlines no later than this one."""
        if self._timer is None or deadline < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(deadline, self._look)

    def _look(self) -> None:
        now, self._timer = asyncio.get_running_loop().time(), None
        following = NEVER
        for deadline in self._all:
            if deadline.deadline <= now:
                deadline.end()
            else:
                following = min(following, deadline.deadline)
        if following < NEVER:
            self.expect(following)

    async def end(self) -> None:
        """End everything, and wait until it has ended."""
        while self._all:
            for deadline in list(self._all):
                deadline.end()
            await anyio.lowlevel.checkpoint()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
