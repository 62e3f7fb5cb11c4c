"""Decompressing a body: never beyond a limit, never taking a truncated body for a whole one. No I/O.

aiohttp 3.14 passes a truncated gzip body, and a body in an unknown encoding, as a good response. That is why aiotravis
decompresses itself.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

__all__ = ["BodyReader", "BodyTooLarge", "MalformedBody", "check_encodings", "decompress_at_once"]

SLICE: Final = 1 << 20
"""Bytes decompressed before the caller regains control."""

MAX_MEMBERS: Final = 64
"""Gzip members decompressed before the caller regains control, however short they are."""

COMPRESSED: Final = frozenset({"gzip", "x-gzip", "deflate"})

UNCOMPRESSED: Final = frozenset({"", "identity"})

GZIP_MAGIC: Final = b"\x1f"
"""First byte of every gzip member; several members may follow each other."""


class MalformedBody(Exception):
    """The body is not, or not all of, what its headers announced."""


class BodyTooLarge(Exception):
    """The body exceeds a limit.

    Args:
        limit: The limit, in bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


def check_encodings(content: str, transfer: str) -> None:
    """Check the encodings that the headers declare.

    Args:
        content: All Content-Encoding headers, joined by commas.
        transfer: All Transfer-Encoding headers, joined by commas.

    Raises:
        MalformedBody: An encoding was not requested: its bytes would pass for text.
    """
    chunked = transfer.strip().lower() in {"", "identity", "chunked"}
    if not chunked or content.strip().lower() not in COMPRESSED | UNCOMPRESSED:
        raise MalformedBody("an encoding that was not requested")


def decompress_at_once(body: bytes, limit: int) -> bytes | None:
    """Return a whole gzip body decompressed, in one call; None for one that a `BodyReader` has to judge.

    Args:
        body: All of it.
        limit: Largest body in bytes.
    """
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        decompressed = decompressor.decompress(body, min(SLICE, limit))
    except zlib.error:
        return None
    is_whole = decompressor.eof and not decompressor.unused_data
    return decompressed if is_whole and len(body) <= limit else None


class BodyReader:
    """Collects a body while it is received.

    Args:
        encoding: Its Content-Encoding; empty if it is not compressed, or already decompressed.
        limit: Largest body in bytes, both as received and decompressed.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._limit = limit
        self._decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding.strip().lower() in COMPRESSED else None
        # BytesIO grows in place and returns its bytes without a copy.
        self._buffer = BytesIO()
        self._size = self._received = 0

    def feed(self, chunk: bytes) -> Iterator[None]:
        """Add what was received; yield between two slices, since decompressing can take long.

        Raises:
            BodyTooLarge: The body exceeds the limit.
            MalformedBody: It cannot be decompressed.
        """
        self._received += len(chunk)
        if self._received > self._limit:
            raise BodyTooLarge(self._limit)
        if self._decompressor is None:
            self._append(chunk)
            return
        rest, members, pause_at = chunk, 0, self._size + SLICE
        while rest:
            if self._decompressor.eof:
                if not rest.startswith(GZIP_MAGIC):
                    return  # Padding, which gzip allows.
                self._decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)
                members += 1
            rest = self._decompress(self._decompressor, rest)
            if self._size >= pause_at or members >= MAX_MEMBERS:
                members, pause_at = 0, self._size + SLICE
                yield

    def _decompress(self, decompressor: "zlib._Decompress", compressed: bytes) -> bytes:
        try:
            self._append(decompressor.decompress(compressed, SLICE))
        except zlib.error as exc:
            raise MalformedBody(str(exc)) from None
        return decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail

    def _append(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise BodyTooLarge(self._limit)
        self._buffer.write(piece)

    @property
    def pending(self) -> int:
        """Number of bytes received and not taken yet."""
        return self._buffer.tell()

    def take(self) -> bytes:
        """Remove and return the bytes received so far."""
        buffer, self._buffer = self._buffer, BytesIO()
        return buffer.getvalue()

    def finish(self) -> bytes:
        """Return the rest, at the end of the body.

        Raises:
            MalformedBody: The end is missing.
        """
        if self._decompressor is not None:
            self._append(self._decompressor.flush())
            if self._received and not self._decompressor.eof:
                raise MalformedBody("the end is missing")
        return self.take()
