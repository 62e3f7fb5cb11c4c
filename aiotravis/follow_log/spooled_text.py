"""The text of a log of any size: in memory while it is small, then in a temporary file."""

import codecs
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

import anyio

from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.resources._log_sinks import DiskError, LogSink, on_disk

__all__ = ["SpooledText"]

T = TypeVar("T")

MAX_IN_MEMORY: Final = 4 << 20
"""Bytes of a text that are held in memory."""

REMOVAL: Final = b"Log removed by "

BLOCK: Final = 1 << 20
"""Bytes that are searched at once."""

PIECE: Final = 64 << 10
"""Bytes that are read at once."""


class SpooledText(LogSink):
    """A sink that compares what it takes with what was delivered of the log before, and gives the rest in pieces.

    Args:
        delivered: The text delivered before. It must not change until all was taken.

    Attributes:
        prefix: Length and checksum of the text taken.
        continues: Whether the text begins with all that was delivered.
        contains_all: Whether it has everything that was received, in order; known after `compare`.
    """

    def __init__(self, delivered: LogPrefix) -> None:
        super().__init__()
        self._delivered = delivered
        self._lock = threading.Lock()
        self._file = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY)  # noqa: SIM115  # closed by aclose
        # In time even where an exception holds both: of a cycle, the file could be finalized first, still open.
        weakref.finalize(self, self._file.close)
        self._reset()

    def _reset(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._end = 0
        self._position = 0
        self.prefix: LogPrefix = LogPrefix()
        self.continues: bool = not self._delivered.length
        self.contains_all: bool = True

    @classmethod
    def of(cls, text: str, delivered: LogPrefix) -> "SpooledText":
        """Return a text that came in one piece, as JSON."""
        spooled = cls(delivered)
        spooled._write(spooled._compare(text))
        return spooled

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

    async def compare(self, received: Sequence[str] | None, held: Sequence[str]) -> None:
        """Check whether the text has everything that was received; it may have more (fact 10.4).

        Args:
            received: Texts that were received and delivered, in order; None if they were too many to be kept.
            held: Texts that were received, follow those, and could not be delivered yet.
        """
        if self.continues:
            texts = held
        elif received is None:
            self.contains_all = False
            return
        else:
            texts = [*received, *held]
        if texts:
            blocking = self._end > MAX_IN_MEMORY
            self.contains_all = await self._in_file(lambda: self._contains(texts), blocking=blocking)

    def _contains(self, texts: Sequence[str]) -> bool:
        """Return whether what follows the delivered text has some texts, in order."""
        self._file.seek(self._position)
        window, place = b"", 0
        for text in map(_encode, texts):
            while (found := window.find(text, place)) < 0:
                more = self._file.read(BLOCK)
                if not more:
                    return False
                # The text may begin at the end of the window.
                window, place = window[max(place, len(window) - len(text) + 1) :] + more, 0
            place = found + len(text)
        return True

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
