"""Control sequences in one line of a log: to styled text, to plain text, to what is safe for a terminal. No I/O.

A line is what a terminal without a right edge would show of it: a carriage return goes back to its start, and what is
written there replaces what stood there. Only SGR (colours and the like) and moves within the line have an effect.
"""

import re
import sys
from array import array
from io import StringIO
from itertools import groupby
from typing import Final

import msgspec

from aiotravis.log_text._styles import PLAIN, Style, number, restyled, style_after

__all__ = ["Span", "plain", "plain_lines", "rendered", "safe_for_terminal", "spans"]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Text in one style, without control characters other than tabs."""

    text: str
    style: Style


CONTROL: Final = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
"""A control character, other than tab and newline."""

SIGN: Final = r"[^\x00-\x08\x0a-\x1f\x7f-\x9f]"
"""What takes a place in a line: tabs, too."""

IDLE: Final = r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x8f\x91-\x97\x99\x9a\x9c]"
"""One that no sequence begins with: any number of them are read together."""

# Each begins with what a sequence can begin with, and looks back at it: what begins with a set is searched fast.
AFTER: Final = r"(?:(?<=\x1b)\[|(?<=\x9b))"

# A string (title, link, clipboard) that holds a control character counts as unended: its text shows. So no attempt to
# find an end reads what another one has read, whatever the text, and nothing unended swallows the log.
OTHER: Final = (
    r"(?:(?<=\x1b)[\]PX^_]|(?<=[\x90\x98\x9d-\x9f]))[^\x00-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)|(?<=\x1b)[ -/]*+[0-~]?"
)

CONTROLS: Final = re.compile(rf"{CONTROL}(?:(?<={IDLE}){IDLE}*+|{AFTER}[0-?]*+[ -/]*+[@-~]?|{OTHER})?")
TOKENS: Final = re.compile(
    rf"(?P<text>{SIGN}{{1,65536}}+)"
    rf"|(?P<idle>{IDLE}++)|{CONTROL}(?:{AFTER}(?P<values>[0-?]*+)(?P<between>[ -/]*+)(?P<final>[@-~]?)|{OTHER})?"
)
STEPS: Final = rf"(?<=\x08)|{AFTER}[0-9;]*+[CDGJK`]"
"""Moves and erasing, other than going back to the start."""

MOVES: Final = re.compile(rf"[\r\x08\x1b\x9b](?:{STEPS}|(?<=\r)(?<!\r\r)\r*+(?!\n|\Z))")
STEPPING: Final = re.compile(rf"[\x08\x1b\x9b](?:{STEPS})")
SPUN: Final = re.compile(rf"(?<=\x08)(?:{SIGN}\x08)+(?={SIGN})")
"""What a spinner shows, each sign in the place of the one before it: all but the last. Behind a backspace, so that no
sign is the end of a sequence."""

WRITTEN: Final = re.compile(r"[^\r]++")
ERASED: Final = ("\r\x1b[K", "\r\x1b[0K", "\r\x1b[2K")
"""What makes an empty line of a line."""

HIDDEN: Final = re.compile("[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Turns the order of the text that follows, or cannot be encoded."""

PIECE: Final = 1 << 16
"""Characters of a line that are looked at together: while they are, each found weighs as much as fifty."""

CODEC: Final = f"utf-32-{'le' if sys.byteorder == 'little' else 'be'}"


def spans(line: str, style: Style = PLAIN) -> tuple[Span, ...]:
    """Give what a line shows, cut where the style changes.

    Args:
        line: Without its newline.
        style: In force at its start.
    """
    return tuple(Span(text=text, style=style) for text, style in _runs(line, style))


def plain(line: str) -> str:
    """Give what a line shows, without styles.

    Args:
        line: Without its newline.
    """
    # Printable and without control characters: nearly every line, known at once.
    if line.isprintable():
        return line
    if MOVES.search(line):
        return "".join(text for text, _ in _moved_in(line, PLAIN))
    return _without_controls(line)


def plain_lines(text: str) -> str:
    """Give what many lines show; as many lines, each ended by a newline where it was."""
    text = text.replace("\r\n", "\n")
    if not MOVES.search(text):
        return _without_controls(text)
    return "\n".join(map(plain, text.split("\n")))


def _without_controls(text: str) -> str:
    if len(text) <= PIECE:
        return CONTROLS.sub("", text)
    pieces: list[str] = []
    start = 0
    while start < len(text):
        # Behind what the search finds, no sequence is cut: it may be the end of one that began before.
        found = CONTROLS.search(text, start + PIECE)
        end = found.end() if found else len(text)
        pieces.append(CONTROLS.sub("", text[start:end]))
        start = end
    return "".join(pieces)


def safe_for_terminal(text: str, *, colour: bool = True) -> str:
    r"""Give a text that a terminal shows and does not obey.

    What remains are printable characters, ``\n``, ``\t`` and, if wanted, SGR, reset at the end of each line. What turns
    the direction of writing is shown by its number: ``<U+202E>``. Lone surrogates become U+FFFD.

    Args:
        text: Anything: of a log, or what else a stranger may have written.
        colour: Whether to keep colours and other styles.
    """
    lines: list[str] = []
    style = PLAIN
    for line in text.split("\n"):
        lines.append(_rendered(_runs(line, style), colour=colour))
        style = style_after(line, style)
    return "\n".join(lines)


def rendered(line: str, style: Style, *, colour: bool) -> str:
    """Give one line as `safe_for_terminal` does; it begins in the given style."""
    return _rendered(_runs(line, style), colour=colour)


def _rendered(runs: "list[tuple[str, Style]]", *, colour: bool) -> str:
    pieces: list[str] = []
    for text, style in runs:
        visible = text if text.isprintable() else HIDDEN.sub(_visible, text)
        pieces.append(f"\x1b[{style.sgr}m{visible}\x1b[0m" if colour and style != PLAIN else visible)
    return "".join(pieces)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"<U+{code:04X}>"


def _runs(line: str, style: Style) -> list[tuple[str, Style]]:
    if line.isprintable():
        return [(line, style)] if line else []
    return (_moved_in if MOVES.search(line) else _straight)(line, style)


def _straight(line: str, style: Style) -> list[tuple[str, Style]]:
    """Give what a line without moves shows."""
    runs: list[tuple[StringIO, Style]] = []
    for found in TOKENS.finditer(line):
        if text := found["text"]:
            _add(runs, text, style)
        elif found["final"] == "m" and not found["between"]:
            style = restyled(style, found["values"])
    return _joined(runs)


def _moved_in(line: str, style: Style) -> list[tuple[str, Style]]:
    """Give what a line shows in which the cursor goes back and forth."""
    if start := max(found + len(sign) if (found := line.rfind(sign)) >= 0 else 0 for sign in ERASED):
        style, line = style_after(line[:start], style), line[start:]
    return _stepped_in(line, style) if STEPPING.search(line) else _written_over(line, style)


def _written_over(line: str, style: Style) -> list[tuple[str, Style]]:
    """Give what a line shows in which the cursor goes back to its start, and nowhere else, as progress bars do."""
    # What was written, each time wider than all that was written after it: the rest is covered.
    seen: list[tuple[int, str, Style]] = []
    for found in WRITTEN.finditer(line):
        text = found[0]
        width = len(text) if text.isprintable() else len(CONTROLS.sub("", text))
        while seen and seen[-1][0] <= width:
            seen.pop()
        seen.append((width, text, style))
        style = style_after(text, style)
    runs: list[tuple[StringIO, Style]] = []
    covered = 0
    for _, text, style in reversed(seen):
        column = 0
        for run, look in _straight(text, style):
            column += len(run)
            if column > covered:
                _add(runs, run[covered - column :] if column - len(run) < covered else run, look)
        covered = column
    return _joined(runs)


def _add(runs: list[tuple[StringIO, Style]], text: str, style: Style) -> None:
    if not runs or (runs[-1][1] is not style and runs[-1][1] != style):
        runs.append((StringIO(), style))
    runs[-1][0].write(text)


def _joined(runs: list[tuple[StringIO, Style]]) -> list[tuple[str, Style]]:
    return [(texts.getvalue(), style) for texts, style in runs]


def _stepped_in(line: str, style: Style) -> list[tuple[str, Style]]:
    """Give what any line shows."""
    if "\b" in line:
        line = "".join(SPUN.sub("", line[place : place + PIECE]) for place in range(0, len(line), PIECE))
    # One number for each character: so writing over a piece of a line costs the length of that piece, not of the line.
    kind, codec = ("B", "ascii") if line.isascii() else ("I", CODEC)
    looking = "B" if line.count("m") < 255 else "I"
    cells, looks = array(kind), array(looking)
    numbers = {style: 0}
    column = look = 0
    for found in TOKENS.finditer(line):
        if text := found["text"]:
            end = column + len(text)
            cells[column:end] = array(kind, text.encode(codec, "surrogatepass"))
            looks[column:end] = array(looking, (look,)) * len(text)
            column = end
        elif idle := found["idle"]:
            column = 0 if "\r" in idle else max(column - idle.count("\b"), 0)
        elif (final := found["final"]) and not found["between"]:
            if final == "m":
                style = restyled(style, found["values"])
                look = numbers.setdefault(style, len(numbers))
            elif (width := _width_left(final, found["values"], column)) is not None:
                del cells[width:], looks[width:]
                column = min(column, width)
            else:
                column = _moved(final, found["values"], column, len(cells))
    shown = cells.tobytes().decode(codec, "surrogatepass")
    if len(numbers) == 1:
        return [(shown, style)] if shown else []
    styles = list(numbers)
    runs: list[tuple[str, Style]] = []
    place = 0
    for look, group in groupby(looks):
        size = sum(1 for _ in group)
        runs.append((shown[place : place + size], styles[look]))
        place += size
    return runs


def _width_left(final: str, values: str, column: int) -> int | None:
    """Give how much of the line stays; None if that is no erasing. Never leaves blanks: those could cost any memory."""
    if final in "JK" and values in ("", "0"):
        return column
    return 0 if final == "K" and values == "2" else None


def _moved(final: str, values: str, column: int, width: int) -> int:
    """Give where the cursor goes; never beyond what is written, for the same reason."""
    count = number(values)
    if count is None or final not in "CDG`":
        return column
    places = {"C": column + (count or 1), "D": column - (count or 1)}
    return min(max(places.get(final, (count or 1) - 1), 0), width)
