"""Fleet: what a process knows about the limits that it shares in Redis, and how it does without. No I/O."""

import logging
import math
import os
import random
import secrets
import time
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiotravis._async.retry import exponential
from aiotravis.rate_limits.bans import Ban
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.rules import Kind
from aiotravis.rate_limits.shared_state import SharedState, apply

__all__ = ["Answer", "Fleet", "RedisUnavailable", "fleet_of"]

logger: Final = logging.getLogger("aiotravis.limits")

MARGIN: Final = 0.05
"""Share of the reads that is left unused: the clock of Redis is not quite that of Travis."""

AHEAD: Final = 1 / 80
"""Share of the reads that one process asks for before they are wanted. What it does not send is lost to the others."""

MAX_BATCH: Final = 100
"""Reads that are asked for at once. Processes take turns at a limit that all of them wait for."""

MAX_CLOCK_STEP: Final = 5.0
"""Seconds by which the clock of Redis may differ from what it should be; a round trip takes less than that."""

FIRST_RETRY: Final = 0.5
MAX_RETRY: Final = 5.0
"""Seconds before Redis is tried again; they double with each failure."""


class RedisUnavailable(Exception):
    """Redis did not do what it was asked.

    Attributes:
        permanent: Whether it will not do so later either: a wrong password, a version without what the scripts need.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Redis answers to a request for reads and a POST. Times in seconds from the moment of asking.

    Attributes:
        allowed: Number of reads.
        wait: Until there is room for more.
        to_next: Until the next minute.
        entered: Whether the POST is entered.
        post_wait: Until there may be room for it.
        pause: End of the pause; 0 without one.
        ban: End of the ban; 0 without one.
        remedy: What to do about the ban.
        probe: Until one read may try whether the ban still holds.
        room: Reads that all processes may still send in this minute.
        clock: The clock of Redis.
    """

    allowed: int
    wait: float
    to_next: float
    entered: bool
    post_wait: float
    pause: float
    ban: float
    remedy: str
    probe: float
    room: int
    clock: float


class Fleet:
    """What a process knows about Redis, for all its clients of one identity.

    Args:
        shared: The limits of the identity in this process.

    Attributes:
        problem: Why Redis is away; None if it is not.
        permanent: Whether waiting will not help.
        away_since: When it was found away, by the clock of the limiter.
        retry_at: When to try again.
        room: Reads left to all processes in this minute, when it last answered; None before it ever did.
        distrusted: Whether the clock of Redis was set, and Redis is not told yet.
    """

    def __init__(self, shared: RateLimiter) -> None:
        self.problem: str | None = None
        self.permanent: bool = False
        self.away_since: float = 0.0
        self.retry_at: float = 0.0
        self.room: int | None = None
        self.distrusted: bool = False
        self._offset: float | None = None
        # The fleet is remembered for as long as the limiter, not the other way round.
        self._shared = weakref.proxy(shared)
        self._failures = 0
        self._lost: tuple[int, int] | None = None
        self._batch = 1
        self._asked_at = -math.inf
        self._process = ""
        self._pid = 0
        # Nothing may be sent before Redis was asked.
        shared.windows.set_quota(0)

    @property
    def process(self) -> str:
        """Id of this process, another one after a fork."""
        if self._pid != os.getpid():
            self._pid, self._process = os.getpid(), secrets.token_hex(8)
        return self._process

    def cap(self, *, low: bool) -> int:
        """Return the reads of all processes in a minute."""
        rules = self._shared.windows.rules
        return int(rules.per_minute * (1 - MARGIN) * (1 - (rules.reserve if low else 0.0)))

    def want(self, demand: int, now: float) -> int:
        """Return how many reads to ask for: about as many as are sent in a second.

        Args:
            demand: Number of reads that wait.
            now: The time.
        """
        if demand == 0 or self.problem is not None:
            return 0
        since, ahead = now - self._asked_at, int(self._shared.windows.rules.per_minute * AHEAD)
        self._batch = max(1, min(ahead, self._batch * 2)) if since < 1 else max(1, int(self._batch / since))
        self._asked_at = now
        return min(MAX_BATCH, max(demand, self._batch))

    def in_flight(self) -> int:
        """Return how many requests of this process may still arrive, or be sent without asking."""
        shared = self._shared
        with shared.lock:
            quota = shared.windows.remaining_quota(shared.clock())
            return int(shared.windows.in_flight + (0 if math.isinf(quota) else quota))

    def spent(self) -> int:
        """Return how many reads of this minute were sent while Redis was away."""
        shared = self._shared
        if self._lost is None:
            return 0
        with shared.lock:
            shared.windows.roll(shared.clock())
            window, used = self._lost
            return max(0, int(shared.windows.used) - (used if shared.windows.window == window else 0))

    def apply(self, answer: Answer, asked_at: float, want: int) -> None:
        """Record what Redis answered."""
        shared, windows = self._shared, self._shared.windows
        if self.problem is not None:
            logger.info("%s: Redis is back", shared.name)
            self.problem, self.permanent, self._failures, self._lost = None, False, 0, None
            with shared.lock:
                windows.per_minute = windows.rules.per_minute
                windows.set_quota(0)
        with shared.lock:
            # From the moment of asking: the minute ends here no later than there.
            windows.set_quota(windows.remaining_quota(asked_at) + answer.allowed, asked_at + answer.to_next)
            if answer.allowed < want:
                windows.not_before[Kind.READ] = asked_at + jittered(answer.wait)
        self.room = answer.room
        offset, self._offset = self._offset, answer.clock - asked_at
        if offset is not None and abs(offset - self._offset) > MAX_CLOCK_STEP:
            self.distrusted = True
        ban = None
        if answer.ban > 0:
            lifted_at = datetime.fromtimestamp(time.time() + answer.ban, UTC)
            ban = Ban(asked_at + answer.ban, lifted_at, answer.remedy, asked_at + answer.probe, shared=True)
        apply(shared, SharedState(paused_until=asked_at + answer.pause if answer.pause > 0 else 0.0, ban=ban))

    def lose(self, exc: RedisUnavailable) -> None:
        """Do without Redis for a while."""
        shared = self._shared
        now = shared.clock()
        if self.problem is None:
            logger.warning("%s: Redis is away, reads keep to a share, POSTs wait: %s", shared.name, exc)
            with shared.lock:
                shared.windows.roll(now)
                self._lost, self.away_since = (shared.windows.window, shared.windows.used), now
        self.problem, self.permanent = str(exc), exc.permanent
        self.retry_at = now + exponential(FIRST_RETRY, MAX_RETRY, self._failures)
        self._failures += 1

    def use_share(self, processes: int) -> None:
        """Restrict reads to the share of one process."""
        windows = self._shared.windows
        with self._shared.lock:
            windows.per_minute = max(1, int(self.cap(low=False) / processes))
            windows.set_quota(math.inf)
            windows.not_before[Kind.READ] = 0.0


def jittered(seconds: float) -> float:
    """Return a slightly longer time, so that processes that were refused together do not return together."""
    return seconds + 0.05 * random.random()  # noqa: S311


_fleets: "weakref.WeakKeyDictionary[RateLimiter, Fleet]" = weakref.WeakKeyDictionary()


def fleet_of(shared: RateLimiter) -> Fleet:
    """Return what this process knows about Redis for an identity."""
    fleet = _fleets.get(shared)
    if fleet is None:
        fleet = _fleets[shared] = Fleet(shared)
    return fleet
