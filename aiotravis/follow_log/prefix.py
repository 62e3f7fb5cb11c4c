"""The text that was delivered so far, as lengths and checksums: enough to recognise it in another text. No I/O."""

import zlib
from array import array
from dataclasses import dataclass, field
from typing import Final

__all__ = ["LogPrefix"]

HEAD: Final = 16 << 10
"""Bytes of the beginning that are kept, to recognise a text that lacks some of it."""


@dataclass(slots=True)
class LogPrefix:
    """Length and CRC-32 of a text. They tell the runs of one job apart, which no one forges.

    Attributes:
        length: Length in characters.
        checksum: CRC-32 of the text in UTF-8.
        size: Length in bytes of UTF-8.
        head: The first bytes.
        pieces: Size of each piece that was added, unless it was empty, and checksum of the text up to its end.
    """

    length: int = 0
    checksum: int = 0
    size: int = field(default=0, compare=False)
    head: bytes = field(default=b"", compare=False, repr=False)
    pieces: "array[int]" = field(default_factory=lambda: array("Q"), compare=False, repr=False)

    def add(self, text: str) -> None:
        """Append a text."""
        if not text:
            return
        # JSON can carry lone surrogates.
        data = text.encode("utf-8", "surrogatepass")
        size = len(data)
        self.length += len(text)
        self.checksum = checksum = zlib.crc32(data, self.checksum)
        if self.size < HEAD:
            self.head += data[: HEAD - self.size]
        self.size += size
        self.pieces.append(size)
        self.pieces.append(checksum)
