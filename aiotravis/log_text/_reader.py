"""Lines of a log, one after the other, to what they say: folds, timers, commands, results. No I/O."""

import re
from typing import Final

import msgspec

from aiotravis.log_text._ansi import plain
from aiotravis.log_text._lines import Lines, Owner, Scope
from aiotravis.log_text._markers import (
    BUILD_RESULT,
    MARK,
    MARKER,
    RESULT,
    STAGES,
    Timing,
    phase_of_event,
    phase_of_fold,
    read_timing,
)

__all__ = ["LogReader", "OpenFold", "Run"]

DEEPEST: Final = 16
"""Folds within each other. One more ends the innermost: Travis itself nests two or three."""

MOST: Final = 1 << 17
"""Markers, commands and results that something is made of: what bounds the memory that a log can ask for beside its own
text. What comes after them are lines still, without the markers in them."""

SIGNS: Final = (MARK, "\n$ ", 'The command "', "exited with ")
"""What a line has that is more than output: looked for in the whole text at once, which is what makes it fast."""


class Run:
    """A command, while it becomes known."""

    __slots__ = ("duration", "exit_code", "last_line", "line", "owner", "text")

    def __init__(self, text: str, owner: Owner, line: int) -> None:
        self.text: str = text
        self.owner: Owner = owner
        self.line: int = line
        self.duration: float | None = None
        self.exit_code: int | None = None
        self.last_line: int | None = None


class _Timer:
    """What was started, and not ended."""

    __slots__ = ("id", "line", "outermost", "owner", "run")

    def __init__(self, id: str, owner: Owner, line: int, outermost: bool) -> None:
        self.id = id
        self.owner = owner
        self.line = line
        self.outermost = outermost
        self.run: Run | None = None


class OpenFold:
    """A fold, and while it is open the timers that started in it."""

    __slots__ = ("last_line", "line", "names", "owner", "timers")

    def __init__(self, names: tuple[str, ...], owner: Owner, line: int) -> None:
        self.names: tuple[str, ...] = names
        self.owner: Owner = owner
        self.line: int = line
        self.last_line: int | None = None
        self.timers: list[_Timer] | None = None

    @property
    def name(self) -> str:
        """Its own name."""
        return self.names[-1]

    @property
    def folds(self) -> tuple[str, ...]:
        """The names of those around it."""
        return self.names[:-1]


class LogReader:
    """Takes lines, and keeps what is known of them so far.

    Attributes:
        lines: The lines, as a sequence.
        runs: The commands.
        folds: The folds, in the order in which they start.
        timings: The timings, in the order in which they ended, each with who knows its phase.
        exit_code: That of the job.
        changes: Rises whenever something other than `lines` changes.
        dropped: How many markers, commands and results came after `MOST`, and made no structure.
    """

    def __init__(self) -> None:
        self.lines: Lines = Lines()
        self.runs: list[Run] = []
        self.folds: list[OpenFold] = []
        self.timings: list[tuple[Timing, Owner]] = []
        self.exit_code: int | None = None
        self.changes: int = 0
        self.dropped: int = 0
        self._scope = Scope((), Owner(None))
        self._stack: list[OpenFold] = []
        self._timers: dict[str, _Timer] = {}
        self._timed: Owner | None = None
        self._awaited: _Timer | None = None
        self._untimed: Run | None = None
        self._telling = False

    def close(self) -> None:
        """Take what has come as all there is."""
        self._end_untimed()

    def take(self, text: str) -> None:
        """Take whole lines, with a newline before the first one."""
        places = [_place(sign, text, 0) for sign in SIGNS]
        done = 1
        while (found := min(places)) < len(text):
            start = text.rfind("\n", done - 1, found + 1) + 1
            end = text.find("\n", start)
            if start > done:
                self._take_output(text[done:start])
            self._take_line(text[start:end])
            done = end + 1
            for at, place in enumerate(places):
                if place < end:
                    places[at] = _place(SIGNS[at], text, end)
        if done < len(text):
            self._take_output(text[done:])

    def _take_output(self, text: str) -> None:
        self._awaited = None
        self.lines.append(text, text.count("\n"))

    def _take_line(self, line: str) -> None:
        if MARK not in line:
            self._take_text(line, marked=False)
            return
        done = 0
        for found in MARKER.finditer(line):
            self._take_text(line[done : found.start()], marked=True)
            done = found.end()
            if self._admits_one():
                self._take_marker(found)
        self._take_text(line[done:], marked=done > 0)

    def _admits_one(self) -> bool:
        """Whether one thing more may become structure; if not, it is counted."""
        self.dropped += self.changes >= MOST
        return self.changes < MOST

    def _take_marker(self, found: re.Match[str]) -> None:
        self.changes += 1
        if kind := found["fold"]:
            (self._start_fold if kind == "start" else self._end_fold)(found["name"])
        elif found["time"] == "start":
            self._start_timer(found["id"])
        else:
            self._end_timer(read_timing(found["id"], found["details"] or ""))

    def _take_text(self, text: str, *, marked: bool) -> None:
        if marked and not text:
            return
        shown = plain(text)
        if marked and not shown:
            self.lines.skip(text)
            return
        # A tool that shows its own commands like this, as yarn does, does so while the worker's own is being timed.
        if shown.startswith("$ ") and (self._awaited or (not self._timers and text.startswith("$ "))):
            if self._admits_one():
                self._start_command(shown[2:].rstrip())
        elif not self._timers:
            self._take_result(shown)
        self._awaited = None
        self.lines.append(text + "\n", 1)

    # Commands ---------------------------------------------------------------------------------------------------------

    def _start_command(self, text: str) -> None:
        self._end_untimed()
        self.changes += 1
        if timer := self._awaited:
            owner = timer.owner
            owner.phase = owner.phase or "script"
        else:
            owner = self._stack[-1].owner if self._stack else Owner(None)
            self._enter(owner)
        run = Run(text, owner, len(self.lines) + 1)
        self.runs.append(run)
        self._telling = False
        if timer:
            timer.run = run
        else:
            self._untimed = run

    def _end_untimed(self) -> None:
        if self._untimed:
            self._untimed.last_line = len(self.lines)
            self._untimed = None
            self.changes += 1

    def _take_result(self, shown: str) -> None:
        if self.runs and shown.startswith('The command "') and self._admits_one():
            self._telling = True
            self.changes += 1
            self._enter(self.runs[-1].owner)
        if self._telling and (found := RESULT.search(shown)):
            self._telling = False
            self._end_untimed()
            if (run := self.runs[-1]).exit_code is None:
                run.exit_code = int(found[1])
                run.owner.phase = run.owner.phase or "script"
                self.changes += 1
        elif found := BUILD_RESULT.match(shown):
            self.exit_code = int(found[1])
            if self._admits_one():
                self._end_untimed()
                self.changes += 1
                self._enter(Owner(None))

    # Markers ----------------------------------------------------------------------------------------------------------

    def _enter(self, owner: Owner) -> None:
        folds = self._stack[-1].names if self._stack else ()
        if self._scope.owner is not owner or self._scope.folds is not folds:
            self._scope = Scope(folds, owner)
            self.lines.enter(self._scope)

    def _return(self) -> None:
        """Go back to what is around a timer or a fold that has ended."""
        if not self._timers:
            self._timed = None
        self._enter(self._timed or (self._stack[-1].owner if self._stack else Owner(None)))

    def _start_fold(self, name: str) -> None:
        self._end_untimed()
        if len(self._stack) == DEEPEST:
            self._end_fold(self._stack[-1].name)
        around = self._stack[-1] if self._stack else None
        phase = phase_of_fold(name)
        if self._timed:
            # A fold that a command itself has made, out of its own output.
            owner = self._timed
        elif around and phase not in STAGES:
            owner = around.owner
        else:
            owner = Owner(phase)
        fold = OpenFold((*around.names, name) if around else (name,), owner, len(self.lines) + 1)
        self._stack.append(fold)
        self.folds.append(fold)
        self._enter(owner)

    def _end_fold(self, name: str) -> None:
        if all(fold.name != name for fold in self._stack):
            return
        self._end_untimed()
        while True:
            fold = self._stack.pop()
            fold.last_line = len(self.lines)
            for timer in fold.timers or ():
                # Nobody will end it any more: left open, all that follows would be part of it.
                if self._timers.get(timer.id) is timer:
                    del self._timers[timer.id]
            fold.timers = None
            if fold.name == name:
                break
        self._awaited = None
        self._return()

    def _start_timer(self, id: str) -> None:
        self._end_untimed()
        self._timers.pop(id, None)
        outermost = not self._timers
        if self._timed is None or outermost:
            self._timed = Owner(self._stack[-1].owner.phase if self._stack else None)
        owner = self._timed
        timer = _Timer(id, owner, len(self.lines) + 1, outermost)
        self._timers[id] = self._awaited = timer
        if self._stack:
            fold = self._stack[-1]
            fold.timers = fold.timers or []
            fold.timers.append(timer)
        self._enter(owner)

    def _end_timer(self, timing: Timing) -> None:
        timer = self._timers.pop(timing.id, None)
        self._end_untimed()
        self._awaited = None
        owner = timer.owner if timer else Owner(self._stack[-1].owner.phase if self._stack else None)
        outermost = timer.outermost if timer else not self._timers
        if outermost:
            owner.phase = phase_of_event(timing.event, phase=owner.phase, folded=bool(self._stack))
        line = timer.line if timer else len(self.lines) + 1
        self.timings.append((msgspec.structs.replace(timing, line=line, outermost=outermost), owner))
        if timer and timing.duration is not None:
            self.lines.timed(line, timing.duration)
        if timer and timer.run:
            timer.run.duration, timer.run.last_line = timing.duration, len(self.lines)
        self._return()


def _place(sign: str, text: str, start: int) -> int:
    """Give where a sign stands next; the end of the text if nowhere."""
    place = text.find(sign, start)
    return place if place >= 0 else len(text)
