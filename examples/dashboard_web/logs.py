"""Logs that are being viewed: each is followed once, parsed into lines, bounded in size, shared by its viewers."""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from aiotravis import LogReset, LogText, Travis, TravisError, log_text
from examples.dashboard_web.shown import ShownLine, shown_line
from examples.dashboard_web.state import Signal

MAX_LINES: Final = 5000
"""Newest lines of a log that are kept."""

MAX_SHOWN: Final = 4 << 20
"""Characters of the lines that are kept."""

MAX_PARSED_TEXT: Final = 4 << 20
"""Characters of a log that are parsed into one `LogText`."""

MAX_UNFINISHED_LINE: Final = 1 << 20
"""Characters after which a line without an end is broken."""

MAX_TIMED: Final = 8
"""Running commands whose durations are still to come."""

MAX_FOLLOWED: Final = 32
"""Logs that are followed at the same time."""

BATCH: Final = 500
"""Lines per message."""

PIECE: Final = 1 << 16
"""Characters that are parsed before other tasks get a turn."""

INTERVAL: Final = 0.1
"""Seconds between two messages."""


@dataclass
class Cursor:
    """The position of a viewer in a log."""

    run: int = -1
    line: int = 0
    patch: int = 0


class FollowedLog:
    """One log, followed as long as somebody views it.

    Viewers ask for what came after their cursor. So nothing is queued for them, and a slow viewer is told how many
    lines it has missed.

    Attributes:
        changed: Wakes viewers.
        ended: Whether the log has ended.
        viewers: Number of viewers.
        scope: Stops following when cancelled.
    """

    def __init__(self, job: int) -> None:
        self.job = job
        self.changed = Signal()
        self.ended = False
        self.viewers = 0
        self.scope = anyio.CancelScope()
        self._problem: str | None = None
        self._run = 0
        self._reset()

    def _reset(self) -> None:
        self._log = LogText()
        self._fed = self._unfinished = self._dropped = 0
        self._read = 0
        self._before = 0
        self._lines: deque[ShownLine] = deque()
        self._size = 0
        self._total = 0
        self._timed: deque[ShownLine] = deque(maxlen=MAX_TIMED)
        self._patches: deque[tuple[int, float]] = deque(maxlen=MAX_LINES)
        self._patched = 0
        self._rest: ShownLine | None = None

    # Following --------------------------------------------------------------------------------------------------------

    async def follow(self, travis: Travis) -> None:
        """Read the log to its end."""
        with self.scope:
            try:
                async with travis.follow_log(self.job) as stream, anyio.create_task_group() as group:
                    group.start_soon(self._show_periodically)
                    async for part in stream:
                        if isinstance(part, LogReset):
                            self._reset()
                            self._run += 1
                        await self._feed(part.content or "")
                    group.cancel_scope.cancel()
            except* TravisError as failures:
                self._problem = str(failures.exceptions[0])
            self._log.close()
            self._show()
            self.ended = True
            self.changed.notify()

    async def _feed(self, text: str) -> None:
        for place in range(0, len(text), PIECE):
            piece = text[place : place + PIECE]
            last = piece.rfind("\n")
            self._unfinished = self._unfinished + len(piece) if last < 0 else len(piece) - last - 1
            self._log.feed(piece)
            self._fed += len(piece)
            if self._unfinished > MAX_UNFINISHED_LINE:
                self._log.feed("\n")
                self._unfinished = 0
            if self._fed > MAX_PARSED_TEXT and not self._unfinished:
                self._show()
                self._start_new_text()
            await anyio.lowlevel.checkpoint()

    def _start_new_text(self) -> None:
        """Continue with a new text in the same folds: the old one has grown too large."""
        last = self._log.lines[-1] if self._log.lines else None
        self._before += len(self._log.lines)
        self._dropped += self._log.dropped
        self._log, self._fed, self._read = LogText(), 0, 0
        self._timed.clear()
        for name in last.folds if last else ():
            self._log.feed(f"travis_fold:start:{name}\r\x1b[0K")

    async def _show_periodically(self) -> None:
        seen = (0, 0)
        while True:
            await anyio.sleep(INTERVAL)
            now = (self._run, self._before + self._fed)
            if now != seen:
                seen = now
                self._show()

    def _show(self) -> None:
        """Convert new lines for the viewers."""
        lines = self._log.lines
        skipped = max(0, len(lines) - self._read - MAX_LINES)
        self._total += skipped
        for line in lines[self._read + skipped :]:
            shown = shown_line(line, self._before)
            self._lines.append(shown)
            self._size += shown.size
            self._total += 1
            if shown.duration is None and line.raw.startswith("$ "):
                self._timed.append(shown)
        self._read = len(lines)
        while len(self._lines) > MAX_LINES or self._size > MAX_SHOWN:
            self._size -= self._lines.popleft().size
        for shown in list(self._timed):
            duration = lines[shown.number - self._before - 1].duration
            if duration is not None:
                shown.duration = duration
                self._timed.remove(shown)
                self._patches.append((shown.number, duration))
                self._patched += 1
        self._rest = self._unfinished_line()
        self.changed.notify()

    def _unfinished_line(self) -> ShownLine | None:
        rest = self._log.rest
        if not rest:
            return None
        last = self._lines[-1] if self._lines else None
        line = log_text.Line(number=len(self._log.lines) + 1, raw=rest, folds=last.folds if last else ())
        shown = shown_line(line, self._before)
        # An incomplete marker is not text.
        return None if any("travis_" in str(span[0]) for span in shown.spans) else shown

    # For viewers ------------------------------------------------------------------------------------------------------

    def after(self, cursor: Cursor) -> dict[str, object]:
        """Return what came after a cursor, and advance the cursor."""
        reset = cursor.run != self._run
        if reset:
            cursor.run, cursor.line, cursor.patch = self._run, 0, self._patched
        first = self._total - len(self._lines)
        skipped = max(0, first - cursor.line)
        start = cursor.line + skipped - first
        lines = [shown.to_json() for shown in islice(self._lines, start, start + BATCH)]
        fresh = self._patched - cursor.patch
        patches = list(self._patches)[-fresh:] if fresh else []
        cursor.line += skipped + len(lines)
        cursor.patch = self._patched
        return {
            "reset": reset,
            "skipped": skipped,
            "dropped": self._dropped + self._log.dropped,
            "lines": lines,
            "durations": patches,
            "more": cursor.line < self._total,
            "rest": self._rest.to_json() if self._rest and cursor.line >= self._total else None,
        }

    def summary(self) -> dict[str, object]:
        """Return how the log ended."""
        return {"exit_code": self._log.exit_code, "problem": self._problem, "lines": self._total}


class Logs:
    """The logs that are being viewed.

    Args:
        travis: The client that follows them.
        group: The task group that follows them.
    """

    def __init__(self, travis: Travis, group: TaskGroup) -> None:
        self._travis = travis
        self._group = group
        self._logs: dict[int, FollowedLog] = {}
        self.followed = 0

    @asynccontextmanager
    async def view(self, job: int, *, finished: bool) -> AsyncGenerator[FollowedLog | None]:
        """View a log, together with its other viewers.

        Args:
            job: Id of the job.
            finished: Whether the job has finished. If not, the log of an earlier run is not reused.

        Yields:
            The log; None if too many are followed already.
        """
        log = self._logs.get(job)
        if log is None or (log.ended and not finished):
            if self.followed >= MAX_FOLLOWED:
                yield None
                return
            log = self._logs[job] = FollowedLog(job)
            self.followed += 1
            self._group.start_soon(log.follow, self._travis)
        log.viewers += 1
        try:
            yield log
        finally:
            log.viewers -= 1
            if not log.viewers:
                log.scope.cancel()
                self.followed -= 1
                if self._logs.get(job) is log:
                    del self._logs[job]
