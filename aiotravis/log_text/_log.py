"""The structure of a job's log: phases, commands, folds, timings, lines. No I/O.

The phases are those of https://docs.travis-ci.com/user/job-lifecycle/; the log is written by
https://github.com/travis-ci/travis-build/tree/master/lib/travis/build/bash
"""

from collections.abc import Mapping
from heapq import nlargest
from types import MappingProxyType
from typing import Final

import msgspec

from aiotravis.log_text._lines import Lines
from aiotravis.log_text._markers import Timing
from aiotravis.log_text._reader import LogReader

__all__ = ["Command", "Fold", "LogText", "Phase"]

CHUNK: Final = 1 << 16
"""Characters of a whole log that are read at once."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command that the worker ran: a line ``$ make``.

    Attributes:
        text: The command, or its first line.
        phase: Name of its phase, or None.
        duration: Duration in seconds; None if it was not timed, or has not ended.
        exit_code: Exit code; None if unknown. Travis prints it in the script phase, and if a phase fails.
        line: Number of its line.
        last_line: Number of the last line of its output; None while it runs, or if the log is incomplete.
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
        name: Name as printed in the log: ``install.2``. Not unique.
        folds: Names of the folds around it, outermost first.
        phase: Name of its phase, or None.
        line: Number of its first line.
        last_line: Number of its last line, one less than `line` if the fold is empty; None if it has not ended.
    """

    name: str
    folds: tuple[str, ...] = ()
    phase: str | None = None
    line: int
    last_line: int | None = None


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of a job: ``install``, ``script``, ``git.checkout``, ``worker_info``.

    Attributes:
        name: Name of a stage in .travis.yml, or of the fold; ``install`` for ``install.2``.
        duration: Sum of its timings, in seconds; None if there are none.
        commands: Its commands.
        line: Number of its first line.
    """

    name: str
    duration: float | None = None
    commands: tuple[Command, ...] = ()
    line: int


class LogText:
    """The structure of a log: call ``LogText.parse(text)``, or `feed` for each part, and read it at any time.

    The structure does not depend on where the text is cut. A line is added once its newline arrives, or on `close`;
    each part takes time in proportion to its length.

    A marker ends the line that it stands in, and is no text itself: a line of markers alone is not a line.

    The text is held in memory, and some 300 bytes for each marker, command or result. Of these the first 131,072 are
    recorded; `dropped` counts the others, whose lines remain, without markers. So no log, whatever it contains, takes
    more than 100 MB beside its text.
    """

    def __init__(self) -> None:
        self._reader = LogReader()
        self._incomplete: list[str] = []
        self._commands: tuple[Command, ...] = ()
        self._phases: Mapping[str, Phase] = MappingProxyType({})
        self._commands_at = self._phases_at = 0

    def __repr__(self) -> str:
        return f"<LogText of {len(self.lines)} lines, {len(self._reader.commands)} commands>"

    @classmethod
    def parse(cls, text: str) -> "LogText":
        """Parse a whole log."""
        log = cls()
        for place in range(0, len(text), CHUNK):
            log.feed(text[place : place + CHUNK])
        log.close()
        return log

    def feed(self, text: str) -> None:
        """Add the next part of the log, cut anywhere."""
        # fact 9.36: markers are split across parts, so only complete lines are read.
        whole, newline, rest = text.rpartition("\n")
        if newline:
            # The newlines around them make the first line and the last like the others.
            lines = "".join(("\n", *self._incomplete, whole, "\n"))
            self._incomplete.clear()
            self._reader.add_lines(lines)
        if rest:
            self._incomplete.append(rest)

    def close(self) -> None:
        """End the log: add a last line without a newline. Safe to call twice."""
        if self._incomplete:
            self.feed("\n")
        self._reader.close()

    @property
    def lines(self) -> Lines:
        """The lines, as a sequence that grows with the log."""
        return self._reader.lines

    @property
    def exit_code(self) -> int | None:
        """Exit code of the job, if the log has it: ``Done. Your build exited with 0.``."""
        return self._reader.exit_code

    @property
    def dropped(self) -> int:
        """Number of markers, commands and results that were not recorded because the log has too many."""
        return self._reader.dropped

    @property
    def rest(self) -> str:
        """The beginning of a line that has not ended, as sent. Empty after `close`."""
        self._incomplete = ["".join(self._incomplete)] if self._incomplete else []
        return "".join(self._incomplete)

    @property
    def plain(self) -> str:
        """The visible text of all lines, without markers and control sequences, each ended by a newline."""
        return self.lines.visible_text()

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands, in order."""
        if self._commands_at != self._reader.changes:
            self._commands_at = self._reader.changes
            self._commands = tuple(
                Command(
                    text=record.text,
                    phase=record.phase.name,
                    duration=record.duration,
                    exit_code=record.exit_code,
                    line=record.line,
                    last_line=record.last_line,
                )
                for record in self._reader.commands
            )
        return self._commands

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
        return tuple(
            Fold(name=one.name, folds=one.folds, phase=one.phase.name, line=one.line, last_line=one.last_line)
            for one in self._reader.folds
        )

    @property
    def timings(self) -> tuple[Timing, ...]:
        """The timings, in the order in which they ended."""
        return tuple(msgspec.structs.replace(timing, phase=phase.name) for timing, phase in self._reader.timings)

    @property
    def phases(self) -> Mapping[str, Phase]:
        """The phases by name, in the order of their first lines.

        The phase of a line, a command or a timing is the first that applies: the stage named at the end of the
        outermost timer around it; the phase of the outermost fold around it, or of an inner fold that is named like a
        stage; anything else that the timer names. Travis does not fold the script phase: a command outside all folds
        belongs to ``script`` if it was timed, or if its exit code is printed (fact 10.3).
        """
        if self._phases_at != self._reader.changes:
            self._phases_at = self._reader.changes
            self._phases = MappingProxyType(self._find_phases())
        return self._phases

    def _find_phases(self) -> dict[str, Phase]:
        lines: dict[str, int] = {}
        durations: dict[str, float] = {}
        commands: dict[str, list[Command]] = {}
        begun = [
            *((one.line, one.phase.name) for one in self._reader.folds),
            *((timing.line, phase.name) for timing, phase in self._reader.timings),
            *((record.line, record.phase.name) for record in self._reader.commands),
        ]
        for line, name in sorted(begun, key=lambda one: one[0]):
            if name is not None:
                lines.setdefault(name, line)
        for timing, phase in self._reader.timings:
            if phase.name is not None and timing.outermost and timing.duration is not None:
                durations[phase.name] = durations.get(phase.name, 0.0) + timing.duration
        for command in self.commands:
            if command.phase is not None:
                commands.setdefault(command.phase, []).append(command)
        return {
            name: Phase(name=name, duration=durations.get(name), commands=tuple(commands.get(name, ())), line=line)
            for name, line in lines.items()
        }
