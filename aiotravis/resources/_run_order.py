"""One run of a build or job, and which run another state is of. No I/O.

A build or job keeps its id when it is restarted, so only state and times tell its runs apart.
https://docs.travis-ci.com/api/#builds
"""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeGuard

from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._states import State

__all__ = ["Run", "RunOrder"]

FIRST_DATE: Final = datetime(2011, 1, 1, tzinfo=UTC)
"""Nothing on Travis is older: dates before it are none (fact 10.1)."""


class RunOrder(enum.Enum):
    """Which run a state is of, compared with a known run."""

    EARLIER = enum.auto()
    """This run at an earlier time, or a run before it: the state is out of date."""

    EQUAL = enum.auto()
    """This run."""

    LATER = enum.auto()
    """A run after it."""

    UNKNOWN = enum.auto()
    """This one or another: read the state, now or once more."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a build or job, as far as it is known.

    Attributes:
        state: Its last state.
        started_at: When it began, or None.
        finished_at: When it ended, or None.
        updated_at: When Travis published its last event, or None.
    """

    state: State
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime | None = None

    @classmethod
    def of(cls, value: BuildOrJob) -> "Run":
        """Return the run that a build or job is on."""
        return cls(value.state, value.started_at, value.finished_at, value.updated_at)

    def with_state(self, value: BuildOrJob) -> "Run":
        """Return this run with what a state of it adds. An end is not taken back: states come in any order."""
        started_at, finished_at = value.started_at or self.started_at, value.finished_at or self.finished_at
        if self.state.finished:
            return Run(self.state, started_at, finished_at, self.updated_at)
        updates = [time for time in (self.updated_at, value.updated_at) if time is not None]
        return Run(value.state, started_at, finished_at, max(updates, default=None))

    def order_of(self, value: BuildOrJob, *, is_event: bool) -> RunOrder:
        """Return which run a state is of.

        Args:
            value: The build or job in that state.
            is_event: Whether an event told of it, which may be late or repeated (fact 7.9). Otherwise it was read.
        """
        if value.started_at is not None and value.started_at == self.started_at:
            # A state that carries the times of this run is of this run, however new it claims to be.
            return RunOrder.EQUAL
        if value.started_at is None and value.finished_at is not None and value.finished_at == self.finished_at:
            # fact 10.1: a date that cannot be read is None.
            return RunOrder.EQUAL
        if is_event:
            return self._order_of_event(value)
        if not value.finished:
            return self._order_of_unfinished(value)
        return self._order_of_finished(value)

    def _order_of_unfinished(self, value: BuildOrJob) -> RunOrder:
        """Return the order of a state that was read, of a run that has not ended."""
        if self.state.finished:
            is_readable = value.pending or value.running or value.started_at is not None
            return RunOrder.LATER if is_readable else RunOrder.UNKNOWN
        if self.started_at is None:
            return RunOrder.EQUAL
        # fact 8: a restart sets started_at to null. What runs has one: it cannot be read.
        return RunOrder.LATER if value.pending or value.started_at is not None else RunOrder.UNKNOWN

    def _order_of_finished(self, value: BuildOrJob) -> RunOrder:
        """Return the order of a state that was read, of a run that has ended."""
        if value.started_at is not None:
            # From null to a first value is the same run, unless that had ended without a start.
            is_first = self.started_at is None and not self.state.finished
            return RunOrder.EQUAL if is_first else RunOrder.LATER
        if self.started_at is None:
            if not self.state.finished or (self.finished_at, self.state) == (value.finished_at, value.state):
                return RunOrder.EQUAL
            ends_known = self.finished_at is not None and value.finished_at is not None
            return RunOrder.LATER if ends_known or value.state != self.state else RunOrder.UNKNOWN
        # Only what was canceled, or could not be set up, ends without a start; else the date cannot be read.
        can_lack_start = value.state in {State.CANCELED, State.ERRORED}
        is_other = value.finished_at is not None or value.state != self.state
        return RunOrder.LATER if can_lack_start and is_other else RunOrder.UNKNOWN

    def _order_of_event(self, value: BuildOrJob) -> RunOrder:
        """Return the order of a state that an event told of: by when Travis published it."""
        updated_at = value.updated_at
        if not value.state.known or not _is_plausible(updated_at):
            return RunOrder.UNKNOWN
        if self.updated_at is not None and updated_at < self.updated_at:
            return RunOrder.EARLIER
        if self.started_at is None and not self.state.finished:
            return RunOrder.UNKNOWN if value.finished else RunOrder.EQUAL
        # fact 10.1: they are of other clocks than that of events, and can be absurd.
        times = [time for time in (self.started_at, self.finished_at, self.updated_at) if _is_plausible(time)]
        began_at = self.started_at if _is_plausible(self.started_at) else max(times, default=updated_at)
        is_newer = value.pending or (value.started_at is not None and value.started_at > began_at)
        return RunOrder.LATER if is_newer and updated_at > max(times, default=updated_at) else RunOrder.UNKNOWN


def _is_plausible(time: datetime | None) -> TypeGuard[datetime]:
    return time is not None and time >= FIRST_DATE
