"""Logs that somebody looks at: each followed once, read as lines, kept to a bounded size, shared by its viewers."""

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
from examples.dashboard_web.shown import Shown, shown_of
from examples.dashboard_web.state import Signal

MOST_LINES: Final = 5000
"""Lines of a log that are kept, the newest."""

MOST_SHOWN: Final = 4 << 20
"""Characters of these."""

MOST_TEXT: Final = 4 << 20
"""Characters of a log that are kept together with their structure."""

LONGEST_BEGUN: Final = 1 << 20
"""Characters after which a line is ended that does not end."""

MOST_WAITING: Final = 8
"""Commands whose durations are awaited."""

MOST_ROOMS: Final = 32
"""Logs that are followed at once."""

BATCH: Final = 500
"""Lines in one message."""

PIECE: Final = 1 << 16
"""Characters that are read without letting others run."""

BETWEEN: Final = 0.1
"""Seconds between two messages about the same log."""


@dataclass
class Cursor:
    """How far a viewer has come."""

    run: int = -1
    line: int = 0
    patch: int = 0


class Room:
    """One log, followed as long as somebody looks at it.

    Viewers ask for what came after their cursor. So nothing is queued for them, and one that is slow is told how many
    lines it has missed.

    Attributes:
        changed: Wakes viewers.
        ended: Whether nothing more comes.
        viewers: How many look.
        scope: Ends the following.
    """

    def __init__(self, job: int) -> None:
        self.job = job
        self.changed = Signal()
        self.ended = False
        self.viewers = 0
        self.scope = anyio.CancelScope()
        self._problem: str | None = None
        self._run = 0
        self._begin()

    def _begin(self) -> None:
        self._log = LogText()
        self._held = self._begun = self._dropped = 0
        self._read = 0
        self._before = 0
        self._lines: deque[Shown] = deque()
        self._size = 0
        self._given = 0
        self._waiting: deque[Shown] = deque(maxlen=MOST_WAITING)
        self._patches: deque[tuple[int, float]] = deque(maxlen=MOST_LINES)
        self._patched = 0
        self._rest: Shown | None = None

    # Following --------------------------------------------------------------------------------------------------------

    async def follow(self, travis: Travis) -> None:
        """Read the log to its end."""
        with self.scope:
            try:
                async with travis.follow_log(self.job) as stream, anyio.create_task_group() as group:
                    group.start_soon(self._show_now_and_then)
                    async for part in stream:
                        if isinstance(part, LogReset):
                            self._begin()
                            self._run += 1
                        await self._take(part.content or "")
                    group.cancel_scope.cancel()
            except* TravisError as failures:
                self._problem = str(failures.exceptions[0])
            self._log.close()
            self._show()
            self.ended = True
            self.changed.notify()

    async def _take(self, text: str) -> None:
        for place in range(0, len(text), PIECE):
            piece = text[place : place + PIECE]
            last = piece.rfind("\n")
            self._begun = self._begun + len(piece) if last < 0 else len(piece) - last - 1
            self._log.feed(piece)
            self._held += len(piece)
            if self._begun > LONGEST_BEGUN:
                self._log.feed("\n")
                self._begun = 0
            if self._held > MOST_TEXT and not self._begun:
                self._show()
                self._renew()
            await anyio.lowlevel.checkpoint()

    def _renew(self) -> None:
        """Go on with a new text, in the same folds: the old one has grown too large."""
        last = self._log.lines[-1] if self._log.lines else None
        self._before += len(self._log.lines)
        self._dropped += self._log.dropped
        self._log, self._held, self._read = LogText(), 0, 0
        self._waiting.clear()
        for name in last.folds if last else ():
            self._log.feed(f"travis_fold:start:{name}\r\x1b[0K")

    async def _show_now_and_then(self) -> None:
        seen = (0, 0)
        while True:
            await anyio.sleep(BETWEEN)
            now = (self._run, self._before + self._held)
            if now != seen:
                seen = now
                self._show()

    def _show(self) -> None:
        """Make lines of what has come for whoever looks."""
        lines = self._log.lines
        skipped = max(0, len(lines) - self._read - MOST_LINES)
        self._given += skipped
        for line in lines[self._read + skipped :]:
            shown = shown_of(line, self._before)
            self._lines.append(shown)
            self._size += shown.size
            self._given += 1
            if shown.duration is None and line.raw.startswith("$ "):
                self._waiting.append(shown)
        self._read = len(lines)
        while len(self._lines) > MOST_LINES or self._size > MOST_SHOWN:
            self._size -= self._lines.popleft().size
        for shown in list(self._waiting):
            duration = lines[shown.number - self._before - 1].duration
            if duration is not None:
                shown.duration = duration
                self._waiting.remove(shown)
                self._patches.append((shown.number, duration))
                self._patched += 1
        self._rest = self._begun_line()
        self.changed.notify()

    def _begun_line(self) -> Shown | None:
        rest = self._log.rest
        if not rest:
            return None
        last = self._lines[-1] if self._lines else None
        line = log_text.Line(number=len(self._log.lines) + 1, raw=rest, folds=last.folds if last else ())
        shown = shown_of(line, self._before)
        # A marker that has not come whole is no text.
        return None if any("travis_" in str(span[0]) for span in shown.spans) else shown

    # For viewers ------------------------------------------------------------------------------------------------------

    def after(self, cursor: Cursor) -> dict[str, object]:
        """Give what came after a cursor, and move it on."""
        anew = cursor.run != self._run
        if anew:
            cursor.run, cursor.line, cursor.patch = self._run, 0, self._patched
        first = self._given - len(self._lines)
        skipped = max(0, first - cursor.line)
        start = cursor.line + skipped - first
        lines = [shown.to_json() for shown in islice(self._lines, start, start + BATCH)]
        fresh = self._patched - cursor.patch
        patches = list(self._patches)[-fresh:] if fresh else []
        cursor.line += skipped + len(lines)
        cursor.patch = self._patched
        return {
            "anew": anew,
            "skipped": skipped,
            "dropped": self._dropped + self._log.dropped,
            "lines": lines,
            "durations": patches,
            "more": cursor.line < self._given,
            "rest": self._rest.to_json() if self._rest and cursor.line >= self._given else None,
        }

    def verdict(self) -> dict[str, object]:
        """Give how it ended."""
        return {"exit_code": self._log.exit_code, "problem": self._problem, "lines": self._given}


class Logs:
    """The logs that somebody looks at.

    Args:
        travis: Follows them.
        group: Where that happens.
    """

    def __init__(self, travis: Travis, group: TaskGroup) -> None:
        self._travis = travis
        self._group = group
        self._rooms: dict[int, Room] = {}
        self.followed = 0

    @asynccontextmanager
    async def look(self, job: int, *, finished: bool) -> AsyncGenerator[Room | None]:
        """Look at a log, together with whoever does so already.

        Args:
            job: Id of the job.
            finished: Whether the job has: the log of an earlier run is of no use for one that runs again.

        Yields:
            The log; None if too many are looked at.
        """
        room = self._rooms.get(job)
        if room is None or (room.ended and not finished):
            if self.followed >= MOST_ROOMS:
                yield None
                return
            room = self._rooms[job] = Room(job)
            self.followed += 1
            self._group.start_soon(room.follow, self._travis)
        room.viewers += 1
        try:
            yield room
        finally:
            room.viewers -= 1
            if not room.viewers:
                room.scope.cancel()
                self.followed -= 1
                if self._rooms.get(job) is room:
                    del self._rooms[job]
