"""State of a followed log: what is known of it, what is ready for delivery, and when to poll again. No I/O.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import aiotravis.follow_log.poll_schedule as poll_schedule
from aiotravis.events import Event, JobCreated, JobEvent, JobLog, Mark
from aiotravis.follow_log.assembler import of_last_run
from aiotravis.follow_log.delivery import LogDelivery
from aiotravis.follow_log.log_timeout import LogTimeout
from aiotravis.follow_log.poll_schedule import PollSchedule
from aiotravis.follow_log.sources import Snapshot
from aiotravis.resources._log_answers import has_run
from aiotravis.resources.jobs import Job
from aiotravis.resources.logs import LogPart

__all__ = ["LogState"]

MAX_OLD_LOG: Final = 5.0
"""Seconds from the start of a run for which the server may still serve the log of the run before."""

MAX_FINAL_CHECKS: Final = 3
"""Checks that find the final part the last one, until a log ends although its job is not known to have ended."""

MAX_WAITING: Final = 1000
"""Parts that are kept until it is known which run they belong to, at most."""


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
        runs: How many runs of the job were seen.
        run_unknown: Whether it is unknown which run live parts belong to: the job was not seen to run since a gap.
        received_live: Whether any part of this run came over the live channel.
        empty_reads: How often in a row the server had nothing of it.
        final_checks: The first check of the end, and those that found the final part the last one, see `check_final`.
    """

    def __init__(self, job: int, timeout: LogTimeout | None = None) -> None:
        super().__init__(job)
        self.timeout: LogTimeout = timeout or LogTimeout()
        self.started_at: datetime | None = None
        self.run_unknown: bool = True
        self.has_run: bool = False
        self.opened: bool = False
        self.runs: int = 1
        self._waiting: list[LogPart] = []
        self._early: list[LogPart] = []
        self._restarted = False
        self._young_until = 0.0
        self._updated_at: datetime | None = None
        self._created = False
        self._schedule = PollSchedule(self.timeout)

    def _start_run(self) -> None:
        super()._start_run()
        self.received_live: bool = False
        self.empty_reads: int = 0
        self._is_new_run = False
        self._has_pieces = False
        self._final_came_live = False
        self.final_checks: int = 0
        self._listed: dict[int | str, LogPart] = {}
        self._live: dict[int | str, LogPart] = {}

    @property
    def complete(self) -> bool:
        """Whether the final part and all before it were delivered."""
        # fact 9.34: an old server stores the parts whole that it sends in pieces; only those show whether one is lost.
        return self.has_all and not self._has_pieces

    # When to poll -----------------------------------------------------------------------------------------------------

    def set_opened(self, now: float) -> None:
        """Remember when the log was first read."""
        self.opened = True
        self._schedule.heard_at = now

    def is_poll_due(self, now: float) -> bool:
        """Whether to poll even if events still arrive."""
        return self._schedule.is_due(now)

    @property
    def _urgent(self) -> bool:
        return self.job_ended or self._schedule.wanted or self._assembler.has_gap or self._assembler.complete

    def needs_log(self, now: float, *, live: bool) -> bool:
        """Whether a poll reads the log, and not only the state of the job.

        Args:
            now: The time.
            live: Whether there is a live channel.
        """
        return not live or not self.opened or self._urgent or self._schedule.is_log_due(now)

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
        # The log of a job that has ended does not grow, and is not read much more often.
        length = 0 if self.job_ended else self.delivered.length
        return self._schedule.delay(now, as_text=not live or self.is_text, length=length)

    # Events -----------------------------------------------------------------------------------------------------------

    def handle_event(self, event: Event, now: float) -> None:
        """Apply an event of the live channel."""
        if isinstance(event, JobLog):
            if event.job_id == self._job:
                self._handle_part(LogPart(number=event.number, content=event.content, final=event.final), now)
        elif isinstance(event, Mark):
            # A restart may be among what was lost.
            self._early, self._waiting, self.run_unknown = self._waiting or self._early, [], True
            self._schedule.wanted = True
        elif isinstance(event, JobEvent) and event.job.id == self._job:
            self._handle_job_event(event, now)

    def _handle_part(self, part: LogPart, now: float) -> None:
        self._schedule.heard_at = now
        if self.run_unknown:
            if not self._waiting:
                self._schedule.request(now)
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(part)
            return
        if self.is_text:
            # The part cannot be placed: the text has no numbers.
            self._schedule.wanted = True
            return
        self.received_live = self.has_run = True
        if self._listed or self._live or now < self._young_until:
            known = self._live.get(part.number) or self._listed.get(part.number)
            if known is None or known.content != part.content:
                self._live[part.number] = part
            if known is not None and known.content != part.content:
                self._deliver_again(now)
                return
        if self._assembler.accept_next(part):
            self._deliver_part(part, part.content or "")
            return
        had_gap = self._assembler.has_gap
        self._final_came_live = self._final_came_live or part.final
        self._has_pieces = self._has_pieces or (isinstance(part.number, str) and "." in part.number)
        self.add_parts([part])
        if self._assembler.late_piece and part.number == 0:
            # Numbering begins at 0 after all.
            self.discard()
            self.add_parts([part])
            self._schedule.request(now)
        if self._assembler.has_gap:
            self._schedule.add_gap(now, self._assembler.held, is_new=not had_gap)

    def _deliver_again(self, now: float) -> None:
        """Deliver what came live of a run that has just begun: what it contradicts is of the run before."""
        live, self._live = self._live, {}
        self.discard()
        self._live, self.received_live, self._is_new_run = live, True, True
        self.add_parts(live.values())
        self._schedule.request(now)

    def _handle_job_event(self, event: JobEvent, now: float) -> None:
        held, updated_at = self._updated_at, event.updated_at
        if updated_at is not None:
            self._updated_at = max(held or updated_at, updated_at)
        if isinstance(event, JobCreated):
            # fact 7.9: so a restart and a requeue are announced; events are repeated, and come late.
            known = [time for time in (held, self.started_at) if time is not None]
            if event.late or (updated_at is not None and any(updated_at <= time for time in known)):
                return
            if self.opened and not (self.has_run or self.job_ended or self._restarted or self._waiting):
                return  # The job has not run yet.
            is_empty = not (self.delivered.length or self._assembler.held or self._waiting)
            if is_empty or (updated_at is not None and (known or self._waiting)):
                self.begin_run(now)
            else:
                # What was delivered is not taken back on a suspicion: the state of the job shows whether it restarted.
                self._created = self.run_unknown = True
                self._schedule.request(now)
        elif not event.complete:
            self._schedule.wanted = True
        elif not event.late and (self.opened or not event.job.finished):
            if self._restarted and event.job.finished:
                # Perhaps a late event of the run before.
                self._schedule.request(now)
                return
            if self._began_otherwise(event.job):
                # Perhaps another run, whose "created" has not arrived: the state of the job shows that.
                self.run_unknown = True
                self._schedule.request(now)
                return
            if event.job.finished and not self.job_ended:
                self._schedule.speed_up()
            # Parts that came before the start, while the log was being opened, may be of an earlier run.
            self._restarted = self._restarted or not (self.opened or event.job.pending)
            self._apply_job(event.job, now)

    def _apply_job(self, job: Job, now: float) -> None:
        if job.finished and not (self.job_ended or self._final_came_live):
            # fact 9.35: "final" may come early; a listing that was read before the end does not show that it did not.
            self._assembler.forget_final()
        self.job_ended = job.finished
        self.has_run = self.has_run or has_run(job)
        self.started_at = job.started_at or (self.started_at if has_run(job) else None)
        self.timeout.update(job, now)
        if self.run_unknown and not job.pending:
            self._identify_run(job, now)

    def _identify_run(self, job: Job, now: float) -> None:
        """Begin to take live parts: the job runs, or has run."""
        self.run_unknown = False
        if self._restarted:
            self._restarted, self._is_new_run, self._young_until = False, True, now + MAX_OLD_LOG
            self._early, self._waiting = self._waiting, []
            return
        if not (self.opened or job.finished):
            self._young_until = now + MAX_OLD_LOG - self.timeout.age(job.started_at)
        waiting, self._waiting = self._waiting, []
        for part in of_last_run(waiting):
            self._handle_part(part, now)

    def check_final(self, now: float, *, is_listed: bool) -> bool:
        """Return whether to end a complete log: the job has ended, or the server has listed the same end several times.

        fact 9.35: the final part may come early.

        Args:
            now: The time.
            is_listed: Whether the server lists a final part.
        """
        self.final_checks = self.final_checks + (is_listed or not self.final_checks) if self.complete else 0
        self._schedule.add_poll(now, advanced=self.final_checks <= 1, ended=True)
        return self.complete and (self.job_ended or self.final_checks > MAX_FINAL_CHECKS)

    def check_whole(self, *, is_new: bool) -> bool:
        """Return whether to end a log that the server lists as one part, and final: it has, several times."""
        self.final_checks = 0 if is_new else self.final_checks + 1
        return self.covered and self.final_checks >= MAX_FINAL_CHECKS

    def begin_run(self, now: float) -> None:
        """Begin another run with a poll: what came so far belongs to the run before."""
        self.runs += 1
        if self.delivered.length or self.last_number >= 0:
            self._announce_restart("its job was restarted")
        self._start_run()
        self.timeout.restart()
        self.job_ended: bool = False
        self.has_run = False
        self.started_at = None
        # fact 7.9: parts of the old run may still arrive: until the new one is seen to run, parts wait.
        self._restarted = self.run_unknown = True
        self._waiting, self._early = [], []
        self._schedule.request(now)

    # Polls ------------------------------------------------------------------------------------------------------------

    def is_other_run(self, job: Job) -> bool:
        """Whether the job is on another run than the log that is delivered."""
        return self._began_otherwise(job) or (self._created and job.pending)

    def _began_otherwise(self, job: Job) -> bool:
        """Return whether a state of the job shows another beginning than that of the present run."""
        if job.started_at is None and has_run(job):
            # fact 10.1: a date can be unreadable.
            return False
        return self.started_at not in {None, job.started_at}

    def update_job(self, job: Job, now: float) -> None:
        """Apply the state of the job. If its run began at another time, the log restarts."""
        is_other = self.is_other_run(job)
        self._created = False
        if is_other:
            self.begin_run(now)
        # fact 10.1: a restart takes a while; what is read of the log meanwhile belongs to neither run for certain.
        self._schedule.wanted |= self.job_ended and not job.finished
        self._apply_job(job, now)

    def is_young(self, now: float) -> bool:
        """Whether the server may still serve the log of the run before."""
        return now < self._young_until

    def apply_poll(
        self, snapshot: Snapshot, *, before: tuple[int, int], now: float, asked_at: float | None = None
    ) -> bool:
        """Apply what a poll has read.

        Args:
            snapshot: What was read.
            before: The `position` before the poll.
            now: The time.
            asked_at: When the server was asked; None for now.

        Returns:
            Whether there is anything new.
        """
        is_usable = not self.is_young(now if asked_at is None else asked_at) or self._is_of_young_run(snapshot)
        if is_usable:
            self.merge(snapshot)
        advanced = before != self.position
        self._schedule.add_poll(now, advanced=advanced, ended=self.job_ended)
        self._schedule.wanted = not is_usable and self.last_number < 0
        self.empty_reads = self.empty_reads + 1 if self.is_empty(snapshot) else 0
        return advanced

    def _is_of_young_run(self, snapshot: Snapshot) -> bool:
        """Return whether a log can be of a run that has just begun: parts of one that goes on."""
        # fact 10.1: for some seconds the server may serve the log of the run before.
        if not snapshot.parts:
            return snapshot.empty
        if self._is_new_run or any(part.final for part in snapshot.parts):
            return False
        self._listed.update((part.number, part) for part in snapshot.parts[:MAX_WAITING])
        return True

    def is_empty(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot shows nothing of the log: it is not there (yet)."""
        return snapshot.empty and (snapshot.parts is None or self.last_number < 0)

    def end(self, parts: Iterable[LogPart] = (), *, unavailable: str | None = None) -> None:
        """End the log, see `finish`. Parts that came before the job was seen to run fill gaps that nothing else can."""
        self.add_parts(parts, bounded=False)
        missing = set(self.missing)
        self.finish([part for part in self._early if part.number in missing], unavailable=unavailable)
