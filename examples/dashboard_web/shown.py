"""A line of a log as the page is told of it: cut to what can be shown, styles as plain values."""

from dataclasses import dataclass
from typing import Final

from aiotravis import log_text

LONGEST_READ: Final = 1 << 16
"""Characters of a line that are looked at."""

LONGEST_LINE: Final = 2000
"""Characters of a line that are shown."""

MOST_SPANS: Final = 400
"""Changes of style in a line that are shown."""

DEEPEST: Final = 6
"""Folds within each other that are shown."""


@dataclass
class Shown:
    """A line as it is told to the page."""

    number: int
    folds: tuple[str, ...]
    spans: list[list[object]]
    cut: int
    duration: float | None
    size: int

    def to_json(self) -> list[object]:
        """Give what the page needs."""
        return [self.number, self.folds, self.spans, self.cut, self.duration]


def shown_of(line: log_text.Line, before: int) -> Shown:
    """Make of a line what the page is told of it.

    Args:
        line: The line.
        before: How many lines there were before the first one of its text.
    """
    raw = line.raw
    if len(raw) > LONGEST_READ:
        # Where carriage returns overwrite a line, its end is what shows.
        raw = raw[-LONGEST_READ:].partition("\r")[2] if "\r" in raw[-LONGEST_READ:] else raw[:LONGEST_READ]
    spans: list[list[object]] = []
    room, whole = LONGEST_LINE, 0
    for span in log_text.Line(number=line.number, raw=raw, style=line.style).spans:
        whole += len(span.text)
        if room > 0 and len(spans) < MOST_SPANS:
            spans.append([span.text[:room], *_look(span.style)])
            room -= len(span.text)
    shown = sum(len(str(span[0])) for span in spans)
    cut = whole - shown + len(line.raw) - len(raw)
    return Shown(before + line.number, line.folds[:DEEPEST], spans, cut, line.duration, shown + 200)


def _look(style: log_text.Style) -> list[object]:
    """Give colours and switches of a style; nothing for the plain one."""
    switches = [name for name in ("bold", "faint", "italic", "underline", "strike") if getattr(style, name)]
    front, back = style.foreground, style.background
    if style == log_text.Style():
        return []
    if style.reverse:
        return ["back" if back is None else back, "front" if front is None else front, switches]
    return [front, back, switches]
