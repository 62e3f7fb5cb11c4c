"""Which channels carry what, for this deployment and this user. No I/O.

https://docs.travis-ci.com/api/#pusher
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from aiotravis.errors import LiveUnavailable, UsageError
from aiotravis.events import BuildEvent, Event, JobEvent, JobLog

__all__ = ["ChannelSelection", "channels_for", "is_private"]

PRIVATE = "private-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSelection:
    """What a feed is about, by ids. A feed about nothing in particular is about everything that this user may see.

    Attributes:
        repositories: Repositories whose builds and jobs are meant.
        builds: Single builds, with their jobs.
        jobs: Single jobs, with their logs.
        parent_repositories: Repositories that those single builds and jobs belong to: their channels carry the events.
        channels: Channels by name, with all that comes on them.
    """

    repositories: frozenset[int] = frozenset()
    builds: frozenset[int] = frozenset()
    jobs: frozenset[int] = frozenset()
    parent_repositories: frozenset[int] = frozenset()
    channels: frozenset[str] = field(default_factory=frozenset[str])

    @property
    def in_all(self) -> bool:
        """Whether nothing in particular is meant."""
        return not (self.repositories or self.builds or self.jobs or self.channels)

    def wants_log_of(self, channel: str) -> bool:
        """Whether the log that travels on a channel is about this."""
        kind, _, number = channel.removeprefix(PRIVATE).partition("-")
        of_job = kind == "job" and number.isdecimal() and int(number) in self.jobs
        return of_job or channel in self.channels

    def wants(self, event: Event) -> bool:
        """Whether an event is about this."""
        if isinstance(event, JobLog):
            return event.job_id in self.jobs or event.channel in self.channels
        if event.channel in self.channels or self.in_all:
            return True
        if isinstance(event, JobEvent):
            job = event.job
            return job.id in self.jobs or job.build_id in self.builds or job.repository_id in self.repositories
        if isinstance(event, BuildEvent):
            build = event.build
            if build.id in self.builds or build.repository_id in self.repositories:
                return True
            return not self.jobs.isdisjoint(build.job_ids)
        return True


def is_private(channel: str) -> bool:
    """Whether a channel needs a signature."""
    return channel.startswith((PRIVATE, "presence-"))


def channels_for(interest: ChannelSelection, *, private: bool, own: Iterable[str]) -> frozenset[str]:
    """Name the channels that carry the events of an interest.

    Logs travel on the job's own channel, and nothing else does. Everything else travels on the channels of the users
    who may see the repository, and, if it is public and the deployment not private, on the repository's own. Where
    both carry an event it comes twice; the hub delivers it once.

    Args:
        interest: What the feed is about.
        private: Whether this deployment publishes on private channels only.
        own: The user's own channels, as ``GET /users`` names them; empty without a token.

    Raises:
        LiveUnavailable: A deployment that publishes privately, and no token.
        UsageError: Everything is meant, and there is no user whose everything it could be.
    """
    logs = frozenset(f"{PRIVATE}job-{job}" if private else f"job-{job}" for job in interest.jobs)
    names = interest.channels | logs if logs else interest.channels
    if not (interest.in_all or interest.repositories or interest.builds or interest.parent_repositories):
        return names
    own = tuple(own)
    if interest.in_all and not own:
        raise UsageError(
            "Without a token, say whose events are meant: a repository, a build or a job.", argument="repo"
        )
    if private and not own:
        raise LiveUnavailable("This Travis publishes on private channels only. Pass a token: Travis(token=...).")
    public = (
        () if private else (f"repo-{repository}" for repository in interest.repositories | interest.parent_repositories)
    )
    return names.union(own, public)
