"""Messages of Travis about commands, and the commands that they name. No I/O."""

import re
from functools import lru_cache
from html import unescape
from itertools import islice
from typing import Final

from msgspec.structs import replace

from aiotravis.log_text._records import CommandRecord, Message
from aiotravis.log_text._structures import Attempt

__all__ = ["MESSAGE", "Commands", "attempts_of", "read_message"]

MESSAGE: Final = "The command "
"""How a message of Travis about a command begins. It ends lines later if the command has several."""

# Pages and chats turn quotes into others.
_QUOTE: Final = '(?:"|&quot;|&#34;|\u201c|\u201d)'

MESSAGE_START: Final = re.compile(rf"{MESSAGE}{_QUOTE}")

MESSAGE_END: Final = re.compile(
    rf"{_QUOTE} (?:(?P<stopped>failed and )?exited with (?P<code>-?\d{{1,10}})(?: during (?P<phase>[\w.-]*+))?\.?"
    r"|failed\. Retrying, (?P<number>\d{1,4}) of (?P<of>\d{1,4})\.?"
    # In some saved logs, the end of its colour has lost the escape.
    r"|failed (?P<times>\d{1,4}) times\.?)(?:(?:\^\[|\ufffd)?\[0?m)?\s*\Z",
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

UNCOMPARED: Final = str.maketrans(dict.fromkeys("\"'\\\u201c\u201d", " "))


def read_message(text: str, begun: str | None) -> Message | str | None:
    """Read a line that may be a message about a command, or the end of one.

    Args:
        text: Its visible text.
        begun: The command of a message that began in an earlier line.

    Returns:
        The message; the first line of its command if it only begins; None if it is no message.
    """
    start = MESSAGE_START.match(text)
    if start is None and begun is None:
        return None
    begin = start.end() if start else 0
    found = MESSAGE_END.search(text, begin)
    if found is None:
        return text[begin:][:MAX_KEY] if start else begun
    command, whole = text[begin : found.start()] if start else begun or "", start is not None
    stopped, code, phase, number, of, times = found.groups()
    if code is None:
        attempt, attempts = int(number or times), int(of or times)
        return Message(command=command, whole=whole, attempt=attempt, attempts=attempts, last=number is None)
    if stopped is None:
        return Message(command=command, whole=whole, code=int(code))
    return Message(command=command, whole=whole, code=int(code), stopped=True, phase=(phase or "").strip("."))


@lru_cache(256)
def _key(text: str) -> str:
    """Return what two texts of a command have in common, however they are quoted or spaced."""
    words = unescape(text).translate(UNCOMPARED).split()
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
        just_ended: The last one, if its timer has ended and nothing but output came since.
        late: Whether output came since.
    """

    def __init__(self) -> None:
        self.all: list[CommandRecord] = []
        self.untimed: CommandRecord | None = None
        self.just_ended: CommandRecord | None = None
        self.late: bool = False
        self._latest: dict[str, CommandRecord] = {}
        self._last_known = -1
        """Place of the last command that is none that another has printed: it was timed, or has a result."""

    def add(self, command: CommandRecord) -> None:
        """Add a command."""
        self.just_ended = None
        self._append(command)
        self.untimed = None if command.timed else command
        key = _key(command.text[:MAX_KEY])
        command.earlier = self._latest.get(key)
        self._latest[key] = command

    def _append(self, command: CommandRecord) -> None:
        command.index = len(self.all)
        self.all.append(command)
        if command.timed:
            self._last_known = command.index

    def end_timed(self, command: CommandRecord) -> None:
        """End a command with its timer. What came since its line was its output, perhaps the log of another job."""
        if command is not self.all[-1]:
            self._drop_output(command)
        self.just_ended, self.late = command, False
        if command.exit_code is not None:
            # It has printed this result itself.
            command.exit_code = None
            key = _key(command.text[:MAX_KEY])
            if (latest := self._latest.get(key)) is None or latest.line < command.line:
                self._latest[key] = command

    def end(self, command: CommandRecord, message_line: int, line: int) -> None:
        """End a command with its result.

        Args:
            command: The command.
            message_line: Number of the first line of the message.
            line: Number of its last line.
        """
        if not command.timed and command.index > self._last_known:
            # Travis prints a result before it starts another command.
            if command is not self.all[-1]:
                for printed in self._drop_output(command):
                    printed.phase.own = command.phase.name
            command.last_line = None
            self._last_known = command.index
        elif command is self.just_ended and self.late:
            command.last_line = None
        command.rows += line - message_line
        command.finish(message_line - 1)
        self.finish_untimed(message_line - 1)
        self.just_ended = None

    def _drop_output(self, command: CommandRecord) -> list[CommandRecord]:
        """Drop the untimed commands after a command whose output they are, and return them."""
        after, self.untimed = self.all[command.index + 1 :], None
        del self.all[command.index + 1 :]
        dropped: list[CommandRecord] = []
        for one in after:
            if one.timed:
                self._append(one)
            else:
                # No other result is expected of it.
                one.exit_code = 0
                dropped.append(one)
        return dropped

    def finish_untimed(self, last_line: int) -> bool:
        """End the untimed command; return whether there is one."""
        if self.untimed is None:
            return False
        self.untimed.finish(last_line)
        self.untimed = None
        return True

    @staticmethod
    def is_named(command: CommandRecord, text: str) -> bool:
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
        return last if last is not None and last.exit_code is None and not self.late else None


def attempts_of(command: CommandRecord) -> tuple[Attempt, ...]:
    """Return the attempts to run a command, with what its result tells of the last one."""
    found: list[Attempt] = []
    for message, line in command.attempts or ():
        text = command.text if message.command == command.text else message.command
        failed = message.attempt - (not message.last)
        begun = found.pop() if found and (found[-1].command, found[-1].number) == (text, failed) else None
        if found and found[-1].failed is None:
            # Another command is retried, so this attempt succeeded.
            found[-1] = replace(found[-1], failed=False)
        start = begun.line if begun else command.line
        found.append(Attempt(command=text, number=failed, of=message.attempts, line=start, failed=True))
        if not message.last:
            found.append(Attempt(command=text, number=message.attempt, of=message.attempts, line=line))
    if found:
        code = command.exit_code
        result = bool(code) if code is not None else False if command.finished else None
        found[-1] = replace(found[-1], failed=found[-1].failed or result, exit_code=code)
    return tuple(found)
