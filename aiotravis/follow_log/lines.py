"""The lines of a log that arrives in parts."""

from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NoReturn

from aiotravis._async.handle import Handle
from aiotravis.bulk.iteration import refuse_await
from aiotravis.errors import UsageError
from aiotravis.resources.logs import LogPart

__all__ = ["LogLines"]


class LogLines(Handle):
    """Lines as they become complete: ``async for line in log.lines(): ...``.

    Args:
        parts: The parts, in order. A negative number discards everything before it.

    Attributes:
        resets: How often the log restarted; each time, discard all lines received so far.
    """

    def __init__(self, parts: AsyncIterator[LogPart]) -> None:
        self._parts = parts
        self._lines: deque[str] = deque()
        self._incomplete: list[str] = []
        self._ended = False
        self.resets: int = 0
        self._taken = 0

    def __repr__(self) -> str:
        state = "ended" if self._ended and not self._lines else "open" if self._taken else "not begun"
        return f"<{type(self).__name__} {state}, {self._taken} taken>"

    def __aiter__(self) -> "LogLines":
        if self._ended and not self._lines:
            raise UsageError("These lines have ended. Follow the log again.")
        return self

    if not TYPE_CHECKING:  # Type checkers refuse to await this; at run time the error names the remedy.

        def __await__(self) -> NoReturn:
            refuse_await(self, "iterate with `async for line in log.lines()`")

    async def __anext__(self) -> str:
        """Return the next line, with its newline; the last one may lack it.

        Raises:
            LogGap: After everything else: the server itself lost some parts.
        """
        while not self._lines:
            if self._ended:
                raise StopAsyncIteration
            try:
                part = await anext(self._parts)
            except StopAsyncIteration:
                self._ended = True
                self._split()
            else:
                self._add(part)
        self._taken += 1
        return self._lines.popleft()

    def _add(self, part: LogPart) -> None:
        if isinstance(part.number, int) and part.number < 0:
            self.resets += 1
            self._incomplete.clear()
        whole, newline, rest = (part.content or "").rpartition("\n")
        if newline:
            self._incomplete.append(whole + newline)
            self._split()
        if rest:
            self._incomplete.append(rest)

    def _split(self) -> None:
        # Only a newline ends a line: logs contain carriage returns, and whatever else Unicode calls a line break.
        text = "".join(self._incomplete)
        self._incomplete.clear()
        *lines, last = text.split("\n")
        self._lines.extend(f"{line}\n" for line in lines)
        if last:
            self._lines.append(last)
