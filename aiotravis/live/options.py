"""LiveOptions: how patient the live channel is, and how much it holds."""

from dataclasses import dataclass, fields

from aiotravis.errors import UsageError

__all__ = ["LiveOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """How patient the live channel is, and how much it holds. The values given here are right for nearly everyone.

    Attributes:
        activity_timeout: Seconds of silence after which the server is pinged; less where the server says less.
        pong_timeout: Seconds that its answer may take before the connection counts as dead.
        hello_timeout: Seconds that a server may take to greet.
        subscribe_timeout: Seconds for the signature of a private channel, and as many for a channel's confirmation.
        first_delay: Longest delay before the first attempt to come back, in seconds; it doubles from there.
        longest_delay: Longest delay of all, in seconds.
        largest_frame: Largest frame that is read, in bytes; a larger one costs the connection, which comes back.
        buffer_bytes: Most bytes that one feed holds for a slow consumer before it drops events, and says so.
        coalesce: Seconds within which events that came as ids alone are collected, to be completed in one request.

    Raises:
        UsageError: A value is negative, or no number.
    """

    activity_timeout: float = 30.0
    pong_timeout: float = 10.0
    hello_timeout: float = 8.0
    subscribe_timeout: float = 10.0
    first_delay: float = 1.0
    longest_delay: float = 30.0
    largest_frame: int = 16 << 20
    buffer_bytes: int = 8 << 20
    coalesce: float = 0.3

    def __post_init__(self) -> None:
        """Look at every value."""
        for field in fields(self):
            value: object = getattr(self, field.name)
            whole = field.type is int
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value >= 0:
                kind = "whole number of bytes" if whole else "number of seconds"
                raise UsageError(f"{field.name} must be a {kind}, not {value!r}.", argument=field.name)
