"""How the log of a job looks: folded by phase, opened where it failed, or line by line. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from aiotravis.cli._formats import describe, duration_text, matrix_text, state_piece
from aiotravis.cli._output import Styled, single_line

if TYPE_CHECKING:
    from aiotravis import Job, LogText
    from aiotravis.log_text import Command, Line, PhaseGroup

    LogItem = Line | tuple[str | Styled, ...]
    """A line of a log, or the pieces of a line about it."""

__all__ = ["folded", "job_title", "line_record"]

LISTED_GROUPS: Final = frozenset({"install", "script", "after", "deploy", "other"})
"""Groups of phases whose commands are listed: those that a project itself determines."""

WIDTH: Final = 60
"""Columns of the names of phases and commands."""


def job_title(job: Job) -> tuple[str | Styled, ...]:
    """Return the line above the log of a job."""
    duration = f", {duration_text(job.duration)}" if job.duration is not None else ""
    matrix = f"  {matrix_text(job)}".rstrip()
    return Styled(f"{describe(job)} ", bold=True), state_piece(job.state), f"{duration}{matrix}"


def line_record(job: Job, line: Line) -> dict[str, object]:
    """Return what ``--json`` prints of a line."""
    # Half of a surrogate pair, which Travis sends where it cuts a character, is no JSON.
    text = line.text.encode("utf-8", "replace").decode()
    return {
        "job_id": job.id, "job": job.number, "line": line.number, "phase": line.phase, "folds": line.folds,
        "duration": line.duration, "text": text,
    }  # fmt: skip


def folded(log: LogText) -> Iterator[LogItem]:
    """Yield a log by phases, with the commands of the project and their durations.

    What failed is shown whole: the output of commands with other exit codes than 0, of the command that was running
    when the job was stopped, or that still runs, and how the job ended.
    """
    if not log.commands:
        yield from log.lines
        return
    opened = _opened(log)
    for group in log.groups.values():
        yield _group_line(group)
        for phase in group.phases:
            for command in phase.commands:
                if group.name in LISTED_GROUPS or command in opened:
                    yield _command_line(command)
                if command in opened:
                    yield from _trimmed(log.lines[command.line : command.last_line])
    if log.ending.line is not None:
        yield ("",)
        yield from _trimmed(log.lines[log.ending.line - 1 :])


def _opened(log: LogText) -> Sequence[Command]:
    """Return the commands whose output is shown."""
    if log.failed_commands:
        return log.failed_commands
    from aiotravis.log_text import ScriptEnded

    # Without a failed command, the last one is what was running as a worker stopped the job; or it runs now.
    return () if isinstance(log.ending, ScriptEnded) else log.commands[-1:]


def _group_line(group: PhaseGroup) -> tuple[str | Styled, ...]:
    hidden = 0 if group.name in LISTED_GROUPS else sum(len(phase.commands) for phase in group.phases)
    count = f"{hidden} command{'s' * (hidden != 1)}" if hidden else ""
    return Styled(group.name.ljust(WIDTH), bold=True), f" {_seconds(group.duration)}  {count}".rstrip()


def _command_line(command: Command) -> tuple[str | Styled, ...]:
    text = single_line(f"$ {command.text}")
    text = f"  {text}" if len(text) <= WIDTH - 2 else f"  {text[: WIDTH - 5]}..."
    failure = f"exited with {command.exit_code}" if command.exit_code else "" if command.finished else "not finished"
    color = "red" if command.exit_code else None if command.finished else "yellow"
    return Styled(text.ljust(WIDTH), color), f" {_seconds(command.duration)}  ".rstrip(), Styled(f"  {failure}", color)


def _seconds(duration: float | None) -> str:
    if duration is None:
        return " " * 9
    return (f"{duration:.1f} s" if duration < 100 else duration_text(duration)).rjust(9)


def _trimmed(lines: Sequence[Line]) -> Sequence[Line]:
    """Return lines without the blank ones at their ends."""
    first, end = 0, len(lines)
    while end and not lines[end - 1].text.strip():
        end -= 1
    while first < end and not lines[first].text.strip():
        first += 1
    return lines[first:end]
