"""The protocol between a transport and the rate limits of its client. No I/O."""

from typing import Protocol

from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError
from aiotravis.rate_limits.snapshot import Limits
from aiotravis.rate_limits.windows import Permit

__all__ = ["Limiter"]


class Limiter(Protocol):
    """The rate limits of one client, wherever they are counted."""

    def try_acquire(self, request: ApiRequest, *, low: bool = False) -> Permit | None:
        """Return permission to send, or None: `acquire` has to wait, or to ask elsewhere.

        Args:
            request: What to send.
            low: Whether all others go first, and a tenth of the limits is left to them.

        Raises:
            BannedError: The identity is banned.
        """
        ...

    async def acquire(self, request: ApiRequest, *, low: bool = False, max_wait: float | None = None) -> Permit:
        """Wait for permission to send.

        Args:
            request: What to send.
            low: As in `try_acquire`.
            max_wait: Longest wait in seconds; None for any.

        Raises:
            BannedError: The identity is banned, or was banned meanwhile.
            RateLimited: It would have to wait longer than `max_wait`.
            LimitsUnavailable: The limits are counted elsewhere, and that place cannot be reached.
        """
        ...

    def release(self, permit: Permit, *, answered: bool = False) -> None:
        """Record that a request was answered or given up.

        Args:
            permit: What `try_acquire` or `acquire` returned.
            answered: Whether the server served it, and so has not banned the identity.
        """
        ...

    def pause(self, retry_after: float | None, server_time: float | None = None) -> None:
        """Record a 429: all calls of the identity pause, not only the one that got it.

        Args:
            retry_after: Seconds that the server asked for; None for the rest of its minute (fact 9.5).
            server_time: The server's clock in seconds since the epoch, if known.
        """
        ...

    def ban(self, error: BannedError) -> None:
        """Record a ban: nothing of this identity is sent any more, and calls that wait fail at once."""
        ...

    def snapshot(self) -> Limits:
        """Return the remaining requests."""
        ...

    @property
    def waiting(self) -> int:
        """Number of calls that wait."""
        ...

    async def aclose(self) -> None:
        """Close what the client has opened for its limits. What was recorded stays recorded."""
        ...
