"""JSON as servers of the live channel write it: without whitespace, and without escapes for non-ASCII characters."""

import json
import re

__all__ = ["compact"]

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def compact(value: object) -> str:
    """Return a value as JSON; a lone surrogate, which UTF-8 cannot encode, is written as an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else LONE_SURROGATE.sub(_escaped, text)


def _escaped(found: "re.Match[str]") -> str:
    return f"\\u{ord(found[0]):04x}"
