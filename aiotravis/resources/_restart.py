"""One restart: which states of a build or job belong to the run that it began. No I/O.

fact 10.1: a restart is queued. For seconds after its response, Travis serves the state, the times and the log of the
run before, and now and then it drops the restart. https://docs.travis-ci.com/api/#builds
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aiotravis.errors import RestartDropped
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._run_order import Run, RunOrder

__all__ = ["Key", "Restart", "key_of", "related_keys"]

Key = tuple[str, int]
"""``build`` or ``job``, and an id. Numbers do not identify a build: several can share one (fact 10.1)."""

MAX_CLOCK_SKEW: Final = timedelta(seconds=60)
"""By how much the clocks of Travis's machines may differ: of workers, which start and end jobs, and of the API."""

CLOCK_TOLERANCE: Final = timedelta(seconds=5)
"""By how much a run may seem to begin in the future, and still count as one that began after a restart."""


def key_of(value: BuildOrJob) -> Key:
    """Return what identifies a build or a job."""
    # Interned: thousands of keys may be kept.
    return sys.intern(type(value).__name__.lower()), value.id


def related_keys(value: BuildOrJob) -> Iterator[Key]:
    """Yield the keys whose restart concerns a build or job."""
    # fact 8: restarting a build restarts its jobs, restarting one job sets its build back, too.
    yield key_of(value)
    build_id: int | None = getattr(value, "build_id", None)
    if build_id is not None:
        yield "build", build_id
    job_ids: tuple[int, ...] = getattr(value, "job_ids", ())
    for job_id in job_ids:
        yield "job", job_id
    yield "jobs of build", value.id


@dataclass(slots=True, eq=False)
class Restart:
    """A restart that Travis has accepted, or may have accepted.

    Attributes:
        key: The build or job that was restarted.
        is_certain: Whether Travis has accepted it; else its response was lost.
        made_at: When it was made, by the loop's clock, in seconds.
        by_server: The same by the server's clock, in whole seconds, or None.
        by_client: The same by the client's clock.
        patience: Seconds for which the new run is waited for.
        old_runs: The runs before it, as far as they were seen.
        doubtful: The builds and jobs of which it is uncertain whether that run was before it.
        seen: The builds and jobs whose new run has been seen.
    """

    key: Key
    is_certain: bool
    made_at: float
    by_server: datetime | None
    by_client: datetime
    patience: float
    old_runs: dict[Key, Run] = field(default_factory=dict[Key, Run])
    doubtful: set[Key] = field(default_factory=set[Key])
    seen: set[Key] = field(default_factory=set[Key])

    @property
    def expires_at(self) -> float:
        """End of the patience, by the loop's clock."""
        return self.made_at + self.patience

    def accepts(self, value: BuildOrJob, now: float, *, is_event: bool = False) -> bool:
        """Return whether a build or job that it concerns is on a new run.

        Args:
            value: The build or job.
            now: The time of the loop's clock.
            is_event: Whether an event told of it; else it was read.

        Raises:
            RestartDropped: It is not, and the patience is over.
        """
        key = key_of(value)
        is_new = self._is_new(key, value, now, is_event=is_event)
        if not is_new and not is_event and now >= self.expires_at:
            if value.finished and not self.seen and self.is_certain and key not in self.doubtful:
                raise self._dropped_error()
            # A build that runs on without the job whose restart was dropped, or a run that cannot be told from the old.
            self.doubtful.add(key)
            return True
        if is_new:
            self.seen.add(key)
        return is_new

    def _is_new(self, key: Key, value: BuildOrJob, now: float, *, is_event: bool) -> bool:
        """Return whether a state is of a new run, and remember what it tells of the old one."""
        old = self.old_runs.get(key)
        if old is not None:
            order = old.order_of(value, is_event=is_event)
            if order is RunOrder.EQUAL:
                self.old_runs[key] = old.with_state(value)
            if order is not RunOrder.LATER:
                return order is RunOrder.UNKNOWN and key in self.seen and not is_event
            if is_event or key in self.seen or not self._was_long_over(value):
                return True
            # The run that was known was not the last one before the restart.
            is_new: bool | None = False
        elif key in self.seen or is_event:
            return key in self.seen
        elif (key == self.key and not value.finished) or (value.started_at is None and not value.finished):
            # Only what has ended can be restarted (fact 8).
            is_new = True
        else:
            is_new = self._began_since(value, now)
        if not is_new:
            self.old_runs[key] = Run.of(value)
        if is_new is None:
            self.doubtful.add(key)
        return bool(is_new)

    def _was_long_over(self, value: BuildOrJob) -> bool:
        """Return whether a run was over before the restart for certain: by both clocks."""
        began_at, limit = value.started_at or value.finished_at, MAX_CLOCK_SKEW
        if not value.finished or began_at is None or self.by_server is None:
            return False
        return began_at < self.by_server - limit and began_at < self.by_client - limit

    def _began_since(self, value: BuildOrJob, now: float) -> bool | None:
        """Return whether a run began after the restart, by the clocks; None if they do not tell."""
        began_at = value.started_at or value.finished_at
        if began_at is None:
            return None
        # Times have whole seconds. A run that ended in that of the restart was before it, unless it has had effect.
        is_plausible = bool(self.seen) or not value.finished
        limit = timedelta(seconds=now - self.made_at) + CLOCK_TOLERANCE

        def since(requested_at: datetime | None) -> bool | None:
            # A run that began later than now is one of another clock, or its date is absurd (fact 10.1).
            if requested_at is None or began_at - requested_at > limit:
                return None
            return began_at > requested_at or (began_at == requested_at and is_plausible)

        # The client's clock counts where the server's tells nothing, or agrees.
        by_server, by_client = since(self.by_server), since(self.by_client.replace(microsecond=0))
        if by_server is None:
            return True if by_client is None and not value.finished else by_client
        return None if by_client and not by_server else by_server

    def _dropped_error(self) -> RestartDropped:
        kind, number = self.key
        return RestartDropped(
            f"{self.shown} was accepted, but {kind} {number} has not begun a new run within "
            f"{self.patience:g} s: Travis dropped the restart. Restart it again.",
            build_id=number if kind == "build" else None,
            job_id=number if kind == "job" else None,
        )

    @property
    def shown(self) -> str:
        """Method and path of its request, for messages."""
        return f"POST /{self.key[0]}s/{self.key[1]}/restart"
