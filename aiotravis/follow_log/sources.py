"""Where a log can be read: as parts, as JSON, or as text, of API v2 or v3; in which order, and what a server lacks.

A new source is a function that is listed below. https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, cast

from aiotravis._async.retry import is_transient
from aiotravis.errors import (
    BannedError,
    DecodeError,
    LogUnavailable,
    NotFoundError,
    RateLimited,
    RedirectError,
    RequestTimeout,
    ResponseError,
    ServerError,
    TooLargeError,
    TravisError,
    TruncatedError,
)
from aiotravis.follow_log.assembler import LogAssembler
from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.resources._log_sinks import DiskError
from aiotravis.resources.logs import Log, LogPart, Logs

__all__ = ["LogSources", "Snapshot", "Wanted", "begins_at_one"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read of a log.

    Attributes:
        job: Id of the job.
        after: Number above which parts are wanted; servers may send those below it, too.
        delivered: The text that was delivered before.
        ended: Whether the job has ended: an empty answer then means that the log is somewhere else, or not there yet.
    """

    job: int
    after: int
    delivered: LogPrefix
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A log as it was at one moment: as parts, or as one text.

    Attributes:
        parts: The parts that were wanted, perhaps none; None if the server numbers none just now.
        text: The whole text instead of parts; None if none is available just now.
        complete: Whether it is known that nothing will follow this text.
    """

    parts: tuple[LogPart, ...] | None = None
    text: SpooledText | None = None
    complete: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not self.parts and self.text is None

    @property
    def whole(self) -> bool:
        """Whether one part is the whole log: of an aggregated log, a removed one, or a very short one."""
        return self.parts is not None and len(self.parts) == 1 and self.parts[0].number == 0 and self.parts[0].final


@dataclass(frozen=True, slots=True)
class Source:
    """A route that logs can be read from.

    Attributes:
        read: Reads a log there; returns None if it is not available there.
        numbers: Whether the answer can have numbered parts.
        streams: Whether the answer is streamed text, of any size; else it is JSON, of limited size.
        v3: Whether the route belongs to API v3.
    """

    read: Callable[[Logs, Wanted], Awaitable[Snapshot]]
    numbers: bool = False
    streams: bool = False
    v3: bool = False


async def _read_v3_parts(logs: Logs, wanted: Wanted) -> Snapshot:
    parts = await logs.parts(wanted.job, after=wanted.after if wanted.after >= 0 else None)
    return Snapshot(parts=tuple(parts))


async def _read_v3_numbers(logs: Logs, wanted: Wanted) -> Snapshot:
    return Snapshot(parts=tuple(await logs.parts(wanted.job, content=False)))


async def _read_v2_log(logs: Logs, wanted: Wanted) -> Snapshot:
    # fact 5.3: today's server answers a body, older ones all parts: neither heeds `after`.
    return _from_json(await logs.get(wanted.job), wanted)


async def _read_text(logs: Logs, wanted: Wanted, *, v3: bool) -> Snapshot:
    text = SpooledText(wanted.delivered)
    try:
        log = await logs._stream_text(wanted.job, text, v3=v3)
        await text.end()
    except DiskError as exc:
        raise cast("OSError", exc.__cause__) from None
    if log is not None:
        # A server may ignore that text was requested.
        return _from_json(log, wanted)
    return Snapshot(text=text)


def _from_json(log: Log, wanted: Wanted) -> Snapshot:
    if log.parts is not None:
        return Snapshot(parts=log.parts)
    return Snapshot(text=SpooledText.of(log.body, wanted.delivered)) if log.body else Snapshot()


V3_PARTS: Final = Source(_read_v3_parts, numbers=True, v3=True)
V3_NUMBERS: Final = Source(_read_v3_numbers, numbers=True, v3=True)
V2_LOG: Final = Source(_read_v2_log, numbers=True)
V2_TEXT: Final = Source(partial(_read_text, v3=False), streams=True)
V3_TEXT: Final = Source(partial(_read_text, v3=True), streams=True, v3=True)

FAILURES: Final = (ResponseError, DecodeError, TooLargeError, TruncatedError, RequestTimeout, RedirectError)
"""What one route may answer while another has the log (fact 10.2)."""

INTERNAL_ERROR: Final = 500

NUMBERED: Final = (V3_PARTS, V2_LOG)
NUMBERS_FIRST: Final = (*NUMBERED, V2_TEXT, V3_TEXT)
TEXT_FIRST: Final = (V2_TEXT, V3_TEXT, *NUMBERED)
WHOLE_TEXT: Final = (V2_TEXT, V3_TEXT, V2_LOG)


class LogSources:
    """Reads logs from the sources that a server has, and remembers which it lacks.

    Args:
        logs: The resource to read from.
    """

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._lacking: set[Source] = set()

    async def read(self, wanted: Wanted, sources: Sequence[Source]) -> Snapshot:
        """Read a log from the first of some sources that has it. Sources replace each other, at every read.

        Returns:
            The log, or an empty snapshot if none of them has it.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            TooLargeError: None of the sources streams, and the log is larger than the client's ``max_response``.
        """
        failures: dict[Source, TravisError] = {}
        empty: Snapshot | None = None
        too_large = no_log = nothing_numbered = nothing_in_v2 = False
        for source in sources:
            if source in self._lacking or (too_large and not source.streams):
                continue
            if nothing_in_v2 and not (source.v3 or too_large):
                # What one route of API v2 does not have, the other does not have either.
                continue
            if nothing_numbered and not (wanted.ended or too_large):
                # Nothing is written yet.
                break
            snapshot = await self._ask(source, wanted)
            if not isinstance(snapshot, Snapshot):
                failures[source] = snapshot
                too_large = too_large or isinstance(snapshot, TooLargeError)
                no_log = no_log or _is_no_log(snapshot)
                continue
            if not self._is_empty(snapshot, wanted):
                return snapshot
            nothing_numbered = nothing_numbered or source.numbers
            nothing_in_v2 = nothing_in_v2 or not source.v3
            if empty is None or snapshot.parts is not None:
                empty = Snapshot(parts=None if snapshot.parts is None else ())
        interrupted = next(filter(_is_interruption, failures.values()), None)
        if interrupted is not None and wanted.ended:
            # The others do not have the log, and this one may.
            raise interrupted
        if too_large or (failures and empty is None and not no_log):
            raise _most_telling(failures)
        return empty or Snapshot()

    @staticmethod
    def _is_empty(snapshot: Snapshot, wanted: Wanted) -> bool:
        if snapshot.parts is None:
            return snapshot.text is None or not snapshot.text.prefix.length
        if wanted.after >= 0:
            # There is nothing behind the parts that were delivered.
            return False
        # fact 5.2: an archived log that is missing has one part, which is empty.
        return not snapshot.parts or (wanted.ended and not any(part.content for part in snapshot.parts))

    async def read_ended(self, wanted: Wanted, *, as_text: bool) -> Snapshot:
        """Read the log of a job that has ended, as text unless parts are known to be missing.

        Args:
            wanted: What to read.
            as_text: Whether to read it as text even then.
        """
        wanted = replace(wanted, ended=True)
        sources: Sequence[Source] = TEXT_FIRST
        answer = await self._ask(V3_NUMBERS, wanted) if V3_PARTS not in self._lacking else Snapshot()
        numbers = (answer.parts or ()) if isinstance(answer, Snapshot) else ()
        if isinstance(answer, Snapshot) and not numbers:
            # What one route of an API does not have, the others do not have either.
            sources = (V2_TEXT, V2_LOG)
        listed = LogAssembler()
        listed.add(numbers, bounded=False)
        if begins_at_one(numbers):
            listed.begin_at_one()
        if numbers and not listed.complete and not as_text:
            # Parts may still be on their way to the store, and a text would not show where they are missing.
            return await self.read(wanted, NUMBERS_FIRST)
        snapshot = await self.read(wanted, sources)
        return Snapshot(text=snapshot.text, complete=listed.complete) if snapshot.text is not None else snapshot

    async def _ask(self, source: Source, wanted: Wanted) -> Snapshot | TravisError:
        """Read a log from one source; return the failure if it is one that another source may not have."""
        try:
            return await source.read(self._logs, wanted)
        except LogUnavailable:
            return Snapshot()
        except FAILURES as exc:
            if isinstance(exc, RateLimited | BannedError):
                raise
            # fact 5.5: API v3 says in its own words that this log is missing; any other 404 says that the route is.
            if source.v3 and isinstance(exc, NotFoundError) and '"@type"' not in exc.excerpt:
                self._lacking.add(V3_PARTS if source is V3_NUMBERS else source)
            return exc


def begins_at_one(parts: Iterable[LogPart]) -> bool:
    """Return whether a server's list of all parts shows that it numbers them from 1."""
    # fact 7.9: servers of 2013 to 2015 did. The first number that the server lists is the first part.
    numbers = [part.number for part in parts if isinstance(part.number, int)]
    return min(numbers, default=0) == 1


def _is_no_log(error: TravisError) -> bool:
    """Return whether an answer is neither a log nor a refusal: a web page, ``[]``, 204, 410, 307 without a target."""
    return isinstance(error, DecodeError | RedirectError) or type(error) is ResponseError


def _is_interruption(error: TravisError) -> bool:
    """Return whether a source did not get to answer."""
    # fact 10.2: 500 is an answer: API v3 gives it for logs that only v2 has.
    return is_transient(error) and not (isinstance(error, ServerError) and error.status == INTERNAL_ERROR)


def _most_telling(failures: dict[Source, TravisError]) -> TravisError:
    """Return the failure that tells what is wrong: v2's own refusal; else the last of the groups below."""
    refusal = failures.get(V2_LOG)
    if refusal is not None and not is_transient(refusal):
        return refusal
    in_order = sorted(failures.items(), key=lambda item: item[0].streams)
    passing = [failure for _, failure in in_order if is_transient(failure)]
    interrupted = [failure for _, failure in in_order if _is_interruption(failure)]
    as_json = [failure for source, failure in in_order if not source.streams]
    too_large = [failure for _, failure in in_order if isinstance(failure, TooLargeError)]
    return [*(failure for _, failure in in_order), *as_json, *passing, *too_large, *interrupted][-1]
