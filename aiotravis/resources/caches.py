"""Caches: what jobs keep between builds.

https://docs.travis-ci.com/api/#caches
"""

from collections.abc import Sequence
from datetime import datetime

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource, text_of
from aiotravis.resources.repositories import Repository, repo_part

__all__ = ["Cache", "Caches"]


class Cache(Entity, frozen=True, kw_only=True):
    """One cache. It has no id.

    Attributes:
        repository_id: Id of its repository.
        size: In bytes.
        slug: Its name, made from the job's environment.
        branch: Name of its branch, or None.
        last_modified: UTC.
    """

    repository_id: int
    size: int = 0
    slug: str = ""
    branch: str | None = None
    last_modified: datetime | None = None


class _CachesResponse(Entity, frozen=True, kw_only=True):
    caches: tuple[Cache, ...]


LIST = Endpoint("GET", "/repos/{repo}/caches", _CachesResponse)
DELETE = Endpoint("DELETE", "/repos/{repo}/caches", _CachesResponse)


class Caches(Resource):
    """``travis.caches``. All of it needs push access."""

    async def list(
        self, repo: int | str | Repository, *, branch: str | None = None, match: str | None = None
    ) -> Sequence[Cache]:
        """List caches.

        Args:
            repo: Id, slug, or a repository.
            branch: Only of this branch.
            match: Only those whose slug contains this.

        Raises:
            PermissionDenied: No push access.
            AuthenticationError: No token (by slug); by id the server says NotFoundError instead.
        """
        return (await self._fetch(LIST, repo=repo_part(repo), query=_narrowed(branch, match))).caches

    async def delete(
        self, repo: int | str | Repository, *, branch: str | None = None, match: str | None = None
    ) -> Sequence[Cache]:
        """Delete caches; without branch and match, **all of them**.

        Args:
            repo: Id, slug, or a repository.
            branch: Only of this branch.
            match: Only those whose slug contains this.

        Returns:
            What was deleted.

        Raises:
            PermissionDenied: No push access.
        """
        return (await self._fetch(DELETE, repo=repo_part(repo), query=_narrowed(branch, match))).caches


def _narrowed(branch: str | None, match: str | None) -> Sequence[tuple[str, str]]:
    # An empty filter would delete everything, which is hardly what somebody means who narrows it down.
    given = (("branch", branch), ("match", match))
    return [(name, text_of(value, name)) for name, value in given if value is not None]
