"""A job's log, followed live: complete, in order, each part once.

Live parts bring speed, REST brings completeness: the stream subscribes, reads what there is, merges by number, and
asks anew for whatever is missing. https://docs.travis-ci.com/api/#logs
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Final, TypeVar

import anyio

from aiotravis._retry import backoff
from aiotravis.errors import LiveError, LogGap, RateLimited, RequestError, ServerError, UsageError
from aiotravis.flows.log_lines import LogLines
from aiotravis.flows.log_parts import LogAssembler
from aiotravis.flows.log_prefix import LogPrefix
from aiotravis.flows.log_sources import LogSources, Snapshot
from aiotravis.live.events import Event, JobCreated, JobEvent, JobLog, Mark
from aiotravis.live.feed import Feed
from aiotravis.resources._base import id_of
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.resources.logs import LAST, LogPart

__all__ = ["LogReset", "LogStream"]

T = TypeVar("T")

PATIENCE: Final = 2.0
"""Seconds that a missing part, or the rest after the end, may still come live before it is asked for."""

QUIET: Final = 30.0
"""Seconds of silence after which to look all the same: Travis stops pushing a log after six hours. Doubles in vain."""

LONGEST_QUIET: Final = 300.0

LONGEST_POLL: Final = 10.0
"""Seconds between two looks where there is no live channel; `PATIENCE` at first, longer while nothing changes."""

UNDER_WAY: Final = 5.0
"""Seconds that a live part may be under way: for so long after a restart, some may be of the run before."""

TAKEN_ALONG: Final = 64
"""Parts that are taken at once where they wait already."""

LARGEST_COMPARED: Final = 8 << 20
"""Characters of a log up to which, in doubt, all of it is read again at the end."""

READ_PER_SECOND: Final = 1 << 20
"""Characters of a log without numbers, which has to be read whole each time, that are worth a second's pause."""

FAILURES: Final = 8
"""Looks in a row that may fail in passing, with pauses of up to `LONGEST_POLL`, before the failure is passed on."""


class LogReset(LogPart, frozen=True, kw_only=True):
    """What was given is void, and the log follows anew, from its start: the job was restarted, or its log replaced."""

    number: int | str = -1
    content: str | None = ""


class LogStream:
    """Parts of one log: ``async with travis.follow_log(job) as log: async for part in log: ...``.

    Ends by itself once the log is complete, or once the job has ended and nothing more is to be had. Holds no task.
    Failures of the network and of the server that pass are waited out; where the live channel is not to be had, or no
    more, the same stream polls.

    Args:
        job: Id of the job.
        feed: Its live events; not yet open.
        jobs: Tells the job's state.
        sources: Gives what the live events left out.
    """

    def __init__(self, job: int | Job, feed: Feed, jobs: Jobs, sources: LogSources) -> None:
        self._job = id_of(job, "job", Job)
        self._feed: Feed | None = feed
        self._jobs = jobs
        self._sources = sources
        self._ready: deque[LogPart] = deque()
        self._opened = False
        self._ended = False
        self._whole = False
        self._gap: tuple[int, ...] = ()
        self._over = False
        self._started_at: datetime | None = None
        self._stale = False
        self._doubtful = False
        self._opened_at = 0.0
        self._due: float | None = None
        self._vain = 0
        self._unsure = False
        self._begin()

    def _begin(self) -> None:
        self._assembler = LogAssembler()
        self._given = LogPrefix()
        self._bodies = 0
        self._listed = -1
        self._snapshots = 0
        self._heard = False

    def __repr__(self) -> str:
        state = "ended" if self._ended else "open" if self._opened else "not opened"
        return f"<LogStream of job {self._job}, {state}>"

    @property
    def complete(self) -> bool:
        """Whether all of the log was given, once the stream has ended."""
        return self._whole and not self._ready

    def lines(self) -> LogLines:
        """Give an async iterator over its lines, each with its newline, the last one maybe without.

        After a `LogReset` the lines of the new log follow; see `LogLines.resets`.
        """
        return LogLines(self)

    async def text(self) -> str:
        """Read it to its end, and give all of its text; of a log that was reset, that of the last run.

        Raises:
            LogGap: The server itself no longer has some parts.
        """
        pieces: list[str] = []
        async for part in self:
            if isinstance(part, LogReset):
                pieces.clear()
            pieces.append(part.content or "")
        return "".join(pieces)

    async def __aenter__(self) -> "LogStream":
        """Subscribe, and read what there is so far.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            LogAccessDenied: The repository's settings hide its logs.
        """
        if self._ended:
            raise UsageError("This stream has ended. Make a new one.")
        if not self._opened:
            try:
                await self._open()
            except BaseException:
                await self.aclose()
                raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __aiter__(self) -> "LogStream":
        return self

    async def __anext__(self) -> LogPart:
        """Give the next part of the log.

        Raises:
            LogGap: After everything that could be had: the server itself no longer has some parts.
            RequestError: The server could not be reached for minutes; asking on goes on where it was.
        """
        if not self._opened and not self._ended:
            await self.__aenter__()
        while not self._ready:
            if self._ended:
                await self.aclose()
                if self._gap:
                    gap, self._gap = self._gap, ()
                    shown = ", ".join(map(str, gap[:10]))
                    message = f"The log of job {self._job} has holes that the server cannot fill: parts {shown}."
                    raise LogGap(message, job_id=self._job, missing=gap)
                raise StopAsyncIteration
            await self._step()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Unsubscribe and end. Safe to call twice, and from any task."""
        self._ended = True
        if self._feed is not None:
            await self._feed.aclose()

    # What happens -----------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        if self._feed is not None:
            try:
                await self._feed.__aenter__()
            except LiveError:
                # No live channel, or not this one: the same stream, slower.
                self._feed = None
        await self._look()
        self._opened_at = anyio.current_time()
        self._opened = True

    async def _step(self) -> None:
        """Let one thing happen: an event, or a look."""
        if self._assembler.complete:
            await self._last_look()
            return
        event = self._feed.get_nowait() if self._feed is not None else None
        if event is None:
            event = await self._event()
        due = event is None
        while event is not None:
            self._take(event)
            # What is there already is taken along: with many small parts, the way to each is most of what it costs.
            full = len(self._ready) >= TAKEN_ALONG or self._assembler.complete
            event = self._feed.get_nowait() if self._feed is not None and not full else None
        if due or (self._due is not None and anyio.current_time() >= self._due):
            await self._look()

    async def _event(self) -> Event | None:
        """Wait for an event, for as long as nothing is due."""
        wait = self._pause()
        if self._feed is None:
            await anyio.sleep(wait)
            return None
        with anyio.move_on_after(wait):
            try:
                return await self._feed.__anext__()
            except (LiveError, StopAsyncIteration):
                self._feed = None
        return None

    def _pause(self) -> float:
        """Give the seconds until the next look."""
        urgent = self._over or self._stale or self._assembler.waits
        if self._feed is None or (urgent and self._bodies):
            return min(LONGEST_POLL, PATIENCE * 2.0 ** min(self._vain, 8)) + self._given.length / READ_PER_SECOND
        if not urgent:
            self._due = None
            return min(LONGEST_QUIET, QUIET * 2.0 ** min(self._vain, 8))
        now = anyio.current_time()
        if self._due is None:
            # From now on, not from the last event on: parts that keep coming must not put it off for ever.
            self._due = now + PATIENCE
        return max(0.0, self._due - now)

    def _take(self, event: Event) -> None:
        if isinstance(event, JobLog):
            if event.job_id != self._job:
                return
            if self._bodies or self._doubtful:
                # A text without numbers, or a run of which nothing is known yet: what came is only a reason to look.
                self._stale = True
                return
            self._heard = True
            if not self._unsure:
                early = anyio.current_time() - self._opened_at < UNDER_WAY
                self._unsure = early or not isinstance(event.number, int)
            part = LogPart(number=event.number, content=event.content, final=event.final)
            if self._assembler.follows(part):
                self._given.add(event.content)
                self._ready.append(part)
                return
            self._give(self._assembler.add([part]))
            if self._assembler.torn:
                self._reset()
            if self._assembler.waits and self._due is None:
                self._due = anyio.current_time() + PATIENCE
        elif isinstance(event, Mark):
            self._stale = self._unsure = True
        elif isinstance(event, JobEvent) and event.job.id == self._job:
            self._take_state(event)

    def _take_state(self, event: JobEvent) -> None:
        if isinstance(event, JobCreated):
            before = event.updated_at is not None and self._started_at and event.updated_at <= self._started_at
            if not event.late and not before:
                self._reset()
            # What is known of this run may have come before its creation was heard of, with parts of another.
            self._unsure = True
        elif not event.complete:
            self._stale = True
        elif not event.late:
            self._over = event.job.finished
            self._started_at = event.job.started_at or self._started_at

    def _reset(self) -> None:
        """Begin anew: what was given is void."""
        if self._given.length or self._assembler.given >= 0:
            self._ready.append(LogReset())
        self._begin()
        self._unsure = True
        self._over, self._started_at = False, None
        # Parts of the old run may still be under way: the new one begins with a look.
        self._doubtful = self._stale = True
        self._due = anyio.current_time()

    # Looking ----------------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Ask for the job's state, then for what is new of its log: in this order, so that an end is not missed."""
        was_over, before = self._over, self._reached
        job = await self._patiently(lambda: self._jobs.get(self._job))
        if self._is_another_run(job):
            was_over = False
        if self._doubtful:
            self._pass_over()
        snapshot = await self._patiently(lambda: self._sources.read(self._job, after=self._assembler.given))
        if self._started_at is None and (snapshot.parts or snapshot.body):
            # The job began to run in between, maybe more than once: this may be of a run that is gone.
            job = await self._patiently(lambda: self._jobs.get(self._job))
            self._is_another_run(job)
            snapshot = await self._patiently(lambda: self._sources.read(self._job, after=self._assembler.given))
            snapshot = Snapshot(parts=()) if job.pending else snapshot
        self._stale, self._due = False, None
        self._doubtful = self._doubtful and job.pending
        self._merge(snapshot)
        unchanged = before == self._reached
        self._vain = self._vain + 1 if unchanged else 0
        if self._over and was_over and unchanged and not self._assembler.complete:
            await self._end()

    def _pass_over(self) -> None:
        """Pass over the parts that wait: they may be of a run that is gone, and the log is read only now."""
        while self._feed is not None and (event := self._feed.get_nowait()) is not None:
            if not isinstance(event, JobLog):
                self._take(event)

    def _is_another_run(self, job: Job) -> bool:
        """Take note of how the job is; a run that began at another time is another one, and the log begins anew."""
        other = self._started_at is not None and job.started_at != self._started_at
        if other:
            self._reset()
        self._started_at = job.started_at
        self._over = job.finished
        return other

    async def _was_restarted(self) -> bool:
        """Look whether what was read in the meantime belongs to the same run."""
        return self._is_another_run(await self._patiently(lambda: self._jobs.get(self._job)))

    def _merge(self, snapshot: Snapshot) -> None:
        self._snapshots += 1
        # Parts of a run whose beginning is not known could be of any.
        self._unsure = self._unsure or (bool(snapshot.parts) and self._started_at is None)
        if snapshot.parts is None:
            self._merge_body(snapshot.body)
            return
        self._bodies = 0
        if snapshot.whole and self._assembler.given < 0:
            # It stands for all parts: those that came live are in it.
            self._assembler = LogAssembler()
        # The notice at the very end says nothing of what is in front of it.
        numbers = (part.number for part in snapshot.parts if isinstance(part.number, int) and part.number != LAST)
        self._listed = max(numbers, default=-1)
        self._give(self._assembler.add(snapshot.parts))

    def _merge_body(self, body: str | None) -> None:
        """Take from the whole text what was not given yet; one that begins otherwise is another log."""
        self._bodies += 1
        if not body:
            return
        if not self._given.begins(body):
            if not self._over:
                return
            self._ready.append(LogReset())
            self._begin()
            self._bodies = 1
        if self._over or len(body) > self._given.length:
            # What is held out of order is in it, or belongs to another run.
            self._assembler = LogAssembler()
        if len(body) > self._given.length:
            self._give([LogPart(number=self._bodies - 1, content=body[self._given.length :])])

    async def _last_look(self) -> None:
        """All parts up to the final one were given: see whether the server has put something behind it."""
        if self._over and self._snapshots == 1 and not self._heard:
            # The log of a job that had ended, read in one piece.
            self._finish()
            return
        try:
            snapshot = await self._sources.read(self._job, after=self._assembler.given - 1)
        except (RequestError, ServerError, RateLimited):
            snapshot = Snapshot()
        fresh = () if snapshot.whole else tuple(part for part in snapshot.parts or () if self._is_fresh(part))
        if (fresh or self._unsure or self._snapshots > 1) and await self._was_restarted():
            return
        stored = snapshot.whole or any(part.final and not self._is_fresh(part) for part in snapshot.parts or ())
        if self._unsure and not self._over and not stored:
            # The final part may be that of another run: the end of the job will tell.
            self._assembler.reopen()
            return
        self._give(self._assembler.add(fresh))
        if await self._compare():
            self._finish()

    def _is_fresh(self, part: LogPart) -> bool:
        return isinstance(part.number, int) and part.number > self._assembler.given

    async def _compare(self) -> bool:
        """Hold what was given against the stored text, where numbers alone cannot tell.

        Parts of an earlier run may arrive after a restart, one before this stream was opened even, under numbers of the
        new one; and an old server splits parts where it sends them, and keeps them whole.

        Returns:
            False if the job was restarted meanwhile: then there is no end yet.
        """
        if not self._unsure or self._given.length > LARGEST_COMPARED:
            return True
        snapshot = await self._patiently(lambda: self._sources.read_v2(self._job))
        if await self._was_restarted():
            return False
        body = snapshot.body or "".join(part.content or "" for part in snapshot.parts or ())
        self._over = True
        if not body and snapshot.parts is not None and self._given.length:
            # Of this run nothing is stored: what was given is of another.
            self._ready.append(LogReset())
            self._begin()
        self._merge_body(body)
        return True

    async def _end(self) -> None:
        """The job is over, and nothing more comes: take what is left, then tell what could not be had."""
        # Once more, between two looks at the job that agree: what is told now is told for good.
        snapshot = await self._patiently(lambda: self._sources.read(self._job, after=self._assembler.given))
        if await self._was_restarted() or not self._over:
            return
        before = self._reached
        self._merge(snapshot)
        if before != self._reached:
            return
        missing = self._assembler.missing
        # A hole below a part that the server lists is the server's own loss. Otherwise it may have put them together.
        if snapshot.parts is not None and not any(number < self._listed for number in missing):
            whole = await self._patiently(lambda: self._sources.read_v2(self._job))
            if await self._was_restarted():
                return
            if whole.parts is None:
                self._merge_body(whole.body)
            elif not await self._compare():
                return
        self._finish()

    def _finish(self) -> None:
        """End: what is behind a hole is given all the same, then the hole is told."""
        self._gap = self._assembler.missing
        self._whole = not self._gap
        self._give(self._assembler.rest())
        self._ended = True

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, and ask again where the network or the server failed in passing."""
        delays = backoff(PATIENCE, LONGEST_POLL)
        for _ in range(FAILURES - 1):
            try:
                return await ask()
            except (RequestError, ServerError, RateLimited):
                await anyio.sleep(next(delays))
        return await ask()

    @property
    def _reached(self) -> tuple[int, int]:
        """How far it has come: characters and number of the last part given."""
        return self._given.length, self._assembler.given

    def _give(self, parts: Iterable[LogPart]) -> None:
        for part in parts:
            self._given.add(part.content or "")
            self._ready.append(part)
