"""Lines of a log, stored as text and decoded when they are accessed. No I/O."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, overload

from aiotravis._values import Value
from aiotravis.log_text._ansi import Span, render_line, spans, visible_lines, visible_text
from aiotravis.log_text._records import PendingPhase
from aiotravis.log_text._styles import DEFAULT_STYLE, Style, style_after

__all__ = ["Line", "Lines"]

BLOCK_SIZE: Final = 1 << 16
"""Characters after which a block is full. A whole block is split to read one line."""


class Line(Value, frozen=True, kw_only=True):
    r"""One line of a log, without markers.

    Attributes:
        number: Counts from 1.
        raw: The text as sent, with control sequences, without the newline. See `text`, `spans` and `terminal`.
        folds: Names of the folds around it, outermost first.
        phase: Name of its phase, or None.
        duration: Duration in seconds of the timer that starts at this line, or None.
        style: Style at the start of the line: a style lasts over line ends, until it is reset.
    """

    number: int
    raw: str
    folds: tuple[str, ...] = ()
    phase: str | None = None
    duration: float | None = None
    style: Style = DEFAULT_STYLE

    @property
    def text(self) -> str:
        """The visible text: without control sequences, carriage returns applied. Computed on each access."""
        return visible_text(self.raw)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The visible text, split where the style changes. Computed on each access."""
        return spans(self.raw, self.style)

    def terminal(self, *, colour: bool = True) -> str:
        """Return the visible text, safe for a terminal, with or without ``colour``; see `safe_for_terminal`."""
        return render_line(self.raw, self.style, colour=colour)


@dataclass(slots=True, eq=False)
class _Block:
    """Text of some lines, each ended by a newline."""

    start: int
    style: Style
    pieces: list[str] = field(default_factory=list[str])
    count: int = 0
    size: int = 0

    @property
    def text(self) -> str:
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0]


class Lines(Sequence[Line]):
    """The lines of a log so far, as a sequence that grows with the log.

    Iterating takes time in proportion to the length; an index reads up to 64 KiB.
    """

    def __init__(self) -> None:
        self._style = DEFAULT_STYLE
        self._blocks: list[_Block] = []
        self._full = True
        self._count = 0
        # What the lines from a start on belong to; the lists of the three are parallel, as an object takes more memory.
        self._folds: tuple[str, ...] = ()
        self._phase = PendingPhase()
        self._scope_starts = array("Q")
        self._scope_folds: list[tuple[str, ...]] = []
        self._scope_phases: list[PendingPhase] = []
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
        at = bisect_right(self._blocks, start, key=lambda block: block.start) - 1
        while start < stop:
            block = self._blocks[at]
            yield from self._lines(block, start - block.start, min(block.count, stop - block.start))
            start = block.start + block.count
            at += 1

    def _lines(self, block: _Block, start: int, stop: int) -> Iterator[Line]:
        lines = self._lines_of(block)
        style = style_after("\n".join(lines[:start]), block.style) if start else block.style
        starts, durations = self._scope_starts, self._durations
        at = bisect_right(starts, block.start + start) - 2
        folds: tuple[str, ...] = ()
        phase, until = None, 0
        for number, raw in enumerate(lines[start:stop], block.start + start + 1):
            if number > until:
                at += 1
                folds, pending = self._scope_folds[at], self._scope_phases[at]
                # As `name` does, but faster for nearly all phases.
                phase = pending.name if pending.around else pending.own or pending.default
                until = starts[at + 1] if at + 1 < len(starts) else self._count
            duration = durations.get(number)
            yield Line(number=number, raw=raw, folds=folds, phase=phase, duration=duration, style=style)
            style = style_after(raw, style)

    def _lines_of(self, block: _Block) -> list[str]:
        if self._split is None or self._split[0] is not block or self._split[1] != block.count:
            self._split = (block, block.count, block.text.split("\n"))
        return self._split[2]

    def _backwards(self, most: int) -> Iterator[str]:
        """Yield the lines from the last one to the first, as sent, each cut after so many characters."""
        for block in reversed(self._blocks):
            text = block.text
            end = len(text) - 1
            while end >= 0:
                start = text.rfind("\n", 0, end) + 1
                yield text[start : min(end, start + most)]
                end = start - 1

    def _last_line(self) -> str:
        """Return the last line as sent, with its newline if there is one."""
        last = self._blocks[-1].pieces[-1] if self._blocks else ""
        return last[last.rfind("\n", 0, -1) + 1 :]

    def visible_text(self) -> str:
        """Return the visible text of all lines, each ended by a newline."""
        return "".join(visible_lines(block.text) for block in self._blocks)

    def _end_scope(self, line: int, phase: PendingPhase) -> None:
        """Remove the lines from one on from all folds, and set their phase."""
        at = bisect_left(self._scope_starts, line - 1)
        self._folds, self._phase = (), phase
        self._scope_starts[at:] = array("Q", (line - 1,))
        self._scope_folds[at:], self._scope_phases[at:] = [()], [phase]

    def _append(self, text: str, count: int) -> None:
        """Append so many complete lines, each ended by a newline."""
        if self._full:
            self._blocks.append(_Block(self._count, self._style))
            self._full = False
        phases = self._scope_phases
        if not phases or phases[-1] is not self._phase or self._scope_folds[-1] is not self._folds:
            phases.append(self._phase)
            self._scope_folds.append(self._folds)
            self._scope_starts.append(self._count)
        block = self._blocks[-1]
        block.pieces.append(text)
        block.count += count
        block.size += len(text)
        self._count += count
        if "\x1b" in text or "\x9b" in text:
            self._style = style_after(text, self._style)
        if block.size >= BLOCK_SIZE:
            self._end_block()

    def _apply_style(self, text: str) -> None:
        """Apply the style of text that is invisible, and no line."""
        style = style_after(text, self._style)
        if style != self._style:
            self._style = style
            self._end_block()

    def _end_block(self) -> None:
        if self._blocks:
            # Join the pieces: as strings of their own, short lines need many times the memory.
            _ = self._blocks[-1].text
        self._full = True

    def _set_duration(self, line: int, duration: float) -> None:
        """Set the duration of the timer that starts at a line; of several, the last one wins."""
        if line <= self._count:
            self._durations[line] = duration
