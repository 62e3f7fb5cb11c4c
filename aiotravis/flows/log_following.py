"""A job's log, followed live: complete, in order, each part once.

Live parts bring speed, REST brings completeness: the stream subscribes, reads what there is, merges by number, and
asks anew for whatever is missing. https://docs.travis-ci.com/api/#logs
"""

import hashlib
from collections import deque
from collections.abc import Iterable
from typing import Final

import anyio

from aiotravis.errors import LiveUnavailable, LogGap, NotFoundError, UsageError
from aiotravis.flows.log_parts import LogAssembler
from aiotravis.live.events import Event, JobCreated, JobEvent, JobLog, Mark
from aiotravis.live.feed import Feed
from aiotravis.resources._base import id_of
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.resources.logs import LogPart, Logs

__all__ = ["LogReset", "LogStream"]

PATIENCE: Final = 2.0
"""Seconds that a missing part, or the rest after the end, may still come live before it is asked for."""

PLACEHOLDERS: Final = frozenset({"log aggregated", "Your log is temporarily unavailable"})
"""What the server puts in place of a text that it cannot give just now."""


class LogReset(LogPart, frozen=True, kw_only=True):
    """The job was restarted: its log was emptied, and what follows is the new one from its start."""

    number: int | str = -1
    content: str | None = ""


class LogStream:
    """Parts of one log: ``async with travis.follow_log(job) as log: async for part in log: ...``.

    Ends by itself once the log is complete, or once the job has ended and nothing more is to be had. Holds no task.

    Args:
        job: Id of the job.
        feed: Its live events; not yet open.
        jobs: Tells the job's state.
        logs: Gives what the live events left out.
    """

    def __init__(self, job: int | Job, feed: Feed, jobs: Jobs, logs: Logs) -> None:
        self._job = id_of(job, "job", Job)
        self._feed: Feed | None = feed
        self._jobs = jobs
        self._logs = logs
        self._assembler = LogAssembler()
        self._ready: deque[LogPart] = deque()
        self._given = 0
        self._digest = hashlib.sha256()
        self._numbered = True
        self._listed = -1
        self._over = False
        self._stale = False
        self._opened = False
        self._ended = False
        self._whole = False
        self._gap: tuple[int, ...] = ()

    def __repr__(self) -> str:
        state = "ended" if self._ended else "open" if self._opened else "not opened"
        return f"<LogStream of job {self._job}, {state}>"

    @property
    def complete(self) -> bool:
        """Whether all of the log was given, once the stream has ended."""
        return self._whole and not self._ready

    async def __aenter__(self) -> "LogStream":
        """Subscribe, and read what there is so far.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            SubscriptionError: The log's channel was refused.
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

    async def _open(self) -> None:
        if self._feed is not None:
            try:
                await self._feed.__aenter__()
            except LiveUnavailable:
                # No live channel: the same stream, slower.
                self._feed = None
        self._opened = True
        await self._refresh()

    async def _refresh(self) -> None:
        """Ask for the job's state, then for what is new of its log: in this order, so that an end is not missed."""
        self._stale = False
        self._over = (await self._jobs.get(self._job)).finished
        await self._read()
        if self._over and self._numbered and not self._assembler.given >= 0:
            await self._read_body()
        if self._over and (self._assembler.complete or not self._numbered):
            self._finish()

    async def _step(self) -> None:
        """Wait for one thing to happen, and act on it."""
        if self._assembler.complete:
            self._finish()
            return
        if self._feed is None:
            await anyio.sleep(PATIENCE)
            await self._settle()
            return
        restless = self._over or self._stale or not self._numbered or bool(self._assembler.missing)
        with anyio.move_on_after(PATIENCE if restless else None):
            try:
                self._take(await self._feed.__anext__())
            except StopAsyncIteration:
                self._finish()
            return
        await self._settle()

    def _take(self, event: Event) -> None:
        if isinstance(event, JobLog) and event.job_id == self._job:
            if self._numbered:
                self._give(self._assembler.add([_part(event)]))
        elif isinstance(event, Mark):
            self._stale = True
        elif isinstance(event, JobEvent) and event.job.id == self._job:
            if isinstance(event, JobCreated) and self._assembler.given >= 0:
                self._restart()
            else:
                self._over = event.complete and event.job.finished

    def _restart(self) -> None:
        self._assembler = LogAssembler()
        self._digest = hashlib.sha256()
        self._given = 0
        self._over = False
        self._ready.append(LogReset())

    async def _settle(self) -> None:
        """Nothing came for a while although something should: ask."""
        over_before = self._over
        await self._refresh()
        if self._ended or not over_before:
            return
        # A hole below a part that the server lists is the server's own loss. Otherwise it has put the parts together.
        if not any(number < self._listed for number in self._assembler.missing):
            await self._read_body()
        self._finish()

    async def _read(self) -> None:
        """Ask for the parts that are missing; on a server without numbered parts, for the whole text."""
        if self._numbered:
            given = self._assembler.given
            try:
                parts = await self._logs.parts(self._job, after=given if given >= 0 else None)
            except NotFoundError:
                self._numbered = False
            else:
                self._listed = max((part.number for part in parts if isinstance(part.number, int)), default=-1)
                self._give(self._assembler.add(part for part in parts if part.content not in PLACEHOLDERS))
                return
        await self._read_body()

    async def _read_body(self) -> None:
        """Take from the whole text what was not given yet, if it begins with what was."""
        text = (await self._logs.get(self._job)).text
        if text in PLACEHOLDERS or len(text) <= self._given:
            return
        if hashlib.sha256(text[: self._given].encode()).digest() != self._digest.digest():
            return
        rest = LogPart(number=self._assembler.given + 1, content=text[self._given :])
        if self._over:
            self._assembler = LogAssembler()
        self._give([rest])

    def _finish(self) -> None:
        """End: what is behind a hole is given all the same, then the hole is told."""
        self._gap = self._assembler.missing
        self._whole = not self._gap
        self._give(self._assembler.rest())
        self._ended = True

    def _give(self, parts: Iterable[LogPart]) -> None:
        for part in parts:
            content = part.content or ""
            self._given += len(content)
            self._digest.update(content.encode())
            self._ready.append(part)


def _part(event: JobLog) -> LogPart:
    return LogPart(number=event.number, content=event.content, final=event.final)
