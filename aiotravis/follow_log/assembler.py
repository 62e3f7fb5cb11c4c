"""Parts of a log in any order, to text in order. No I/O.

https://docs.travis-ci.com/api/#logs
"""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Final

from aiotravis.resources.logs import LAST, LogPart

__all__ = ["LogAssembler"]

Place = tuple[int, int]
"""Number of a part, and of the piece of it where an old server split it: ``"7.2"`` is (7, 2)."""

DIGITS: Final = 20
"""More than any number of a part has; Python itself refuses to read thousands."""

MOST_MISSING: Final = 1000
"""Numbers of missing parts that are named at once."""


class LogAssembler:
    """Takes parts in any order, as often as they come; gives each once, in order.

    Holds only what is out of order: a log of any length takes no more memory than its largest hole.

    Attributes:
        torn: Whether a piece of a split part came after what follows it was given: what was given lacks it.
    """

    def __init__(self) -> None:
        self._held: dict[Place, LogPart] = {}
        self._pieces: Counter[int] = Counter()
        self._given: Place = (-1, 0)
        self._last: Place | None = None
        self._notice: LogPart | None = None
        self._notice_given = False
        self.torn: bool = False

    @property
    def given(self) -> int:
        """Number of the last part given; -1 before the first."""
        return self._given[0]

    @property
    def complete(self) -> bool:
        """Whether the final part and all before it were given."""
        return self._last is not None and self._given >= self._last

    @property
    def waits(self) -> bool:
        """Whether something is known to be missing. Costs nothing to ask, unlike what exactly."""
        return bool(self._held) or (self._last is not None and self._given < self._last)

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of parts known to exist and not seen, ascending: below one that is held, or below the final one."""
        known = [*self._held, *([self._last] if self._last else [])]
        top = max((number for number, _ in known), default=-1)
        whole = {number for number, piece in self._held if not piece}
        split = {number for number, piece in self._held if piece and (number, piece - 1) not in self._held}
        split = {number for number in split if (number, 0) in self._held or number == self._given[0]}
        gaps = (number for number in range(self._given[0] + 1, top + 1) if number not in whole)
        return tuple(sorted({*split, *islice(gaps, MOST_MISSING)}))

    def reopen(self) -> None:
        """Take back that the final part was seen."""
        self._last = None

    def follows(self, part: LogPart) -> bool:
        """Take a part if it is simply the next one, and nothing is held: then it is for the caller to give.

        What `add` would do for nearly all parts of nearly all logs, at a fraction of the cost.
        """
        number = part.number
        if self._held or part.final or number != self._given[0] + 1 or not isinstance(number, int):
            return False
        self._given = (number, 0)
        return True

    def add(self, parts: Iterable[LogPart]) -> list[LogPart]:
        """Take parts, and give what is now in order.

        A part seen twice counts once; the first one wins.
        """
        for part in parts:
            self._hold(part)
        return self._ready() if self._held else []

    def _hold(self, part: LogPart) -> None:
        number = part.number
        place = (number, 0) if isinstance(number, int) else _place(number)
        if place is None or place[0] < 0:
            return
        if place[0] == LAST:
            # The server's own notice: no higher number follows, and none below it is to be waited for.
            self._notice = self._notice or part
            return
        # One with others behind it is no end: parts of an earlier run may come late.
        if part.final and place >= self._given and (self._last is None or place > self._last):
            self._last = place
        if place > self._given:
            if place not in self._held:
                self._held[place] = part
                self._pieces[place[0]] += place[1] > 0
        elif place[1] and (place[0] < self._given[0]):
            self.torn = True

    def _ready(self) -> list[LogPart]:
        ready: list[LogPart] = []
        while True:
            number, piece = self._given
            # After 7 comes 7.1 where an old server has split it, else 8; but not 8 while 7.2 waits for 7.1.
            place = (number, piece + 1)
            if place not in self._held and not self._pieces[number]:
                place = (number + 1, 0)
            if place not in self._held:
                return ready
            ready.append(self._held.pop(place))
            self._pieces[place[0]] -= place[1] > 0
            if place[0] != number:
                del self._pieces[number]
            self._given = place

    def rest(self) -> list[LogPart]:
        """Give what is left once nothing more will come: what is behind holes, in order, then the server's notice.

        What comes afterwards is not taken any more.
        """
        ready = [self._held[place] for place in sorted(self._held)]
        if self._held:
            self._given = max(self._held)
            self._held.clear()
        if self._notice is not None and not self._notice_given:
            ready.append(self._notice)
            self._notice_given = True
        return ready


def _place(number: str) -> Place | None:
    whole, _, piece = number.partition(".")
    if not whole.isdecimal() or not (piece or "0").isdecimal() or len(whole) + len(piece) > DIGITS:
        return None
    return int(whole), int(piece or "0")
