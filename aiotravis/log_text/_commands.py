"""The commands of a log, their results, and the attempts of ``travis_retry``. No I/O."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

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

MAX_SEARCHED: Final = 64
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


@dataclass(slots=True, frozen=True)
class Message:
    """What Travis says of a command.

    Attributes:
        command: The first line of the command.
        whole: Whether the command has no other line.
        found: The end of the message.
    """

    command: str
    whole: bool
    found: re.Match[str]

    @property
    def code(self) -> int | None:
        """Exit code, or None if the message is about an attempt."""
        code = self.found["code"]
        return None if code is None else int(code)

    @property
    def stopped(self) -> bool:
        """Whether the failure stopped the job."""
        return self.found["stopped"] is not None

    @property
    def phase(self) -> str:
        """The phase that it names, or an empty string."""
        return (self.found["phase"] or "").strip(".")


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
    if found := MESSAGE_END.search(text):
        if begins and found.start() >= len(MESSAGE):
            return Message(text[len(MESSAGE) : found.start()], True, found)
        if begun is not None and not begins:
            return Message(begun, False, found)
    return text[len(MESSAGE) :][:MAX_KEY] if begins else begun


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
        self._unresolved: dict[str, list[CommandRecord]] = {}

    def add(self, command: CommandRecord) -> None:
        """Add a command."""
        self.all.append(command)
        self.untimed = None if command.timed else command
        self._unresolved.setdefault(_key(command.text), []).append(command)

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

    def finish_untimed(self, last_line: int) -> bool:
        """End the untimed command, and return whether there was one."""
        if self.untimed is None:
            return False
        self.untimed.finish(last_line)
        self.untimed = None
        return True

    def is_named(self, command: CommandRecord, message: Message | str) -> bool:
        """Return whether a message names a command exactly."""
        return _key(command.text) == _key(message if isinstance(message, str) else message.command)

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
            self._unresolved.setdefault(_key(command.text), []).append(command)

    def _discard(self, command: CommandRecord) -> None:
        key = _key(command.text)
        several = self._unresolved.get(key, [])
        # It is the last one, or near it: this takes no time in proportion to their number.
        at = next((at for at in range(len(several) - 1, -1, -1) if several[at] is command), None)
        if at is not None:
            del several[at]
        if not several:
            self._unresolved.pop(key, None)

    def _find(self, message: Message) -> CommandRecord | None:
        key = _key(message.command)
        if named := self._unresolved.get(key):
            return named[-1]
        for command in self._recent():
            own = _key(command.text)
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
        number, of = message.found["number"], message.found["of"]
        last = attempts[-1] if attempts and attempts[-1].command == message.command else None
        before = int(message.found["times"] or number) - (1 if number else 0)
        limit = int(of or message.found["times"])
        if last is not None and last.number == before:
            attempts.pop()
            failed = last
        else:
            failed = Attempt(command=message.command, number=before, of=limit, line=command.line)
        attempts.append(Attempt(command=failed.command, number=failed.number, of=limit, line=failed.line, failed=True))
        if number:
            attempts.append(Attempt(command=message.command, number=int(number), of=limit, line=line))
