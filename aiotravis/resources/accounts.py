"""Accounts: the user and the organizations that own repositories.

https://docs.travis-ci.com/api/#accounts
"""

from collections.abc import Sequence

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource

__all__ = ["Account", "Accounts"]


class Account(Entity, frozen=True, kw_only=True):
    """One owner of repositories.

    Attributes:
        id: Unique only together with ``type``: the ids of users and organizations overlap.
        name: Or None.
        login: Name on GitHub, or None.
        type: ``user`` or ``organization``.
        repos_count: How many repositories, or None where Travis has not counted.
        avatar_url: URL, or None.
        subscribed: Whether there is a subscription; travis-ci.com only.
        education: Whether it is an education account; travis-ci.com only.
    """

    id: int
    name: str | None = None
    login: str | None = None
    type: str = ""
    repos_count: int | None = None
    avatar_url: str | None = None
    subscribed: bool | None = None
    education: bool | None = None


class _AccountsResponse(Entity, frozen=True, kw_only=True):
    accounts: tuple[Account, ...]


LIST = Endpoint("GET", "/accounts", _AccountsResponse)


class Accounts(Resource):
    """``travis.accounts``."""

    async def list(self, *, all: bool = False) -> Sequence[Account]:
        """List the accounts that the user can see repositories of: the user first, then organizations.

        Args:
            all: Whether to include those without admin rights.

        Raises:
            AuthenticationError: No token, or one that Travis does not know.
        """
        # Any value counts as true, "false" too: to say no is to say nothing.
        return (await self._fetch(LIST, query=[("all", "true")] if all else [])).accounts
