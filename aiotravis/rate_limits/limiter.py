"""RateLimiter: whether a request may be sent now, and if not, who goes when. No I/O except the clock."""

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Final

import aiotravis.rate_limits.clock as boot_clock
from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError
from aiotravis.rate_limits.bans import Ban, banned_error
from aiotravis.rate_limits.line import Turn, Waiter, WaitingLine
from aiotravis.rate_limits.rules import BADGES, MAX_BAN, PROBE_INTERVAL, Kind, Rules, kind_of
from aiotravis.rate_limits.snapshot import Limits
from aiotravis.rate_limits.windows import Permit, Windows

__all__ = ["RateLimiter"]

logger: Final = logging.getLogger("aiotravis.limits")

READ: Final = Kind.READ

MIN_WAIT: Final = 0.001

MIN_LOGGED_WAIT: Final = 1.0
"""Seconds of the shortest wait that is logged."""

MAX_POLLS: Final = 200
"""Calls that ask again in a second. They do so for safety: they are woken when it is their turn."""

MAX_CLOCK_ERROR: Final = 2.0
"""Seconds by which the server's clock may differ: its Date header has whole seconds, and was sent a moment ago."""

MIN_PAUSE: Final = 1.0
"""Seconds of the shortest pause after a 429, also where the server names none, or a time that is over."""


class RateLimiter:
    """The rate limits of one identity, for all clients of this process. Thread-safe, and bound to no event loop.

    Args:
        rules: The limits.
        name: The site and whether there is a token, for log lines.
        clock: Returns seconds that nobody sets.
        offset: Seconds to add to them for the time since the epoch, to which the server's minutes are aligned.
        wall: Returns the time since the epoch, to say when a ban ends.

    Attributes:
        windows: The counts. Change them only within `lock`.
        lock: Held for every change.
        name: As given.
        clock: As given.
        refreshed_at: When the reports of other processes were last read, by the clock.
        refreshing: The reading that is under way, or the last one.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        name: str = "Travis",
        clock: Callable[[], float] | None = None,
        offset: float = boot_clock.EPOCH_OFFSET,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.windows: Windows = Windows(rules, offset)
        self.lock: threading.Lock = threading.Lock()
        self.name: str = name
        self.clock: Callable[[], float] = boot_clock.seconds if clock is None else clock
        self.refreshed_at: float = -math.inf
        self.refreshing: Future[object] | None = None
        self._wall = wall
        self._line = WaitingLine()
        self._paused_until = 0.0
        self._ban: Ban | None = None
        self._turn = Turn(rules)

    def try_acquire(self, request: ApiRequest, *, limited: bool = True, low: bool = False) -> Permit | None:
        """Return permission to send, or None if the call has to `join` those that wait.

        Raises:
            BannedError: The identity is banned.
        """
        # Nearly all requests: a call for each of these questions would take a sixth of the time.
        kind = READ if request.method == "GET" and not request.path.endswith(BADGES) else kind_of(request)
        with self.lock:
            now = self.clock()
            if kind is READ and self._ban is None and now >= self._paused_until and not self._line.waiting:
                return self.windows.try_read(now, low=low) if limited else self.windows.admit(kind, now)
            probe = self._ban is not None and self._may_probe(request, kind, now)
            if kind is Kind.EXEMPT:
                permit = Permit(kind, -1)
                permit.counted = False
                return permit
            if not probe and (self._line.waiting or self._wait(kind, now, limited=limited, low=low) > 0):
                return None
            permit = self.windows.admit(kind, now)
            if probe:
                permit.probe = True
            return permit

    def join(
        self, request: ApiRequest, wake: Callable[[], bool], *, place: int = 0, limited: bool = True, low: bool = False
    ) -> Waiter:
        """Make a call wait, until `leave`. See `Waiter` for the arguments."""
        with self.lock:
            order = (low, place, self._line.number())
            waiter = Waiter(order, request, kind_of(request), limited, wake)
            if limited and not self._line.waiting:
                now = self.clock()
                wait = self.windows.wait(waiter.kind, now, low=low)
                if wait >= MIN_LOGGED_WAIT and now >= self._paused_until:
                    logger.info("%s: calls wait %.1f s for room in the published limits", self.name, wait)
            self._line.add(waiter)
            return waiter

    def poll(self, waiter: Waiter) -> float | None:
        """Return None if a call has its permit, else for how many seconds to wait before asking again.

        Raises:
            BannedError: The identity is banned.
        """
        with self.lock:
            if waiter.admitted():
                return None
            now = self.clock()
            if self._ban is not None and self._may_probe(waiter.request, waiter.kind, now):
                self._line.discard(waiter)
                waiter.permit = self.windows.admit(waiter.kind, now)
                waiter.permit.probe = True
                return None
            self._grant(now, waiter)
            if waiter.admitted():
                return None
            wait = self._wait(waiter.kind, now, limited=waiter.limited, low=waiter.low)
            if wait <= 0:
                # It is the turn of others. The first one asks in time, the others are woken.
                first = self._line.first(READ) is waiter
                wait = Turn.seconds if first else max(Turn.seconds, len(self._line) / MAX_POLLS)
            return max(MIN_WAIT, wait)

    def refuse(self, waiter: Waiter, seconds: float) -> None:
        """Withdraw a permit that a shared store does not confirm; the call keeps its place.

        Args:
            waiter: The call.
            seconds: How long all requests of its kind wait.
        """
        with self.lock:
            now = self.clock()
            until = self.windows.not_before
            until[waiter.kind] = max(until[waiter.kind], now + seconds)
            if waiter.permit is not None:
                self._undo(waiter, now)
                self._line.add(waiter)

    def leave(self, waiter: Waiter) -> None:
        """End the wait of a call. Withdraw its permit, if the call did not take it."""
        with self.lock:
            self._line.discard(waiter)
            if waiter.permit is not None:
                now = self.clock()
                self._undo(waiter, now)
                self._grant(now)

    def release(self, permit: Permit) -> None:
        """Record that a request was answered or given up."""
        with self.lock:
            now = self.clock()
            self.windows.release(permit, now)
            turn = self._turn
            if turn.left < turn.size and permit.kind is READ:
                turn.left += 1
            if self._line.waiting:
                self._grant(now)

    def pause(self, retry_after: float | None, server_time: float | None = None) -> float:
        """Record a 429: all calls of the identity pause, not only the one that got it. Return the end, by the clock.

        Args:
            retry_after: Seconds that the server asked for; None for the rest of its minute (fact 9.5).
            server_time: The server's clock in seconds since the epoch, if known: its minutes count.
        """
        with self.lock:
            now, windows = self.clock(), self.windows
            if server_time is not None and abs(server_time - now - windows.offset) > MAX_CLOCK_ERROR:
                windows.offset = server_time - now
                windows.roll(now)
            # The server counts by the minute: even if a proxy asks for more, the next minute may be tried.
            minute = windows.rules.minute
            wait = windows.to_next_minute(now) if retry_after is None else min(max(retry_after, MIN_PAUSE), minute)
            return self._pause_until(now + wait, now, "429 Too Many Requests")

    def pause_until(self, until: float, reason: str) -> None:
        """Pause, for a minute at most, as another process was told to."""
        with self.lock:
            now = self.clock()
            self._pause_until(min(until, now + self.windows.rules.minute), now, reason)

    def ban(self, error: BannedError, *, probes: bool = False) -> Ban:
        """Record a ban: nothing of this identity is sent any more, and calls that wait fail at once.

        Args:
            error: The server's answer.
            probes: Whether a read may try every few minutes whether the ban still holds.
        """
        wall, now = self._wall(), self.clock()
        seconds = MAX_BAN if error.lifted_at is None else min(MAX_BAN, error.lifted_at.timestamp() - wall)
        ban = Ban(now + seconds, datetime.fromtimestamp(wall + seconds, UTC), error.remedy)
        ban.probe_at = now + PROBE_INTERVAL if probes else None
        self.set_ban(ban, "403 Forbidden")
        return ban

    def set_ban(self, ban: Ban | None, reason: str) -> None:
        """Set a ban, or lift it with None."""
        with self.lock:
            known, self._ban = self._ban, ban
            if ban is None:
                if known is not None:
                    logger.info("%s: the ban is lifted (%s)", self.name, reason)
                return
            if known is None or abs(known.until - ban.until) > self.windows.rules.minute:
                seconds = ban.until - self.clock()
                logger.warning("%s: banned for %.0f s, until %s (%s)", self.name, seconds, ban.lifted_at, reason)
            for waiter in self._line:
                waiter.wake()

    @property
    def current_ban(self) -> Ban | None:
        """The ban, or None."""
        return self._ban

    def wake_all(self) -> None:
        """Make every call that waits ask again."""
        with self.lock:
            for waiter in self._line:
                waiter.wake()

    def snapshot(self, store: str, problem: str | None = None) -> Limits:
        """Return the remaining requests; without numbers for the store ``"none"``."""
        with self.lock:
            now = self.clock()
            room, posts = self.windows.room(now)
            ban = self._ban.lifted_at if self._ban is not None and now < self._ban.until else None
            paused = max(0.0, self._paused_until - now)
            if paused > 0 or ban is not None:
                room = posts = 0
            unlimited = store == "none"
            return Limits(
                room=None if unlimited else room,
                posts=None if unlimited else posts,
                waiting=len(self._line),
                waiting_posts=sum(waiter.kind is not Kind.READ for waiter in self._line),
                waiting_low=sum(waiter.low for waiter in self._line),
                next_window=self.windows.to_next_minute(now),
                paused=paused,
                banned_until=ban,
                store=store,
                problem=problem,
            )

    def demand(self) -> tuple[int, bool]:
        """Return how many reads wait and are not covered by the quota, and whether the first has low priority."""
        with self.lock:
            first = self._line.first(READ)
            # What is not sent is lost to other processes.
            count = min(self._line.count(READ), self._turn.size)
            count -= int(min(count, self.windows.remaining_quota(self.clock())))
            return count, first is not None and first.low

    @property
    def waiting(self) -> int:
        """Number of calls that wait."""
        return len(self._line)

    def idle(self) -> bool:
        """Return whether nothing is worth remembering."""
        with self.lock:
            now = self.clock()
            banned = self._ban is not None and self._ban.until > now
            return not (self._line.waiting or banned or self._paused_until > now) and self.windows.idle(now)

    def after_fork(self) -> None:
        """Forget, in a forked process, what only its parent will end."""
        self.lock = threading.Lock()
        self.refreshing = None
        self._line = WaitingLine()
        self.windows.after_fork(self.clock())

    def _pause_until(self, until: float, now: float, reason: str) -> float:
        if until > max(now, self._paused_until + 1):
            logger.info("%s: all calls pause for %.1f s (%s)", self.name, until - now, reason)
        self._paused_until = max(self._paused_until, until)
        return self._paused_until

    def _wait(self, kind: Kind, now: float, *, limited: bool, low: bool) -> float:
        paused = self._paused_until - now
        return max(paused, self.windows.wait(kind, now, low=low)) if limited else paused

    def _grant(self, now: float, asking: Waiter | None = None) -> None:
        """Admit those whose turn it is. `asking` is the call that asks, if any does."""
        self._turn.renew(now)

        def may_go(waiter: Waiter) -> bool:
            if waiter.kind is READ and waiter.limited and self._turn.left <= 0:
                return False
            return self._wait(waiter.kind, now, limited=waiter.limited, low=waiter.low) <= 0

        while waiter := self._line.next(may_go):
            waiter.permit = self.windows.admit(waiter.kind, now)
            if waiter.kind is READ:
                self._turn.left -= 1
            if not waiter.wake():
                # Its event loop was closed without ending its tasks.
                self._undo(waiter, now)
        first = self._line.first(READ)
        if first is not None and first is not asking and (self._turn.left <= 0 or self.windows.quota <= 0):
            # It asks again when the next turn begins, or asks the shared store for more.
            first.wake()

    def _undo(self, waiter: Waiter, now: float) -> None:
        """Withdraw the permit of a call."""
        if waiter.permit is not None:
            self.windows.undo(waiter.permit, now)
            if waiter.kind is READ:
                self._turn.give_back()
            waiter.permit = None

    def _may_probe(self, request: ApiRequest, kind: Kind, now: float) -> bool:
        """Return whether a request may be sent in spite of a ban, to see whether it still holds; False if it is over.

        Raises:
            BannedError: The ban holds.
        """
        ban = self._ban
        if ban is None or now >= ban.until:
            self._ban = None
            return False
        if ban.probe_at is not None and now >= ban.probe_at and kind is Kind.READ:
            ban.probe_at = now + PROBE_INTERVAL
            return True
        raise banned_error(ban, request)
