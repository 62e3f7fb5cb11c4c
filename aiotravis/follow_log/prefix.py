"""The text that was delivered so far, as length and checksum: enough to recognise it in another text. No I/O."""

import zlib
from dataclasses import dataclass

__all__ = ["LogPrefix"]


@dataclass(slots=True)
class LogPrefix:
    """Length and CRC-32 of a text. They tell the runs of one job apart, which no one forges.

    Attributes:
        length: Length in characters.
        checksum: CRC-32 of the text in UTF-8.
    """

    length: int = 0
    checksum: int = 0

    def add(self, text: str) -> None:
        """Append a text."""
        self.length += len(text)
        # JSON can carry lone surrogates.
        self.checksum = zlib.crc32(text.encode("utf-8", "surrogatepass"), self.checksum)
