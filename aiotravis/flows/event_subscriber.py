"""Subscribing to events: from repositories, builds, jobs and channel names to a feed."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final, TypeVar, cast

from aiotravis._async.lifetime import ClientLifetime
from aiotravis._validation import validate_count
from aiotravis.errors import LiveError, UsageError
from aiotravis.events import Event
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.feed import Feed
from aiotravis.live.hub import Hub
from aiotravis.live.subscription import LiveResources
from aiotravis.resources._base import id_of
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.resources.repositories import Repositories, Repository, repo_part

__all__ = ["BuildRef", "EventSubscriber", "JobRef", "RepoRef"]

R = TypeVar("R")

RepoRef = int | str | Repository
"""A repository: its id, its slug, or a `Repository`."""

BuildRef = int | Build
"""A build: its id, or a `Build`."""

JobRef = int | Job
"""A job: its id, or a `Job`."""

MAX_CHANNEL_NAME: Final = 164
"""Maximum length of a channel name, in characters; Pusher's limit."""


class EventSubscriber:
    """Opens feeds. Reads over REST the id of a slug, and the repository of a build or job that is given by its id."""

    def __init__(
        self,
        hub: Hub,
        repositories: Repositories,
        builds: Builds,
        jobs: Jobs,
        lifetime: ClientLifetime,
        resources: LiveResources,
    ) -> None:
        self._hub = hub
        self._repositories = repositories
        self._builds = builds
        self._jobs = jobs
        self._lifetime = lifetime
        self._resources = resources

    def events(
        self,
        repo: RepoRef | Iterable[RepoRef] | None = None,
        job: JobRef | Iterable[JobRef] | None = None,
        *,
        build: BuildRef | Iterable[BuildRef] | None = None,
        channels: Iterable[str] = (),
        only: type[Event] | Iterable[type[Event]] = (),
        buffer: int = 1000,
    ) -> Feed:
        """Create a feed, see `Travis.events`."""
        repos: list[RepoRef] = _as_list(repo)
        for one in repos:
            repo_part(one, "repo")
        builds: dict[int, BuildRef] = {id_of(one, "build", Build): one for one in _as_list(build)}
        jobs: dict[int, JobRef] = {id_of(one, "job", Job): one for one in _as_list(job)}
        names = _validate_channels(channels)
        validate_count(buffer, "buffer")
        classes = (only,) if isinstance(only, type) else tuple(only)
        resolve = partial(self._resolve, repos, builds, jobs, names)
        return Feed(self._hub.subscription(resolve, resources=self._resources, only=classes, size=buffer))

    async def open(
        self, repo: RepoRef | None, *, only: type[Event] | Iterable[type[Event]], buffer: int = 1000
    ) -> Feed | None:
        """Return the open feed of a repository, or None if there is no repository or no live channel."""
        if repo is None:
            return None
        try:
            return await self.events(repo, only=only, buffer=buffer).__aenter__()
        except LiveError:
            return None

    async def _resolve(
        self, repos: list[RepoRef], builds: dict[int, BuildRef], jobs: dict[int, JobRef], channels: frozenset[str]
    ) -> ChannelSelection:
        self._lifetime.check()
        parents = [await _parent_repository(self._builds.get, build) for build in builds.values()]
        parents += [await _parent_repository(self._jobs.get, job) for job in jobs.values()]
        return ChannelSelection(
            repositories=frozenset([await self._repository_id(repo) for repo in repos]),
            builds=frozenset(builds),
            jobs=frozenset(jobs),
            parent_repositories=frozenset(parent for parent in parents if parent is not None),
            channels=channels,
        )

    async def _repository_id(self, repo: RepoRef) -> int:
        if isinstance(repo, str):
            return (await self._repositories.get(repo)).id
        return id_of(repo, "repo", Repository)


async def _parent_repository(get: Callable[[R], Awaitable[BuildOrJob]], ref: R) -> int | None:
    if isinstance(ref, BuildOrJob) and ref.repository_id is not None:
        return ref.repository_id
    return (await get(ref)).repository_id


def _as_list(values: Any) -> list[Any]:
    if values is None:
        return []
    if isinstance(values, Iterable) and not isinstance(values, str | bytes):
        return list(cast("Iterable[object]", values))
    return [values]


def _validate_channels(channels: Iterable[str]) -> frozenset[str]:
    if isinstance(channels, str):
        raise UsageError("channels must be several names, not one string.", argument="channels")
    names = frozenset(channels)
    for name in names:
        if not name or len(name) > MAX_CHANNEL_NAME or not name.isascii() or any(c.isspace() for c in name):
            raise UsageError(
                f"{name!r} is not a channel name: 1 to {MAX_CHANNEL_NAME} ASCII characters without spaces.",
                argument="channels",
            )
    return names
