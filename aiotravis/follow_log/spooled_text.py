"""The text of a log of any size: in memory while it is small, then in a temporary file."""

import codecs
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

import anyio

from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.resources._log_sinks import MAX_LOG, DiskError, LogSink, on_disk

__all__ = ["SpooledText"]

T = TypeVar("T")

MAX_IN_MEMORY: Final = 4 << 20
"""Bytes of a text that are held in memory."""

REMOVAL: Final = b"Log removed by "

MIN_OVERLAP: Final = 8
"""Bytes of what was delivered that another text begins with, at least, before its rest is taken for what follows."""

MAX_ALIGNMENTS: Final = 16
"""Ways in which a text is compared with what was delivered, at most: repeated pieces fit in several places."""

PIECE: Final = 64 << 10
"""Bytes that are read at once."""


class SpooledText(LogSink):
    """A sink that compares what it takes with what was delivered of the log before, and gives the rest in pieces.

    Args:
        delivered: The text delivered before. It must not change until all was taken.

    Attributes:
        prefix: Length and checksum of the text taken.
        continues: Whether the text begins with all that was delivered.
        overlaps: Whether it lacks parts of what was delivered, but nothing else; known after `compare`.
        lacks_end: Whether it lacks the end of what was delivered, and has nothing else; known after `compare`.
        replaces_end: Whether it has something else in place of the end of what was delivered; known after `compare`.
        lacks_held: Whether it lacks parts that came live, but could not be delivered yet; known after `compare`.
    """

    def __init__(self, delivered: LogPrefix) -> None:
        super().__init__()
        self._delivered = delivered
        self._lock = threading.Lock()
        self._file = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115  # closed by aclose
        self._reset()

    def _reset(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._end = 0
        self._position = 0
        self.prefix: LogPrefix = LogPrefix()
        self.continues: bool = not self._delivered.length
        self.overlaps: bool = False
        self.lacks_end: bool = False
        self.replaces_end: bool = False
        self._lacks_end = False
        self._common = 0
        self.lacks_held: bool = False

    @classmethod
    def of(cls, text: str, delivered: LogPrefix) -> "SpooledText":
        """Return a text that came in one piece, as JSON."""
        spooled = cls(delivered)
        spooled._write(spooled._compare(text))
        return spooled

    def __del__(self) -> None:
        self._file.close()

    async def begin(self) -> None:
        """Discard everything taken so far."""
        await super().begin()
        await self._in_file(self._truncate, blocking=self._end > MAX_IN_MEMORY)
        self._reset()

    async def take(self, piece: bytes) -> None:
        """Decode, compare and store the next piece."""
        await super().take(piece)
        await self._append(self._decoder.decode(piece))

    async def end(self) -> None:
        """Add what the decoder still holds, after the last piece."""
        await self._append(self._decoder.decode(b"", final=True))

    async def _append(self, text: str) -> None:
        data = self._compare(text)
        await self._in_file(lambda: self._write(data), blocking=self._end + len(data) > MAX_IN_MEMORY)

    def _compare(self, text: str) -> bytes:
        """Add a text to the prefix, and return it encoded; note where the delivered text ends."""
        missing = self._delivered.length - self.prefix.length
        if 0 < missing <= len(text):
            head = text[:missing]
            self.prefix.add(head)
            self.continues = self.prefix == self._delivered
            self._position = self._end + len(_encode(head)) if self.continues else 0
            self.prefix.add(text[missing:])
        else:
            self.prefix.add(text)
        return _encode(text)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._end += len(data)

    def _truncate(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    # Reading ----------------------------------------------------------------------------------------------------------

    @property
    def is_removal(self) -> bool:
        """Whether it is the notice that takes the place of a log that was removed (fact 5.4)."""
        return self._bytes_at(0, len(REMOVAL)) == REMOVAL

    async def compare(self, held: Sequence[str] = ()) -> None:
        """Check whether the text lacks parts that came live (fact 10.2); see `overlaps` and `lacks_held`.

        It may go on where what was delivered ends: only the rest is read then.

        Args:
            held: Texts that came live and follow what was delivered, with others between them.
        """
        blocking = self._end > MAX_IN_MEMORY
        if not self.continues and self.prefix.length:
            position = await self._in_file(self._find_end_of_delivered, blocking=blocking)
            if position is not None:
                self.overlaps, self._position = True, position
            else:
                self.lacks_end = self._lacks_end
                self.replaces_end = not self._lacks_end and self._common >= MIN_OVERLAP
        if held and (self.continues or self.overlaps):
            self.lacks_held = await self._in_file(lambda: not self._contains(held), blocking=blocking)

    def keep_end(self) -> None:
        """Read only what follows the parts that both texts have, although what was delivered goes on differently."""
        self.overlaps, self._position = True, self._common

    def _contains(self, texts: Sequence[str]) -> bool:
        rest = self._bytes_at(self._position, MAX_LOG)
        position = 0
        for text in map(_encode, texts):
            position = rest.find(text, position)
            if position < 0:
                return False
            position += len(text)
        return True

    def _find_end_of_delivered(self) -> int | None:
        """Return the number of bytes that were delivered, in order but perhaps with others between them, or None."""
        delivered = self._delivered
        beginning = self._bytes_at(0, MIN_OVERLAP)
        lacking = delivered.head.find(beginning, 1)
        for _ in range(MAX_ALIGNMENTS):
            if lacking < 0:
                break
            size = delivered.size - lacking
            if size <= self._end and self._checksum_after(delivered.head[:lacking], size) == delivered.checksum:
                return size
            lacking = delivered.head.find(beginning, lacking + 1)
        self._lacks_end = delivered.head.startswith(self._bytes_at(0, delivered.size)) and self._end < delivered.size
        positions, matched, before = [0], list[int](), 0
        pieces = iter(delivered.pieces)
        for size, after in zip(pieces, pieces, strict=True):
            # Continued from the same checksum, equal pieces lead to the same one.
            matched = [one + size for one in positions if zlib.crc32(self._bytes_at(one, size), before) == after]
            before = after
            positions = sorted({*positions, *matched})[-MAX_ALIGNMENTS:]
            self._lacks_end = self._lacks_end or self._end in matched
        self._common = positions[-1]
        # Only what ends with the last piece goes on where that ended; a short one may be there by chance.
        end = max(matched, default=0)
        return end if end == self._end or end >= MIN_OVERLAP else None

    def _checksum_after(self, head: bytes, size: int) -> int:
        checksum = zlib.crc32(head)
        for position in range(0, size, MAX_IN_MEMORY):
            checksum = zlib.crc32(self._bytes_at(position, min(MAX_IN_MEMORY, size - position)), checksum)
        return checksum

    def _bytes_at(self, position: int, size: int) -> bytes:
        self._file.seek(position)
        return self._file.read(size)

    @property
    def exhausted(self) -> bool:
        """Whether all of it was read."""
        return self._position >= self._end

    async def read(self) -> str:
        """Read the next piece of what was not delivered, or of the whole text where that does not continue it."""
        # Cancelled, nothing is lost: only a piece that is returned moves the position.
        position = self._position
        try:
            data = await self._in_file(lambda: self._read_at(position), blocking=self._end > MAX_IN_MEMORY)
        except DiskError as exc:
            raise cast("OSError", exc.__cause__) from None
        size = min(PIECE, len(data))
        while size < len(data) and data[size] & 0xC0 == 0x80:
            # In the middle of a character.
            size += 1
        self._position = position + size
        return data[:size].decode("utf-8", "surrogatepass")

    def _read_at(self, position: int) -> bytes:
        return self._bytes_at(position, PIECE + 3)

    async def _in_file(self, work: Callable[[], T], *, blocking: bool) -> T:
        """Use the file: in a worker thread if it is on disk. A thread may still run after its task was cancelled."""

        def locked() -> T:
            with self._lock:
                return work()

        return await on_disk(locked) if blocking else locked()

    async def aclose(self) -> None:
        """Delete the text."""
        with anyio.CancelScope(shield=True):
            await self._in_file(self._file.close, blocking=self._end > MAX_IN_MEMORY)


def _encode(text: str) -> bytes:
    """Encode a text; JSON can carry lone surrogates."""
    return text.encode("utf-8", "surrogatepass")
