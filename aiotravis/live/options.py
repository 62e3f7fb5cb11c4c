"""Settings of the live channel: timeouts, delays and sizes."""

from dataclasses import dataclass, fields

from aiotravis._validation import validate_count, validate_seconds

__all__ = ["LiveOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """Settings of the live channel. The defaults are right for nearly everyone.

    Attributes:
        activity_timeout: Seconds of silence after which to ping the server; less if the server announces less.
        pong_timeout: Seconds to wait for any frame after a ping before the connection counts as dead.
        handshake_timeout: Seconds to wait for ``pusher:connection_established``.
        subscribe_timeout: Seconds to wait for the signature of a private channel, and again for the confirmation of
            any channel.
        reconnect_delay: Longest delay before the first attempt to reconnect, in seconds; it doubles with each attempt.
        max_reconnect_delay: Longest delay between two attempts, in seconds.
        max_message_size: Largest message to accept, in bytes; a larger one ends the connection, which is reopened.
        buffer_bytes: Most bytes that a feed holds for a slow consumer; beyond that it drops events and yields `Lagged`.
        coalesce: Seconds for which to collect the ids of events that came without a payload, to fetch them at once.

    Raises:
        UsageError: A value is negative or not a number.
    """

    activity_timeout: float = 30.0
    pong_timeout: float = 10.0
    handshake_timeout: float = 8.0
    subscribe_timeout: float = 10.0
    reconnect_delay: float = 1.0
    max_reconnect_delay: float = 30.0
    max_message_size: int = 16 << 20
    buffer_bytes: int = 8 << 20
    coalesce: float = 0.3

    def __post_init__(self) -> None:
        """Validate every value."""
        for field in fields(self):
            value: object = getattr(self, field.name)
            if field.type is int:
                validate_count(value, field.name, minimum=0)
            else:
                validate_seconds(value, field.name, zero_ok=True)
