"""The structure of a job's log: phases, commands, folds, timings, lines. No I/O.

The phases are those of https://docs.travis-ci.com/user/job-lifecycle/; the log is written by
https://github.com/travis-ci/travis-build/tree/master/lib/travis/build/bash
"""

from collections.abc import Callable, Mapping
from heapq import nlargest
from types import MappingProxyType
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from aiotravis._validation import validate_count, validate_instance
from aiotravis.errors import UsageError
from aiotravis.log_text._ansi import safe_for_terminal
from aiotravis.log_text._commands import attempts_of
from aiotravis.log_text._endings import (
    MAX_MESSAGE,
    Ending,
    NotATravisLog,
    ScriptEnded,
    SetupFailed,
    Stalled,
    Unfinished,
    WithState,
    combined,
    ending_for,
    last_words,
)
from aiotravis.log_text._groups import AFTER_INSTALL, GROUPS, group_of
from aiotravis.log_text._lines import Lines
from aiotravis.log_text._markers import Timing
from aiotravis.log_text._newlines import LineCutter
from aiotravis.log_text._reader import LogReader
from aiotravis.log_text._records import CommandRecord
from aiotravis.log_text._structures import Command, Fold, Phase, PhaseGroup

__all__ = ["LogText"]

CHUNK: Final = 1 << 16
"""Characters of a whole log that are read at once."""

T = TypeVar("T")

MAX_BLANK_LINES: Final = 100
"""Blank lines that are left out at the end of an excerpt."""

MAX_EXCERPT_LINE: Final = 500
"""Characters of a line in an excerpt."""


class LogText:
    """The structure of a log: call ``LogText.parse(text)``, or `feed` for each part, and read it at any time.

    The structure does not depend on where the text is cut. A line is added once its newline arrives, or on `close`;
    each part takes time in proportion to its length.

    A marker ends the line that it stands in, and is no text itself: a line of markers alone is not a line.

    Logs that people saved are read, too: with a time, a number or blanks before each line, which stay in its text, and
    without control characters.

    The text is held in memory, and some 300 bytes for each marker, command or result. Of these the first 131,072 are
    recorded; `dropped` counts the others, whose lines remain, without markers. So no log, whatever it contains, takes
    more than 100 MB beside its text.
    """

    def __init__(self) -> None:
        self._reader = LogReader()
        self._cutter = LineCutter()
        self._found: dict[str, Any] = {}
        self._found_at: tuple[object, ...] = ()
        self._closed = False
        self._ending: Ending = Unfinished()
        self._ending_at = (0, 0, False)

    def __repr__(self) -> str:
        return f"<LogText of {len(self.lines)} lines, {len(self._reader.commands.all)} commands>"

    @classmethod
    def parse(cls, text: str) -> "LogText":
        """Parse a whole log.

        Raises:
            UsageError: It is not a string.
        """
        log = cls()
        validate_instance(text, str, "text")
        for place in range(0, len(text), CHUNK):
            log.feed(text[place : place + CHUNK])
        log.close()
        return log

    def feed(self, text: str) -> None:
        """Add the next part of the log, cut anywhere.

        Raises:
            UsageError: It is not a string, or the log was closed.
        """
        validate_instance(text, str, "text")
        if self._closed:
            raise UsageError("This LogText was closed. Make another one.")
        if lines := self._cutter.add(text):
            self._reader.add_lines(lines)

    def close(self) -> None:
        """End the log: add a last line without a newline. Safe to call twice."""
        if lines := self._cutter.close():
            self._reader.add_lines(lines)
        self._closed = True
        self._reader.close(self.ending)

    @property
    def lines(self) -> Lines:
        """The lines, as a sequence that grows with the log."""
        return self._reader.lines

    @property
    def exit_code(self) -> int | None:
        """Exit code of the job, if the log has it: ``Done. Your build exited with 0.``."""
        code, ending = self._reader.exit_code, self.ending
        return ending.code if code is None and isinstance(ending, ScriptEnded) else code

    @property
    def ending(self) -> Ending:
        """How the job ended, as far as the text shows it: a value for ``match``.

        `Unfinished` until then. After `close`, a text that has nothing of Travis is `NotATravisLog`.

        A failed set-up stands whatever follows, unless the job was canceled. The end of a script stands unless a worker
        stopped the job after it. What a worker writes counts only as the last text of a log, and what stands in the
        output of a command never ends a job.
        """
        at = (len(self.lines), self._reader.changes, self._closed)
        if self._ending_at != at:
            self._ending_at, self._ending = at, self._find_ending()
        return self._ending

    def _find_ending(self) -> Ending:
        lines = map(self._reader.told, self.lines._backwards(MAX_MESSAGE))
        last = last_words(lines, len(self.lines), self._reader.structure_line)
        if isinstance(last, SetupFailed | ScriptEnded) and self._reader.timers.running:
            # A command that is running may print this.
            last = None
        if isinstance(last, SetupFailed) and last.phase is None:
            # From its own line on, no phase is known once the log has ended.
            place = (last.line or 0) - 2
            last = replace(last, phase=self.lines[place].phase if place >= 0 else None)
        ending = combined(self._reader.script_ending, last)
        return ending or (Unfinished() if self._reader.changes or not self._closed else NotATravisLog())

    def ending_for(self, job: WithState | str) -> Ending:
        """Return how the job ended, by its log and its state: the log of a canceled job need not say so.

        Args:
            job: The job, or anything else that has a `state`, or the state itself.
        """
        return ending_for(self.ending, job)

    @property
    def failed_commands(self) -> tuple[Command, ...]:
        """The commands whose exit codes are known and not 0, in order."""
        return tuple(command for command in self.commands if command.exit_code)

    def excerpt(self, lines: int = 20) -> str:
        """Return what a chat message about the end of this job should quote.

        This is the end of what the failing command printed. If none failed, it is what stands before the ending.
        It has no control characters and no blank lines at its end; empty if nothing was printed.

        Args:
            lines: Maximum number of lines, of at most 500 characters each.

        Raises:
            UsageError: ``lines`` is not a positive whole number.
        """
        validate_count(lines, "lines")
        start, stop = self._excerpted()
        shown = [
            safe_for_terminal(self._reader.told(line.raw), colour=False).rstrip()
            for line in self.lines[max(start, stop - lines - MAX_BLANK_LINES) : stop]
        ]
        while shown and not shown[-1]:
            shown.pop()
        return "\n".join(
            line if len(line) <= MAX_EXCERPT_LINE else f"{line[: MAX_EXCERPT_LINE - 1]}\u2026"
            for line in shown[-lines:]
        ).lstrip("\n")

    def _excerpted(self) -> tuple[int, int]:
        """Return the lines to quote, as indexes."""
        ending, reader = self.ending, self._reader
        failed = [one for one in reader.commands.all if one.exit_code and one.line >= reader.run_line]
        if isinstance(ending, SetupFailed):
            failed = [one for one in failed[-1:] if reader.commands.is_named(one, ending.command or "")]
        if failed and isinstance(ending, SetupFailed | ScriptEnded | Unfinished):
            return failed[0].line + failed[0].rows - 1, failed[0].last_line or len(self.lines)
        return reader.run_line - 1, (ending.line or len(self.lines) + 1) - 1

    @property
    def dropped(self) -> int:
        """Number of markers, commands and results that were not recorded because the log has too many."""
        return self._reader.dropped

    @property
    def rest(self) -> str:
        """The beginning of a line that has not ended, as sent. Empty after `close`."""
        return self._cutter.rest

    @property
    def plain(self) -> str:
        """The visible text of all lines, without markers and control sequences, each ended by a newline."""
        return self.lines.visible_text()

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands, in order."""
        return self._once("commands", self._find_commands)

    def _once(self, name: str, find: Callable[[], T]) -> T:
        """Return what a function finds, which is called once for each change of the structure."""
        at = (self._reader.changes, self.ending)
        if self._found_at != at:
            self._found_at, self._found = at, {}
        if name not in self._found:
            self._found[name] = find()
        found: T = self._found[name]
        return found

    def _find_commands(self) -> tuple[Command, ...]:
        ending = self.ending
        return tuple(self._command(record, ending) for record in self._reader.commands.all)

    def _command(self, record: CommandRecord, ending: Ending) -> Command:
        duration, last_line = record.duration, record.last_line
        if not record.finished and ending.line is not None and ending.line > record.line:
            last_line = ending.line - 1
            if duration is None and isinstance(ending, Stalled) and record is self._reader.commands.all[-1]:
                duration = ending.seconds
        return Command(
            text=record.text,
            phase=record.phase.name,
            duration=duration,
            exit_code=record.exit_code,
            line=record.line,
            last_line=last_line,
            finished=record.finished,
            attempts=attempts_of(record),
        )

    def slowest(self, n: int = 10) -> list[Command]:
        """Return the timed commands with the longest durations, longest first.

        Args:
            n: Maximum number of commands.
        """
        timed = (command for command in self.commands if command.duration is not None)
        return nlargest(n, timed, key=lambda command: command.duration or 0.0)

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The folds, in the order in which they start."""
        return self._once("folds", self._find_folds)

    def _find_folds(self) -> tuple[Fold, ...]:
        end = None if self.ending.line is None else self.ending.line - 1
        return tuple(
            Fold(
                name=one.names[-1],
                folds=one.names[:-1],
                phase=one.phase.name,
                line=one.line,
                last_line=end if one.last_line is None and end is not None and end >= one.line - 1 else one.last_line,
            )
            for one in self._reader.folds
        )

    @property
    def timings(self) -> tuple[Timing, ...]:
        """The timings, in the order in which they ended."""
        return self._once("timings", self._reader.timers.timings)

    @property
    def phases(self) -> Mapping[str, Phase]:
        """The phases by name, in the order of their first lines.

        A fold names the phase of what it contains; outside of folds, the timer does (``event=``). The output of a timed
        command belongs to its phase, whatever it prints. Travis does not fold the script: a command outside of folds
        that no timer names belongs to ``script`` if Travis prints its exit code, or if an install phase came before it,
        and to ``setup`` otherwise. Timers that never end name nothing (fact 10.3).
        """
        return self._once("phases", self._find_phases)

    def _find_phases(self) -> Mapping[str, Phase]:
        lines: dict[str, int] = {}
        durations: dict[str, float] = {}
        commands: dict[str, list[Command]] = {}
        begun: list[Fold | Timing | Command] = [*self.folds, *self.timings, *self.commands]
        for one in sorted(begun, key=lambda one: one.line):
            if one.phase is not None:
                lines.setdefault(one.phase, one.line)
        for command, record in zip(self.commands, self._reader.commands.all, strict=True):
            if command.phase is not None:
                commands.setdefault(command.phase, []).append(command)
                if command.duration is not None and not (command.finished and record.timed):
                    durations[command.phase] = durations.get(command.phase, 0.0) + command.duration
        for timing in self.timings:
            if timing.phase is not None and timing.duration is not None and timing.outermost:
                durations[timing.phase] = durations.get(timing.phase, 0.0) + timing.duration
        found: dict[str, Phase] = {}
        past_install = False
        for name, line in lines.items():
            # Travis has many names for the steps before install, and makes new ones.
            group = group_of(name) or ("other" if past_install else "setup")
            past_install = past_install or group in AFTER_INSTALL
            found[name] = Phase(
                name=name, group=group, duration=durations.get(name), commands=tuple(commands.get(name, ())), line=line
            )
        return MappingProxyType(found)

    @property
    def groups(self) -> Mapping[str, PhaseGroup]:
        """The phases in groups of one purpose, by name, in the order in which Travis runs them; see `PhaseGroup`."""
        return self._once("groups", self._find_groups)

    def _find_groups(self) -> Mapping[str, PhaseGroup]:
        found: dict[str, PhaseGroup] = {}
        for name in GROUPS:
            if phases := tuple(phase for phase in self.phases.values() if phase.group == name):
                durations = [phase.duration for phase in phases if phase.duration is not None]
                duration = sum(durations) if durations else None
                found[name] = PhaseGroup(name=name, duration=duration, phases=phases, line=phases[0].line)
        return MappingProxyType(found)
