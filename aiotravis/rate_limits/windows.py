"""Windows: how many requests of each kind count now, and when there will be room. No I/O, and no clock of its own."""

import math
from collections import deque
from typing import Final

from aiotravis.rate_limits.rules import SOON, Kind, Rules

__all__ = ["Permit", "Windows"]

READ: Final = Kind.READ

ASK_AGAIN: Final = 0.001
"""Seconds to wait for a quota that is used up: the shared store is asked for another one."""


class Permit:
    """Permission to send one request, until it is released.

    Args:
        kind: What the request counts as.
        window: Number of the minute in which it was given.

    Attributes:
        kind: As given.
        window: As given.
        counted: Whether it counts as in flight: neither released nor exempt.
        probe: Whether it was given in spite of a ban, to see whether the ban still holds.
        key: Where a shared store counts it.
    """

    counted: bool = True
    probe: bool = False
    key: str | None = None

    def __init__(self, kind: Kind, window: int) -> None:
        self.kind: Kind = kind
        self.window: int = window


class Windows:
    """The counts of one identity in one process. Not thread-safe.

    Args:
        rules: The limits.
        offset: Seconds to add to the clock for the time since the epoch, to which the server's minutes are aligned.

    Attributes:
        rules: As given.
        offset: As given; it may be corrected.
        per_minute: Reads per minute; a shared store may allow less.
        max_posts: POSTs in their window; a shared store may allow less.
        quota: Reads that a shared store has allowed and that are not sent yet; infinite without one.
        quota_until: When the quota expires.
        not_before: When the shared store may be asked again, for each kind.
        window: Number of this minute.
        used: Requests of this minute, and those in flight at its beginning.
    """

    def __init__(self, rules: Rules, offset: float) -> None:
        self.rules = rules
        self.offset = offset
        self.per_minute: int = rules.per_minute
        self.max_posts: int = rules.max_posts
        self.quota: float = math.inf
        self.quota_until: float = math.inf
        self.not_before: list[float] = [0.0] * len(Kind)
        self.used: int = 0
        self.window: int = -1
        self._ends = -math.inf
        self._in_flight = [0] * len(Kind)
        self._posts: deque[float] = deque()
        self._sign_ins: deque[float] = deque()

    @property
    def in_flight(self) -> int:
        """Number of requests in flight."""
        return sum(self._in_flight)

    def to_next_minute(self, now: float) -> float:
        """Return the seconds until the server starts counting from 0."""
        minute = self.rules.minute
        return minute - (now + self.offset) % minute

    def roll(self, now: float) -> None:
        """Start a new window when the clock has: what is in flight may arrive in it, so it counts."""
        window = int((now + self.offset) // self.rules.minute)
        if window != self.window:
            self.window, self._ends = window, (window + 1) * self.rules.minute
            self.used = self.in_flight

    def try_read(self, now: float, *, low: bool) -> Permit | None:
        """Return what `admit` does, if a read need not wait: the usual case, in little time."""
        if now + self.offset >= self._ends:
            self.roll(now)
        room = self.per_minute - self.used
        if room <= 0 or self.quota <= 0 or now >= self.quota_until or now < self.not_before[READ]:
            return None
        if low and room <= self.per_minute * self.rules.reserve:
            return None
        self.used += 1
        self._in_flight[READ] += 1
        self.quota -= 1
        return Permit(READ, self.window)

    def wait(self, kind: Kind, now: float, *, low: bool = False) -> float:
        """Return for how many seconds a request has to wait; 0 or less if it may be sent."""
        self.roll(now)
        wait = self.not_before[kind] - now
        spared = self.rules.reserve if low else 0.0
        per_minute = self.per_minute if kind is Kind.READ else self.rules.per_minute
        if self.used >= per_minute * (1 - spared):
            wait = max(wait, self.to_next_minute(now))
        if kind is Kind.READ:
            return wait if self.remaining_quota(now) > 0 else max(wait, ASK_AGAIN)
        if self.count_posts(now) >= self.max_posts * (1 - spared):
            # If all of them are in flight, none tells when it will leave the window.
            wait = max(wait, self._posts[0] + self.rules.post_window - now if self._posts else SOON)
        if kind is Kind.SIGN_IN:
            _prune(self._sign_ins, now - self.rules.sign_in_window)
            if self._sign_ins:
                wait = max(wait, self._sign_ins[-1] + self.rules.sign_in_window - now)
            elif self._in_flight[Kind.SIGN_IN]:
                wait = max(wait, SOON)
        return wait

    def remaining_quota(self, now: float) -> float:
        """Return how many reads a shared store has allowed and are not sent yet; infinite without one."""
        if now >= self.quota_until:
            self.quota, self.quota_until = 0, math.inf
        return max(0, self.quota)

    def set_quota(self, quota: float, until: float = math.inf) -> None:
        """Set how many reads may be sent until a time."""
        self.quota, self.quota_until = quota, until

    def count_posts(self, now: float) -> int:
        """Return the number of POSTs that count: of the last seconds, and in flight."""
        _prune(self._posts, now - self.rules.post_window)
        return len(self._posts) + self._in_flight[Kind.POST] + self._in_flight[Kind.SIGN_IN]

    def admit(self, kind: Kind, now: float) -> Permit:
        """Count a request as in flight."""
        if now + self.offset >= self._ends:
            self.roll(now)
        self.used += 1
        self._in_flight[kind] += 1
        if kind is READ:
            self.quota -= 1
        return Permit(kind, self.window)

    def undo(self, permit: Permit, now: float) -> None:
        """Forget a request that was not sent."""
        if not permit.counted:
            return
        permit.counted = False
        self.roll(now)
        self._in_flight[permit.kind] -= 1
        if permit.kind is Kind.READ:
            self.quota += 1
        if permit.window == self.window:
            self.used -= 1

    def release(self, permit: Permit, now: float) -> None:
        """Record that a request was answered or given up. It counts in this minute, too."""
        if not permit.counted:
            return
        permit.counted = False
        if now + self.offset >= self._ends:
            self.roll(now)
        kind = permit.kind
        self._in_flight[kind] -= 1
        if kind is not READ:
            self._posts.append(now)
            if kind is Kind.SIGN_IN:
                self._sign_ins.append(now)

    def room(self, now: float) -> tuple[int, int]:
        """Return how many requests, and how many POSTs, may be sent at once."""
        self.roll(now)
        room = max(0, self.per_minute - self.used)
        return room, min(room, max(0, self.max_posts - self.count_posts(now)))

    def idle(self, now: float) -> bool:
        """Return whether nothing is worth remembering."""
        self.roll(now)
        _prune(self._sign_ins, now - self.rules.sign_in_window)
        return not (self.used or self.count_posts(now) or self._sign_ins)

    def after_fork(self, now: float) -> None:
        """Count, in a forked process, what its parent has in flight as sent: only the parent will see it end."""
        posts = self._in_flight[Kind.POST] + self._in_flight[Kind.SIGN_IN]
        self._posts.extend([now] * posts)
        self._sign_ins.extend([now] * self._in_flight[Kind.SIGN_IN])
        self._in_flight = [0] * len(Kind)
        # The parent uses what it was allowed.
        self.quota = self.quota if math.isinf(self.quota) else 0


def _prune(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()
