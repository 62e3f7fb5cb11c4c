"""A log as its page shows it: parsed as it grows, bounded in size, however it is cut into parts. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiotravis import LogText, log_text
from examples.dashboard_web.shown import ShownLine, shown_line
from examples.outcome import outcome

MAX_LINES: Final = 5000
"""Newest lines of a log that a page receives unless it asks for more."""

MAX_PARSED_TEXT: Final = 4 << 20
"""Characters of a log that are parsed into one `LogText`."""

MAX_TEXTS: Final = 16
"""Such texts that are kept: the newest ones."""

MAX_UNFINISHED_LINE: Final = 1 << 20
"""Characters after which a line without an end is broken."""

PIECE: Final = 1 << 16
"""Maximum characters of a part."""

MAX_TAKEN_BACK: Final = 64
"""Lines at the end of a log whose folds may turn out to be others."""

BATCH: Final = 500
"""Lines per message, and durations."""


@dataclass
class Cursor:
    """The position of a viewer in a log.

    Attributes:
        last: How many lines it wants, from the end.
    """

    last: int = MAX_LINES
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
        # Each with the number of lines before it.
        self._texts = [(0, LogText())]
        self._fed = self._unfinished = self._dropped = self._timings = 0
        self._timed: list[int] = []
        self._standing: int | None = None

    @property
    def position(self) -> tuple[int, int, int]:
        """Changes when there is something new for viewers."""
        return self._run, self._texts[-1][0], self._fed

    @property
    def total(self) -> int:
        """Number of lines, with those that are not kept."""
        before, text = self._texts[-1]
        return before + len(text.lines)

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
        before, text = self._texts[-1]
        start = max(0, len(text.lines) - MAX_TAKEN_BACK)
        folds = [line.folds for line in text.lines[start:]]
        text.close()
        # What a worker writes as it stops a job in a fold is known by being the last.
        moved = (line.number for line, old in zip(text.lines[start:], folds, strict=False) if line.folds != old)
        self._standing = before + next(moved, len(text.lines) + 1) - 1

    def _parse(self, part: str) -> None:
        self._texts[-1][1].feed(part)
        self._fed += len(part)
        last = part.rfind("\n")
        self._unfinished = self._unfinished + len(part) if last < 0 else len(part) - last - 1

    def _start_new_text(self) -> None:
        """Continue with a new text in the same folds: the old one has grown too large."""
        self._note_timings()
        _, old = self._texts[-1]
        self._dropped += old.dropped
        self._texts = [*self._texts[1 - MAX_TEXTS :], (self.total, LogText())]
        self._fed = self._timings = 0
        for name in old.lines[-1].folds if old.lines else ():
            self._texts[-1][1].feed(f"travis_fold:start:{name}\r\x1b[0K")

    def _note_timings(self) -> None:
        before, text = self._texts[-1]
        timings = text.timings
        self._timed += [before + timing.line for timing in timings[self._timings :]]
        self._timings = len(timings)

    def _lines(self, start: int, stop: int) -> Iterator[tuple[int, log_text.Line]]:
        """Yield lines, from one index to another, each with the number of lines before its text."""
        for before, text in self._texts:
            for line in text.lines[max(0, start - before) : max(0, stop - before)]:
                yield before, line

    def after(self, cursor: Cursor, state: str = "started") -> dict[str, object]:
        """Return what came after a cursor, and advance the cursor.

        Args:
            cursor: The cursor.
            state: State of the job.
        """
        self._note_timings()
        reset = cursor.run != self._run
        if reset:
            cursor.run, cursor.line, cursor.patch, cursor.closed = self._run, 0, len(self._timed), False
        standing = None if cursor.closed else self._standing
        if standing is not None:
            cursor.closed, cursor.line = True, min(cursor.line, standing)
        first = max(self.total - cursor.last, self._texts[0][0])
        durations = self._durations(cursor, first)
        start = max(cursor.line, first)
        lines = [shown_line(line, before).to_json() for before, line in self._lines(start, start + BATCH)]
        skipped, cursor.line = start - cursor.line, start + len(lines)
        whole = cursor.line >= self.total
        rest = self._unfinished_line() if whole else None
        return {
            "reset": reset,
            "standing": standing,
            "skipped": skipped,
            "total": self.total,
            "dropped": self._dropped + self._texts[-1][1].dropped,
            "lines": lines,
            "durations": durations,
            "outcome": outcome(self._texts, state),
            "more": not whole or cursor.patch < len(self._timed),
            "rest": rest.to_json() if rest else None,
        }

    def _durations(self, cursor: Cursor, first: int) -> list[tuple[int, float]]:
        """Return the durations of lines that were sent before their timers ended."""
        ended = dict.fromkeys(self._timed[cursor.patch : cursor.patch + BATCH])
        cursor.patch = min(cursor.patch + BATCH, len(self._timed))
        sent = [number for number in ended if first < number <= cursor.line]
        lines = [(number, line) for number in sent for _, line in self._lines(number - 1, number)]
        return [(number, line.duration) for number, line in lines if line.duration is not None]

    def _unfinished_line(self) -> ShownLine | None:
        before, text = self._texts[-1]
        if not text.rest:
            return None
        folds = text.lines[-1].folds if text.lines else ()
        shown = shown_line(log_text.Line(number=len(text.lines) + 1, raw=text.rest, folds=folds), before)
        # An incomplete marker is not text.
        return None if any("travis_" in str(span[0]) for span in shown.spans) else shown

    def summary(self, problem: str | None) -> dict[str, object]:
        """Return how the log ended."""
        return {"exit_code": self._texts[-1][1].exit_code, "problem": problem, "lines": self.total}
