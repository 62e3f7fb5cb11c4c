"""A body as it comes, packed or not, to all of its bytes: never past a limit, never taken for whole when it is not.

No I/O.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

__all__ = ["BodyReader", "BodyTooLarge", "MalformedBody", "check_encodings"]

SLICE: Final = 1 << 20
"""Bytes unpacked before the caller gets its turn."""

MEMBERS: Final = 64
"""Members of a gzip that are unpacked before the caller gets its turn, however short they are."""

LARGE: Final = 4 << 20
"""Bytes of a body from which on it is kept in memory that is mapped for it."""

MAPPED: Final = 33 << 20
"""Bytes that no allocator takes out of its heap: glibc's gives up to 32 MB, after some use. What grows too large for
the heap is copied out of it, all at once: 30 to 50 ms."""

PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})

BARE: Final = frozenset({"", "identity"})

GZIP: Final = b"\x1f"
"""Every gzip member begins so; several may follow each other."""


class MalformedBody(Exception):
    """What came is not, or not all of, what was announced."""


class BodyTooLarge(Exception):
    """More came than is wanted."""


def check_encodings(content: str, transfer: str) -> None:
    """Look at how a body claims to be encoded.

    Args:
        content: All Content-Encoding headers, joined by commas.
        transfer: All Transfer-Encoding headers, joined by commas.

    Raises:
        MalformedBody: In a way that nobody asked for: its bytes would pass for text.
    """
    if content.strip().lower() not in PACKED | BARE or transfer.strip().lower() not in {"", "identity", "chunked"}:
        raise MalformedBody("an encoding that nobody asked for")


class BodyReader:
    """A body being read.

    Args:
        encoding: Its Content-Encoding; empty where it comes as it is, or somebody else unpacks it.
        limit: Most bytes, as they come and unpacked.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._limit = limit
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding.strip().lower() in PACKED else None
        # It grows in place, and gives its bytes without a copy: to join pieces would be one long step at the end.
        self._pieces = BytesIO()
        self._size = self._received = 0

    def feed(self, chunk: bytes) -> Iterator[None]:
        """Take what came, and stop between two slices: unpacking can be a lot of work.

        Raises:
            BodyTooLarge: It is more than the limit.
            MalformedBody: It cannot be unpacked.
        """
        self._received += len(chunk)
        if self._received > self._limit:
            raise BodyTooLarge
        if self._unpacker is None:
            self._keep(chunk)
            return
        rest, members, turn = chunk, 0, self._size + SLICE
        while rest:
            if self._unpacker.eof:
                if not rest.startswith(GZIP):
                    return  # Padding, which gzip allows.
                self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
                members += 1
            rest = self._unpack(self._unpacker, rest)
            if self._size >= turn or members >= MEMBERS:
                members, turn = 0, self._size + SLICE
                yield

    def _unpack(self, unpacker: "zlib._Decompress", packed: bytes) -> bytes:
        try:
            self._keep(unpacker.decompress(packed, SLICE))
        except zlib.error as exc:
            raise MalformedBody(str(exc)) from None
        return unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise BodyTooLarge
        if self.held <= LARGE < self.held + len(piece) and self._limit > MAPPED:
            self._map()
        self._pieces.write(piece)

    def _map(self) -> None:
        """Go on in memory of which nothing is used yet, and which grows without being copied."""
        small, self._pieces = self._pieces, BytesIO(bytes(MAPPED))
        self._pieces.write(small.getbuffer())

    @property
    def held(self) -> int:
        """Bytes that are there and were not taken."""
        return self._pieces.tell()

    def taken(self) -> bytes:
        """Give what is there so far, and let go of it."""
        pieces, self._pieces = self._pieces, BytesIO()
        pieces.truncate()
        return pieces.getvalue()

    def whole(self) -> bytes:
        """Give all of it that was not taken, once nothing more comes.

        Raises:
            MalformedBody: Its end is missing.
        """
        if self._unpacker is not None:
            self._keep(self._unpacker.flush())
            if self._received and not self._unpacker.eof:
                raise MalformedBody("its end is missing")
        return self.taken()
