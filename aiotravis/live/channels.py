"""Which channels carry which events, for a deployment and a user. No I/O.

https://docs.travis-ci.com/api/#pusher
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from aiotravis.errors import LiveUnavailable, UsageError
from aiotravis.events import BuildEvent, Event, JobEvent, JobLog

__all__ = [
    "MAX_CHANNEL_NAME",
    "ChannelSelection",
    "channels_for",
    "is_channel_name",
    "is_private",
    "names_no_repository",
    "repository_of",
    "with_repository",
]

PRIVATE: Final = "private-"

MAX_CHANNEL_NAME: Final = 164
"""Maximum length of a channel name, in characters; Pusher's limit."""

CHANNEL_NAME: Final = re.compile(f"[!-~]{{1,{MAX_CHANNEL_NAME}}}")

NO_NAMES: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSelection:
    """What a feed selects, by ids. An empty selection stands for everything that this user may see.

    Attributes:
        repositories: Repositories, for the events of their builds and jobs.
        builds: Single builds, with their jobs.
        jobs: Single jobs, with their logs.
        parent_repositories: Repositories of those single builds and jobs: their channels carry the events.
        channels: Names of channels, for everything on them.
        slugs: Repositories whose ids are not known yet.
        orphan_builds: Those of the builds whose repositories are not known yet.
        orphan_jobs: Those of the jobs whose repositories are not known yet.
    """

    repositories: frozenset[int] = frozenset()
    builds: frozenset[int] = frozenset()
    jobs: frozenset[int] = frozenset()
    parent_repositories: frozenset[int] = frozenset()
    channels: frozenset[str] = NO_NAMES
    slugs: frozenset[str] = NO_NAMES
    orphan_builds: frozenset[int] = frozenset()
    orphan_jobs: frozenset[int] = frozenset()

    @property
    def resolved(self) -> bool:
        """Whether all ids are known that its channels and events depend on."""
        return not (self.slugs or self.orphan_builds or self.orphan_jobs)

    @property
    def everything(self) -> bool:
        """Whether nothing in particular is selected."""
        return not (self.repositories or self.builds or self.jobs or self.channels or self.slugs)

    @property
    def has_state_events(self) -> bool:
        """Whether it takes the channels that carry build and job events."""
        return bool(self.repositories or self.builds or self.parent_repositories) or self.everything

    def includes_log(self, channel: str) -> bool:
        """Return whether the log that travels on a channel is selected."""
        kind, _, number = channel.removeprefix(PRIVATE).partition("-")
        of_job = kind == "job" and number.isdecimal() and int(number) in self.jobs
        return of_job or channel in self.channels

    def includes(self, event: Event) -> bool:
        """Return whether an event is selected."""
        if isinstance(event, JobLog):
            return event.job_id in self.jobs or event.channel in self.channels
        if event.channel in self.channels or self.everything:
            return True
        if isinstance(event, JobEvent):
            job = event.job
            return job.id in self.jobs or job.build_id in self.builds or job.repository_id in self.repositories
        if isinstance(event, BuildEvent):
            build = event.build
            selected = build.id in self.builds or build.repository_id in self.repositories
            return selected or not self.jobs.isdisjoint(build.job_ids)
        return True


def repository_of(channel: str | None) -> int | None:
    """Return the id of the repository whose events travel on a channel; None if it is no repository's."""
    kind, _, number = (channel or "").removeprefix(PRIVATE).partition("-")
    return int(number) if kind == "repo" and number.isascii() and number.isdecimal() and len(number) < 20 else None


def _repository_id(event: Event) -> int | None:
    if isinstance(event, JobEvent):
        return event.job.repository_id
    return event.build.repository_id if isinstance(event, BuildEvent) else None


def names_no_repository(event: BuildEvent | JobEvent) -> bool:
    """Return whether neither an event nor its channel names the repository."""
    # fact 7.6: a private deployment publishes on the users' channels alone, which name no repository. If the event
    # names none either, only REST can tell which subscriptions it is for.
    return _repository_id(event) is None and repository_of(event.channel) is None


def with_repository(event: Event) -> Event:
    """Return an event that names no readable repository with that of its channel, if its channel is a repository's."""
    if not isinstance(event, BuildEvent | JobEvent) or _repository_id(event) is not None:
        return event
    repository = repository_of(event.channel)
    if repository is None:
        return event
    if isinstance(event, JobEvent):
        return msgspec.structs.replace(event, job=msgspec.structs.replace(event.job, repository_id=repository))
    return msgspec.structs.replace(event, build=msgspec.structs.replace(event.build, repository_id=repository))


def is_channel_name(name: object) -> bool:
    """Return whether a live server takes a text as the name of a channel."""
    return isinstance(name, str) and CHANNEL_NAME.fullmatch(name) is not None


def is_private(channel: str) -> bool:
    """Return whether a channel needs a signature."""
    return channel.startswith((PRIVATE, "presence-"))


def channels_for(selection: ChannelSelection, *, private: bool, own: Iterable[str]) -> frozenset[str]:
    """Return the names of the channels that carry the events of a selection.

    Args:
        selection: What the feed selects.
        private: Whether this deployment publishes on private channels only.
        own: The user's own channels, as ``GET /users`` names them; empty without a token.

    Raises:
        LiveUnavailable: The deployment publishes on private channels only, and there is no token.
        UsageError: Everything is selected, and there is no token.
    """
    # fact 7.6: logs travel on the job's channel, and nothing else does. Build and job events travel on the channel of
    # each user with a permission on the repository and, if it is public and the deployment is not private, on the
    # repository's. private-repo-ID has been silent since 2017.
    logs = frozenset(f"{PRIVATE}job-{job}" if private else f"job-{job}" for job in selection.jobs)
    names = selection.channels | logs if logs else selection.channels
    if not selection.has_state_events:
        return names
    own = tuple(own)
    if selection.everything and not own:
        raise UsageError("Without a token, name a repository, a build or a job to get events of.", argument="repo")
    if private and not own:
        raise LiveUnavailable("This Travis publishes on private channels only. Pass a token: Travis(token=...).")
    if private:
        return names.union(own)
    return names.union(
        own, (f"repo-{repository}" for repository in selection.repositories | selection.parent_repositories)
    )
