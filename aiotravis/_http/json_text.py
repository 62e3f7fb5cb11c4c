"""JSON with what is no JSON in it: half surrogates, bytes that are not UTF-8, NaN, numbers beyond any type. No I/O."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

__all__ = ["DECODE_ERRORS", "ToDict", "decode_any", "repaired"]

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding JSON raises."""

SURROGATES: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?P<low>\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})"
)
"""Escaped surrogates: a pair, or one by itself, which is no character."""

NOT_NUMBERS: Final = re.compile(
    rb'((?:[^"NI-]++|"(?:[^"\\]++|\\.)*+"?|-(?!NaN|Infinity)|N(?!aN)|I(?!nfinity))++)|-?(?:NaN|Infinity)', re.DOTALL
)
"""What other encoders write for numbers that JSON does not have, and all that stands between two of these.

A text that does not end matches too: to look for its end from each of its quotes would take forever.
"""

MAX_REPAIRS: Final = 50_000
"""Most matches of one of these patterns in one text, which take about 30 ms. A text with more of them is no JSON."""

_SYNTAX: Final = msgspec.json.Decoder(msgspec.Raw)


def repaired(text: bytes) -> bytes:
    """Replace what is no JSON but leaves the rest readable.

    Bytes that are not UTF-8 and surrogates without their other half become U+FFFD; NaN and Infinity become null.

    Raises:
        DecodeError: There is so much of it that it would keep the event loop busy.
    """
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode("utf-8", "replace").encode()
    if rb"\ud" in text or rb"\uD" in text:
        text = _replaced(SURROGATES, lambda match: match[0] if match["low"] else match[1] + rb"\ufffd", text)
    if (b"NaN" in text or b"Infinity" in text) and not _is_json(text):
        text = _replaced(NOT_NUMBERS, lambda match: match[1] or b"null", text)
    return text


def _replaced(pattern: re.Pattern[bytes], replacement: Callable[[re.Match[bytes]], bytes], text: bytes) -> bytes:
    text, matches = pattern.subn(replacement, text, MAX_REPAIRS + 1)
    if matches > MAX_REPAIRS:
        raise msgspec.DecodeError("too much that is no JSON")
    return text


def _is_json(text: bytes) -> bool:
    try:
        _SYNTAX.decode(text)
    except DECODE_ERRORS:
        return False
    return True


def decode_any(text: bytes) -> Any:
    """Decode any JSON, with what is no JSON replaced, see `repaired`.

    A number beyond the range of a float is infinite; an integer of more digits than Python converts stays a text.

    Raises:
        DecodeError, UnicodeError, RecursionError: It is not JSON, or too deep.
    """
    try:
        return msgspec.json.decode(text)
    except DECODE_ERRORS:
        pass
    try:
        return json.loads(repaired(text).decode(), parse_int=_to_int)
    except json.JSONDecodeError as exc:
        raise msgspec.DecodeError(str(exc)) from None


def _to_int(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits


class ToDict:
    """Base class of structs that become plain JSON values."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain JSON values: dates as ISO 8601 strings."""
        plain: dict[str, Any] = decode_any(msgspec.json.encode(self))
        return plain
