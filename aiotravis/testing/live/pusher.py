"""The server side of the Pusher protocol, in the dialects of Pusher, Slanger and soketi.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/
"""

import asyncio
import hashlib
import hmac
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from aiohttp import WSMsgType, web

from aiotravis.testing.faults.rules import Faults, LiveFault
from aiotravis.testing.live.channels import ChannelRegistry
from aiotravis.testing.live.connection import ServerConnection
from aiotravis.testing.live.dialects import Dialect, dialect_rules, event_frame
from aiotravis.testing.live.frames import RecordedFrame, parse_frame, recorded

__all__ = ["Dialect", "PusherApp", "RecordedFrame", "ServerConnection", "pusher_block"]

MAX_RECORDED_FRAMES = 100_000

MAX_MESSAGE_BYTES = 1 << 20
"""Maximum size of a client's message, in bytes."""

PING_AFTER = 5 / 6
"""Part of the idle time after which an idle client is pinged; soketi pings at 100 of 120 seconds."""


class PusherApp:
    """One app of a Pusher, Slanger or soketi server.

    The attributes named like arguments may be changed at any time.

    Args:
        key: Public key of the app.
        secret: Secret that signs private channels.
        app_id: Id of the app.
        dialect: ``pusher``, ``slanger`` or ``soketi``.
        activity_timeout: Activity timeout to announce, in seconds; None: the dialect's (soketi 30, others 120); 0:
            announce none (Slanger: 120). Pusher announces it to protocol 7 only.
        idle: Seconds without a text frame after which Pusher and soketi close with 4201; None: never. Before that,
            Pusher sends ``pusher:ping``, soketi a ping of the WebSocket protocol. Slanger does neither.
        clock: Returns seconds since the epoch; the system's clock by default.
        max_records: Number of frames, and of faults, to record; None for all.

    Attributes:
        reject_with: Code and message with which to reject new connections: ``(4100, "Over capacity")``; None: accept.
        connections: Accepted connections that are not closing, by socket id.
        frames: The last text and binary frames of all clients; outgoing ones in the order of queueing.
        opened: Number of connections accepted so far.
        faults: Rules for events and subscriptions.

    Raises:
        ValueError: Unknown dialect.
    """

    def __init__(
        self,
        *,
        key: str,
        secret: str,
        app_id: str = "1",
        dialect: Dialect = "pusher",
        activity_timeout: float | None = None,
        idle: float | None = 120,
        clock: Callable[[], float] = time.time,
        max_records: int | None = MAX_RECORDED_FRAMES,
    ) -> None:
        self.key = key
        self.secret = secret
        self.app_id = app_id
        self.activity_timeout = activity_timeout
        self.idle = idle
        self.reject_with: tuple[int, str] | None = None
        self.connections: dict[str, ServerConnection] = {}
        self.frames: deque[RecordedFrame] = deque(maxlen=max_records)
        self.opened: int = 0
        self.faults: Faults = Faults(max_records=max_records)
        self._rules = dialect_rules(dialect)
        self._numbers = itertools.count(1)
        self._open: set[ServerConnection] = set()
        self._channels = ChannelRegistry(clock)

    def add_routes(self, app: web.Application, prefix: str = "") -> None:
        """Serve the WebSocket at ``PREFIX/app/KEY``, until the application shuts down.

        Args:
            app: An application that has not started.
            prefix: Empty, or a path that begins with a slash.

        Raises:
            RuntimeError: The application has started.
            ValueError: The prefix does not begin with a slash.
        """
        app.router.add_get(prefix + "/app/{key}", self._serve)
        app.on_shutdown.append(self._shut_down)

    def sign(self, socket_id: str, channel: str) -> str:
        """Return the signature that lets ``socket_id`` subscribe to a private ``channel``: ``KEY:HEX``."""
        # A name with a lone surrogate is valid JSON, and must not crash the server.
        signed = f"{socket_id}:{channel}".encode("utf-8", "surrogatepass")
        return f"{self.key}:{hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()}"

    @property
    def accepts_object_data(self) -> bool:
        """Whether an event's data may be something else than a string."""
        return self._rules.accepts_object_data

    @property
    def subscription_counts(self) -> Mapping[str, int]:
        """Number of subscribers of each occupied channel."""
        return self._channels.subscription_counts

    def publish(self, channels: Iterable[str], event: str, data: object, *, exclude: str | None = None) -> None:
        """Send an event to all subscribers, once per channel; never waits.

        Args:
            channels: Names of the channels.
            event: Name of the event.
            data: JSON text, or a value; only Slanger sends a value that is no string as it is.
            exclude: Id of a socket that does not receive the event.

        Raises:
            TypeError: The data cannot be encoded as JSON, and a channel is occupied.
        """
        for channel in channels:
            receivers = [each for each in self._channels.subscribers(channel) if each.socket_id != exclude]
            if receivers:
                frame = event_frame(event, self._rules.event_data(data), channel)
                self._deliver(receivers, frame, self.faults.for_event(event, channel))

    def _deliver(self, receivers: Sequence[ServerConnection], frame: str, fault: LiveFault | None) -> None:
        kind = fault.kind if fault is not None else ""
        if fault is not None and kind == "late":
            asyncio.get_running_loop().call_later(fault.seconds, self._deliver, receivers, frame, None)
            return
        if kind == "garble":
            frame = self.faults.garbled(frame.encode()).decode("latin-1")
        for connection in receivers:
            if kind == "cut":
                connection.abort()
            elif kind != "drop" and not connection.closing:
                for _ in range(2 if kind == "duplicate" else 1):
                    self._send(connection, frame)

    def occupied(self, channel: str) -> bool:
        """Return whether a channel has a subscriber."""
        return self.occupied_since(channel) is not None

    def occupied_since(self, channel: str) -> float | None:
        """Return when a channel became occupied, in seconds since the epoch; None if it is not."""
        return self._channels.occupied_since(channel)

    async def wait_occupied(self, channel: str, timeout: float = 10.0) -> None:
        """Wait until a channel has a subscriber.

        Raises:
            TimeoutError: It did not happen within ``timeout`` seconds.
        """
        async with asyncio.timeout(timeout):
            await self._channels.wait_occupied(channel)

    def send_raw(self, frame: str | bytes) -> None:
        """Send a frame as it is to every client, even a malformed one; never waits.

        Args:
            frame: str for a text frame, in which lone surrogates stand for invalid UTF-8 (``surrogateescape``); bytes
                for a binary frame.

        Raises:
            UnicodeEncodeError: A surrogate does not stand for a byte, and a client is connected.
        """
        for connection in self.connections.values():
            self._send(connection, frame)

    def error(self, code: int | None, message: str) -> None:
        """Send ``pusher:error`` to every client, and keep the connections; never waits. The code may be None."""
        self.send_raw(self._rules.error(code, message))

    def disconnect(self, code: int | None = None, reason: str = "") -> "asyncio.Task[None]":
        """End every connection; never waits. The returned task ends when everything is sent; awaiting it is optional.

        Args:
            code: Close code. Pusher sends it in a close frame, soketi in an error frame too, Slanger in an error frame
                instead; codes below 4000 are always in the close frame. None aborts the connections: queued frames
                are lost.
            reason: Text of the close frame, of which the first 123 bytes are sent, or of the error.

        Raises:
            RuntimeError: No event loop is running.
            struct.error: The code does not fit into two bytes, and a client is connected.
        """
        connections = list(self._open)
        for connection in connections:
            if code is None:
                self._forget(connection)
                connection.abort()
            else:
                self._end(connection, code, reason)
        return asyncio.get_running_loop().create_task(_drained(connections))

    async def close(self) -> None:
        """Close every connection, as a server that shuts down; abort those that do not answer within a second."""
        connections = list(self._open)
        await self.disconnect(*self._rules.shutdown_close)
        for connection in connections:
            await connection.ended.wait()

    # One connection ---------------------------------------------------------------------------------------------------

    async def _shut_down(self, _: web.Application) -> None:
        await self.close()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        # With autoclose, aiohttp would answer a close frame even if the server closed first.
        websocket = web.WebSocketResponse(timeout=0.5, max_msg_size=MAX_MESSAGE_BYTES, autoclose=False)
        await websocket.prepare(request)
        connection = ServerConnection(websocket, request, self._rules.socket_id(next(self._numbers)))
        self._open.add(connection)
        try:
            self._admit(connection)
            await self._read(connection)
        finally:
            self._open.discard(connection)
            self._forget(connection)
            await connection.release()
        return websocket

    def _admit(self, connection: ServerConnection) -> None:
        key = self._rules.key_from_path(f"/app/{connection.request.match_info['key']}")
        error = self.reject_with or self._rules.protocol_error(connection.protocol)
        if key != self.key:
            error = 4001, f"Could not find app by key {key}"
        if error is None:
            self.opened += 1
            self.connections[connection.socket_id] = connection
            self._greet(connection)
        else:
            self._end(connection, *error)

    def _greet(self, connection: ServerConnection) -> None:
        timeout = self._rules.activity_timeout(connection.protocol, self.activity_timeout)
        self._send(connection, self._rules.connection_established(connection.socket_id, timeout))

    def _forget(self, connection: ServerConnection) -> None:
        self.connections.pop(connection.socket_id, None)
        self._channels.remove(connection)

    def _end(self, connection: ServerConnection, code: int, reason: str) -> None:
        self._forget(connection)
        frame, close_code = self._rules.closing(code, reason)
        if frame is not None and not connection.closing:
            self._send(connection, frame)
        connection.close(close_code, reason if close_code is not None else "")

    def _send(self, connection: ServerConnection, frame: str | bytes) -> None:
        self.frames.append(recorded(frame, incoming=False))
        connection.send(frame)

    async def _read(self, connection: ServerConnection) -> None:
        self._restart_idle_timers(connection)
        async for message in connection.websocket:
            if message.type is WSMsgType.ERROR:
                break
            self.frames.append(recorded(message.data, incoming=True))
            if message.type is WSMsgType.TEXT and connection.socket_id in self.connections:
                self._restart_idle_timers(connection)
                self._handle(connection, message.data)

    def _restart_idle_timers(self, connection: ServerConnection) -> None:
        if self.idle is not None and self._rules.closes_idle_clients:
            end = partial(self._end, connection, 4201, "Pong reply not received in time")
            connection.set_timers((self.idle * PING_AFTER, partial(self._ping, connection)), (self.idle, end))

    def _ping(self, connection: ServerConnection) -> None:
        frame = self._rules.ping()
        if frame is None:
            connection.ping()
        else:
            self._send(connection, frame)

    def _handle(self, connection: ServerConnection, text: str) -> None:
        try:
            event, channel, data = parse_frame(text)
        except (ValueError, TypeError, LookupError, RecursionError) as exc:
            self._send(connection, self._rules.invalid_frame(exc))
            return
        if event == "pusher:ping":
            self._send(connection, self._rules.pong())
        elif event == "pusher:subscribe" and channel is not None:
            signature = data.get("auth")
            self._subscribe(connection, channel, signature if isinstance(signature, str) else None)
        elif event == "pusher:unsubscribe" and channel is not None:
            self._channels.unsubscribe(connection, channel)
        elif event.startswith("client-"):
            answer = self._rules.client_event(channel)
            if answer is not None:
                self._send(connection, answer)

    def _subscribe(self, connection: ServerConnection, channel: str, signature: str | None) -> None:
        rules = self._rules
        private = channel.startswith(("private-", "presence-"))
        # fact 9.38: Slanger checks a signature only if there is one.
        checked = private and (signature is not None or rules.requires_signatures)
        if (checked and signature != self.sign(connection.socket_id, channel)) or self.faults.refuses(channel):
            self._send(connection, rules.invalid_signature(connection.socket_id, channel, signature))
        elif channel in connection.channels and rules.rejects_duplicates:
            self._send(connection, rules.error(None, f"Existing subscription to {channel}"))
        else:
            self._send(connection, rules.subscription_succeeded(channel))
            self._channels.subscribe(connection, channel)


def pusher_block(key: str, host: str, port: int, path: str, *, secure: bool) -> dict[str, object]:
    """Return the pusher block of ``GET /config``.

    Args:
        key: Public key of the app.
        host: Host of the app.
        port: Its TCP port.
        path: Its path prefix; empty for none.
        secure: Whether all channels are private.
    """
    block: dict[str, object] = {"key": key, "host": host, "port": port, "scheme": "http"}
    if path:
        block["path"] = path
    if secure:
        block.update(secure=True, private=True)
    return block


async def _drained(connections: list[ServerConnection]) -> None:
    for connection in connections:
        await connection.drained()
