"""The lines of a log that comes in parts."""

from collections import deque
from collections.abc import AsyncIterator

from aiotravis.resources.logs import LogPart

__all__ = ["LogLines"]


class LogLines:
    """Lines, as they become whole: ``async for line in log.lines(): ...``.

    Args:
        parts: The parts, in order. One with a number below zero says that what came before it is void.

    Attributes:
        resets: How often the log began anew; what was given of the earlier runs is void.
    """

    def __init__(self, parts: AsyncIterator[LogPart]) -> None:
        self._parts = parts
        self._lines: deque[str] = deque()
        self._begun: list[str] = []
        self._over = False
        self.resets: int = 0

    def __aiter__(self) -> "LogLines":
        return self

    async def __anext__(self) -> str:
        """Give the next line, with its newline; the last one may lack it.

        Raises:
            LogGap: After everything that could be had: the server itself no longer has some parts.
        """
        while not self._lines:
            if self._over:
                raise StopAsyncIteration
            try:
                part = await anext(self._parts)
            except StopAsyncIteration:
                self._over = True
                self._flush()
            else:
                self._take(part)
        return self._lines.popleft()

    def _take(self, part: LogPart) -> None:
        if isinstance(part.number, int) and part.number < 0:
            self.resets += 1
            self._begun.clear()
        whole, newline, rest = (part.content or "").rpartition("\n")
        if newline:
            self._begun.append(whole + newline)
            self._flush()
        if rest:
            self._begun.append(rest)

    def _flush(self) -> None:
        # Only a newline ends a line: a log is full of carriage returns, and of what else Unicode takes for one.
        text = "".join(self._begun)
        self._begun.clear()
        *lines, last = text.split("\n")
        self._lines.extend(f"{line}\n" for line in lines)
        if last:
            self._lines.append(last)
