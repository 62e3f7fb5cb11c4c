"""Reads the lines of a log in order, and finds folds, timers, commands and results in them. No I/O."""

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from aiotravis.log_text._ansi import visible_text
from aiotravis.log_text._endings import Ending, ScriptEnded, SetupFailed, ending_of_line
from aiotravis.log_text._groups import STAGES, phase_of_fold
from aiotravis.log_text._lines import Lines, PendingPhase, Scope
from aiotravis.log_text._markers import (
    BUILD_RESULT,
    MARK,
    MARKER,
    RESULT,
    Timing,
    phase_of_event,
    read_timing,
)

__all__ = ["CommandRecord", "FoldRecord", "LogReader"]

MAX_FOLD_DEPTH: Final = 16
"""Nested folds. One more ends the innermost; Travis itself nests two or three."""

MAX_STRUCTURES: Final = 1 << 17
"""Markers, commands and results that are recorded, which bounds the memory that a log needs beside its own text. Later
ones remain plain lines, without the markers."""

TRIGGERS: Final = (
    MARK,
    "\n$ ",
    'The command "',
    "exited with ",
    "No output has",
    "he job exceeded",
    "The log length",
    "Job Cancel",
    "error occur",
    "test run exc",
)
"""What a line contains if it is more than output. Searching the whole text for it at once makes reading fast."""


@dataclass(slots=True, eq=False)
class CommandRecord:
    """What is known of a command so far."""

    text: str
    phase: PendingPhase
    line: int
    duration: float | None = None
    exit_code: int | None = None
    last_line: int | None = None


@dataclass(slots=True, eq=False)
class _TimerRecord:
    """A timer that was started and has not ended."""

    id: str
    phase: PendingPhase
    line: int
    outermost: bool
    command: CommandRecord | None = None


@dataclass(slots=True, eq=False)
class FoldRecord:
    """A fold, and while it is open, the timers that started in it."""

    names: tuple[str, ...]
    phase: PendingPhase
    line: int
    last_line: int | None = None
    timers: list[_TimerRecord] | None = None

    @property
    def name(self) -> str:
        """The name of the fold."""
        return self.names[-1]

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the folds around it."""
        return self.names[:-1]


class LogReader:
    """Structure of the lines that were added so far.

    Attributes:
        lines: The lines.
        commands: The commands, in order.
        folds: The folds, in the order in which they start.
        timings: The timings, in the order in which they ended, with their phases.
        exit_code: Exit code of the job, or None.
        changes: Counts changes of anything but `lines`.
        dropped: Number of markers, commands and results beyond `MAX_STRUCTURES`, which were not recorded.
    """

    def __init__(self) -> None:
        self.lines: Lines = Lines()
        self.commands: list[CommandRecord] = []
        self.folds: list[FoldRecord] = []
        self.timings: list[tuple[Timing, PendingPhase]] = []
        self.exit_code: int | None = None
        self.ending: Ending | None = None
        self.changes: int = 0
        self.dropped: int = 0
        self._scope = Scope((), PendingPhase(None))
        self._stack: list[FoldRecord] = []
        self._timers: dict[str, _TimerRecord] = {}
        self._timer_phase: PendingPhase | None = None
        self._new_timer: _TimerRecord | None = None
        self._untimed_command: CommandRecord | None = None
        self._result_begun = False

    def close(self) -> None:
        """End the log."""
        self._end_untimed_command()

    def add_lines(self, text: str) -> None:
        """Add complete lines, with a newline before the first."""
        places = [_find(trigger, text, 0) for trigger in TRIGGERS]
        done = 1
        while (found := min(places)) < len(text):
            start = text.rfind("\n", done - 1, found + 1) + 1
            end = text.find("\n", start)
            if start > done:
                self._add_output(text[done:start])
            self._add_line(text[start:end])
            done = end + 1
            for at, place in enumerate(places):
                if place < end:
                    places[at] = _find(TRIGGERS[at], text, end)
        if done < len(text):
            self._add_output(text[done:])

    def _add_output(self, text: str) -> None:
        self._new_timer = None
        self.lines._append(text, text.count("\n"))

    def _add_line(self, line: str) -> None:
        if MARK not in line:
            self._add_text(line, marked=False)
            return
        done = 0
        for found in MARKER.finditer(line):
            self._add_text(line[done : found.start()], marked=True)
            done = found.end()
            if self._has_room():
                self._apply_marker(found)
        self._add_text(line[done:], marked=done > 0)

    def _has_room(self) -> bool:
        """Whether one more structure may be recorded; if not, count it as dropped."""
        self.dropped += self.changes >= MAX_STRUCTURES
        return self.changes < MAX_STRUCTURES

    def _apply_marker(self, found: re.Match[str]) -> None:
        self.changes += 1
        if kind := found["fold"]:
            (self._start_fold if kind == "start" else self._end_fold)(found["name"])
        elif found["time"] == "start":
            self._start_timer(found["id"])
        else:
            self._end_timer(read_timing(found["id"], found["details"] or ""))

    def _add_text(self, text: str, *, marked: bool) -> None:
        if marked and not text:
            return
        shown = visible_text(text)
        if marked and not shown:
            self.lines._apply_style(text)
            return
        # Tools such as yarn print their own commands like this, but while the worker's command is being timed.
        if shown.startswith("$ ") and (self._new_timer or (not self._timers and text.startswith("$ "))):
            if self._has_room():
                self._start_command(shown[2:].rstrip())
        elif not self._timers or ending_of_line(shown, 0):
            self._read_result(shown)
        self._new_timer = None
        self.lines._append(text + "\n", 1)

    # Commands ---------------------------------------------------------------------------------------------------------

    def _start_command(self, text: str) -> None:
        self._end_untimed_command()
        self.changes += 1
        if timer := self._new_timer:
            phase = timer.phase
            phase.name = phase.name or "script"
        else:
            phase = self._stack[-1].phase if self._stack else PendingPhase(None)
            self._enter(phase)
        command = CommandRecord(text, phase, len(self.lines) + 1)
        self.commands.append(command)
        self._result_begun = False
        if timer:
            timer.command = command
        else:
            self._untimed_command = command

    def _end_untimed_command(self) -> None:
        if self._untimed_command:
            self._untimed_command.last_line = len(self.lines)
            self._untimed_command = None
            self.changes += 1

    def _read_result(self, shown: str) -> None:
        line = len(self.lines) + 1
        if ending := ending_of_line(shown, line):
            self.ending = ending
            return
        if self.commands and shown.startswith('The command "') and self._has_room():
            self._result_begun = True
            self.changes += 1
            self._enter(self.commands[-1].phase)
        if self._result_begun and (found := RESULT.search(shown)):
            self._result_begun = False
            self._end_untimed_command()
            if (command := self.commands[-1]).exit_code is None:
                command.exit_code = int(found[1])
                command.phase.name = command.phase.name or "script"
                self.changes += 1
            if "failed and exited with" in shown and self.ending is None:
                code = int(found[1])
                self.ending = SetupFailed(command=command.text, phase=command.phase.name, code=code, line=line)
        elif found := BUILD_RESULT.match(shown):
            self.exit_code = int(found[1])
            if self.ending is None:
                self.ending = ScriptEnded(code=self.exit_code, line=line)
            if self._has_room():
                self._end_untimed_command()
                self.changes += 1
                self._enter(PendingPhase(None))

    # Markers ----------------------------------------------------------------------------------------------------------

    def _enter(self, phase: PendingPhase) -> None:
        folds = self._stack[-1].names if self._stack else ()
        if self._scope.phase is not phase or self._scope.folds is not folds:
            self._scope = Scope(folds, phase)
            self.lines._set_scope(self._scope)

    def _leave(self) -> None:
        """Return to what surrounds a timer or a fold that has ended."""
        if not self._timers:
            self._timer_phase = None
        self._enter(self._timer_phase or (self._stack[-1].phase if self._stack else PendingPhase(None)))

    def _start_fold(self, name: str) -> None:
        self._end_untimed_command()
        if len(self._stack) == MAX_FOLD_DEPTH:
            self._end_fold(self._stack[-1].name)
        around = self._stack[-1] if self._stack else None
        fold_phase = phase_of_fold(name)
        if self._timer_phase:
            # The output of a command contains this fold.
            phase = self._timer_phase
        elif around and fold_phase not in STAGES:
            phase = around.phase
        else:
            phase = PendingPhase(fold_phase)
        fold = FoldRecord((*around.names, name) if around else (name,), phase, len(self.lines) + 1)
        self._stack.append(fold)
        self.folds.append(fold)
        self._enter(phase)

    def _end_fold(self, name: str) -> None:
        if all(fold.name != name for fold in self._stack):
            return
        self._end_untimed_command()
        while True:
            fold = self._stack.pop()
            fold.last_line = len(self.lines)
            for timer in fold.timers or ():
                # fact 10.3: some timers never end. Left open, this one would contain all that follows.
                if self._timers.get(timer.id) is timer:
                    del self._timers[timer.id]
            fold.timers = None
            if fold.name == name:
                break
        self._new_timer = None
        self._leave()

    def _start_timer(self, id: str) -> None:
        self._end_untimed_command()
        self._timers.pop(id, None)
        outermost = not self._timers
        if self._timer_phase is None or outermost:
            self._timer_phase = PendingPhase(self._stack[-1].phase.name if self._stack else None)
        phase = self._timer_phase
        timer = _TimerRecord(id, phase, len(self.lines) + 1, outermost)
        self._timers[id] = self._new_timer = timer
        if self._stack:
            fold = self._stack[-1]
            fold.timers = fold.timers or []
            fold.timers.append(timer)
        self._enter(phase)

    def _end_timer(self, timing: Timing) -> None:
        timer = self._timers.pop(timing.id, None)
        self._end_untimed_command()
        self._new_timer = None
        phase = timer.phase if timer else PendingPhase(self._stack[-1].phase.name if self._stack else None)
        outermost = timer.outermost if timer else not self._timers
        if outermost:
            phase.name = phase_of_event(timing.event, phase=phase.name, folded=bool(self._stack))
        line = timer.line if timer else len(self.lines) + 1
        self.timings.append((msgspec.structs.replace(timing, line=line, outermost=outermost), phase))
        if timer and timing.duration is not None:
            self.lines._set_duration(line, timing.duration)
        if timer and timer.command:
            timer.command.duration, timer.command.last_line = timing.duration, len(self.lines)
        self._leave()


def _find(trigger: str, text: str, start: int) -> int:
    """Return the index of a trigger, or the end of the text."""
    place = text.find(trigger, start)
    return place if place >= 0 else len(text)
