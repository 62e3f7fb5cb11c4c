"""The state of waiting: which calls wait for which build or job, and what is known of that."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from aiotravis.errors import TravisError
from aiotravis.flows.event_receiver import EventReceiver
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._restart import Key
from aiotravis.resources._run_order import Run
from aiotravis.resources._runs import RunFilter

__all__ = ["PendingWait", "WaitTarget"]

ONLY_READ: Final = ("config_json", "tags", "stage_id")
"""Attributes of builds and jobs that no event tells (fact 7.8), nor the tag of their commit."""


@dataclass(slots=True, eq=False)
class PendingWait:
    """One call that waits for a build or job. There may be tens of thousands: each byte counts.

    Attributes:
        key: The build or job.
        until: Returns whether a build or job is as the caller wants it.
        run_filter: Keeps out the states of an old run.
        outcome: Resolves to the build or job, or to the exception for the caller to raise.
        place: Its place among the waits of its target, or -1 once it is over.
    """

    key: Key
    until: Callable[[Any], bool]
    run_filter: RunFilter
    outcome: "asyncio.Future[BuildOrJob | BaseException]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    place: int = -1

    @property
    def value(self) -> BuildOrJob:
        """The build or job, once the outcome is resolved.

        Raises:
            BaseException: The outcome.
        """
        outcome = self.outcome.result()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

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


class ReadState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was read of a build or job that events do not tell."""

    config_json: msgspec.Raw | None = None
    tags: object = None
    stage_id: int | None = None
    commit_tag: str | None = None


@dataclass(slots=True, eq=False)
class WaitTarget:
    """One build or job with the calls that wait for it.

    Attributes:
        key: The build or job.
        waits: The calls, see `add` and `remove`.
        receiver: Where its events come from, once its repository is known.
        repository_id: Id of that repository.
        read: What was read of it last that events do not tell, see `completed`; None if it was not read yet.
        missing_since: When a read failed to find it after another had found it, by the loop's clock, in seconds.
        run: Its present run; None before the first read.
    """

    key: Key
    waits: list[PendingWait] = field(default_factory=list[PendingWait])
    receiver: EventReceiver[Key] | None = None
    repository_id: int = 0
    read: ReadState | None = None
    missing_since: float | None = None
    run: Run | None = None

    def add(self, wait: PendingWait) -> None:
        """Add a call."""
        wait.place = len(self.waits)
        self.waits.append(wait)

    def remove(self, wait: PendingWait) -> None:
        """Remove a call, in constant time: the last one takes its place. Again, this does nothing."""
        if wait.place < 0:
            return
        last = self.waits.pop()
        if last is not wait:
            self.waits[wait.place] = last
            last.place = wait.place
        wait.place = -1

    def record_read(self, value: BuildOrJob) -> None:
        """Record a state read over REST."""
        # fact 8: a restart sets started_at to null; the read state is that of the present run.
        self.run = Run.of(value)
        self.missing_since = None
        tag = None if value.commit is None else value.commit.tag
        self.read = ReadState(commit_tag=tag, **{name: getattr(value, name, None) for name in ONLY_READ})

    def completed(self, value: BuildOrJob) -> BuildOrJob:
        """Return the state of an event with what only reads tell, so that `until` gets the same from both."""
        read = ReadState() if self.read is None else self.read
        missing: dict[str, Any] = {name: known for name in ONLY_READ if (known := getattr(read, name)) is not None}
        if read.commit_tag is not None and value.commit is not None:
            missing["commit"] = msgspec.structs.replace(value.commit, tag=read.commit_tag)
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
                self.remove(wait)

    def fail_read(self, error: TravisError) -> None:
        """Resolve the waits that cannot go on after an error of a read, and drop them."""
        for wait in list(self.waits):
            if not wait.run_filter.tolerates(error):
                self.remove(wait)
                wait.resolve(wait.run_filter.explained(error))

    def fail(self, error: Exception) -> None:
        """Resolve all waits with an error, and drop them."""
        for wait in list(self.waits):
            self.remove(wait)
            wait.resolve(error)
