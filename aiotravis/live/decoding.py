"""Decoding the messages of the live channel into the events of `aiotravis.events`. No I/O.

https://docs.travis-ci.com/api/#pusher
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from aiotravis.events import (
    BuildCanceled,
    BuildCreated,
    BuildEvent,
    BuildFinished,
    BuildReceived,
    BuildStarted,
    Event,
    JobCanceled,
    JobCreated,
    JobEvent,
    JobFinished,
    JobLog,
    JobQueued,
    JobReceived,
    JobStarted,
    UnknownEvent,
)
from aiotravis.live.protocol import DECODE_ERRORS, Message, decode_data
from aiotravis.resources.builds import Build
from aiotravis.resources.commits import Commit
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repository
from aiotravis.resources.stages import Stage

__all__ = ["has_no_payload", "read_event", "read_log"]

_EVENTS: Final[Mapping[str, type[BuildEvent | JobEvent]]] = {
    "build:created": BuildCreated,
    "build:received": BuildReceived,
    "build:started": BuildStarted,
    "build:finished": BuildFinished,
    "build:canceled": BuildCanceled,
    "job:created": JobCreated,
    "job:queued": JobQueued,
    "job:received": JobReceived,
    "job:started": JobStarted,
    "job:finished": JobFinished,
    "job:canceled": JobCanceled,
}

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


_read_log = msgspec.json.Decoder(JobLog).decode
_read_job = msgspec.json.Decoder(Job, strict=False).decode
_read_nested_job = msgspec.json.Decoder(_NestedJob, strict=False).decode
_read_build = msgspec.json.Decoder(_BuildPayload, strict=False).decode


def read_log(message: Message) -> Event:
    """Return the event of a ``job:log`` message, as `read_event` does, but faster: log parts are most of what comes."""
    data = message.data
    try:
        log = _read_log(data if isinstance(data, str) else msgspec.json.encode(data))
    except DECODE_ERRORS:
        return UnknownEvent(channel=message.channel, name=message.event, data=decode_data(data))
    msgspec.structs.force_setattr(log, "channel", message.channel)
    return log


def read_event(message: Message) -> Event:
    """Return the event of a message; an `UnknownEvent` if its name is unknown or its data cannot be read."""
    name, channel, data = message.event, message.channel, message.data
    if name == "job:log":
        return read_log(message)
    text = data if isinstance(data, str) else msgspec.json.encode(data)
    kind = _EVENTS.get(name)
    try:
        if kind is not None and issubclass(kind, JobEvent):
            return kind(channel=channel, job=_job(text), complete=not has_no_payload(data))
        if kind is not None:
            return _build_event(kind, channel, text, complete=not has_no_payload(data))
    except DECODE_ERRORS:
        pass
    # fact 9.50: unknown names are kept, not refused.
    return UnknownEvent(channel=channel, name=name, data=decode_data(data))


def has_no_payload(data: object) -> bool:
    """Return whether the data of an event holds ids alone because its payload was too large."""
    # fact 7.8, 9.42. A commit message may contain the word, too: the search only spares most events the decoding.
    if isinstance(data, str) and NO_FULL_PAYLOAD not in data:
        return False
    value = decode_data(data)
    return isinstance(value, dict) and NO_FULL_PAYLOAD in value


def _job(text: str | bytes) -> Job:
    # fact 7.8: the payload is flat, but Travis's website accepts {"job": ...}, too.
    try:
        return _read_job(text)
    except msgspec.ValidationError:
        return _read_nested_job(text).job


B = TypeVar("B", bound=BuildEvent)


def _build_event(kind: type[B], channel: str | None, text: str | bytes, *, complete: bool) -> B:
    payload = _read_build(text)
    fields = msgspec.json.decode(payload.build, type=dict[str, Any])
    fields.pop("commit", None)
    build = msgspec.json.decode(msgspec.json.encode(fields), type=Build, strict=False)
    if payload.commit is not None:
        msgspec.structs.force_setattr(build, "commit", payload.commit)
    return kind(
        channel=channel, build=build, repository=payload.repository, stages=payload.stages or (), complete=complete
    )
