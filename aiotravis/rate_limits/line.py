"""WaitingLine: the calls that wait for the limits, in the order in which they go. No I/O."""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from aiotravis._http import ApiRequest
from aiotravis.rate_limits.rules import Kind, Rules
from aiotravis.rate_limits.windows import Permit

__all__ = ["Turn", "Waiter", "WaitingLine"]

MIN_TURN: Final = 10
"""Reads."""

MARGIN: Final = 1.25
"""Turns let some more reads go than the limit allows in their time: the first begins late in the minute."""

Order = tuple[bool, int, int]
"""Whether the priority is low, the place of the task, the number of the call."""

Lane = tuple[Kind, bool]


@dataclass(slots=True, eq=False)
class Waiter:
    """A call that waits.

    Attributes:
        order: Its place; the least goes first.
        request: What it wants to send.
        kind: What that counts as.
        limited: Whether the limits hold for it, or only pauses and bans.
        wake: Makes it ask again, from any thread; returns False if its event loop is closed.
        permit: Its permission, as soon as it has one.
    """

    order: Order
    request: ApiRequest
    kind: Kind
    limited: bool
    wake: Callable[[], bool]
    permit: Permit | None = None

    @property
    def low(self) -> bool:
        """Whether it has low priority."""
        return self.order[0]

    def admitted(self) -> bool:
        """Return whether it has a permit that it did not take yet."""
        return self.permit is not None


class WaitingLine:
    """Calls in order of priority, then of the places of their tasks. Not thread-safe.

    Calls of one kind never overtake each other, but a POST that waits does not keep reads back.

    Attributes:
        waiting: All of them.
    """

    def __init__(self) -> None:
        self.waiting: set[Waiter] = set()
        self._lanes: dict[Lane, list[tuple[Order, Waiter]]] = {}
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self.waiting)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(tuple(self.waiting))

    def number(self) -> int:
        """Return the number of the next call."""
        return next(self._numbers)

    def add(self, waiter: Waiter) -> None:
        """Add a call."""
        lane = self._lanes.setdefault((waiter.kind, waiter.limited), [])
        heapq.heappush(lane, (waiter.order, waiter))
        self.waiting.add(waiter)

    def discard(self, waiter: Waiter) -> None:
        """Remove a call."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)
            lane = self._lanes[waiter.kind, waiter.limited]
            # Most leave from the head, in `next`. Those that give up are swept once they are the greater part.
            if len(lane) > 64 and len(lane) > 2 * len(self.waiting):
                lane[:] = [entry for entry in lane if entry[1] in self.waiting]
                heapq.heapify(lane)

    def count(self, kind: Kind) -> int:
        """Return how many calls of a kind wait for the limits. Those that gave up may be among them."""
        return len(self._lanes.get((kind, True), ()))

    def first(self, kind: Kind) -> Waiter | None:
        """Return the first of the calls of a kind that wait for the limits."""
        lane = self._lanes.get((kind, True), [])
        while lane and lane[0][1] not in self.waiting:
            heapq.heappop(lane)
        return lane[0][1] if lane else None

    def next(self, may_go: Callable[[Waiter], bool]) -> Waiter | None:
        """Remove and return the first call that may go, or None. Only the first of each kind is tried."""
        best: list[tuple[Order, Waiter]] | None = None
        for lane in self._lanes.values():
            while lane and lane[0][1] not in self.waiting:
                heapq.heappop(lane)
            if lane and (best is None or lane[0] < best[0]) and may_go(lane[0][1]):
                best = lane
        if best is None:
            return None
        waiter = heapq.heappop(best)[1]
        self.waiting.remove(waiter)
        return waiter


class Turn:
    """How many of the reads that wait may go now: about as many in a second as the limit allows, and one per answer.

    If all went as soon as there is room, all flows would advance together and finish at the end. So few go at once that
    who came first is done first, and enough to use up the limit, however slow the server is.

    Args:
        rules: The limits.

    Attributes:
        size: Reads in a turn.
        seconds: Its length.
        left: Reads that may go before it ends.
    """

    seconds: float = 1.0

    def __init__(self, rules: Rules) -> None:
        self.size: int = max(MIN_TURN, math.ceil(MARGIN * rules.per_minute * self.seconds / rules.minute))
        self.left: int = self.size
        self._ends = -math.inf

    def give_back(self) -> None:
        """Add a read to the turn: one was answered or given up."""
        self.left = min(self.size, self.left + 1)

    def renew(self, now: float) -> None:
        """Begin another turn if this one is over."""
        if now >= self._ends:
            self._ends, self.left = now + self.seconds, self.size
