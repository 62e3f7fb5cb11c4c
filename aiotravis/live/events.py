"""The events of the live channel, one class each, for ``match``. No I/O.

https://docs.travis-ci.com/api/#pusher
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from aiotravis.live.protocol import Message, plain
from aiotravis.resources.builds import Build
from aiotravis.resources.commits import Commit
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repository
from aiotravis.resources.stages import Stage

__all__ = [
    "BuildCanceled",
    "BuildCreated",
    "BuildEvent",
    "BuildFinished",
    "BuildReceived",
    "BuildStarted",
    "Event",
    "JobCanceled",
    "JobCreated",
    "JobEvent",
    "JobFinished",
    "JobLog",
    "JobQueued",
    "JobReceived",
    "JobStarted",
    "Lagged",
    "Mark",
    "Reconnected",
    "UnknownEvent",
    "is_too_large",
    "read_event",
    "read_log",
]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Anything that a feed yields.

    Attributes:
        channel: Name of the channel it came on, or None for a mark.
    """

    channel: str | None = None


class BuildEvent(Event, frozen=True, kw_only=True):
    """Something happened to a build. Trust ``build.state``, not the name of the event.

    Attributes:
        build: The build, with its commit.
        repository: Its repository; None where the event was too large, and was completed.
        stages: Its stages; empty without any, and on old servers.
        complete: False where the server sent ids alone, the event being too large, and the rest could not be fetched.
        late: Whether a newer state of this build was delivered before: travelling mixes up their order.
    """

    build: Build
    repository: Repository | None = None
    stages: tuple[Stage, ...] = ()
    complete: bool = True
    late: bool = False

    @property
    def updated_at(self) -> datetime | None:
        """When Travis made this state, UTC with milliseconds; None where it does not say."""
        return self.build.updated_at


class BuildCreated(BuildEvent, frozen=True, kw_only=True):
    """A build was created, or restarted: Travis sends the same for both."""


class BuildReceived(BuildEvent, frozen=True, kw_only=True):
    """A worker took the build (old servers only)."""


class BuildStarted(BuildEvent, frozen=True, kw_only=True):
    """Its first job started, or is about to."""


class BuildFinished(BuildEvent, frozen=True, kw_only=True):
    """The build has ended."""


class BuildCanceled(BuildEvent, frozen=True, kw_only=True):
    """The build was canceled."""


class JobEvent(Event, frozen=True, kw_only=True):
    """Something happened to a job. Trust ``job.state``, not the name of the event.

    Attributes:
        job: The job, with its commit.
        complete: False where the server sent ids alone, the event being too large, and the rest could not be fetched.
        late: Whether a newer state of this job was delivered before: travelling mixes up their order.
    """

    job: Job
    complete: bool = True
    late: bool = False

    @property
    def updated_at(self) -> datetime | None:
        """When Travis made this state, UTC with milliseconds; None where it does not say."""
        return self.job.updated_at


class JobCreated(JobEvent, frozen=True, kw_only=True):
    """A job was created, restarted or put back by a worker; its log begins anew."""


class JobQueued(JobEvent, frozen=True, kw_only=True):
    """A job waits for a worker."""


class JobReceived(JobEvent, frozen=True, kw_only=True):
    """A worker took the job."""


class JobStarted(JobEvent, frozen=True, kw_only=True):
    """The job runs."""


class JobFinished(JobEvent, frozen=True, kw_only=True):
    """The job has ended."""


class JobCanceled(JobEvent, frozen=True, kw_only=True):
    """The job was canceled."""


class JobLog(Event, frozen=True, kw_only=True, gc=False):
    """A piece of a job's log. Pieces may come in any order, twice, or not at all: `Travis.follow_log` sorts that out.

    Attributes:
        job_id: The job.
        number: As in `LogPart.number`.
        content: The text.
        final: Whether no higher number follows; lower ones still may.
    """

    job_id: int = msgspec.field(name="id")
    content: str = msgspec.field(default="", name="_log")
    number: int | str = 0
    final: bool = False


class UnknownEvent(Event, frozen=True, kw_only=True):
    """An event that this version does not know, or whose payload it cannot read.

    Attributes:
        name: Its name.
        data: Its payload, decoded where it is JSON.
    """

    name: str
    data: Any = None


class Mark(Event, frozen=True, kw_only=True):
    """Not from Travis: tells about the feed itself."""


class Lagged(Mark, frozen=True, kw_only=True):
    """The consumer was too slow: events were dropped here. Read the state anew over REST.

    Attributes:
        dropped: How many.
    """

    dropped: int


class Reconnected(Mark, frozen=True, kw_only=True):
    """The connection was lost and is back: events in between are lost. Read the state anew over REST.

    Attributes:
        down: Seconds from the loss to the moment when every channel of the feed was in force again.
    """

    down: float


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
