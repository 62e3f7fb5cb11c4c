"""What was given of a log so far, kept as a checksum: enough to see whether a text begins with it. No I/O."""

import zlib
from typing import Final

__all__ = ["LogPrefix"]

FOLD: Final = 64 << 10
"""Characters that are gathered before they go into the checksum: pieces are small, and each call costs."""


class LogPrefix:
    """The beginning of a text.

    Length and CRC-32: what is to be told apart are the runs of one job, not the works of a forger, and every part of
    every log pays for it.

    Attributes:
        length: Characters of it.
    """

    __slots__ = ("_checksum", "_gathered", "_pieces", "length")

    def __init__(self) -> None:
        self.length: int = 0
        self._checksum = 0
        self._pieces: list[str] = []
        self._gathered = 0

    def add(self, text: str) -> None:
        """Take what follows."""
        size = len(text)
        self.length += size
        self._gathered += size
        self._pieces.append(text)
        if self._gathered >= FOLD:
            self._fold()

    def begins(self, text: str) -> bool:
        """Whether a text begins with all that was taken."""
        if len(text) < self.length:
            return False
        self._fold()
        return zlib.crc32(_encoded(text[: self.length])) == self._checksum

    def _fold(self) -> None:
        pieces, self._pieces, self._gathered = self._pieces, [], 0
        self._checksum = zlib.crc32(_encoded("".join(pieces)), self._checksum)


def _encoded(text: str) -> bytes:
    """Encode whatever JSON can carry: halves of surrogate pairs, too."""
    return text.encode("utf-8", "surrogatepass")
