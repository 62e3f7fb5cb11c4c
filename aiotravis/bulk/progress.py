"""How far a long piece of work has come, told to whoever asked for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["Progress", "Reporter"]

INTERVAL: Final = 1.0
"""Seconds after which it is told again although nothing was done: what waits for the budget may have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a piece of work has come.

    Attributes:
        done: Items that are done with, failed ones among them.
        failed: Items that failed, or that the server did not know.
        total: How many there are in all; None where that is not known beforehand.
        waiting: Calls of this client that wait for room in the server's rate rules.
    """

    done: int
    failed: int
    total: int | None
    waiting: int


class Reporter:
    """Tells of progress: after every step, and once a second while none is made.

    Args:
        report: Who is told; None: nobody.
        total: How many items there are in all, if that is known.
        waiting: Gives the number of calls that wait for the budget.
    """

    def __init__(
        self, report: Callable[[Progress], None] | None, total: int | None, waiting: Callable[[], int]
    ) -> None:
        self._report = report
        self._total = total
        self._waiting = waiting
        self._done = self._failed = 0
        self._timer: asyncio.TimerHandle | None = None
        self._failure: Exception | None = None

    def advance(self, done: int, failed: int) -> None:
        """Count so many items as done with, so many of them failed, and tell.

        Raises:
            Exception: What the callback raised.
        """
        self._done += done
        self._failed += failed
        if self._report is not None:
            if self._failure is not None:
                raise self._failure
            self._tell(self._report)

    def start(self) -> None:
        """Tell once a second from now on."""
        if self._report is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._tick, self._report)

    def stop(self) -> None:
        """Tell no more on its own account."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self, report: Callable[[Progress], None]) -> None:
        self._timer = None
        try:
            self._tell(report)
        except Exception as exc:  # noqa: BLE001 - nobody awaits a timer: told at the next step
            self._failure = exc
        else:
            self.start()

    def _tell(self, report: Callable[[Progress], None]) -> None:
        report(Progress(done=self._done, failed=self._failed, total=self._total, waiting=self._waiting()))
