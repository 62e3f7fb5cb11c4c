"""The state of waiting: which calls wait for which build or job, and what is known of that."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from aiotravis.errors import TravisError
from aiotravis.flows.event_receiver import EventReceiver
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._run_order import Run
from aiotravis.resources._runs import RunFilter

__all__ = ["PendingWait", "TargetKey", "WaitTarget"]

TargetKey = tuple[type[BuildOrJob], int]
"""Class and id of a build or job. Numbers do not identify a build: several can share one (fact 10.1)."""

ONLY_READ: Final = frozenset({"config_json", "tags", "stage_id"})
"""Attributes of builds and jobs that no event tells (fact 7.8), nor the tag of their commit."""


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
    outcome: "asyncio.Future[BuildOrJob | BaseException]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def offer(self, value: BuildOrJob, *, is_event: bool = False) -> bool:
        """Resolve the outcome if `until` holds or raises, or a restart was dropped; return whether the wait is over."""
        try:
            if not self.run_filter.accepts(value, is_event=is_event) or not self.until(value):
                return False
        except BaseException as exc:  # noqa: BLE001
            # RestartDropped, or raised by the caller's function: handed to the caller, whatever its class (pytest.fail
            # raises a BaseException). Nothing is awaited here: a cancellation of this task cannot be meant.
            self.resolve(exc)
        else:
            self.resolve(value)
        return True

    def resolve(self, outcome: BuildOrJob | BaseException) -> None:
        """Resolve the outcome, unless the caller was cancelled in the meantime."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


@dataclass(slots=True, eq=False)
class WaitTarget:
    """One build or job with the calls that wait for it.

    Attributes:
        waits: The calls.
        receiver: Where its events come from, once its repository is known.
        repository_id: Id of that repository.
        read: What was read of it last that events do not tell, see `completed`; None if it was not read yet.
        missing_since: When a read failed to find it after another had found it, by the loop's clock, in seconds.
        run: Its present run; None before the first read.
    """

    waits: dict[PendingWait, None] = field(default_factory=dict[PendingWait, None])
    receiver: EventReceiver[TargetKey] | None = None
    repository_id: int = 0
    read: dict[str, Any] | None = None
    missing_since: float | None = None
    run: Run | None = None

    def record_read(self, value: BuildOrJob) -> None:
        """Record a state read over REST."""
        # fact 8: a restart sets started_at to null; the read state is that of the present run.
        self.run = Run.of(value)
        self.missing_since = None
        names = ONLY_READ & set(value.__struct_fields__)
        self.read = {name: getattr(value, name) for name in names if getattr(value, name) is not None}
        if value.commit is not None and value.commit.tag is not None:
            self.read["tag"] = value.commit.tag

    def completed(self, value: BuildOrJob) -> BuildOrJob:
        """Return the state of an event with what only reads tell, so that `until` gets the same from both."""
        missing = dict(self.read or {})
        tag = missing.pop("tag", None)
        if tag is not None and value.commit is not None:
            missing["commit"] = msgspec.structs.replace(value.commit, tag=tag)
        return msgspec.structs.replace(value, **missing)

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
        for wait in list(self.waits):
            if wait.offer(value, is_event=is_event):
                self.waits.pop(wait, None)

    def fail_read(self, error: TravisError) -> None:
        """Resolve the waits that cannot go on after an error of a read, and drop them."""
        for wait in list(self.waits):
            if not wait.run_filter.tolerates(error):
                self.waits.pop(wait, None)
                wait.resolve(wait.run_filter.explained(error))

    def fail(self, error: Exception) -> None:
        """Resolve all waits with an error, and drop them."""
        waits, self.waits = self.waits, {}
        for wait in waits:
            wait.resolve(error)
