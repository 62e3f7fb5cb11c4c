"""Control sequences in a line of a log: to styled text, to plain text, to text that is safe for a terminal. No I/O.

A line is shown as by a terminal of unlimited width, but for carriage returns: as on Travis's website, the next
character that is printed after one clears the line. Only SGR (colours and the like) and moves within the line have an
effect.
"""

import re
import sys
from array import array
from io import StringIO
from itertools import chain, groupby
from typing import Final

import msgspec

from aiotravis._http.json_text import ToDict
from aiotravis.log_text._styles import DEFAULT_STYLE, SGR, Style, apply_sgr, parse_number, style_after

__all__ = ["Span", "render_line", "safe_for_terminal", "spans", "visible_lines", "visible_text"]


class Span(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    """Text in one style, without control characters other than tabs."""

    text: str
    style: Style


CONTROL: Final = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
"""A control character, other than tab and newline."""

PRINTABLE: Final = r"[^\x00-\x08\x0a-\x1f\x7f-\x9f]"
"""A character that occupies a column; tabs do, too."""

SINGLE: Final = r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x8f\x91-\x97\x99\x9a\x9c]"
"""A control character that begins no sequence; any number of them are matched at once."""

# These begin with a lookbehind at the first character: a search for an expression that begins with a set is fast.
CSI_START: Final = r"(?:(?<=\x1b)\[|(?<=\x9b))"

# A string (title, link, clipboard) that contains a control character counts as unended, and its text is visible. So
# every text is matched in linear time, and an unended string does not swallow the log.
OTHER_SEQUENCE: Final = (
    r"(?:(?<=\x1b)[\]PX^_]|(?<=[\x90\x98\x9d-\x9f]))[^\x00-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)|(?<=\x1b)[ -/]*+[0-~]?"
)

SEQUENCES: Final = re.compile(
    rf"{CONTROL}(?:(?<={SINGLE}){SINGLE}*+|{CSI_START}[0-?]*+[ -/]*+[@-~]?|{OTHER_SEQUENCE})?"
)
PRINTED: Final = re.compile(rf"(?:{SEQUENCES.pattern})*+{PRINTABLE}")
TOKENS: Final = re.compile(
    rf"(?P<text>{PRINTABLE}{{1,65536}}+)"
    rf"|(?P<single>{SINGLE}++)"
    rf"|{CONTROL}(?:{CSI_START}(?P<values>[0-?]*+)(?P<between>[ -/]*+)(?P<final>[@-~]?)|{OTHER_SEQUENCE})?"
)
MOVES: Final = re.compile(rf"[\x08\x1b\x9b](?:(?<=\x08)|{CSI_START}[0-9;]*+[CDGJK`])")
"""Moves and erasing, other than a carriage return."""

SPINNER: Final = re.compile(rf"(?<=\x08)(?:{PRINTABLE}\x08)+(?={PRINTABLE})")
"""The characters of a spinner, each overwriting the one before, except the last. It begins after a backspace, so that
no character is the end of a sequence."""

RETURNS: Final = re.compile(r"\r++\n")

UNSAFE: Final = re.compile("[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that change the direction of text, or cannot be encoded."""

CHUNK: Final = 1 << 16
"""Characters of a line that are processed at once: meanwhile, each match takes the memory of fifty."""

CODEC: Final = f"utf-32-{'le' if sys.byteorder == 'little' else 'be'}"


def spans(line: str, style: Style = DEFAULT_STYLE) -> tuple[Span, ...]:
    """Return the visible text of a line, split where the style changes.

    Args:
        line: The line without its newline.
        style: Style at its start.
    """
    return tuple(Span(text=text, style=style) for text, style in _styled_runs(line, style))


def visible_text(line: str) -> str:
    """Return the visible text of a line without its newline."""
    # Nearly all lines are printable, but for the carriage return at their end: this is the fastest check.
    line = line.rstrip("\r")
    if line.isprintable():
        return line
    if "\r" in line:
        line = line[_after_return(line) :]
    if MOVES.search(line):
        return "".join(text for text, _ in _runs_with_moves(line, DEFAULT_STYLE))
    return _without_controls(line)


def visible_lines(text: str) -> str:
    """Return the visible text of many lines, with the newlines between them."""
    if "\r" in text:
        # Nearly all line ends have one or two: this is the fastest way.
        text = text.replace("\r\n", "\n").replace("\r\n", "\n")
        if "\r\n" in text:
            text = RETURNS.sub("\n", text)
    if "\r" not in text and not MOVES.search(text):
        return _without_controls(text)
    return "\n".join(map(visible_text, text.split("\n")))


def _after_return(line: str) -> int:
    """Return where the text begins that a line shows, which does not end with a carriage return."""
    # fact 10.3: the website clears a line at a carriage return that something printed follows.
    end = len(line)
    while (at := line.rfind("\r", 0, end)) >= 0:
        if at + 1 < end and PRINTED.match(line, at + 1, end):
            return at + 1
        end = at
    return 0


def _without_controls(text: str) -> str:
    if len(text) <= CHUNK:
        return SEQUENCES.sub("", text)
    pieces: list[str] = []
    start = 0
    while start < len(text):
        # After a match, no sequence is cut, even if the match is the end of one that began before.
        found = SEQUENCES.search(text, start + CHUNK)
        end = found.end() if found else len(text)
        pieces.append(SEQUENCES.sub("", text[start:end]))
        start = end
    return "".join(pieces)


def safe_for_terminal(text: str, *, colour: bool = True) -> str:
    r"""Return text that is safe to print on a terminal.

    It contains printable characters, ``\n``, ``\t`` and, if wanted, SGR, reset at the end of each line. Characters that
    change the direction of text are shown by number: ``<U+202E>``. Lone surrogates become U+FFFD.

    Args:
        text: Any text, of a log or from another source that is not trusted.
        colour: Whether to keep colours and other styles.
    """
    lines: list[str] = []
    style = DEFAULT_STYLE
    for line in text.split("\n"):
        lines.append(render_line(line, style, colour=colour))
        style = style_after(line, style)
    return "\n".join(lines)


def render_line(line: str, style: Style, *, colour: bool) -> str:
    """Return one line as `safe_for_terminal` does, starting in a style."""
    pieces: list[str] = []
    for text, own in _styled_runs(line, style):
        visible = text if text.isprintable() else UNSAFE.sub(_escape_unsafe, text)
        pieces.append(f"\x1b[{own.sgr}m{visible}\x1b[0m" if colour and own != DEFAULT_STYLE else visible)
    return "".join(pieces)


def _escape_unsafe(found: re.Match[str]) -> str:
    code = ord(found[0])
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"<U+{code:04X}>"


def _styled_runs(line: str, style: Style) -> list[tuple[str, Style]]:
    line = line.rstrip("\r")
    if line.isprintable():
        return [(line, style)] if line else []
    if "\r" in line and (start := _after_return(line)):
        style, line = style_after(line[:start], style), line[start:]
    if MOVES.search(line):
        return _runs_with_moves(line, style)
    runs: list[tuple[StringIO, Style]] = []
    done = 0
    for found in chain(SGR.finditer(line), (None,)):
        text = line[done : found.start() if found else len(line)]
        if not text.isprintable():
            text = _without_controls(text)
        if text:
            if not runs or (runs[-1][1] is not style and runs[-1][1] != style):
                runs.append((StringIO(), style))
            runs[-1][0].write(text)
        if found:
            style, done = apply_sgr(style, found[1]), found.end()
    return [(texts.getvalue(), style) for texts, style in runs]


def _runs_with_moves(line: str, style: Style) -> list[tuple[str, Style]]:
    """Return the visible text of a line with moves."""
    if "\b" in line:
        line = "".join(SPINNER.sub("", line[place : place + CHUNK]) for place in range(0, len(line), CHUNK))
    # Arrays hold one number per character, so that overwriting takes time in proportion to the piece, not to the line.
    kind, codec = ("B", "ascii") if line.isascii() else ("I", CODEC)
    id_kind = "B" if line.count("m") < 255 else "I"
    cells, style_ids = array(kind), array(id_kind)
    numbers = {style: 0}
    column = style_id = 0
    for found in TOKENS.finditer(line):
        if text := found["text"]:
            end = column + len(text)
            cells[column:end] = array(kind, text.encode(codec, "surrogatepass"))
            style_ids[column:end] = array(id_kind, (style_id,)) * len(text)
            column = end
        elif single := found["single"]:
            column = 0 if "\r" in single else max(column - single.count("\b"), 0)
        elif (final := found["final"]) and not found["between"]:
            if final == "m":
                style = apply_sgr(style, found["values"])
                style_id = numbers.setdefault(style, len(numbers))
            elif final in "JK" and found["values"] in (("", "0", "2") if final == "K" else ("", "0")):
                # Blanks are not kept: all from here on, or the whole line.
                column = 0 if found["values"] == "2" else column
                del cells[column:], style_ids[column:]
            elif final in "CDG`" and (count := parse_number(found["values"])) is not None:
                places = {"C": column + (count or 1), "D": column - (count or 1)}
                # At most the width: a few bytes could otherwise require any amount of memory.
                column = min(max(places.get(final, (count or 1) - 1), 0), len(cells))
    shown = cells.tobytes().decode(codec, "surrogatepass")
    if len(numbers) == 1:
        return [(shown, style)] if shown else []
    styles = list(numbers)
    runs: list[tuple[str, Style]] = []
    place = 0
    for style_id, group in groupby(style_ids):
        start, place = place, place + sum(1 for _ in group)
        runs.append((shown[start:place], styles[style_id]))
    return runs
