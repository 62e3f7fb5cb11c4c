"""FaultProxy: a TCP proxy on the loopback interface that makes the network between a client and a server misbehave."""

import asyncio
import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Self, cast

__all__ = ["FaultProxy"]

HOST = "127.0.0.1"

LIMIT = 1 << 20
"""Bytes that may wait in each direction of a connection; beyond, the proxy reads no more of them."""

GRACE = 1.0
"""Seconds that a side gets to take a clean end and to end its own direction, before it is cut off."""

RESET = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends a reset."""

Change = Callable[[bytes], bytes]


class _Mode(Enum):
    FREE = auto()
    STALLED = auto()
    FROZEN = auto()


class _Ending(Enum):
    """How a side ended; stands in its queue, behind what it sent."""

    EOF = auto()
    RESET = auto()


class _Cut:
    """An order to cut; compared by identity, so that the same order given again counts anew."""

    def __init__(self, count: int, reset: bool) -> None:
        self.count = count
        self.reset = reset


class _Side(asyncio.Protocol):
    """One of a connection's two sockets, and the way that its bytes go from there."""

    def __init__(self, link: "_Link", *, upstream: bool) -> None:
        self.transport: asyncio.Transport | None = None
        self.full = False
        self._ended = False
        self._lost = False
        self._link = link
        self._proxy = link.proxy
        self._upstream = upstream
        self._passed_end = False
        self._queue: deque[tuple[float, bytes | _Ending]] = deque()
        self._waiting = 0
        self._rest = memoryview(b"")
        self._cut: _Cut | None = None
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        # So full means: the system takes no more; and not full: all that was written has left the proxy.
        self.transport.set_write_buffer_limits(high=0)
        self._link.made(self)

    def data_received(self, data: bytes) -> None:
        if not self._link.over and not self._link.dead:
            self._waiting += len(data)
            self._put(data)
            if self._waiting > LIMIT and self.transport is not None:
                self.transport.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        if self._link.dead:
            self._link.end(reset=False)
        if not self._link.over:
            self._put(_Ending.EOF)
        return not self._link.over

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._stop_timer()
        self._link.lost(self)
        if not self._link.over:
            self._put(_Ending.RESET)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
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
            if self._proxy._mode is _Mode.FROZEN or sink.gone:
                self._swallow()
                return
            if self._proxy._mode is _Mode.STALLED or sink.transport is None:
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

    def _put(self, item: bytes | _Ending) -> None:
        self._queue.append((self._loop.time() + self._proxy.delay, item))
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
            change = self._proxy._changes.get(self._upstream)
            self._rest = memoryview(item if change is None else change(item))
        elif item is _Ending.RESET:
            self._link.end(reset=True)
        else:
            # A direction that is over is over for the other side, too; the way back stays open.
            self._passed_end = True
            if self._link.other(self)._passed_end:
                self._link.end(reset=False)
            else:
                _write_eof(transport)
        return True

    def _write(self, transport: asyncio.Transport, cut: _Cut | None) -> bool:
        """Write a piece; give whether to go on."""
        chunk = self._proxy.chunk
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
        self._queue = deque(entry for entry in self._queue if isinstance(entry[1], _Ending))
        self._rest = memoryview(b"")
        self._make_room(self._waiting)

    def _make_room(self, count: int) -> None:
        self._waiting -= count
        if self._waiting <= LIMIT and self.transport is not None:
            self.transport.resume_reading()

    def _ordered_cut(self) -> _Cut | None:
        cut = self._proxy._cuts.get(self._upstream)
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


class _Link:
    """One connection of a client, with the proxy's own to the server."""

    def __init__(self, proxy: "FaultProxy") -> None:
        self.proxy = proxy
        self.over = False
        self.dead = proxy._swallowing
        self.client = _Side(self, upstream=True)
        self._server = _Side(self, upstream=False)
        self._connecting: asyncio.Task[None] | None = None

    def other(self, side: _Side) -> _Side:
        return self._server if side is self.client else self.client

    def made(self, side: _Side) -> None:
        """Go on, now that one of the sockets is there."""
        self.proxy._sides.add(side)
        if self.over:
            side.end(reset=True)
        elif side is self._server:
            self.flush()
        else:
            self.proxy.opened += 1
            self.proxy._links.add(self)
            if not self.dead:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
                self.proxy._tasks.add(self._connecting)
                self._connecting.add_done_callback(self._connected)
            self.proxy._changed.set()

    def lost(self, side: _Side) -> None:
        """Go on, now that one of the sockets is gone."""
        self.proxy._sides.discard(side)
        self.proxy._changed.set()
        if self.dead:
            self.end(reset=True)

    def flush(self) -> None:
        """Pass on what may pass by now, both ways."""
        self.client.flush()
        self._server.flush()

    def end(self, *, reset: bool) -> None:
        """End both sides, at once."""
        if not self.over:
            self.over = True
            self.proxy._links.discard(self)
            self.proxy._changed.set()
            if self._connecting is not None:
                self._connecting.cancel()
            self.client.end(reset=reset)
            self._server.end(reset=reset)

    async def _connect(self) -> None:
        proxy = self.proxy
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: self._server, proxy.target_host, proxy.target_port
            )
        except OSError:
            self.end(reset=False)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self.proxy._tasks.discard(task)
        self.proxy._changed.set()


class FaultProxy:
    """A TCP proxy that misbehaves on request: ``async with FaultProxy(server.port) as proxy: ... proxy.port ...``.

    It passes on bytes, ends of one direction and resets. It reads no faster than the other side does; while it reads
    nothing of a side, it does not notice either how that side ends. Faults add up, and hold for connections that are
    open as for later ones, until `heal`.

    Args:
        target_port: TCP port of the server.
        target_host: Its host.

    Attributes:
        host: Where the proxy listens.
        port: Its TCP port; stays the same while connections are refused.
        opened: Connections accepted so far.
        delay: Seconds by which everything that arrives is late, in order.
        chunk: Most bytes that are passed on at once, so that frames arrive torn; None: as they come.
    """

    def __init__(self, target_port: int, *, target_host: str = HOST) -> None:
        self.target_host = target_host
        self.target_port = target_port
        self.host = HOST
        self.port = 0
        self.opened = 0
        self.delay = 0.0
        self.chunk: int | None = None
        self._mode = _Mode.FREE
        self._swallowing = False
        # By whether the direction is upstream.
        self._changes: dict[bool, Change] = {}
        self._cuts: dict[bool, _Cut] = {}
        self._links: set[_Link] = set()
        self._sides: set[_Side] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._bound: socket.socket | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @property
    def links(self) -> int:
        """Connections that are open now; one that `freeze` keeps from ending is."""
        return len(self._links)

    async def start(self, port: int = 0) -> None:
        """Listen.

        Args:
            port: TCP port; 0 for a free one.

        Raises:
            OSError: The port is taken.
            RuntimeError: It was started before, and not stopped.
        """
        if self._server is not None or self._bound is not None:
            raise RuntimeError("The proxy was started before: stop it first.")
        await self._listen(_bind(port))

    async def stop(self) -> None:
        """End every connection by a reset, and listen no more."""
        await self.refuse()
        await _settle()
        if self._bound is not None:
            self._bound.close()
            self._bound = None
        self.reset_all()
        for side in self._sides:
            side.end(reset=True)
        while self._sides or self._tasks:
            self._changed.clear()
            await self._changed.wait()

    def close_all(self) -> None:
        """End every connection cleanly: an end of file to both sides, behind what was passed on."""
        self._end_all(reset=False)

    def reset_all(self) -> None:
        """End every connection by a reset to both sides; what is on its way is lost."""
        self._end_all(reset=True)

    def cut_after(self, count: int, *, upstream: bool = False, reset: bool = True) -> None:
        """End each connection after so many further bytes: in the middle of a frame.

        A reset takes away what a slow reader has not let the system deliver by then.

        Args:
            count: Bytes that still pass on each connection; 0: none, it ends at once.
            upstream: Whether those to the server are counted, rather than those from it.
            reset: Whether it ends by a reset, rather than cleanly.
        """
        self._cuts[upstream] = _Cut(count, reset)
        self._flush()

    def freeze(self) -> None:
        """Be a black hole: connections stay open, nothing passes, and what arrives or is on its way is lost.

        A side that ends is not missed by the other before `heal` or `resume`.
        """
        self._mode = _Mode.FROZEN
        self._flush()

    def stall(self) -> None:
        """Pass on nothing, and lose nothing: it waits for `resume` or `heal`."""
        self._mode = _Mode.STALLED
        self._flush()

    def resume(self) -> None:
        """End `stall` and `freeze`, and no other fault."""
        self._mode = _Mode.FREE
        self._flush()

    async def refuse(self) -> None:
        """Listen no more: whoever connects is refused. Connections that are open stay."""
        # Who is connected by now is to be taken; its turn on this loop may be yet to come.
        await _settle()
        server, self._server = self._server, None
        if server is not None:
            server.close()
            # Bound, though nobody listens: the port cannot go to another, nor to a client that connects to itself.
            self._bound = _bind(self.port)

    def swallow(self) -> None:
        """Accept connections, and neither answer nor forward: a black hole to connect to.

        Those that are accepted meanwhile stay so, `heal` or not, until their client ends them.
        """
        self._swallowing = True

    def mangle(self, change: Change, *, upstream: bool = False) -> None:
        """Change the bytes as they pass.

        Args:
            change: Is given the bytes as they arrived, a part of a frame or several; gives what takes their place.
            upstream: Whether those to the server are meant, rather than those from it.
        """
        self._changes[upstream] = change

    async def heal(self) -> None:
        """End every fault, `delay` and `chunk` too, and listen again. What was swallowed stays lost."""
        self._cuts.clear()
        self._changes.clear()
        self._swallowing = False
        self.delay = 0.0
        self.chunk = None
        self.resume()
        bound, self._bound = self._bound, None
        if bound is not None:
            await self._listen(bound)

    async def wait_links(self, count: int, timeout: float = 10.0) -> None:
        """Wait until so many connections are open.

        Args:
            count: How many, no more and no less.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: It did not come to that, in so many seconds.
        """
        await self._wait(lambda: self.links == count, timeout)

    async def wait_opened(self, count: int, timeout: float = 10.0) -> None:
        """Wait until so many connections have been accepted, in all.

        Args:
            count: How many, or more.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: It did not come to that, in so many seconds.
        """
        await self._wait(lambda: self.opened >= count, timeout)

    async def _wait(self, condition: Callable[[], bool], timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"After {timeout} s: {self.links} open, {self.opened} accepted so far.") from None

    async def _listen(self, bound: socket.socket) -> None:
        self.port = bound.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Link(self).client, sock=bound, backlog=1024
        )

    def _end_all(self, *, reset: bool) -> None:
        for link in tuple(self._links):
            link.end(reset=reset)

    def _flush(self) -> None:
        for link in tuple(self._links):
            link.flush()


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        if os.name != "nt":
            # Else connections that are open, or were just now, keep the port from being taken again.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


async def _settle() -> None:
    # A client that is there is seen, accepted and given its protocol, each in its own turn of the loop.
    for _ in range(3):
        await asyncio.sleep(0)
