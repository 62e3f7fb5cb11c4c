"""What a Pusher server and a Slanger server say differently, as frames and values without I/O."""

import json
import os
import secrets
import traceback
from abc import ABC, abstractmethod
from typing import Literal

__all__ = ["Dialect", "Manners", "PusherManners", "SlangerManners", "manners_of"]

Dialect = Literal["pusher", "slanger"]

PROTOCOLS = ("4", "5", "6", "7")
SLANGER_PROTOCOLS = ("3", *PROTOCOLS)
SLANGER_ACTIVITY_TIMEOUT = 120


def frame_of(event: str, data: object, channel: str | None = None) -> str:
    """Write a frame; data stays as it is: an object, or a JSON string inside the JSON.

    Args:
        event: Name of the event.
        data: What it carries; None leaves the key out.
        channel: Where it happened; None leaves the key out.
    """
    frame = {"event": event, "channel": channel, "data": data}
    return json.dumps({name: value for name, value in frame.items() if value is not None})


class Manners(ABC):
    """What one kind of server says; this class holds what both say alike.

    Attributes:
        codes_on_close: Whether a fatal error is the code of the close frame, or an error frame in front of a close
            frame without one.
        ends_idle_clients: Whether silence is pinged, and ended with 4201.
        wants_signatures: Whether a private channel is refused to a client that gives no signature at all.
        refuses_repeats: Whether a second subscription to a channel is an error.
    """

    codes_on_close: bool
    ends_idle_clients: bool
    wants_signatures: bool
    refuses_repeats: bool

    @abstractmethod
    def socket_id(self, number: int) -> str:
        """Name the socket that came as the so-manieth."""

    @abstractmethod
    def refusal_of_protocol(self, protocol: str | None) -> tuple[int, str] | None:
        """Give the code and text with which a protocol version is refused, or None for one that is spoken."""

    @abstractmethod
    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Give the seconds of silence to announce to a client of this protocol version, or None to say nothing."""

    def greeting(self, socket_id: str, timeout: float | None) -> str:
        """Write the first frame, whose data is a JSON string."""
        data: dict[str, object] = {"socket_id": socket_id}
        if timeout is not None:
            data["activity_timeout"] = timeout
        return frame_of("pusher:connection_established", json.dumps(data))

    @abstractmethod
    def error(self, code: int | None, message: str) -> str:
        """Write an error frame."""

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
    def client_event(self) -> str | None:
        """Write the answer to a ``client-*`` event; None for silence."""


class PusherManners(Manners):
    """Hosted Pusher, and soketi, which is close to it."""

    codes_on_close = True
    ends_idle_clients = True
    wants_signatures = True
    refuses_repeats = False

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
        return timeout if protocol == "7" else None

    def error(self, code: int | None, message: str) -> str:
        """Write an error whose data is an object."""
        return frame_of("pusher:error", {"code": code, "message": message})

    def pong(self) -> str:
        """Write a pong whose data is an empty object."""
        return frame_of("pusher:pong", {})

    def subscribed(self, channel: str) -> str:
        """Write a confirmation without data."""
        return frame_of("pusher_internal:subscription_succeeded", None, channel)

    def bad_signature(self, socket_id: str, channel: str, signature: str | None) -> str:
        """Write a refusal that names its channel."""
        data = {"type": "AuthError", "error": "The connection is unauthorized.", "status": 401}
        return frame_of("pusher:subscription_error", data, channel)

    def malformed(self, exc: Exception) -> str:
        """Write an error without a code, which ends nothing."""
        return self.error(None, "Invalid message")

    def client_event(self) -> str | None:
        """Write the error that leaves the connection open."""
        return self.error(4301, "Client event rejected")


class SlangerManners(Manners):
    """Slanger 0.6."""

    codes_on_close = False
    ends_idle_clients = False
    wants_signatures = False
    refuses_repeats = True

    def socket_id(self, number: int) -> str:
        """Name a socket by the process and a random number."""
        return f"{os.getpid()}.{secrets.randbelow(10**12)}"

    def refusal_of_protocol(self, protocol: str | None) -> tuple[int, str] | None:
        """Refuse all but 3 to 7 with one and the same code."""
        return None if protocol in SLANGER_PROTOCOLS else (4007, "Unsupported protocol version")

    def activity_timeout(self, protocol: str, timeout: float | None) -> float | None:
        """Announce it to everybody."""
        return SLANGER_ACTIVITY_TIMEOUT if timeout is None else timeout

    def error(self, code: int | None, message: str) -> str:
        """Write an error whose data is a JSON string."""
        return frame_of("pusher:error", json.dumps({"code": code, "message": message}))

    def pong(self) -> str:
        """Write a pong whose data is an empty object in a string."""
        return frame_of("pusher:pong", "{}")

    def subscribed(self, channel: str) -> str:
        """Write a confirmation whose data is an empty object in a string."""
        return frame_of("pusher_internal:subscription_succeeded", "{}", channel)

    def bad_signature(self, socket_id: str, channel: str, signature: str | None) -> str:
        """Write an error with neither code nor channel."""
        expected = f"Invalid signature: Expected HMAC SHA256 hex digest of {socket_id}:{channel}, but got {signature}"
        return frame_of("pusher:error", json.dumps({"message": expected}))

    def malformed(self, exc: Exception) -> str:
        """Write 5001 for bad JSON; for all else 500, with the traceback that Slanger lets everybody see."""
        if isinstance(exc, json.JSONDecodeError):
            return self.error(5001, "Invalid JSON")
        return self.error(500, "".join(traceback.format_exception(exc)))

    def client_event(self) -> str | None:
        """Stay silent."""
        return None


def manners_of(dialect: Dialect) -> Manners:
    """Give the manners of a dialect."""
    return SlangerManners() if dialect == "slanger" else PusherManners()
