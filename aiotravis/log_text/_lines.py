"""The lines of a log, kept as the text that they were, and made into values as they are asked for. No I/O."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, overload

import msgspec

from aiotravis.log_text._ansi import Span, plain, plain_lines, rendered, spans
from aiotravis.log_text._styles import PLAIN, Style, style_after

__all__ = ["Line", "Lines", "Owner", "Scope"]

LARGEST: Final = 1 << 16
"""Characters from which on a block is full: what is read to give one line."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    r"""One line of a log, without the markers that stood in it.

    Attributes:
        number: From 1.
        raw: Its text as it came, with control sequences, without its newline. See `text`, `spans` and `terminal`.
        folds: Names of the folds around it, outermost first.
        phase: Name of its phase, or None.
        duration: Seconds that a timer took whose first line this is, or None.
        style: In force at its start: a style lasts until it is reset, over the end of a line.
    """

    number: int
    raw: str
    folds: tuple[str, ...] = ()
    phase: str | None = None
    duration: float | None = None
    style: Style = PLAIN

    @property
    def text(self) -> str:
        """What it shows, without styles: carriage returns resolved, no control sequences. Worked out anew each time."""
        return plain(self.raw)

    @property
    def spans(self) -> tuple[Span, ...]:
        """What it shows, cut where the style changes. Worked out anew each time."""
        return spans(self.raw, self.style)

    def terminal(self, *, colour: bool = True) -> str:
        """Give what it shows, such that a terminal does not obey it; see `safe_for_terminal`."""
        return rendered(self.raw, self.style, colour=colour)


class Owner:
    """The phase of some lines: known later than they are, maybe."""

    __slots__ = ("phase",)

    def __init__(self, phase: str | None) -> None:
        self.phase: str | None = phase


class Scope:
    """Where lines stand: in which folds, in which phase."""

    __slots__ = ("folds", "owner")

    def __init__(self, folds: tuple[str, ...], owner: Owner) -> None:
        self.folds: tuple[str, ...] = folds
        self.owner: Owner = owner


class _Block:
    """Lines, as text. Each ends in a newline."""

    __slots__ = ("before", "count", "pieces", "size", "style")

    def __init__(self, before: int, style: Style) -> None:
        self.before = before
        self.style = style
        self.pieces: list[str] = []
        self.count = 0
        self.size = 0

    @property
    def text(self) -> str:
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0]


class Lines(Sequence[Line]):
    """The lines of a log so far. Iterating costs their length; one by its place costs that of the 64 KB around it.

    Grows with its log, and holds its text.
    """

    def __init__(self) -> None:
        self._style = PLAIN
        self._blocks: list[_Block] = []
        self._befores: list[int] = []
        self._full = True
        self._count = 0
        self._scope = Scope((), Owner(None))
        self._scopes: list[Scope] = []
        self._entered: list[int] = []
        self._durations: dict[int, float] = {}
        self._split: tuple[_Block, int, list[str]] | None = None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Line]:
        for block in self._blocks:
            yield from self._lines(block, 0, block.count)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Line, ...]: ...
    def __getitem__(self, index: int | slice) -> Line | tuple[Line, ...]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._count)
            if step == 1:
                return tuple(self._between(start, stop))
            return tuple(self[place] for place in range(start, stop, step))
        place = index + self._count if index < 0 else index
        if not 0 <= place < self._count:
            raise IndexError(index)
        return next(self._between(place, place + 1))

    def _between(self, start: int, stop: int) -> Iterator[Line]:
        at = max(bisect_right(self._befores, start) - 1, 0)
        while start < stop:
            block = self._blocks[at]
            yield from self._lines(block, start - block.before, min(block.count, stop - block.before))
            start = block.before + block.count
            at += 1

    def _lines(self, block: _Block, start: int, stop: int) -> Iterator[Line]:
        lines = self._lines_of(block)
        style = style_after("\n".join(lines[:start]), block.style) if start else block.style
        at = bisect_right(self._entered, block.before + start) - 1
        for place in range(start, stop):
            raw, number = lines[place], block.before + place + 1
            while at + 1 < len(self._entered) and self._entered[at + 1] < number:
                at += 1
            scope = self._scopes[at]
            yield Line(
                number=number,
                raw=raw,
                folds=scope.folds,
                phase=scope.owner.phase,
                duration=self._durations.get(number),
                style=style,
            )
            style = style_after(raw, style)

    def _lines_of(self, block: _Block) -> list[str]:
        if self._split is None or self._split[0] is not block or self._split[1] != block.count:
            self._split = (block, block.count, block.text.split("\n"))
        return self._split[2]

    def plain(self) -> str:
        """Give the text of all lines, each ended by a newline."""
        return "".join(plain_lines(block.text) for block in self._blocks)

    def enter(self, scope: Scope) -> None:
        """Put what follows elsewhere."""
        self._scope = scope

    def append(self, text: str, count: int) -> None:
        """Take whole lines.

        Args:
            text: Ends in a newline.
            count: How many lines it has.
        """
        if self._full:
            self._blocks.append(_Block(self._count, self._style))
            self._befores.append(self._count)
            self._full = False
        if not self._scopes or self._scopes[-1] is not self._scope:
            self._scopes.append(self._scope)
            self._entered.append(self._count)
        block = self._blocks[-1]
        block.pieces.append(text)
        block.count += count
        block.size += len(text)
        self._count += count
        self._style = style_after(text, self._style)
        if block.size >= LARGEST:
            self._end_block()

    def skip(self, text: str) -> None:
        """Take what shows nothing and is no line; its style lasts."""
        style = style_after(text, self._style)
        if style != self._style:
            self._style = style
            self._end_block()

    def _end_block(self) -> None:
        if self._blocks:
            # Made one text: of lines that came one by one, the pieces would weigh many times what they say.
            _ = self._blocks[-1].text
        self._full = True

    def timed(self, line: int, duration: float) -> None:
        """Tell how long it took from a line on; of several that began there, the last one told."""
        if line <= self._count:
            self._durations[line] = duration
