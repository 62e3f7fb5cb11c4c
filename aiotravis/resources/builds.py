"""Builds: one run of Travis for a commit, made of jobs.

https://docs.travis-ci.com/api/#builds
"""

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from types import NoneType
from typing import Final

import msgspec

from aiotravis._http import Endpoint, Results, Transport
from aiotravis._http.lenient import Id
from aiotravis._validation import display, validate_bool, validate_count
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.cursor import Boundary
from aiotravis.bulk.page_reader import MAX_DIGITS, MAX_NUMBER, NumberFilter, build_number
from aiotravis.bulk.paginator import Paginator
from aiotravis.bulk.progress import Progress
from aiotravis.errors import DecodeError, NotFoundError, UsageError
from aiotravis.resources._base import MAX_ID, Entity, Resource, id_of
from aiotravis.resources._build_history import history_start
from aiotravis.resources._build_or_job import BuildOrJob, complete, finish
from aiotravis.resources._flash import FlashResponse, restart
from aiotravis.resources._runs import Restarts
from aiotravis.resources.commits import Commit
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repositories, Repository, repo_query

__all__ = ["Build", "Builds", "check_event_type"]


class Build(BuildOrJob, frozen=True, kw_only=True):
    """A build. Further attributes: `BuildOrJob`.

    Attributes:
        job_ids: Ids of the jobs, ascending.
        jobs: The jobs; only from `Builds.get`.
        event_type: ``push``, ``pull_request``, ``api`` or ``cron``; None on old servers.
        pull_request: Whether it is a build of a pull request.
        duration: Seconds, the sum over the jobs, not wall-clock time; None until finished.
    """

    job_ids: tuple[Id, ...] = ()
    jobs: tuple[Job, ...] = ()
    event_type: str | None = None
    pull_request: bool | None = None
    pull_request_title: str | None = None
    pull_request_number: int | None = None
    duration: int | None = None


# fact 9.20: commit, commits and jobs can be missing, although documented.
class _BuildResponse(Entity, frozen=True, kw_only=True):
    build: Build
    commit: Commit | None = None
    jobs: tuple[Job, ...] = ()


class _BuildsResponse(Entity, frozen=True, kw_only=True):
    builds: tuple[Build, ...]
    commits: tuple[Commit, ...] = ()


# fact 9.23: the documented route /repos/{id}/builds does not exist.
GET = Endpoint("GET", "/builds/{id}", _BuildResponse)
LIST = Endpoint("GET", "/builds", _BuildsResponse)
CANCEL = Endpoint("POST", "/builds/{id}/cancel", NoneType)
RESTART = Endpoint("POST", "/builds/{id}/restart", FlashResponse, done=FlashResponse())

EVENT_TYPES: Final = ("push", "pull_request", "api", "cron")


class Builds(Resource):
    """``travis.builds``. ``repo`` is an id, a slug, or a repository."""

    def __init__(self, transport: Transport, restarts: Restarts | None = None, site: str = "") -> None:
        super().__init__(transport)
        self._restarts = restarts
        self._site = site

    async def get(self, build: int | Build) -> Build:
        """Fetch a build with its commit and jobs.

        Args:
            build: Id (not the number), or a build.

        Raises:
            NotFoundError: It does not exist or is hidden from this token.
            UsageError: Neither an id nor a build.
        """
        response = await self._fetch(GET, id=id_of(build, "build", Build))
        fetched = response.build
        complete((fetched, *response.jobs), (response.commit,))
        msgspec.structs.force_setattr(fetched, "jobs", tuple(response.jobs))
        return fetched

    async def find(self, repo: int | str | Repository, number: int | str) -> Build:
        """Fetch a build by its number, with its commit and without jobs; the newest if several share the number.

        Args:
            repo: Id, slug, or a repository.
            number: ``784`` or ``"784"``.

        Raises:
            NotFoundError: The build or the repository does not exist or is hidden from this token.
            DecodeError: The server ignored ``number``.
            UsageError: An argument is invalid.
        """
        builds = await self.find_all(repo, number)
        if builds:
            return builds[0]
        # fact 9.4: an unknown repository gives an empty list, not 404.
        path = LIST.request(query=_number_query(repo, number)).safe_target
        remedy = "Check number and repository."
        message = (
            f"GET {path} returned no build: there is none of this number, or it is hidden from this token. {remedy}"
        )
        raise NotFoundError(message, status=200, method="GET", path=path, remedy=remedy)

    async def find_all(self, repo: int | str | Repository, number: int | str) -> Results[Build]:
        """Fetch all builds with a number, newest first, with their commits and without jobs.

        A push and its pull request, or two pushes at once, can get the same number. The result is empty if there is no
        such build, or if the repository does not exist or is hidden from this token.

        Args:
            repo: Id, slug, or a repository.
            number: ``784`` or ``"784"``.

        Raises:
            DecodeError: The server ignored ``number``.
            UsageError: An argument is invalid.
        """
        query = _number_query(repo, number)
        response = await self._fetch(LIST, query=query)
        builds = finish(response.builds, response.commits)
        # fact 10.1: numbers are not unique; fact 4: with number= there is no order, and no paging.
        # fact 9.10: numbers are strings.
        same = {build.id: build for build in builds if build_number(build.number) == int(query[1][1])}
        others = {build.id for build in builds if build_number(build.number) >= 0} - same.keys()
        if len(others) > len(same):
            path = LIST.request(query=query).safe_target
            message = f"GET {path} returned builds of other numbers: the server ignored number={query[1][1]}."
            raise DecodeError(message, status=200, method="GET", path=path, excerpt="")
        return Results([same[build_id] for build_id in sorted(same, reverse=True)], builds.unreadable)

    async def recent(self, *, running: bool = False) -> Results[Build]:
        """Fetch the last 25 passed or failed builds of all repositories of the user; none without a token.

        With ``running``, fetch the running builds instead.
        """
        response = await self._fetch(LIST, query=[("running", "true")] if validate_bool(running, "running") else [])
        return finish(response.builds, response.commits)

    async def last_per_branch(self, repo: int | str | Repository) -> Results[Build]:
        """Fetch the last build of each recently built branch. The commit holds the name of the branch."""
        response = await self._fetch(LIST, query=[repo_query(repo), ("branches", "true")])
        return finish(response.builds, response.commits)

    async def cancel(self, build: int | Build) -> None:
        """Cancel a build. Travis queues this: the state changes later.

        Raises:
            RefusedError: It has already finished.
            PermissionDenied: The user lacks the rights.
            NotFoundError: It does not exist or is hidden from this token.
        """
        await self._fetch(CANCEL, id=id_of(build, "build", Build))

    async def restart(self, build: int | Build) -> str:
        """Restart a build. Travis queues this: the state changes to created later.

        Until then, the client's waits and followed logs wait for the new run; see `Travis.restart`.

        Returns:
            Travis's notice.

        Raises:
            RefusedError: It has not finished, or its configuration is invalid; ``.flash`` holds the reasons.
            RepositoryMigrated: The repository has moved to another site.
            NotFoundError: It does not exist or is hidden from this token.
        """
        key = "build", id_of(build, "build", Build)
        return await restart(self._transport, RESTART, key, self._restarts, old=build)

    def list(
        self,
        repo: int | str | Repository,
        *,
        event_type: str | None = None,
        after_number: int | str | None = None,
        since: Build | datetime | int | str | None = None,
        cursor: str | None = None,
        exclude_config: bool = False,
        limit: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Paginator[Build]:
        """Iterate over a repository's builds with their commits, newest first. Pages are fetched ahead.

        Builds that share a number are all included. Without a cursor, the list is also empty if the repository does not
        exist or is hidden from this token.

        With ``since``, or with the ``cursor`` of an earlier iteration, it ends by itself where the known builds begin.
        A restarted build is not new. A cursor keeps to its repository when that is renamed.

        Args:
            repo: Id, slug, or a repository.
            event_type: Only ``push``, ``pull_request``, ``api`` or ``cron``.
            after_number: Only builds with a lower number.
            since: Only builds after this one, with a higher number, or that started at this time or later, or have not
                started. Builds start in another order than that of their numbers: the list ends at the first that
                started earlier. A cursor misses none.
            cursor: Only what is new since an iteration with the same ``repo`` and ``event_type``: its
                `Paginator.cursor`, read at its end or earlier, however often it was broken off. Builds that had not
                ended come again once they have, and deleted builds, repeated numbers and restarts do not matter.
            exclude_config: Whether to omit the configurations, most of a response's bytes.
            limit: Maximum number of builds; None for all.
            progress: Called with the number of builds fetched, after every step, and once a second between them.

        Raises:
            UsageError: Immediately: an argument is invalid, or the cursor is damaged, or one of another repository,
                event type or site. While iterating: ``since`` or the cursor turns out to be of another repository.
            NotFoundError: While iterating, with a cursor: the repository is gone, or hidden from this token by now.
        """
        query = [repo_query(repo)]
        if event_type is not None:
            check_event_type(event_type)
            query.append(("event_type", event_type))
        if validate_bool(exclude_config, "exclude_config"):
            query.append(("exclude_config", "true"))
        start = history_start(self._site, repo, event_type, None if since is None else _boundary(since), cursor)
        if cursor is not None and start.repository_id is not None:
            query[0] = repo_query(start.repository_id)  # It keeps its id when it is renamed.
        if isinstance(since, Build):
            start.expect(since.repository_id)
        if cursor is not None and after_number is not None:
            raise UsageError("Pass either after_number or cursor.", argument="after_number")

        async def fetch(number_filter: NumberFilter | None) -> Results[Build]:
            filters = [] if number_filter is None else [(number_filter[0], str(number_filter[1]))]
            response = await self._fetch(LIST, query=[*query, *filters])
            for build in response.builds:
                start.expect(build.repository_id)
            if cursor is not None and number_filter is None and not response.builds and start.position.known:
                # fact 9.4: there were builds, so it may be gone or hidden by now.
                await Repositories(self._transport).get(start.repository_id or repo)
            return finish(response.builds, response.commits)

        def fetch_many(ids: Sequence[int]) -> BatchIterator[Build]:
            shown = [("exclude_config", "true")] if exclude_config else []
            return self._fetch_many(LIST, partial(self._fetch_ids, shown), ids, "cursor", Build, True, None)

        return Paginator(
            fetch,
            after=None if after_number is None else _build_number(after_number, "after_number"),
            limit=None if limit is None else validate_count(limit, "limit"),
            position=start.position,
            fetch_many=fetch_many,
            encode=start.encode,
            progress=progress,
            waiting=lambda: self._transport.waiting,
        )

    def many(
        self,
        builds: Iterable[int | Build] | AsyncIterable[int | Build],
        *,
        exclude_config: bool = False,
        missing_ok: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> BatchIterator[Build]:
        """Fetch many builds by their ids, in the order of the ids: 100 per request, up to 16 requests at the same time.

        Args:
            builds: Ids, or builds; also from an async iterable, such as a paginator.
            exclude_config: Whether to omit the configurations, most of a response's bytes.
            missing_ok: Whether missing ids are only listed in ``.missing``.
            progress: Called after every request, and once a second between them.

        Raises:
            UsageError: Immediately, or when an async iterable yields it: one is neither an id nor a build.
            NotFoundError: At the end of the iteration: some ids are missing, and ``missing_ok`` is not set.
        """
        shown = [("exclude_config", "true")] if validate_bool(exclude_config, "exclude_config") else []
        fetch = partial(self._fetch_ids, shown)
        return self._fetch_many(LIST, fetch, builds, "builds", Build, missing_ok, progress)

    async def _fetch_ids(self, shown: Iterable[tuple[str, str]], ids: Sequence[int]) -> Results[Build]:
        response = await self._fetch(LIST, query=[("ids", ",".join(map(str, ids))), *shown])
        return finish(response.builds, response.commits)


def check_event_type(event_type: str) -> None:
    """Check an event type.

    Raises:
        UsageError: Travis does not know it.
    """
    if event_type not in EVENT_TYPES:
        message = f"event_type must be one of {', '.join(EVENT_TYPES)}, not {display(event_type)}."
        raise UsageError(message, argument="event_type")


def _number_query(repo: int | str | Repository, number: int | str) -> Sequence[tuple[str, str]]:
    return [repo_query(repo), ("number", str(_build_number(number, "number")))]


def _build_number(number: int | str, argument: str) -> int:
    return validate_count(int(number) if _is_number(number) else number, argument, maximum=MAX_ID)


def _is_number(value: object) -> bool:
    """Return whether a value is a whole number, or text that is one: Travis sends numbers as strings (fact 9.10)."""
    if isinstance(value, str):
        return value.isdecimal() and len(value) <= MAX_DIGITS
    return isinstance(value, int) and not isinstance(value, bool)


def _boundary(since: Build | datetime | int | str) -> Boundary:
    """Return where the builds begin that are not wanted.

    Raises:
        UsageError: It is neither a build, nor a number, nor a time.
    """
    if isinstance(since, datetime):
        if since.utcoffset() is None:
            raise UsageError("since must have a time zone: datetime.now(UTC).", argument="since")
        try:
            utc = since.astimezone(UTC)
        except OverflowError:
            utc = since.replace(tzinfo=UTC)  # On the first or the last day that there is.
        # Travis's times have whole seconds.
        return Boundary(since=utc.replace(microsecond=0))
    if isinstance(since, Build):
        number, build_id = build_number(since.number), id_of(since, "since", Build)
        if number < 0:
            raise UsageError(f"since must be a build with a number, not {since!r}.", argument="since")
        return Boundary(number=number, id=build_id)
    if _is_number(since) and int(since) >= 0:
        return Boundary(number=min(int(since), MAX_NUMBER))
    message = f"since must be a build, a build number or a datetime, not {display(since)}."
    raise UsageError(message, argument="since")
