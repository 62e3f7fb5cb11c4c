"""The timers of a log: which are open, whose output is being read, and which have ended. No I/O."""

import dataclasses
from typing import Final

from msgspec.structs import replace

from aiotravis.log_text._markers import Timing
from aiotravis.log_text._records import FoldRecord, TimerRecord

__all__ = ["Timers"]

MAX_OPEN: Final = 8
"""Open timers; with one more, none of them is going to end, as Travis nests two. Also the latest that are not open."""


class Timers:
    """The timers of a log.

    Attributes:
        open: Timers that have not ended, by id, in the order in which they were started.
        running: The timer of the command whose output is being read.
        ended: Timers that have ended, in this order.
    """

    def __init__(self) -> None:
        self.open: dict[str, TimerRecord] = {}
        self.running: TimerRecord | None = None
        self.ended: list[TimerRecord] = []
        self._closed: dict[str, TimerRecord] = {}

    def latest(self) -> list[TimerRecord]:
        """Return the open timers, innermost first."""
        return list(reversed(self.open.values()))

    @property
    def of_command(self) -> TimerRecord | None:
        """The innermost open timer of a command."""
        return next((timer for timer in self.latest() if timer.command), None)

    def around(self, fold: FoldRecord | None) -> TimerRecord | None:
        """Return the innermost timer around what stands in a fold: of a command, or of a stage there."""
        for timer in reversed(self.open.values()):
            if timer.command or timer.fold is fold:
                return timer
        return None

    def start(self, id: str, line: int, number: int, fold: FoldRecord | None) -> TimerRecord:
        """Start a timer. If its id is in use, it refers to the new one."""
        if id in self.open:
            self.drop([self.open[id]])
        elif len(self.open) == MAX_OPEN:
            self._closed, self.open, self.running = self.open, {}, None
        default = fold.phase.name if fold else None
        timer = TimerRecord(None, default, self.around(fold), id, line, number, 0, fold)
        self.open[id] = timer
        return timer

    def contain(self, fold: FoldRecord | None, phase: str) -> None:
        """Note that the innermost timer contains a fold, if it times a stage."""
        timer = next(reversed(self.open.values()), None)
        if timer is not None and timer.command is None and timer.fold is fold:
            timer.first_fold = timer.first_fold or phase

    def drop(self, timers: list[TimerRecord], line: int | None = None) -> None:
        """Remove timers from the open ones; end their commands with a line. Ends of the timers may follow."""
        for timer in timers:
            del self.open[timer.id]
            for other in reversed(self.open.values()):
                if other.number < timer.number:
                    break
                if other.around is timer:
                    # However many never end, what is around a timer stays short.
                    other.around = timer.around
            if self.running is timer:
                self.running = None
            if line is not None and timer.command is not None:
                timer.command.finish(line)
            self._close(timer)

    def _close(self, timer: TimerRecord) -> None:
        self._closed.pop(timer.id, None)
        self._closed[timer.id] = timer
        if len(self._closed) > MAX_OPEN:
            del self._closed[next(iter(self._closed))]

    def find(self, id: str, start: int | None) -> TimerRecord | None:
        """Return the timer that ends, open or not, or None.

        Args:
            id: Its identifier.
            start: When it started.
        """
        closed = self.open.get(id) or self._closed.get(id)
        if closed is None or not closed.until:
            return closed
        # fact 10.3: the shell functions of Travis remember one timer only. So when a command ends within a stage, the
        # stage ends under the id of the command, and measured all since its start.
        return dataclasses.replace(closed, command=None) if closed.timing and closed.timing.start == start else None

    def end(self, timer: TimerRecord, number: int, line: int) -> None:
        """End a timer with a marker after a line, and drop those that were started after it."""
        if self.open.get(timer.id) is timer:
            latest = self.latest()
            self.drop(latest[: latest.index(timer) + 1], line)
        else:
            self._close(timer)
        timer.until = number
        for other in reversed(self.ended):
            if other.number == timer.number:
                timer.outermost, other.outermost = other.outermost, False
                break
            if other.number < timer.number:
                timer.outermost = other.until <= timer.number
                break
            other.outermost = False
        self.ended.append(timer)

    def timings(self) -> tuple[Timing, ...]:
        """Return what the timers measured that have ended."""
        return tuple(
            replace(one.timing, phase=one.name, line=one.line, outermost=one.outermost)
            for one in self.ended
            if one.timing
        )
