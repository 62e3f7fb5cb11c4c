"""A line of a log as the page receives it: cut to what can be shown, styles as plain values."""

from dataclasses import dataclass
from typing import Final

from aiotravis import log_text, safe_for_terminal

MAX_PARSED: Final = 1 << 16
"""Characters of a line that are parsed."""

MAX_LINE: Final = 2000
"""Characters of a line that are shown."""

MAX_SPANS: Final = 400
"""Changes of style in a line that are shown."""

MAX_FOLDS: Final = 6
"""Nested folds that are shown."""


@dataclass
class ShownLine:
    """A line as it is sent to the page."""

    number: int
    folds: tuple[str, ...]
    spans: list[list[object]]
    cut: int
    duration: float | None

    def to_json(self) -> list[object]:
        """Return the fields that the page needs."""
        return [self.number, self.folds, self.spans, self.cut, self.duration]


def shown_line(line: log_text.Line, before: int) -> ShownLine:
    """Convert a line of a log for the page.

    Args:
        line: The line.
        before: Number of lines before the first one of its text.
    """
    raw = line.raw
    if len(raw) > MAX_PARSED:
        # Where carriage returns overwrite a line, its end is what shows.
        raw = raw[-MAX_PARSED:].partition("\r")[2] if "\r" in raw[-MAX_PARSED:] else raw[:MAX_PARSED]
    spans: list[list[object]] = []
    left, whole = MAX_LINE, 0
    for span in log_text.Line(number=line.number, raw=raw, style=line.style).spans:
        whole += len(span.text)
        if left > 0 and len(spans) < MAX_SPANS:
            spans.append([span.text[:left], *_colours(span.style)])
            left -= len(span.text)
    cut = whole - sum(len(str(span[0])) for span in spans) + len(line.raw) - len(raw)
    for shown in spans:
        # Characters that would turn the direction of the text are shown by number.
        shown[0] = safe_for_terminal(str(shown[0]), colour=False)
    return ShownLine(before + line.number, line.folds[:MAX_FOLDS], spans, cut, line.duration)


def _colours(style: log_text.Style) -> list[object]:
    """Return the colours and switches of a style; an empty list for the default style."""
    switches = [name for name in ("bold", "faint", "italic", "underline", "strike") if getattr(style, name)]
    front, back = style.foreground, style.background
    if style == log_text.Style():
        return []
    if style.reverse:
        return ["back" if back is None else back, "front" if front is None else front, switches]
    return [front, back, switches]
