"""Logs: what a job printed.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Final

import anyio.to_thread
import msgspec

from aiotravis._http import ACCEPT_TEXT, ApiRequest, ApiResponse, Endpoint, raise_for_status
from aiotravis._validation import validate_text
from aiotravis.bulk.concurrent_map import ConcurrentMap
from aiotravis.bulk.progress import Progress
from aiotravis.errors import ConflictError, NotFoundError, UsageError
from aiotravis.resources._base import Entity, Resource, id_of, ids_of
from aiotravis.resources._log_downloads import FileSink, LogFile, download
from aiotravis.resources.jobs import Job, Jobs

__all__ = ["LAST", "PLACEHOLDERS", "Log", "LogPart", "Logs"]

LAST: Final = 2147483647
"""Number of the notice that the server appends by itself, without filling the numbers below it."""


PLACEHOLDERS: Final = frozenset({"log aggregated", "Your log is temporarily unavailable"})
"""What the server puts in place of a text that it cannot give just now."""


class LogPart(Entity, frozen=True, kw_only=True):
    """A piece of a log.

    Attributes:
        number: From 0, rising by 1. Also ``LAST``, and on old servers ``"7.1"``: the second piece of part 7.
        content: Its text; None where only numbers were asked for.
        final: Whether no higher number follows. The lower ones may still be on their way.
    """

    number: int | str
    content: str | None = None
    final: bool = False


class Log(Entity, frozen=True, kw_only=True):
    """A log as the server gave it: with a body, with parts, or with neither while there is none.

    Attributes:
        id: Id of the log, or None while there is none.
        job_id: Id of its job.
        body: All of its text, or None.
        parts: Its parts in ascending order, or None where the server gave a body.
        removed_at: When it was removed, as the server writes it: see `removed`.
        removed_by: Who removed it: a name.
    """

    id: int | None = None
    job_id: int | None = None
    body: str | None = None
    parts: tuple[LogPart, ...] | None = None
    removed_at: str | None = None
    removed_by: str | None = None

    @property
    def text(self) -> str:
        """All the text there is."""
        if self.body is not None:
            return self.body
        return "".join(part.content or "" for part in self.parts or ())

    @property
    def removed(self) -> datetime | None:
        """When it was removed, UTC. None if it was not, or at a time written in an unknown way; see `removed_at`."""
        if not self.removed_at:
            return None
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


LOG = Endpoint("GET", "/jobs/{id}/log", _LogResponse)
LOG_BY_ID = Endpoint("GET", "/logs/{id}", _LogResponse)
REMOVE = Endpoint("PATCH", "/jobs/{id}/log", NoneType)
PARTS = Endpoint("GET", "/v3/job/{id}/log_parts", _PartsResponse)

ANYTHING: Final = "application/json; chunked=true; version=2, application/json; version=2, text/plain"
"""What travis.rb asks for; servers answer it with parts, a body, bare text, or a redirect to any of these."""


class Logs(Resource):
    """``travis.logs``."""

    async def text(self, job: int | Job) -> str:
        """Fetch a job's log as text, as far as it is written.

        Args:
            job: Id of the job, or a job.

        Returns:
            The text, with terminal colours and fold markers; empty while nothing is written.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            LogAccessDenied: The repository's settings hide its logs.
        """
        request = LOG.request(id=id_of(job, "job", Job), accept=ACCEPT_TEXT)
        response = await self._transport.send(request)
        if _nothing_yet(response):
            return ""
        return (await _log_of(request, response)).text

    async def get(self, job: int | Job) -> Log:
        """Fetch a job's log in the best form that this server has: parts, a body, or text.

        Args:
            job: Id of the job, or a job.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            LogAccessDenied: The repository's settings hide its logs.
        """
        number = id_of(job, "job", Job)
        request = LOG.request(id=number, accept=ANYTHING)
        response = await self._transport.send(request)
        if _nothing_yet(response):
            return Log(job_id=number)
        log = await _log_of(request, response)
        return log if log.job_id is not None else msgspec.structs.replace(log, job_id=number)

    async def get_by_id(self, log_id: int) -> Log:
        """Fetch a log by its own id.

        Args:
            log_id: Id of the log: `Job.log_id`, which comes on request.

        Raises:
            NotFoundError: No such log, or this token may not see its job.
            LogAccessDenied: The repository's settings hide its logs.
        """
        return (await self._fetch(LOG_BY_ID, id=id_of(log_id, "log_id"))).log

    async def parts(
        self, job: int | Job, *, after: int | None = None, numbers: Iterable[int] | None = None, content: bool = True
    ) -> Sequence[LogPart]:
        """Fetch a job's log as numbered parts, ascending.

        This is a route of API v3 beside v2, the only one where today's server still hands out parts. A finished log
        that was put together comes as one part, number 0.

        Args:
            job: Id of the job, or a job.
            after: Only parts with a higher number.
            numbers: Only parts with these numbers.
            content: Whether to send the text too, not just the numbers.

        Raises:
            NotFoundError: No such job, or hidden from this token, or the server is older than this route.
            AuthenticationError: The server wants a token for it.
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
        # Servers have been known to send everything whatever they are asked for.
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

        Each is streamed into a temporary file, never into memory, and put in its place once it is whole. To go on
        after an interruption, call again: what is there already, from the same run of the job, is not fetched again.
        The time of a file is that of its job's end. One failure is not that of the others: see `LogFile.error`.

        Args:
            jobs: Ids, or jobs; the state of those given by id, or not yet ended, is asked for, a hundred in a request.
            folder: Where the files are to be; made if it is not there.
            at_once: Most logs under way at once.
            overwrite: Whether to fetch what is there already.
            progress: Told how far it has come: at every log, and once a second while it waits.

        Returns:
            What came of each, in the order asked.

        Raises:
            UsageError: One of them is not an id.
            OSError: The folder cannot be made.
            RequestError, ResponseError: The jobs' states could not be had.
        """
        jobs = list(jobs) if not isinstance(jobs, str | bytes) else jobs
        ids = ids_of(jobs, "jobs", Job)
        place, known = Path(folder), dict[int, Job]()

        async def one(number: int) -> LogFile:
            job = known.get(number)
            if job is None:
                return LogFile(job_id=number, error=_no_such_job(number))
            return await download(job, place, partial(self._into, number), overwrite=overwrite)

        outcomes = ConcurrentMap(
            one,
            list(dict.fromkeys(ids)),
            at_once=at_once,
            progress=progress,
            waiting=lambda: self._transport.waiting,
            failed=lambda file: file.error is not None,
        )
        await anyio.to_thread.run_sync(partial(place.mkdir, parents=True, exist_ok=True))
        known.update({job.id: job for job in jobs if isinstance(job, Job) and job.finished})
        unknown = [number for number in dict.fromkeys(ids) if number not in known]
        known.update({job.id: job async for job in Jobs(self._transport).many(unknown, missing_ok=True)})
        async with outcomes:
            files = {outcome.item: outcome.value async for outcome in outcomes}
        return tuple(files[number] for number in ids)

    async def _into(self, number: int, sink: FileSink) -> None:
        """Fetch a log into a file."""
        request = LOG.request(id=number, accept=ACCEPT_TEXT)
        response = await self._transport.send(request, sink)
        if not sink.begun:
            # No text: an empty log, one without a record, or a refusal.
            text = "" if _nothing_yet(response) else (await _log_of(request, response)).text
            await sink.take(text.encode("utf-8", "surrogatepass"))
        if sink.small.decode("utf-8", "replace") in PLACEHOLDERS:
            message = f"GET {request.shown}: the log is not to be had just now. Try again in a few minutes."
            raise ConflictError(message, status=response.status, method="GET", path=request.shown)

    async def remove(self, job: int | Job, *, reason: str | None = None) -> None:
        """Remove a job's log for good; a notice takes its place.

        Args:
            job: Id of the job, or a job. **One that is hidden from this token is passed over without an error.**
            reason: Why; today's server takes it without keeping it.

        Raises:
            ConflictError: The job has not ended, or its log is removed already.
            PermissionDenied: No push access.
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


def _nothing_yet(response: ApiResponse) -> bool:
    """Tell the log of a job that has not written anything: refused as having no text."""
    return response.status == 406 and not response.body


async def _log_of(request: ApiRequest, response: ApiResponse) -> Log:
    """Read whichever form came. A job without a log answers JSON even where text was asked for."""
    if response.content_type.endswith("json") or response.content_type == "text/html":
        return LOG.read(request, response).log
    raise_for_status(request, response)
    return Log(body=response.text)
