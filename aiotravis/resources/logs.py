"""Logs: what a job printed.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Final

import anyio.to_thread
import msgspec

from aiotravis._http import ACCEPT_TEXT, ApiRequest, ApiResponse, Endpoint
from aiotravis._validation import validate_text
from aiotravis.bulk.concurrent_map import ConcurrentMap
from aiotravis.bulk.progress import Progress
from aiotravis.errors import ConflictError, NotFoundError, TooLargeError, UsageError
from aiotravis.resources._base import Entity, Resource, id_of, ids_of
from aiotravis.resources._log_downloads import FileSink, LogFile, download
from aiotravis.resources._log_sinks import PLACEHOLDERS, LogSink, TextSink
from aiotravis.resources.jobs import Job, Jobs

__all__ = ["LAST", "PLACEHOLDERS", "Log", "LogPart", "Logs"]

LAST: Final = 2147483647
"""Number of the notice that the server itself appends; numbers below it are not missing (fact 7.9)."""


class LogPart(Entity, frozen=True, kw_only=True):
    """A piece of a log.

    Attributes:
        number: Counts from 0. Also ``LAST``, and on old servers ``"7.1"``: the second piece of part 7.
        content: The text; None if only numbers were requested.
        final: Whether no higher number follows. Parts with lower numbers may still arrive.
    """

    # fact 9.34: numbers begin at 0, may be 2147483647, or have a dot.

    number: int | str
    content: str | None = None
    final: bool = False


class Log(Entity, frozen=True, kw_only=True):
    """A log as the server sent it: with a body, with parts, or with neither while nothing is written.

    Attributes:
        id: Id of the log, or None while there is none.
        job_id: Id of the job.
        body: The whole text, or None.
        parts: Parts in ascending order, or None if the server sent a body.
        removed_at: When the log was removed, as sent; see `removed`.
        removed_by: Name of the user who removed it.
    """

    id: int | None = None
    job_id: int | None = None
    body: str | None = None
    parts: tuple[LogPart, ...] | None = None
    removed_at: str | None = None
    removed_by: str | None = None

    @property
    def text(self) -> str:
        """The text of the body, or of all parts."""
        if self.body is not None:
            return self.body
        return "".join(part.content or "" for part in self.parts or ())

    @property
    def removed(self) -> datetime | None:
        """When the log was removed, in UTC; None if it was not, or if `removed_at` cannot be read."""
        if not self.removed_at:
            return None
        # fact 9.32: "2014-04-08 00:17:34 UTC", a format that no other date has.
        text = self.removed_at.removesuffix("UTC").strip()
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when


class _LogResponse(Entity, frozen=True, kw_only=True):
    log: Log


class _PartsResponse(Entity, frozen=True, kw_only=True):
    log_parts: tuple[LogPart, ...]


# fact 5.1: the official documentation writes /jobs/{id}/logs, which does not exist.
LOG = Endpoint("GET", "/jobs/{id}/log", _LogResponse)
LOG_BY_ID = Endpoint("GET", "/logs/{id}", _LogResponse)
REMOVE = Endpoint("PATCH", "/jobs/{id}/log", NoneType)
PARTS = Endpoint("GET", "/v3/job/{id}/log_parts", _PartsResponse)
TEXT_V3 = Endpoint("GET", "/v3/job/{id}/log.txt", str)

ACCEPT_ANY: Final = "application/json; chunked=true; version=2, application/json; version=2, text/plain"
"""The official client's choice (fact 5.2): the answer has parts, a body, text, or is a redirect to any of these."""


class Logs(Resource):
    """``travis.logs``."""

    async def text(self, job: int | Job) -> str:
        """Fetch the log of a job as text, as far as it is written. It can be of any size.

        Args:
            job: Id of the job, or a job.

        Returns:
            The text, with terminal colours and fold markers; empty while nothing is written.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            LogAccessDenied: The repository's settings hide its logs.
        """
        sink = TextSink()
        log = await self._read_text(job, sink)
        return sink.text() if log is None else log.text

    async def get(self, job: int | Job) -> Log:
        """Fetch the log of a job in the best form that this server has: parts, a body, or text.

        Args:
            job: Id of the job, or a job.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            LogAccessDenied: The repository's settings hide its logs.
            TooLargeError: It is larger than the client's ``max_response``; `text` and `download` have no such limit.
        """
        number = id_of(job, "job", Job)
        request = LOG.request(id=number, accept=ACCEPT_ANY)
        response = await self._transport.send(request)
        if response.status == 200 and _is_text(response):
            return Log(job_id=number, body=response.text)
        log = _read_json(request, response)
        return log if log.job_id is not None else msgspec.structs.replace(log, job_id=number)

    async def get_by_id(self, log_id: int) -> Log:
        """Fetch a log by its own id.

        Args:
            log_id: Id of the log: `Job.log_id`, which is sent on request.

        Raises:
            NotFoundError: No such log, or this token may not see its job.
            LogAccessDenied: The repository's settings hide its logs.
        """
        return (await self._fetch(LOG_BY_ID, id=id_of(log_id, "log_id"))).log

    async def _stream_text(self, job: int | Job, sink: LogSink, *, v3: bool = False) -> Log | None:
        """Stream the log of a job, as text, into a sink.

        Args:
            job: Id of the job, or a job.
            sink: Takes the text.
            v3: Whether to use the route of API v3.

        Returns:
            None if the sink has the text; else the log that came as JSON instead (fact 5.2: a job without a log).

        Raises:
            NotFoundError: No such job, or this token may not see it; or the server has no API v3.
            LogAccessDenied: The repository's settings hide its logs.
            TooLargeError: The server ignored the Accept header, and its JSON is larger than ``max_response``.
        """
        request = (TEXT_V3 if v3 else LOG).request(id=id_of(job, "job", Job), accept=ACCEPT_TEXT)
        response = await self._transport.send(request, sink)
        if response.status == 200 and not response.content_type.endswith("json"):
            if _is_text(response):
                return None
            response = replace(response, body=sink.head)
        return _read_json(request, response)

    async def _read_text(self, job: int | Job, sink: LogSink) -> Log | None:
        try:
            return await self._stream_text(job, sink)
        except TooLargeError:
            if not sink.size:
                with suppress(NotFoundError):
                    return await self._stream_text(job, sink, v3=True)
            raise

    async def parts(
        self, job: int | Job, *, after: int | None = None, numbers: Iterable[int] | None = None, content: bool = True
    ) -> Sequence[LogPart]:
        """Fetch the log of a job as numbered parts, ascending.

        This route belongs to API v3; the v2 routes of today's server have no parts (fact 5.5). Some minutes after the
        job has ended, the whole log is one part with number 0.

        Args:
            job: Id of the job, or a job.
            after: Only parts with a higher number.
            numbers: Only parts with these numbers.
            content: Whether to fetch the text, not only the numbers.

        Raises:
            NotFoundError: No such job, or this token may not see it; or the server has no API v3.
            AuthenticationError: The server requires a token.
            UsageError: A number is negative.
        """
        query: list[tuple[str, str]] = []
        chosen: list[int] | None = None
        if after is not None:
            query.append(("after", str(_part_number(after, "after"))))
        if numbers is not None:
            chosen = [_part_number(number, "numbers") for number in numbers]
            if not chosen:
                return ()
            query.append(("part_numbers", ",".join(map(str, chosen))))
        if not content:
            query.append(("content", "false"))
        parts = (await self._fetch(PARTS, id=id_of(job, "job", Job), query=query)).log_parts
        # fact 9.31: `after` and `part_numbers` may be ignored.
        wanted = frozenset(chosen) if chosen is not None else None
        lowest = -1 if after is None else after
        return tuple(
            part
            for part in parts
            if not isinstance(part.number, int)
            or (part.number > lowest and (wanted is None or part.number in wanted or part.number == 0))
        )

    async def download(
        self,
        jobs: Iterable[int | Job],
        folder: str | PathLike[str],
        *,
        at_once: int = 8,
        overwrite: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Sequence[LogFile]:
        """Download the logs of jobs that have ended, each into a file: ``FOLDER/ID.txt``.

        Each log is streamed into a temporary file, which replaces the target once it is complete. After an
        interruption, call again: files of the same run of a job are not downloaded again. A file's modification time
        is that of its job's end. A failure concerns one log only: see `LogFile.error`.

        Args:
            jobs: Ids, or jobs. The state of those given by id, or not yet ended, is fetched, a hundred per request.
            folder: Folder of the files; created if it does not exist.
            at_once: Maximum number of concurrent downloads.
            overwrite: Whether to download files that exist.
            progress: Called with the progress: after every log, and once a second while the client waits.

        Returns:
            One outcome for each job, in the order given.

        Raises:
            UsageError: One of them is not an id.
            OSError: The folder cannot be created.
            RequestError, ResponseError: The states of the jobs could not be fetched.
        """
        jobs = list(jobs) if not isinstance(jobs, str | bytes) else jobs
        ids = ids_of(jobs, "jobs", Job)
        target, known = Path(folder), dict[int, Job]()

        async def download_one(number: int) -> LogFile:
            job = known.get(number)
            if job is None:
                return LogFile(job_id=number, error=_no_such_job(number))
            return await download(job, target, partial(self._read_file, number), overwrite=overwrite)

        outcomes = ConcurrentMap(
            download_one,
            list(dict.fromkeys(ids)),
            at_once=at_once,
            progress=progress,
            waiting=lambda: self._transport.waiting,
            failed=lambda file: file.error is not None,
        )
        await anyio.to_thread.run_sync(partial(target.mkdir, parents=True, exist_ok=True))
        known.update({job.id: job for job in jobs if isinstance(job, Job) and job.finished})
        unknown = [number for number in dict.fromkeys(ids) if number not in known]
        known.update({job.id: job async for job in Jobs(self._transport).many(unknown, missing_ok=True)})
        async with outcomes:
            files = {outcome.item: outcome.value async for outcome in outcomes}
        return tuple(files[number] for number in ids)

    async def _read_file(self, job: int, sink: FileSink) -> None:
        log = await self._read_text(job, sink)
        if log is not None:
            await sink.begin()
            await sink.take(log.text.encode("utf-8", "surrogatepass"))
        if sink.is_placeholder:
            path = LOG.request(id=job).path
            message = f"GET {path}: the log is temporarily unavailable. Try again in a few minutes."
            raise ConflictError(message, status=200, method="GET", path=path)

    async def remove(self, job: int | Job, *, reason: str | None = None) -> None:
        """Remove the log of a job permanently; a notice takes its place.

        Args:
            job: Id of the job, or a job. **If this token may not see it, nothing happens and nothing is raised.**
            reason: Why; today's server accepts it but does not store it (fact 5.4).

        Raises:
            ConflictError: The job has not ended, or its log was removed already.
            PermissionDenied: This token has no push access.
        """
        fields = {} if reason is None else {"reason": validate_text(reason, "reason")}
        await self._fetch(REMOVE, id=id_of(job, "job", Job), json=fields)


def _no_such_job(number: int) -> NotFoundError:
    remedy = "Check the id; other tokens may see more."
    message = f"GET /jobs: no job {number}, or hidden from this token. {remedy}"
    error = NotFoundError(message, status=200, method="GET", path="/jobs", remedy=remedy)
    error.missing = (number,)
    return error


def _part_number(number: object, argument: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise UsageError(f"{argument} must be part numbers, 0 or higher, not {number!r}.", argument=argument)
    return number


def _is_text(response: ApiResponse) -> bool:
    """Whether a body is the text of a log. An archive may give it any content type, or none."""
    return not response.content_type.endswith("json") and response.content_type != "text/html"


def _read_json(request: ApiRequest, response: ApiResponse) -> Log:
    # fact 9.30: a job that has written nothing answers 406 without a body, or a log without body and parts.
    if response.status == 406 and not response.body:
        return Log()
    return LOG.read(request, response).log
