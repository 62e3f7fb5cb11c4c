"""When to reconnect: quickly after a single loss, more slowly with every failure, never too often. No I/O."""

import random
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from aiotravis._async.retry import exponential
from aiotravis.live.protocol import CloseAction

__all__ = ["ReconnectPolicy", "TlsUse"]

STABLE_AFTER: Final = 5.0
"""Seconds after which a connection counts as stable: its loss starts a new outage."""

SHORT_OUTAGE: Final = 10.0
"""Seconds into an outage during which no delay exceeds `SHORT_OUTAGE_MAX_DELAY`, so that short outages end quickly."""

SHORT_OUTAGE_MAX_DELAY: Final = 4.5
"""In seconds."""

OVER_CAPACITY_DELAY: Final = 1.0
"""Least delay, in seconds, after the server closed because it is over capacity."""

ATTEMPT_LIMITS: Final = ((10.0, 9), (60.0, 55))
"""Most attempts within any period, as (seconds, attempts), whatever the server does."""


class TlsUse(Enum):
    """Whether to connect with TLS."""

    AS_CONFIGURED = auto()
    DEMANDED = auto()
    """The server has demanded it, against the configuration."""
    FAILED = auto()
    """The server has demanded it, but has none."""


class ReconnectPolicy:
    """Delays before attempts to connect, with full jitter.

    Args:
        first: Longest first delay, in seconds; it doubles with each failed attempt.
        maximum: Longest delay, in seconds.
        draw: Returns random numbers in [0, 1).
    """

    def __init__(self, first: float, maximum: float, *, draw: Callable[[], float] = random.random) -> None:
        self._first = first
        self._maximum = maximum
        self._draw = draw
        self._failures = 0
        self._attempts: deque[float] = deque(maxlen=max(attempts for _, attempts in ATTEMPT_LIMITS))
        self._connected_at: float | None = None
        self._outage_began: float | None = None

    def attempted(self, now: float) -> None:
        """Record an attempt to connect."""
        self._attempts.append(now)

    def connected(self, now: float) -> None:
        """Record that the server has accepted the connection."""
        self._connected_at = now

    def disconnected(self, now: float) -> None:
        """Record that a connection has ended or an attempt has failed."""
        stable = self._connected_at is not None and now - self._connected_at >= STABLE_AFTER
        self._connected_at = None
        if stable or self._outage_began is None:
            self._outage_began = now
            self._failures = 0

    def outage(self, now: float) -> float:
        """Return the seconds since the first of the losses and failures that no stable connection has followed."""
        return 0.0 if self._outage_began is None else now - self._outage_began

    def next_delay(self, now: float, close_action: CloseAction) -> float:
        """Return the seconds to wait before the next attempt, and double the following delay.

        Args:
            now: The time in seconds, of a monotonic clock.
            close_action: What the end of the connection requires.
        """
        longest = exponential(self._first, self._maximum, self._failures)
        if self.outage(now) < SHORT_OUTAGE:
            longest = min(longest, SHORT_OUTAGE_MAX_DELAY)
        self._failures += 1
        delay = longest * self._draw()
        if close_action is CloseAction.BACK_OFF:
            delay += min(OVER_CAPACITY_DELAY, self._maximum)
        return max(delay, self.until_allowed(now))

    def until_allowed(self, now: float) -> float:
        """Return the seconds before which `ATTEMPT_LIMITS` allow no further attempt."""
        allowed = (
            self._attempts[-attempts] + seconds
            for seconds, attempts in ATTEMPT_LIMITS
            if len(self._attempts) >= attempts
        )
        return max(0.0, max(allowed, default=now) - now)
