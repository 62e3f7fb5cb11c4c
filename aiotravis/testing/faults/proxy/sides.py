"""One of the two sockets of a proxied connection, with the way that bytes go from there."""

import asyncio
import contextlib
import os
import socket
import struct
from collections import deque
from enum import Enum, auto
from typing import Protocol, cast

from aiotravis.testing.faults.proxy.rules import Cut, Mode, Rules

__all__ = ["GRACE", "LIMIT", "Link", "Side"]

LIMIT = 1 << 20
"""Bytes that may wait in each direction of a connection; beyond, the proxy reads no more of them."""

GRACE = 1.0
"""Seconds that a side gets to take a clean end and to end its own direction, before it is cut off."""

RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends a reset."""


class Ending(Enum):
    """How a side ended; stands in its queue, behind what it sent."""

    EOF = auto()
    RESET = auto()


class Link(Protocol):
    """What a side needs of the connection that it is a side of.

    Attributes:
        over: Whether it has ended.
        dead: Whether it leads nowhere.
    """

    over: bool
    dead: bool

    def other(self, side: "Side") -> "Side":
        """Give the other side."""
        ...

    def made(self, side: "Side") -> None:
        """Go on, now that one of the sockets is there."""
        ...

    def lost(self, side: "Side") -> None:
        """Go on, now that one of the sockets is gone."""
        ...

    def end(self, *, reset: bool) -> None:
        """End both sides, at once."""
        ...


class Side(asyncio.Protocol):
    """One of a connection's two sockets, and the way that its bytes go from there.

    Args:
        link: The connection.
        rules: What the network does.
        upstream: Whether what comes from here goes to the server.

    Attributes:
        transport: The socket, once it is there.
        full: Whether the system takes no more.
        passed_end: Whether its end has been passed on to the other side.
    """

    def __init__(self, link: Link, rules: Rules, *, upstream: bool) -> None:
        self.transport: asyncio.Transport | None = None
        self.full: bool = False
        self.passed_end: bool = False
        self._ended = False
        self._lost = False
        self._link = link
        self._rules = rules
        self._upstream = upstream
        self._queue: deque[tuple[float, bytes | Ending]] = deque()
        self._waiting = 0
        self._rest = memoryview(b"")
        self._cut: Cut | None = None
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the socket is there."""
        self.transport = cast("asyncio.Transport", transport)
        # So full means: the system takes no more; and not full: all that was written has left the proxy.
        self.transport.set_write_buffer_limits(high=0)
        self._link.made(self)

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent."""
        if not self._link.over and not self._link.dead:
            self._waiting += len(data)
            self._put(data)
            if self._waiting > LIMIT and self.transport is not None:
                self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Take note that the peer sends no more."""
        self._ended = True
        if self._link.dead:
            self._link.end(reset=False)
        if not self._link.over:
            self._put(Ending.EOF)
        return not self._link.over

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the socket is gone."""
        self._lost = True
        self._stop_timer()
        self._link.lost(self)
        if not self._link.over:
            self._put(Ending.RESET)

    def pause_writing(self) -> None:
        """Take note that the system takes no more."""
        self.full = True

    def resume_writing(self) -> None:
        """Go on: all that was written has left."""
        self.full = False
        self._link.other(self).flush()

    @property
    def gone(self) -> bool:
        """Whether nothing can be written to it, though it may not have been told so far."""
        return self.transport is not None and self.transport.is_closing()

    def flush(self) -> None:
        """Pass on what may pass by now."""
        self._stop_timer()
        sink = self._link.other(self)
        while not self._link.over:
            if self._rules.mode is Mode.FROZEN or sink.gone:
                self._swallow()
                return
            if self._rules.mode is Mode.STALLED or sink.transport is None:
                return
            if sink.full:
                # What a lost side has left behind would wait for a reader that may never come.
                if self._lost:
                    self._link.end(reset=True)
                return
            cut = self._ordered_cut()
            if cut is not None and self._left <= 0:
                self._link.end(reset=cut.reset)
            elif not (self._write(sink.transport, cut) if self._rest else self._take(sink.transport)):
                return

    def end(self, *, reset: bool) -> None:
        """Let go of the socket: by a reset, or by an end of file behind what was written."""
        self._stop_timer()
        self._queue.clear()
        transport = self.transport
        if transport is None or self._lost:
            return
        if reset:
            # Some systems refuse the option on a socket that the peer has just reset.
            with contextlib.suppress(OSError):
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()
            return
        if self._ended:
            transport.close()
        else:
            # Closing with bytes unread would send a reset: those are read and dropped, up to the peer's end of file.
            _write_eof(transport)
            transport.resume_reading()
        self._timer = self._loop.call_later(GRACE, transport.abort)

    def _put(self, item: bytes | Ending) -> None:
        self._queue.append((self._loop.time() + self._rules.delay, item))
        # A timer that runs will come to it.
        if self._timer is None:
            self.flush()

    def _take(self, transport: asyncio.Transport) -> bool:
        """Take what is first in the queue; give whether to go on."""
        if not self._queue:
            return False
        due, item = self._queue[0]
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self.flush)
            return False
        self._queue.popleft()
        if isinstance(item, bytes):
            self._make_room(len(item))
            change = self._rules.changes.get(self._upstream)
            self._rest = memoryview(item if change is None else change(item))
        elif item is Ending.RESET:
            self._link.end(reset=True)
        else:
            # A direction that is over is over for the other side, too; the way back stays open.
            self.passed_end = True
            if self._link.other(self).passed_end:
                self._link.end(reset=False)
            else:
                _write_eof(transport)
        return True

    def _write(self, transport: asyncio.Transport, cut: Cut | None) -> bool:
        """Write a piece; give whether to go on."""
        chunk = self._rules.chunk
        size = len(self._rest) if chunk is None else max(chunk, 1)
        if cut is not None:
            size = min(size, self._left)
        piece, self._rest = self._rest[:size], self._rest[size:]
        self._left -= len(piece)
        transport.write(piece)
        if chunk is None:
            return True
        # Timers run after the sockets have been looked at: a reader on this loop sees each piece alone.
        self._timer = self._loop.call_later(0, self.flush)
        return False

    def _swallow(self) -> None:
        # An end is no byte: it is kept, and noticed once the network is whole again.
        self._queue = deque(entry for entry in self._queue if isinstance(entry[1], Ending))
        self._rest = memoryview(b"")
        self._make_room(self._waiting)

    def _make_room(self, count: int) -> None:
        self._waiting -= count
        if self._waiting <= LIMIT and self.transport is not None:
            self.transport.resume_reading()

    def _ordered_cut(self) -> Cut | None:
        cut = self._rules.cuts.get(self._upstream)
        if cut is not self._cut:
            self._cut = cut
            self._left = 0 if cut is None else cut.count
        return cut

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _write_eof(transport: asyncio.Transport) -> None:
    # The peer may have reset the connection without anybody having noticed so far.
    with contextlib.suppress(OSError):
        transport.write_eof()
