"""Travis's published rate limits: whether a request may be sent now, and if not, when. No I/O except the clock.

The server counts in fixed windows aligned to the epoch (fact 2), when a request arrives: at some moment between
sending it and its response. So a request in flight counts in every window that it may fall into. Too many reads are
refused for the rest of the minute. Too many POSTs get the identity banned for an hour, too many sign-ins for five
hours. These two limits therefore hold for a window of any alignment: no difference between two clocks leads to a ban.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError

__all__ = ["Limits", "Permit", "RateLimiter"]

MINUTE: Final = 60.0

ANONYMOUS: Final = 500
"""Requests per minute from one address, without a token (fact 2)."""

AUTHENTICATED: Final = 2000
"""Requests per minute with one token (fact 2)."""

MAX_POSTS: Final = 40
"""POSTs within `POST_WINDOW`. The server bans at the 50th within 30 s (fact 2)."""

POST_WINDOW: Final = 32.0
"""Seconds."""

SIGN_IN: Final = "/auth/github"

SIGN_IN_WINDOW: Final = 302.0
"""Seconds within which one sign-in is allowed. The server bans after the second within 300 s (fact 2)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The remaining requests of Travis's rate limits.

    Attributes:
        room: Requests that may be sent at once; None if no limits apply.
        posts: POSTs that may be sent at once; None if no limits apply.
        waiting: Number of calls that wait.
        next_window: Seconds until the server starts counting from 0.
        paused: Seconds for which the server asked to send nothing; 0 if it did not.
        banned_until: When a ban is expected to end (UTC); None without a ban.
    """

    room: int | None
    posts: int | None
    waiting: int
    next_window: float
    paused: float
    banned_until: datetime | None


@dataclass(slots=True, eq=False)
class Permit:
    """Permission to send one request, until `RateLimiter.release`."""

    request: ApiRequest
    window: int


class RateLimiter:
    """The rate limits of one identity at one endpoint. Thread-safe.

    Args:
        per_minute: Requests per minute; None if no limits apply: then only pauses and bans reported by the server hold.
        clock: Returns seconds since the epoch.
    """

    def __init__(self, per_minute: int | None, *, clock: Callable[[], float] = time.time) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._window = -1
        self._used = 0
        self._in_flight: set[Permit] = set()
        self._posts: deque[float] = deque()
        self._sign_ins: deque[float] = deque()
        self._paused_until = 0.0
        self._ban: BannedError | None = None
        self._waiting: set[Callable[[], None]] = set()

    def try_acquire(self, request: ApiRequest) -> Permit | float:
        """Try to get permission to send.

        Returns:
            A permit, or for how many seconds to wait before asking again.

        Raises:
            BannedError: The identity is banned.
        """
        with self._lock:
            now = self._clock()
            self._check_ban(request, now)
            if exempt(request):
                return Permit(request, -1)
            if self._per_minute is None:
                return Permit(request, -1) if self._paused_until <= now else self._paused_until - now
            wait = max(self._paused_until - now, self._wait_for_window(now), self._wait_for_post(request, now))
            if wait > 0:
                return wait
            self._used += 1
            permit = Permit(request, self._window)
            self._in_flight.add(permit)
            return permit

    def release(self, permit: Permit) -> None:
        """Record that a request was answered or given up."""
        with self._lock:
            if permit not in self._in_flight:
                return
            self._in_flight.discard(permit)
            now = self._clock()
            self._roll(now, leaving=permit)
            if permit.request.method == "POST":
                self._posts.append(now)
                if permit.request.path == SIGN_IN:
                    self._sign_ins.append(now)

    def pause(self, retry_after: float | None) -> None:
        """Record a 429: all calls of the identity pause, not only the one that got it.

        Args:
            retry_after: Seconds that the server asked for; None for the rest of its minute (fact 9.5).
        """
        with self._lock:
            now = self._clock()
            # The server counts by the minute: even if a proxy asks for more, the next minute may be tried.
            wait = MINUTE - now % MINUTE if retry_after is None else min(retry_after, MINUTE)
            self._paused_until = max(self._paused_until, now + wait)

    def ban(self, error: BannedError) -> None:
        """Record a ban: nothing of this identity is sent any more, and calls that wait fail at once."""
        with self._lock:
            self._ban = error
            waiting = list(self._waiting)
        for wake in waiting:
            wake()

    def add_waiter(self, wake: Callable[[], None]) -> None:
        """Register a call that waits.

        Args:
            wake: Called, from any thread, when the call should try again at once.
        """
        with self._lock:
            self._waiting.add(wake)

    def remove_waiter(self, wake: Callable[[], None]) -> None:
        """Undo `add_waiter`."""
        with self._lock:
            self._waiting.discard(wake)

    def snapshot(self) -> Limits:
        """Return the remaining requests."""
        with self._lock:
            now = self._clock()
            self._roll(now)
            ban = self._ban.lifted_at if self._ban is not None else None
            paused = max(0.0, self._paused_until - now)
            room, posts = self._room(now)
            paused_or_banned = paused > 0 or ban is not None
            return Limits(
                room=0 if paused_or_banned else room,
                posts=0 if paused_or_banned else posts,
                waiting=len(self._waiting),
                next_window=MINUTE - now % MINUTE,
                paused=paused,
                banned_until=ban,
            )

    def _room(self, now: float) -> tuple[int | None, int | None]:
        if self._per_minute is None:
            return None, None
        room = max(0, self._per_minute - self._used)
        return room, min(room, max(0, MAX_POSTS - self._posts_in_window(now)))

    def _check_ban(self, request: ApiRequest, now: float) -> None:
        if self._ban is None:
            return
        lifted = self._ban.lifted_at
        if lifted is not None and datetime.fromtimestamp(now, UTC) >= lifted:
            self._ban = None
            return
        error = BannedError(
            f"{request.method} {request.shown} was not sent: Travis has banned this token or address until {lifted}.",
            status=403,
            method=request.method,
            path=request.shown,
            remedy=self._ban.remedy,
        )
        error.lifted_at = lifted
        raise error

    def _roll(self, now: float, *, leaving: Permit | None = None) -> None:
        """Start a new window when the clock has: what is in flight may arrive in it, so it counts."""
        window = int(now // MINUTE)
        if window != self._window:
            self._window = window
            self._used = len(self._in_flight) + (leaving is not None)

    def _wait_for_window(self, now: float) -> float:
        self._roll(now)
        return 0.0 if self._used < (self._per_minute or 0) else MINUTE - now % MINUTE

    def _posts_in_window(self, now: float) -> int:
        while self._posts and self._posts[0] <= now - POST_WINDOW:
            self._posts.popleft()
        return len(self._posts) + sum(permit.request.method == "POST" for permit in self._in_flight)

    def _wait_for_post(self, request: ApiRequest, now: float) -> float:
        if request.method != "POST":
            return 0.0
        wait = 0.0
        if self._posts_in_window(now) >= MAX_POSTS:
            # If all of them are in flight, none tells when it will leave the window: try again soon.
            wait = self._posts[0] + POST_WINDOW - now if self._posts else 1.0
        if request.path == SIGN_IN:
            while self._sign_ins and self._sign_ins[0] <= now - SIGN_IN_WINDOW:
                self._sign_ins.popleft()
            if self._sign_ins:
                wait = max(wait, self._sign_ins[0] + SIGN_IN_WINDOW - now)
            elif any(permit.request.path == SIGN_IN for permit in self._in_flight):
                wait = max(wait, 1.0)
        return wait


def exempt(request: ApiRequest) -> bool:
    """Return whether the limits ignore a request: badges (fact 2)."""
    return request.path.endswith((".png", ".svg"))
