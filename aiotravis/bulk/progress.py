"""Progress of bulk work, reported to a callback."""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiotravis._validation import validate_callback, validate_not_awaitable
from aiotravis.errors import TravisError

__all__ = ["Progress", "Reporter"]

REPORT_INTERVAL: Final = 1.0
"""Seconds between reports while nothing completes: the number of waiting requests may have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a download, of `map`, or of a `many` call.

    Attributes:
        done: Items completed, failed ones included.
        failed: Items that failed or do not exist.
        total: Number of items; None if it is not known in advance.
        waiting: Requests of this client held back by rate limits.
    """

    done: int
    failed: int
    total: int | None
    waiting: int


class Reporter:
    """Calls back after every step, and once a second while no step completes.

    Raises:
        UsageError: The callback is not a function, or an async one.
    """

    def __init__(
        self, callback: Callable[[Progress], object] | None, total: int | None, waiting: Callable[[], int]
    ) -> None:
        self._callback = None if callback is None else validate_callback(callback, "progress")
        self._total = total
        self._waiting = waiting
        self._done = self._failed = 0
        self._timer: asyncio.TimerHandle | None = None
        self._failure: Exception | None = None

    def advance(self, done: int, failed: int) -> None:
        """Count completed items, ``failed`` of which failed, and report.

        Raises:
            Exception: The callback raised it, now or between two steps.
        """
        self._done += done
        self._failed += failed
        if self._failure is not None:
            raise self._failure
        self._report()

    def start(self) -> None:
        """Start reporting once a second."""
        if self._callback is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(REPORT_INTERVAL, self._tick)

    def stop(self) -> None:
        """Stop reporting between steps."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        try:
            self._report()
        except Exception as exc:  # noqa: BLE001 - nothing awaits a timer: the next step raises it
            self._failure = exc
        else:
            self.start()

    def _report(self) -> None:
        if self._callback is None:
            return
        progress = Progress(done=self._done, failed=self._failed, total=self._total, waiting=self._waiting())
        try:
            result = self._callback(progress)
        except StopAsyncIteration as exc:
            # It would pass for the end of the iteration that is reported.
            raise TravisError(f"progress raised {exc!r}.") from exc
        if inspect.iscoroutine(result):
            # A task is fine: it runs.
            validate_not_awaitable(result, "progress")
