"""Version 7 of the Pusher protocol, and Slanger's dialect of it: frames and close codes. No I/O.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/
"""

import contextlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, cast

import msgspec

from aiotravis._http.json_text import DECODE_ERRORS, decode_any, repaired
from aiotravis._validation import is_text
from aiotravis.errors import LiveUnavailable
from aiotravis.resources.config import PusherConfig

__all__ = [
    "CLOSE_REASONS",
    "DECODE_ERRORS",
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
    "address_from_config",
    "close_action",
    "decode_data",
    "decode_frame",
    "ends_connection",
    "read_frame",
    "read_message",
    "repair_frame",
]

PUSHER_HOST: Final = "ws.pusherapp.com"

APP_KEY: Final = re.compile(r"[\w-]+")

HOST_NAME: Final = re.compile(r"[\w.-]{1,253}")
"""A host that is no IPv6 address. Anything else would end the host in a URL, or forge a message."""

IPV6: Final = re.compile(r"[0-9A-Fa-f:.]+(%[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the live server is: ``/app/KEY`` below a path that is empty or has a leading slash."""

    key: str
    host: str
    port: int
    path: str
    tls: bool


def address_from_config(config: PusherConfig | None) -> Address:
    """Return the address that ``GET /config`` names.

    Raises:
        LiveUnavailable: It names no key, or a key or a host that cannot be part of a URL.
    """
    # fact 7.1: everything but the key is optional; a Slanger may stand at a host, port and path of its own.
    if config is None or not config.key:
        message = "GET /config names no Pusher key: this Travis has no live channel. Poll builds.get or jobs.get."
        raise LiveUnavailable(message)
    # fact 7.5: Slanger cuts a key at any other character.
    if not APP_KEY.fullmatch(config.key):
        raise LiveUnavailable("GET /config names a Pusher key that cannot be part of a URL.")
    path, port = (config.path or "").strip("/"), config.port or 0
    return Address(
        key=config.key,
        host=_url_host((config.host or "").strip() or PUSHER_HOST),
        port=port if 0 < port < 65536 else 443 if config.tls else 80,
        path=f"/{path}" if path else "",
        tls=config.tls,
    )


def _url_host(host: str) -> str:
    """Return a host as it stands in a URL, where an IPv6 address has brackets."""
    if HOST_NAME.fullmatch(host):
        return host
    bare = host[1:-1] if host[:1] + host[-1:] == "[]" else host
    # ipaddress takes any text as the scope of an address.
    if IPV6.fullmatch(bare):
        with contextlib.suppress(ValueError):
            ipaddress.IPv6Address(bare)
            return f"[{bare}]"
    raise LiveUnavailable("GET /config names a live server whose host cannot be part of a URL.")


# Frames ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Established:
    """The server has accepted the connection.

    Attributes:
        socket_id: The server's id of this connection; signatures are valid for it alone.
        activity_timeout: Seconds of silence after which to ping, or None if not announced.
    """

    socket_id: str
    activity_timeout: float | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The server has confirmed a subscription."""

    channel: str


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """The server reports an error, fatal or not; see `ends_connection`.

    Attributes:
        code: Pusher's code, or None: Slanger sends null or nothing.
        message: The server's text.
        channel: The channel concerned, if the server names one.
        of_subscription: Whether it is of a subscription, not of the connection.
    """

    code: int | None
    message: str
    channel: str | None = None
    of_subscription: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """The server asks for a pong."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The server answers a ping."""


# gc=False: it is short-lived and in no reference cycle, so the garbage collector need not track it.
class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event on a channel; also any frame as decoded.

    Attributes:
        event: Name of the event: ``job:log``.
        channel: Name of the channel, or None.
        data: A JSON text as a rule, sometimes the value itself; see `decode_data`.
    """

    event: str
    channel: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class InvalidFrame:
    """A frame that is not of the Pusher protocol.

    Attributes:
        reason: What is wrong with it.
    """

    reason: str


ServerMessage = Established | Subscribed | ErrorFrame | Ping | Pong | Message | InvalidFrame


decode_frame: Final[Callable[[str | bytes], Message]] = msgspec.json.Decoder(Message).decode
"""Decode a frame, or raise one of `DECODE_ERRORS`."""


class _RawFrame(msgspec.Struct, frozen=True, kw_only=True):
    event: str
    channel: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_decode_raw_frame: Final = msgspec.json.Decoder(_RawFrame).decode


def read_frame(frame: str | bytes) -> ServerMessage:
    """Decode and read one frame."""
    try:
        message = decode_frame(frame)
    except DECODE_ERRORS:
        try:
            message = repair_frame(frame)
        except DECODE_ERRORS as exc:
            return InvalidFrame(type(exc).__name__)
    return read_message(message)


def repair_frame(frame: str | bytes) -> Message:
    """Decode a frame of which `decode_frame` refuses a value, such as half a surrogate or 1e400, without that value.

    Raises:
        DecodeError, UnicodeError, RecursionError: It is no frame.
    """
    # fact 9.37: data is a string or the value itself. Its text stands for the value: readers take both.
    raw = _decode_raw_frame(repaired(frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else frame))
    text = bytes(raw.data)
    data = decode_any(text) if text[:1] == b'"' else text.decode()
    return Message(event=raw.event, channel=raw.channel, data=data)


def read_message(message: Message) -> ServerMessage:
    """Return what a decoded frame means: the event itself, or one of the protocol's own messages."""
    if not message.event.startswith("pusher"):
        return message
    if message.event == "pusher:connection_established":
        return _established(_as_object(decode_data(message.data)))
    if message.event == "pusher_internal:subscription_succeeded":
        return Subscribed(message.channel) if message.channel else InvalidFrame("a subscription without a channel")
    if message.event in {"pusher:error", "pusher:subscription_error"}:
        return _error_frame(message)
    if message.event == "pusher:ping":
        return Ping()
    if message.event == "pusher:pong":
        return Pong()
    # The server chooses the name, which could be anything, a secret too.
    return InvalidFrame("an unknown protocol event")


def _established(data: dict[str, object]) -> Established | InvalidFrame:
    socket_id, timeout = data.get("socket_id"), data.get("activity_timeout")
    socket_id = str(socket_id) if isinstance(socket_id, str | int) and not isinstance(socket_id, bool) else ""
    # It is sent on, to be signed.
    if not socket_id.strip() or not is_text(socket_id):
        return InvalidFrame("a handshake without a socket id")
    # fact 7.3: Pusher announces no timeout below protocol 7.
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
        timeout = None
    return Established(socket_id, timeout)


def _error_frame(frame: Message) -> ErrorFrame:
    # fact 7.5, 9.37: the data is an object, a JSON string of one, or any string; the code a number, null or missing.
    data = decode_data(frame.data)
    fields = _as_object(data)
    code = fields.get("code", fields.get("status"))
    if isinstance(code, str) and code.isdecimal() and len(code) <= 5:
        code = int(code)
    message = fields.get("message", fields.get("error", data if isinstance(data, str) else ""))
    channel = fields.get("channel")
    return ErrorFrame(
        code if isinstance(code, int) and not isinstance(code, bool) else None,
        message if isinstance(message, str) else "",
        frame.channel or (channel if isinstance(channel, str) else None),
        of_subscription=frame.event == "pusher:subscription_error",
    )


def decode_data(data: object) -> object:
    """Return the value of a message's data: decoded if it is a string that holds JSON, else unchanged."""
    # fact 7.2, 9.37: data is normally a JSON string inside the JSON.
    if not isinstance(data, str):
        return data
    try:
        return decode_any(data.encode("utf-8", "surrogatepass"))
    except DECODE_ERRORS:
        return data


def _as_object(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


# Close codes ----------------------------------------------------------------------------------------------------------


class CloseAction(Enum):
    """What to do after the connection has ended."""

    STOP = auto()
    """Do not reconnect: the server would refuse again."""
    USE_TLS = auto()
    """Reconnect once, over TLS."""
    RECONNECT = auto()
    """Reconnect after a short delay."""
    BACK_OFF = auto()
    """Reconnect after at least a second, with growing delays."""


CLOSE_REASONS: Final = {
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


def ends_connection(error: ErrorFrame) -> bool:
    """Return whether an error ends the connection, even if the server does not close it."""
    # fact 7.4, 9.37: errors without a code or with one outside of 4000-4299 (500, 5001, 4301) are not fatal.
    # A `pusher:subscription_error` may have any status, and may lack its channel.
    return _is_of_connection(error) and error.code is not None and 4000 <= error.code < 4300


def _is_of_connection(error: ErrorFrame) -> bool:
    return error.channel is None and not error.of_subscription


def close_action(code: int | None, last_error: ErrorFrame | None = None) -> CloseAction:
    """Return what to do after the connection has ended.

    Args:
        code: Code of the close frame, or None without one (1005 and 1006 mean the same).
        last_error: The last error before it, which decides if the close frame says nothing.
    """
    # fact 7.5, 9.38: Slanger sends the code in an error frame, and then closes without one.
    if (code is None or code in {1000, 1005, 1006}) and last_error is not None and _is_of_connection(last_error):
        code = last_error.code
    # fact 7.4: what each range of codes asks of the client.
    if code is None:
        return CloseAction.RECONNECT
    if code == 4000:
        return CloseAction.USE_TLS
    if 4000 <= code < 4100:
        return CloseAction.STOP
    if 4100 <= code < 4200 or code in {1002, 1003, 1004}:
        return CloseAction.BACK_OFF
    return CloseAction.RECONNECT
