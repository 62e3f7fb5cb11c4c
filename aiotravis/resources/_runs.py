"""Runs of builds and jobs: what tells a new run from the one before, and the restarts that a client has made. No I/O.

fact 10.1: a restart is queued. For seconds after its response, Travis serves the state, the times and the log of the
run before, and now and then it drops the restart. https://docs.travis-ci.com/api/#builds
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import anyio

from aiotravis._validation import display
from aiotravis.errors import RestartDropped, UsageError
from aiotravis.resources._build_or_job import BuildOrJob

__all__ = ["DEFAULT_RESTART_PATIENCE", "Key", "Restarts", "Run", "RunFilter", "key_of"]

Key = tuple[str, int]
"""``build`` or ``job``, and an id. Numbers do not identify a build: several can share one (fact 10.1)."""

DEFAULT_RESTART_PATIENCE: Final = 60.0
"""Seconds for which a new run is waited for after a restart."""

MAX_POLL_INTERVAL: Final = 2.0
"""Longest delay between reads while a new run is waited for, in seconds."""

MAX_RESTART_AGE: Final = 3600.0
"""Seconds for which a restart is kept after its patience: for calls that began before, while the server failed."""

MAX_RESTARTS: Final = 1000
"""Most restarts that are remembered."""


def key_of(value: BuildOrJob) -> Key:
    """Return what identifies a build or a job."""
    return type(value).__name__.lower(), value.id


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a build or job, as it was last seen.

    Attributes:
        finished: Whether it had ended.
        started_at: When it began, or None.
        finished_at: When it ended, or None.
        seen_at: Latest time that is known of it, or None.
    """

    finished: bool
    started_at: datetime | None
    finished_at: datetime | None
    seen_at: datetime | None

    @classmethod
    def of(cls, value: BuildOrJob) -> "Run":
        """Return the run that a build or job is on."""
        times = [time for time in (value.updated_at, value.started_at, value.finished_at) if time is not None]
        return cls(value.finished, value.started_at, value.finished_at, max(times, default=None))

    def is_before(self, value: BuildOrJob) -> bool:
        """Return whether a build or job has begun another run since this one was seen."""
        if value.updated_at is not None and self.seen_at is not None and value.updated_at < self.seen_at:
            # fact 7.9: events come late, and more than once.
            return False
        if self.finished and not value.finished:
            return True
        if self.finished_at is not None and self.finished_at == value.finished_at:
            return False
        if self.started_at is not None:
            return value.started_at != self.started_at
        # The first start of a run that had not started. If it had ended without one, this is another.
        ends_known = self.finished_at is not None and value.finished_at is not None
        return self.finished and (value.started_at is not None or ends_known)


@dataclass(slots=True, eq=False)
class _Restart:
    """A restart that Travis has accepted.

    Attributes:
        key: The build or job that was restarted.
        requested_at: The server's time, in whole seconds, or None.
        patience: Seconds for which the new run is waited for.
        expires_at: End of that time, by the loop's clock.
        old_runs: The runs before it, as far as they were seen.
        seen: The builds and jobs whose new run has been seen.
    """

    key: Key
    requested_at: datetime | None
    patience: float
    expires_at: float
    old_runs: dict[Key, Run] = field(default_factory=dict[Key, Run])
    seen: set[Key] = field(default_factory=set[Key])

    def accepts(self, value: BuildOrJob, now: float) -> bool:
        """Return whether a build or job that it concerns is on a new run.

        Raises:
            RestartDropped: It is not, and the patience is over.
        """
        if value.updated_at is not None and self.requested_at is not None and value.updated_at < self.requested_at:
            return False
        key = key_of(value)
        if key in self.seen:
            return True
        old = self.old_runs.get(key)
        if old is not None:
            is_new = old.is_before(value)
        elif key == self.key and not value.finished:
            # Only what has ended can be restarted (fact 8).
            is_new = True
        else:
            is_new = self._began_since(value)
        if not is_new and now >= self.expires_at:
            if value.finished and not self.seen:
                raise self._dropped_error()
            # A build that runs on without the job whose restart was dropped, or runs too short to tell them apart.
            is_new = True
        if is_new:
            self.seen.add(key)
        else:
            self.old_runs[key] = Run.of(value)
        return is_new

    def _began_since(self, value: BuildOrJob) -> bool:
        """Return whether a run began after the restart, by the clocks."""
        if value.started_at is None and not value.finished:
            return True
        began_at = value.started_at or value.finished_at
        if self.requested_at is None or began_at is None:
            return False
        # Times have whole seconds. A run that ended in that of the restart was before it, unless it has had effect.
        is_plausible = bool(self.seen) or not value.finished
        return began_at > self.requested_at or (began_at == self.requested_at and is_plausible)

    def _dropped_error(self) -> RestartDropped:
        kind, number = self.key
        return RestartDropped(
            f"POST /{kind}s/{number}/restart was accepted, but {kind} {number} has not begun a new run within "
            f"{self.patience:g} s: Travis dropped the restart. Restart it again.",
            build_id=number if kind == "build" else None,
            job_id=number if kind == "job" else None,
        )


class Restarts:
    """The restarts that a client has made.

    Args:
        patience: Seconds for which the new run of a restarted build or job is waited for.
        clock: Returns the time of the event loop, in seconds.
    """

    def __init__(
        self, patience: float = DEFAULT_RESTART_PATIENCE, *, clock: Callable[[], float] = anyio.current_time
    ) -> None:
        self.clock = clock
        self.patience = patience
        self._restarts: dict[Key, _Restart] = {}

    @property
    def poll_interval(self) -> float:
        """Seconds between reads while a new run is waited for."""
        return min(MAX_POLL_INTERVAL, self.patience / 10)

    def record(self, key: Key, date: str | None, build_id: int | None = None) -> None:
        """Remember a restart that Travis has accepted just now.

        Args:
            key: What was restarted.
            date: The ``Date`` header of the response, or None.
            build_id: Id of the job's build, if a job was restarted and its build is known.
        """
        now = self.clock()
        restart = _Restart(key, _parse_date(date), self.patience, now + self.patience)
        kept = (one for one in self._restarts.items() if one[1].expires_at + MAX_RESTART_AGE > now)
        self._restarts = dict(list(kept)[-MAX_RESTARTS:])
        for one in (key, ("jobs of build", build_id or 0)):
            self._restarts.pop(one, None)
            if one[1]:
                self._restarts[one] = restart

    def record_old_run(self, value: BuildOrJob) -> None:
        """Remember the run before a restart that was recorded last, as it was read just before."""
        key = key_of(value)
        self._restarts[key].old_runs[key] = Run.of(value)

    def pending(self, since: float) -> bool:
        """Return whether a call that began at a time may have to wait for a new run."""
        return any(since < restart.expires_at for restart in self._restarts.values())

    def concerning(self, value: BuildOrJob, since: float) -> Iterator[_Restart]:
        """Yield the restarts of a build or job whose new run a call that began at a time waits for."""
        if self._restarts:
            for key in _related(value):
                restart = self._restarts.get(key)
                if restart is not None and since < restart.expires_at:
                    yield restart


def _related(value: BuildOrJob) -> Iterator[Key]:
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


def _parse_date(date: str | None) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


class RunFilter:
    """Keeps what belongs to an old run from one call that waits for a build or job.

    Args:
        restarts: The client's own restarts.
        key: What is waited for.
        after: The run to get past, for restarts that were made elsewhere.

    Attributes:
        awaits_run: Whether a new run is waited for: the state that was offered last was not accepted.
        awaits_restart: Whether that was for a restart of the client's own.

    Raises:
        UsageError: `after` is not a value of the same build or job.
    """

    __slots__ = ("_after", "_restarts", "_since", "awaits_restart", "awaits_run")

    def __init__(self, restarts: Restarts, key: Key, after: object = None) -> None:
        if isinstance(after, BuildOrJob) and key_of(after) == key:
            self._after: Run | None = Run.of(after)
        elif after is None:
            self._after = None
        else:
            message = f"after must be a value of {key[0]} {key[1]}: the run to get past; not {display(after)}."
            raise UsageError(message, argument="after")
        self._restarts = restarts
        self._since = math.inf
        self.awaits_run: bool = False
        self.awaits_restart: bool = False

    def begin(self) -> None:
        """Begin the call: it is concerned by the restarts whose patience is not over. Again, this does nothing."""
        if self._since == math.inf:
            self._since = self._restarts.clock()
            self.awaits_run = self.needed

    @property
    def needed(self) -> bool:
        """Whether anything may have to be kept out."""
        return self._after is not None or self._restarts.pending(self._since)

    @property
    def poll_interval(self) -> float | None:
        """Seconds between reads while a new run is waited for, or None if it is not for a restart of the client."""
        return self._restarts.poll_interval if self.awaits_restart else None

    def accepts(self, value: BuildOrJob) -> bool:
        """Return whether a state of the build or job is of the run that is waited for.

        Raises:
            RestartDropped: It is of the run before a restart that has had no effect within the patience.
        """
        now = self._restarts.clock()
        # Each restart has to see the value.
        pending = [one for one in self._restarts.concerning(value, self._since) if not one.accepts(value, now)]
        self.awaits_restart = bool(pending)
        self.awaits_run = self.awaits_restart or not self._is_past(value)
        return not self.awaits_run

    def _is_past(self, value: BuildOrJob) -> bool:
        if self._after is not None:
            self._after = None if self._after.is_before(value) else Run.of(value)
        return self._after is None
