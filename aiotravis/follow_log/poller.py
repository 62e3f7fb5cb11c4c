"""Looks at a log that is followed: what REST knows of it, and whether that is all.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from aiotravis._async.retry import is_transient, retry
from aiotravis.errors import TravisError
from aiotravis.follow_log.sources import LogSources, Snapshot
from aiotravis.follow_log.state import LogState
from aiotravis.resources.jobs import Job, Jobs

__all__ = ["LogPoller"]

T = TypeVar("T")

LARGEST_COMPARED: Final = 8 << 20
"""Characters of a log up to which, in doubt, all of it is read again at the end."""


class LogPoller:
    """Looks at one log.

    A look that is given up half-way leaves what is known as it was, or as far as it had come.

    Args:
        job: Id of the job.
        log: What is known of its log.
        jobs: Tells the job's state.
        sources: Gives what the live events left out.
        pass_over: Passes over the parts that wait on the live channel.
    """

    def __init__(self, job: int, log: LogState, jobs: Jobs, sources: LogSources, pass_over: Callable[[], None]) -> None:
        self._job = job
        self._log = log
        self._jobs = jobs
        self._sources = sources
        self._pass_over = pass_over

    async def poll(self) -> None:
        """Ask for the job's state, then for what is new of its log: in this order, so that an end is not missed."""
        log = self._log
        was_over, before = log.over, log.reached
        job = await self._read_job()
        if self._is_another_run(job):
            was_over = False
        if log.doubtful:
            # They may be of a run that is gone, and the log is read only now.
            self._pass_over()
        snapshot = await self._read(after=log.last)
        if log.started_at is None and (snapshot.parts or snapshot.body):
            # The job began to run in between, maybe more than once: this may be of a run that is gone.
            job = await self._read_job()
            self._is_another_run(job)
            snapshot = await self._read(after=log.last)
            snapshot = Snapshot(parts=()) if job.pending else snapshot
        moved = log.looked(snapshot, pending=job.pending, before=before)
        if log.over and was_over and not moved and not log.complete:
            await self._end()

    async def last_look(self) -> None:
        """All parts up to the final one were given: see whether the server has put something behind it."""
        log = self._log
        if log.over and log.snapshots == 1 and not log.heard:
            # The log of a job that had ended, read in one piece.
            log.finish()
            return
        try:
            snapshot = await self._sources.read(self._job, after=log.last - 1)
        except TravisError as exc:
            if not is_transient(exc):
                raise
            snapshot = Snapshot()
        fresh = () if snapshot.whole else tuple(part for part in snapshot.parts or () if log.is_fresh(part))
        if (fresh or log.unsure or log.snapshots > 1) and await self._was_restarted():
            return
        stored = snapshot.whole or any(part.final and not log.is_fresh(part) for part in snapshot.parts or ())
        if log.unsure and not log.over and not stored:
            # The final part may be that of another run: the end of the job will tell.
            log.reopen()
            return
        log.add(fresh)
        if await self._compare():
            log.finish()

    async def _compare(self) -> bool:
        """Hold what was given against the stored text, where numbers alone cannot tell.

        Parts of an earlier run may arrive after a restart, one before this stream was opened even, under numbers of the
        new one; and an old server splits parts where it sends them, and keeps them whole.

        Returns:
            False if the job was restarted meanwhile: then there is no end yet.
        """
        log = self._log
        if not log.unsure or log.length > LARGEST_COMPARED:
            return True
        snapshot = await self._read_v2()
        if await self._was_restarted():
            return False
        body = snapshot.body or "".join(part.content or "" for part in snapshot.parts or ())
        log.over = True
        if not body and snapshot.parts is not None and log.length:
            # Of this run nothing is stored: what was given is of another.
            log.void()
        log.merge_body(body)
        return True

    async def _end(self) -> None:
        """The job is over, and nothing more comes: take what is left, then tell what could not be had."""
        log = self._log
        # Once more, between two looks at the job that agree: what is told now is told for good.
        snapshot = await self._read(after=log.last)
        if await self._was_restarted() or not log.over:
            return
        before = log.reached
        log.merge(snapshot)
        if before != log.reached:
            return
        # A hole below a part that the server lists is the server's own loss. Otherwise it may have put them together.
        if snapshot.parts is not None and not any(number < log.listed for number in log.missing):
            whole = await self._read_v2()
            if await self._was_restarted():
                return
            if whole.parts is None:
                log.merge_body(whole.body)
            elif not await self._compare():
                return
        log.finish()

    async def _was_restarted(self) -> bool:
        """Look whether what was read in the meantime belongs to the same run."""
        return self._is_another_run(await self._read_job())

    def _is_another_run(self, job: Job) -> bool:
        return self._log.take_job(job, anyio.current_time())

    # Reading ----------------------------------------------------------------------------------------------------------

    async def _read_job(self) -> Job:
        return await self._patiently(lambda: self._jobs.get(self._job))

    async def _read(self, *, after: int) -> Snapshot:
        return await self._patiently(lambda: self._sources.read(self._job, after=after))

    async def _read_v2(self) -> Snapshot:
        return await self._patiently(lambda: self._sources.read_v2(self._job))

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await retry(ask, self._log.delays())
