"""Polls a followed log over REST: what the server has stored of it, and whether that is all.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from aiotravis._async.retry import is_transient, retry
from aiotravis.errors import TravisError
from aiotravis.follow_log.job_reader import JobReader
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
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.follow_log.state import LogState
from aiotravis.resources.jobs import Job
from aiotravis.resources.logs import LAST

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
        self, job: int, log: LogState, jobs: JobReader, sources: LogSources, skip_log_events: Callable[[], None]
    ) -> None:
        self._job = job
        self._log = log
        self._jobs = jobs
        self._sources = sources
        self._skip_log_events = skip_log_events

    async def poll(self, *, live: bool) -> None:
        """Read the job's state, then what is new of its log: in this order, so that the end is not missed.

        fact 7.9: states and parts travel independently, so parts may arrive after the end.

        Args:
            live: Whether there is a live channel: the log of a running job is then read only if something is missing.
        """
        log = self._log
        had_ended, before = log.job_ended, log.position
        job = await self.read_job()
        if self._is_another_run(job):
            had_ended = False
        if not log.needs_log(anyio.current_time(), live=live):
            return
        if log.run_unknown or not log.opened:
            # These parts may belong to the run before; the log is read only now.
            self._skip_log_events()
        asked_at = anyio.current_time()
        # fact 10.2: a job that has not started has no log. What is read may belong to the run before.
        snapshot = Snapshot(parts=()) if job.pending else await self._read_new()
        if log.job_ended and snapshot.text is not None and (await self._was_restarted() or not log.job_ended):
            return
        advanced = log.apply_poll(snapshot, pending=job.pending, before=before, now=anyio.current_time())
        if not log.job_ended or log.complete:
            return
        if log.is_empty(snapshot):
            self._end_without_log(asked_at, had_ended=had_ended)
            return
        unchanged = had_ended and not advanced
        if log.covered and snapshot.text is not None and (unchanged or snapshot.complete or log.timeout.long_ago):
            # The stored text of a job that ended long ago does not grow; any other is read twice.
            log.finish()
        elif unchanged:
            await self._end()

    def _end_without_log(self, asked_at: float, *, had_ended: bool) -> None:
        """End a log of which the server has nothing: empty if the job never ran, else once the wait for it is over."""
        log = self._log
        if not log.has_run or log.has_notice:
            if had_ended:
                log.finish()
        elif log.empty_reads > 1:
            self._end_if_over(asked_at, "the server does not have it")

    def _end_if_over(self, asked_at: float, reason: str) -> None:
        # fact 10.2: what is not there, or lacks parts, may be on its way to the store.
        if self._log.timeout.is_over(asked_at):
            self._log.finish(unavailable=reason)

    async def verify_end(self) -> None:
        """Check, after the final part and all before it were delivered, whether the server stored anything behind it.

        fact 9.35: the final part may come early. A log that came whole does not wait for the server to have it.
        """
        log = self._log
        if log.job_ended and log.reads == 1 and not log.received_live:
            # The job had ended before, and its whole log was read at once.
            log.finish()
            return
        try:
            snapshot = await self._sources.read(self._wanted(after=log.last_number - 1), NUMBERED)
        except TravisError:
            snapshot = Snapshot()
        new = () if snapshot.whole else tuple(part for part in snapshot.parts or () if log.is_new(part))
        if await self._was_restarted():
            return
        stored = snapshot.whole or any(part.final and not log.is_new(part) for part in snapshot.parts or ())
        if log.needs_comparison and not log.job_ended and not stored:
            # The final part may belong to another run: the end of the job will show.
            log.defer_end()
            return
        log.add_parts(new)
        if not log.needs_comparison:
            log.finish()
            return
        asked_at = anyio.current_time()
        covered = await self._compare()
        if covered is None:
            return
        if covered or not log.waits_for_comparison or log.timeout.is_over(asked_at):
            log.finish()
        else:
            log.defer_end()

    async def _compare(self) -> bool | None:
        """Compare what was delivered with the stored text, where numbers alone cannot tell.

        After a restart, parts of the run before may still arrive, under numbers of the new one; and an old server
        splits the parts that it sends, but not those that it stores (fact 9.34).

        Returns:
            Whether the stored text shows how the log ends; None if the job was restarted, or the log stored, meanwhile.
        """
        log = self._log
        started_at = log.started_at
        try:
            snapshot = await self._read(WHOLE_TEXT)
        except TravisError as exc:
            if not log.complete or is_transient(exc):
                raise
            snapshot = Snapshot()
        if snapshot.text is not None and not snapshot.text.exhausted and log.last_number >= 0 and not log.complete:
            # The log was stored meanwhile: numbers show where parts are missing in it.
            numbered = await self._read_new()
            if any(log.is_new(part) and part.number != LAST for part in numbered.parts or ()):
                snapshot = numbered
        if await self._was_restarted() or log.started_at != started_at:
            # The text may belong to the run before, or to the one after.
            return None
        log.update_end(anyio.current_time())
        if snapshot.parts:
            log.merge(snapshot)
            return None
        log.merge_whole(snapshot)
        return log.covered

    async def _end(self) -> None:
        """Finish the log of a job that has ended, with a gap if parts are lost."""
        log, asked_at = self._log, anyio.current_time()
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
        if snapshot.parts is not None and any(number < log.highest_listed for number in log.missing):
            log.finish(snapshot.parts)
            return
        covered = log.covered if snapshot.text is not None else await self._compare()
        if covered or (covered is not None and log.has_notice):
            log.finish()
        elif covered is not None:
            self._end_if_over(asked_at, "the stored log does not show how it ends")

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
        snapshot = await self._retry(lambda: self._sources.read_ended(self._wanted(), as_text=log.is_text))
        return await self._compared(snapshot)

    async def _read(self, sources: Sequence[Source]) -> Snapshot:
        as_text = sources is WHOLE_TEXT
        snapshot = await self._retry(lambda: self._sources.read(self._wanted(-1 if as_text else None), sources))
        return await self._compared(snapshot, as_text=as_text)

    async def _compared(self, snapshot: Snapshot, *, as_text: bool = False) -> Snapshot:
        """Compare a text with what came before, or parts whose numbers do not count."""
        log, text = self._log, snapshot.text
        held = log.held_texts if log.job_ended or snapshot.whole else []
        if snapshot.parts and (as_text or log.is_text or (snapshot.whole and held)):
            text = SpooledText.of("".join(part.content or "" for part in snapshot.parts), log.delivered)
            snapshot = Snapshot(text=text, complete=snapshot.complete)
        if text is not None:
            await text.compare(held)
        return snapshot

    def _wanted(self, after: int | None = None) -> Wanted:
        log = self._log
        return Wanted(self._job, log.last_number if after is None else after, log.delivered, log.job_ended)

    async def _retry(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await retry(ask, self._log.retry_delays())
