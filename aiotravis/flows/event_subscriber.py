"""Subscribing to events: from repositories, builds, jobs and channel names to a feed."""

from collections.abc import AsyncIterable, Iterable
from typing import Any, Final, cast

from aiotravis._validation import display, validate_count, validate_iterable
from aiotravis.errors import UsageError
from aiotravis.events import Event
from aiotravis.live.channels import MAX_CHANNEL_NAME, ChannelSelection, is_channel_name
from aiotravis.live.feed import Feed
from aiotravis.live.hub import Hub
from aiotravis.live.subscription import LiveResources, Subscription
from aiotravis.resources._base import id_of, slug_of
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources.builds import Build
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repository

__all__ = ["BuildRef", "EventSubscriber", "JobRef", "RepoRef"]

RepoRef = int | str | Repository
"""A repository: its id, its slug, or a `Repository`."""

BuildRef = int | Build
"""A build: its id, or a `Build`."""

JobRef = int | Job
"""A job: its id, or a `Job`."""


NONE: Final[frozenset[Any]] = frozenset()
"""Shared by all feeds: there may be thousands of them, each with six empty sets."""


class EventSubscriber:
    """Makes feeds.

    Args:
        hub: The live channel.
        resources: What the hub calls to open the feeds.
    """

    def __init__(self, hub: Hub, resources: LiveResources) -> None:
        self._hub = hub
        self._resources = resources

    def events(
        self,
        repo: RepoRef | Iterable[RepoRef] | None = None,
        job: JobRef | Iterable[JobRef] | None = None,
        *,
        build: BuildRef | Iterable[BuildRef] | None = None,
        channels: Iterable[str] | None = None,
        only: type[Event] | Iterable[type[Event]] = (),
        buffer: int = 1000,
        optional: bool = False,
    ) -> Feed:
        """Return a feed that is not open yet, see `Travis.events`.

        An optional feed goes on without the live channel: it opens within seconds, and yields `Reconnected` once the
        live channel is there. Until then, and whenever `Feed.live` is False, poll.
        """
        is_everything = repo is None and job is None and build is None and channels is None
        repos, jobs, builds = _as_list(repo, "repo"), _as_list(job, "job"), _as_list(build, "build")
        names = NONE if channels is None else _validate_channels(channels)
        if not is_everything and not (repos or jobs or builds or names):
            raise UsageError(
                "Name a repository, a build, a job or a channel: what was passed is empty.", argument="repo"
            )
        repositories: set[int] = set()
        slugs: set[str] = set()
        for one in repos:
            if isinstance(one, str):
                slug_of(one, "repo")
                slugs.add(one)
            else:
                repositories.add(id_of(one, "repo", Repository))
        parents, build_ids, orphan_builds = _split(builds, "build", Build)
        job_parents, job_ids, orphan_jobs = _split(jobs, "job", Job)
        selection = ChannelSelection(
            repositories=frozenset(repositories) or NONE,
            slugs=frozenset(slugs) or NONE,
            builds=build_ids,
            orphan_builds=orphan_builds,
            jobs=job_ids,
            orphan_jobs=orphan_jobs,
            parent_repositories=frozenset(parents | job_parents) or NONE,
            channels=names,
        )
        classes = _validate_classes(only)
        size, room = validate_count(buffer, "buffer"), self._hub.options.buffer_bytes
        return Feed(Subscription(self._hub, selection, self._resources, classes, size, room, optional=optional))


def _split(
    refs: list[Any], argument: str, kind: type[Build | Job]
) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    """Return the repositories of builds or jobs as far as they are known, all ids, and the ids of the others."""
    if not refs:
        return NONE, NONE, NONE
    parents: set[int] = set()
    ids: set[int] = set()
    orphans: set[int] = set()
    for one in refs:
        number = id_of(one, argument, kind)
        ids.add(number)
        repository = one.repository_id if isinstance(one, BuildOrJob) else None
        if repository is None:
            orphans.add(number)
        else:
            parents.add(repository)
    return frozenset(parents) or NONE, frozenset(ids) or NONE, frozenset(orphans) or NONE


def _as_list(values: Any, argument: str) -> list[Any]:
    if values is None:
        return []
    if isinstance(values, Iterable | AsyncIterable) and not isinstance(values, str | bytes):
        validate_iterable(cast("object", values), argument)
        return list(cast("Iterable[object]", values))
    return [values]


def _validate_channels(channels: Iterable[str]) -> frozenset[str]:
    validate_iterable(channels, "channels", "names")
    names = list(channels)
    for name in names:
        if not is_channel_name(name):
            kind = f"1 to {MAX_CHANNEL_NAME} printable ASCII characters without spaces"
            raise UsageError(f"{display(name)} is not a channel name: {kind}.", argument="channels")
    return frozenset(names)


def _validate_classes(only: type[Event] | Iterable[type[Event]]) -> tuple[type[Event], ...]:
    if only == ():
        return ()
    if isinstance(only, type):
        only = (only,)
    validate_iterable(only, "only", "event classes")
    classes: tuple[Any, ...] = tuple(only)
    if not all(isinstance(one, type) and issubclass(one, Event) for one in classes):
        raise UsageError(f"only must be event classes, not {display(classes)}.", argument="only")
    return classes
