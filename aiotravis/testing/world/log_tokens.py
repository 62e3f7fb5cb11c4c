"""Tokens that each open the log of one job, for a day.

https://docs.travis-ci.com/api/#logs
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiotravis.testing.world.models import User

__all__ = ["DAY", "LogToken", "LogTokens"]

DAY = 86_400.0
"""How long a token is good, in seconds."""


@dataclass(frozen=True)
class LogToken:
    """One token.

    Attributes:
        user: Who was given it.
        job_id: The job whose log it opens.
        expires_at: Seconds since the epoch.
    """

    user: User
    job_id: int
    expires_at: float


class LogTokens:
    """Those that were given out.

    Args:
        clock: Gives seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._given: dict[str, LogToken] = {}

    def give(self, user: User, job_id: int) -> str:
        """Make a token for a job's log.

        Args:
            user: Who is given it.
            job_id: The job whose log it opens.
        """
        text = secrets.token_urlsafe(16)
        self._given[text] = LogToken(user, job_id, self._clock() + DAY)
        return text

    def find(self, text: str) -> LogToken | None:
        """Give what a token is good for; None: it is unknown, or not good any more.

        Args:
            text: The token.
        """
        found = self._given.get(text)
        return found if found is not None and self._clock() < found.expires_at else None
