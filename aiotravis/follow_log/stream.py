"""LogStream: the log of a job, for a user to iterate.

The live channel makes it fast, REST makes it complete: the stream subscribes, reads what is stored, merges by number,
and reads again whatever is missing. https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import anyio

from aiotravis._async.handle import Handle
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import exponential, log_retry, retry
from aiotravis.bulk.iteration import refuse_await
from aiotravis.errors import LiveError, LogGap, LogUnavailable, TravisError, UsageError
from aiotravis.events import Event, JobEvent, JobLog, Mark
from aiotravis.follow_log.delivery import LogReset
from aiotravis.follow_log.job_reader import JobReader
from aiotravis.follow_log.lines import LogLines
from aiotravis.follow_log.log_timeout import DEFAULT_PATIENCE, LogTimeout
from aiotravis.follow_log.poll_schedule import MAX_POLL_DELAY, POLL_DELAY, retry_delays
from aiotravis.follow_log.poller import LogPoller
from aiotravis.follow_log.sources import LogSources
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.follow_log.state import LogState
from aiotravis.live.feed import Feed
from aiotravis.resources._base import id_of
from aiotravis.resources._log_answers import RETRY_AFTER
from aiotravis.resources._runs import RunFilter
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.resources.logs import LogPart

__all__ = ["LogStream"]

T = TypeVar("T")

MAX_BATCH: Final = 256
"""Parts that are taken at once if they wait already."""


class LogStream(Handle):
    """Parts of one log: ``async with travis.follow_log(job) as log: async for part in log: ...``.

    It ends once the log is complete, or once the job has ended and no more of its log can be had. It runs no task.
    Transient failures of the network and of the server are retried; without a live channel, the stream polls. It is
    iterated once: what begins after the end raises UsageError.

    Args:
        job: Id of the job.
        listen: Returns a feed of the job's live events, not yet open.
        jobs: Reads the job's state.
        sources: Reads what the live channel did not deliver.
        lifetime: Lifetime of the client.
        run_filter: Keeps out what belongs to an old run; None lets everything in.
        patience: Seconds after the end of the job for which a log that is not there is waited for.
    """

    def __init__(
        self,
        job: int | Job,
        listen: Callable[[], Feed],
        jobs: Jobs | JobReader,
        sources: LogSources,
        lifetime: ClientLifetime,
        run_filter: RunFilter | None = None,
        *,
        patience: float = DEFAULT_PATIENCE,
    ) -> None:
        self._job = id_of(job, "job", Job)
        self._run_filter = run_filter
        self._listen = listen
        self._feed: Feed | None = None
        self._jobs = JobReader(jobs) if isinstance(jobs, Jobs) else jobs
        self._log = LogState(self._job, LogTimeout(patience))
        self._poller = LogPoller(self._job, self._log, self._jobs, sources, self._take_events)
        self._lifetime = lifetime
        self._scope: anyio.CancelScope | None = None
        self._subscribed = False
        self._opened = False
        self._closed = False
        self._error_raised = False
        self._parts_taken = 0
        self._text: list[str] = []
        self._parts_in_text = 0

    def __repr__(self) -> str:
        state = "ended" if self._closed else "open" if self._opened else "not opened"
        return f"<LogStream of job {self._job}, {state}>"

    @property
    def complete(self) -> bool:
        """Whether the whole log was delivered, once the stream has ended."""
        log = self._log
        delivered = log.finished and not log.ready and log.remainder is None
        return delivered and not log.gap and log.unavailable is None

    def lines(self) -> LogLines:
        """Return an async iterator over the lines, each with its newline; the last one may lack it.

        After a `LogReset` the lines of the new log follow; see `LogLines.resets`.
        """
        return LogLines(self)

    async def text(self) -> str:
        """Read the log to its end, and return its text; if it restarted, the text since then.

        If it was cancelled, call it again to continue.

        Raises:
            LogUnavailable: The server does not have the log, or its end, some time after the end of the job.
            LogGap: The server itself lost some parts.
            UsageError: The stream or the client was closed before the end, or parts of it were taken before.
        """
        if self._parts_in_text != self._parts_taken:
            raise UsageError("Parts of this log were taken before: only an unused stream has the whole text.")
        async for part in self:
            self._parts_in_text += 1
            if isinstance(part, LogReset):
                self._text.clear()
            self._text.append(part.content or "")
        if not self._log.finished or self._log.remainder is not None:
            raise UsageError("This stream was closed before its end.")
        return "".join(self._text)

    async def __aenter__(self) -> "LogStream":
        """Subscribe, and read what is stored.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            LogAccessDenied: The repository's settings hide its logs.
            RestartDropped: The client has restarted the job, or its build, without effect.
            RequestError: The server could not be reached for minutes.
            UsageError: The stream has ended, or the client is closed.
        """
        if self._closed:
            raise UsageError("This stream has ended. Create a new one.")
        if not self._opened:
            try:
                await self._run_alone(self._open)
            except BaseException:
                await self.aclose()
                raise
            if not self._opened:
                raise UsageError("This stream was closed while it was being opened.")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __aiter__(self) -> "LogStream":
        if self._closed and not self._log.ready:
            raise UsageError("This stream has ended. Create a new one.")
        return self

    if not TYPE_CHECKING:  # Type checkers refuse to await this; at run time the error names the remedy.

        def __await__(self) -> NoReturn:
            refuse_await(self, "use `async with travis.follow_log(...) as log: async for part in log`, or `.text()`")

    async def __anext__(self) -> LogPart:
        """Return the next part of the log.

        Raises:
            LogUnavailable: After everything else: the server does not have the log, or its end. It was waited for:
                for ``log_patience`` seconds from the end of the job on.
            LogGap: After everything else: the server itself lost some parts.
            RestartDropped: Before everything else, see `Travis.restart`.
            RequestError: The server could not be reached for minutes; the next call continues where this one failed.
            OSError: A log of several megabytes could not be written to a temporary file.
            UsageError: The client was closed, or another task is iterating.
        """
        log = self._log
        while not log.ready:
            if self._closed or (log.finished and log.remainder is None):
                await self.aclose()
                error = None if self._error_raised else self._error()
                if error is not None:
                    self._error_raised = True
                    raise error
                raise StopAsyncIteration
            await self._run_alone(self._step if self._opened else self._open)
        self._parts_taken += 1
        return log.ready.popleft()

    def _error(self) -> LogGap | LogUnavailable | None:
        """Return why the log is not complete."""
        log, job = self._log, self._job
        if log.unavailable is not None:
            remedy = "It ended long ago" if log.timeout.long_ago else "Try again in a minute"
            message = f"The log of job {job} is not available: {log.unavailable}. {remedy}."
            retry_after = None if log.timeout.long_ago else RETRY_AFTER
            return LogUnavailable(message, job_id=job, reason=log.unavailable, retry_after=retry_after)
        if log.gap:
            shown = ", ".join(map(str, log.gap[:10]))
            return LogGap(f"The log of job {job} has gaps: the server lost parts {shown}.", job_id=job, missing=log.gap)
        return None

    async def aclose(self) -> None:
        """Unsubscribe and end. Safe to call twice, and from any task; a task that waits for a part sees the end."""
        self._closed = True
        self._jobs.remove(self)
        if self._scope is not None:
            self._scope.cancel()
        if self._log.remainder is not None:
            await self._log.remainder.aclose()
        if self._feed is not None:
            await self._feed.aclose()

    # Steps ------------------------------------------------------------------------------------------------------------

    async def _run_alone(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step for one task at a time, until this stream or the client is closed."""
        if self._scope is not None:
            raise UsageError("Two tasks iterate the same log. Create one stream for each.")
        try:
            with self._lifetime.scope(f"the log of job {self._job} was followed") as self._scope:
                await step()
        finally:
            self._scope = None

    async def _open(self) -> None:
        self._jobs.add(self)
        run_filter = self._run_filter
        if run_filter is not None:
            run_filter.begin()
        if not self._subscribed:
            self._feed = await self._outlast(lambda: retry(self._subscribe, retry_delays()))
            self._subscribed = True
        if run_filter is not None and run_filter.needed:
            await self._wait_for_run(run_filter)
        await self._poller.poll(live=False)
        self._log.set_opened(anyio.current_time())
        self._opened = True

    async def _outlast(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read; right after a restart, answers may be odd for a while."""
        while True:
            try:
                return await read()
            except TravisError as exc:
                if self._run_filter is None:
                    raise
                if not self._run_filter.tolerates(exc):
                    raise self._run_filter.explained(exc) from exc.__cause__
                delay = self._run_filter.poll_interval or POLL_DELAY
                log_retry(exc, delay)
            await anyio.sleep(delay)

    async def _wait_for_run(self, run_filter: RunFilter) -> None:
        """Wait until the job is on the run to follow; discard what arrives before."""
        polls, event = 0, None
        while event is None and not run_filter.accepts(await self._outlast(self._poller.read_job)):
            delay = exponential(POLL_DELAY, MAX_POLL_DELAY, polls)
            event = await self._accepted_event(run_filter, min(delay, run_filter.poll_interval or delay))
            polls += 1
        # fact 7.9: parts of the old run may still arrive.
        self._log.begin_run(anyio.current_time())
        if event is not None:
            self._log.handle_event(event, anyio.current_time())

    async def _accepted_event(self, run_filter: RunFilter, delay: float) -> JobEvent | None:
        """Return an event that tells of the run to follow, or None once the job is to be read again."""
        if self._feed is None:
            await anyio.sleep(delay)
            return None
        with anyio.move_on_after(delay):
            try:
                async for event in self._feed:
                    if isinstance(event, Mark):
                        return None
                    if isinstance(event, JobEvent) and event.job.id == self._job and not event.late:
                        is_accepted = event.complete and run_filter.accepts(event.job, is_event=True)
                        return event if is_accepted else None
            except (LiveError, StopAsyncIteration):
                pass
            self._feed = None
        return None

    async def _subscribe(self) -> Feed | None:
        try:
            return await self._listen().__aenter__()
        except LiveError:
            # Without the live channel the stream polls.
            return None

    @property
    def _live(self) -> bool:
        return self._feed is not None and self._feed.live

    async def _step(self) -> None:
        """Read a piece of text, handle the next events, or poll."""
        log = self._log
        if log.remainder is not None:
            await self._read_piece(log.remainder)
            return
        if log.complete and (log.job_ended or not log.final_checks):
            await self._poller.check_end()
            return
        event = self._waiting_event()
        if event is None:
            event = await self._next_event()
        silent = event is None
        now = anyio.current_time()
        feed, ready = self._feed, log.ready
        while event is not None:
            log.handle_event(event, now)
            # Take the parts that wait already: with many small parts, most of the cost is in the calls for each.
            if feed is None or len(ready) >= MAX_BATCH or not isinstance(event, JobLog) or event.final:
                break
            event = feed.get_nowait()
        if silent or log.is_poll_due(now):
            await (self._poller.check_end() if log.complete else self._poller.poll(live=self._live))

    async def _read_piece(self, text: SpooledText) -> None:
        content = await text.read()
        self._log.deliver_text(content, last=text.exhausted)
        if text.exhausted:
            await text.aclose()

    def _waiting_event(self) -> Event | None:
        return self._feed.get_nowait() if self._feed is not None else None

    async def _next_event(self) -> Event | None:
        """Wait for an event until the next poll is due."""
        now = anyio.current_time()
        delay = self._log.poll_delay(now, live=self._live, idle=self._jobs.until_idle_read(now))
        if self._feed is None:
            await anyio.sleep(delay)
            return None
        with anyio.move_on_after(delay):
            try:
                return await self._feed.__anext__()
            except (LiveError, StopAsyncIteration):
                self._feed = None
        return None

    def _take_events(self) -> None:
        while (event := self._waiting_event()) is not None:
            self._log.handle_event(event, anyio.current_time())
