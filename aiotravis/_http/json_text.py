"""JSON with what is no character in it: half surrogates, bytes that are not UTF-8. No I/O."""

import re
from typing import Any, Final

import msgspec

__all__ = ["DECODE_ERRORS", "decode_any", "repaired"]

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding JSON raises."""

SURROGATES: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?P<low>\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})"
)
"""Escaped surrogates: a pair, or one by itself, which is no character."""


def repaired(text: bytes) -> bytes:
    """Replace what is no character: bytes that are not UTF-8, and surrogates without their other half."""
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode("utf-8", "replace").encode()
    if rb"\ud" not in text and rb"\uD" not in text:
        return text
    return SURROGATES.sub(lambda match: match[0] if match["low"] else match[1] + rb"\ufffd", text)


def decode_any(text: bytes) -> Any:
    """Decode any JSON, with what is no character replaced.

    Raises:
        DecodeError, UnicodeError, RecursionError: It is not JSON, or too deep.
    """
    try:
        return msgspec.json.decode(text)
    except DECODE_ERRORS:
        return msgspec.json.decode(repaired(text))
