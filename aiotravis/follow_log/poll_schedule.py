"""When to poll the server for a followed log. No I/O.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Iterator
from typing import Final

from aiotravis._async.retry import backoff, exponential
from aiotravis.follow_log.log_timeout import LogTimeout

__all__ = [
    "IDLE_POLL_DELAY",
    "MAX_IDLE_POLL_DELAY",
    "MAX_POLL_DELAY",
    "MAX_WAITING_PARTS",
    "POLL_DELAY",
    "PollSchedule",
    "retry_delays",
]

POLL_DELAY: Final = 2.0
"""Seconds that the live channel has to deliver missing parts, or the end, before the server is polled for them."""

MAX_POLL_DELAY: Final = 10.0
"""Seconds between two polls for what is missing: `POLL_DELAY` at first, doubled while nothing changes."""

IDLE_POLL_DELAY: Final = 30.0
"""Seconds of silence before the log of a running job is read, doubled while nothing changes.

Travis stops pushing after 6 hours (fact 7.9).
"""

MAX_IDLE_POLL_DELAY: Final = 300.0
"""Seconds."""

MAX_WAITING_PARTS: Final = 256
"""Parts that wait behind a gap before the server is polled at once."""

CHARACTERS_PER_SECOND: Final = 1 << 20
"""Characters of a log without numbers, which is read as a whole each time, for which a poll is put off by a second."""


def retry_delays() -> Iterator[float]:
    """Yield the seconds to wait after each failed request."""
    return backoff(POLL_DELAY, MAX_POLL_DELAY)


class PollSchedule:
    """Decides when to poll. Times are those of the event loop's clock, in seconds.

    Args:
        timeout: How long to wait for the log of a job that has ended.

    Attributes:
        wanted: Whether a poll was requested.
        heard_at: When a part of the log last arrived over the live channel.
    """

    def __init__(self, timeout: LogTimeout) -> None:
        self._timeout = timeout
        self.wanted: bool = False
        self.heard_at: float = 0.0
        self._at: float | None = None
        self._log_read_at = 0.0
        self._unchanged = 0
        self._idle_unchanged = 0
        self._held_at_poll = 0

    def request(self, now: float) -> None:
        """Poll at once."""
        self.wanted, self._at = True, now

    def speed_up(self) -> None:
        """Poll frequently again: something has changed."""
        self._unchanged = 0

    def is_due(self, now: float) -> bool:
        """Return whether it is time to poll, even if events still arrive."""
        return self._at is not None and now >= self._at

    def is_log_due(self, now: float) -> bool:
        """Return whether to read the log although nothing is known to be missing."""
        if self.heard_at > self._log_read_at:
            self._log_read_at, self._idle_unchanged = self.heard_at, 0
        return now - self._log_read_at >= exponential(IDLE_POLL_DELAY, MAX_IDLE_POLL_DELAY, self._idle_unchanged)

    def delay(self, now: float, *, as_text: bool, length: int) -> float:
        """Return the seconds until the next poll for something that is missing.

        Args:
            now: The time.
            as_text: Whether the log is read as a whole, or there is no live channel.
            length: Characters of the log so far.
        """
        if self._at is None:
            # Counted once: parts that keep arriving, or calls that are cancelled, must not put it off for ever.
            self._at = now + self._backoff(now) + (length / CHARACTERS_PER_SECOND if as_text else 0.0)
        return max(0.0, self._at - now)

    def _backoff(self, now: float) -> float:
        delay = exponential(POLL_DELAY, MAX_POLL_DELAY, self._unchanged)
        ends_at = self._timeout.ends_at
        # The last poll is at the end of the wait.
        return min(delay, max(POLL_DELAY, ends_at - now)) if ends_at is not None else delay

    def clear(self) -> None:
        """Nothing is missing: there is no time for the next poll."""
        self._at = None

    def add_gap(self, now: float, held: int, *, is_new: bool) -> None:
        """Poll for missing parts: soon if they may still arrive, at once if many wait for them.

        Args:
            now: The time.
            held: Number of parts that wait behind the gap.
            is_new: Whether there was no gap before.
        """
        if is_new:
            self._unchanged = self._held_at_poll = 0
        if self._at is None:
            self._at = now + self._backoff(now)
        if held >= self._held_at_poll + MAX_WAITING_PARTS:
            self._held_at_poll, self._at = held, now

    def add_poll(self, now: float, *, advanced: bool, ended: bool) -> None:
        """Record a poll.

        Args:
            now: The time.
            advanced: Whether it found anything new.
            ended: Whether the job has ended.
        """
        # A poll that was requested, after a reconnect for example, need not find anything.
        unchanged = ended or not self.wanted
        self.wanted, self._at = False, None
        self._log_read_at = now
        self._unchanged = 0 if advanced else self._unchanged + unchanged
        self._idle_unchanged = 0 if advanced else self._idle_unchanged + unchanged
