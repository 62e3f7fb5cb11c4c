"""The commands of a log, their results, and the attempts of ``travis_retry``. No I/O."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from msgspec.structs import replace

from aiotravis.log_text._phases import PendingPhase
from aiotravis.log_text._structures import Attempt

__all__ = ["CommandRecord", "Commands", "Message", "read_message"]

MESSAGE: Final = 'The command "'
"""How a message of Travis about a command begins. It ends lines later if the command has several."""

MESSAGE_END: Final = re.compile(
    r'" (?:(?P<stopped>failed and )?exited with (?P<code>\d{1,9})(?: during (?P<phase>[\w.-]*+))?\.?'
    r"|failed\. Retrying, (?P<number>\d{1,4}) of (?P<of>\d{1,4})\.?"
    r"|failed (?P<times>\d{1,4}) times\.?)\s*\Z",
    re.ASCII,
)

MIN_PART: Final = 8
"""Characters that the first line of a wrapped message must share with a command."""

MIN_WRAPPED: Final = 40
"""Characters of a command from which on it may have been wrapped."""

MAX_KEY: Final = 256
"""Characters of a command that are compared."""

MAX_SEARCHED: Final = 32
"""Latest commands without a result that are searched for one that was wrapped."""

PREFIXES: Final = re.compile(r"(?:(?:travis_retry|eval) )+")

UNCOMPARED: Final = re.compile(r"[\s\"'\\]+")


@dataclass(slots=True, eq=False)
class CommandRecord:
    """What is known of a command so far.

    Attributes:
        text: Its first line.
        phase: Its phase.
        line: Number of its line.
        fold: Phase of the fold around it, or None.
        timed: Whether a timer was started for it.
    """

    text: str
    phase: PendingPhase
    line: int
    fold: str | None = None
    timed: bool = False
    duration: float | None = None
    exit_code: int | None = None
    last_line: int | None = None
    finished: bool = False
    attempts: "list[Attempt] | None" = None
    key: str | None = None
    """What is compared of its text, once that was needed."""
    earlier: "CommandRecord | None" = None
    """The command before it of the same text that has no result."""

    def finish(self, last_line: int) -> None:
        """Note that the command has ended."""
        self.finished = True
        if self.last_line is None:
            self.last_line = last_line

    def attempted(self) -> tuple[Attempt, ...]:
        """Return the attempts to run it, with what its result tells of the last one."""
        if not self.attempts:
            return ()
        *before, last = self.attempts
        failed = last.failed or (
            bool(self.exit_code) if self.exit_code is not None else False if self.finished else None
        )
        last = Attempt(
            command=last.command,
            number=last.number,
            of=last.of,
            line=last.line,
            failed=failed,
            exit_code=self.exit_code,
        )
        return (*before, last)


class Message(NamedTuple):
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


def read_message(text: str, begun: str | None) -> Message | str | None:
    """Read a line that may be a message about a command, or the end of one.

    Args:
        text: Its visible text.
        begun: The command of a message that began in an earlier line.

    Returns:
        The message; the first line of its command if it only begins; None if it is no message.
    """
    begins = text.startswith(MESSAGE)
    if not begins and begun is None:
        return None
    found = MESSAGE_END.search(text)
    if found is not None:
        if begins and found.start() >= len(MESSAGE):
            return _message(text[len(MESSAGE) : found.start()], True, found)
        if begun is not None and not begins:
            return _message(begun, False, found)
    return text[len(MESSAGE) :][:MAX_KEY] if begins else begun


def _message(command: str, whole: bool, found: re.Match[str]) -> Message:
    stopped, code, phase, number, of, times = found.groups()
    if code is not None:
        return Message(command, whole, int(code), stopped is not None, (phase or "").strip("."))
    if number is not None:
        return Message(command, whole, attempt=int(number), attempts=int(of))
    return Message(command, whole, attempt=int(times), attempts=int(times), last=True)


def _key(text: str) -> str:
    """Return what two texts of a command have in common, however they are quoted or spaced."""
    return PREFIXES.sub("", UNCOMPARED.sub(" ", text[:MAX_KEY]).strip())


class Commands:
    """The commands of a log.

    Attributes:
        all: The commands, in order.
        untimed: The last one, if nothing times it and nothing has ended it.
        just_ended: The last one, if its timer has ended and nothing was printed since.
    """

    def __init__(self) -> None:
        self.all: list[CommandRecord] = []
        self.untimed: CommandRecord | None = None
        self.just_ended: CommandRecord | None = None
        self._unresolved: dict[str, CommandRecord] = {}

    def add(self, command: CommandRecord) -> None:
        """Add a command."""
        self.all.append(command)
        self.untimed = None if command.timed else command
        self._expect_result(command)

    def drop_untimed_after(self, command: CommandRecord) -> None:
        """Drop the untimed commands after a command whose output they are."""
        kept: list[CommandRecord] = []
        while self.all and self.all[-1] is not command:
            last = self.all.pop()
            if last.timed:
                kept.append(last)
            else:
                self._discard(last)
        self.all += reversed(kept)
        self.untimed = None

    def finish_untimed(self, last_line: int) -> None:
        """End the untimed command."""
        if self.untimed is not None:
            self.untimed.finish(last_line)
            self.untimed = None

    def is_named(self, command: CommandRecord, message: Message | str) -> bool:
        """Return whether a message names a command exactly."""
        text = message if isinstance(message, str) else message.command
        return command.text == text or _key(command.text) == _key(text)

    def resolve(self, message: Message) -> CommandRecord | None:
        """Return the latest command without a result that a message names, and note its exit code."""
        command = self._find(message)
        if command is not None:
            command.exit_code = message.code
            self._discard(command)
        return command

    def unresolve(self, command: CommandRecord) -> None:
        """Forget the result of a command, which it has printed itself."""
        if command.exit_code is not None:
            command.exit_code = None
            self._expect_result(command)

    def _expect_result(self, command: CommandRecord) -> None:
        command.earlier = self._unresolved.get(command.text)
        self._unresolved[command.text] = command

    def _discard(self, command: CommandRecord) -> None:
        last = self._unresolved.get(command.text)
        if last is command:
            if command.earlier is None:
                del self._unresolved[command.text]
            else:
                self._unresolved[command.text] = command.earlier
            return
        # It is one of the latest: this takes no time in proportion to their number.
        while last is not None and last.earlier is not command:
            last = last.earlier
        if last is not None:
            last.earlier = command.earlier

    def _find(self, message: Message) -> CommandRecord | None:
        if named := self._unresolved.get(message.command):
            return named
        key = _key(message.command)
        for command in self._recent():
            own = command.key = command.key or _key(command.text)
            if own == key:
                return command
            if len(own) >= MIN_WRAPPED and message.whole and key.startswith(own):
                return command
            if len(key) >= MIN_PART and not message.whole and own.startswith(key):
                return command
        # Some commands are displayed in other words than they are named in.
        last = self.just_ended
        return last if last is not None and last.exit_code is None else None

    def _recent(self) -> Iterator[CommandRecord]:
        return (command for command in islice(reversed(self.all), MAX_SEARCHED) if command.exit_code is None)

    def add_attempt(self, command: CommandRecord, message: Message, line: int) -> None:
        """Note an attempt to run a command or a part of it."""
        attempts = command.attempts = command.attempts or []
        before = message.attempt - (not message.last)
        failed = attempts[-1] if attempts else None
        if failed is not None and failed.command == message.command and failed.number == before:
            attempts.pop()
        else:
            failed = Attempt(command=message.command, number=before, of=message.attempts, line=command.line)
        attempts.append(replace(failed, failed=True))
        if not message.last:
            attempts.append(Attempt(command=message.command, number=message.attempt, of=message.attempts, line=line))
