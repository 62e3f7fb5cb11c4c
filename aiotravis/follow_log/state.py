"""What is known of a log that is followed, what of it may be given, and when to look again. No I/O.

https://docs.travis-ci.com/api/#logs
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from aiotravis._async.retry import backoff, exponential
from aiotravis.events import Event, JobCreated, JobEvent, JobLog, Mark
from aiotravis.follow_log.assembler import LogAssembler
from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.follow_log.sources import Snapshot
from aiotravis.resources.jobs import Job
from aiotravis.resources.logs import LAST, LogPart

__all__ = ["LogReset", "LogState"]

PATIENCE: Final = 2.0
"""Seconds that a missing part, or the rest after the end, may still come live before it is asked for."""

QUIET: Final = 30.0
"""Seconds of silence after which to look all the same: Travis stops pushing a log after six hours. Doubles in vain."""

LONGEST_QUIET: Final = 300.0

LONGEST_POLL: Final = 10.0
"""Seconds between two looks where there is no live channel; `PATIENCE` at first, longer while nothing changes."""

UNDER_WAY: Final = 5.0
"""Seconds that a live part may be under way: for so long after a restart, some may be of the run before."""

READ_PER_SECOND: Final = 1 << 20
"""Characters of a log without numbers, which has to be read whole each time, that are worth a second's pause."""


class LogReset(LogPart, frozen=True, kw_only=True):
    """What was given is void, and the log follows anew, from its start: the job was restarted, or its log replaced."""

    number: int | str = -1
    content: str | None = ""


class LogState:
    """What is known of one log, and what of it is ready to be given.

    Times are those of the event loop's clock, in seconds.

    Args:
        job: Id of the job.

    Attributes:
        ready: Parts to give, in order.
        over: Whether the job had ended when it was last heard of.
        started_at: When its present run began; None: not yet, or not known.
        doubtful: Whether nothing is known yet of the present run: the log is to be read before parts are taken.
        unsure: Whether numbers alone do not tell that what was given is the stored log.
        heard: Whether any part of this run came live.
        snapshots: How often this run's log was read.
        listed: Highest number of a part that the server listed when it was last read; -1: none.
        finished: Whether nothing more follows what is ready.
        gap: Numbers of the parts that could not be had, once it is finished.
    """

    def __init__(self, job: int) -> None:
        self._job = job
        self.ready: deque[LogPart] = deque()
        self.over: bool = False
        self.started_at: datetime | None = None
        self.doubtful: bool = False
        self.unsure: bool = False
        self.finished: bool = False
        self.gap: tuple[int, ...] = ()
        self._opened_at = 0.0
        self._stale = False
        self._due: float | None = None
        self._vain = 0
        self._begin()

    def _begin(self) -> None:
        self._assembler = LogAssembler()
        self._given = LogPrefix()
        self._bodies = 0
        self.listed: int = -1
        self.snapshots: int = 0
        self.heard: bool = False

    @property
    def length(self) -> int:
        """Characters given of this run."""
        return self._given.length

    @property
    def last(self) -> int:
        """Number of the last part given of this run; -1 before the first."""
        return self._assembler.given

    @property
    def reached(self) -> tuple[int, int]:
        """How far it has come: characters and number of the last part given."""
        return self._given.length, self._assembler.given

    @property
    def complete(self) -> bool:
        """Whether the final part and all before it were given."""
        return self._assembler.complete

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of parts known to exist and not seen."""
        return self._assembler.missing

    # When to look -----------------------------------------------------------------------------------------------------

    def opened(self, now: float) -> None:
        """Take note that it is listened to, and was read, from now on."""
        self._opened_at = now

    def is_due(self, now: float) -> bool:
        """Whether it is time to look, whatever still comes live."""
        return self._due is not None and now >= self._due

    def pause(self, now: float, *, live: bool) -> float:
        """Give the seconds until the next look, unless something is heard before.

        Args:
            now: The time.
            live: Whether there is a live channel to hear it on.
        """
        urgent = self.over or self._stale or self._assembler.waits
        if not live or (urgent and self._bodies):
            return exponential(PATIENCE, LONGEST_POLL, self._vain) + self._given.length / READ_PER_SECOND
        if not urgent:
            self._due = None
            return exponential(QUIET, LONGEST_QUIET, self._vain)
        if self._due is None:
            # From now on, not from the last event on: parts that keep coming must not put it off for ever.
            self._due = now + PATIENCE
        return max(0.0, self._due - now)

    def delays(self) -> Iterator[float]:
        """Give the seconds to wait after one failed look after the other."""
        return backoff(PATIENCE, LONGEST_POLL)

    # What is heard ----------------------------------------------------------------------------------------------------

    def take(self, event: Event, now: float) -> None:
        """Take an event."""
        if isinstance(event, JobLog):
            if event.job_id != self._job:
                return
            if self._bodies or self.doubtful:
                # A text without numbers, or a run of which nothing is known yet: what came is only a reason to look.
                self._stale = True
                return
            self.heard = True
            if not self.unsure:
                self.unsure = now - self._opened_at < UNDER_WAY or not isinstance(event.number, int)
            part = LogPart(number=event.number, content=event.content, final=event.final)
            if self._assembler.follows(part):
                self._given.add(event.content)
                self.ready.append(part)
                return
            self.add([part])
            if self._assembler.torn:
                self._reset(now)
            if self._assembler.waits and self._due is None:
                self._due = now + PATIENCE
        elif isinstance(event, Mark):
            self._stale = self.unsure = True
        elif isinstance(event, JobEvent) and event.job.id == self._job:
            self._take_state(event, now)

    def _take_state(self, event: JobEvent, now: float) -> None:
        if isinstance(event, JobCreated):
            before = event.updated_at is not None and self.started_at and event.updated_at <= self.started_at
            if not event.late and not before:
                self._reset(now)
            # What is known of this run may have come before its creation was heard of, with parts of another.
            self.unsure = True
        elif not event.complete:
            self._stale = True
        elif not event.late:
            self.over = event.job.finished
            self.started_at = event.job.started_at or self.started_at

    def _reset(self, now: float) -> None:
        """Begin anew: what was given is void."""
        if self._given.length or self._assembler.given >= 0:
            self.ready.append(LogReset())
        self._begin()
        self.unsure = True
        self.over, self.started_at = False, None
        # Parts of the old run may still be under way: the new one begins with a look.
        self.doubtful = self._stale = True
        self._due = now

    # What is read -----------------------------------------------------------------------------------------------------

    def take_job(self, job: Job, now: float) -> bool:
        """Take note of how the job is; a run that began at another time is another one, and the log begins anew.

        Returns:
            Whether it is another run.
        """
        other = self.started_at is not None and job.started_at != self.started_at
        if other:
            self._reset(now)
        self.started_at = job.started_at
        self.over = job.finished
        return other

    def looked(self, snapshot: Snapshot, *, pending: bool, before: tuple[int, int]) -> bool:
        """Take what a look has found.

        Args:
            snapshot: What was read.
            pending: Whether the job has not begun to run.
            before: What `reached` was before the look.

        Returns:
            Whether it has come any further.
        """
        self._stale, self._due = False, None
        self.doubtful = self.doubtful and pending
        self.merge(snapshot)
        moved = before != self.reached
        self._vain = 0 if moved else self._vain + 1
        return moved

    def merge(self, snapshot: Snapshot) -> None:
        """Take from a log that was read what was not given yet."""
        self.snapshots += 1
        # Parts of a run whose beginning is not known could be of any.
        self.unsure = self.unsure or (bool(snapshot.parts) and self.started_at is None)
        if snapshot.parts is None:
            self.merge_body(snapshot.body)
            return
        self._bodies = 0
        if snapshot.whole and self._assembler.given < 0:
            # It stands for all parts: those that came live are in it.
            self._assembler = LogAssembler()
        # The notice at the very end says nothing of what is in front of it.
        numbers = (part.number for part in snapshot.parts if isinstance(part.number, int) and part.number != LAST)
        self.listed = max(numbers, default=-1)
        self.add(snapshot.parts)

    def merge_body(self, body: str | None) -> None:
        """Take from the whole text what was not given yet; one that begins otherwise is another log."""
        self._bodies += 1
        if not body:
            return
        if not self._given.begins(body):
            if not self.over:
                return
            self.void()
            self._bodies = 1
        if self.over or len(body) > self._given.length:
            # What is held out of order is in it, or belongs to another run.
            self._assembler = LogAssembler()
        if len(body) > self._given.length:
            self._give([LogPart(number=self._bodies - 1, content=body[self._given.length :])])

    def is_fresh(self, part: LogPart) -> bool:
        """Whether a part is behind all that was given."""
        return isinstance(part.number, int) and part.number > self._assembler.given

    def add(self, parts: Iterable[LogPart]) -> None:
        """Take parts, and make ready what is now in order."""
        self._give(self._assembler.add(parts))

    def void(self) -> None:
        """Take back what was given: it is of another run, or of a log that was replaced."""
        self.ready.append(LogReset())
        self._begin()

    def reopen(self) -> None:
        """Take back that the final part was seen."""
        self._assembler.reopen()

    def finish(self) -> None:
        """End: what is behind a hole is given all the same, then the hole is told."""
        self.gap = self._assembler.missing
        self._give(self._assembler.rest())
        self.finished = True

    def _give(self, parts: Iterable[LogPart]) -> None:
        for part in parts:
            self._given.add(part.content or "")
            self.ready.append(part)
