"""Colours and other styles, and the SGR sequences that set them. No I/O."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

import msgspec

from aiotravis._http.json_text import ToDict

__all__ = ["DEFAULT_STYLE", "SGR", "Colour", "Style", "apply_sgr", "parse_number", "style_after"]

Colour = int | tuple[int, int, int]
"""Index in the palette of 256 (0-7 standard, 8-15 bright), or red, green and blue, 0-255 each."""


class Style(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    """The style of some text.

    Attributes:
        foreground: Colour of the text; None for the terminal's default.
        background: Colour behind the text; None for the terminal's default.
        strike: Whether the text is crossed out.
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
        """SGR parameters that set this style, starting from the default: ``"1;31"``; empty for the default."""
        return _sgr(self)


DEFAULT_STYLE: Final = Style()

SWITCHES: Final = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}

PALETTE: Final = {
    first + place: place + bright for first, bright in ((30, 0), (40, 0), (90, 8), (100, 8)) for place in range(8)
}
"""SGR codes of the first sixteen colours, as foreground and as background."""

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

MAX_CACHED_LENGTH: Final = 64
"""Maximum length of SGR parameters whose meaning is cached."""


def style_after(text: str, style: Style) -> Style:
    """Return the style at the end of a text."""
    if "\x1b" not in text and "\x9b" not in text:
        return style
    reset = max(text.rfind("\x1b[0m"), text.rfind("\x1b[m"))
    if reset >= 0:
        style = DEFAULT_STYLE
    for found in SGR.finditer(text, max(reset, 0)):
        style = apply_sgr(style, found[1])
    return style


def parse_number(digits: str) -> int | None:
    """Return a parameter as a number, 0 if it is empty, or None if it is too large or not a number."""
    if not digits:
        return 0
    return int(digits) if len(digits) <= 6 and digits.isascii() and digits.isdigit() else None


def apply_sgr(style: Style, values: str) -> Style:
    """Apply the parameters of an SGR sequence to a style."""
    return _apply_sgr_cached(style, values) if len(values) <= MAX_CACHED_LENGTH else _apply_sgr(style, values)


@lru_cache(1024)
def _sgr(style: Style) -> str:
    codes = [code for code, name in SWITCHES.items() if getattr(style, name)]
    codes += _colour_codes(style.foreground, 30) + _colour_codes(style.background, 40)
    return ";".join(map(str, codes))


@lru_cache(1024)
def _apply_sgr_cached(style: Style, values: str) -> Style:
    return _apply_sgr(style, values)


def _apply_sgr(style: Style, values: str) -> Style:
    fields = msgspec.structs.asdict(style)
    if values.strip("0123456789;:"):
        return style
    rest = iter(values.split(";"))
    for value in rest:
        first, colon, more = value.partition(":")
        code = parse_number(first)
        if code == 0:
            fields = msgspec.structs.asdict(DEFAULT_STYLE)
        elif code in (38, 48):
            chosen = _parse_colour(more.split(":")) if colon else _next_colour(rest)
            if chosen is not None:
                fields["foreground" if code == 38 else "background"] = chosen
        elif code in SWITCHES:
            # 4:0 means no underline; 4:1 to 4:5 are kinds of underline.
            fields[SWITCHES[code]] = more != "0"
        elif code in OFF:
            for name in OFF[code]:
                fields[name] = getattr(DEFAULT_STYLE, name)
        elif code is not None and (place := PALETTE.get(code)) is not None:
            fields["foreground" if code % 20 >= 10 else "background"] = place
    return Style(**fields)


def _next_colour(rest: Iterator[str]) -> Colour | None:
    """Parse ``5;n`` or ``2;r;g;b`` at the beginning of the rest."""
    kind = next(rest, "")
    return _parse_colour([kind, *islice(rest, {"5": 1, "2": 3}.get(kind, 0))])


def _parse_colour(values: list[str]) -> Colour | None:
    """Parse ``5:n``, ``2:r:g:b``, or ``2::r:g:b`` with its colour space."""
    numbers = [parse_number(value) for value in values[1:]]
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
