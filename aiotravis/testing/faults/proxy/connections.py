"""One connection of a client through the proxy: its two sockets, and how bytes get from one to the other."""

import asyncio
import contextlib
import os
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast

from aiotravis.testing.faults.proxy.rules import Cut, Mode, Rules

__all__ = ["CLOSE_TIMEOUT", "MAX_BUFFERED_BYTES", "ConnectionRegistry", "ProxiedConnection"]

MAX_BUFFERED_BYTES = 1 << 20
"""Bytes to keep for each direction of a connection; with more, the proxy stops reading."""

CLOSE_TIMEOUT = 1.0
"""Seconds for a peer to read everything after a clean end and to end its own direction, before the proxy aborts."""

RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends a reset."""


class EndOfStream(Enum):
    """How a peer ended its direction; queued behind what it sent."""

    EOF = auto()
    RESET = auto()


@dataclass(slots=True)
class ConnectionRegistry:
    """Everything that a proxy has open.

    Attributes:
        target: Host and TCP port of the server.
        accepted: Number of connections accepted so far.
        connections: Open connections.
        sockets: Sockets that are not closed.
        connecting: Tasks that connect to the server.
        changed: Set whenever one of these changes.
    """

    target: tuple[str, int]
    accepted: int = 0
    connections: "set[ProxiedConnection]" = field(default_factory=lambda: set[ProxiedConnection]())
    sockets: "set[PeerProtocol]" = field(default_factory=lambda: set[PeerProtocol]())
    connecting: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class ProxiedConnection:
    """One connection of a client, with the proxy's own connection to the server.

    Args:
        rules: Faults of the network.
        registry: Where to register while open.

    Attributes:
        over: Whether the connection has ended.
        swallowed: Whether it was accepted only to be neither answered nor forwarded.
        client: The socket to the client.
    """

    def __init__(self, rules: Rules, registry: ConnectionRegistry) -> None:
        self._registry = registry
        self.over: bool = False
        self.swallowed: bool = rules.swallowing
        self.client: PeerProtocol = PeerProtocol(self, rules, upstream=True)
        self._server = PeerProtocol(self, rules, upstream=False)
        self._connecting: asyncio.Task[None] | None = None

    def other(self, peer: "PeerProtocol") -> "PeerProtocol":
        """Return the socket to the other peer."""
        return self._server if peer is self.client else self.client

    def socket_opened(self, peer: "PeerProtocol") -> None:
        """Continue after one of the sockets was connected."""
        self._registry.sockets.add(peer)
        if self.over:
            peer.end(reset=True)
        elif peer is self._server:
            self.flush()
        else:
            self._registry.accepted += 1
            self._registry.connections.add(self)
            if not self.swallowed:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
                self._registry.connecting.add(self._connecting)
                self._connecting.add_done_callback(self._connected)
            self._registry.changed.set()

    def socket_closed(self, peer: "PeerProtocol") -> None:
        """Continue after one of the sockets was closed."""
        self._registry.sockets.discard(peer)
        self._registry.changed.set()
        if self.swallowed:
            self.end(reset=True)

    def flush(self) -> None:
        """Forward everything that the rules allow, in both directions."""
        self.client.flush()
        self._server.flush()

    def end(self, *, reset: bool) -> None:
        """End both sockets at once."""
        if not self.over:
            self.over = True
            self._registry.connections.discard(self)
            self._registry.changed.set()
            if self._connecting is not None:
                self._connecting.cancel()
            self.client.end(reset=reset)
            self._server.end(reset=reset)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self._server, *self._registry.target)
        except OSError:
            self.end(reset=False)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._registry.connecting.discard(task)
        self._registry.changed.set()


class PeerProtocol(asyncio.Protocol):
    """The proxy's socket to one peer, client or server, with the bytes that came from it.

    Args:
        connection: The connection that it belongs to.
        rules: Faults of the network.
        upstream: Whether this peer is the client, so that its bytes go to the server.

    Attributes:
        transport: The socket, once connected.
        full: Whether the system accepts no more bytes for this peer.
        end_forwarded: Whether the end of this peer's direction has been forwarded.
        buffered: Bytes from this peer that wait to be forwarded.
    """

    def __init__(self, connection: ProxiedConnection, rules: Rules, *, upstream: bool) -> None:
        self.transport: asyncio.Transport | None = None
        self.full: bool = False
        self.end_forwarded: bool = False
        self.buffered: int = 0
        self._ended = False
        self._lost = False
        self._connection = connection
        self._rules = rules
        self._upstream = upstream
        self._queue: deque[tuple[float, bytes | EndOfStream]] = deque()
        self._rest = memoryview(b"")
        self._cut: Cut | None = None
        self._bytes_until_cut = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the socket."""
        self.transport = cast("asyncio.Transport", transport)
        # With this limit, full means that the system accepts no more; not full, that all bytes have left the proxy.
        self.transport.set_write_buffer_limits(high=0)
        self._connection.socket_opened(self)

    def data_received(self, data: bytes) -> None:
        """Queue bytes from the peer."""
        if not self._connection.over and not self._connection.swallowed:
            self.buffered += len(data)
            self._put(data)
            if self.buffered > MAX_BUFFERED_BYTES and self.transport is not None:
                self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Queue the end of the peer's direction; return whether to keep the socket open."""
        self._ended = True
        if self._connection.swallowed:
            self._connection.end(reset=False)
        if not self._connection.over:
            self._put(EndOfStream.EOF)
        return not self._connection.over

    def connection_lost(self, exc: Exception | None) -> None:
        """Queue a reset: the socket is closed."""
        self._lost = True
        self._stop_timer()
        self._connection.socket_closed(self)
        if not self._connection.over:
            self._put(EndOfStream.RESET)

    def pause_writing(self) -> None:
        """Stop writing to this peer."""
        self.full = True

    def resume_writing(self) -> None:
        """Continue to write to this peer."""
        self.full = False
        self._connection.other(self).flush()

    @property
    def closing(self) -> bool:
        """Whether nothing can be written any more, even if the loop has not reported it yet."""
        return self.transport is not None and self.transport.is_closing()

    def flush(self) -> None:
        """Forward the bytes of this peer that the rules allow."""
        self._stop_timer()
        sink = self._connection.other(self)
        while not self._connection.over:
            if self._rules.mode is Mode.FROZEN or sink.closing:
                self._discard_bytes()
                return
            if self._rules.mode is Mode.STALLED or sink.transport is None:
                return
            if sink.full:
                # The bytes of a lost peer would wait for a reader that may never read.
                if self._lost:
                    self._connection.end(reset=True)
                return
            cut = self._current_cut()
            if cut is not None and self._bytes_until_cut <= 0:
                self._connection.end(reset=cut.reset)
            elif not (self._write(sink.transport, cut) if self._rest else self._take(sink.transport)):
                return

    def end(self, *, reset: bool) -> None:
        """Close the socket: by a reset, or by an end of file after everything written."""
        self._stop_timer()
        self._queue.clear()
        transport = self.transport
        if transport is None or self._lost:
            return
        if reset:
            # Some systems refuse the option on a socket that the peer has just reset.
            with contextlib.suppress(OSError):
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            transport.abort()
            return
        if self._ended:
            transport.close()
        else:
            # Closing with unread bytes would send a reset: read and drop them, up to the peer's end of file.
            _write_eof(transport)
            transport.resume_reading()
        self._timer = self._loop.call_later(CLOSE_TIMEOUT, transport.abort)

    def _put(self, item: bytes | EndOfStream) -> None:
        self._queue.append((self._loop.time() + self._rules.delay, item))
        # A timer that is set will reach the item.
        if self._timer is None:
            self.flush()

    def _take(self, transport: asyncio.Transport) -> bool:
        """Process the first item of the queue; return whether to continue."""
        if not self._queue:
            return False
        due, item = self._queue[0]
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self.flush)
            return False
        self._queue.popleft()
        if isinstance(item, bytes):
            self._unbuffer(len(item))
            change = self._rules.changes.get(self._upstream)
            self._rest = memoryview(item if change is None else change(item))
        elif item is EndOfStream.RESET:
            self._connection.end(reset=True)
        else:
            # Only this direction has ended; the other one stays open.
            self.end_forwarded = True
            if self._connection.other(self).end_forwarded:
                self._connection.end(reset=False)
            else:
                _write_eof(transport)
        return True

    def _write(self, transport: asyncio.Transport, cut: Cut | None) -> bool:
        """Write one chunk; return whether to continue."""
        chunk = self._rules.chunk
        size = len(self._rest) if chunk is None else max(chunk, 1)
        if cut is not None:
            size = min(size, self._bytes_until_cut)
        piece, self._rest = self._rest[:size], self._rest[size:]
        self._bytes_until_cut -= len(piece)
        transport.write(piece)
        if chunk is None:
            return True
        # The loop runs timers after it has polled the sockets: a reader on this loop gets each chunk alone.
        self._timer = self._loop.call_later(0, self.flush)
        return False

    def _discard_bytes(self) -> None:
        # Only bytes are lost: the end of a direction is kept, and forwarded once the network works again.
        self._queue = deque(entry for entry in self._queue if isinstance(entry[1], EndOfStream))
        self._rest = memoryview(b"")
        self._unbuffer(self.buffered)

    def _unbuffer(self, count: int) -> None:
        self.buffered -= count
        if self.buffered <= MAX_BUFFERED_BYTES and self.transport is not None:
            self.transport.resume_reading()

    def _current_cut(self) -> Cut | None:
        cut = self._rules.cuts.get(self._upstream)
        if cut is not self._cut:
            self._cut = cut
            self._bytes_until_cut = 0 if cut is None else cut.count
        return cut

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _write_eof(transport: asyncio.Transport) -> None:
    # The peer may have reset the connection before the loop noticed.
    with contextlib.suppress(OSError):
        transport.write_eof()
