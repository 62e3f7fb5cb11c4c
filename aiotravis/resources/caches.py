"""Caches: files that jobs keep between builds.

https://docs.travis-ci.com/api/#caches
"""

from aiotravis._http import Endpoint, Results, results_of
from aiotravis._http.dates import Timestamp, dates_to_utc
from aiotravis.resources._base import Entity, Resource, text_query
from aiotravis.resources.repositories import Repository, repo_part

__all__ = ["Cache", "Caches"]


class Cache(Entity, frozen=True, kw_only=True):
    """A cache. It has no id.

    Attributes:
        size: In bytes.
        slug: Name, made from the job's environment.
    """

    repository_id: int
    size: int = 0
    slug: str = ""
    branch: str | None = None
    last_modified: Timestamp | None = None

    def __post_init__(self) -> None:
        """Convert dates to UTC."""
        dates_to_utc(self, "last_modified")


class _CachesResponse(Entity, frozen=True, kw_only=True):
    caches: tuple[Cache, ...]


# fact 3.7: the body is empty where caching is not configured.
LIST = Endpoint("GET", "/repos/{repo}/caches", _CachesResponse, empty=_CachesResponse(caches=()))
DELETE = Endpoint("DELETE", "/repos/{repo}/caches", _CachesResponse, empty=_CachesResponse(caches=()))


class Caches(Resource):
    """``travis.caches``. Every call needs push access. ``repo`` is an id, a slug, or a repository."""

    async def list(
        self, repo: int | str | Repository, *, branch: str | None = None, match: str | None = None
    ) -> Results[Cache]:
        """List the caches of a repository.

        Args:
            repo: Id, slug, or a repository.
            branch: Only of this branch.
            match: Only where the slug contains this.

        Raises:
            PermissionDenied: No push access.
            AuthenticationError: No token. If ``repo`` is an id: NotFoundError.
            UsageError: A filter is empty.
        """
        query = text_query(branch=branch, match=match)
        return results_of((await self._fetch(LIST, repo=repo_part(repo), query=query)).caches)

    async def delete(
        self, repo: int | str | Repository, *, branch: str | None = None, match: str | None = None
    ) -> Results[Cache]:
        """Delete caches. Without ``branch`` and ``match``, **delete all caches of the repository**.

        Args:
            repo: Id, slug, or a repository.
            branch: Only of this branch.
            match: Only where the slug contains this.

        Returns:
            The deleted caches.

        Raises:
            PermissionDenied: No push access.
            UsageError: A filter is empty: the server would delete all caches.
        """
        query = text_query(branch=branch, match=match)
        return results_of((await self._fetch(DELETE, repo=repo_part(repo), query=query)).caches)
