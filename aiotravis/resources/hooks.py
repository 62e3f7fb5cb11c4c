"""Hooks: whether Travis builds a repository.

https://docs.travis-ci.com/api/#hooks
"""

from aiotravis._http import Endpoint, Results, results_of
from aiotravis._http.lenient import Id
from aiotravis._validation import validate_bool
from aiotravis.resources._base import Entity, Resource, ResultResponse, id_of, text_query
from aiotravis.resources.repositories import Repository

__all__ = ["Hook", "Hooks"]


class Hook(Entity, frozen=True, kw_only=True):
    """Whether Travis builds one repository.

    Attributes:
        id: The repository's id.
        name: Name without the owner.
        owner_name: Login of the owner.
        active: Whether Travis builds it.
        admin: Whether the user has admin rights.
    """

    id: Id
    name: str = ""
    owner_name: str = ""
    description: str | None = None
    active: bool | None = None  # fact 9.12: can be a string, null or missing
    private: bool | None = None
    admin: bool | None = None

    @property
    def slug(self) -> str:
        """``owner/name``."""
        return f"{self.owner_name}/{self.name}"


class _HooksResponse(Entity, frozen=True, kw_only=True):
    hooks: tuple[Hook, ...]


LIST = Endpoint("GET", "/hooks", _HooksResponse)
UPDATE = Endpoint("PUT", "/hooks/{id}", ResultResponse, done=ResultResponse())


class Hooks(Resource):
    """``travis.hooks``. ``repo`` is a hook, or the id of its repository."""

    async def list(self, *, all: bool = False, owner_name: str | None = None, name: str | None = None) -> Results[Hook]:
        """List the repositories that the user can enable and disable.

        Args:
            all: Whether to include repositories where the user has no admin rights.
            owner_name: Only of this owner.
            name: Only with this name.

        Raises:
            AuthenticationError: No token, or Travis does not know it.
            UsageError: A filter is empty.
        """
        # fact 9.22: any value means true, even "false".
        query = [
            *([("all", "true")] if validate_bool(all, "all") else []),
            *text_query(owner_name=owner_name, name=name),
        ]
        return results_of((await self._fetch(LIST, query=query)).hooks)

    async def enable(self, repo: int | Repository | Hook) -> bool:
        """Enable builds of a repository, and return whether this succeeded.

        Raises:
            PermissionDenied: No admin rights.
        """
        return await self._update(repo, active=True)

    async def disable(self, repo: int | Repository | Hook) -> bool:
        """Disable builds of a repository, and return whether this succeeded.

        Raises:
            PermissionDenied: No admin rights.
        """
        return await self._update(repo, active=False)

    async def _update(self, repo: object, *, active: bool) -> bool:
        number, body = id_of(repo, "repo", (Repository, Hook)), {"hook": {"active": active}}
        return (await self._fetch(UPDATE, id=number, json=body)).result is not False
