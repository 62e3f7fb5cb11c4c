"""Decoding the messages of the live channel into the events of `aiotravis.events`. No I/O.

https://docs.travis-ci.com/api/#pusher
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from aiotravis._http.json_text import DECODE_ERRORS
from aiotravis._http.lenient import Id, UnreadableValue
from aiotravis._http.value_reader import ValueReader
from aiotravis.events import (
    EVENTS_BY_NAME,
    BuildEvent,
    Event,
    JobEvent,
    JobLog,
    UnknownEvent,
)
from aiotravis.live.protocol import Message, decode_data
from aiotravis.resources._build_or_job import finish
from aiotravis.resources.builds import Build
from aiotravis.resources.commits import Commit
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repository
from aiotravis.resources.stages import Stage

__all__ = ["decode_log", "has_no_payload", "read_event", "read_log"]

NO_FULL_PAYLOAD: Final = "_no_full_payload"


class _BuildPayload(msgspec.Struct, frozen=True, kw_only=True):
    # fact 7.8, 9.43: build.commit is the sha; the commit itself stands beside the build.
    build: msgspec.Raw
    commit: Commit | None = None
    repository: Repository | None = None
    # fact 7.8: older servers send no stages.
    stages: tuple[Stage, ...] | None = None


class _NestedJob(msgspec.Struct, frozen=True, kw_only=True):
    job: Job


class _LogPayload(msgspec.Struct, frozen=True, kw_only=True):
    # A part whose text or number cannot be read is no part: REST still has it. Without a text, the last one still ends.
    id: Id
    content: str | None = msgspec.field(name="_log")
    number: int | str
    final: bool = False


decode_log: Final[Callable[[str | bytes], JobLog]] = msgspec.json.Decoder(JobLog).decode
_read_log_payload = ValueReader(_LogPayload)
_read_job = ValueReader(Job)
_read_nested_job = ValueReader(_NestedJob)
_read_payload = ValueReader(_BuildPayload)
_read_build = ValueReader(Build)
_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _ignore() -> None:
    pass


def read_log(message: Message, on_unreadable: Callable[[], object] = _ignore) -> Event:
    """Return the event of a ``job:log`` message, as `read_event` does, but faster: log parts are most of what comes."""
    data = message.data
    text = data if isinstance(data, str) else msgspec.json.encode(data)
    try:
        log = decode_log(text)
    except DECODE_ERRORS:
        on_unreadable()
        try:
            part = _read_log_payload(text, set())
        except (UnreadableValue, *DECODE_ERRORS):
            return UnknownEvent(channel=message.channel, name=message.event, data=decode_data(data))
        log = JobLog(job_id=part.id, content=part.content or "", number=part.number, final=part.final)
    msgspec.structs.force_setattr(log, "channel", message.channel)
    return log


def read_event(message: Message, on_unreadable: Callable[[], object] = _ignore) -> Event:
    """Return the event of a message; an `UnknownEvent` if its name is unknown or its build or job has no readable id.

    Args:
        message: The message.
        on_unreadable: Called if a field, or all of it, could not be read.
    """
    name, channel, data = message.event, message.channel, message.data
    if name == "job:log":
        return read_log(message, on_unreadable)
    text = data if isinstance(data, str) else msgspec.json.encode(data)
    kind = EVENTS_BY_NAME.get(name)
    event: Event | None = None
    unreadable: set[str] = set()
    try:
        if kind is not None and issubclass(kind, JobEvent):
            job = _job(text, unreadable)
            event = kind(channel=channel, job=job, complete=_is_complete(data, unreadable))
        elif kind is not None:
            event = _build_event(kind, channel, text, data, unreadable)
    except (UnreadableValue, *DECODE_ERRORS):
        unreadable.add(name)
    if unreadable:
        on_unreadable()
    # fact 9.50: unknown names are kept, not refused.
    return UnknownEvent(channel=channel, name=name, data=decode_data(data)) if event is None else event


def _is_complete(data: object, unreadable: set[str]) -> bool:
    # Without a readable state, the event says nothing: REST is asked for it, as for an event without a payload.
    return not has_no_payload(data) and unreadable.isdisjoint(("Job.state", "Build.state"))


def has_no_payload(data: object) -> bool:
    """Return whether the data of an event holds ids alone because its payload was too large."""
    # fact 7.8, 9.42. A commit message may contain the word, too: the search only spares most events the decoding.
    if isinstance(data, str) and NO_FULL_PAYLOAD not in data:
        return False
    value = decode_data(data)
    return isinstance(value, dict) and NO_FULL_PAYLOAD in value


def _job(text: str | bytes, unreadable: set[str]) -> Job:
    # fact 7.8: the payload is flat, but Travis's website accepts {"job": ...}, too.
    try:
        job = _read_job(text, unreadable)
    except UnreadableValue:
        job = _read_nested_job(text, unreadable).job
    finish([job])
    return job


B = TypeVar("B", bound=BuildEvent)


def _build_event(kind: type[B], channel: str | None, text: str | bytes, data: object, unreadable: set[str]) -> B:
    payload = _read_payload(text, unreadable)
    fields = _read_fields(payload.build)
    fields.pop("commit", None)
    build = _read_build(msgspec.json.encode(fields), unreadable)
    if payload.commit is not None:
        msgspec.structs.force_setattr(build, "commit", payload.commit)
    finish([build])
    if build.repository_id is None and payload.repository is not None:
        msgspec.structs.force_setattr(build, "repository_id", payload.repository.id)
    return kind(
        channel=channel,
        build=build,
        repository=payload.repository,
        stages=payload.stages or (),
        complete=_is_complete(data, unreadable),
    )
