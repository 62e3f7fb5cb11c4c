"""JSON as the servers of the live channel write it: no blanks, and letters as they are."""

import json
import re

__all__ = ["compact"]

HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def compact(value: object) -> str:
    """Write a value.

    Half a surrogate pair, which UTF-8 cannot hold, stays an escape.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else HALF_A_PAIR.sub(_escaped, text)


def _escaped(found: "re.Match[str]") -> str:
    return f"\\u{ord(found[0]):04x}"
