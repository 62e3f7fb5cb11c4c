"""Permissions: the rights of the user on repositories.

https://docs.travis-ci.com/api/#permissions
"""

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource

__all__ = ["Permissions", "PermissionsResource"]


class Permissions(Entity, frozen=True, kw_only=True):
    """Ids of repositories, by right.

    Attributes:
        permissions: Any right.
        admin: Admin rights: change settings.
        push: Push access: restart, cancel, remove logs.
        pull: Pull access: read.
    """

    permissions: frozenset[int] = frozenset()
    admin: frozenset[int] = frozenset()
    push: frozenset[int] = frozenset()
    pull: frozenset[int] = frozenset()


GET = Endpoint("GET", "/users/permissions", Permissions)


class PermissionsResource(Resource):
    """``travis.permissions``."""

    async def get(self) -> Permissions:
        """Fetch the rights of the user whose token this is.

        Raises:
            AuthenticationError: No token, or Travis does not know it.
        """
        return await self._fetch(GET)
