"""Polls a followed log over REST: what the server has stored of it, and whether that is all.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from aiotravis._async.retry import is_transient, retry
from aiotravis.errors import TooLargeError, TravisError
from aiotravis.follow_log.sources import (
    NUMBERED,
    NUMBERS_FIRST,
    TEXT_FIRST,
    WHOLE_TEXT,
    LogSources,
    Snapshot,
    Source,
    Wanted,
)
from aiotravis.follow_log.state import LogState
from aiotravis.resources.jobs import Job, Jobs

__all__ = ["LogPoller"]

T = TypeVar("T")


class LogPoller:
    """Polls one log. A poll that is cancelled leaves the state valid.

    Args:
        job: Id of the job.
        log: State of its log.
        jobs: Reads the job's state.
        sources: Reads the log.
        skip_log_events: Discards the parts that wait on the live channel.
    """

    def __init__(
        self, job: int, log: LogState, jobs: Jobs, sources: LogSources, skip_log_events: Callable[[], None]
    ) -> None:
        self._job = job
        self._log = log
        self._jobs = jobs
        self._sources = sources
        self._skip_log_events = skip_log_events

    async def poll(self) -> None:
        """Read the job's state, then what is new of its log: in this order, so that the end is not missed.

        fact 7.9: states and parts travel independently, so parts may arrive after the end.
        """
        log = self._log
        had_ended, before = log.job_ended, log.position
        job = await self.read_job()
        if self._is_another_run(job):
            had_ended = False
        if log.run_unknown:
            # These parts may belong to the run before; the log is read only now.
            self._skip_log_events()
        snapshot = await self._read_new()
        if log.job_ended and snapshot.text is not None:
            if await self._was_restarted() or not log.job_ended:
                return
        elif log.started_at is None and (snapshot.parts or snapshot.text):
            # The job began to run in between, perhaps more than once: what was read may belong to the run before.
            job = await self.read_job()
            self._is_another_run(job)
            snapshot = await self._read_new()
            snapshot = Snapshot(parts=()) if job.pending else snapshot
        advanced = log.apply_poll(snapshot, pending=job.pending, before=before)
        if log.job_ended and snapshot.complete:
            log.finish()
        elif log.job_ended and had_ended and not advanced and not log.complete:
            await self._end()

    async def verify_end(self) -> None:
        """Check, after the final part and all before it were delivered, whether the server stored anything behind it.

        fact 9.35: the final part may come early.
        """
        log = self._log
        if log.job_ended and log.reads == 1 and not log.received_live:
            # The job had ended before, and its whole log was read at once.
            log.finish()
            return
        try:
            snapshot = await self._sources.read(self._wanted(after=log.last_number - 1), NUMBERED)
        except TravisError as exc:
            if not is_transient(exc) and not isinstance(exc, TooLargeError):
                raise
            snapshot = Snapshot()
        new = () if snapshot.whole else tuple(part for part in snapshot.parts or () if log.is_new(part))
        if (new or log.needs_comparison or log.reads > 1) and await self._was_restarted():
            return
        stored = snapshot.whole or any(part.final and not log.is_new(part) for part in snapshot.parts or ())
        if log.needs_comparison and not log.job_ended and not stored:
            # The final part may belong to another run: the end of the job will show.
            log.reopen()
            return
        log.add_parts(new)
        if not log.needs_comparison or await self._compare():
            log.finish()

    async def _compare(self) -> bool:
        """Compare what was delivered with the stored text, where numbers alone cannot tell.

        After a restart, parts of the run before may still arrive, under numbers of the new one; and an old server
        splits the parts that it sends, but not those that it stores (fact 9.34).

        Returns:
            False if the job was restarted meanwhile, so that this is not the end.
        """
        log = self._log
        snapshot = await self._read(WHOLE_TEXT)
        if await self._was_restarted():
            return False
        log.job_ended = True
        if snapshot.parts == () and log.delivered.length and log.needs_comparison:
            # Nothing of this run is stored: what was delivered belongs to another.
            log.discard()
        log.merge_whole(snapshot)
        return True

    async def _end(self) -> None:
        """Finish the log of a job that has ended, with a gap if parts are lost."""
        log = self._log
        # fact 9.35: the final part may never arrive. Read again, between two reads of the job's state that agree: a gap
        # that is reported now is final.
        snapshot = await self._read_new()
        if await self._was_restarted() or not log.job_ended:
            return
        before = log.position
        log.merge(snapshot)
        if before != log.position:
            return
        # Parts before one that the server lists are lost. Otherwise the log may have been aggregated.
        is_lost = any(number < log.highest_listed for number in log.missing)
        if snapshot.parts is not None and not is_lost and not await self._compare():
            return
        log.finish()

    async def _was_restarted(self) -> bool:
        """Check whether what was read belongs to the same run."""
        return self._is_another_run(await self.read_job())

    def _is_another_run(self, job: Job) -> bool:
        return self._log.update_job(job, anyio.current_time())

    # Requests ---------------------------------------------------------------------------------------------------------

    async def read_job(self) -> Job:
        """Read the job's state; transient failures are retried."""
        return await self._retry(lambda: self._jobs.get(self._job))

    async def _read_new(self) -> Snapshot:
        """Read what was not delivered: numbered parts, or the whole text where there are none or the job has ended."""
        log = self._log
        if not log.job_ended or log.last_number >= 0:
            return await self._read(TEXT_FIRST if log.is_text else NUMBERS_FIRST)
        return await self._retry(lambda: self._sources.read_ended(self._wanted(), as_text=log.is_text))

    async def _read(self, sources: Sequence[Source]) -> Snapshot:
        return await self._retry(lambda: self._sources.read(self._wanted(), sources))

    def _wanted(self, after: int | None = None) -> Wanted:
        log = self._log
        return Wanted(self._job, log.last_number if after is None else after, log.delivered)

    async def _retry(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await retry(ask, self._log.retry_delays())
