"""Parts of a log in any order, to parts in order. No I/O.

https://docs.travis-ci.com/api/#logs
"""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Final

from aiotravis.resources.logs import LAST, LogPart

__all__ = ["LogAssembler", "of_last_run"]

Position = tuple[int, int]
"""Number of a part, and of the piece of it where an old server split it: ``"7.2"`` is (7, 2) (fact 9.34)."""

MAX_DIGITS: Final = 20
"""More than any number of a part has; Python itself refuses to read thousands."""

MAX_HELD_PARTS: Final = 10_000
"""Parts that are held behind a gap, at most; the rest can be read again once the gap is filled."""

MAX_HELD_CHARACTERS: Final = 4 << 20
"""Characters of these parts, at most."""

MAX_MISSING: Final = 1000
"""Maximum number of missing parts that are listed at once."""


class LogAssembler:
    """Takes parts in any order and any number of times, and returns each once, in order.

    Only parts behind a gap are held, and of those no more than `MAX_HELD_PARTS`.

    Attributes:
        late_piece: Whether a piece of a split part, or the first part, arrived after a later part was returned: the
            output lacks it.
    """

    def __init__(self) -> None:
        self._held: dict[Position, LogPart] = {}
        self._held_pieces: Counter[int] = Counter()
        self._held_characters = 0
        self._first: Position = (0, 0)
        self._last: Position = (-1, 0)
        self._final: Position | None = None
        self._notice: LogPart | None = None
        self._notice_returned = False
        self.late_piece: bool = False

    @property
    def last_number(self) -> int:
        """Number of the last part returned; -1 before the first."""
        return self._last[0]

    @property
    def has_notice(self) -> bool:
        """Whether the server's own notice arrived, which ends a log, and no part is known to be missing before it."""
        return self._notice is not None and not self.has_gap

    @property
    def held(self) -> int:
        """Number of parts that are held behind a gap."""
        return len(self._held)

    def held_texts(self) -> list[str]:
        """Return the texts that are held behind a gap, in order."""
        return [self._held[position].content or "" for position in sorted(self._held)]

    @property
    def complete(self) -> bool:
        """Whether the final part and all before it were returned, and none after it."""
        return self._last == self._final

    @property
    def has_final(self) -> bool:
        """Whether the final part was received."""
        return self._final is not None

    @property
    def has_gap(self) -> bool:
        """Whether any part is known to be missing; cheaper than `missing`."""
        return bool(self._held) or (self._final is not None and self._last < self._final)

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the parts that are known to be missing, ascending: those before a part held, or the final one."""
        known = [*self._held, *([self._final] if self._final else [])]
        top = max((number for number, _ in known), default=-1)
        whole = {number for number, piece in self._held if not piece}
        split = {number for number, piece in self._held if piece and (number, piece - 1) not in self._held}
        split = {number for number in split if (number, 0) in self._held or number == self._last[0]}
        gaps = (number for number in range(self._last[0] + 1, top + 1) if number not in whole)
        return tuple(sorted({*split, *islice(gaps, MAX_MISSING)}))

    def begin_at_one(self) -> list[LogPart]:
        """Use part 1 as the first, unless any was returned, and return the parts that are now in order."""
        if self._last == (-1, 0):
            self._last, self._first = (0, 0), (1, 0)
        return self._take_ordered()

    def forget_final(self) -> None:
        """Wait for another final part: the one that was added may have come early."""
        self._final = None

    def accept_next(self, part: LogPart) -> bool:
        """Accept a part if it is the next one and nothing is held; the caller then delivers it.

        This does what `add` does for nearly all parts of nearly all logs, at a fraction of the cost.
        """
        number = part.number
        if self._held or part.final or number != self._last[0] + 1 or not isinstance(number, int):
            return False
        self._last = (number, 0)
        return True

    def add(self, parts: Iterable[LogPart], *, bounded: bool = True) -> list[LogPart]:
        """Add parts, and return those that are now in order. Of two parts with one number, the first wins.

        Args:
            parts: The parts.
            bounded: Whether to drop those that would have to be held beyond the limits.
        """
        parts = list(parts)
        for part in parts:
            self._hold(part, bounded=bounded and len(parts) == 1)
        ordered = self._take_ordered() if self._held else []
        if bounded and len(parts) > 1:
            self._trim()
        return ordered

    def _hold(self, part: LogPart, *, bounded: bool) -> None:
        number = part.number
        position = (number, 0) if isinstance(number, int) else _parse_position(number)
        if position is None or position[0] < 0:
            return
        if position[0] == LAST:
            # fact 7.9: the server's own notice has this number; the numbers below it are not missing.
            self._notice = self._notice or part
            return
        # fact 9.35: "final" may come early or twice. It does not count before parts that were returned: parts of an
        # earlier run may arrive late.
        if part.final and position >= self._last and (self._final is None or position > self._final):
            self._final = position
        if position > self._last:
            following = position[0] <= self._last[0] + 1
            if position not in self._held and (following or not bounded or not self._full):
                self._held[position] = part
                self._held_characters += len(part.content or "")
                if position[1]:
                    self._held_pieces[position[0]] += 1
        elif (position[1] and position[0] < self._last[0]) or position < self._first:
            self.late_piece = True

    @property
    def _full(self) -> bool:
        return len(self._held) >= MAX_HELD_PARTS or self._held_characters >= MAX_HELD_CHARACTERS

    def _trim(self) -> None:
        """Drop the parts that are farthest behind the gap."""
        if not self._full:
            return
        positions = sorted(self._held)
        while len(positions) > MAX_HELD_PARTS or self._held_characters > MAX_HELD_CHARACTERS:
            position = positions.pop()
            self._held_characters -= len(self._held.pop(position).content or "")
            if position[1]:
                self._forget_piece(position[0])

    def _forget_piece(self, number: int) -> None:
        self._held_pieces[number] -= 1
        if not self._held_pieces[number]:
            del self._held_pieces[number]

    def _take_ordered(self) -> list[LogPart]:
        ordered: list[LogPart] = []
        while True:
            number, piece = self._last
            # After 7 comes 7.1 if an old server split it, else 8; but not 8 while 7.2 waits for 7.1.
            position = (number, piece + 1)
            if position not in self._held and number not in self._held_pieces:
                position = (number + 1, 0)
            if position not in self._held:
                return ordered
            part = self._held.pop(position)
            ordered.append(part)
            self._held_characters -= len(part.content or "")
            if position[1]:
                self._forget_piece(position[0])
            self._last = position

    def flush(self) -> list[LogPart]:
        """Return the remaining parts: those behind gaps, in order, then the server's notice.

        Parts that are added afterwards are ignored.
        """
        ordered = [self._held[position] for position in sorted(self._held)]
        if self._held:
            self._last = max(self._held)
            self._held.clear()
            self._held_pieces.clear()
            self._held_characters = 0
        if self._notice is not None and not self._notice_returned:
            ordered.append(self._notice)
            self._notice_returned = True
        return ordered


def of_last_run(parts: Iterable[LogPart]) -> list[LogPart]:
    """Return the parts that may be of the last run: where a number comes again with another text, a new run began."""
    kept: dict[int | str, LogPart] = {}
    for part in parts:
        if kept.get(part.number, part).content != part.content:
            kept.clear()
        kept[part.number] = part
    return list(kept.values())


def _parse_position(number: str) -> Position | None:
    whole, _, piece = number.partition(".")
    if not whole.isdecimal() or not (piece or "0").isdecimal() or len(whole) + len(piece) > MAX_DIGITS:
        return None
    return int(whole), int(piece or "0")
