"""How long to wait for the log of a job that has ended. No I/O.

https://docs.travis-ci.com/api/#logs
"""

import time
from datetime import datetime
from typing import Final

from aiotravis.resources.jobs import Job

__all__ = ["DEFAULT_PATIENCE", "LogTimeout"]

DEFAULT_PATIENCE: Final = 60.0
"""Seconds after the end of a job for which its log is waited for."""

LONG_AGO: Final = 3600.0
"""Seconds after which a log that is not there may never appear."""

LATE_PARTS: Final = 5.0
"""Seconds after the end of a job in which its last parts may still arrive (fact 7.9)."""

FIRST_YEAR: Final = 2010
"""Travis began in 2011. Earlier dates are absurd (fact 10.1)."""


class LogTimeout:
    """Waits for a log from the end of its job on, by the clock of the event loop.

    Args:
        seconds: How long.

    Attributes:
        ends_at: When it ends, by the clock of the event loop; None while the job has not ended.
        long_ago: Whether the job ended so long ago that its log may never appear.
    """

    def __init__(self, seconds: float = DEFAULT_PATIENCE) -> None:
        self._seconds = seconds
        self._seen_before_end = False
        self.ends_at: float | None = None
        self.long_ago: bool = False

    def update(self, job: Job, now: float) -> None:
        """Apply a state of the job."""
        if not job.finished:
            self.restart()
        elif self.ends_at is None:
            # The clocks of this machine and of Travis may differ: what was seen to end has ended now.
            began, ended = job.started_at, job.finished_at
            unknown = self._seen_before_end or (began is not None and ended is not None and ended < began)
            age = 0.0 if unknown else self.age(ended)
            self.long_ago = age > LONG_AGO
            self.ends_at = now - age + self._seconds

    def restart(self) -> None:
        """Forget the end of the job: it was restarted."""
        self._seen_before_end, self.ends_at, self.long_ago = True, None, False

    @staticmethod
    def age(moment: datetime | None) -> float:
        """Return for how many seconds a moment is past; 0 if that is unknown, or if it is still to come."""
        if moment is None or moment.year < FIRST_YEAR:
            return 0.0
        try:
            return max(0.0, time.time() - moment.timestamp())
        except (ValueError, OverflowError, OSError):
            # fact 10.1: dates can be absurd.
            return 0.0

    def may_grow(self, now: float) -> bool:
        """Return whether a log that has no final part may still grow."""
        return self.ends_at is None or now < self.ends_at - self._seconds + min(LATE_PARTS, self._seconds)

    def is_over(self, now: float) -> bool:
        """Return whether the job has ended, and the wait is over."""
        return self.ends_at is not None and now >= self.ends_at
