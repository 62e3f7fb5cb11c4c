"""Settings: how a repository is built.

https://docs.travis-ci.com/api/#settings:-general
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiotravis._http import Endpoint
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource, id_of
from aiotravis.resources.repositories import Repository

__all__ = ["Setting", "Settings"]

Setting = bool | int | float | str | list[Any] | dict[str, Any] | None
"""A value: a switch, a number, or None for unlimited; lists and objects, should Travis come to have such settings."""


class _SettingsResponse(Entity, frozen=True, kw_only=True):
    settings: dict[str, Setting]


GET = Endpoint("GET", "/repos/{id}/settings", _SettingsResponse)
UPDATE = Endpoint("PATCH", "/repos/{id}/settings", _SettingsResponse)


class Settings(Resource):
    """``travis.settings``. All of it needs push access, and the repository's id: slugs do not work here."""

    async def get(self, repo: int | Repository) -> Mapping[str, Setting]:
        """Fetch all settings.

        Args:
            repo: Id of the repository, or a repository.

        Returns:
            Name to value, such as ``{"build_pushes": True, "maximum_number_of_builds": 0}``. Servers differ in the
            names they know.

        Raises:
            NotFoundError: No such repository, or no push access.
        """
        return MappingProxyType((await self._fetch(GET, id=id_of(repo, "repo", Repository))).settings)

    async def update(self, repo: int | Repository, **changes: Setting) -> Mapping[str, Setting]:
        """Change some settings.

        Args:
            repo: Id of the repository, or a repository.
            **changes: Name to new value. **The server ignores names that it does not know**: look at what it returns.

        Returns:
            All settings, as they are now.

        Raises:
            UsageError: Nothing to change.
            ValidationError: A value is out of range.
            NotFoundError: No such repository, or no push access.
        """
        if not changes:
            raise UsageError("Name at least one setting to change.", argument="changes")
        response = await self._fetch(UPDATE, id=id_of(repo, "repo", Repository), json={"settings": changes})
        return MappingProxyType(response.settings)
