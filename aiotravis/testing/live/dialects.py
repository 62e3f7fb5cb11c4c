"""The dialects of Pusher, Slanger and soketi, as frames and values without I/O."""

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
"""Dialect of a live channel: hosted Pusher's, or that of a server which replaces it."""

PROTOCOLS = ("4", "5", "6", "7")
SLANGER_PROTOCOLS = ("3", *PROTOCOLS)

PUSHER_CODES = range(4000, 5000)
"""Close codes of the Pusher protocol; lower ones are the WebSocket protocol's."""


def event_frame(event: str, data: object, channel: str | None = None) -> str:
    """Return a frame as JSON; data is not encoded again, None omits data or channel."""
    frame = {"event": event, "channel": channel, "data": data}
    return compact({name: value for name, value in frame.items() if value is not None})


class DialectRules(ABC):
    """What one kind of server sends; this class has what all have in common.

    Attributes:
        default_activity_timeout: Activity timeout to announce unless another one is set, in seconds.
        closes_idle_clients: Whether idle clients are pinged, then disconnected with 4201.
        requires_signatures: Whether a private channel is refused without a signature.
        rejects_duplicates: Whether a second subscription to a channel is an error.
        accepts_object_data: Whether an event's data may be published as something else than a string.
        pong_data: Data of the answer to ``pusher:ping``.
        subscription_data: Data of the confirmation of a subscription; None for none.
        shutdown_close: Close code and reason when the server shuts down.
    """

    default_activity_timeout: float = 120
    closes_idle_clients: bool
    requires_signatures: bool
    rejects_duplicates: bool
    accepts_object_data: bool = True
    pong_data: object
    subscription_data: str | None = "{}"
    shutdown_close: tuple[int, str] = (1001, "going away")

    @abstractmethod
    def socket_id(self, number: int) -> str:
        """Return the id of the socket with this number."""

    def key_from_path(self, path: str) -> str:
        """Return the app's key in the path of a socket, ``/app/KEY`` without a prefix."""
        return path.rpartition("/")[2]

    @abstractmethod
    def protocol_error(self, protocol: str | None) -> tuple[int, str] | None:
        """Return code and message for a protocol version, or None if it is supported."""

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Return the activity timeout to announce in seconds, or None to announce none.

        Args:
            protocol: Protocol version that the client requested.
            timeout: The timeout that is set; None for the default, 0 for none.
        """
        return self.default_activity_timeout if timeout is None else timeout or None

    def connection_established(self, socket_id: str, timeout: float | None) -> str:
        """Return the first frame."""
        data: dict[str, object] = {"socket_id": socket_id}
        if timeout is not None:
            data["activity_timeout"] = timeout
        # fact 7.2: every dialect sends this data as JSON in a string.
        return event_frame("pusher:connection_established", compact(data))

    @abstractmethod
    def error(self, code: int | None, message: str) -> str:
        """Return an error frame."""

    @abstractmethod
    def closing(self, code: int, reason: str) -> tuple[str | None, int | None]:
        """Return the frame to send before the close frame, and the code of the close frame; None for none."""

    def ping(self) -> str | None:
        """Return the ping for an idle client; None for a ping of the WebSocket protocol."""
        return None

    def pong(self) -> str:
        """Return the answer to ``pusher:ping``."""
        return event_frame("pusher:pong", self.pong_data)

    def subscription_succeeded(self, channel: str) -> str:
        """Return the confirmation of a subscription."""
        return event_frame("pusher_internal:subscription_succeeded", self.subscription_data, channel)

    @abstractmethod
    def invalid_signature(self, socket_id: str, channel: str, signature: str | None) -> str:
        """Return the refusal of a private channel."""

    @abstractmethod
    def invalid_frame(self, exc: Exception) -> str:
        """Return the answer to a frame that could not be parsed."""

    @abstractmethod
    def client_event(self, channel: str | None) -> str | None:
        """Return the answer to a ``client-*`` event; None for none."""

    def event_data(self, published: object) -> object:
        """Return the data of an event as it is sent: always a string."""
        return published if isinstance(published, str) else compact(published)


class PusherRules(DialectRules):
    """Hosted Pusher."""

    closes_idle_clients = True
    requires_signatures = True
    rejects_duplicates = True
    accepts_object_data = False
    pong_data: object = {}

    def socket_id(self, number: int) -> str:
        """Return two numbers."""
        return f"8123.{55020 + number}"

    def protocol_error(self, protocol: str | None) -> tuple[int, str] | None:
        """Support 4 to 7."""
        if not protocol:
            return 4008, "No protocol version supplied"
        if not protocol.isdecimal():
            return 4006, "Invalid version string format"
        return None if protocol in PROTOCOLS else (4007, "Unsupported protocol version")

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Announce it to protocol 7 only."""
        # fact 7.3: lower protocols do not have it.
        return super().activity_timeout(protocol, timeout) if protocol == "7" else None

    def error(self, code: int | None, message: str) -> str:
        """Return an error whose data is an object."""
        return event_frame("pusher:error", {"code": code, "message": message})

    def closing(self, code: int, reason: str) -> tuple[str | None, int | None]:
        """Send the code in the close frame."""
        return None, code

    def ping(self) -> str | None:
        """Return a ping of the Pusher protocol."""
        return event_frame("pusher:ping", "{}")

    def invalid_signature(self, socket_id: str, channel: str, signature: str | None) -> str:
        """Return a refusal on the channel."""
        data = {"type": "AuthError", "error": "The connection is unauthorized.", "status": 401}
        return event_frame("pusher:subscription_error", data, channel)

    def invalid_frame(self, exc: Exception) -> str:
        """Return an error without a code."""
        return self.error(None, "Invalid message")

    def client_event(self, channel: str | None) -> str | None:
        """Return an error that does not end the connection."""
        return self.error(4301, "Client event rejected")


class SoketiRules(PusherRules):
    """soketi, which is close to hosted Pusher."""

    # fact 7.10: what soketi does differently.
    default_activity_timeout: float = 30
    rejects_duplicates = False
    accepts_object_data = True
    subscription_data: str | None = None
    shutdown_close: tuple[int, str] = (4200, "Server is closed. Please reconnect shortly.")

    def protocol_error(self, protocol: str | None) -> tuple[int, str] | None:
        """Support every protocol."""
        return None

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Announce it to every protocol."""
        return DialectRules.activity_timeout(self, protocol, timeout)

    def closing(self, code: int, reason: str) -> tuple[str | None, int | None]:
        """Send the code in an error frame and in the close frame."""
        return self.error(code, reason) if code in PUSHER_CODES else None, code

    def ping(self) -> str | None:
        """Use the WebSocket protocol, though its pongs do not count as activity."""
        return None

    def client_event(self, channel: str | None) -> str | None:
        """Return an error on the channel."""
        return event_frame("pusher:error", {"code": 4301, "message": "Client event rejected"}, channel)


class SlangerRules(DialectRules):
    """Slanger 0.6."""

    # fact 9.38: no pings, no close codes, private channels without signatures.
    closes_idle_clients = False
    requires_signatures = False
    rejects_duplicates = True
    pong_data: object = "{}"

    def socket_id(self, number: int) -> str:
        """Return the process id and a random number."""
        return f"{os.getpid()}.{secrets.randbelow(10**12)}"

    def key_from_path(self, path: str) -> str:
        """Return the second word of the path."""
        # fact 7.5: any character that is not part of a word ends the key, such as a hyphen.
        return re.split(r"\W", path, flags=re.ASCII)[2]

    def protocol_error(self, protocol: str | None) -> tuple[int, str] | None:
        """Support 3 to 7."""
        return None if protocol in SLANGER_PROTOCOLS else (4007, "Unsupported protocol version")

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Announce it to every protocol, even if it is set to 0."""
        return timeout or self.default_activity_timeout

    def error(self, code: int | None, message: str) -> str:
        """Return an error whose data is a JSON string."""
        return event_frame("pusher:error", compact({"code": code, "message": message}))

    def closing(self, code: int, reason: str) -> tuple[str | None, int | None]:
        """Send Pusher's codes in an error frame, before a close frame without a code."""
        return (self.error(code, reason), None) if code in PUSHER_CODES else (None, code)

    def invalid_signature(self, socket_id: str, channel: str, signature: str | None) -> str:
        """Return an error without code and channel."""
        expected = f"Invalid signature: Expected HMAC SHA256 hex digest of {socket_id}:{channel}, but got {signature}"
        return event_frame("pusher:error", compact({"message": expected}))

    def invalid_frame(self, exc: Exception) -> str:
        """Return 5001 for invalid JSON, else 500 with the traceback, as Slanger does."""
        if isinstance(exc, json.JSONDecodeError):
            return self.error(5001, "Invalid JSON")
        return self.error(500, "".join(traceback.format_exception(exc)))

    def client_event(self, channel: str | None) -> str | None:
        """Return None: Slanger does not answer."""
        return None

    def event_data(self, published: object) -> object:
        """Return the data as it was published."""
        return published


def dialect_rules(dialect: Dialect) -> DialectRules:
    """Return the rules of a dialect; raise a ValueError for an unknown one."""
    kinds: dict[Dialect, type[DialectRules]] = {
        "pusher": PusherRules, "slanger": SlangerRules, "soketi": SoketiRules,
    }  # fmt: skip
    if dialect not in kinds:
        raise ValueError(f"dialect must be one of {', '.join(kinds)}, not {dialect!r}")
    return kinds[dialect]()
