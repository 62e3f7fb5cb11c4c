"""LogStream: a job's log as its user iterates it.

Live parts bring speed, REST brings completeness: the stream subscribes, reads what there is, merges by number, and
asks anew for whatever is missing. https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from aiotravis._async.deadlines import Deadline
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import retry
from aiotravis.errors import LiveError, LogGap, UsageError
from aiotravis.events import Event, JobLog
from aiotravis.follow_log.lines import LogLines
from aiotravis.follow_log.poller import LogPoller
from aiotravis.follow_log.sources import LogSources
from aiotravis.follow_log.state import LogReset, LogState
from aiotravis.live.feed import Feed
from aiotravis.resources._base import id_of
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.resources.logs import LogPart

__all__ = ["LogStream"]

TAKEN_ALONG: Final = 64
"""Parts that are taken at once where they wait already."""


class LogStream:
    """Parts of one log: ``async with travis.follow_log(job) as log: async for part in log: ...``.

    Ends by itself once the log is complete, or once the job has ended and nothing more is to be had. Holds no task.
    Failures of the network and of the server that pass are waited out; where the live channel is not to be had, or no
    more, the same stream polls.

    Args:
        job: Id of the job.
        listen: Makes a feed of its live events, not yet open.
        jobs: Tells the job's state.
        sources: Gives what the live events left out.
        lifetime: Ends with the client.
    """

    def __init__(
        self, job: int | Job, listen: Callable[[], Feed], jobs: Jobs, sources: LogSources, lifetime: ClientLifetime
    ) -> None:
        self._job = id_of(job, "job", Job)
        self._listen = listen
        self._feed: Feed | None = None
        self._log = LogState(self._job)
        self._looking = LogPoller(self._job, self._log, jobs, sources, self._pass_over)
        self._lifetime = lifetime
        self._scope: Deadline | None = None
        self._subscribed = False
        self._opened = False
        self._ended = False
        self._gap_told = False

    def __repr__(self) -> str:
        state = "ended" if self._ended else "open" if self._opened else "not opened"
        return f"<LogStream of job {self._job}, {state}>"

    @property
    def complete(self) -> bool:
        """Whether all of the log was given, once the stream has ended."""
        return self._log.finished and not self._log.gap and not self._log.ready

    def lines(self) -> LogLines:
        """Give an async iterator over its lines, each with its newline, the last one maybe without.

        After a `LogReset` the lines of the new log follow; see `LogLines.resets`.
        """
        return LogLines(self)

    async def text(self) -> str:
        """Read it to its end, and give all of its text; of a log that was reset, that of the last run.

        Raises:
            LogGap: The server itself no longer has some parts.
            UsageError: It, or the client, was closed before the end.
        """
        pieces: list[str] = []
        async for part in self:
            if isinstance(part, LogReset):
                pieces.clear()
            pieces.append(part.content or "")
        if not self._log.finished:
            raise UsageError("This stream was closed before its end.")
        return "".join(pieces)

    async def __aenter__(self) -> "LogStream":
        """Subscribe, and read what there is so far.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            LogAccessDenied: The repository's settings hide its logs.
            RequestError: The server could not be reached for minutes.
            UsageError: The stream has ended, or the client is closed.
        """
        if self._ended:
            raise UsageError("This stream has ended. Make a new one.")
        if not self._opened:
            try:
                await self._alone(self._open)
            except BaseException:
                await self.aclose()
                raise
            if not self._opened:
                raise UsageError("This stream was closed while it was being opened.")
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
            UsageError: The client was closed, or another task waits already.
        """
        log = self._log
        while not log.ready:
            if self._ended or log.finished:
                await self.aclose()
                if log.gap and not self._gap_told:
                    self._gap_told, gap = True, log.gap
                    shown = ", ".join(map(str, gap[:10]))
                    message = f"The log of job {self._job} has holes that the server cannot fill: parts {shown}."
                    raise LogGap(message, job_id=self._job, missing=gap)
                raise StopAsyncIteration
            await self._alone(self._step if self._opened else self._open)
        return log.ready.popleft()

    async def aclose(self) -> None:
        """Unsubscribe and end. Safe to call twice, and from any task; whoever waits for a part is told of the end."""
        self._ended = True
        if self._scope is not None:
            self._scope.cancel()
        if self._feed is not None:
            await self._feed.aclose()

    # What happens -----------------------------------------------------------------------------------------------------

    async def _alone(self, do: Callable[[], Awaitable[None]]) -> None:
        """Do something for one task at a time, until this stream or the client is closed."""
        if self._scope is not None:
            raise UsageError("Two tasks iterate the same log. Make one stream for each.")
        try:
            with self._lifetime.scope(f"the log of job {self._job} was followed") as self._scope:
                await do()
        finally:
            self._scope = None

    async def _open(self) -> None:
        if not self._subscribed:
            self._feed = await retry(self._subscribe, self._log.delays())
            self._subscribed = True
        await self._looking.poll()
        self._log.opened(anyio.current_time())
        self._opened = True

    async def _subscribe(self) -> Feed | None:
        try:
            return await self._listen().__aenter__()
        except LiveError:
            # No live channel, or not this one: the same stream, slower.
            return None

    async def _step(self) -> None:
        """Let one thing happen: an event, or a look."""
        log = self._log
        if log.complete:
            await self._looking.last_look()
            return
        event = self._waiting_event()
        if event is None:
            event = await self._event()
        due = event is None
        now = anyio.current_time()
        while event is not None:
            log.take(event, now)
            # What is there already is taken along: with many small parts, the way to each is most of what it costs.
            full = len(log.ready) >= TAKEN_ALONG or log.complete
            event = None if full else self._waiting_event()
        if due or log.is_due(now):
            await self._looking.poll()

    def _waiting_event(self) -> Event | None:
        return self._feed.get_nowait() if self._feed is not None else None

    async def _event(self) -> Event | None:
        """Wait for an event, for as long as nothing is due."""
        wait = self._log.pause(anyio.current_time(), live=self._feed is not None)
        if self._feed is None:
            await anyio.sleep(wait)
            return None
        with anyio.move_on_after(wait):
            try:
                return await self._feed.__anext__()
            except (LiveError, StopAsyncIteration):
                self._feed = None
        return None

    def _pass_over(self) -> None:
        while (event := self._waiting_event()) is not None:
            if not isinstance(event, JobLog):
                self._log.take(event, anyio.current_time())
