"""Commands, folds and phases of a log, as values. No I/O."""

import msgspec

from aiotravis._http.json_text import ToDict

__all__ = ["Attempt", "Command", "Fold", "Phase", "PhaseGroup"]


class Attempt(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of ``travis_retry`` to run a command.

    Attributes:
        command: The command that was retried, as Travis names it: without ``travis_retry``, maybe with ``eval``.
        number: Counts from 1.
        of: Maximum number of attempts.
        line: Number of its first line: that of the command, or of ``The command "make" failed. Retrying, 2 of 3.``.
        failed: Whether it failed; None if unknown: it is running, or it is the last one and its result is unknown.
        exit_code: Exit code; None if unknown. Travis prints none for attempts that are followed by others.
    """

    command: str
    number: int
    of: int
    line: int
    failed: bool | None = None
    exit_code: int | None = None


class Command(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    """A command that the worker ran: a line ``$ make``.

    Attributes:
        text: The command, or its first line.
        phase: Name of its phase, or None.
        duration: Duration in seconds; None if it was not timed, or has not ended. Of a command that was stopped because
            it printed nothing for 10 minutes, these 10 minutes, which are a minimum.
        exit_code: Exit code; None if unknown. Travis prints it in the script phase, and if a phase before it fails, but
            never for ``after_success``, ``after_failure`` and ``after_script``.
        line: Number of its line; 1 if the log lacks its beginning, and this line, too.
        last_line: Number of the last line of its output; None while it runs, or if the log is incomplete.
        finished: Whether the log shows that it ended. False while it runs, and if it was stopped.
        attempts: What ``travis_retry`` tells of it; empty if nothing was retried.
    """

    text: str
    phase: str | None = None
    duration: float | None = None
    exit_code: int | None = None
    line: int
    last_line: int | None = None
    finished: bool = True
    attempts: tuple[Attempt, ...] = ()


class Fold(ToDict, msgspec.Struct, frozen=True, kw_only=True):
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


class Phase(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    """One phase of a job: ``install``, ``script``, ``git.checkout``, ``worker_info``.

    Attributes:
        name: Name of a stage in .travis.yml, or of the fold; ``install`` for ``install.2``.
        group: The group that it belongs to, see `LogText.groups`.
        duration: Sum of its timings, in seconds; None if there are none. At least that if a command was stopped.
        commands: Its commands.
        line: Number of its first line.
    """

    name: str
    group: str = "other"
    duration: float | None = None
    commands: tuple[Command, ...] = ()
    line: int


class PhaseGroup(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    """Phases that serve the same purpose.

    Attributes:
        name: ``setup``, ``checkout``, ``cache``, ``install`` (with ``before_install`` and ``before_script``),
            ``script``, ``after`` (``after_success``, ``after_failure``, ``after_script``), ``deploy`` or ``other``.
        duration: Sum of the durations of its phases, in seconds; None if none has one.
        phases: Its phases.
        line: Number of its first line.
    """

    name: str
    duration: float | None = None
    phases: tuple[Phase, ...] = ()
    line: int
