"""Logs: what a job printed.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Final

import anyio.to_thread
import msgspec

from aiotravis._async.handle import running_loop
from aiotravis._http import ACCEPT_TEXT, ApiRequest, ApiResponse, Endpoint
from aiotravis._validation import display, validate_bool, validate_iterable, validate_text
from aiotravis.bulk.concurrent_map import ConcurrentMap
from aiotravis.bulk.progress import Progress
from aiotravis.errors import (
    DecodeError,
    LogUnavailable,
    ResponseError,
    TooLargeError,
    TravisError,
    UsageError,
)
from aiotravis.resources._base import MAX_ID, Entity, Resource, id_of, ids_of, list_of, read_in_parts
from aiotravis.resources._log_answers import NOTICE, absent_response, absent_text, is_text, truncated, unavailable
from aiotravis.resources._log_downloads import FileSink, LogFile, download, prepare_folder
from aiotravis.resources._log_sinks import HEAD, LogSink, TextSink, is_placeholder
from aiotravis.resources._log_values import LAST, Log, LogPart
from aiotravis.resources.jobs import Job, Jobs, no_such_job

__all__ = ["LAST", "Log", "LogPart", "Logs"]


class _LogResponse(Entity, frozen=True, kw_only=True):
    log: Log | None = None


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


MAX_TEXT_READS: Final = 6
"""How often a text that ends with its connection is read, at most, until two readings agree."""


class Logs(Resource):
    """``travis.logs``."""

    async def text(self, job: int | Job) -> str:
        """Fetch the log of a job as text, as far as it is written. It can be of any size.

        Args:
            job: Id of the job, or a job.

        Returns:
            The text, with terminal colours and fold markers.

        Raises:
            LogUnavailable: The server has no log: nothing is written yet, or it is being stored, or was lost.
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
            LogUnavailable: The server has no log, as with `text`.
            NotFoundError: No such job, or this token may not see it.
            LogAccessDenied: The repository's settings hide its logs.
            TooLargeError: It is larger than the client's ``max_response``; `text` and `download` have no such limit.
        """
        number = id_of(job, "job", Job)
        return await self._read(LOG.request(id=number, accept=ACCEPT_ANY), number)

    async def get_by_id(self, log_id: int | Log | Job) -> Log:
        """Fetch a log by its own id.

        Args:
            log_id: Id of the log, or a log or a job that has it: `Job.log_id` is sent on request.

        Raises:
            LogUnavailable: The server has no log, as with `text`.
            NotFoundError: No such log, or this token may not see its job.
            LogAccessDenied: The repository's settings hide its logs.
        """
        number = log_id.log_id if isinstance(log_id, Job) else log_id
        return await self._read(LOG_BY_ID.request(id=id_of(number, "log_id", Log)), None)

    async def _read(self, request: ApiRequest, job_id: int | None) -> Log:
        response = await self._send(request, None)
        if response.status == 200 and is_text(response):
            absent = absent_text(response.body[:HEAD])
            if absent:
                raise unavailable(request, absent, job_id)
            return Log(job_id=job_id, body=response.text)
        return _read_json(request, response, job_id)

    async def _stream_text(self, job: int | Job, sink: LogSink, *, v3: bool = False) -> Log | None:
        """Stream the log of a job, as text, into a sink.

        Args:
            job: Id of the job, or a job.
            sink: Takes the text.
            v3: Whether to use the route of API v3.

        Returns:
            None if the sink has the text; else the log that came as JSON instead.

        Raises:
            LogUnavailable: The server has no log, as with `text`; discard what the sink has.
            TruncatedError: The text ended with its connection, again and again at another place.
            NotFoundError: No such job, or this token may not see it; or the server has no API v3.
            LogAccessDenied: The repository's settings hide its logs.
            TooLargeError: The server ignored the Accept header, and its JSON is larger than ``max_response``.
        """
        number = id_of(job, "job", Job)
        request = (TEXT_V3 if v3 else LOG).request(id=number, accept=ACCEPT_TEXT)
        response = await self._send(request, sink)
        if response.status == 200 and not response.content_type.endswith("json"):
            if is_text(response):
                absent = absent_text(sink.head)
                if absent:
                    raise unavailable(request, absent, number)
                return None
            response = msgspec.structs.replace(response, body=sink.head)
        return _read_json(request, response, number)

    async def _send(self, request: ApiRequest, sink: LogSink | None) -> ApiResponse:
        """Send a request; if the answer is a text that ended with its connection, until two of them are alike."""
        previous: object = None
        for _ in range(MAX_TEXT_READS):
            response = await self._transport.send(request, sink)
            if response.status != 200 or response.delimited or response.content_type.endswith("json"):
                return response
            received = response.body if sink is None else (sink.size, sink.checksum)
            if received == previous:
                return response
            previous = received
        raise truncated(request)

    async def _read_text(self, job: int | Job, sink: LogSink) -> Log | None:
        try:
            return await self._stream_text(job, sink)
        except TooLargeError:
            if not sink.size:
                with suppress(ResponseError, DecodeError, LogUnavailable):
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

        Returns:
            The parts that there are; none while nothing is stored.

        Raises:
            LogUnavailable: The server's notice that it cannot read the log stands in the place of a part.
            NotFoundError: No such job, or this token may not see it; or the server has no API v3.
            AuthenticationError: The server requires a token.
            UsageError: A number is negative.
        """
        query: list[tuple[str, str]] = []
        chosen: list[int] | None = None
        if after is not None:
            query.append(("after", str(_part_number(after, "after"))))
        if numbers is not None:
            validate_iterable(numbers, "numbers", "numbers")
            chosen = [_part_number(number, "numbers") for number in numbers]
            if not chosen:
                return ()
            query.append(("part_numbers", ",".join(map(str, chosen))))
        if not validate_bool(content, "content"):
            query.append(("content", "false"))
        request = PARTS.request(id=id_of(job, "job", Job), query=query)
        parts = PARTS.read(request, await self._transport.send(request)).log_parts
        absent = _absent_parts(parts)
        if absent:
            raise unavailable(request, absent, id_of(job, "job", Job))
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
        jobs: Iterable[int | Job] | AsyncIterable[int | Job],
        folder: str | PathLike[str],
        *,
        at_once: int = 8,
        overwrite: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Sequence[LogFile]:
        """Download the logs of jobs that have ended, each into a file: ``FOLDER/ID.txt``.

        Each log is streamed into a temporary file beside the target, which it replaces once it is complete. Cut off or
        cancelled, it is removed; what a killed process leaves is removed by a call an hour later. After an
        interruption, call again: files of the same run of a job are not downloaded again. A file's modification time
        is that of its job's end. A failure concerns one log only: see `LogFile.error`, which is a `LogUnavailable` if
        the server does not have the log (yet); call again later. Only a job that never started has an empty log.

        Args:
            jobs: Ids, or jobs; also from an async iterable, such as ``travis.jobs.many(ids)``. The state of those given
                by id, or not yet ended, is fetched, a hundred per request.
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
        running_loop()
        jobs = [job async for job in jobs] if isinstance(jobs, AsyncIterable) else list_of(jobs, "jobs")
        ids = ids_of(jobs, "jobs", Job)
        if not isinstance(folder, PathLike):
            validate_text(folder, "folder")
        target, known, unreadable = Path(folder), dict[int, Job](), dict[int, TravisError]()
        validate_bool(overwrite, "overwrite")

        async def download_one(number: int) -> LogFile:
            job = known.get(number)
            if job is None:
                return LogFile(job_id=number, error=unreadable.get(number) or no_such_job(number))
            return await download(job, target, partial(self._read_file, number), overwrite=overwrite)

        outcomes = ConcurrentMap(
            download_one,
            list(dict.fromkeys(ids)),
            at_once=at_once,
            progress=progress,
            waiting=lambda: self._transport.waiting,
            failed=lambda file: file.error is not None,
        )
        await anyio.to_thread.run_sync(prepare_folder, target)
        known.update({job.id: job for job in jobs if isinstance(job, Job) and job.finished})
        unknown = [number for number in dict.fromkeys(ids) if number not in known]

        async def read_states(ids: list[int]) -> None:
            known.update({job.id: job async for job in Jobs(self._transport).many(ids, missing_ok=True)})

        unreadable.update(await read_in_parts(read_states, unknown))
        async with outcomes:
            files = {outcome.item: outcome.value async for outcome in outcomes}
        return tuple(files[number] for number in ids)

    async def _read_file(self, job: int, sink: FileSink) -> None:
        try:
            log = await self._read_text(job, sink)
        except (LogUnavailable, DecodeError) as exc:
            # fact 10.2: API v3 may have the log while v2 does not.
            try:
                log = await self._stream_text(job, sink, v3=True)
            except TravisError:
                raise exc from None
        if log is not None:
            await sink.begin()
            await sink.take(log.text.encode("utf-8", "surrogatepass"))

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


def _part_number(number: object, argument: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MAX_ID:
        raise UsageError(f"{argument} must be part numbers, 0 or higher, not {display(number)}.", argument=argument)
    return number


def _absent_parts(parts: Sequence[LogPart]) -> str | None:
    """Return why parts are no log; None if they are one."""
    if any(is_placeholder(part.content) for part in parts):
        return NOTICE
    # A job may print a web page, but not at the beginning of its log.
    content = parts[0].content if len(parts) == 1 else None
    return absent_text(content[:HEAD].encode("utf-8", "replace")) if content else None


def _read_json(request: ApiRequest, response: ApiResponse, job_id: int | None) -> Log:
    absent = absent_response(response)
    if absent:
        raise unavailable(request, absent, job_id)
    log = LOG.read(request, response).log
    # fact 10.2: no body and no parts, or none with any text, does not mean that the log is empty.
    if log is None or not (log.text or log.removed_at):
        raise unavailable(request, "the answer has no text", job_id if log is None or job_id else log.job_id)
    absent = _absent_parts(log.parts or (LogPart(number=0, content=log.body),))
    if absent:
        raise unavailable(request, absent, job_id or log.job_id)
    return log if log.job_id is not None else msgspec.structs.replace(log, job_id=job_id)
