"""What Pusher, Slanger and soketi say differently, as frames and values without I/O."""

import json
import os
import re
import secrets
import traceback
from abc import ABC, abstractmethod
from typing import Literal

from aiotravis.testing.live.compact_json import compact

__all__ = ["Dialect", "DialectRules", "PusherRules", "SlangerRules", "SoketiRules", "dialect_rules"]

Dialect = Literal["pusher", "slanger", "soketi"]
"""Whose manners a live channel has: hosted Pusher's, or those of a server that stands in for it."""

PROTOCOLS = ("4", "5", "6", "7")
SLANGER_PROTOCOLS = ("3", *PROTOCOLS)

OWN = range(4000, 5000)
"""Codes that are not the WebSocket protocol's."""


def frame_of(event: str, data: object, channel: str | None = None) -> str:
    """Write a frame; data stays as it is: an object, or a JSON string inside the JSON.

    Args:
        event: Name of the event.
        data: What it carries; None leaves the key out.
        channel: Where it happened; None leaves the key out.
    """
    frame = {"event": event, "channel": channel, "data": data}
    return compact({name: value for name, value in frame.items() if value is not None})


class DialectRules(ABC):
    """What one kind of server says; this class holds what all say alike.

    Attributes:
        announced: Seconds of silence that it grants where nobody says anything else.
        ends_idle_clients: Whether silence is pinged, and ended with 4201.
        wants_signatures: Whether a private channel is refused to a client that gives no signature at all.
        refuses_repeats: Whether a second subscription to a channel is an error.
        takes_objects: Whether an event's data may be published as something else than a string.
        farewell: Code and text for everybody when the server goes away.
    """

    announced: float = 120
    ends_idle_clients: bool
    wants_signatures: bool
    refuses_repeats: bool
    takes_objects: bool = True
    farewell: tuple[int, str] = (1001, "going away")

    @abstractmethod
    def socket_id(self, number: int) -> str:
        """Name the socket that came as the so-manieth."""

    def key_in(self, path: str) -> str:
        """Read the app's key in the path of a socket, ``/app/KEY``: a prefix has been taken off."""
        return path.rpartition("/")[2]

    @abstractmethod
    def refusal_of_protocol(self, protocol: str | None) -> tuple[int, str] | None:
        """Give the code and text with which a protocol version is refused, or None for one that is spoken."""

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Give the seconds of silence to announce to a client, or None to say nothing.

        Args:
            protocol: Protocol version that it asked for.
            timeout: What was set; None for what this kind of server says by itself, 0 for nothing.
        """
        return self.announced if timeout is None else timeout or None

    def greeting(self, socket_id: str, timeout: float | None) -> str:
        """Write the first frame, whose data is a JSON string."""
        data: dict[str, object] = {"socket_id": socket_id}
        if timeout is not None:
            data["activity_timeout"] = timeout
        return frame_of("pusher:connection_established", compact(data))

    @abstractmethod
    def error(self, code: int | None, message: str) -> str:
        """Write an error frame."""

    @abstractmethod
    def ending(self, code: int, reason: str) -> tuple[str | None, int | None]:
        """Give what ends a connection: a frame in front of the close frame or None, and its code or None."""

    def ping(self) -> str | None:
        """Write the ping for a silent client; None for one of the WebSocket protocol."""
        return None

    @abstractmethod
    def pong(self) -> str:
        """Write the answer to ``pusher:ping``."""

    @abstractmethod
    def subscribed(self, channel: str) -> str:
        """Write the confirmation of a subscription."""

    @abstractmethod
    def bad_signature(self, socket_id: str, channel: str, signature: str | None) -> str:
        """Write the refusal of a private channel."""

    @abstractmethod
    def malformed(self, exc: Exception) -> str:
        """Write the answer to a frame that could not be understood."""

    @abstractmethod
    def client_event(self, channel: str | None) -> str | None:
        """Write the answer to a ``client-*`` event; None for silence."""

    def data_of(self, published: object) -> object:
        """Give the data of an event as it is sent: a string, whatever was published."""
        return published if isinstance(published, str) else compact(published)


class PusherRules(DialectRules):
    """Hosted Pusher."""

    ends_idle_clients = True
    wants_signatures = True
    refuses_repeats = True
    takes_objects = False

    def socket_id(self, number: int) -> str:
        """Name a socket by two numbers."""
        return f"8123.{55020 + number}"

    def refusal_of_protocol(self, protocol: str | None) -> tuple[int, str] | None:
        """Refuse what is missing, what is no number, and every number but 4 to 7."""
        if not protocol:
            return 4008, "No protocol version supplied"
        if not protocol.isdecimal():
            return 4006, "Invalid version string format"
        return None if protocol in PROTOCOLS else (4007, "Unsupported protocol version")

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Announce it to protocol 7 alone: older ones do not know it."""
        return super().activity_timeout(protocol, timeout) if protocol == "7" else None

    def error(self, code: int | None, message: str) -> str:
        """Write an error whose data is an object."""
        return frame_of("pusher:error", {"code": code, "message": message})

    def ending(self, code: int, reason: str) -> tuple[str | None, int | None]:
        """Leave it to the close frame."""
        return None, code

    def ping(self) -> str | None:
        """Write a ping of its own protocol."""
        return frame_of("pusher:ping", "{}")

    def pong(self) -> str:
        """Write a pong whose data is an empty object."""
        return frame_of("pusher:pong", {})

    def subscribed(self, channel: str) -> str:
        """Write a confirmation whose data is an empty object in a string."""
        return frame_of("pusher_internal:subscription_succeeded", "{}", channel)

    def bad_signature(self, socket_id: str, channel: str, signature: str | None) -> str:
        """Write a refusal that names its channel."""
        data = {"type": "AuthError", "error": "The connection is unauthorized.", "status": 401}
        return frame_of("pusher:subscription_error", data, channel)

    def malformed(self, exc: Exception) -> str:
        """Write an error without a code, which ends nothing."""
        return self.error(None, "Invalid message")

    def client_event(self, channel: str | None) -> str | None:
        """Write the error that leaves the connection open."""
        return self.error(4301, "Client event rejected")


class SoketiRules(PusherRules):
    """soketi, which is close to hosted Pusher."""

    announced: float = 30
    refuses_repeats = False
    takes_objects = True
    farewell: tuple[int, str] = (4200, "Server is closed. Please reconnect shortly.")

    def refusal_of_protocol(self, protocol: str | None) -> tuple[int, str] | None:
        """Take everybody."""
        return None

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Announce it to everybody."""
        return DialectRules.activity_timeout(self, protocol, timeout)

    def ending(self, code: int, reason: str) -> tuple[str | None, int | None]:
        """Say it twice, but for what is the WebSocket protocol's own."""
        return self.error(code, reason) if code in OWN else None, code

    def ping(self) -> str | None:
        """Ping as WebSockets do; that it is answered does not count as life."""
        return None

    def subscribed(self, channel: str) -> str:
        """Write a confirmation without data."""
        return frame_of("pusher_internal:subscription_succeeded", None, channel)

    def client_event(self, channel: str | None) -> str | None:
        """Write the error with the channel that it is about."""
        return frame_of("pusher:error", {"code": 4301, "message": "Client event rejected"}, channel)


class SlangerRules(DialectRules):
    """Slanger 0.6."""

    ends_idle_clients = False
    wants_signatures = False
    refuses_repeats = True

    def socket_id(self, number: int) -> str:
        """Name a socket by the process and a random number."""
        return f"{os.getpid()}.{secrets.randbelow(10**12)}"

    def key_in(self, path: str) -> str:
        """Take the second word, whatever stands between words: a key with a hyphen is cut."""
        return re.split(r"\W", path, flags=re.ASCII)[2]

    def refusal_of_protocol(self, protocol: str | None) -> tuple[int, str] | None:
        """Refuse all but 3 to 7 with one and the same code."""
        return None if protocol in SLANGER_PROTOCOLS else (4007, "Unsupported protocol version")

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Announce it to everybody, whatever happens."""
        return timeout or self.announced

    def error(self, code: int | None, message: str) -> str:
        """Write an error whose data is a JSON string."""
        return frame_of("pusher:error", compact({"code": code, "message": message}))

    def ending(self, code: int, reason: str) -> tuple[str | None, int | None]:
        """Write an error frame, and give the close frame no code; what is the WebSocket protocol's own it keeps."""
        return (self.error(code, reason), None) if code in OWN else (None, code)

    def pong(self) -> str:
        """Write a pong whose data is an empty object in a string."""
        return frame_of("pusher:pong", "{}")

    def subscribed(self, channel: str) -> str:
        """Write a confirmation whose data is an empty object in a string."""
        return frame_of("pusher_internal:subscription_succeeded", "{}", channel)

    def bad_signature(self, socket_id: str, channel: str, signature: str | None) -> str:
        """Write an error with neither code nor channel."""
        expected = f"Invalid signature: Expected HMAC SHA256 hex digest of {socket_id}:{channel}, but got {signature}"
        return frame_of("pusher:error", compact({"message": expected}))

    def malformed(self, exc: Exception) -> str:
        """Write 5001 for bad JSON; for all else 500, with the traceback that Slanger lets everybody see."""
        if isinstance(exc, json.JSONDecodeError):
            return self.error(5001, "Invalid JSON")
        return self.error(500, "".join(traceback.format_exception(exc)))

    def client_event(self, channel: str | None) -> str | None:
        """Stay silent."""
        return None

    def data_of(self, published: object) -> object:
        """Leave the data as it was published."""
        return published


def dialect_rules(dialect: Dialect) -> DialectRules:
    """Give the manners of a dialect.

    Raises:
        ValueError: There is no such dialect.
    """
    kinds: dict[Dialect, type[DialectRules]] = {
        "pusher": PusherRules, "slanger": SlangerRules, "soketi": SoketiRules,
    }  # fmt: skip
    if dialect not in kinds:
        raise ValueError(f"dialect must be one of {', '.join(kinds)}, not {dialect!r}")
    return kinds[dialect]()
