"""A WebSocket to the live server: pysher's Pusher makes the frames, aiohttp carries them.

pysher's own connection is a thread around a blocking socket; its Pusher gets an outbox instead.
"""

import asyncio
import contextlib
import importlib
import socket
import ssl as ssl_module
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import aiohttp
import anyio
import msgspec

from aiotravis._network.failures import failure
from aiotravis._network.handshakes import RedirectedHandshake
from aiotravis.live.protocol import Address

__all__ = ["Closed", "PusherConnector", "PusherSocket"]

MAX_BATCH: Final = 200
"""Most frames to handle before other tasks run."""

CLOSE_TIMEOUT: Final = 0.05
"""Seconds for the closing handshake, which a half-open connection never answers."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection has ended.

    Attributes:
        code: Code of the close frame, or None without one.
        reason: Reason of the close frame, or what else is known.
    """

    code: int | None
    reason: str = ""


class _Outbox:
    """Stands in for pysher's connection, and collects the frames to send."""

    def __init__(self) -> None:
        self.frames: list[str] = []

    def send_event(self, event_name: str, data: object, channel_name: str | None = None) -> None:
        frame = {"event": event_name, "data": data}
        if channel_name:
            frame["channel"] = channel_name
        self.frames.append(msgspec.json.encode(frame).decode())


@dataclass(eq=False)
class PusherSocket:
    """A WebSocket to the live server.

    Attributes:
        received_at: When bytes were received last, complete messages or not, by the loop's clock; 0 if not known.
    """

    _pusher: Any
    _outbox: _Outbox
    _websocket: aiohttp.ClientWebSocketResponse[Literal[False]]
    received_at: float = 0.0

    def __post_init__(self) -> None:
        """Note when bytes arrive: aiohttp only tells of messages, which may take long."""
        # aiohttp's own heartbeat uses the same private callback. If another version has none, only messages count.
        protocol: Any = getattr(getattr(self._websocket, "_conn", None), "protocol", None)
        now = asyncio.get_running_loop().time

        def note() -> None:
            self.received_at = now()

        if protocol is not None:
            protocol._data_received_cb = note

    def subscribe(self, channel: str, signature: str | None = None) -> None:
        """Queue a ``pusher:subscribe``, with a signature for a private channel; `flush` sends it."""
        self._pusher.subscribe(channel, signature)

    def unsubscribe(self, channel: str) -> None:
        """Queue a ``pusher:unsubscribe``; `flush` sends it."""
        self._pusher.unsubscribe(channel)

    def queue(self, event: str) -> None:
        """Queue a ``pusher:ping`` or ``pusher:pong``; `flush` sends it."""
        self._outbox.send_event(event, {})

    async def flush(self) -> None:
        """Send the queued frames."""
        while self._outbox.frames:
            frames, self._outbox.frames = self._outbox.frames, []
            for frame in frames:
                try:
                    await self._websocket.send_str(frame)
                except (aiohttp.ClientError, OSError):
                    return  # The reader notices the loss, too, and acts on it.

    async def receive(self) -> bytes | Closed:
        """Wait for the next frame."""
        message = await self._websocket.receive()
        if message.type is aiohttp.WSMsgType.TEXT or message.type is aiohttp.WSMsgType.BINARY:
            frame: bytes = message.data
            return frame
        return self._closed(message.type, message.data, message.extra)

    async def listen(self, handle: Callable[[Sequence[bytes]], Awaitable[Closed | None]]) -> Closed:
        """Receive frames until the connection ends. Other tasks run after every `MAX_BATCH` frames.

        Args:
            handle: Called with one frame or more, as they arrive; to return Closed ends the connection.
        """
        receive, data_types = self._websocket.receive, (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
        # aiohttp returns one frame per receive(), with a timeout and several checks each. Draining its private queue
        # saves a third of the cost of a burst. Each attribute has a default: if another version of aiohttp has another
        # layout, the queue looks empty, and all frames come by receive().
        queue: Any = getattr(self._websocket, "_reader", None)
        read: Any = getattr(queue, "read", None)
        queued: Any = getattr(queue, "_buffer", ())
        count = 0
        while True:
            message = await receive()
            if message.type not in data_types:
                return self._closed(message.type, message.data, message.extra)
            frames: list[bytes] = [message.data]
            while queued and len(frames) < MAX_BATCH and getattr(queued[0][0], "type", None) in data_types:
                # read() does not wait here. Unlike popping, it keeps count, and resumes a sender that was paused.
                frames.append((await read()).data)
            closed = await handle(frames)
            if closed is not None:
                return closed
            count += len(frames)
            if count >= MAX_BATCH:
                count = 0
                # receive() returns frames that are there already without suspending.
                await asyncio.sleep(0)

    def _closed(self, kind: aiohttp.WSMsgType, data: object, extra: object) -> Closed:
        if kind is aiohttp.WSMsgType.ERROR:
            return Closed(None, type(data).__name__)
        return Closed(self._websocket.close_code, extra if isinstance(extra, str) else "")

    async def aclose(self) -> None:
        """Close within `CLOSE_TIMEOUT`, whatever the state of the network."""
        # aiohttp no longer gives the socket away once the connection is closed.
        raw: socket.socket | None = self._websocket.get_extra_info("socket")
        with anyio.move_on_after(CLOSE_TIMEOUT, shield=True) as scope:
            await self._websocket.close()
        if scope.cancelled_caught and raw is not None:
            # On a half-open connection, unsent data would keep the file descriptor open for minutes.
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)


@dataclass(kw_only=True)
class PusherConnector:
    """Opens WebSockets to the live server, with the settings of REST.

    Attributes:
        session: Returns the session to use, which must not send the API's headers: the live server is another host.
            It must refuse redirects of handshakes, see `refuse_redirect`.
        proxy_for: Returns the proxy for a URL, or None.
        timeout: Seconds for connection and upgrade.
        max_message_size: Largest message to accept, in bytes.
        redact: Returns a text of the server's without the client's secrets, for messages.
    """

    session: Callable[[], aiohttp.ClientSession]
    ssl: ssl_module.SSLContext | bool
    proxy_for: Callable[[str], str | None]
    user_agent: str
    timeout: float
    max_message_size: int = 16 << 20
    redact: Callable[[str], str] = str

    async def connect(self, address: Address) -> PusherSocket:
        """Connect to an address.

        Raises:
            OSError: It could not be reached in time, or is not a WebSocket.
        """
        outbox = _Outbox()
        if not hasattr(sys.modules.get("pysher"), "Pusher"):
            await _import_pysher()
        pusher = _pusher(address, outbox)
        # The same by its other name: a proxy does not know ws in the first line of a request.
        url: str = pusher.url.replace("ws", "http", 1)
        proxy = self.proxy_for(url)
        try:
            with anyio.fail_after(self.timeout):
                websocket = await self.session().ws_connect(
                    url,
                    headers={"User-Agent": self.user_agent},
                    ssl=self.ssl,
                    proxy=proxy,
                    max_msg_size=self.max_message_size,
                    # As bytes: aiohttp ends a connection over text that is not UTF-8, which is only one invalid frame.
                    decode_text=False,
                )
        except RedirectedHandshake as exc:
            error: OSError = ConnectionError(self.redact(str(exc)))
        except TimeoutError:
            error = TimeoutError(f"no answer within {self.timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            # Some of aiohttp's errors contain the URL, and thereby the app's key, or headers that a server sent.
            error = ConnectionError(self.redact(failure(exc, url, proxy=proxy)))
        else:
            return PusherSocket(pusher, outbox, websocket)
        # Outside the handler: the exception being handled would become the context of the one raised.
        raise error


async def _import_pysher() -> None:
    """Import pysher in a thread: it imports requests, which takes 50 ms."""
    imported = anyio.Event()
    loop = asyncio.get_running_loop()

    def load() -> None:
        # Where the import fails, the next one tells why. A closed loop waits no more.
        with contextlib.suppress(Exception):
            importlib.import_module("pysher")
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(imported.set)

    thread = threading.Thread(target=load, name="aiotravis imports pysher", daemon=True)
    thread.start()
    await imported.wait()
    thread.join()


def _pusher(address: Address, outbox: _Outbox) -> Any:
    """Return a pysher Pusher with protocol 7, our name and the deployment's path, without a thread."""
    import pysher

    make: Any = pysher.Pusher
    # No log level: pysher would set any on a logger that the application may have configured.
    pusher: Any = make(address.key, secure=address.tls, port=address.port, log_level=None)
    # fact 7.1, 7.3: pysher says protocol 6, for which no activity timeout is announced.
    pusher.client_id, pusher.protocol = "aiotravis", 7
    # pysher knows no path: put it between the origin and /app/KEY.
    url: str = pusher._build_url(address.tls, address.port, address.host)
    origin, app, rest = url.partition("/app/")
    pusher.url = f"{origin}{address.path}{app}{rest}"
    pusher.connection = outbox
    return pusher
