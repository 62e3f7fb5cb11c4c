"""The restarts that a client has made, and what belongs to the new run that a call waits for. No I/O.

https://docs.travis-ci.com/api/#builds
"""

import copy
import math
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import anyio

from aiotravis.errors import BannedError, TravisError, UsageError
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._restart import Key, Restart, key_of, related_keys
from aiotravis.resources._run_order import Run, RunOrder

__all__ = ["DEFAULT_RESTART_PATIENCE", "Restarts", "RunFilter"]

DEFAULT_RESTART_PATIENCE: Final = 60.0
"""Seconds for which a new run is waited for after a restart."""

MAX_POLL_INTERVAL: Final = 2.0
"""Longest delay between reads while a new run is waited for, in seconds."""

UNREAD_PATIENCE: Final = 10.0
"""Seconds for which what could not be read at all is waited for, while something else was restarted."""

MAX_RESTART_AGE: Final = 3600.0
"""Seconds for which a restart is kept after its patience: for calls that began before, while the server failed."""

MAX_RESTARTS: Final = 1000
"""Most restarts that are remembered."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Restarts:
    """The restarts that a client has made.

    Args:
        patience: Seconds for which the new run of a restarted build or job is waited for.
        clock: Returns the time of the event loop, in seconds.
        utc_clock: Returns the present date.
    """

    def __init__(
        self,
        patience: float = DEFAULT_RESTART_PATIENCE,
        *,
        clock: Callable[[], float] = anyio.current_time,
        utc_clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.clock = clock
        self.patience = patience
        self._utc_clock = utc_clock
        self._restarts: dict[Key, Restart] = {}

    def __len__(self) -> int:
        return len(self._restarts)

    @property
    def poll_interval(self) -> float:
        """Seconds between reads while a new run is waited for."""
        return min(MAX_POLL_INTERVAL, self.patience / 10)

    def record(
        self,
        key: Key,
        date: str | None = None,
        build_id: int | None = None,
        *,
        old: BuildOrJob | None = None,
        is_certain: bool = True,
    ) -> None:
        """Remember a restart that was made just now.

        Args:
            key: What was restarted.
            date: The ``Date`` header of the response, or None.
            build_id: Id of the job's build, if a job was restarted and its build is known.
            old: The build or job, as it was known before.
            is_certain: Whether Travis has accepted it; else its response was lost.
        """
        now = self.clock()
        restart = Restart(key, is_certain, now, _parse_date(date), self._utc_clock(), self.patience)
        kept = (one for one in self._restarts.items() if one[1].expires_at + MAX_RESTART_AGE > now)
        self._restarts = dict(list(kept)[-MAX_RESTARTS:])
        for one in (key, ("jobs of build", build_id or 0)):
            self._restarts.pop(one, None)
            if one[1]:
                self._restarts[one] = restart
        if old is not None:
            self.record_old_run(old)

    def record_old_run(self, value: BuildOrJob) -> None:
        """Remember the run before a restart that was recorded last, and those of its jobs, as they were before."""
        restart = self._restarts[key_of(value)]
        jobs: tuple[BuildOrJob, ...] = getattr(value, "jobs", ())
        for one in (value, *jobs):
            # A run that had not begun when it was seen could not be told from the next one.
            if one.finished or one.started_at is not None:
                restart.old_runs[key_of(one)] = Run.of(one)

    def pending(self, since: float) -> bool:
        """Return whether a call that began at a time may have to wait for a new run."""
        return any(since < restart.expires_at for restart in self._restarts.values())

    def concerning(self, keys: Iterable[Key] | None, since: float) -> list[Restart]:
        """Return the restarts whose new run a call that began at a time waits for.

        Args:
            keys: The build or job, and what is restarted with it, see `related_keys`; None for all.
            since: When the call began, by the loop's clock, in seconds.
        """
        keys = self._restarts if keys is None else keys
        found = {id(one): one for key in keys if (one := self._restarts.get(key)) is not None}
        return [one for one in found.values() if since < one.expires_at]


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

    __slots__ = (
        "_after", "_is_past_after", "_is_unread", "_key", "_live", "_related", "_restarts", "_since", "awaits_restart",
        "awaits_run",
    )  # fmt: skip

    def __init__(self, restarts: Restarts, key: Key, after: object = None) -> None:
        if isinstance(after, BuildOrJob) and key_of(after) == key:
            self._after: Run | None = Run.of(after)
        elif after is None:
            self._after = None
        else:
            given = " ".join(map(str, key_of(after))) if isinstance(after, BuildOrJob) else type(after).__name__
            message = f"after must be a value of {key[0]} {key[1]}: the run to get past; not {given}."
            raise UsageError(message, argument="after")
        self._is_past_after = False
        self._is_unread = True
        self._restarts = restarts
        self._key = key
        self._related: Collection[Key] = ()
        self._since = math.inf
        self._live = False
        self.awaits_run: bool = False
        self.awaits_restart: bool = False

    def begin(self) -> None:
        """Begin the call: it is concerned by the restarts whose patience is not over. Again, this does nothing."""
        if self._since == math.inf:
            self._since = self._restarts.clock()
            self.awaits_run = self.needed

    @property
    def _keys(self) -> Iterable[Key]:
        return self._key, *self._related

    @property
    def needed(self) -> bool:
        """Whether anything may have to be kept out."""
        return self._after is not None or self._restarts.pending(self._since)

    @property
    def poll_interval(self) -> float | None:
        """Seconds between reads, or None if events are enough.

        While the new run of a restart is new, events of it may have been lost, until one of them arrives.
        """
        if self._after is None and not self._restarts:
            return None
        polls = self.awaits_restart or (not self._live and self._restarts.clock() < self._expires_at())
        return self._restarts.poll_interval if polls else None

    def accepts(self, value: BuildOrJob, *, is_event: bool = False) -> bool:
        """Return whether a state of the build or job is of the run that is waited for. If not, read it.

        Args:
            value: The build or job in that state.
            is_event: Whether an event told of it; else it was read.

        Raises:
            RestartDropped: It is of the run before a restart that has had no effect within the patience.
        """
        self._is_unread = False
        self.awaits_restart = False
        if self._restarts:
            if not is_event:
                # An event may lack the ids by which a value that was read is recognised.
                self._related = dict.fromkeys((*self._related, *related_keys(value)))
            now = self._restarts.clock()
            # Each restart has to see the value.
            restarts = self._restarts.concerning(self._keys, self._since)
            accepted = [one.accepts(value, now, is_event=is_event) for one in restarts]
            self.awaits_restart = not all(accepted)
        self.awaits_run = not self._is_past(value, is_event=is_event) or self.awaits_restart
        self._live = self._live or (is_event and not self.awaits_run)
        return not self.awaits_run

    def _is_past(self, value: BuildOrJob, *, is_event: bool) -> bool:
        """Return whether a state is of a run after the one to get past."""
        if self._after is None:
            return True
        order = self._after.order_of(value, is_event=is_event)
        if order is RunOrder.EQUAL:
            self._after = self._after.with_state(value)
        self._is_past_after = self._is_past_after or order is RunOrder.LATER
        return order is RunOrder.LATER or (order is RunOrder.UNKNOWN and self._is_past_after and not is_event)

    def tolerates(self, error: TravisError) -> bool:
        """Return whether to read on after an error of a read: for as long as a new run is waited for with patience."""
        if isinstance(error, BannedError | UsageError):
            return False
        return self._may_await_run and self._restarts.clock() < self._expires_at()

    def explained(self, error: TravisError) -> TravisError:
        """Return an error of a read that ends the call, with a restart that was sent before in its message."""
        restarts = self._restarts.concerning(self._keys, self._since)
        if not restarts or not self._may_await_run:
            return error
        explained = copy.copy(error)
        sent = restarts[-1]
        done = "was accepted" if sent.is_certain else "may have been carried out"
        explained.args = (f"{error} {sent.shown} {done} before: check before you repeat it.",)
        explained.__cause__ = error.__cause__
        return explained

    @property
    def _may_await_run(self) -> bool:
        return self.awaits_run or self._is_unread

    def _expires_at(self) -> float:
        """Return until when to be patient, by the loop's clock, in seconds."""
        ends = [one.expires_at for one in self._restarts.concerning(self._keys, self._since)]
        if self._after is not None:
            ends.append(self._since + self._restarts.patience)
        if self._is_unread and not ends:
            # Any restart may concern it.
            others = self._restarts.concerning(None, self._since)
            ends += [min(one.expires_at, self._since + UNREAD_PATIENCE) for one in others]
        return max(ends, default=-math.inf)
