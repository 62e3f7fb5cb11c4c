"""The state of waiting: which calls wait for which build or job, and which repositories are watched for them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from aiotravis.errors import TravisError
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._run_order import Run
from aiotravis.resources._runs import RunFilter

__all__ = ["PendingWait", "RepositoryWatch", "TargetKey", "WaitTarget"]

TargetKey = tuple[type[BuildOrJob], int]
"""Class and id of a build or job. Numbers do not identify a build: several can share one (fact 10.1)."""


@dataclass(slots=True, eq=False)
class PendingWait:
    """One call that waits for a build or job.

    Attributes:
        until: Returns whether a build or job is as the caller wants it.
        run_filter: Keeps out the states of an old run.
        outcome: Resolves to the build or job, or to the exception for the caller to raise.
    """

    until: Callable[[Any], bool]
    run_filter: RunFilter
    outcome: "asyncio.Future[BuildOrJob | Exception]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def offer(self, value: BuildOrJob, *, is_event: bool = False) -> bool:
        """Resolve the outcome if `until` holds or raises, or a restart was dropped; return whether the wait is over."""
        try:
            if not self.run_filter.accepts(value, is_event=is_event) or not self.until(value):
                return False
        except Exception as exc:  # noqa: BLE001 - RestartDropped, or raised by the caller's function: handed to it
            self.resolve(exc)
        else:
            self.resolve(value)
        return True

    def resolve(self, outcome: BuildOrJob | Exception) -> None:
        """Resolve the outcome, unless the caller was cancelled in the meantime."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


@dataclass(slots=True, eq=False)
class RepositoryWatch:
    """A repository whose events are received because something in it is waited for.

    Attributes:
        repository_id: Its id.
        keys: The builds and jobs waited for in it.
        scope: Cancels receiving.
        live_unavailable: Whether the live channel cannot be used at present.
    """

    repository_id: int
    keys: set[TargetKey] = field(default_factory=set[TargetKey])
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    live_unavailable: bool = False


@dataclass(slots=True, eq=False)
class WaitTarget:
    """One build or job with the calls that wait for it.

    Attributes:
        waits: The calls.
        watch: Where its events come from, once its repository is known.
        run: Its present run; None before the first read.
    """

    waits: list[PendingWait] = field(default_factory=list[PendingWait])
    watch: RepositoryWatch | None = None
    run: Run | None = None

    @property
    def awaits_run(self) -> bool:
        """Whether a call waits for a new run."""
        return any(wait.run_filter.awaits_run for wait in self.waits)

    @property
    def is_polled(self) -> bool:
        """Whether a call waits for the new run of a restart, or for events of it."""
        return any(wait.run_filter.poll_interval is not None for wait in self.waits)

    def settle(self, value: BuildOrJob, *, is_event: bool = False) -> None:
        """Resolve the waits that the new state satisfies, and drop them."""
        self.waits = [wait for wait in self.waits if not wait.offer(value, is_event=is_event)]

    def fail_read(self, error: TravisError) -> None:
        """Resolve the waits that cannot go on after an error of a read, and drop them."""
        waits, self.waits = self.waits, []
        for wait in waits:
            if wait.run_filter.tolerates(error):
                self.waits.append(wait)
            else:
                wait.resolve(wait.run_filter.explained(error))

    def fail(self, error: Exception) -> None:
        """Resolve all waits with an error, and drop them."""
        waits, self.waits = self.waits, []
        for wait in waits:
            wait.resolve(error)
