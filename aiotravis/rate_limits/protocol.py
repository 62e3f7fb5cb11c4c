"""The protocol between a transport and the rate limits of its client. No I/O."""

from typing import Protocol

from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError
from aiotravis.rate_limits.limiter import Limits, Permit

__all__ = ["Limiter"]


class Limiter(Protocol):
    """The rate limits of one client, wherever they are counted."""

    def try_acquire(self, request: ApiRequest) -> Permit | None:
        """Return permission to send, or None: `acquire` has to wait, or to ask elsewhere.

        Raises:
            BannedError: The identity is banned.
        """
        ...

    async def acquire(self, request: ApiRequest) -> Permit:
        """Wait for permission to send.

        Raises:
            BannedError: The identity is banned, or was banned meanwhile.
        """
        ...

    def release(self, permit: Permit) -> None:
        """Record that a request was answered or given up."""
        ...

    def pause(self, retry_after: float | None) -> None:
        """Record a 429: all calls of the identity pause, not only the one that got it.

        Args:
            retry_after: Seconds that the server asked for; None for the rest of its minute (fact 9.5).
        """
        ...

    def ban(self, error: BannedError) -> None:
        """Record a ban: nothing of this identity is sent any more, and calls that wait fail at once."""
        ...

    def snapshot(self) -> Limits:
        """Return the remaining requests."""
        ...
