"""One client's socket on the server's side: a queue of frames, the task that empties it, its alarms."""

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Callable

from aiohttp import WSMsgType, web

__all__ = ["GRACE", "Connection"]

GRACE = 1.0
"""Seconds that a client gets to answer a close frame, or to read what is in front of it, before it is cut off."""


class Connection:
    """One client's socket; `PusherApp.connections` has those that are open.

    Args:
        websocket: The socket, prepared.
        request: The request that became the socket.
        socket_id: What it is called.

    Attributes:
        protocol: Protocol version that the client asked for; empty for none.
        channels: Channels it has subscribed to.
        ended: Set once nothing of it is left.
    """

    def __init__(self, websocket: web.WebSocketResponse, request: web.Request, socket_id: str) -> None:
        self.websocket = websocket
        self.request = request
        self.socket_id = socket_id
        self.protocol: str = request.query.get("protocol", "")
        self.channels: set[str] = set()
        self.ended: asyncio.Event = asyncio.Event()
        self._outbox: deque[tuple[bytes, WSMsgType]] = deque()
        self._wake = asyncio.Event()
        self._cut: asyncio.TimerHandle | None = None
        self._alarms: list[asyncio.TimerHandle] = []
        self._writer = asyncio.get_running_loop().create_task(self._write())

    @property
    def closing(self) -> bool:
        """Whether its close frame is in the queue, or gone out: nothing else is sent."""
        return self._cut is not None

    def send(self, frame: str | bytes) -> None:
        """Put a frame into the queue, unless it is closing; never waits.

        Args:
            frame: Text for a text frame, in which lone surrogates stand for bytes that are no UTF-8
                (``surrogateescape``); bytes for a binary frame.

        Raises:
            UnicodeEncodeError: One of the surrogates stands for no byte.
        """
        if isinstance(frame, str):
            self._put(frame.encode("utf-8", "surrogateescape"), WSMsgType.TEXT)
        else:
            self._put(frame, WSMsgType.BINARY)

    def ping(self) -> None:
        """Put a ping of the WebSocket protocol into the queue, unless it is closing; never waits."""
        self._put(b"", WSMsgType.PING)

    def close(self, code: int | None, reason: str = "") -> None:
        """Put a close frame behind all that is in the queue, and nothing behind it; never waits.

        A client that does not answer it is cut off after a second.

        Args:
            code: Its code; None for a frame without one.
            reason: Its text, of which no more than 123 bytes are sent, in whole characters; none without a code.

        Raises:
            struct.error: The code does not fit into two bytes.
        """
        if not self.closing:
            self.alarm()
            text = reason.encode()[:123].decode("utf-8", "ignore").encode()
            self._put(b"" if code is None else struct.pack("!H", code) + text, WSMsgType.CLOSE)
            self._cut = asyncio.get_running_loop().call_later(GRACE, self._cut_off)

    def alarm(self, *alarms: tuple[float, Callable[[], object]]) -> None:
        """Set alarms, in place of those that were set before.

        Args:
            alarms: In how many seconds each goes off, and what it calls; none: no alarm is left.
        """
        for handle in self._alarms:
            handle.cancel()
        loop = asyncio.get_running_loop()
        self._alarms = [loop.call_later(seconds, act) for seconds, act in alarms]

    def abort(self) -> None:
        """Cut the connection without a farewell; what is in the queue is lost."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def emptied(self) -> None:
        """Wait until the queue has been handed to the system, close frame included, or is lost with the connection."""
        await asyncio.wait([self._writer])

    async def end(self) -> None:
        """Release what the connection holds, after its last frame was read."""
        self.alarm()
        self._writer.cancel()
        # Not awaited bare: its cancellation would look like that of the caller.
        await asyncio.wait([self._writer])
        if self._cut is not None:
            self._cut.cancel()
            # Both close frames have been seen. Left open, aiohttp would send a second one.
            if self.request.transport is not None:
                self.request.transport.close()
        self.ended.set()

    def _cut_off(self) -> None:
        transport = self.request.transport
        if transport is not None and transport.get_write_buffer_size() == 0 and self._writer.done():
            # It has all been sent: a reset could take it away again from a client that reads late.
            transport.close()
        else:
            self.abort()

    def _put(self, payload: bytes, opcode: WSMsgType) -> None:
        if not self.closing:
            self._outbox.append((payload, opcode))
            self._wake.set()

    async def _write(self) -> None:
        # A client that went away is the reader's to notice: it hears of the lost connection too.
        with contextlib.suppress(ConnectionError):
            while True:
                while self._outbox:
                    await self.websocket.send_frame(*self._outbox.popleft())
                if self.closing:
                    return
                self._wake.clear()
                await self._wake.wait()
