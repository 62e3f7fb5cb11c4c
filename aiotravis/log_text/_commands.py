"""Messages of Travis about commands, and the commands that they name. No I/O."""

import re
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from msgspec.structs import replace

from aiotravis.log_text._records import AttemptMessage, CommandRecord, TimerRecord
from aiotravis.log_text._structures import Attempt

__all__ = ["MESSAGE", "Commands", "Message", "attempts_of", "read_message"]

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
"""Latest commands that are searched for one that was wrapped."""

UNCOMPARED: Final = str.maketrans(dict.fromkeys("\"'\\", " "))


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
    if found is None or (begins and found.start() < len(MESSAGE)):
        return text[len(MESSAGE) :][:MAX_KEY] if begins else begun
    command = text[len(MESSAGE) : found.start()] if begins else begun or ""
    stopped, code, phase, number, of, times = found.groups()
    if code is not None:
        return Message(command, begins, int(code), stopped is not None, (phase or "").strip("."))
    return Message(command, begins, None, False, "", int(number or times), int(of or times), number is None)


@lru_cache(256)
def _key(text: str) -> str:
    """Return what two texts of a command have in common, however they are quoted or spaced."""
    words = text.translate(UNCOMPARED).split()
    while words and words[0] in ("travis_retry", "eval"):
        del words[0]
    key = " ".join(words)
    # One string that is held twice takes no more memory.
    return text if key == text else key


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
        self._latest: dict[str, CommandRecord] = {}

    def add(self, command: CommandRecord, *, timed: bool = False) -> None:
        """Add a command."""
        self.all.append(command)
        self.untimed = None if timed else command
        key = _key(command.text[:MAX_KEY])
        command.earlier = self._latest.get(key)
        self._latest[key] = command

    def expect_result(self, command: CommandRecord) -> None:
        """Forget the result of a command, which it has printed itself."""
        command.exit_code = None
        key = _key(command.text[:MAX_KEY])
        if (latest := self._latest.get(key)) is None or latest.line < command.line:
            self._latest[key] = command

    def drop_output(self, command: CommandRecord) -> None:
        """Drop the untimed commands after a command whose output they are."""
        at = len(self.all)
        while at and self.all[at - 1] is not command:
            at -= 1
        after, self.untimed = self.all[at:], None
        del self.all[at:]
        for one in after:
            if isinstance(one.phase, TimerRecord) and one.phase.command is one:
                self.all.append(one)
            else:
                # No other result is expected of it.
                one.exit_code = 0

    def finish_untimed(self, last_line: int) -> bool:
        """End the untimed command; return whether there is one."""
        if self.untimed is None:
            return False
        self.untimed.finish(last_line)
        self.untimed = None
        return True

    def is_named(self, command: CommandRecord, text: str) -> bool:
        """Return whether a message names a command."""
        return command.text == text or _key(command.text[:MAX_KEY]) == _key(text[:MAX_KEY])

    def find(self, message: Message) -> CommandRecord | None:
        """Return the latest command without a result that a message names, or None."""
        key = _key(message.command[:MAX_KEY])
        command = self._latest.get(key)
        while command is not None and command.exit_code is not None:
            command = command.earlier
        if command is not None:
            self._latest[key] = command
            return command
        if len(key) >= (MIN_WRAPPED if message.whole else MIN_PART):
            for command in islice(reversed(self.all), MAX_SEARCHED):
                own = _key(command.text[:MAX_KEY])
                alike = len(own) >= MIN_WRAPPED and key.startswith(own) if message.whole else own.startswith(key)
                if alike and command.exit_code is None:
                    return command
        # Some commands are displayed in other words than they are named in.
        last = self.just_ended
        return last if last is not None and last.exit_code is None else None


def attempts_of(command: CommandRecord) -> tuple[Attempt, ...]:
    """Return the attempts to run a command, with what its result tells of the last one."""
    messages: list[AttemptMessage] = []
    message = command.attempts
    while message is not None:
        messages.append(message)
        message = message[0]
    found: list[Attempt] = []
    for _, text, number, of, line, last in reversed(messages):
        failed = number - (not last)
        begun = found.pop() if found and (found[-1].command, found[-1].number) == (text, failed) else None
        start = begun.line if begun else command.line
        found.append(Attempt(command=text, number=failed, of=of, line=start, failed=True))
        if not last:
            found.append(Attempt(command=text, number=number, of=of, line=line))
    if found:
        code = command.exit_code
        result = bool(code) if code is not None else False if command.finished else None
        found[-1] = replace(found[-1], failed=found[-1].failed or result, exit_code=code)
    return tuple(found)
