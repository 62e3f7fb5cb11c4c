"""Repositories.

https://docs.travis-ci.com/api/#repositories
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from aiotravis._http import Endpoint, Part
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.progress import Progress
from aiotravis.errors import NotFoundError, UsageError
from aiotravis.resources._base import Entity, Resource, id_of, ids_of, slug_of, text_of, within
from aiotravis.resources._states import State

__all__ = ["Repositories", "Repository", "repo_part", "repo_query"]


class Repository(Entity, frozen=True, kw_only=True):
    """One repository.

    After a restart of an old build, the ``last_build_*`` fields can mix two builds.

    Attributes:
        id: Travis's id of it, not GitHub's.
        slug: ``owner/name``.
        description: Or None.
        active: Whether Travis builds it; None on servers that do not tell.
        last_build_id: Or None when it was never built, like the next.
        last_build_number: A string.
        last_build_state: ``State.NEVER_BUILT`` when it was never built.
        last_build_duration: In seconds, summed over its jobs.
        last_build_started_at: UTC.
        last_build_finished_at: UTC.
        github_language: Main language by GitHub's count.
        private: Only over the live channel.
    """

    id: int
    slug: str = ""
    description: str | None = None
    active: bool | None = None
    last_build_id: int | None = None
    last_build_number: str | None = None
    last_build_state: State | None = None
    last_build_duration: int | None = None
    last_build_started_at: datetime | None = None
    last_build_finished_at: datetime | None = None
    github_language: str | None = None
    private: bool | None = None

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


GET = Endpoint("GET", "/repos/{repo}", _RepositoryResponse)
LIST = Endpoint("GET", "/repos", _RepositoriesResponse)
BADGE = Endpoint("GET", "/repos/{repo}.svg", bytes)
CC = Endpoint("GET", "/repos/{repo}/cc.xml", str)

MOST: Final = 50

EATEN: Final = (".json", ".xml", ".png", ".txt", ".atom", ".svg")
"""Endings that the server takes off any path."""


def repo_part(repo: object, argument: str = "repo") -> Part:
    """Name a repository in a path: its id, or owner and name."""
    return slug_of(repo, argument) if isinstance(repo, str) else id_of(repo, argument, Repository)


def repo_query(repo: object, argument: str = "repo") -> tuple[str, str]:
    """Name a repository in a query: ``repository_id`` or ``slug``."""
    if isinstance(repo, str):
        return "slug", "/".join(slug_of(repo, argument))
    return "repository_id", str(id_of(repo, argument, Repository))


def _slug(repo: object) -> Part:
    if isinstance(repo, Repository):
        repo = repo.slug
    if not isinstance(repo, str):
        raise UsageError(f"repo must be a slug or a repository here, not {repo!r}.", argument="repo")
    return slug_of(repo, "repo")


class Repositories(Resource):
    """``travis.repos``."""

    async def get(self, repo: int | str | Repository) -> Repository:
        """Fetch one repository.

        Args:
            repo: Id, slug (``owner/name``, in any case), or a repository.

        Raises:
            NotFoundError: No such repository, or this token may not see it.
            UsageError: Neither an id nor a slug.
        """
        part = repo_part(repo)
        if isinstance(part, tuple) and part[1].lower().endswith(EATEN):
            return await self._get_by_query("/".join(part))
        return (await self._fetch(GET, repo=part)).repo

    async def _get_by_query(self, slug: str) -> Repository:
        """Find a repository whose name looks like a file: its path would lose the ending."""
        response = await self._fetch(LIST, query=[("slug", slug)])
        if not response.repos:
            message = (
                f"GET /repos?slug={slug}: no such repository, or hidden from this token. Check the slug and the site."
            )
            raise NotFoundError(message, status=200, method="GET", path=f"/repos?slug={slug}", remedy="Check the slug.")
        return response.repos[0]

    async def list(
        self,
        *,
        owner_name: str | None = None,
        member: str | None = None,
        search: str | None = None,
        limit: int = 25,
    ) -> Sequence[Repository]:
        """List repositories. The server knows no paging here: narrow the question instead.

        Args:
            owner_name: Only of this owner; case matters.
            member: Only those of this login.
            search: Only where ``owner/name`` contains this, in any case.
            limit: How many at most, up to 50.

        Raises:
            AuthenticationError: Today's servers list only for a token.
            UsageError: The limit is not between 1 and 50, or a name is empty.
        """
        query = [("limit", str(within(limit, "limit", MOST)))]
        given = (("owner_name", owner_name), ("member", member), ("search", search))
        query += [(name, text_of(value, name)) for name, value in given if value is not None]
        return (await self._fetch(LIST, query=query)).repos

    async def badge(self, repo: str | Repository, *, branch: str | None = None, rss_token: str | None = None) -> bytes:
        """Fetch the badge that shows the last outcome, as SVG.

        Args:
            repo: Slug, or a repository. One that does not exist, or is hidden, has the badge ``unknown``.
            branch: Of this branch.
            rss_token: For private repositories: the RSS token of a profile page, which is not the API token.
        """
        given = (("branch", branch), ("token", rss_token))
        query = [(name, text_of(value, name)) for name, value in given if value is not None]
        return await self._fetch(BADGE, repo=_slug(repo), query=query, accept="image/svg+xml")

    async def cc_xml(self, repo: int | str | Repository) -> str:
        """Fetch the state for CCTray and its kind, as XML.

        Args:
            repo: Id, slug, or a repository.

        Raises:
            NotFoundError: No such repository, or this token may not see it.
        """
        return await self._fetch(CC, repo=repo_part(repo), accept="application/xml")

    def many(
        self,
        repos: Iterable[int | Repository],
        *,
        missing_ok: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> BatchIterator[Repository]:
        """Fetch many repositories by their ids, a hundred in a request, in the order asked.

        Args:
            repos: Ids, or repositories.
            missing_ok: Whether ids that the server does not know are only listed in ``.missing``.
            progress: Told how far it has come: at every batch, and once a second while it waits.

        Raises:
            UsageError: At once: one of them is not an id.
            NotFoundError: At the end of the iteration: ids that the server did not know, unless ``missing_ok``.
        """

        async def fetch(ids: Sequence[int]) -> Iterable[Repository]:
            return (await self._fetch(LIST, query=[("ids", ",".join(map(str, ids)))])).repos

        return BatchIterator(
            fetch,
            ids_of(repos, "repos", Repository),
            path=LIST.path,
            missing_ok=missing_ok,
            progress=progress,
            waiting=lambda: self._transport.waiting,
        )
