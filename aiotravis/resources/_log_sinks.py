"""Sinks for the text of a log, which is streamed because it can be of any size."""

import asyncio
import codecs
import zlib
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread

__all__ = ["BLOCK", "HEAD", "MAX_LOG", "DiskError", "LogSink", "TextSink", "is_placeholder", "on_disk"]

T = TypeVar("T")

PLACEHOLDERS: Final = frozenset({"log aggregated", "Your log is temporarily unavailable"})
"""What the server answers in place of a text that it cannot read just now."""

MAX_LOG: Final = 4 << 30
"""Bytes of one log. Travis ends a job after 4 MB of output; other servers may not."""

HEAD: Final = 64
"""Bytes that are kept of the beginning: enough to recognise a placeholder, or an error page of an archive."""

BLOCK: Final = 4 << 20
"""Bytes that are decoded, or read from a file, at once."""


def is_placeholder(text: str | None) -> bool:
    """Return whether a text is one that the server sends in place of the log."""
    return text is not None and len(text) <= HEAD and text.strip().removesuffix(".") in PLACEHOLDERS


class DiskError(Exception):
    """A file could not be written or read; the cause is the OSError.

    The transport takes an OSError for a failure of the network, and would send the request again.
    """


async def on_disk(work: Callable[[], T]) -> T:
    """Run file operations in a worker thread, and wait for its end even if this task is cancelled meanwhile.

    Raises:
        DiskError: They raised an OSError.
    """
    # anyio does so for its own cancel scopes only. What a thread made after its task had ended would be left behind.
    running = asyncio.ensure_future(anyio.to_thread.run_sync(work))
    try:
        return await asyncio.shield(running)
    except OSError as exc:
        raise DiskError(type(exc).__name__) from exc
    finally:
        if not running.done():
            with anyio.CancelScope(shield=True):
                await asyncio.wait([running])


class LogSink:
    """A `Sink` that counts what it takes.

    Attributes:
        limit: Maximum size, in bytes, see `Sink`.
        size: Bytes taken.
        head: The first few of them.
        checksum: CRC-32 of all of them.
    """

    def __init__(self) -> None:
        self.limit = MAX_LOG
        self.size: int = 0
        self.head: bytes = b""
        self.checksum: int = 0

    async def begin(self) -> None:
        """Discard everything taken so far; a new attempt begins."""
        self.size, self.head, self.checksum = 0, b"", 0

    async def take(self, piece: bytes) -> None:
        """Count the next piece."""
        self.head = (self.head + piece[:HEAD])[:HEAD]
        self.size += len(piece)
        self.checksum = zlib.crc32(piece, self.checksum)


class TextSink(LogSink):
    """A sink that decodes into one string, which is held in memory once."""

    def __init__(self) -> None:
        super().__init__()
        self._pending = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""

    async def begin(self) -> None:
        """Discard everything taken so far."""
        await super().begin()
        self._pending.clear()
        self._decoder.reset()
        self._text = ""

    async def take(self, piece: bytes) -> None:
        """Add the next piece."""
        await super().take(piece)
        self._pending += piece
        if len(self._pending) >= BLOCK:
            self._decode()

    def text(self) -> str:
        """Return the whole text; what is not UTF-8 is replaced."""
        self._decode(final=True)
        return self._text

    def _decode(self, *, final: bool = False) -> None:
        # CPython extends a string in place while a single local variable refers to it.
        text, self._text = self._text, ""
        text += self._decoder.decode(self._pending, final)
        self._text = text
        self._pending.clear()
