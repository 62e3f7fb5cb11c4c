"""Where a log can be read: as parts, as JSON, or as text, of API v2 or v3; in which order, and what a server lacks.

A new source is a function that is listed below. https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from aiotravis._async.retry import is_transient
from aiotravis.errors import DecodeError, NotFoundError, ResponseError, TooLargeError, TravisError
from aiotravis.follow_log.assembler import LogAssembler
from aiotravis.follow_log.prefix import LogPrefix
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.resources._log_sinks import DiskError
from aiotravis.resources.logs import PLACEHOLDERS, Log, LogPart, Logs

__all__ = ["LogSources", "Snapshot", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read of a log.

    Attributes:
        job: Id of the job.
        after: Number above which parts are wanted; servers may send those below it, too.
        delivered: The text that was delivered before.
    """

    job: int
    after: int
    delivered: LogPrefix


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A log as it was at one moment: as parts, or as one text.

    Attributes:
        parts: The parts that were wanted; None if the server numbers none just now.
        text: The whole text instead of parts; None if none is available just now.
        complete: Whether it is known that nothing will follow this text.
    """

    parts: tuple[LogPart, ...] | None = None
    text: SpooledText | None = None
    complete: bool = False

    @property
    def whole(self) -> bool:
        """Whether one part is the whole log: of an aggregated log, a removed one, or a very short one."""
        return self.parts is not None and len(self.parts) == 1 and self.parts[0].number == 0 and self.parts[0].final


@dataclass(frozen=True, slots=True)
class Source:
    """A route that logs can be read from.

    Attributes:
        read: Reads a log there; returns None if it is not available there.
        streams: Whether the answer is streamed text, of any size; else it is JSON, of limited size.
        v3: Whether the route belongs to API v3.
    """

    read: Callable[[Logs, Wanted], Awaitable[Snapshot | None]]
    streams: bool = False
    v3: bool = False


async def _read_v3_parts(logs: Logs, wanted: Wanted) -> Snapshot:
    parts = await logs.parts(wanted.job, after=wanted.after if wanted.after >= 0 else None)
    return Snapshot(parts=_without_placeholders(parts))


async def _read_v2_log(logs: Logs, wanted: Wanted) -> Snapshot:
    # fact 5.3: today's server answers a body, older ones all parts: neither heeds `after`.
    return _from_json(await logs.get(wanted.job), wanted)


async def _read_text(logs: Logs, wanted: Wanted, *, v3: bool) -> Snapshot | None:
    text = SpooledText(wanted.delivered)
    try:
        log = await logs._stream_text(wanted.job, text, v3=v3)
        await text.end()
    except DiskError as exc:
        raise cast("OSError", exc.__cause__) from None
    if log is not None:
        # fact 5.2: a job without a log answers JSON even if text was requested.
        return _from_json(log, wanted) if log.text else None
    return Snapshot(text=text) if text.prefix.length and not text.is_placeholder else None


def _from_json(log: Log, wanted: Wanted) -> Snapshot:
    if log.parts is not None:
        return Snapshot(parts=_without_placeholders(log.parts))
    if not log.body or log.body in PLACEHOLDERS:
        return Snapshot()
    return Snapshot(text=SpooledText.of(log.body, wanted.delivered))


def _without_placeholders(parts: Sequence[LogPart]) -> tuple[LogPart, ...]:
    # fact 9.33: a placeholder is not the log.
    return tuple(part for part in parts if part.content not in PLACEHOLDERS)


V3_PARTS: Final = Source(_read_v3_parts, v3=True)
V2_LOG: Final = Source(_read_v2_log)
V2_TEXT: Final = Source(partial(_read_text, v3=False), streams=True)
V3_TEXT: Final = Source(partial(_read_text, v3=True), streams=True, v3=True)

FAILURES: Final = (ResponseError, DecodeError, TooLargeError)

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
        """Read a log from the first of some sources that has it.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            TooLargeError: None of the sources streams, and the log is larger than the client's ``max_response``.
        """
        failure: TravisError | None = None
        for source in sources:
            if source in self._lacking or (isinstance(failure, TooLargeError) and not source.streams):
                continue
            try:
                snapshot = await source.read(self._logs, wanted)
            except FAILURES as exc:
                if is_transient(exc) or not (source.streams or isinstance(exc, NotFoundError | TooLargeError)):
                    raise
                self._note_missing(source, exc)
                # fact 10.2: an archive may answer 404 or a web page while the log is there. JSON tells what is wrong.
                failure = failure if source.streams else exc
            else:
                if snapshot is not None:
                    return snapshot
        if failure is not None:
            raise failure
        return Snapshot()

    async def read_ended(self, wanted: Wanted, *, as_text: bool) -> Snapshot:
        """Read the log of a job that has ended, as text unless parts are known to be missing.

        Args:
            wanted: What to read.
            as_text: Whether to read it as text even then.
        """
        numbers = await self._numbers(wanted)
        listed = LogAssembler()
        listed.add(numbers)
        if numbers and not listed.complete and not as_text:
            # Parts may still be on their way to the store, and a text would not show where they are missing.
            return await self.read(wanted, NUMBERS_FIRST)
        snapshot = await self.read(wanted, TEXT_FIRST)
        return Snapshot(text=snapshot.text, complete=listed.complete) if snapshot.text is not None else snapshot

    async def _numbers(self, wanted: Wanted) -> Sequence[LogPart]:
        """List the numbers of the stored parts, without text; none if the server cannot."""
        if V3_PARTS in self._lacking:
            return ()
        try:
            return await self._logs.parts(wanted.job, content=False)
        except FAILURES as exc:
            if is_transient(exc):
                raise
            self._note_missing(V3_PARTS, exc)
            return ()

    def _note_missing(self, source: Source, error: TravisError) -> None:
        # fact 5.5: API v3 says in its own words that this log is missing; any other 404 says that the route is.
        if source.v3 and isinstance(error, NotFoundError) and '"@type"' not in error.excerpt:
            self._lacking.add(source)
