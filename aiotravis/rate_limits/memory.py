"""MemoryLimiter: the limits of all clients of this process with the same site and token."""

import asyncio
import hashlib
import threading
import weakref
from urllib.parse import urlsplit

import anyio

from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError
from aiotravis.rate_limits.limiter import ANONYMOUS, AUTHENTICATED, Limits, Permit, RateLimiter

__all__ = ["MemoryLimiter", "limiter_for", "rules_apply"]


class MemoryLimiter:
    """The limits as one client sees them, see `Limiter`.

    Args:
        shared: The limits of the identity.
    """

    def __init__(self, shared: RateLimiter) -> None:
        self.shared = shared

    def try_acquire(self, request: ApiRequest) -> Permit | None:
        """Return permission to send, or None if `acquire` has to wait."""
        permit = self.shared.try_acquire(request)
        return permit if isinstance(permit, Permit) else None

    async def acquire(self, request: ApiRequest) -> Permit:
        """Wait for permission to send."""
        loop = asyncio.get_running_loop()
        while not isinstance(permit := self.shared.try_acquire(request), Permit):
            woken = anyio.Event()

            def wake(woken: anyio.Event = woken) -> None:
                loop.call_soon_threadsafe(woken.set)

            self.shared.add_waiter(wake)
            try:
                with anyio.move_on_after(permit):
                    await woken.wait()
            finally:
                self.shared.remove_waiter(wake)
        return permit

    def release(self, permit: Permit) -> None:
        """Record that a request was answered or given up."""
        self.shared.release(permit)

    def pause(self, retry_after: float | None) -> None:
        """Record a 429."""
        self.shared.pause(retry_after)

    def ban(self, error: BannedError) -> None:
        """Record a ban."""
        self.shared.ban(error)

    def snapshot(self) -> Limits:
        """Return the remaining requests."""
        return self.shared.snapshot()


def rules_apply(endpoint: str) -> bool:
    """Return whether this server counts requests: Enterprise installations and servers on this machine do not."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    loopback = host in {"localhost", "::1"} or host.startswith("127.")
    return not loopback and not parts.path.rstrip("/").endswith("/api")


_limiters: "weakref.WeakValueDictionary[tuple[str, str, int | None], RateLimiter]" = weakref.WeakValueDictionary()
_limiters_lock = threading.Lock()


def limiter_for(endpoint: str, token: str | None, *, limited: bool) -> MemoryLimiter:
    """Return the limiter that all clients of this process with this endpoint and token share.

    Args:
        endpoint: URL of the API.
        token: The identity; None for this machine's address.
        limited: Whether the published limits apply.
    """
    identity = hashlib.sha256(token.encode()).hexdigest() if token is not None else ""
    per_minute = None if not limited else ANONYMOUS if token is None else AUTHENTICATED
    with _limiters_lock:
        key = (endpoint, identity, per_minute)
        limiter = _limiters.get(key)
        if limiter is None:
            limiter = _limiters[key] = RateLimiter(per_minute)
        return MemoryLimiter(limiter)
