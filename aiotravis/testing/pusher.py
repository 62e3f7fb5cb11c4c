"""The live channel of the embedded Travis: the server side of Pusher's protocol 7, and Slanger's dialect of it."""

import asyncio
import hashlib
import hmac
import itertools
import json
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from aiohttp import WSMsgType, web

__all__ = ["Connection", "Dialect", "Frame", "PusherApp"]

Dialect = Literal["pusher", "slanger"]

RECORDED = 100_000
"""Frames that are kept for tests to look at."""


@dataclass(frozen=True)
class Frame:
    """A frame that was seen.

    Attributes:
        incoming: Whether a client sent it.
        text: What it said.
    """

    incoming: bool
    text: str


class Connection:
    """One client's socket.

    Attributes:
        socket_id: What it is called.
        channels: Channels it has subscribed to.
    """

    def __init__(self, websocket: web.WebSocketResponse, request: web.Request, socket_id: str) -> None:
        self.websocket = websocket
        self.request = request
        self.socket_id = socket_id
        self.channels: set[str] = set()
        self.outbox: deque[str | bytes] = deque()
        self.wake = asyncio.Event()

    def send(self, frame: str | bytes) -> None:
        """Put a frame into the queue; never waits."""
        self.outbox.append(frame)
        self.wake.set()

    def abort(self) -> None:
        """Cut the connection without a farewell."""
        transport = self.request.transport
        if transport is not None:
            transport.abort()


class PusherApp:
    """One app of a Pusher, or Slanger, server.

    Args:
        key: Public key of the app.
        secret: Signs private channels.
        app_id: Its number, as text.
        dialect: Whose manners to have.
        activity_timeout: Seconds of silence that a client may keep; None says nothing about it.
        idle: Seconds of silence after which a Pusher closes the connection with 4201; None never does.
    """

    def __init__(
        self,
        *,
        key: str,
        secret: str,
        app_id: str = "1",
        dialect: Dialect = "pusher",
        activity_timeout: float | None = 120,
        idle: float | None = None,
    ) -> None:
        self.key = key
        self.secret = secret
        self.app_id = app_id
        self.dialect = dialect
        self.activity_timeout = activity_timeout
        self.idle = idle
        self.connections: dict[str, Connection] = {}
        self.frames: deque[Frame] = deque(maxlen=RECORDED)
        self.opened = 0
        self._ids = itertools.count(1)
        self._occupied: dict[str, asyncio.Event] = {}

    def add_routes(self, app: web.Application, prefix: str = "") -> None:
        """Serve the socket at ``PREFIX/app/KEY``."""
        app.router.add_get(prefix + "/app/{key}", self._serve)

    def sign(self, socket_id: str, channel: str) -> str:
        """Give the signature that lets a socket into a private channel."""
        digest = hmac.new(self.secret.encode(), f"{socket_id}:{channel}".encode(), hashlib.sha256)
        return f"{self.key}:{digest.hexdigest()}"

    def publish(self, channels: Iterable[str], event: str, data: str) -> None:
        """Send an event to whoever listens; never waits."""
        for channel in channels:
            frame: str | None = None
            for connection in self.connections.values():
                if channel in connection.channels:
                    frame = frame or json.dumps({"event": event, "channel": channel, "data": data})
                    self._send(connection, frame)

    def occupied(self, channel: str) -> bool:
        """Whether anybody listens to a channel."""
        return any(channel in connection.channels for connection in self.connections.values())

    async def wait_occupied(self, channel: str, timeout: float = 10.0) -> None:
        """Wait until somebody listens to a channel.

        Raises:
            TimeoutError: Nobody did, in so many seconds.
        """
        while not self.occupied(channel):
            event = self._occupied.setdefault(channel, asyncio.Event())
            event.clear()
            await asyncio.wait_for(event.wait(), timeout)

    def send_raw(self, frame: str | bytes) -> None:
        """Send a frame as it is to every client, however malformed."""
        for connection in self.connections.values():
            connection.send(frame)

    async def disconnect(self, code: int | None = None, reason: str = "") -> None:
        """Close every connection.

        Args:
            code: Code of the close frame; None cuts the connections without one.
            reason: Text of the close frame.
        """
        for connection in list(self.connections.values()):
            if code is None:
                connection.abort()
            else:
                await connection.websocket.close(code=code, message=reason.encode())

    async def close(self) -> None:
        """Close every connection, as a server that goes away does."""
        await self.disconnect(1001, "going away")

    # One connection ---------------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(timeout=0.5, max_msg_size=1 << 20)
        await websocket.prepare(request)
        refused = self._refused(request)
        number = next(self._ids)
        socket_id = f"{os.getpid()}.{1000000 + number}" if self.dialect == "slanger" else f"8123.{55020 + number}"
        connection = Connection(websocket, request, socket_id)
        if refused is not None:
            await self._refuse(connection, *refused)
            return websocket
        self.opened += 1
        self.connections[socket_id] = connection
        writer = asyncio.ensure_future(self._write(connection))
        try:
            self._greet(connection)
            await self._read(connection)
        finally:
            del self.connections[socket_id]
            writer.cancel()
            await asyncio.wait([writer])
        return websocket

    def _refused(self, request: web.Request) -> tuple[int, str] | None:
        """Say why a connection is not accepted, or None."""
        key = request.match_info["key"]
        if key != self.key:
            return 4001, f"Could not find app by key {key}"
        protocol = request.query.get("protocol", "")
        lowest = 3 if self.dialect == "slanger" else 4
        if protocol.isdecimal() and lowest <= int(protocol) <= 7:
            return None
        if not protocol and self.dialect == "pusher":
            return 4008, "No protocol version supplied"
        return 4007, "Unsupported protocol version"

    async def _refuse(self, connection: Connection, code: int, message: str) -> None:
        if self.dialect == "slanger":
            await connection.websocket.send_str(self._error(code, message))
            await connection.websocket.close()
        else:
            await connection.websocket.close(code=code, message=message.encode())

    def _error(self, code: int | None, message: str) -> str:
        data: object = {"code": code, "message": message}
        return json.dumps({"event": "pusher:error", "data": json.dumps(data) if self.dialect == "slanger" else data})

    def _greet(self, connection: Connection) -> None:
        data: dict[str, object] = {"socket_id": connection.socket_id}
        if self.activity_timeout is not None:
            data["activity_timeout"] = self.activity_timeout
        self._send(connection, json.dumps({"event": "pusher:connection_established", "data": json.dumps(data)}))

    def _send(self, connection: Connection, frame: str) -> None:
        self.frames.append(Frame(False, frame))
        connection.send(frame)

    async def _write(self, connection: Connection) -> None:
        try:
            while True:
                while connection.outbox:
                    frame = connection.outbox.popleft()
                    if isinstance(frame, bytes):
                        await connection.websocket.send_bytes(frame)
                    else:
                        await connection.websocket.send_str(frame)
                connection.wake.clear()
                await connection.wake.wait()
        except (ConnectionError, RuntimeError):
            connection.abort()

    async def _read(self, connection: Connection) -> None:
        while True:
            try:
                message = await asyncio.wait_for(connection.websocket.receive(), self.idle)
            except TimeoutError:
                await connection.websocket.close(code=4201, message=b"Pong reply not received in time")
                return
            if message.type is not WSMsgType.TEXT:
                if message.type is WSMsgType.BINARY:
                    continue
                return
            text = cast("str", message.data)
            self.frames.append(Frame(True, text))
            self._hear(connection, text)

    def _hear(self, connection: Connection, text: str) -> None:
        try:
            frame: dict[str, Any] = json.loads(text)
            event, data = frame["event"], _mapping(frame.get("data"))
        except (ValueError, TypeError, KeyError, AttributeError):
            self._send(connection, self._error(5001 if self.dialect == "slanger" else None, "Invalid JSON"))
            return
        channel, signature = str(data.get("channel", "")), data.get("auth")
        if event == "pusher:ping":
            pong: object = "{}" if self.dialect == "slanger" else {}
            self._send(connection, json.dumps({"event": "pusher:pong", "data": pong}))
        elif event == "pusher:subscribe":
            self._subscribe(connection, channel, signature if isinstance(signature, str) else None)
        elif event == "pusher:unsubscribe":
            connection.channels.discard(channel)
        elif isinstance(event, str) and event.startswith("client-"):
            self._send(connection, self._error(4301, "Client events are not enabled for this app"))

    def _subscribe(self, connection: Connection, channel: str, signature: str | None) -> None:
        slanger = self.dialect == "slanger"
        private = channel.startswith(("private-", "presence-"))
        expected = self.sign(connection.socket_id, channel)
        if private and signature != expected and not (slanger and signature is None):
            if slanger:
                error = {
                    "message": f"Invalid signature: Expected HMAC SHA256 hex digest of {connection.socket_id}:{channel}"
                }
                self._send(connection, json.dumps({"event": "pusher:error", "data": json.dumps(error)}))
            else:
                data = {"type": "AuthError", "error": "The connection is unauthorized.", "status": 401}
                refusal = {"event": "pusher:subscription_error", "channel": channel, "data": data}
                self._send(connection, json.dumps(refusal))
            return
        if channel in connection.channels and slanger:
            self._send(connection, self._error(None, f"Existing subscription to {channel}"))
            return
        connection.channels.add(channel)
        succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": channel}
        self._send(connection, json.dumps({**succeeded, "data": "{}"} if slanger else succeeded))
        if channel in self._occupied:
            self._occupied.pop(channel).set()


def _mapping(data: object) -> dict[str, object]:
    return cast("dict[str, object]", data) if isinstance(data, dict) else {}
