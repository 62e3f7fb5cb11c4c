"""A job's log, to structure: phases, commands, folds, timings, lines. No I/O.

What is read: https://docs.travis-ci.com/user/job-lifecycle/, written by
https://github.com/travis-ci/travis-build/tree/master/lib/travis/build/bash
"""

from collections.abc import Mapping
from heapq import nlargest
from types import MappingProxyType
from typing import Final

import msgspec

from aiotravis.flows.log_ansi import Colour, Span, Style, plain, safe_for_terminal
from aiotravis.flows.log_blocks import Line, Lines, Owner, Scope
from aiotravis.flows.log_markers import (
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

__all__ = [
    "Colour",
    "Command",
    "Fold",
    "Line",
    "Lines",
    "LogText",
    "Phase",
    "Span",
    "Style",
    "Timing",
    "safe_for_terminal",
]

PIECE: Final = 1 << 16
"""Characters of a whole log that are looked at together."""

DEEPEST: Final = 16
"""Folds within each other. One more ends the innermost: Travis itself nests two or three."""

SIGNS: Final = (MARK, "\n$ ", 'The command "', "exited with ")
"""What a line has that is more than output: looked for in the whole text at once, which is what makes it fast."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command that the worker ran: a line ``$ make``.

    Attributes:
        text: The command, or its first line.
        phase: Name of its phase, or None.
        duration: In seconds; None where it was not timed, or has not ended.
        exit_code: None where it is not told: Travis tells it in the script phase, and where a phase fails.
        line: Number of its line.
        last_line: Number of the last line of its output; None while it runs, or where the log broke off.
    """

    text: str
    phase: str | None = None
    duration: float | None = None
    exit_code: int | None = None
    line: int
    last_line: int | None = None


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a log that Travis shows folded.

    Attributes:
        name: As it stands in the log: ``install.2``. Not unique.
        folds: Names of the folds around it, outermost first.
        phase: Name of its phase, or None.
        line: Number of its first line.
        last_line: Number of its last line, one less than `line` where it is empty; None where it has not ended.
    """

    name: str
    folds: tuple[str, ...] = ()
    phase: str | None = None
    line: int
    last_line: int | None = None


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of a job: ``install``, ``script``, ``git.checkout``, ``worker_info``.

    Attributes:
        name: That of a stage in .travis.yml, or of the fold; without the number of ``install.2``.
        duration: Sum of its timings, in seconds; None where nothing was timed, or has ended.
        commands: Its commands.
        line: Number of its first line.
    """

    name: str
    duration: float | None = None
    commands: tuple[Command, ...] = ()
    line: int


class _Run:
    """A command, while it becomes known."""

    __slots__ = ("duration", "exit_code", "last_line", "line", "owner", "text")

    def __init__(self, text: str, owner: Owner, line: int) -> None:
        self.text = text
        self.owner = owner
        self.line = line
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
        self.run: _Run | None = None


class _Open:
    """A fold, and while it is open the timers that started in it."""

    __slots__ = ("folds", "last_line", "line", "name", "owner", "timers")

    def __init__(self, name: str, folds: tuple[str, ...], owner: Owner, line: int) -> None:
        self.name = name
        self.folds = folds
        self.owner = owner
        self.line = line
        self.last_line: int | None = None
        self.timers: list[_Timer] = []


class LogText:
    """A log's structure: ``LogText.parse(text)``, or ``feed`` part after part and ask at any time.

    However the text is cut, the structure is the same. A line counts once its newline has come, or `close`; each part
    costs its own length.

    A marker is no text: it ends the line it stands in, if that has any text, and a line of markers alone is none.

    Attributes:
        lines: The lines, as a sequence.
        exit_code: That of the job, where the log says it.
    """

    def __init__(self) -> None:
        self.lines = Lines()
        self.exit_code: int | None = None
        self._begun: list[str] = []
        self._stack: list[_Open] = []
        self._timers: dict[str, _Timer] = {}
        self._awaited: _Timer | None = None
        self._untimed: _Run | None = None
        self._telling = False
        self._runs: list[_Run] = []
        self._folds: list[_Open] = []
        self._timings: list[tuple[Timing, Owner]] = []
        self._commands: tuple[Command, ...] | None = ()
        self._phases: Mapping[str, Phase] | None = None

    def __repr__(self) -> str:
        return f"<LogText of {len(self.lines)} lines, {len(self._runs)} commands>"

    @classmethod
    def parse(cls, text: str) -> "LogText":
        """Read a whole log."""
        log = cls()
        for place in range(0, len(text), PIECE):
            log.feed(text[place : place + PIECE])
        log.close()
        return log

    def feed(self, text: str) -> None:
        """Take the next part of the log, cut anywhere."""
        whole, newline, rest = text.rpartition("\n")
        if newline:
            self._begun.append(whole)
            # A newline before and after: the first line and the last are like the others.
            self._take("\n" + "".join(self._begun) + "\n")
            self._begun.clear()
        if rest:
            self._begun.append(rest)

    def close(self) -> None:
        """Take what has come as all there is: a last line without a newline counts, too. May be called again."""
        if self._begun:
            self.feed("\n")
        self._end_untimed()

    @property
    def rest(self) -> str:
        """What has come of a line that has not ended, as it came. Empty after `close`."""
        self._begun = ["".join(self._begun)] if self._begun else []
        return "".join(self._begun)

    @property
    def plain(self) -> str:
        """All lines as they show, without markers, styles and control sequences, each ended by a newline."""
        return self.lines.plain()

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands, in order."""
        if self._commands is None:
            self._commands = tuple(
                Command(
                    text=run.text,
                    phase=run.owner.phase,
                    duration=run.duration,
                    exit_code=run.exit_code,
                    line=run.line,
                    last_line=run.last_line,
                )
                for run in self._runs
            )
        return self._commands

    def slowest(self, n: int = 10) -> list[Command]:
        """Give the commands that took longest, longest first; only those that were timed.

        Args:
            n: How many at most.
        """
        timed = ((command.duration, -command.line, command) for command in self.commands if command.duration)
        return [command for _, _, command in nlargest(n, timed, key=lambda one: one[:2])]

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The folds, in the order in which they start."""
        return tuple(
            Fold(name=one.name, folds=one.folds, phase=one.owner.phase, line=one.line, last_line=one.last_line)
            for one in self._folds
        )

    @property
    def timings(self) -> tuple[Timing, ...]:
        """The timings, in the order in which they ended."""
        return tuple(msgspec.structs.replace(timing, phase=owner.phase) for timing, owner in self._timings)

    @property
    def phases(self) -> Mapping[str, Phase]:
        """The phases by name, in the order of their first lines.

        The phase of a line, a command or a timing is, the first that applies: the stage that the end of the outermost
        timer around it names; that of the outermost fold around it, or of one within that is named like a stage;
        whatever else the timer names. Travis does not fold the script phase: a command outside all folds is
        ``script`` if it was timed, or if its exit code is told.
        """
        if self._phases is None:
            self._phases = MappingProxyType(self._find_phases())
        return self._phases

    def _find_phases(self) -> dict[str, Phase]:
        lines: dict[str, int] = {}
        durations: dict[str, float] = {}
        commands: dict[str, list[Command]] = {}
        begun = [
            *((one.line, one.owner.phase) for one in self._folds),
            *((timing.line, owner.phase) for timing, owner in self._timings),
            *((run.line, run.owner.phase) for run in self._runs),
        ]
        for line, name in sorted(begun, key=lambda one: one[0]):
            if name is not None:
                lines.setdefault(name, line)
        for timing, owner in self._timings:
            if owner.phase is not None and timing.outermost and timing.duration is not None:
                durations[owner.phase] = durations.get(owner.phase, 0.0) + timing.duration
        for command in self.commands:
            if command.phase is not None:
                commands.setdefault(command.phase, []).append(command)
        return {
            name: Phase(name=name, duration=durations.get(name), commands=tuple(commands.get(name, ())), line=line)
            for name, line in lines.items()
        }

    # Text -------------------------------------------------------------------------------------------------------------

    def _take(self, text: str) -> None:
        """Take whole lines, with a newline before the first one."""
        places = [text.find(sign) for sign in SIGNS]
        done = 1
        while (found := min((place for place in places if place >= 0), default=-1)) >= 0:
            start = text.rfind("\n", done - 1, found + 1) + 1
            end = text.find("\n", start)
            self._take_output(text[done:start])
            self._take_line(text[start:end])
            done = end + 1
            for at, place in enumerate(places):
                if 0 <= place < end:
                    places[at] = text.find(SIGNS[at], end)
        self._take_output(text[done:])

    def _take_output(self, text: str) -> None:
        if text:
            self._awaited = None
            self.lines.append(text, text.count("\n"))

    def _take_line(self, line: str) -> None:
        done = 0
        marked = False
        for found in MARKER.finditer(line):
            self._take_text(line[done : found.start()], marked=True)
            done, marked = found.end(), True
            self._commands = self._phases = None
            if kind := found["fold"]:
                (self._start_fold if kind == "start" else self._end_fold)(found["name"])
            elif found["time"] == "start":
                self._start_timer(found["id"])
            else:
                self._end_timer(read_timing(found["id"], found["details"] or ""))
        self._take_text(line[done:] if done else line, marked=marked)

    def _take_text(self, text: str, *, marked: bool) -> None:
        shown = plain(text)
        if marked and not shown:
            if text:
                self.lines.skip(text)
            return
        if shown.startswith("$ ") and (self._awaited or not self._timers):
            self._start_command(shown[2:].rstrip())
        elif not self._timers:
            self._take_result(shown)
        self._awaited = None
        self.lines.append(text + "\n", 1)

    # Commands ---------------------------------------------------------------------------------------------------------

    def _start_command(self, text: str) -> None:
        self._end_untimed()
        self._commands = self._phases = None
        if timer := self._awaited:
            owner = timer.owner
            owner.phase = owner.phase or "script"
        elif self._stack:
            owner = self._stack[-1].owner
        else:
            owner = Owner(None)
            self._enter(owner)
        run = _Run(text, owner, len(self.lines) + 1)
        self._runs.append(run)
        self._telling = False
        if timer:
            timer.run = run
        else:
            self._untimed = run

    def _end_untimed(self) -> None:
        if self._untimed:
            self._untimed.last_line = len(self.lines)
            self._untimed = self._commands = self._phases = None

    def _take_result(self, shown: str) -> None:
        self._telling = self._telling or shown.startswith('The command "')
        if self._telling and (found := RESULT.search(shown)):
            self._telling = False
            self._end_untimed()
            if self._runs and self._runs[-1].exit_code is None:
                run = self._runs[-1]
                run.exit_code = int(found[1])
                run.owner.phase = run.owner.phase or "script"
                self._commands = self._phases = None
        elif found := BUILD_RESULT.match(shown):
            self._end_untimed()
            self.exit_code = int(found[1])

    # Markers ----------------------------------------------------------------------------------------------------------

    def _enter(self, owner: Owner) -> None:
        top = self._stack[-1] if self._stack else None
        self.lines.enter(Scope((*top.folds, top.name) if top else (), owner))

    def _return(self) -> None:
        """Go back to what is around a timer or a fold that has ended."""
        outermost = next(iter(self._timers.values()), None)
        self._enter(outermost.owner if outermost else self._stack[-1].owner if self._stack else Owner(None))

    def _start_fold(self, name: str) -> None:
        self._end_untimed()
        if len(self._stack) == DEEPEST:
            self._end_fold(self._stack[-1].name)
        around = self._stack[-1] if self._stack else None
        outermost = next(iter(self._timers.values()), None)
        phase = phase_of_fold(name)
        if outermost:
            # A fold that a command itself has made, out of its own output.
            owner = outermost.owner
        elif around and phase not in STAGES:
            owner = around.owner
        else:
            owner = Owner(phase)
        fold = _Open(name, (*around.folds, around.name) if around else (), owner, len(self.lines) + 1)
        self._stack.append(fold)
        self._folds.append(fold)
        self._enter(owner)

    def _end_fold(self, name: str) -> None:
        if all(fold.name != name for fold in self._stack):
            return
        self._end_untimed()
        while self._stack:
            fold = self._stack.pop()
            fold.last_line = len(self.lines)
            for timer in fold.timers:
                # Nobody will end it any more: left open, all that follows would be part of it.
                if self._timers.get(timer.id) is timer:
                    del self._timers[timer.id]
            fold.timers.clear()
            if fold.name == name:
                break
        self._awaited = None
        self._return()

    def _start_timer(self, id: str) -> None:
        self._end_untimed()
        self._timers.pop(id, None)
        outermost = next(iter(self._timers.values()), None)
        owner = outermost.owner if outermost else Owner(self._stack[-1].owner.phase if self._stack else None)
        timer = _Timer(id, owner, len(self.lines) + 1, outermost is None)
        self._timers[id] = self._awaited = timer
        if self._stack:
            self._stack[-1].timers.append(timer)
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
        self._timings.append((msgspec.structs.replace(timing, line=line, outermost=outermost), owner))
        if timer and timing.duration is not None:
            self.lines.timed(line, timing.duration)
        if timer and timer.run:
            timer.run.duration, timer.run.last_line = timing.duration, len(self.lines)
        self._return()
