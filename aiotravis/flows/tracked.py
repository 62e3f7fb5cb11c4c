"""One build or job as reads and events tell of it, in any order: never an older state after a newer one. No I/O."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

import msgspec

from aiotravis.resources._states import State
from aiotravis.resources.builds import Build
from aiotravis.resources.jobs import Job

__all__ = ["Tracked", "TrackedBuild"]

SETTLING: Final = 0.5
"""Seconds after an event within which a read may still show the state before it: Travis reads from a copy."""

SECOND: Final = timedelta(seconds=1)
"""Precision of all times but ``updated_at`` (fact 1.3)."""

RUN_FIELDS: Final[Mapping[type[Build | Job], tuple[str, ...]]] = {
    Build: ("state", "started_at", "finished_at", "duration", "job_ids"),
    Job: ("state", "started_at", "finished_at", "queue", "allow_failure"),
}
"""What a run changes. Events lack some of the other fields (fact 7.8), which stay as they were read."""

EVENT_FIELDS: Final[Mapping[type[Build | Job], dict[str, None]]] = {
    Build: {"updated_at": None},
    Job: {"updated_at": None, "stage": None, "repository_private": None},
}
"""What only events have: left out, so that a value is the same whether an event or a read decides."""

RANKS: Final = {State.CREATED: 0, State.QUEUED: 1, State.RECEIVED: 2, State.STARTED: 3}
"""Order of the states within a run. Those that end it come last."""

B = TypeVar("B", Build, Job)


class Tracked(Generic[B]):
    """A build or job.

    Args:
        value: As it was read, or as an event has it.
        read_at: When that read was sent, in seconds of a monotonic clock; None for an event.

    Attributes:
        value: Its newest known state, without what only events have.
        read_at: When the last read of it that counts was sent.
        event_at: When the last event of it came.
    """

    __slots__ = ("_former_until", "_is_of_event", "_updated_at", "event_at", "read_at", "value")

    def __init__(self, value: B, read_at: float | None = None, event_at: float = -math.inf) -> None:
        self.value: B = _without_event_fields(value)
        self.read_at: float = -math.inf if read_at is None else read_at
        self.event_at: float = event_at
        self._updated_at: datetime | None = value.updated_at
        self._is_of_event = read_at is None
        self._former_until: datetime | None = None

    def apply_read(self, value: B, read_at: float) -> bool | None:
        """Apply a state that was read.

        Returns:
            Whether it is another one; None if it may be of before the last event: read it again.
        """
        if value.commit is None and self.value.commit is not None:
            value = msgspec.structs.replace(value, commit=self.value.commit)  # fact 9.20
        is_other = value != self.value
        if is_other and self.event_at + SETTLING > read_at:
            return None
        self.read_at, self._is_of_event = read_at, False
        return self._set(value) if is_other else False

    def apply_event(self, value: B, now: float) -> bool | None:
        """Apply the state of an event.

        Returns:
            Whether it is another one; None if only a read can tell whether it is newer.
        """
        updated_at, newest = value.updated_at, self._updated_at
        if updated_at is not None and newest is not None and updated_at < newest:
            return False  # fact 7.9: events come in any order, and more than once.
        is_newer = updated_at is not None and (
            (self._is_of_event and newest is not None and updated_at > newest)
            or (self._times is not None and updated_at - self._times > SECOND)
        )
        if not is_newer and self._is_over(value):
            return False
        self.event_at, self._updated_at = now, updated_at or newest
        self._is_of_event = is_newer
        if not is_newer and not self._continues(value):
            return None
        fields = {name: getattr(value, name) for name in RUN_FIELDS[type(value)]}
        if "job_ids" in fields and not fields["job_ids"]:
            del fields["job_ids"]
        return self._set(msgspec.structs.replace(self.value, **fields))

    @property
    def _times(self) -> datetime | None:
        """When it came into its present state at the earliest; None if that is not known."""
        times = [time for time in (self.value.started_at, self.value.finished_at) if time is not None]
        return max(times, default=None)

    def _is_over(self, value: B) -> bool:
        """Return whether a state is certainly an earlier one of the present run."""
        is_same_run = value.started_at is not None and value.started_at == self.value.started_at
        return is_same_run and _rank(value.state) < _rank(self.value.state)

    def _continues(self, value: B) -> bool:
        """Return whether a state is the present one, or can only come after it."""
        held = self.value
        if held.finished:
            ends = [(one.state, one.started_at, one.finished_at) for one in (value, held)]
            return ends[0] == ends[1]
        times = [time for time in (value.started_at, value.finished_at) if time is not None]
        if self._former_until is not None and times and min(times) <= self._former_until:
            return False  # It may be of a run before.
        if value.finished and value.started_at is not None and held.started_at is None:
            return False  # The start of this run was not told, so it may be of a run before.
        return _rank(value.state) >= _rank(held.state) >= 0 and held.started_at in {None, value.started_at}

    def _set(self, value: B) -> bool:
        before, self.value = self.value, value
        if (before.finished and not value.finished) or before.started_at not in {None, value.started_at}:
            times = [self._former_until, before.started_at, before.finished_at]
            self._former_until = max((time for time in times if time is not None), default=None)
        return value != before


class TrackedBuild:
    """A build with its jobs.

    Attributes:
        build: The build.
        jobs: Its jobs, by their ids.
        jobs_read_at: When its jobs were read last, in seconds of a monotonic clock.
        jobs_wanted: Whether to read its jobs.
        event_at: When the last event of it, or of one of its jobs, came.
        shown: The build with its jobs, if it has not changed since.
    """

    __slots__ = ("build", "event_at", "jobs", "jobs_read_at", "jobs_wanted", "shown")

    def __init__(self, build: Tracked[Build]) -> None:
        self.build: Tracked[Build] = build
        self.jobs: dict[int, Tracked[Job]] = {}
        self.jobs_read_at: float = -math.inf
        self.jobs_wanted: bool = True
        self.event_at: float = build.event_at
        self.shown: Build | None = None

    @property
    def finished(self) -> bool:
        """Whether it has ended, with all its jobs."""
        # fact 8: a build with fast_finish can end before its jobs.
        return self.build.value.finished and all(job.value.finished for job in self.jobs.values())

    def show(self) -> Build:
        """Return the build with its jobs."""
        if self.shown is None:
            jobs = tuple(self.jobs[job_id].value for job_id in sorted(self.jobs))
            self.shown = msgspec.structs.replace(self.build.value, jobs=jobs)
        return self.shown


def _rank(state: State) -> int:
    """Return the place of a state within a run; -1 if it is not known."""
    return 4 if state.finished else RANKS.get(state, -1)


def _without_event_fields(value: B) -> B:
    return msgspec.structs.replace(value, **EVENT_FIELDS[type(value)])
