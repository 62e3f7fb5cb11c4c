"""Settings: how Travis builds a repository.

https://docs.travis-ci.com/api/#settings:-general
"""

from collections.abc import Mapping
from typing import Any

from aiotravis._http import Endpoint
from aiotravis._http.messages import encode_json
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource, id_of
from aiotravis.resources.repositories import Repository

__all__ = ["Setting", "Settings"]

Setting = bool | int | float | str | list[Any] | dict[str, Any] | None
"""Value of a setting: a switch, a number, or None for unlimited; lists and objects in the future."""


class _SettingsResponse(Entity, frozen=True, kw_only=True):
    settings: dict[str, Setting]  # fact 9.50: names differ between servers


GET = Endpoint("GET", "/repos/{id}/settings", _SettingsResponse)
UPDATE = Endpoint("PATCH", "/repos/{id}/settings", _SettingsResponse)


class Settings(Resource):
    """``travis.settings``. Every call needs push access.

    ``repo`` is the repository or its id; slugs do not work here.
    """

    async def get(self, repo: int | Repository) -> Mapping[str, Setting]:
        """Fetch all settings.

        Returns:
            Name to value, such as ``{"build_pushes": True, "maximum_number_of_builds": 0}``.

        Raises:
            NotFoundError: The repository does not exist, or no push access.
        """
        return (await self._fetch(GET, id=id_of(repo, "repo", Repository))).settings

    async def update(self, repo: int | Repository, **changes: Setting) -> Mapping[str, Setting]:
        """Change some settings.

        Args:
            repo: Id, or a repository.
            **changes: Name to new value. **The server ignores unknown names**: check the result.

        Returns:
            All settings after the change.

        Raises:
            UsageError: Nothing to change.
            ValidationError: A value is out of range.
            NotFoundError: The repository does not exist, or no push access.
        """
        if not changes:
            raise UsageError("Pass at least one setting to change.", argument="changes")
        for name, value in changes.items():
            if encode_json({name: value}) is None:
                raise UsageError(f"{name} must be a value that JSON has.", argument=name)
        response = await self._fetch(UPDATE, id=id_of(repo, "repo", Repository), json={"settings": changes})
        return response.settings
