"""State of a followed log: what is known of it, what is ready for delivery, and when to poll again. No I/O.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import aiotravis.follow_log.poll_schedule as poll_schedule
from aiotravis._async.retry import backoff
from aiotravis.events import Event, JobCreated, JobEvent, JobLog, Mark
from aiotravis.follow_log.assembler import LogAssembler
from aiotravis.follow_log.delivery import LogDelivery, LogReset
from aiotravis.follow_log.log_timeout import LogTimeout
from aiotravis.follow_log.poll_schedule import PollSchedule
from aiotravis.follow_log.sources import Snapshot, begins_at_one
from aiotravis.resources._log_answers import has_run
from aiotravis.resources.jobs import Job
from aiotravis.resources.logs import LAST, LogPart

__all__ = ["LogState"]

MAX_LIVE_DELAY: Final = 5.0
"""Seconds that a live part may take to arrive. For so long after a restart, parts may belong to the run before."""


class LogState(LogDelivery):
    """State of one followed log. Times are those of the event loop's clock, in seconds.

    Args:
        job: Id of the job.
        timeout: How long to wait for the log of a job that has ended.

    Attributes:
        timeout: As given.
        has_run: Whether the job has begun to run, as far as is known: only then it has a log.
        started_at: When the present run of the job began; None if it has not, or if that is unknown.
        opened: Whether the log was read once.
        run_unknown: Whether the present run is unknown: poll before taking parts.
        received_live: Whether any part of this run came over the live channel.
        empty_reads: How often in a row the server had nothing of it.
        reads: How often the log of this run was read.
        highest_listed: Highest number of a part that the server listed in the last read; -1 for none.
    """

    def __init__(self, job: int, timeout: LogTimeout | None = None) -> None:
        super().__init__()
        self._job = job
        self.timeout: LogTimeout = timeout or LogTimeout()
        self.started_at: datetime | None = None
        self.run_unknown: bool = False
        self.has_run: bool = False
        self.opened: bool = False
        self._certain_from = 0.0
        self._restarted = False
        self._updated_at: datetime | None = None
        self._created = False
        self._schedule = PollSchedule(self.timeout)

    def _start_run(self) -> None:
        super()._start_run()
        self.highest_listed: int = -1
        self.reads: int = 0
        self.received_live: bool = False
        self.empty_reads: int = 0
        self._end_deferred = False

    @property
    def complete(self) -> bool:
        """Whether the final part and all before it were delivered, and it is time to verify that."""
        return self._assembler.complete and not self._end_deferred

    # When to poll -----------------------------------------------------------------------------------------------------

    def set_opened(self, now: float) -> None:
        """Remember when the log was first read."""
        if self.timeout.is_recent(self.started_at):
            self._certain_from = now + MAX_LIVE_DELAY
        self.opened = True
        self._schedule.heard_at = now

    def is_poll_due(self, now: float) -> bool:
        """Whether it is time to poll, even if events still arrive."""
        return self._schedule.is_due(now)

    @property
    def _urgent(self) -> bool:
        return self.job_ended or self._schedule.wanted or self._assembler.has_gap

    def needs_log(self, now: float, *, live: bool) -> bool:
        """Whether a poll reads the log, and not only the state of the job.

        Args:
            now: The time.
            live: Whether there is a live channel.
        """
        return not live or self._urgent or self.run_unknown or self._schedule.is_log_due(now)

    def poll_delay(self, now: float, *, live: bool, idle: float = poll_schedule.IDLE_POLL_DELAY) -> float:
        """Return the seconds until the next poll if no event arrives.

        Args:
            now: The time.
            live: Whether there is a live channel.
            idle: Seconds until the job is read while nothing arrives.
        """
        if live and not self._urgent:
            self._schedule.clear()
            return idle
        as_text = not live or self._texts_read > 0
        # The log of a job that has ended does not grow, and is not read much more often.
        length = 0 if self.job_ended else self.delivered.length
        return self._schedule.delay(now, as_text=as_text, length=length)

    def retry_delays(self) -> Iterator[float]:
        """Yield the seconds to wait after each failed request."""
        return backoff(poll_schedule.POLL_DELAY, poll_schedule.MAX_POLL_DELAY)

    # Events -----------------------------------------------------------------------------------------------------------

    def handle_event(self, event: Event, now: float) -> None:
        """Apply an event of the live channel."""
        if isinstance(event, JobLog):
            if event.job_id != self._job:
                return
            if self._texts_read or self.run_unknown:
                # The part cannot be placed: the text has no numbers, or the part may belong to another run.
                self._schedule.wanted = True
                return
            self.received_live = self.has_run = True
            self._schedule.heard_at = now
            if now < self._certain_from or self.started_at is None:
                # fact 7.9: parts of the run before may still arrive, or the start of this one was not noticed yet.
                self.needs_comparison = True
                self.waits_for_comparison = self.waits_for_comparison or self._restarted
            part = LogPart(number=event.number, content=event.content, final=event.final)
            if self._assembler.accept_next(part):
                self.delivered.add(event.content)
                self.ready.append(part)
                return
            had_gap = self._assembler.has_gap
            # fact 9.34: an old server stores the parts whole that it sends in pieces.
            self.needs_comparison = self.needs_comparison or not isinstance(part.number, int)
            self.add_parts([part])
            if self._assembler.late_piece:
                self._deliver_late(part, now)
            if self._assembler.has_gap:
                self._schedule.add_gap(now, self._assembler.held, is_new=not had_gap)
        elif isinstance(event, Mark):
            self._schedule.wanted = True
            self._suspect_restart()
        elif isinstance(event, JobEvent) and event.job.id == self._job:
            self._handle_job_event(event, now)

    def begin_run(self, now: float) -> None:
        """Begin with a poll: what came over the live channel so far may belong to the run before."""
        self._restart(now)

    def _handle_job_event(self, event: JobEvent, now: float) -> None:
        held, updated_at = self._updated_at, event.updated_at
        if updated_at is not None:
            self._updated_at = max(held or updated_at, updated_at)
        if isinstance(event, JobCreated):
            # fact 7.9: a restart and a requeue are announced as "created"; events are repeated, and come late.
            known = [time for time in (held, self.started_at) if time is not None]
            if event.late or (updated_at is not None and any(updated_at <= time for time in known)):
                return
            if (updated_at is not None and known) or not (self.delivered.length or self._assembler.held):
                self._restart(now)
            else:
                # What was delivered is not taken back on a suspicion: the state of the job shows whether it restarted.
                self._created = True
                self._suspect_restart()
                self._schedule.request(now)
        elif not event.complete:
            self._schedule.wanted = True
        elif not event.late:
            if self.started_at not in {None, event.job.started_at}:
                # Perhaps another run, whose "created" has not arrived: the state of the job shows that.
                self._schedule.request(now)
                return
            if event.job.finished and not self.job_ended:
                self._schedule.speed_up()
            self._apply_job(event.job, now)
            self.started_at = event.job.started_at

    def _apply_job(self, job: Job, now: float) -> None:
        if job.finished and not self.job_ended:
            self._end_deferred = False
        self.job_ended = job.finished
        self.has_run = self.has_run or has_run(job)
        self.timeout.update(job, now)

    def _suspect_restart(self) -> None:
        """Wait for the stored log if nothing else will show which run the parts so far belong to."""
        if self.started_at is None and self.received_live:
            self.waits_for_comparison: bool = True

    def update_end(self, now: float) -> None:
        """Treat the job as ended: its log is stored with a final part."""
        self.job_ended = True
        if self.timeout.ends_at is None:
            self.timeout.end(now)

    def _deliver_late(self, part: LogPart, now: float) -> None:
        """Deliver the log again, with a part that was taken for one that does not exist, or a piece of one."""
        if part.number != 0:
            self._restart(now)
            return
        self.discard()
        self.add_parts([part])
        self._schedule.request(now)

    def _restart(self, now: float) -> None:
        if self.delivered.length or self.last_number >= 0:
            self.ready.append(LogReset())
        self._start_run()
        self.needs_comparison = True
        self._restarted = True
        self._certain_from = now + MAX_LIVE_DELAY
        self.timeout.restart()
        self.job_ended: bool = False
        self.has_run = False
        self.started_at = None
        # Parts of the old run may still arrive: the new one begins with a poll.
        self.run_unknown = True
        self._schedule.request(now)

    # Polls ------------------------------------------------------------------------------------------------------------

    def update_job(self, job: Job, now: float) -> bool:
        """Apply the state of the job. If its run began at another time, the log restarts.

        Returns:
            Whether it is another run.
        """
        is_other = self.started_at is not None and job.started_at != self.started_at
        is_other = is_other or (self._created and job.pending)
        self._created = False
        if is_other:
            self._restart(now)
        self.started_at = job.started_at
        # fact 10.1: a restart takes a while; what is read of the log meanwhile belongs to neither run for certain.
        self._schedule.wanted = self._schedule.wanted or (self.job_ended and not job.finished)
        self._apply_job(job, now)
        return is_other

    def apply_poll(
        self, snapshot: Snapshot, *, pending: bool, before: tuple[int, int], now: float | None = None
    ) -> bool:
        """Apply what a poll has read.

        Args:
            snapshot: What was read.
            pending: Whether the job has not begun to run.
            before: The `position` before the poll.
            now: The time.

        Returns:
            Whether there is anything new.
        """
        self._end_deferred = False
        self.run_unknown = self.run_unknown and pending
        self.merge(snapshot)
        advanced = before != self.position
        self._schedule.add_poll(now, advanced=advanced, ended=self.job_ended)
        self.empty_reads = self.empty_reads + 1 if self.is_empty(snapshot) else 0
        return advanced

    def is_empty(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot shows nothing of the log: it is not there (yet)."""
        return snapshot.empty and (snapshot.parts is None or self.last_number < 0)

    def merge(self, snapshot: Snapshot) -> None:
        """Deliver what is new in a log that was read."""
        self.reads += 1
        # Parts of an unknown run may belong to any.
        self.needs_comparison: bool = self.needs_comparison or (bool(snapshot.parts) and self.started_at is None)
        if snapshot.parts is None or self.is_text:
            self.merge_whole(snapshot)
            return
        self._texts_read = 0
        self.covered = False
        if snapshot.whole and self.last_number < 0 and not self._assembler.held:
            # It contains all parts; what is known of a final one may belong to another run.
            self._assembler = LogAssembler()
        # fact 7.9: the server's notice says nothing of the parts before it.
        numbers = (part.number for part in snapshot.parts if isinstance(part.number, int) and part.number != LAST)
        self.highest_listed = max(numbers, default=-1)
        is_first = self.last_number < 0 and begins_at_one(snapshot.parts)
        self.add_parts(snapshot.parts)
        if self._assembler.late_piece and any(part.number == 0 for part in snapshot.parts):
            # Numbering begins at 0 after all.
            self.discard()
            self.add_parts(snapshot.parts)
        if is_first:
            self._deliver(self._assembler.begin_at_one())

    def defer_end(self) -> None:
        """Verify the end of the log again after the next poll, or once the job has ended."""
        self._end_deferred = True
