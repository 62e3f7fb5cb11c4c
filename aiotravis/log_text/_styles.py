"""Colours and what else SGR sequences say about how text looks. No I/O."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

import msgspec

__all__ = ["PLAIN", "Colour", "Style", "number", "restyled", "style_after"]

Colour = int | tuple[int, int, int]
"""Place in the palette of 256 (0-7 standard, 8-15 bright), or red, green and blue, 0-255 each."""


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How text looks.

    Attributes:
        foreground: Colour of the text: 0-255 of the palette, or (red, green, blue); None for the reader's own.
        background: Colour behind it.
        strike: Whether it is crossed out.
    """

    foreground: Colour | None = None
    background: Colour | None = None
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False

    @property
    def sgr(self) -> str:
        """The parameters that bring a terminal from its own style to this one: ``"1;31"``; empty for its own."""
        return _sgr(self)


PLAIN: Final = Style()

SWITCHES: Final = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}

PALETTE: Final = {
    first + place: place + bright for first, bright in ((30, 0), (40, 0), (90, 8), (100, 8)) for place in range(8)
}
"""What stands for the first sixteen colours, in front and behind."""

OFF: Final[dict[int, tuple[str, ...]]] = {
    21: ("bold",),
    22: ("bold", "faint"),
    23: ("italic",),
    24: ("underline",),
    27: ("reverse",),
    29: ("strike",),
    39: ("foreground",),
    49: ("background",),
}

SGR: Final = re.compile(r"(?:\x1b\[|\x9b)([0-9;:]*+)m")

LONGEST_REMEMBERED: Final = 64
"""Characters of parameters up to which what they mean is remembered."""


def style_after(text: str, style: Style) -> Style:
    """Give the style in force after a text."""
    if "\x1b" not in text and "\x9b" not in text:
        return style
    reset = max(text.rfind("\x1b[0m"), text.rfind("\x1b[m"))
    if reset >= 0:
        style = PLAIN
    for found in SGR.finditer(text, max(reset, 0)):
        style = restyled(style, found[1])
    return style


def number(digits: str) -> int | None:
    """Read a number that somebody may have made too large or too odd to be one."""
    if not digits:
        return 0
    return int(digits) if len(digits) <= 6 and digits.isascii() and digits.isdigit() else None


def restyled(style: Style, values: str) -> Style:
    """Give what the parameters of an SGR sequence make of a style."""
    return _remembered(style, values) if len(values) <= LONGEST_REMEMBERED else _read(style, values)


@lru_cache(1024)
def _sgr(style: Style) -> str:
    codes = [code for code, name in SWITCHES.items() if getattr(style, name)]
    codes += _colour_codes(style.foreground, 30) + _colour_codes(style.background, 40)
    return ";".join(map(str, codes))


@lru_cache(1024)
def _remembered(style: Style, values: str) -> Style:
    return _read(style, values)


def _read(style: Style, values: str) -> Style:
    look = msgspec.structs.asdict(style)
    if values.strip("0123456789;:"):
        return style
    rest = iter(values.split(";"))
    for value in rest:
        first, colon, more = value.partition(":")
        code = number(first)
        if code == 0:
            look = msgspec.structs.asdict(PLAIN)
        elif code in (38, 48):
            chosen = _colour_in(more.split(":")) if colon else _colour_of(rest)
            if chosen is not None:
                look["foreground" if code == 38 else "background"] = chosen
        elif code in SWITCHES:
            # 4:0 is no underline; 4:1 to 4:5 are kinds of it.
            look[SWITCHES[code]] = more != "0"
        elif code in OFF:
            for name in OFF[code]:
                look[name] = getattr(PLAIN, name)
        elif code is not None and (place := PALETTE.get(code)) is not None:
            look["foreground" if code % 20 >= 10 else "background"] = place
    return Style(**look)


def _colour_of(rest: Iterator[str]) -> Colour | None:
    """Read ``5;n`` or ``2;r;g;b``, and no more than that."""
    kind = next(rest, "")
    return _colour_in([kind, *islice(rest, {"5": 1, "2": 3}.get(kind, 0))])


def _colour_in(values: list[str]) -> Colour | None:
    """Make a colour of ``5:n``, ``2:r:g:b``, or ``2::r:g:b`` with its colour space."""
    numbers = [number(value) for value in values[1:]]
    if values[0] == "2" and len(numbers) > 3:
        numbers = numbers[1:4]
    match values[0], [number for number in numbers if number is not None and number <= 255]:
        case "5", [place, *_]:
            return place
        case "2", [red, green, blue]:
            return (red, green, blue)
        case _:
            return None


def _colour_codes(colour: Colour | None, base: int) -> list[int]:
    if colour is None:
        return []
    if isinstance(colour, tuple):
        return [base + 8, 2, *colour]
    return [base + colour] if colour < 8 else [base + 52 + colour] if colour < 16 else [base + 8, 5, colour]
