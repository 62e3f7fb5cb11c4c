"""The live channel of the embedded Travis: the server side of Pusher's protocol 7, and Slanger's dialect of it.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/
"""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from aiohttp import WSMsgType, web

from aiotravis.testing._connection import Connection
from aiotravis.testing._dialects import Dialect, frame_of, manners_of
from aiotravis.testing.faults import Faults, LiveFault

__all__ = ["Connection", "Dialect", "Frame", "PusherApp"]

RECORDED = 100_000
"""Frames that are kept for tests to look at."""

LARGEST = 1 << 20
"""Bytes of the largest frame that a client may send."""

PINGED = 5 / 6
"""Part of the idle time after which a silent client gets a ping, as soketi does: at 100 of 120 seconds."""


@dataclass(frozen=True)
class Frame:
    """A frame that was seen.

    Attributes:
        incoming: Whether a client sent it.
        text: What it said; bytes that are no UTF-8 as backslash escapes.
    """

    incoming: bool
    text: str


class PusherApp:
    """One app of a Pusher, or Slanger, server.

    Everything that can be given here may be set later too, except the dialect.

    Args:
        key: Public key of the app.
        secret: Signs private channels.
        app_id: Its number, as text.
        dialect: Whose manners to have.
        activity_timeout: Seconds of silence that a client may keep; None: nothing is said (Slanger says 120).
        idle: Seconds without a text frame after which a Pusher closes with 4201, whatever pings are answered; None:
            it never does. Slanger never does.

    Attributes:
        connections: Accepted sockets that are not being closed, by socket id.
        frames: The last 100,000 text and binary frames from and to all clients; those to clients, in the order in
            which they were queued.
        opened: How many sockets have been accepted so far.
        faults: Rules by which events are harmed.
    """

    def __init__(
        self,
        *,
        key: str,
        secret: str,
        app_id: str = "1",
        dialect: Dialect = "pusher",
        activity_timeout: float | None = 120,
        idle: float | None = 120,
    ) -> None:
        self.key = key
        self.secret = secret
        self.app_id = app_id
        self.activity_timeout = activity_timeout
        self.idle = idle
        self.connections: dict[str, Connection] = {}
        self.frames: deque[Frame] = deque(maxlen=RECORDED)
        self.opened = 0
        self.faults = Faults()
        self._manners = manners_of(dialect)
        self._ids = itertools.count(1)
        self._open: set[Connection] = set()
        self._occupied: dict[str, asyncio.Event] = {}

    def add_routes(self, app: web.Application, prefix: str = "") -> None:
        """Serve the socket at ``PREFIX/app/KEY``, until the application shuts down."""
        app.router.add_get(prefix + "/app/{key}", self._serve)
        app.on_shutdown.append(self._shut_down)

    def sign(self, socket_id: str, channel: str) -> str:
        """Give the signature that lets a socket into a private channel: ``KEY:HEX``."""
        # A name with half a surrogate pair is legal JSON, and must not crash the server.
        signed = f"{socket_id}:{channel}".encode("utf-8", "surrogatepass")
        return f"{self.key}:{hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()}"

    @property
    def listeners(self) -> Mapping[str, int]:
        """How many listen to each channel, by its name."""
        return Counter(channel for each in self.connections.values() for channel in each.channels)

    def publish(self, channels: Iterable[str], event: str, data: str, *, besides: str | None = None) -> None:
        """Send an event to whoever listens, once per channel; never waits.

        Args:
            channels: Where it happened.
            event: Its name.
            data: Its payload, as JSON text.
            besides: Id of a socket that is left out: that of whoever made it happen.
        """
        for channel in channels:
            sockets = self.connections.items()
            listeners = [each for name, each in sockets if channel in each.channels and name != besides]
            if listeners:
                self._spread(listeners, frame_of(event, data, channel), self.faults.for_event(event, channel))

    def _spread(self, listeners: Sequence[Connection], frame: str, fault: LiveFault | None) -> None:
        """Send a frame to some, unless a rule has something else in mind."""
        kind = fault.kind if fault is not None else ""
        if fault is not None and kind == "late":
            asyncio.get_running_loop().call_later(fault.seconds, self._spread, listeners, frame, None)
            return
        if kind == "garble":
            frame = self.faults.garbled(frame.encode()).decode("latin-1")
        for connection in listeners:
            if kind == "cut":
                connection.abort()
            elif kind != "drop" and not connection.closing:
                for _ in range(2 if kind == "duplicate" else 1):
                    self._send(connection, frame)

    def occupied(self, channel: str) -> bool:
        """Whether anybody listens to a channel."""
        return any(channel in connection.channels for connection in self.connections.values())

    async def wait_occupied(self, channel: str, timeout: float = 10.0) -> None:
        """Wait until somebody listens to a channel.

        Args:
            channel: Its name.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: Nobody did, in so many seconds.
        """
        async with asyncio.timeout(timeout):
            while not self.occupied(channel):
                await self._occupied.setdefault(channel, asyncio.Event()).wait()

    def send_raw(self, frame: str | bytes) -> None:
        """Send a frame as it is to every client, however malformed; never waits.

        Args:
            frame: Text for a text frame, in which lone surrogates stand for bytes that are no UTF-8
                (``surrogateescape``); bytes for a binary frame.
        """
        for connection in self.connections.values():
            self._send(connection, frame)

    def disconnect(self, code: int | None = None, reason: str = "") -> "asyncio.Task[None]":
        """Close every connection; never waits. What is returned need not be awaited: it ends when all has been sent.

        Args:
            code: Code of the close frame, which goes out behind all that was sent before; None cuts the connections
                without one, and loses what they had not yet taken.
            reason: Text of the close frame.
        """
        connections = list(self._open)
        self.connections.clear()
        for connection in connections:
            if code is None:
                connection.abort()
            else:
                connection.close(code, reason)
        return asyncio.get_running_loop().create_task(_emptied(connections))

    async def close(self) -> None:
        """Close every connection, as a server that goes away does; those that do not answer are cut after a second."""
        connections = list(self._open)
        await self.disconnect(1001, "going away")
        for connection in connections:
            await connection.ended.wait()

    # One connection ---------------------------------------------------------------------------------------------------

    async def _shut_down(self, _: web.Application) -> None:
        await self.close()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        # Its own answer to a close frame would come second where the server closed first.
        websocket = web.WebSocketResponse(timeout=0.5, max_msg_size=LARGEST, autoclose=False)
        await websocket.prepare(request)
        connection = Connection(websocket, request, self._manners.socket_id(next(self._ids)))
        self._open.add(connection)
        try:
            self._admit(connection)
            await self._read(connection)
        finally:
            self._open.discard(connection)
            self.connections.pop(connection.socket_id, None)
            await connection.end()
        return websocket

    def _admit(self, connection: Connection) -> None:
        key = connection.request.match_info["key"]
        refusal = self._manners.refusal_of_protocol(connection.protocol)
        if key != self.key:
            refusal = 4001, f"Could not find app by key {key}"
        if refusal is None:
            self.opened += 1
            self.connections[connection.socket_id] = connection
            self._greet(connection)
        elif self._manners.codes_on_close:
            connection.close(*refusal)
        else:
            self._send(connection, self._manners.error(*refusal))
            connection.close(None)

    def _greet(self, connection: Connection) -> None:
        timeout = self._manners.activity_timeout(connection.protocol, self.activity_timeout)
        self._send(connection, self._manners.greeting(connection.socket_id, timeout))

    def _send(self, connection: Connection, frame: str | bytes) -> None:
        self.frames.append(_seen(frame, incoming=False))
        connection.send(frame)

    async def _read(self, connection: Connection) -> None:
        alarms = self._alarms(connection)
        try:
            async for message in connection.websocket:
                if message.type is WSMsgType.ERROR:
                    break
                self.frames.append(_seen(message.data, incoming=True))
                if message.type is WSMsgType.TEXT and not connection.closing:
                    for alarm in alarms:
                        alarm.cancel()
                    alarms = self._alarms(connection)
                    self._hear(connection, message.data)
        finally:
            for alarm in alarms:
                alarm.cancel()

    def _alarms(self, connection: Connection) -> list[asyncio.TimerHandle]:
        if self.idle is None or not self._manners.ends_idle_clients:
            return []
        loop = asyncio.get_running_loop()
        return [
            loop.call_later(self.idle * PINGED, connection.ping),
            loop.call_later(self.idle, self._end_idle, connection),
        ]

    def _end_idle(self, connection: Connection) -> None:
        self.connections.pop(connection.socket_id, None)
        connection.close(4201, "Pong reply not received in time")

    def _hear(self, connection: Connection, text: str) -> None:
        try:
            event, data = _understood(text)
            channel = data["channel"] if event in {"pusher:subscribe", "pusher:unsubscribe"} else ""
            if not isinstance(channel, str):
                raise TypeError("the channel has to be a string")
        except (ValueError, TypeError, LookupError, RecursionError) as exc:
            self._send(connection, self._manners.malformed(exc))
            return
        if event == "pusher:ping":
            self._send(connection, self._manners.pong())
        elif event == "pusher:subscribe":
            signature = data.get("auth")
            self._subscribe(connection, channel, signature if isinstance(signature, str) else None)
        elif event == "pusher:unsubscribe":
            connection.channels.discard(channel)
        elif event.startswith("client-"):
            answer = self._manners.client_event()
            if answer is not None:
                self._send(connection, answer)

    def _subscribe(self, connection: Connection, channel: str, signature: str | None) -> None:
        manners = self._manners
        private = channel.startswith(("private-", "presence-"))
        checked = private and (signature is not None or manners.wants_signatures)
        if (checked and signature != self.sign(connection.socket_id, channel)) or self.faults.refuses(channel):
            self._send(connection, manners.bad_signature(connection.socket_id, channel, signature))
        elif channel in connection.channels and manners.refuses_repeats:
            self._send(connection, manners.error(None, f"Existing subscription to {channel}"))
        else:
            connection.channels.add(channel)
            self._send(connection, manners.subscribed(channel))
            if channel in self._occupied:
                self._occupied.pop(channel).set()


async def _emptied(connections: list[Connection]) -> None:
    for connection in connections:
        await connection.emptied()


def _seen(frame: str | bytes, *, incoming: bool) -> Frame:
    return Frame(incoming, frame if isinstance(frame, str) else frame.decode("utf-8", "backslashreplace"))


def _understood(text: str) -> tuple[str, dict[str, object]]:
    """Give the event and the data of a frame, which may be an object or a JSON string of one."""
    frame: object = json.loads(text)
    if not isinstance(frame, dict):
        raise TypeError("a frame has to be an object")
    fields = cast("dict[str, object]", frame)
    event, data = fields["event"], fields.get("data")
    if not isinstance(event, str):
        raise TypeError("the event has to be a string")
    if isinstance(data, str) and data:  # pysher's ping carries an empty string
        data = json.loads(data)
    return event, cast("dict[str, object]", data) if isinstance(data, dict) else {}
