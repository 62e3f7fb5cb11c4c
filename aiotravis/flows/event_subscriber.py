"""From the things a user names to a feed of their events."""

from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from aiotravis._async.lifetime import ClientLifetime
from aiotravis.errors import UsageError
from aiotravis.events import Event
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.feed import Feed
from aiotravis.live.hub import Hub
from aiotravis.live.subscription import LiveResources
from aiotravis.resources._base import id_of
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.resources.repositories import Repositories, Repository, repo_part

__all__ = ["BuildRef", "EventSubscriber", "JobRef", "RepoRef"]

RepoRef = int | str | Repository
"""A repository: its id, its slug, or itself."""

BuildRef = int | Build
"""A build: its id, or itself."""

JobRef = int | Job
"""A job: its id, or itself."""

LONGEST_CHANNEL = 164
"""Characters that Pusher allows in a channel's name."""


class EventSubscriber:
    """Opens feeds.

    Args:
        hub: The live connection.
        repositories: Finds the id of a slug.
        builds: Finds the repository of a build.
        jobs: Finds the repository of a job.
        lifetime: Ends with the client.
        resources: What the hub calls for the feeds of this client.
    """

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
        """Make a feed, see `Travis.events`."""
        repos: list[RepoRef] = _several(repo)
        for one in repos:
            repo_part(one, "repo")
        builds: dict[int, BuildRef] = {id_of(one, "build", Build): one for one in _several(build)}
        jobs: dict[int, JobRef] = {id_of(one, "job", Job): one for one in _several(job)}
        names = frozenset(_channel_names(channels))
        if isinstance(buffer, bool) or buffer < 1:
            raise UsageError(f"buffer must be a positive number of events, not {buffer!r}.", argument="buffer")
        classes = (only,) if isinstance(only, type) else tuple(only)
        resolve = partial(self._resolve, repos, builds, jobs, names)
        return Feed(self._hub.subscription(resolve, resources=self._resources, only=classes, size=buffer))

    async def _resolve(
        self, repos: list[RepoRef], builds: dict[int, BuildRef], jobs: dict[int, JobRef], names: frozenset[str]
    ) -> ChannelSelection:
        self._lifetime.check()
        if not (repos or builds or jobs):
            return ChannelSelection(channels=names)
        parent_repositories = [await self._home_of_build(one) for one in builds.values()]
        parent_repositories += [await self._home_of_job(one) for one in jobs.values()]
        return ChannelSelection(
            repositories=frozenset([await self._repository_id(one) for one in repos]),
            builds=frozenset(builds),
            jobs=frozenset(jobs),
            parent_repositories=frozenset(home for home in parent_repositories if home is not None),
            channels=names,
        )

    async def _repository_id(self, repo: RepoRef) -> int:
        if isinstance(repo, str):
            return (await self._repositories.get(repo)).id
        return id_of(repo, "repo", Repository)

    async def _home_of_build(self, build: BuildRef) -> int | None:
        if isinstance(build, Build) and build.repository_id is not None:
            return build.repository_id
        return (await self._builds.get(build)).repository_id

    async def _home_of_job(self, job: JobRef) -> int | None:
        if isinstance(job, Job) and job.repository_id is not None:
            return job.repository_id
        return (await self._jobs.get(job)).repository_id


def _several(things: Any) -> list[Any]:
    if things is None:
        return []
    if isinstance(things, Iterable) and not isinstance(things, str | bytes):
        return list(cast("Iterable[object]", things))
    return [things]


def _channel_names(channels: Iterable[str]) -> list[str]:
    if isinstance(channels, str):
        raise UsageError("channels must be several names, not one string.", argument="channels")
    names = list(channels)
    for name in names:
        if not name or len(name) > LONGEST_CHANNEL or not name.isascii() or any(c.isspace() for c in name):
            raise UsageError(f"{name!r} is no name of a channel.", argument="channels")
    return names
