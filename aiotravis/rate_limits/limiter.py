"""The server's published rate rules as budgets: may this request go now, and if not, when. No I/O but the clock.

The server counts in fixed windows aligned to the epoch, at the moment when a request arrives, which lies somewhere
between its sending and its answer. So a request under way counts in every window that it may fall into. Too many reads
are refused for the rest of the minute; too many POSTs get the identity banned for an hour, too many sign-ins for five.
Those two therefore hold for a window of any alignment: then no difference between two clocks can lead into a ban.
"""

import hashlib
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError

__all__ = ["Limits", "Permit", "RateLimiter", "limiter_for", "rules_apply"]

MINUTE: Final = 60.0

ANONYMOUS: Final = 500
"""Requests a minute from one address, without a token."""

SIGNED: Final = 2000
"""Requests a minute with one token."""

POSTS: Final = 40
"""POSTs within `POST_WINDOW`; the server bans at 50 within 30 s."""

POST_WINDOW: Final = 32.0

SIGN_IN: Final = "/auth/github"

SIGN_IN_WINDOW: Final = 302.0
"""Seconds within which there is one sign-in; the server bans after the second within 300 s."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is left of the server's rate rules.

    Attributes:
        room: Requests that may go at once; None where no rules apply.
        posts: POSTs that may go at once; None where no rules apply.
        waiting: Calls that wait for room.
        next_window: Seconds until the server counts anew.
        paused: Seconds for which the server asked to hold back; 0 when it did not.
        banned_until: When a ban is expected to end, UTC; None without one.
    """

    room: int | None
    posts: int | None
    waiting: int
    next_window: float
    paused: float
    banned_until: datetime | None


@dataclass(slots=True, eq=False)
class Permit:
    """Leave to send one request; give it back with `RateLimiter.release` once its answer is here."""

    request: ApiRequest
    window: int


class RateLimiter:
    """The rate rules for one identity at one endpoint. Thread-safe.

    Args:
        per_minute: Requests a minute; None where no rules apply: then only pauses and bans that the server speaks hold.
        clock: Gives seconds since the epoch.
    """

    def __init__(self, per_minute: int | None, *, clock: Callable[[], float] = time.time) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._window = -1
        self._used = 0
        self._under_way: set[Permit] = set()
        self._posts: deque[float] = deque()
        self._sign_ins: deque[float] = deque()
        self._paused_until = 0.0
        self._ban: BannedError | None = None
        self._waiting: set[Callable[[], None]] = set()

    def acquire(self, request: ApiRequest) -> Permit | float:
        """Ask for leave to send.

        Returns:
            A ticket, or for how many seconds to wait before asking again.

        Raises:
            BannedError: The identity is banned: nothing may be sent.
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
            self._under_way.add(permit)
            return permit

    def release(self, permit: Permit) -> None:
        """Take note that a request has been answered, or given up."""
        with self._lock:
            if permit not in self._under_way:
                return
            self._under_way.discard(permit)
            now = self._clock()
            self._roll(now, leaving=permit)
            if permit.request.method == "POST":
                self._posts.append(now)
                if permit.request.path == SIGN_IN:
                    self._sign_ins.append(now)

    def throttled(self, retry_after: float | None) -> None:
        """Take note of a 429: the identity holds back, not only the call that met it.

        Args:
            retry_after: Seconds that the server asked for; None for up to its next minute.
        """
        with self._lock:
            now = self._clock()
            # The rules count by the minute: whatever a proxy asks for, the next one may be tried.
            wait = MINUTE - now % MINUTE if retry_after is None else min(retry_after, MINUTE)
            self._paused_until = max(self._paused_until, now + wait)

    def banned(self, error: BannedError) -> None:
        """Take note of a ban: nothing of this identity is sent any more, and what waits fails at once."""
        with self._lock:
            self._ban = error
            waiting = list(self._waiting)
        for wake in waiting:
            wake()

    def wait_with(self, wake: Callable[[], None]) -> None:
        """Register something that waits.

        Args:
            wake: Called, from any thread, when it must ask again at once.
        """
        with self._lock:
            self._waiting.add(wake)

    def stop_waiting(self, wake: Callable[[], None]) -> None:
        """Take it out again."""
        with self._lock:
            self._waiting.discard(wake)

    def limits(self) -> Limits:
        """Tell what is left."""
        with self._lock:
            now = self._clock()
            self._roll(now)
            ban = self._ban.lifted_at if self._ban is not None else None
            paused = max(0.0, self._paused_until - now)
            room, posts = self._room(now)
            held_back = paused > 0 or ban is not None
            return Limits(
                room=0 if held_back else room,
                posts=0 if held_back else posts,
                waiting=len(self._waiting),
                next_window=MINUTE - now % MINUTE,
                paused=paused,
                banned_until=ban,
            )

    def _room(self, now: float) -> tuple[int | None, int | None]:
        if self._per_minute is None:
            return None, None
        room = max(0, self._per_minute - self._used)
        return room, min(room, max(0, POSTS - self._posts_in_window(now)))

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
        """Begin a new window where the clock has: what is under way may arrive in it, so it counts in it."""
        window = int(now // MINUTE)
        if window != self._window:
            self._window = window
            still = len(self._under_way) + (leaving is not None)
            self._used = still

    def _wait_for_window(self, now: float) -> float:
        self._roll(now)
        return 0.0 if self._used < (self._per_minute or 0) else MINUTE - now % MINUTE

    def _posts_in_window(self, now: float) -> int:
        while self._posts and self._posts[0] <= now - POST_WINDOW:
            self._posts.popleft()
        return len(self._posts) + sum(permit.request.method == "POST" for permit in self._under_way)

    def _wait_for_post(self, request: ApiRequest, now: float) -> float:
        if request.method != "POST":
            return 0.0
        wait = 0.0
        if self._posts_in_window(now) >= POSTS:
            # Where all of them are still under way, none tells when it will leave the window: look again soon.
            wait = self._posts[0] + POST_WINDOW - now if self._posts else 1.0
        if request.path == SIGN_IN:
            while self._sign_ins and self._sign_ins[0] <= now - SIGN_IN_WINDOW:
                self._sign_ins.popleft()
            if self._sign_ins:
                wait = max(wait, self._sign_ins[0] + SIGN_IN_WINDOW - now)
            elif any(permit.request.path == SIGN_IN for permit in self._under_way):
                wait = max(wait, 1.0)
        return wait


def exempt(request: ApiRequest) -> bool:
    """Whether the rules leave a call out: badges."""
    return request.path.endswith((".png", ".svg"))


def rules_apply(endpoint: str) -> bool:
    """Whether a server of this address counts requests: not an Enterprise installation, nor one on this machine."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    loopback = host in {"localhost", "::1"} or host.startswith("127.")
    return not loopback and not parts.path.rstrip("/").endswith("/api")


_budgets: "weakref.WeakValueDictionary[tuple[str, str, int | None], RateLimiter]" = weakref.WeakValueDictionary()
_budgets_lock = threading.Lock()


def limiter_for(endpoint: str, token: str | None, *, limited: bool) -> RateLimiter:
    """Give the budget that all clients of this process with this endpoint and token share.

    Args:
        endpoint: URL of the API.
        token: The identity, or None: then it is this machine's address.
        limited: Whether the published rules hold.
    """
    identity = hashlib.sha256(token.encode()).hexdigest() if token is not None else ""
    per_minute = None if not limited else ANONYMOUS if token is None else SIGNED
    with _budgets_lock:
        key = (endpoint, identity, per_minute)
        limiter = _budgets.get(key)
        if limiter is None:
            limiter = _budgets[key] = RateLimiter(per_minute)
        return limiter
