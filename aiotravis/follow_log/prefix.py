"""The text that was delivered so far, as a length and a checksum: enough to recognise it in another text. No I/O."""

import zlib
from typing import Final

__all__ = ["LogPrefix"]

BLOCK: Final = 64 << 10
"""Characters that are gathered before the checksum is updated: pieces are small, and each call costs."""


class LogPrefix:
    """Length and CRC-32 of a text. They tell the runs of one job apart, which no one forges.

    Attributes:
        length: Length in characters.
    """

    __slots__ = ("_checksum", "_gathered", "_pieces", "length")

    def __init__(self) -> None:
        self.length: int = 0
        self._checksum = 0
        self._pieces: list[str] = []
        self._gathered = 0

    def add(self, text: str) -> None:
        """Append a text."""
        size = len(text)
        self.length += size
        self._gathered += size
        self._pieces.append(text)
        if self._gathered >= BLOCK:
            self._update()

    def equals(self, other: "LogPrefix") -> bool:
        """Whether both are the same text."""
        return self.length == other.length and self._update() == other._update()

    def _update(self) -> int:
        text, self._pieces, self._gathered = "".join(self._pieces), [], 0
        # JSON can carry lone surrogates.
        self._checksum = zlib.crc32(text.encode("utf-8", "surrogatepass"), self._checksum)
        return self._checksum
