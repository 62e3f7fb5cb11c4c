"""The events of the live channel, one class each, to `match` on. No I/O.

https://docs.travis-ci.com/api/#pusher
"""

from datetime import datetime
from typing import Any

import msgspec

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


def __dir__() -> list[str]:
    return __all__
