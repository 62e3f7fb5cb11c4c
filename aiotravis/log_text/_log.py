"""A job's log, to structure: phases, commands, folds, timings, lines. No I/O.

What is read: https://docs.travis-ci.com/user/job-lifecycle/, written by
https://github.com/travis-ci/travis-build/tree/master/lib/travis/build/bash
"""

from collections.abc import Mapping
from heapq import nlargest
from types import MappingProxyType
from typing import Final

import msgspec

from aiotravis.log_text._ansi import Span, safe_for_terminal
from aiotravis.log_text._lines import Line, Lines
from aiotravis.log_text._markers import Timing
from aiotravis.log_text._reader import LogReader
from aiotravis.log_text._styles import Colour, Style

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


class LogText:
    """A log's structure: ``LogText.parse(text)``, or ``feed`` part after part and ask at any time.

    However the text is cut, the structure is the same. A line counts once its newline has come, or `close`; each part
    costs its own length.

    A marker is no text: it ends the line it stands in, if that has any text, and a line of markers alone is none.

    What is held is the text, and for each marker, command or result some 300 bytes. A log may have 131,072 of these;
    later ones make no structure, and `dropped` counts them: their lines are there, in `plain` too, without the markers.
    So a log of any size and any malice takes less than 100 MB beside its own text.
    """

    def __init__(self) -> None:
        self._reader = LogReader()
        self._begun: list[str] = []
        self._commands: tuple[Command, ...] = ()
        self._phases: Mapping[str, Phase] = MappingProxyType({})
        self._commands_at = self._phases_at = 0

    def __repr__(self) -> str:
        return f"<LogText of {len(self.lines)} lines, {len(self._reader.runs)} commands>"

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
            # A newline before and after: the first line and the last are like the others.
            lines = "".join(("\n", *self._begun, whole, "\n"))
            self._begun.clear()
            self._reader.take(lines)
        if rest:
            self._begun.append(rest)

    def close(self) -> None:
        """Take what has come as all there is: a last line without a newline counts, too. May be called again."""
        if self._begun:
            self.feed("\n")
        self._reader.close()

    @property
    def lines(self) -> Lines:
        """The lines, as a sequence that grows with the log."""
        return self._reader.lines

    @property
    def exit_code(self) -> int | None:
        """That of the job, where the log says it: ``Done. Your build exited with 0.``."""
        return self._reader.exit_code

    @property
    def dropped(self) -> int:
        """How many markers, commands and results made no structure, since the log has too many; mostly 0."""
        return self._reader.dropped

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
        if self._commands_at != self._reader.changes:
            self._commands_at = self._reader.changes
            self._commands = tuple(
                Command(
                    text=run.text,
                    phase=run.owner.phase,
                    duration=run.duration,
                    exit_code=run.exit_code,
                    line=run.line,
                    last_line=run.last_line,
                )
                for run in self._reader.runs
            )
        return self._commands

    def slowest(self, n: int = 10) -> list[Command]:
        """Give the commands that took longest, longest first; only those that were timed.

        Args:
            n: How many at most.
        """
        timed = (command for command in self.commands if command.duration is not None)
        return nlargest(n, timed, key=lambda command: command.duration or 0.0)

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The folds, in the order in which they start."""
        return tuple(
            Fold(name=one.name, folds=one.folds, phase=one.owner.phase, line=one.line, last_line=one.last_line)
            for one in self._reader.folds
        )

    @property
    def timings(self) -> tuple[Timing, ...]:
        """The timings, in the order in which they ended."""
        return tuple(msgspec.structs.replace(timing, phase=owner.phase) for timing, owner in self._reader.timings)

    @property
    def phases(self) -> Mapping[str, Phase]:
        """The phases by name, in the order of their first lines.

        The phase of a line, a command or a timing is, the first that applies: the stage that the end of the outermost
        timer around it names; that of the outermost fold around it, or of one within that is named like a stage;
        whatever else the timer names. Travis does not fold the script phase: a command outside all folds is
        ``script`` if it was timed, or if its exit code is told.
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
            *((one.line, one.owner.phase) for one in self._reader.folds),
            *((timing.line, owner.phase) for timing, owner in self._reader.timings),
            *((run.line, run.owner.phase) for run in self._reader.runs),
        ]
        for line, name in sorted(begun, key=lambda one: one[0]):
            if name is not None:
                lines.setdefault(name, line)
        for timing, owner in self._reader.timings:
            if owner.phase is not None and timing.outermost and timing.duration is not None:
                durations[owner.phase] = durations.get(owner.phase, 0.0) + timing.duration
        for command in self.commands:
            if command.phase is not None:
                commands.setdefault(command.phase, []).append(command)
        return {
            name: Phase(name=name, duration=durations.get(name), commands=tuple(commands.get(name, ())), line=line)
            for name, line in lines.items()
        }
