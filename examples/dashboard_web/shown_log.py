"""A log as its page shows it: parsed into lines as it grows, bounded in size, however it is cut into parts. No I/O."""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

from aiotravis import LogText, log_text
from examples.dashboard_web.shown import MAX_FOLDS, ShownLine, shown_line

MAX_LINES: Final = 5000
"""Newest lines of a log that are kept."""

MAX_SHOWN: Final = 4 << 20
"""Characters of the lines that are kept."""

MAX_PARSED_TEXT: Final = 4 << 20
"""Characters of a log that are parsed into one `LogText`."""

MAX_UNFINISHED_LINE: Final = 1 << 20
"""Characters after which a line without an end is broken."""

PIECE: Final = 1 << 16
"""Maximum characters of a part."""

BATCH: Final = 500
"""Lines per message."""


@dataclass
class Cursor:
    """The position of a viewer in a log."""

    run: int = -1
    line: int = 0
    patch: int = 0
    closed: bool = False


class ShownLog:
    """The lines of a log for its viewers.

    Viewers ask for what came after their cursor. So nothing is queued for them, and a slow viewer is told how many
    lines it has missed. Who has watched the log from its beginning and who opens it later see the same: a duration that
    becomes known after its line was sent follows as a patch; lines that turn out to stand in no fold, once the log has
    ended, are sent again; and limits hold at places of the text, not of its parts.
    """

    def __init__(self) -> None:
        self._run = -1
        self.reset()

    def reset(self) -> None:
        """Discard everything: the log begins again."""
        self._run += 1
        self._log = LogText()
        self._fed = self._unfinished = self._dropped = 0
        self._read = self._timings = 0
        self._before = 0
        self._lines: deque[ShownLine] = deque()
        self._size = 0
        self._total = 0
        self._patches: deque[tuple[int, float]] = deque(maxlen=MAX_LINES)
        self._patched = 0
        self._standing: int | None = None
        self._rest: ShownLine | None = None

    @property
    def position(self) -> tuple[int, int, int]:
        """Changes when there is something new to `show`."""
        return self._run, self._before, self._fed

    def feed(self, part: str) -> None:
        """Add the next part, of up to `PIECE` characters, cut anywhere."""
        first = part.find("\n")
        room = MAX_UNFINISHED_LINE - self._unfinished
        if room < (len(part) if first < 0 else first):
            self._parse(part[:room] + "\n")
            part = part[room:]
        end = part.find("\n", max(0, MAX_PARSED_TEXT - self._fed - 1)) + 1
        if end > 0 and self._fed + end >= MAX_PARSED_TEXT:
            self._parse(part[:end])
            self._start_new_text()
            part = part[end:]
        self._parse(part)

    def close(self) -> None:
        """End the log."""
        self._log.close()
        while self._lines and self._read and self._log.lines[self._read - 1].folds[:MAX_FOLDS] != self._lines[-1].folds:
            # What a worker writes as it stops a job in a fold is known by being the last.
            self._size -= self._lines.pop().size
            self._read -= 1
            self._total -= 1
        self._standing = self._total
        self.show()

    def _parse(self, part: str) -> None:
        self._log.feed(part)
        self._fed += len(part)
        last = part.rfind("\n")
        self._unfinished = self._unfinished + len(part) if last < 0 else len(part) - last - 1

    def _start_new_text(self) -> None:
        """Continue with a new text in the same folds: the old one has grown too large."""
        self.show()
        last = self._log.lines[-1] if self._log.lines else None
        self._before += len(self._log.lines)
        self._dropped += self._log.dropped
        self._log, self._fed, self._read, self._timings = LogText(), 0, 0, 0
        for name in last.folds if last else ():
            self._log.feed(f"travis_fold:start:{name}\r\x1b[0K")

    def show(self) -> None:
        """Convert what is new for the viewers."""
        self._show_durations()
        lines = self._log.lines
        skipped = max(0, len(lines) - self._read - MAX_LINES)
        self._total += skipped
        for line in lines[self._read + skipped :]:
            shown = shown_line(line, self._before)
            self._lines.append(shown)
            self._size += shown.size
            self._total += 1
        self._read = len(lines)
        while len(self._lines) > MAX_LINES or self._size > MAX_SHOWN:
            self._size -= self._lines.popleft().size
        self._rest = self._unfinished_line()

    def _show_durations(self) -> None:
        """Patch lines that were shown before their timers ended."""
        timings = self._log.timings
        ended, self._timings = timings[self._timings :], len(timings)
        if not ended or not self._lines:
            return
        oldest = self._lines[0].number - self._before
        first = max(1, oldest, min(timing.line for timing in ended))
        kept = islice(self._lines, first - oldest, None)
        for shown, line in zip(kept, self._log.lines[first - 1 : self._read], strict=False):
            if line.duration is not None and shown.duration != line.duration:
                shown.duration = line.duration
                self._patches.append((shown.number, line.duration))
                self._patched += 1

    def _unfinished_line(self) -> ShownLine | None:
        rest = self._log.rest
        if not rest:
            return None
        last = self._lines[-1] if self._lines else None
        line = log_text.Line(number=len(self._log.lines) + 1, raw=rest, folds=last.folds if last else ())
        shown = shown_line(line, self._before)
        # An incomplete marker is not text.
        return None if any("travis_" in str(span[0]) for span in shown.spans) else shown

    def after(self, cursor: Cursor) -> dict[str, object]:
        """Return what came after a cursor, and advance the cursor."""
        reset = cursor.run != self._run
        if reset:
            cursor.run, cursor.line, cursor.patch, cursor.closed = self._run, 0, self._patched, False
        standing = None if cursor.closed or self._standing is None else self._standing
        if standing is not None:
            cursor.closed, cursor.line = True, min(cursor.line, standing)
        first = self._total - len(self._lines)
        skipped = max(0, first - cursor.line)
        start = cursor.line + skipped - first
        lines = [shown.to_json() for shown in islice(self._lines, start, start + BATCH)]
        patches = self._patches_after(cursor.patch)
        cursor.line += skipped + len(lines)
        cursor.patch = self._patched
        return {
            "reset": reset,
            "standing": standing,
            "skipped": skipped,
            "dropped": self._dropped + self._log.dropped,
            "lines": lines,
            "durations": patches,
            "more": cursor.line < self._total,
            "rest": self._rest.to_json() if self._rest and cursor.line >= self._total else None,
        }

    def _patches_after(self, count: int) -> list[tuple[int, float]]:
        fresh = self._patched - count
        if fresh > len(self._patches):
            return [(shown.number, shown.duration) for shown in self._lines if shown.duration is not None]
        return list(islice(self._patches, len(self._patches) - fresh, None))

    def summary(self, problem: str | None) -> dict[str, object]:
        """Return how the log ended."""
        return {"exit_code": self._log.exit_code, "problem": problem, "lines": self._total}
