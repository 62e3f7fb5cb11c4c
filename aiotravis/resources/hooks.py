"""Hooks: whether Travis builds a repository.

https://docs.travis-ci.com/api/#hooks
"""

from collections.abc import Sequence

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource, id_of, text_of
from aiotravis.resources.repositories import Repository

__all__ = ["Hook", "Hooks"]


class Hook(Entity, frozen=True, kw_only=True):
    """The switch of one repository.

    Attributes:
        id: The repository's id.
        name: Name without the owner.
        owner_name: Its owner.
        description: Or None.
        active: Whether Travis builds it.
        private: Whether it is private.
        admin: Whether the user may switch it.
    """

    id: int
    name: str = ""
    owner_name: str = ""
    description: str | None = None
    active: bool | None = None
    private: bool | None = None
    admin: bool | None = None

    @property
    def slug(self) -> str:
        """``owner/name``."""
        return f"{self.owner_name}/{self.name}"


class _HooksResponse(Entity, frozen=True, kw_only=True):
    hooks: tuple[Hook, ...]


class _Result(Entity, frozen=True, kw_only=True):
    result: bool


LIST = Endpoint("GET", "/hooks", _HooksResponse)
UPDATE = Endpoint("PUT", "/hooks/{id}", _Result)


class Hooks(Resource):
    """``travis.hooks``."""

    async def list(
        self,
        *,
        all: bool = False,
        owner_name: str | None = None,
        name: str | None = None,
    ) -> Sequence[Hook]:
        """List the repositories that the user may switch on and off.

        Args:
            all: Whether to include those without admin rights.
            owner_name: Only of this owner.
            name: Only of this name.

        Raises:
            AuthenticationError: No token, or one that Travis does not know.
        """
        query = [("all", "true")] if all else []
        given = (("owner_name", owner_name), ("name", name))
        query += [(key, text_of(value, key)) for key, value in given if value is not None]
        return (await self._fetch(LIST, query=query)).hooks

    async def enable(self, repo: int | Repository | Hook) -> bool:
        """Let Travis build a repository.

        Args:
            repo: Id of the repository, or a repository, or its hook.

        Returns:
            Whether it worked.

        Raises:
            PermissionDenied: Not an admin of it.
        """
        return await self._switch(repo, active=True)

    async def disable(self, repo: int | Repository | Hook) -> bool:
        """Let Travis leave a repository alone.

        Args:
            repo: Id of the repository, or a repository, or its hook.

        Returns:
            Whether it worked.

        Raises:
            PermissionDenied: Not an admin of it.
        """
        return await self._switch(repo, active=False)

    async def _switch(self, repo: object, *, active: bool) -> bool:
        return (
            await self._fetch(UPDATE, id=id_of(repo, "repo", (Repository, Hook)), json={"hook": {"active": active}})
        ).result
