"""Tokens that each give access to the log of one job for a day.

https://docs.travis-ci.com/api/#logs
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiotravis.testing.world.models import User

__all__ = ["LIFETIME", "LogToken", "LogTokens"]

LIFETIME = 86_400.0
"""Lifetime of a token in seconds, as in fact 5.3."""

MAX_TOKENS = 10_000
"""Tokens that are valid at the same time; older ones expire early."""


@dataclass(frozen=True)
class LogToken:
    """One token.

    Attributes:
        user: User who got it.
        job_id: Job whose log it gives access to.
        expires_at: Seconds since the epoch.
    """

    user: User
    job_id: int
    expires_at: float


class LogTokens:
    """All tokens that were issued.

    Args:
        clock: Returns seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, LogToken] = {}

    def issue(self, user: User, job_id: int) -> str:
        """Create a token for the log of a job.

        Args:
            user: User who gets it.
            job_id: Job whose log it gives access to.
        """
        token = secrets.token_urlsafe(16)
        now = self._clock()
        self._issued[token] = LogToken(user, job_id, now + LIFETIME)
        # In the order of their expiry.
        while (oldest := next(iter(self._issued))) != token and (
            self._issued[oldest].expires_at <= now or len(self._issued) > MAX_TOKENS
        ):
            del self._issued[oldest]
        return token

    def find(self, token: str) -> LogToken | None:
        """Return what a token gives access to; None if it is unknown or has expired.

        Args:
            token: The token.
        """
        issued = self._issued.get(token)
        return issued if issued is not None and self._clock() < issued.expires_at else None
