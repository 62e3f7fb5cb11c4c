"""The server's side of one client's WebSocket: a queue of frames, the task that sends them, timers."""

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Callable

from aiohttp import WSMsgType, web

__all__ = ["CLOSE_TIMEOUT", "ServerConnection"]

CLOSE_TIMEOUT = 1.0
"""Seconds for a client to read everything and to answer the close frame, before the server aborts the connection."""


class ServerConnection:
    """The server's side of one client's WebSocket; `PusherApp.connections` has the open ones.

    Args:
        websocket: The prepared WebSocket.
        request: The request that was upgraded.
        socket_id: Its id in the Pusher protocol.

    Attributes:
        protocol: Protocol version that the client requested; empty for none.
        channels: Channels that the client is subscribed to.
        ended: Set once everything is released.
    """

    def __init__(self, websocket: web.WebSocketResponse, request: web.Request, socket_id: str) -> None:
        self.websocket = websocket
        self.request = request
        self.socket_id = socket_id
        self.protocol: str = request.query.get("protocol", "")
        self.channels: set[str] = set()
        self.ended: asyncio.Event = asyncio.Event()
        self._queue: deque[tuple[bytes, WSMsgType]] = deque()
        self._queued = asyncio.Event()
        self._close_timer: asyncio.TimerHandle | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._writer = asyncio.get_running_loop().create_task(self._write())

    @property
    def closing(self) -> bool:
        """Whether the close frame is queued or sent, so that nothing else is sent."""
        return self._close_timer is not None

    def send(self, frame: str | bytes) -> None:
        """Queue a frame, unless the connection is closing; never waits.

        Args:
            frame: str for a text frame, in which lone surrogates stand for invalid UTF-8 (``surrogateescape``); bytes
                for a binary frame.

        Raises:
            UnicodeEncodeError: A surrogate does not stand for a byte.
        """
        if isinstance(frame, str):
            self._put(frame.encode("utf-8", "surrogateescape"), WSMsgType.TEXT)
        else:
            self._put(frame, WSMsgType.BINARY)

    def ping(self) -> None:
        """Queue a ping of the WebSocket protocol, unless the connection is closing; never waits."""
        self._put(b"", WSMsgType.PING)

    def close(self, code: int | None, reason: str = "") -> None:
        """Queue a close frame, behind everything queued so far; never waits.

        A client that does not answer it within a second is disconnected.

        Args:
            code: Close code; None for a frame without one.
            reason: Text, of which the first 123 bytes are sent, in whole characters; not sent without a code.

        Raises:
            struct.error: The code does not fit into two bytes.
        """
        if not self.closing:
            self.set_timers()
            text = reason.encode()[:123].decode("utf-8", "ignore").encode()
            self._put(b"" if code is None else struct.pack("!H", code) + text, WSMsgType.CLOSE)
            self._close_timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._close_timed_out)

    def set_timers(self, *timers: tuple[float, Callable[[], object]]) -> None:
        """Replace all timers: each is a number of seconds and the function to call then."""
        for handle in self._timers:
            handle.cancel()
        loop = asyncio.get_running_loop()
        self._timers = [loop.call_later(seconds, call) for seconds, call in timers]

    def abort(self) -> None:
        """Abort the connection; queued frames are lost."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def drained(self) -> None:
        """Wait until all queued frames, close frame included, have been passed to the system or are lost."""
        await asyncio.wait([self._writer])

    async def release(self) -> None:
        """Release everything, after the last frame was read."""
        self.set_timers()
        self._writer.cancel()
        # Awaiting the task itself would raise its CancelledError, which looks like a cancellation of the caller.
        await asyncio.wait([self._writer])
        if self._close_timer is not None:
            self._close_timer.cancel()
            # Both close frames have been exchanged. aiohttp would send a second one on an open transport.
            if self.request.transport is not None:
                self.request.transport.close()
        self.ended.set()

    def _close_timed_out(self) -> None:
        transport = self.request.transport
        if transport is not None and transport.get_write_buffer_size() == 0 and self._writer.done():
            # Everything has been sent: a reset could discard it before a slow client reads it.
            transport.close()
        else:
            self.abort()

    def _put(self, payload: bytes, opcode: WSMsgType) -> None:
        if not self.closing:
            self._queue.append((payload, opcode))
            self._queued.set()

    async def _write(self) -> None:
        # The reading task notices a lost connection too, and handles it.
        with contextlib.suppress(ConnectionError):
            while True:
                while self._queue:
                    await self.websocket.send_frame(*self._queue.popleft())
                if self.closing:
                    return
                self._queued.clear()
                await self._queued.wait()
