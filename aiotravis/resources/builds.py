"""Builds: what Travis makes of one commit.

https://docs.travis-ci.com/api/#builds
"""

from collections.abc import Callable, Iterable, Sequence
from types import NoneType
from typing import Final

import msgspec

from aiotravis._http import Endpoint
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.paginator import Paginator
from aiotravis.bulk.progress import Progress
from aiotravis.errors import NotFoundError, UsageError
from aiotravis.resources._base import Entity, Resource, id_of, ids_of
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._flash import FlashResponse, restarted
from aiotravis.resources.commits import Commit, joined
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repository, repo_query

__all__ = ["Build", "Builds", "check_event_type"]


class Build(BuildOrJob, frozen=True, kw_only=True):
    """One build. What it shares with jobs: `BuildOrJob`.

    Attributes:
        job_ids: Ids of its jobs, ascending.
        jobs: Its jobs, where the answer carried them: with a single build.
        event_type: ``push``, ``pull_request``, ``api``, ``cron``; None on old servers.
        pull_request: Whether it was made for a pull request.
        pull_request_title: Or None.
        pull_request_number: Or None.
        duration: In seconds, the sum over its jobs, not the time on the wall; None until it has finished.
    """

    job_ids: tuple[int, ...] = ()
    jobs: tuple[Job, ...] = ()
    event_type: str | None = None
    pull_request: bool | None = None
    pull_request_title: str | None = None
    pull_request_number: int | None = None
    duration: int | None = None

    def __hash__(self) -> int:
        return BuildOrJob.__hash__(self)


class _BuildResponse(Entity, frozen=True, kw_only=True):
    build: Build
    commit: Commit | None = None
    jobs: tuple[Job, ...] = ()


class _BuildsResponse(Entity, frozen=True, kw_only=True):
    builds: tuple[Build, ...]
    commits: tuple[Commit, ...] = ()


GET = Endpoint("GET", "/builds/{id}", _BuildResponse)
LIST = Endpoint("GET", "/builds", _BuildsResponse)
CANCEL = Endpoint("POST", "/builds/{id}/cancel", NoneType)
RESTART = Endpoint("POST", "/builds/{id}/restart", FlashResponse)

EVENT_TYPES: Final = ("push", "pull_request", "api", "cron")


class Builds(Resource):
    """``travis.builds``."""

    async def get(self, build: int | Build) -> Build:
        """Fetch one build with its commit and its jobs.

        Args:
            build: The id that Travis gave the build (not the number people see), or a build.

        Raises:
            NotFoundError: No such build, or this token may not see it.
            UsageError: Not an id.
        """
        response = await self._fetch(GET, id=id_of(build, "build", Build))
        commits = [response.commit] if response.commit else []
        if response.jobs:
            msgspec.structs.force_setattr(response.build, "jobs", tuple(joined(response.jobs, commits)))
        return joined([response.build], commits)[0]

    async def find(self, repo: int | str | Repository, number: int | str) -> Build:
        """Fetch one build by the number that people see, with its commit, without its jobs.

        Args:
            repo: Id, slug, or a repository.
            number: ``784`` or ``"784"``.

        Raises:
            NotFoundError: No build of this number, or no such repository, or hidden from this token.
            UsageError: Neither an id nor a slug, or not a number.
        """
        wanted = str(_number(number, "number"))
        query = [repo_query(repo), ("number", wanted)]
        response = await self._fetch(LIST, query=query)
        found = [build for build in joined(response.builds, response.commits) if build.number == wanted]
        if not found:
            path = LIST.request(query=query).shown
            message = f"GET {path} gave no build: there is none of this number, or it is hidden from this token."
            raise NotFoundError(message, status=200, method="GET", path=path, remedy="Check number and repository.")
        return found[0]

    async def recent(self, *, running: bool = False) -> Sequence[Build]:
        """Fetch the last 25 builds of all that the user can see that passed or failed; nothing without a token.

        Args:
            running: Whether to fetch those that run now instead.
        """
        response = await self._fetch(LIST, query=[("running", "true")] if running else [])
        return joined(response.builds, response.commits)

    async def last_per_branch(self, repo: int | str | Repository) -> Sequence[Build]:
        """Fetch the last build of each branch that was built of late, with its commit, which names the branch.

        Args:
            repo: Id, slug, or a repository.

        Raises:
            UsageError: Neither an id nor a slug.
        """
        response = await self._fetch(LIST, query=[repo_query(repo), ("branches", "true")])
        return joined(response.builds, response.commits)

    async def cancel(self, build: int | Build) -> None:
        """Cancel a build. Travis queues this: its state changes a little later.

        Args:
            build: Id of the build, or a build.

        Raises:
            RefusedError: It has ended already.
            PermissionDenied: The token's user may not.
            NotFoundError: No such build, or hidden from this token.
        """
        await self._fetch(CANCEL, id=id_of(build, "build", Build))

    async def restart(self, build: int | Build) -> str:
        """Run a build again. Travis queues this: its state goes back to created a little later.

        Args:
            build: Id of the build, or a build.

        Returns:
            What Travis says to that.

        Raises:
            RefusedError: It has not ended, or cannot run; ``.flash`` tells why.
            RepositoryMigrated: It has to be restarted on the other site.
            NotFoundError: No such build, or hidden from this token.
        """
        return await restarted(self._transport, RESTART, id_of(build, "build", Build))

    def list(
        self,
        repo: int | str | Repository,
        *,
        event_type: str | None = None,
        after_number: int | str | None = None,
        exclude_config: bool = False,
    ) -> Paginator[Build]:
        """Walk a repository's builds with their commits, newest first, pages fetched ahead.

        A repository that does not exist, or that this token may not see, looks the same as one without builds: empty.

        Args:
            repo: Id, slug, or a repository.
            event_type: Only ``push``, ``pull_request``, ``api`` or ``cron``.
            after_number: Only builds with a lower number.
            exclude_config: Whether to leave out what the builds are configured to do, most of an answer's bytes.

        Returns:
            An async iterator over builds.

        Raises:
            UsageError: At once: not a repository, an unknown event type, not a number.
        """
        which = repo_query(repo)
        if event_type is not None:
            check_event_type(event_type)

        async def fetch(after: int | None) -> Sequence[Build]:
            query = [which]
            if event_type is not None:
                query.append(("event_type", event_type))
            if after is not None:
                query.append(("after_number", str(after)))
            if exclude_config:
                query.append(("exclude_config", "true"))
            response = await self._fetch(LIST, query=query)
            return joined(response.builds, response.commits)

        return Paginator(fetch, after=None if after_number is None else _number(after_number, "after_number"))

    def many(
        self,
        builds: Iterable[int | Build],
        *,
        missing_ok: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> BatchIterator[Build]:
        """Fetch many builds by their ids, a hundred in a request, several requests at once, in the order asked.

        Args:
            builds: Ids, or builds.
            missing_ok: Whether ids that the server does not know are only listed in ``.missing``.
            progress: Told how far it has come: at every batch, and once a second while it waits.

        Raises:
            UsageError: At once: one of them is not an id.
            NotFoundError: At the end of the iteration: ids that the server did not know, unless ``missing_ok``.
        """

        async def fetch(ids: Sequence[int]) -> Iterable[Build]:
            response = await self._fetch(LIST, query=[("ids", ",".join(map(str, ids)))])
            return joined(response.builds, response.commits)

        return BatchIterator(
            fetch,
            ids_of(builds, "builds", Build),
            path=LIST.path,
            missing_ok=missing_ok,
            progress=progress,
            waiting=lambda: self._transport.waiting,
        )


def check_event_type(event_type: str) -> None:
    """Look at the kind of a build that somebody asks for.

    Raises:
        UsageError: Travis knows none such.
    """
    if event_type not in EVENT_TYPES:
        message = f"event_type must be one of {', '.join(EVENT_TYPES)}, not {event_type!r}."
        raise UsageError(message, argument="event_type")


def _number(number: int | str, argument: str) -> int:
    if isinstance(number, bool) or not str(number).isdecimal() or int(number) < 1:
        raise UsageError(f"{argument} must be a build number, not {number!r}.", argument=argument)
    return int(number)
