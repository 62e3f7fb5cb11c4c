"""The live channel of the embedded Travis: the server side of Pusher's protocol 7, and the dialects of it.

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
from aiotravis.testing.live.connection import Connection
from aiotravis.testing.live.dialects import Dialect, dialect_rules, frame_of
from aiotravis.testing.live.frames import Frame, seen, understood
from aiotravis.testing.live.occupancy import Occupancy

__all__ = ["Connection", "Dialect", "Frame", "PusherApp"]

RECORDED = 100_000
"""Frames that are kept for tests to look at."""

LARGEST = 1 << 20
"""Bytes of the largest frame that a client may send."""

PINGED = 5 / 6
"""Part of the idle time after which a silent client gets a ping, as soketi does: at 100 of 120 seconds."""


class PusherApp:
    """One app of a Pusher, Slanger or soketi server.

    Everything that can be given here may be set later too, except the dialect and the clock.

    Args:
        key: Public key of the app.
        secret: Signs private channels.
        app_id: Its number, as text.
        dialect: Whose manners to have: ``pusher``, ``slanger`` or ``soketi``.
        activity_timeout: Seconds of silence that a client may keep; None: what this kind of server says (soketi 30,
            the others 120), 0: nothing is said (Slanger says 120). Pusher says it to protocol 7 alone.
        idle: Seconds without a text frame after which Pusher and soketi close with 4201; None: they never do. Slanger
            never does. A while before, Pusher sends ``pusher:ping``, soketi a ping of the WebSocket protocol.
        clock: Gives seconds since the epoch; by default the time of day.

    Attributes:
        refusal: Code and text with which all who come are turned away: ``(4100, "Over capacity")``; None: nobody is.
        connections: Accepted sockets that are not being closed, by socket id.
        frames: The last 100,000 text and binary frames from and to all clients; those to clients, in the order in
            which they were queued.
        opened: How many sockets have been accepted so far.
        faults: Rules by which events are harmed, and subscriptions refused.

    Raises:
        ValueError: There is no such dialect.
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
    ) -> None:
        self.key = key
        self.secret = secret
        self.app_id = app_id
        self.activity_timeout = activity_timeout
        self.idle = idle
        self.refusal: tuple[int, str] | None = None
        self.connections: dict[str, Connection] = {}
        self.frames: deque[Frame] = deque(maxlen=RECORDED)
        self.opened: int = 0
        self.faults: Faults = Faults()
        self._manners = dialect_rules(dialect)
        self._ids = itertools.count(1)
        self._open: set[Connection] = set()
        self._occupancy = Occupancy(clock)

    def add_routes(self, app: web.Application, prefix: str = "") -> None:
        """Serve the socket at ``PREFIX/app/KEY``, until the application shuts down.

        Args:
            app: An application that has not started.
            prefix: Begins with a slash, or is empty.

        Raises:
            RuntimeError: The application has started.
            ValueError: The prefix does not begin with a slash.
        """
        app.router.add_get(prefix + "/app/{key}", self._serve)
        app.on_shutdown.append(self._shut_down)

    def sign(self, socket_id: str, channel: str) -> str:
        """Give the signature that lets a socket into a private channel: ``KEY:HEX``.

        Args:
            socket_id: As the socket was greeted with.
            channel: Its whole name, ``private-`` included.
        """
        # A name with half a surrogate pair is legal JSON, and must not crash the server.
        signed = f"{socket_id}:{channel}".encode("utf-8", "surrogatepass")
        return f"{self.key}:{hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()}"

    @property
    def takes_objects(self) -> bool:
        """Whether an event's data may be something else than a string."""
        return self._manners.takes_objects

    @property
    def listeners(self) -> Mapping[str, int]:
        """How many listen to each channel, by its name; one that nobody listens to is not there."""
        return self._occupancy.counts

    def publish(self, channels: Iterable[str], event: str, data: object, *, besides: str | None = None) -> None:
        """Send an event to whoever listens, once per channel; never waits.

        Args:
            channels: Names of the channels where it happened.
            event: Its name.
            data: Its payload, as JSON text; what is no text, only Slanger leaves as it is.
            besides: Id of a socket that is left out: that of whoever made it happen; None: nobody is.

        Raises:
            TypeError: The data is no text, and cannot be written as JSON; only where somebody listens.
        """
        for channel in channels:
            listeners = [each for each in self._occupancy.listeners(channel) if each.socket_id != besides]
            if listeners:
                frame = frame_of(event, self._manners.data_of(data), channel)
                self._spread(listeners, frame, self.faults.for_event(event, channel))

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
        """Whether anybody listens to a channel.

        Args:
            channel: Its name.
        """
        return self.occupied_since(channel) is not None

    def occupied_since(self, channel: str) -> float | None:
        """Give when a channel got the first of its listeners, in seconds since the epoch; None: it has none.

        Args:
            channel: Its name.
        """
        return self._occupancy.since(channel)

    async def wait_occupied(self, channel: str, timeout: float = 10.0) -> None:
        """Wait until somebody listens to a channel.

        Args:
            channel: Its name.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: Nobody did, in so many seconds.
        """
        async with asyncio.timeout(timeout):
            await self._occupancy.wait(channel)

    def send_raw(self, frame: str | bytes) -> None:
        """Send a frame as it is to every client, however malformed; never waits.

        Args:
            frame: Text for a text frame, in which lone surrogates stand for bytes that are no UTF-8
                (``surrogateescape``); bytes for a binary frame.

        Raises:
            UnicodeEncodeError: One of the surrogates stands for no byte; only where somebody is connected.
        """
        for connection in self.connections.values():
            self._send(connection, frame)

    def error(self, code: int | None, message: str) -> None:
        """Tell every client of an error that ends nothing; never waits.

        Args:
            code: Its code; None: it has none.
            message: What is wrong.
        """
        self.send_raw(self._manners.error(code, message))

    def disconnect(self, code: int | None = None, reason: str = "") -> "asyncio.Task[None]":
        """End every connection; never waits. What is returned need not be awaited: it ends when all has been sent.

        Args:
            code: Pusher makes it the code of a close frame, which goes out behind all that was sent before; soketi
                puts an error frame in front, Slanger an error frame in its place; both leave alone what is below 4000.
                None cuts the connections without one, and loses what they had not yet taken.
            reason: Text of the close frame, of which the first 123 bytes are sent, or of the error.

        Raises:
            RuntimeError: No event loop runs here.
            struct.error: The code of a close frame does not fit into two bytes; only where somebody is connected.
        """
        connections = list(self._open)
        for connection in connections:
            if code is None:
                self._forget(connection)
                connection.abort()
            else:
                self._end(connection, code, reason)
        return asyncio.get_running_loop().create_task(_emptied(connections))

    async def close(self) -> None:
        """Close every connection, as a server that goes away does; those that do not answer are cut after a second."""
        connections = list(self._open)
        await self.disconnect(*self._manners.farewell)
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
            self._forget(connection)
            await connection.end()
        return websocket

    def _admit(self, connection: Connection) -> None:
        key = self._manners.key_in(f"/app/{connection.request.match_info['key']}")
        refusal = self.refusal or self._manners.refusal_of_protocol(connection.protocol)
        if key != self.key:
            refusal = 4001, f"Could not find app by key {key}"
        if refusal is None:
            self.opened += 1
            self.connections[connection.socket_id] = connection
            self._greet(connection)
        else:
            self._end(connection, *refusal)

    def _forget(self, connection: Connection) -> None:
        self.connections.pop(connection.socket_id, None)
        self._occupancy.forget(connection)

    def _end(self, connection: Connection, code: int, reason: str) -> None:
        """End a connection in this kind of server's manner."""
        self._forget(connection)
        frame, said = self._manners.ending(code, reason)
        if frame is not None and not connection.closing:
            self._send(connection, frame)
        connection.close(said, reason if said is not None else "")

    def _greet(self, connection: Connection) -> None:
        timeout = self._manners.activity_timeout(connection.protocol, self.activity_timeout)
        self._send(connection, self._manners.greeting(connection.socket_id, timeout))

    def _send(self, connection: Connection, frame: str | bytes) -> None:
        self.frames.append(seen(frame, incoming=False))
        connection.send(frame)

    async def _read(self, connection: Connection) -> None:
        self._watch(connection)
        async for message in connection.websocket:
            if message.type is WSMsgType.ERROR:
                break
            self.frames.append(seen(message.data, incoming=True))
            if message.type is WSMsgType.TEXT and connection.socket_id in self.connections:
                self._watch(connection)
                self._hear(connection, message.data)

    def _watch(self, connection: Connection) -> None:
        """Begin anew to count the seconds of its silence."""
        if self.idle is not None and self._manners.ends_idle_clients:
            end = partial(self._end, connection, 4201, "Pong reply not received in time")
            connection.alarm((self.idle * PINGED, partial(self._ping, connection)), (self.idle, end))

    def _ping(self, connection: Connection) -> None:
        frame = self._manners.ping()
        if frame is None:
            connection.ping()
        else:
            self._send(connection, frame)

    def _hear(self, connection: Connection, text: str) -> None:
        try:
            event, channel, data = understood(text)
        except (ValueError, TypeError, LookupError, RecursionError) as exc:
            self._send(connection, self._manners.malformed(exc))
            return
        if event == "pusher:ping":
            self._send(connection, self._manners.pong())
        elif event == "pusher:subscribe" and channel is not None:
            signature = data.get("auth")
            self._subscribe(connection, channel, signature if isinstance(signature, str) else None)
        elif event == "pusher:unsubscribe" and channel is not None:
            self._occupancy.leave(connection, channel)
        elif event.startswith("client-"):
            answer = self._manners.client_event(channel)
            if answer is not None:
                self._send(connection, answer)

    def _subscribe(self, connection: Connection, channel: str, signature: str | None) -> None:
        rules = self._manners
        private = channel.startswith(("private-", "presence-"))
        checked = private and (signature is not None or rules.wants_signatures)
        if (checked and signature != self.sign(connection.socket_id, channel)) or self.faults.refuses(channel):
            self._send(connection, rules.bad_signature(connection.socket_id, channel, signature))
        elif channel in connection.channels and rules.refuses_repeats:
            self._send(connection, rules.error(None, f"Existing subscription to {channel}"))
        else:
            self._send(connection, rules.subscribed(channel))
            self._occupancy.join(connection, channel)


async def _emptied(connections: list[Connection]) -> None:
    for connection in connections:
        await connection.emptied()
