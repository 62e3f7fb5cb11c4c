"""Repositories that Travis knows.

https://docs.travis-ci.com/api/#repositories
"""

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import Final, cast

from aiotravis._http import Endpoint, Part, Results, results_of
from aiotravis._http.dates import Timestamp, dates_to_utc
from aiotravis._http.lenient import Id
from aiotravis._validation import display, validate_count, validate_text
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.progress import Progress
from aiotravis.errors import AuthenticationError, NotFoundError, PermissionDenied, UsageError
from aiotravis.resources._base import Entity, Resource, ResultResponse, id_of, slug_of, text_query
from aiotravis.resources._states import State

__all__ = ["Repositories", "Repository", "repo_part", "repo_query", "repo_segment"]


class Repository(Entity, frozen=True, kw_only=True):
    """A repository.

    After an old build was restarted, the ``last_build_*`` fields can mix two builds.

    Attributes:
        id: Travis's id, not GitHub's.
        slug: ``owner/name``.
        active: Whether Travis builds it; None on old servers.
        last_build_id: None if it was never built.
        last_build_state: ``State.NEVER_BUILT`` if it was never built.
        last_build_duration: Seconds, the sum over the jobs.
        github_language: Main language according to GitHub.
        private: Whether it is private; only from the live channel.
    """

    id: Id
    slug: str = ""
    description: str | None = None
    active: bool | None = None  # fact 9.12: can be a string, null or missing
    last_build_id: Id | None = None
    last_build_number: str | None = None
    last_build_state: State | None = None
    last_build_duration: int | None = None
    last_build_started_at: Timestamp | None = None
    last_build_finished_at: Timestamp | None = None
    github_language: str | None = None
    private: bool | None = None

    def __post_init__(self) -> None:
        """Convert dates to UTC."""
        dates_to_utc(self, "last_build_started_at", "last_build_finished_at")

    @property
    def owner_name(self) -> str:
        """The part of the slug before the slash."""
        return self.slug.partition("/")[0]

    @property
    def name(self) -> str:
        """The part of the slug after the slash."""
        return self.slug.partition("/")[2]


class _RepositoryResponse(Entity, frozen=True, kw_only=True):
    repo: Repository


class _RepositoriesResponse(Entity, frozen=True, kw_only=True):
    repos: tuple[Repository, ...]


class _BuildOfRepository(Entity, frozen=True, kw_only=True):
    repository_id: Id


class _BuildsResponse(Entity, frozen=True, kw_only=True):
    builds: tuple[_BuildOfRepository, ...]


GET = Endpoint("GET", "/repos/{repo}", _RepositoryResponse)
LIST = Endpoint("GET", "/repos", _RepositoriesResponse)
_BUILDS = Endpoint("GET", "/builds", _BuildsResponse)
BADGE = Endpoint("GET", "/repos/{repo}.svg", bytes)
CC = Endpoint("GET", "/repos/{repo}/cc.xml", str)
ACTIVATE = Endpoint("POST", "/v3/repo/{repo}/activate", ResultResponse, done=ResultResponse())
DEACTIVATE = Endpoint("POST", "/v3/repo/{repo}/deactivate", ResultResponse, done=ResultResponse())

MAX_LIMIT: Final = 50

# fact 9.44: names with these endings cannot be addressed by path.
STRIPPED_SUFFIXES: Final = (".json", ".xml", ".png", ".txt", ".atom", ".svg")
"""Endings that the server strips from every path."""


def repo_part(repo: object, argument: str = "repo") -> Part:
    """Return the part of a path that identifies a repository: its id, or owner and name."""
    return slug_of(repo, argument) if isinstance(repo, str) else id_of(repo, argument, Repository)


def repo_segment(repo: object, argument: str = "repo") -> int | str:
    """Return the same for API v3, as one segment of a path."""
    # fact 11.1: the slug is one segment, its slash percent-encoded.
    part = repo_part(repo, argument)
    return "/".join(part) if isinstance(part, tuple) else cast("int", part)


def repo_query(repo: object, argument: str = "repo") -> tuple[str, str]:
    """Return the query parameter that identifies a repository: ``repository_id`` or ``slug``."""
    if isinstance(repo, str):
        return "slug", "/".join(slug_of(repo, argument))
    return "repository_id", str(id_of(repo, argument, Repository))


class Repositories(Resource):
    """``travis.repos``. ``repo`` is an id, a slug (``owner/name``, in any case), or a repository."""

    async def get(self, repo: int | str | Repository) -> Repository:
        """Fetch a repository.

        Raises:
            NotFoundError: It does not exist or is hidden from this token.
            UsageError: Neither an id, nor a slug, nor a repository.
        """
        part = repo_part(repo)
        if not isinstance(part, tuple) or not part[1].lower().endswith(STRIPPED_SUFFIXES):
            return (await self._fetch(GET, repo=part)).repo
        # fact 9.44: the path would lose the ending of the name, a query keeps it.
        slug = "/".join(part)
        query, remedy = [("slug", slug)], "Check the slug and the site."
        try:
            for repo in (await self._fetch(LIST, query=query)).repos:
                if repo.slug.lower() == slug.lower():
                    return repo
        except (AuthenticationError, PermissionDenied):
            # fact 3.13: that route always needs a token; builds are public, and name the repository.
            builds = (await self._fetch(_BUILDS, query=[*query, ("exclude_config", "true")])).builds
            if builds:
                return (await self._fetch(GET, repo=builds[0].repository_id)).repo
            remedy = "Without a token, a repository of such a name is only found if it has builds."
        path = LIST.request(query=query).safe_target
        message = f"GET {path} returned no {slug}: it does not exist or is hidden from this token. {remedy}"
        raise NotFoundError(message, status=200, method="GET", path=path, remedy=remedy)

    async def list(
        self,
        *,
        owner_name: str | None = None,
        member: str | None = None,
        search: str | None = None,
        limit: int = 25,
    ) -> Results[Repository]:
        """List repositories. The server has no further pages: use filters instead.

        Args:
            owner_name: Only of this owner; case-sensitive.
            member: Only those that this login can access.
            search: Only where ``owner/name`` contains this; case-insensitive.
            limit: Maximum number of repositories, up to 50.

        Raises:
            AuthenticationError: Today's servers require a token.
            UsageError: The limit is not between 1 and 50, or a filter is empty.
        """
        # fact 9.22: the server ignores `active`, so there is no such filter.
        query = [("limit", str(validate_count(limit, "limit", maximum=MAX_LIMIT)))]
        query += text_query(owner_name=owner_name, member=member, search=search)
        return results_of((await self._fetch(LIST, query=query)).repos)

    async def activate(self, repo: int | str | Repository) -> None:
        """Activate a repository, so that Travis builds it: set its hook on GitHub.

        Raises:
            AuthenticationError: There is no token, or Travis does not know it.
            PermissionDenied: The token's user may not activate it.
            RepositoryMigrated: It has moved to another site.
            ConflictError: Its key is not there yet: synchronise with `Users.sync`, and try again.
            NotFoundError: It does not exist or is hidden from this token.

        https://developer.travis-ci.com/resource/repository
        """
        await self._fetch(ACTIVATE, repo=repo_segment(repo))

    async def deactivate(self, repo: int | str | Repository) -> None:
        """Deactivate a repository, so that Travis no longer builds it.

        Raises:
            TravisError: As `activate`.
        """
        await self._fetch(DEACTIVATE, repo=repo_segment(repo))

    async def badge(self, repo: str | Repository, *, branch: str | None = None, rss_token: str | None = None) -> bytes:
        """Fetch the badge with the state of the last build, as SVG.

        Args:
            repo: Slug, or a repository. If it does not exist or is hidden, the badge says ``unknown``.
            branch: Of this branch only.
            rss_token: For private repositories: the RSS token of the profile page, not the API token.

        Raises:
            UsageError: An argument is invalid; an id does not work here.
        """
        slug = repo_part(repo.slug if isinstance(repo, Repository) else repo)
        if not isinstance(slug, tuple):
            raise UsageError(f"repo must be a slug or a repository here, not {display(repo)}.", argument="repo")
        if rss_token is not None:
            validate_text(rss_token, "rss_token")
        query = text_query(branch=branch, token=rss_token)
        return await self._fetch(BADGE, repo=slug, query=query, accept="image/svg+xml")

    async def cc_xml(self, repo: int | str | Repository) -> str:
        """Fetch the state for CCTray and similar tools, as XML.

        Raises:
            NotFoundError: It does not exist or is hidden from this token.
        """
        return await self._fetch(CC, repo=repo_part(repo), accept="application/xml")

    def many(
        self,
        repos: Iterable[int | Repository] | AsyncIterable[int | Repository],
        *,
        missing_ok: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> BatchIterator[Repository]:
        """Fetch many repositories by their ids, in the order of the ids: 100 per request, up to 16 requests at once.

        Args:
            repos: Ids, or repositories; also from an async iterable, such as a paginator.
            missing_ok: Whether missing ids are only listed in ``.missing``.
            progress: Called after every request, and once a second between them.

        Raises:
            UsageError: Immediately, or when an async iterable yields it: one is neither an id nor a repository.
            NotFoundError: At the end of the iteration: some ids are missing, and ``missing_ok`` is not set.
        """

        async def fetch(ids: Sequence[int]) -> Results[Repository]:
            return results_of((await self._fetch(LIST, query=[("ids", ",".join(map(str, ids)))])).repos)

        return self._fetch_many(LIST, fetch, repos, "repos", Repository, missing_ok, progress)
