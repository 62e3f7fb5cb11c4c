"""MemoryLimiter: the limits of all clients of this process with the same site and token."""

import asyncio
import math
import os
import threading
import weakref
from typing import Final
from urllib.parse import urlsplit

import anyio

from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError, RateLimited
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.line import Waiter
from aiotravis.rate_limits.places import current_place, keep_place
from aiotravis.rate_limits.rules import ANONYMOUS, AUTHENTICATED, SOON, Rules, identity, rules_apply
from aiotravis.rate_limits.snapshot import Limits
from aiotravis.rate_limits.windows import Permit

__all__ = ["MemoryLimiter", "shared_limiter"]


MIN_PATIENCE: Final = 0.25
"""Seconds that a call waits in any case for the answer of a shared store."""


class MemoryLimiter:
    """The limits as one client sees them, see `Limiter`. Base of the stores that ask elsewhere, too.

    Args:
        shared: The limits of the identity.
        limited: Whether to wait for them. Requests count in any case: to the server it is the same identity.

    Attributes:
        shared: As given.
    """

    def __init__(self, shared: RateLimiter, *, limited: bool = True) -> None:
        self.shared: RateLimiter = shared
        self._limited = limited

    def try_acquire(self, request: ApiRequest, *, low: bool = False) -> Permit | None:
        """Return permission to send, or None if `acquire` has to wait, or to ask elsewhere."""
        keep_place()
        return self.shared.try_acquire(request, limited=self._limited, low=low)

    async def acquire(self, request: ApiRequest, *, low: bool = False, max_wait: float | None = None) -> Permit:
        """Wait for permission to send."""
        shared, loop, woken = self.shared, asyncio.get_running_loop(), asyncio.Event()

        def wake() -> bool:
            try:
                loop.call_soon_threadsafe(woken.set)
            except RuntimeError:  # The loop is closed.
                return False
            return True

        def remaining() -> float:
            return math.inf if max_wait is None else started + max_wait - shared.clock()

        started = shared.clock()
        waiter = shared.join(request, wake, place=current_place(), limited=self._limited, low=low)
        try:
            while True:
                woken.clear()
                admitted = False
                wait: float | None = math.inf
                with anyio.move_on_after(max(MIN_PATIENCE, remaining())) as asking:
                    await self._prepare(waiter)
                    wait = shared.poll(waiter)
                    admitted = wait is None
                    if admitted:
                        wait = await self._confirm(waiter, started)
                if asking.cancelled_caught:
                    raise _would_wait(request, SOON, max_wait)
                if admitted:
                    if wait is None and waiter.permit is not None:
                        permit, waiter.permit = waiter.permit, None
                        return permit
                    shared.refuse(waiter, wait or 0.0)
                    continue
                # A short wait is a guess: the answer to another call may end it.
                wait, left = wait or 0.0, remaining()
                if wait > left and (wait > SOON or left <= 0):
                    raise _would_wait(request, wait, max_wait)
                with anyio.move_on_after(min(wait, left)):
                    await woken.wait()
        finally:
            shared.leave(waiter)

    async def _prepare(self, waiter: Waiter) -> None:
        """Bring what other processes have reported up to date, before a call asks for its permit."""

    async def _confirm(self, waiter: Waiter, started: float) -> float | None:
        """Count a request elsewhere, too.

        Args:
            waiter: A call with a permit.
            started: When it began to wait, by the clock of the limiter.

        Returns:
            None, or for how many seconds to wait before asking again.
        """
        return None

    def release(self, permit: Permit, *, answered: bool = False) -> None:
        """Record that a request was answered or given up."""
        self.shared.release(permit)
        if permit.probe and answered:
            self._lift()

    def _lift(self) -> None:
        self.shared.set_ban(None, "a request was answered")

    def pause(self, retry_after: float | None, server_time: float | None = None) -> None:
        """Record a 429."""
        self.shared.pause(retry_after, server_time)

    def ban(self, error: BannedError) -> None:
        """Record a ban."""
        self.shared.ban(error)

    def snapshot(self) -> Limits:
        """Return the remaining requests."""
        return self.shared.snapshot("memory" if self._limited else "none")

    @property
    def waiting(self) -> int:
        """Number of calls that wait."""
        return self.shared.waiting

    async def aclose(self) -> None:
        """Close what the client has opened for its limits."""


def _would_wait(request: ApiRequest, wait: float, max_wait: float | None) -> RateLimited:
    error = RateLimited(
        f"{request.method} {request.safe_target} was not sent: the rate limits have no room for it within "
        f"max_wait={max_wait} s, but may have some after {math.ceil(wait)} s.",
        status=429,
        method=request.method,
        path=request.safe_target,
        remedy="Try again after `retry_after` seconds.",
    )
    error.retry_after = wait
    return error


MIN_SWEEP: Final = 64

_limiters: "weakref.WeakValueDictionary[str, RateLimiter]" = weakref.WeakValueDictionary()
_kept: dict[str, RateLimiter] = {}
"""Limiters with something to remember, although no client may hold them any more."""

_lock = threading.Lock()
_sweep_at = MIN_SWEEP


def shared_limiter(endpoint: str, token: str | None, *, limited: bool, scope: str = "") -> RateLimiter:
    """Return the limiter that all clients of this process with the same site and token share.

    It is remembered for as long as it has anything to remember: a window that is not over, a pause, a ban. Servers
    without limits, which come and go on the ports of this machine, are forgotten with their last client.

    Args:
        endpoint: URL of the API.
        token: The identity; None for this machine's address.
        limited: Whether the limits hold for the client.
        scope: Other counts for the same identity: those of a fleet.
    """
    global _sweep_at
    key = f"{identity(endpoint, token)}{scope}"
    rules: Rules = ANONYMOUS if token is None else AUTHENTICATED
    with _lock:
        limiter = _limiters.get(key)
        if limiter is None:
            name = f"{urlsplit(endpoint).netloc}, {'with' if token is not None else 'without'} a token"
            limiter = _limiters[key] = RateLimiter(rules, name=name)
        if key not in _kept and (limited or rules_apply(endpoint)):
            _kept[key] = limiter
            if len(_kept) >= _sweep_at:
                for idle in [known for known, one in _kept.items() if one is not limiter and one.idle()]:
                    del _kept[idle]
                _sweep_at = max(MIN_SWEEP, 2 * len(_kept))
        return limiter


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for limiter in list(_limiters.values()):
        limiter.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
