"""The timers of a log: which are open, whose output is being read, and what they measured. No I/O."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import msgspec

from aiotravis.log_text._commands import CommandRecord
from aiotravis.log_text._markers import Timing
from aiotravis.log_text._phases import PendingPhase

__all__ = ["FoldRecord", "TimerRecord", "Timers"]

MAX_OPEN: Final = 16
"""Open timers. One more drops the outermost; Travis itself nests two."""


@dataclass(slots=True, eq=False)
class FoldRecord:
    """A fold.

    Attributes:
        names: Its name and those of the folds around it, outermost first.
        phase: Its phase.
        line: Number of its first line.
        last_line: Number of its last line, or None while it is open.
    """

    names: tuple[str, ...]
    phase: PendingPhase
    line: int
    last_line: int | None = None

    @property
    def name(self) -> str:
        """Its own name."""
        return self.names[-1]


@dataclass(slots=True, eq=False)
class TimerRecord:
    """A timer that was started and has not ended.

    Attributes:
        id: Its identifier.
        phase: Its phase.
        line: Number of the next line when it was started.
        number: Number of the marker that started it: timers are ordered by it.
        fold: The innermost fold around it.
        command: The command that it times. Without one, it times a stage.
        first_fold: Phase of the first fold in it, if it times a stage.
        part_of_other: Whether a timer that was started before it has ended.
    """

    id: str
    phase: PendingPhase
    line: int
    number: int
    fold: FoldRecord | None
    command: CommandRecord | None = None
    first_fold: str | None = None
    part_of_other: bool = False


@dataclass(slots=True, eq=False)
class _TimingRecord:
    timing: Timing
    phase: PendingPhase
    line: int
    number: int
    repeated: bool = False


class Timers:
    """The timers of a log.

    Attributes:
        open: Timers that have not ended, by id, in the order in which they were started.
        running: The timer of the command whose output is being read.
    """

    def __init__(self) -> None:
        self.open: dict[str, TimerRecord] = {}
        self.running: TimerRecord | None = None
        self._timings: list[_TimingRecord] = []
        self._ended: dict[str, _TimingRecord] = {}
        self._measured: list[tuple[int, int]] = []

    @property
    def of_command(self) -> TimerRecord | None:
        """The innermost open timer of a command."""
        for timer in reversed(self.open.values()):
            if timer.command:
                return timer
        return None

    def around(self, fold: FoldRecord | None) -> PendingPhase | None:
        """Return the phase of the innermost timer around what stands in a fold: of a command, or of a stage there."""
        for timer in reversed(self.open.values()):
            if timer.command or timer.fold is fold:
                return timer.phase
        return None

    def start(self, id: str, line: int, number: int, fold: FoldRecord | None) -> TimerRecord:
        """Start a timer. If its id is in use, it refers to the new one."""
        if id in self.open:
            self.drop(self.open[id])
        if len(self.open) == MAX_OPEN:
            self.drop(next(iter(self.open.values())))
        phase = PendingPhase(default=fold.phase.name if fold else None, around=self.around(fold))
        timer = self.open[id] = TimerRecord(id, phase, line, number, fold)
        return timer

    def contain(self, fold: FoldRecord | None, phase: str) -> None:
        """Note that the innermost timer contains a fold, if it times a stage."""
        timer = next(reversed(self.open.values()), None)
        if timer is not None and timer.command is None and timer.fold is fold:
            timer.first_fold = timer.first_fold or phase

    def drop(self, timer: TimerRecord) -> None:
        """Forget a timer that never ends."""
        del self.open[timer.id]
        if self.running is timer:
            self.running = None
        for other in self.open.values():
            if other.phase.around is timer.phase:
                other.phase.around = timer.phase.around

    def drop_in(self, fold: FoldRecord) -> list[TimerRecord]:
        """Forget the open timers in a fold that ends, and return them."""
        # fact 10.3: some timers never end. Left open, one would contain all that follows.
        inside = [timer for timer in self.open.values() if timer.fold is fold]
        for timer in inside:
            self.drop(timer)
        return inside

    def end(self, timing: Timing, name: str | None, number: int) -> None:
        """End a timer that is open.

        Args:
            timing: What it measured.
            name: Name of its phase, or None.
            number: Number of the marker that ended it.
        """
        timer = self.open.pop(timing.id)
        phase = timer.phase
        if not timer.part_of_other:
            phase.own = name or phase.own
        phase.ended = True
        if self.running is not None and self.running.number >= timer.number:
            self.running = None
        for other in self.open.values():
            if other.number > timer.number:
                other.phase.own, other.phase.around, other.phase.ended = phase.name, None, True
                other.part_of_other = True
        self._measured_until(timer.number, number)
        self._add(timing, phase, timer.line, timer.number)

    def end_again(self, timing: Timing, number: int) -> int | None:
        """End a timer that has ended before, so that it also measured what came since.

        Returns:
            Number of its line; None if no such timer has ended.
        """
        # fact 10.3: the shell functions of Travis remember one timer only. So when a command ends within a stage, the
        # stage ends under the id of the command.
        earlier = self._ended.get(timing.id)
        if earlier is None or earlier.timing.start != timing.start:
            return None
        earlier.repeated = True
        self._measured_until(earlier.number, number)
        self._add(timing, earlier.phase, earlier.line, earlier.number)
        return earlier.line

    def end_unknown(self, timing: Timing, phase: PendingPhase, line: int, number: int) -> None:
        """Record the end of a timer whose start is unknown."""
        self._add(timing, phase, line, number)

    def _add(self, timing: Timing, phase: PendingPhase, line: int, number: int) -> None:
        record = _TimingRecord(timing, phase, line, number)
        self._timings.append(record)
        self._ended[timing.id] = record

    def _measured_until(self, start: int, end: int) -> None:
        while self._measured and self._measured[-1][0] >= start:
            self._measured.pop()
        if self._measured and self._measured[-1][1] > start:
            start = self._measured.pop()[0]
        self._measured.append((start, end))

    def timings(self) -> tuple[Timing, ...]:
        """Return the timings, in the order in which they ended."""
        return tuple(
            msgspec.structs.replace(
                record.timing,
                phase=record.phase.name,
                line=record.line,
                outermost=not record.repeated and not self._is_part(record.number),
            )
            for record in self._timings
        )

    def _is_part(self, number: int) -> bool:
        """Return whether a timer that was started with a marker is part of one that was started before it."""
        at = bisect_left(self._measured, (number, 0)) - 1
        return at >= 0 and self._measured[at][0] < number < self._measured[at][1]
