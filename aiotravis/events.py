"""The events of the live channel, one class each, to `match` on. No I/O.

https://docs.travis-ci.com/api/#pusher
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from aiotravis._http.json_text import ToDict
from aiotravis._http.lenient import Id
from aiotravis.resources.builds import Build
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
]


class Event(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    """Anything that a feed yields.

    Attributes:
        channel: Name of the channel it came on; None for a mark.
    """

    channel: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain JSON values, with the name of the class as ``"event"``."""
        return {"event": type(self).__name__, **super().to_dict()}


class BuildEvent(Event, frozen=True, kw_only=True):
    """An event of a build. ``build.state`` tells its state, not the name of the event.

    Attributes:
        build: The build, with its commit.
        repository: Its repository; None if the event was too large for Pusher.
        stages: Its stages; empty on old servers, too.
        complete: False if the event was too large and its payload could not be fetched: only ids are set.
        late: Whether a newer event of this build was delivered before; Travis does not keep their order.
    """

    build: Build
    repository: Repository | None = None
    stages: tuple[Stage, ...] = ()
    complete: bool = True
    late: bool = False

    # fact 9.40: restarts and requeues arrive as created, and a later stage is cancelled with finished events.

    @property
    def updated_at(self) -> datetime | None:
        """When Travis updated the build, in UTC with milliseconds; None if the server does not say."""
        return self.build.updated_at


class BuildCreated(BuildEvent, frozen=True, kw_only=True):
    """A build was created or restarted: Travis sends the same event for both."""


class BuildReceived(BuildEvent, frozen=True, kw_only=True):
    """A worker received the build (old servers only)."""


class BuildStarted(BuildEvent, frozen=True, kw_only=True):
    """The build started, just before or after its first job."""


class BuildFinished(BuildEvent, frozen=True, kw_only=True):
    """The build finished."""


class BuildCanceled(BuildEvent, frozen=True, kw_only=True):
    """The build was canceled."""


class JobEvent(Event, frozen=True, kw_only=True):
    """An event of a job. ``job.state`` tells its state, not the name of the event.

    Attributes:
        job: The job, with its commit.
        complete: See `BuildEvent`.
        late: See `BuildEvent`.
    """

    job: Job
    complete: bool = True
    late: bool = False

    @property
    def updated_at(self) -> datetime | None:
        """When Travis updated the job, in UTC with milliseconds; None if the server does not say."""
        return self.job.updated_at


class JobCreated(JobEvent, frozen=True, kw_only=True):
    """A job was created, restarted, or requeued by a worker; its log starts over."""


class JobQueued(JobEvent, frozen=True, kw_only=True):
    """A job was queued for a worker."""


class JobReceived(JobEvent, frozen=True, kw_only=True):
    """A worker received the job."""


class JobStarted(JobEvent, frozen=True, kw_only=True):
    """The job started."""


class JobFinished(JobEvent, frozen=True, kw_only=True):
    """The job finished."""


class JobCanceled(JobEvent, frozen=True, kw_only=True):
    """The job was canceled."""


class JobLog(Event, frozen=True, kw_only=True, gc=False):
    """A part of a job's log. Parts may come in any order, twice, or not at all; `Travis.follow_log` handles that.

    Attributes:
        job_id: Id of the job.
        content: The text.
        number: As in `LogPart.number`.
        final: Whether no higher number follows; lower ones still may.
    """

    # fact 7.8: the text is called _log here, and id is the job's. fact 9.34: a number may be a string, "7.1".
    # fact 9.35: final comes early, twice or never.
    job_id: Id = msgspec.field(name="id")
    content: str = msgspec.field(default="", name="_log")
    number: int | str = 0
    final: bool = False


class UnknownEvent(Event, frozen=True, kw_only=True):
    """An event with an unknown name or an unreadable payload.

    Attributes:
        name: Name of the event.
        data: The payload; decoded if it is JSON.
    """

    name: str
    data: Any = None

    def __hash__(self) -> int:
        """Hash by channel and name: the payload can be a dictionary."""
        return hash((type(self), self.channel, self.name))


class Mark(Event, frozen=True, kw_only=True):
    """A gap in the feed, marked by the client itself. Read the state again over REST."""


class Lagged(Mark, frozen=True, kw_only=True):
    """Events were dropped here, since the consumer was too slow.

    Attributes:
        dropped: Number of events.
    """

    dropped: int


class Reconnected(Mark, frozen=True, kw_only=True):
    """Events are missing here, since the connection was lost.

    Attributes:
        down: Seconds from the loss until the server had confirmed every channel of the feed again.
    """

    down: float


EVENTS_BY_NAME: Final[Mapping[str, type[BuildEvent | JobEvent]]] = {
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
"""Names of events on the wire, to their classes (fact 7.8)."""


def __dir__() -> list[str]:
    return __all__
