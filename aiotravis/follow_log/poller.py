"""Polls a followed log over REST: what the server has stored of it, and whether that is all.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import anyio

from aiotravis._async.retry import retry
from aiotravis.errors import TravisError
from aiotravis.follow_log.job_reader import JobReader
from aiotravis.follow_log.poll_schedule import retry_delays
from aiotravis.follow_log.sources import NUMBERED, NUMBERS_FIRST, TEXT_FIRST, LogSources, Snapshot, Source, Wanted
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.follow_log.state import LogState
from aiotravis.resources.jobs import Job

__all__ = ["LogPoller"]

T = TypeVar("T")

MIN_RESTART: Final = 1.0
"""Seconds that a restart takes, at least (fact 10.1)."""

CHECK_TIMEOUT: Final = 3.0
"""Seconds for which the end of a log that came whole is checked, at most."""


class LogPoller:
    """Polls one log. A poll that is cancelled leaves the state valid.

    Args:
        job: Id of the job.
        log: State of its log.
        jobs: Reads the job's state.
        sources: Reads the log.
        take_events: Applies the events that wait on the live channel.
    """

    def __init__(
        self, job: int, log: LogState, jobs: JobReader, sources: LogSources, take_events: Callable[[], None]
    ) -> None:
        self._job = job
        self._log = log
        self._jobs = jobs
        self._sources = sources
        self._take_events = take_events

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
        is_needed = not log.complete and log.needs_log(anyio.current_time(), live=live)
        if not is_needed:
            return
        asked_at = anyio.current_time()
        # fact 10.2: a job that has not started has no log. What is read may belong to the run before.
        snapshot = Snapshot(parts=()) if job.pending else await self._read_new()
        took = anyio.current_time() - asked_at
        if log.job_ended and (snapshot.text is not None or took > MIN_RESTART):
            if await self._was_restarted():
                return
            compared_with = log.runs, log.position
            self._take_events()
            if (log.runs, log.position) != compared_with:
                # Parts came meanwhile, which the text was not compared with: perhaps all that were missing.
                return
        unchanged = (
            not log.apply_poll(snapshot, before=before, now=anyio.current_time(), asked_at=asked_at) and had_ended
        )
        if log.is_young(asked_at) or log.complete:
            return
        if not log.job_ended:
            if snapshot.complete and log.check_whole(is_new=before != log.position):
                log.end()
            return
        if log.is_empty(snapshot):
            if not log.has_run or log.has_notice or log.has_all:
                if had_ended:
                    log.end()
            elif log.empty_reads > 1:
                self._end_if_over(asked_at, "the server does not have it")
        elif log.covered and (unchanged or snapshot.complete or log.timeout.long_ago):
            # The stored text of a job that ended long ago does not grow; any other is read twice.
            log.end()
        elif unchanged:
            await self._end(snapshot, asked_at)

    def _end_if_over(self, asked_at: float, reason: str) -> None:
        # fact 10.2: what is not there, or lacks parts, may be on its way to the store.
        if self._log.timeout.is_over(asked_at):
            self._log.end(unavailable=reason)

    async def check_end(self) -> None:
        """End a log of which all parts came, once its job has ended; or once nothing follows for some checks.

        A check that fails, or takes long, does not cost the log.
        """
        log = self._log
        if log.job_ended and log.reads == 1 and not log.received_live:
            # The job had ended before, and its whole log was read at once.
            log.end()
            return
        is_listed = False
        with anyio.move_on_after(CHECK_TIMEOUT):
            try:
                if self._is_another_run(await self._jobs.get(self._job)):
                    return
                if (log.job_ended or log.final_checks) and not log.is_young(anyio.current_time()):
                    # fact 9.35: the final part may come early, and others after it may have been lost.
                    snapshot = await self._sources.read(self._wanted(log.last_number - 1), NUMBERED)
                    parts = snapshot.parts or ()
                    log.add_parts(() if snapshot.whole else filter(log.is_new, parts))
                    is_listed = any(part.final for part in parts)
            except TravisError:
                pass
        if log.check_final(anyio.current_time(), is_listed=is_listed):
            log.end()

    async def _end(self, snapshot: Snapshot, asked_at: float) -> None:
        """End the log of a job that has ended and that has not changed, with a gap if parts are lost."""
        log = self._log
        text = snapshot
        if snapshot.parts is not None:
            # Parts before one that the server lists are lost. Otherwise the log may have been aggregated.
            is_lost = any(number < log.highest_listed for number in log.missing)
            text = Snapshot() if is_lost else await self._read(TEXT_FIRST, as_text=True)
            if await self._was_restarted():
                # What was read may belong to the run before, or to the one after.
                return
            if is_lost:
                log.end(snapshot.parts)
                return
            if text.text is not None:
                if text.text.prefix == log.delivered and not log.has_end and log.timeout.may_grow(asked_at):
                    # fact 7.9: parts may arrive after the end of the job. None of those listed is the final one.
                    return
                log.merge_text(text.text)
        if log.covered or log.has_notice or (text.text is None and log.has_all):
            log.end()
        else:
            self._end_if_over(asked_at, "the stored log does not show how it ends")

    async def _was_restarted(self) -> bool:
        """Check whether what was read belongs to the same run."""
        job = await self.read_job()
        # What was read was compared with what was delivered, which must not change before it is merged.
        return not job.finished or (self._log.is_other_run(job) and self._is_another_run(job))

    def _is_another_run(self, job: Job) -> bool:
        # The events that came before tell in their order which parts belong to which run, and perhaps of another one.
        runs = self._log.runs
        self._take_events()
        self._log.update_job(job, anyio.current_time())
        return self._log.runs != runs

    # Requests ---------------------------------------------------------------------------------------------------------

    async def read_job(self) -> Job:
        """Read the job's state; transient failures are retried."""
        return await self._retry(lambda: self._jobs.get(self._job))

    async def _read_new(self) -> Snapshot:
        """Read what was not delivered: numbered parts, or the whole text where there are none or the job has ended."""
        log = self._log
        if not log.job_ended or log.last_number >= 0:
            return await self._read(TEXT_FIRST if log.is_text else NUMBERS_FIRST)
        if not log.has_run:
            # One that never started has no log: a look suffices.
            try:
                return await self._compared(await self._sources.read_ended(self._wanted(), as_text=log.is_text))
            except TravisError:
                return Snapshot()
        snapshot = await self._retry(lambda: self._sources.read_ended(self._wanted(), as_text=log.is_text))
        return await self._compared(snapshot)

    async def _read(self, sources: Sequence[Source], *, as_text: bool = False) -> Snapshot:
        wanted = self._wanted(-1 if as_text else None)
        return await self._compared(await self._retry(lambda: self._sources.read(wanted, sources)), as_text=as_text)

    async def _compared(self, snapshot: Snapshot, *, as_text: bool = False) -> Snapshot:
        """Compare a text with what came before, or parts whose numbers do not count.

        fact 5.5: one part that is number 0 and final may be the whole log, of which other parts come live.
        """
        log, text = self._log, snapshot.text
        held = log.held_texts
        if snapshot.parts and (as_text or log.is_text or snapshot.whole):
            text = SpooledText.of("".join(part.content or "" for part in snapshot.parts), log.delivered)
            snapshot = Snapshot(text=text, complete=snapshot.whole)
        if text is not None:
            await text.compare(log.received, held)
        return snapshot

    def _wanted(self, after: int | None = None) -> Wanted:
        log = self._log
        return Wanted(self._job, log.last_number if after is None else after, log.delivered, log.job_ended)

    async def _retry(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await retry(ask, retry_delays())
