"""Pusher's protocol 7, and Slanger's dialect of it: what a frame says, what a close demands. No I/O.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, cast

import msgspec

from aiotravis.errors import LiveUnavailable
from aiotravis.resources.config import PusherConfig

__all__ = [
    "UNREADABLE",
    "Address",
    "CloseAction",
    "ErrorFrame",
    "Established",
    "InvalidFrame",
    "Message",
    "Ping",
    "Pong",
    "ServerMessage",
    "Subscribed",
    "address_of",
    "close_action",
    "decode_frame",
    "ends_connection",
    "plain",
    "read_frame",
    "read_message",
]

PUSHER_HOST: Final = "ws.pusherapp.com"

KEY: Final = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the live channel is.

    Attributes:
        key: Key of the app.
        host: Host name.
        port: TCP port.
        path: Path before ``/app/KEY``: empty, or with a leading slash.
        tls: Whether the socket is encrypted.
    """

    key: str
    host: str
    port: int
    path: str
    tls: bool


def address_of(config: PusherConfig | None) -> Address:
    """Read the address out of what ``GET /config`` hands out.

    Raises:
        LiveUnavailable: There is no key, or it cannot be part of a URL.
    """
    if config is None or not config.key:
        message = "GET /config names no Pusher key: this Travis has no live channel. Poll builds.get or jobs.get."
        raise LiveUnavailable(message)
    if not KEY.fullmatch(config.key):
        raise LiveUnavailable("GET /config names a Pusher key that cannot be part of a URL.")
    path = (config.path or "").strip("/")
    return Address(
        key=config.key,
        host=config.host or PUSHER_HOST,
        port=config.port or (443 if config.tls else 80),
        path=f"/{path}" if path else "",
        tls=config.tls,
    )


# What a frame can say ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Established:
    """The server greets.

    Attributes:
        socket_id: What it calls this connection; signatures are for it alone.
        activity_timeout: Seconds of silence after which to ping, or None where it does not say.
    """

    socket_id: str
    activity_timeout: float | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription is in force."""

    channel: str


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """The server complains. Whether that is fatal shows in the close that follows, or does not.

    Attributes:
        code: Pusher's code, or None: Slanger sends null, or nothing.
        message: In the server's words.
        channel: The channel it is about, where the server says so.
    """

    code: int | None
    message: str
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """The server wants a pong."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The server answered a ping."""


# Not tracked by the garbage collector: it lives for a moment, and can be in no cycle.
class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event on a channel; any frame, as it is read.

    Attributes:
        event: Its name: ``job:log``.
        channel: Name of the channel, or None.
        data: Normally a JSON text, sometimes the value itself.
    """

    event: str
    channel: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class InvalidFrame:
    """Nothing that a Pusher server would say; passed over, and counted.

    Attributes:
        reason: What is wrong with it.
    """

    reason: str


ServerMessage = Established | Subscribed | ErrorFrame | Ping | Pong | Message | InvalidFrame


decode_frame: Final[Callable[[str | bytes], Message]] = msgspec.json.Decoder(Message).decode
"""Decodes a frame, or raises one of `UNREADABLE`."""

UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


def read_frame(frame: str | bytes) -> ServerMessage:
    """Read one frame, whatever it is."""
    try:
        read = decode_frame(frame)
    except UNREADABLE as exc:
        return InvalidFrame(type(exc).__name__)
    return read_message(read)


def read_message(message: Message) -> ServerMessage:
    """Tell what a frame that was decoded says: it is an event, or one of the protocol's own."""
    return _read_protocol(message) if message.event.startswith("pusher") else message


def _read_protocol(frame: Message) -> ServerMessage:
    if frame.event == "pusher:connection_established":
        return _greeting(plain(frame.data))
    if frame.event == "pusher_internal:subscription_succeeded":
        return Subscribed(frame.channel) if frame.channel else InvalidFrame("a subscription without a channel")
    if frame.event in {"pusher:error", "pusher:subscription_error"}:
        return _trouble(plain(frame.data), frame.channel)
    if frame.event == "pusher:ping":
        return Ping()
    if frame.event == "pusher:pong":
        return Pong()
    return InvalidFrame(f"an unknown protocol event, {frame.event!r}")


def _greeting(data: object) -> ServerMessage:
    greeting = _mapping(data)
    socket_id, timeout = greeting.get("socket_id"), greeting.get("activity_timeout")
    if not isinstance(socket_id, str | int) or isinstance(socket_id, bool) or not str(socket_id):
        return InvalidFrame("a greeting without a socket id")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
        timeout = None
    return Established(str(socket_id), timeout)


def _trouble(data: object, channel: str | None) -> ErrorFrame:
    trouble = _mapping(data)
    code = trouble.get("code", trouble.get("status"))
    if isinstance(code, str) and code.isdecimal() and len(code) <= 5:
        code = int(code)
    message = trouble.get("message", trouble.get("error", data if isinstance(data, str) else ""))
    named = trouble.get("channel")
    return ErrorFrame(
        code if isinstance(code, int) and not isinstance(code, bool) else None,
        message if isinstance(message, str) else "",
        channel or (named if isinstance(named, str) else None),
    )


def plain(data: object) -> object:
    """Undo the double encoding: a string that holds JSON becomes its value, anything else stays as it is."""
    if not isinstance(data, str):
        return data
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return data


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


# What a close demands ------------------------------------------------------------------------------------------------


class CloseAction(Enum):
    """What to do once the connection has ended."""

    STOP = auto()
    """Coming back unchanged cannot help."""
    ENCRYPT = auto()
    """Come back, once, over TLS."""
    SOON = auto()
    """Come back with a small delay."""
    BACK_OFF = auto()
    """Come back after a second or more, and ever more slowly."""


MEANINGS: Final = {
    4000: "it accepts only encrypted connections",
    4001: "it knows no app with this key",
    4003: "the app is disabled",
    4004: "the app is over its quota of connections",
    4005: "it knows no such path",
    4006: "it did not understand the version",
    4007: "it refuses this protocol version",
    4008: "it missed a protocol version",
    4009: "it does not authorise this connection",
}


def ends_connection(trouble: ErrorFrame) -> bool:
    """Whether a complaint means the end of the connection, even if the server does not close it.

    Codes beyond those of a close, and none at all, tell of something that the connection survives.
    """
    return trouble.channel is None and trouble.code is not None and 4000 <= trouble.code < 4300


def close_action(code: int | None, last_trouble: ErrorFrame | None = None) -> CloseAction:
    """Judge the end of a connection.

    Args:
        code: Code of the close frame, or None where there was none (1005 and 1006 mean the same).
        last_trouble: The last complaint before it: where no code comes, as from Slanger, it decides.
    """
    if (code is None or code in {1000, 1005, 1006}) and last_trouble is not None and last_trouble.channel is None:
        code = last_trouble.code
    if code is None:
        return CloseAction.SOON
    if code == 4000:
        return CloseAction.ENCRYPT
    if 4000 <= code < 4100:
        return CloseAction.STOP
    if 4100 <= code < 4200 or code in {1002, 1003, 1004}:
        return CloseAction.BACK_OFF
    return CloseAction.SOON
