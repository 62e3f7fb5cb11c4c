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
from aiotravis.live.protocol import Message, plain
from aiotravis.resources.builds import Build
from aiotravis.resources.commits import Commit
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repository
from aiotravis.resources.stages import Stage

__all__ = ["is_too_large", "read_event", "read_log"]

_BUILD_EVENTS: Final[Mapping[str, type[BuildEvent]]] = {
    "build:created": BuildCreated,
    "build:received": BuildReceived,
    "build:started": BuildStarted,
    "build:finished": BuildFinished,
    "build:canceled": BuildCanceled,
}

_JOB_EVENTS: Final[Mapping[str, type[JobEvent]]] = {
    "job:created": JobCreated,
    "job:queued": JobQueued,
    "job:received": JobReceived,
    "job:started": JobStarted,
    "job:finished": JobFinished,
    "job:canceled": JobCanceled,
}

TOO_LARGE: Final = "_no_full_payload"


class _Outer(msgspec.Struct, frozen=True, kw_only=True):
    """A build event's payload. Its build says ``commit`` for the sha, so the commit comes from beside it."""

    build: msgspec.Raw
    commit: Commit | None = None
    repository: Repository | None = None
    stages: tuple[Stage, ...] | None = None


class _Nested(msgspec.Struct, frozen=True, kw_only=True):
    job: Job


_read_log = msgspec.json.Decoder(JobLog).decode
_read_job = msgspec.json.Decoder(Job, strict=False).decode
_read_nested = msgspec.json.Decoder(_Nested, strict=False).decode
_read_outer = msgspec.json.Decoder(_Outer, strict=False).decode


def read_log(message: Message) -> Event:
    """Turn a ``job:log`` message into its event, as `read_event` does, with nothing on the way: there are many."""
    data = message.data
    try:
        log = _read_log(data if isinstance(data, str) else msgspec.json.encode(data))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return UnknownEvent(channel=message.channel, name=message.event, data=plain(data))
    msgspec.structs.force_setattr(log, "channel", message.channel)
    return log


def read_event(name: str, channel: str | None, data: object) -> Event:
    """Turn a message into its event.

    Never fails: what cannot be read is an `UnknownEvent`.

    Args:
        name: ``job:log`` and the like.
        channel: Name of the channel.
        data: JSON text, or its value.
    """
    if name == "job:log":
        return read_log(Message(event=name, channel=channel, data=data))
    text = data if isinstance(data, str) else msgspec.json.encode(data)
    try:
        if name in _JOB_EVENTS:
            return _JOB_EVENTS[name](channel=channel, job=_job(text), complete=not is_too_large(data))
        if name in _BUILD_EVENTS:
            return _build_event(_BUILD_EVENTS[name], channel, text, complete=not is_too_large(data))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    return UnknownEvent(channel=channel, name=name, data=plain(data))


def is_too_large(data: object) -> bool:
    """Whether a payload holds ids alone because all of it was too much."""
    # A commit's message may hold the word, too: the text is searched only to spare most events a second reading.
    if isinstance(data, str) and TOO_LARGE not in data:
        return False
    value = plain(data)
    return isinstance(value, dict) and TOO_LARGE in value


def _job(text: str | bytes) -> Job:
    try:
        return _read_job(text)
    except msgspec.ValidationError:
        return _read_nested(text).job


B = TypeVar("B", bound=BuildEvent)


def _build_event(kind: type[B], channel: str | None, text: str | bytes, *, complete: bool) -> B:
    outer = _read_outer(text)
    fields = msgspec.json.decode(outer.build, type=dict[str, Any])
    # Here ``commit`` is the sha; in a Build it is the commit.
    fields.pop("commit", None)
    build = msgspec.json.decode(msgspec.json.encode(fields), type=Build, strict=False)
    if outer.commit is not None:
        msgspec.structs.force_setattr(build, "commit", outer.commit)
    return kind(channel=channel, build=build, repository=outer.repository, stages=outer.stages or (), complete=complete)
