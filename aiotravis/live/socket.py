"""pysher's Pusher over an aiohttp WebSocket.

pysher speaks: its ``Pusher`` builds the URL, keeps the registry of channels, makes the frames. aiohttp carries: instead
of pysher's own connection, a thread around a blocking socket, the Pusher is given a wire that collects what it says.
"""

import asyncio
import contextlib
import socket
import ssl as ssl_module
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import aiohttp
import anyio
import msgspec

from aiotravis.live.protocol import Address

__all__ = ["Closed", "Connector", "Socket"]

TURN: Final = 200
"""Frames after which consumers get their turn."""

CLOSING: Final = 0.05
"""Seconds that a farewell may take; a half-open connection never answers it."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection has ended.

    Attributes:
        code: Code of the close frame, or None where there was none.
        reason: What is known about why.
    """

    code: int | None
    reason: str = ""


class _Wire:
    """Takes the place of pysher's connection: collects frames to be sent."""

    def __init__(self) -> None:
        self.socket_id = ""
        self.outbox: list[str] = []

    def send_event(self, event_name: str, data: object, channel_name: str | None = None) -> None:
        frame = {"event": event_name, "data": data}
        if channel_name:
            frame["channel"] = channel_name
        self.outbox.append(msgspec.json.encode(frame).decode())


class Socket:
    """One connection to the live server.

    Args:
        pusher: A pysher Pusher whose connection is ``wire``.
        wire: Collects its frames.
        websocket: Carries them.
    """

    def __init__(self, pusher: Any, wire: _Wire, websocket: aiohttp.ClientWebSocketResponse[Literal[False]]) -> None:
        self._pusher = pusher
        self._wire = wire
        self._websocket = websocket

    def established(self, socket_id: str) -> None:
        """Take note of what the server calls this connection."""
        self._wire.socket_id = socket_id

    def subscribe(self, channel: str, signature: str | None = None) -> None:
        """Ask for a channel; goes out with the next `flush`."""
        self._pusher.subscribe(channel, signature)

    def unsubscribe(self, channel: str) -> None:
        """Give a channel up; goes out with the next `flush`."""
        self._pusher.unsubscribe(channel)

    def say(self, event: str) -> None:
        """Say ``pusher:ping`` or ``pusher:pong``; goes out with the next `flush`."""
        self._wire.send_event(event, {})

    async def flush(self) -> None:
        """Send what was collected."""
        while self._wire.outbox:
            outbox, self._wire.outbox = self._wire.outbox, []
            for frame in outbox:
                try:
                    await self._websocket.send_str(frame)
                except (aiohttp.ClientError, OSError):
                    return  # The reader is told of the loss, too, and is the one to act on it.

    async def receive(self) -> bytes | Closed:
        """Wait for the next frame."""
        message = await self._websocket.receive()
        if message.type is aiohttp.WSMsgType.TEXT or message.type is aiohttp.WSMsgType.BINARY:
            frame: bytes = message.data
            return frame
        return self._closed(message.type, message.data, message.extra)

    async def listen(self, take: Callable[[Sequence[bytes]], Closed | None]) -> Closed:
        """Hand over every frame as it comes, with those that came with it, until the connection ends.

        Consumers get their turn after every `TURN` frames; other than that, nobody is waited for.

        Args:
            take: Takes frames, at least one; what it returns ends the connection.
        """
        receive, text, binary = self._websocket.receive, aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY
        arrived = _Arrived(self._websocket)
        turn = 0
        while True:
            message = await receive()
            if message.type is not text and message.type is not binary:
                return self._closed(message.type, message.data, message.extra)
            frames: list[bytes] = [message.data]
            await arrived.move(frames)
            closed = take(frames)
            if closed is not None:
                return closed
            turn += len(frames)
            if turn >= TURN:
                turn = 0
                # Frames that are there already come without a suspension.
                await asyncio.sleep(0)

    def _closed(self, kind: aiohttp.WSMsgType, data: object, extra: object) -> Closed:
        if kind is aiohttp.WSMsgType.ERROR:
            return Closed(None, type(data).__name__)
        return Closed(self._websocket.close_code, extra if isinstance(extra, str) else "")

    async def aclose(self) -> None:
        """Close, quickly whatever state the network is in."""
        # Fetched beforehand: a connection that is closed gives its socket away no more.
        raw: socket.socket | None = self._websocket.get_extra_info("socket")
        with anyio.move_on_after(CLOSING, shield=True) as scope:
            await self._websocket.close()
        if scope.cancelled_caught and raw is not None:
            # What a half-open connection was still to send would keep its descriptor open for minutes.
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)


class _Arrived:
    """The frames that have come and wait in aiohttp's queue, which it shows to nobody.

    Taking them from there, instead of by a ``receive()`` for each, saves a third of what a burst costs. Where a version
    of aiohttp keeps them otherwise, none are found, and they come one by one.

    Args:
        websocket: Where they wait.
    """

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[Literal[False]]) -> None:
        queue: Any = getattr(websocket, "_reader", None)
        self._read: Any = getattr(queue, "read", None)
        self._waiting: Any = getattr(queue, "_buffer", ())

    async def move(self, frames: list[bytes]) -> None:
        """Append what waits, up to `TURN` frames; never waits for more. Other things than data are left there."""
        waiting, read, text, binary = self._waiting, self._read, aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY
        while waiting and len(frames) < TURN:
            kind = getattr(waiting[0][0], "type", None)
            if kind is not text and kind is not binary:
                return
            # Not from the buffer itself: the queue reckons what it holds, to let the sender go on.
            frames.append((await read()).data)


class Connector:
    """Opens sockets.

    Args:
        session: Gives the session to use. It must carry no header of the API's: the live server is another host.
        ssl: As for REST.
        proxy: As for REST.
        user_agent: As for REST.
        timeout: Seconds for connection and upgrade.
        largest_frame: Largest frame that is read, in bytes. Pusher allows 10 kB for an event; Slanger and its kind
            allow what they are set to.
    """

    def __init__(
        self,
        session: Callable[[], aiohttp.ClientSession],
        *,
        ssl: ssl_module.SSLContext | bool,
        proxy: str | None,
        user_agent: str,
        timeout: float,
        largest_frame: int = 16 << 20,
    ) -> None:
        self._session = session
        self._ssl = ssl
        self._proxy = proxy
        self._user_agent = user_agent
        self._timeout = timeout
        self._largest_frame = largest_frame

    async def connect(self, address: Address) -> Socket:
        """Open a socket.

        Raises:
            OSError: No connection, in the time given.
        """
        wire = _Wire()
        pusher = _pusher(address, wire)
        try:
            with anyio.fail_after(self._timeout):
                websocket = await self._session().ws_connect(
                    pusher.url,
                    headers={"User-Agent": self._user_agent},
                    ssl=self._ssl,
                    proxy=self._proxy,
                    max_msg_size=self._largest_frame,
                    # Read as bytes: what is no UTF-8 is a frame of junk, and not the end of the connection.
                    decode_text=False,
                )
        except (aiohttp.ClientError, ValueError) as exc:
            # aiohttp names the URL in some of its errors, with the app's key: the type says enough.
            raise ConnectionError(type(exc).__name__) from exc
        return Socket(pusher, wire, websocket)


def _pusher(address: Address, wire: _Wire) -> Any:
    """Make a pysher Pusher that says protocol 7, our name and the deployment's path, and owns no thread."""
    # Imported here, since it brings requests along: only who listens pays for it.
    import pysher

    make: Any = pysher.Pusher
    # No log level: any would be set on a logger that the application may have configured.
    pusher: Any = make(address.key, secure=address.tls, port=address.port, log_level=None)
    pusher.client_id, pusher.protocol = "aiotravis", 7
    # The host carries the path prefix along: the URL is joined as host, port, path.
    url: str = pusher._build_url(address.tls, address.port, address.host)
    origin, app, rest = url.partition("/app/")
    pusher.url = f"{origin}{address.path}{app}{rest}"
    pusher.connection = wire
    return pusher
