"""What is known of folds, timers, commands and phases while a log is read. No I/O."""

from dataclasses import dataclass

import msgspec

from aiotravis.log_text._groups import STAGES
from aiotravis.log_text._markers import Timing

__all__ = ["CommandRecord", "FoldRecord", "Message", "PendingPhase", "TimerRecord", "phase_of_timer"]


@dataclass(slots=True, eq=False)
class PendingPhase:
    """The phase of some lines, whose name may become known after them.

    Attributes:
        own: Name by a fold, a timer or a result, or None.
        default: Name as long as nothing says more.
        around: The timer around it. Once that has ended, everything in it has its phase.
    """

    own: str | None = None
    default: str | None = None
    around: "TimerRecord | None" = None

    @property
    def name(self) -> str | None:
        """The name as far as it is known."""
        name, around = self.own or self.default, self.around
        while around is not None:
            # fact 10.3: some timers never end; these say nothing of what follows them.
            if around.until:
                name = around.own or around.default or name
            around = around.around
        return name


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


@dataclass(slots=True, eq=False)
class TimerRecord(PendingPhase):
    """A timer, and the phase of what it times.

    Attributes:
        id: Its identifier.
        line: Number of the next line when it was started.
        number: Number of the marker that started it.
        until: Number of the marker that ended it; 0 before.
        fold: The innermost fold around it.
        first_fold: Phase of the first fold in it, if it times a stage.
        command: The command that it times. Without one, it times a stage.
        timing: What its last end says.
        outermost: Whether it is not part of another timer that has ended.
    """

    id: str = ""
    line: int = 1
    number: int = 0
    until: int = 0
    fold: FoldRecord | None = None
    first_fold: str | None = None
    command: "CommandRecord | None" = None
    timing: Timing | None = None
    outermost: bool = True


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What Travis says of a command.

    Attributes:
        command: The first line of the command.
        whole: Whether the command has no other line.
        code: Its exit code, or None if the message is about an attempt.
        stopped: Whether its failure stopped the job.
        phase: The phase that the message names, or an empty string.
        attempt: Number of the attempt that begins or, if none does, that has failed as the last one.
        attempts: Maximum number of attempts.
        last: Whether no attempt begins.
    """

    command: str
    whole: bool
    code: int | None = None
    stopped: bool = False
    phase: str = ""
    attempt: int = 0
    attempts: int = 0
    last: bool = False


@dataclass(slots=True, eq=False)
class CommandRecord:
    """A command.

    Attributes:
        text: Its first line.
        phase: Its phase: its timer, if it has one.
        line: Number of its line.
        timed: Whether it has a timer of its own.
        rows: Number of lines that it takes itself.
        index: Its place among all commands.
        attempts: The messages of ``travis_retry`` about it, with their lines.
        earlier: The command before it of the same text that may have no result.
    """

    text: str
    phase: PendingPhase
    line: int
    timed: bool = False
    rows: int = 1
    index: int = 0
    duration: float | None = None
    exit_code: int | None = None
    last_line: int | None = None
    finished: bool = False
    attempts: list[tuple[Message, int]] | None = None
    earlier: "CommandRecord | None" = None

    def finish(self, last_line: int) -> None:
        """Note that the command has ended."""
        self.finished = True
        if self.last_line is None:
            self.last_line = last_line


def phase_of_timer(event: str | None, fold: str | None) -> str | None:
    """Return the phase that a timer names at its end.

    Args:
        event: What it says, ``event=script``.
        fold: Phase of the fold around it, or of the first fold in it.
    """
    # fact 10.3: the fold names the phase, `event=` does where there is no fold. But Travis folds no script, and a fold
    # of another stage was not ended.
    if event == "script" or fold is None:
        return event
    return event if event in STAGES and fold in STAGES and fold != "deploy" else fold
