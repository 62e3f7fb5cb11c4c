"""JSON text by its strings and brackets: where it can be cut, and whether its end is there. No I/O.

All of this looks at a bounded stretch, and gives others their turn before the next.
"""

import re
from collections.abc import Generator
from typing import Final

__all__ = ["STRETCH", "cut_short", "end_of_characters", "end_of_items", "end_of_space"]

STRETCH: Final = 1 << 17
"""Bytes that are looked at in one go."""

BRACKETS: Final = 1 << 13
"""Brackets that are looked at in one go: each takes longer than the bytes between."""

QUOTE: Final = 0x22

OPENING: Final = b"[{"

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'

_UP_TO_BRACKET: Final = re.compile(rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+', re.DOTALL)
"""Whole strings and what is between them: up to a bracket, or to a string that does not end within reach."""

_PLAIN_ITEMS: Final = re.compile(rb'(?:[^"\[\]{},]*+(?:' + _STRING + rb'[^"\[\]{},]*+)*+,)*+', re.DOTALL)
"""Items, or members, that hold no brackets, each with its comma."""

_CHARACTERS: Final = re.compile(
    # Two surrogates are one character: never only the first of them.
    rb'(?:[^"\\]++|\\[^u]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4})*+',
    re.DOTALL,
)

_UP_TO_QUOTE: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)

_SPACE: Final = re.compile(rb"[ \t\r\n]*+")


def _end(pattern: re.Pattern[bytes], text: bytes, start: int, limit: int) -> int:
    found = pattern.match(text, start, limit)
    return start if found is None else found.end()


def end_of_space(text: bytes, start: int) -> int:
    """Give where the next token begins."""
    return _end(_SPACE, text, start, len(text))


def end_of_items(text: bytes, start: int) -> tuple[int, bool]:
    """Give how far, within a stretch, whole items go that stand in an array, or whole members in an object.

    Args:
        text: The JSON text.
        start: Where the first of them begins.

    Returns:
        The end of the last one, behind its comma; ``start``, if not even the first one ends so soon. And whether this
        is where the array or object is closed.
    """
    limit = min(start + STRETCH, len(text))
    place = whole = start
    depth = 0
    for _ in range(BRACKETS):
        if not depth and (end := _end(_PLAIN_ITEMS, text, place, limit)) > place:
            place = whole = end
        place = _end(_UP_TO_BRACKET, text, place, limit)
        if place >= limit or text[place] == QUOTE:
            break
        if text[place] in OPENING:
            depth += 1
        elif not depth:
            return place, True
        else:
            depth -= 1
        place += 1
    return whole, False


def end_of_characters(text: bytes, start: int) -> int:
    """Give how far, within a stretch, whole characters go that stand in a string.

    Args:
        text: The JSON text.
        start: Where the first of them begins.
    """
    limit = min(start + STRETCH, len(text))
    place = _end(_CHARACTERS, text, start, limit)
    if place == limit < len(text):
        # Not in the middle of a character's bytes either.
        while place > start and text[place] & 0xC0 == 0x80:
            place -= 1
    return place


def cut_short(text: bytes) -> Generator[None, None, bool]:
    """Tell, in steps, whether a text ends before the array, object or string that it begins.

    What is wrong in any other way is not cut short.
    """
    place, depth, quoted = 0, 0, False
    while place < len(text):
        limit = min(place + STRETCH, len(text))
        for _ in range(BRACKETS):
            place = _end(_UP_TO_QUOTE if quoted else _UP_TO_BRACKET, text, place, limit)
            if place >= limit:
                break
            if quoted or text[place] == QUOTE:
                if text[place] != QUOTE:
                    break  # A backslash: what it stands before is not within this stretch, or missing.
                quoted = not quoted
            elif text[place] in OPENING:
                depth += 1
            else:
                depth -= 1
                if depth <= 0:
                    return False
            place += 1
        if quoted and place == len(text) - 1:
            break
        yield
    return depth > 0 or quoted or not text.strip()
