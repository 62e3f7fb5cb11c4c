"""When to connect again: quick after a single loss, ever slower where that does not help, never a hammer. No I/O."""

import random
from collections import deque
from collections.abc import Callable
from typing import Final

from aiotravis.live.protocol import CloseAction

__all__ = ["ReconnectPolicy"]

STEADY: Final = 5.0
"""Seconds that a connection has to have held for its loss to count as the first one."""

YOUNG: Final = 10.0
"""Seconds into an outage within which no delay is longer than `YOUNG_CAP`: short outages are over quickly."""

YOUNG_CAP: Final = 4.5

MORE_PATIENCE: Final = 1.0
"""Seconds to wait in any case where the server is over capacity."""

WINDOWS: Final = ((10.0, 9), (60.0, 55))
"""Seconds, and how many attempts fit into any stretch of so many, whatever the server says."""


class ReconnectPolicy:
    """Says how long to wait before the next attempt to connect.

    Full jitter (anything between nothing and the whole delay) spreads clients that lost the same server at once.

    Args:
        first: Longest first delay, in seconds; it doubles with each attempt that leads nowhere.
        longest: Longest delay of all, in seconds.
        draw: Source of random numbers in [0, 1).
    """

    def __init__(self, first: float, longest: float, *, draw: Callable[[], float] = random.random) -> None:
        self._first = first
        self._longest = longest
        self._draw = draw
        self._bound = min(first, longest)
        self._attempts: deque[float] = deque(maxlen=max(most for _, most in WINDOWS))
        self._up_since: float | None = None
        self._down_since: float | None = None

    def attempt(self, now: float) -> None:
        """Take note of an attempt to connect."""
        self._attempts.append(now)

    def up(self, now: float) -> None:
        """Take note that the server has greeted."""
        self._up_since = now

    def down(self, now: float) -> None:
        """Take note that a connection has ended, or was not to be had."""
        steady = self._up_since is not None and now - self._up_since >= STEADY
        self._up_since = None
        if steady or self._down_since is None:
            self._down_since = now
            self._bound = min(self._first, self._longest)

    def delay(self, now: float, close_action: CloseAction) -> float:
        """Give the seconds to wait, and be slower the next time.

        Args:
            now: The time, in seconds of any clock that only goes forward.
            close_action: What the end of the connection demands.
        """
        young = self._down_since is None or now - self._down_since < YOUNG
        bound = min(self._bound, YOUNG_CAP) if young else self._bound
        self._bound = min(self._longest, self._bound * 2)
        delay = bound * self._draw()
        if close_action is CloseAction.BACK_OFF:
            delay += min(MORE_PATIENCE, self._longest)
        return max(delay, self._room_in(now))

    def _room_in(self, now: float) -> float:
        """Give the seconds until another attempt fits into every window."""
        waits = [self._attempts[-most] + seconds - now for seconds, most in WINDOWS if len(self._attempts) >= most]
        return max(0.0, *waits) if waits else 0.0
