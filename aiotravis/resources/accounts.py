"""Accounts: the user and organizations that own repositories.

https://docs.travis-ci.com/api/#accounts
"""

from aiotravis._http import Endpoint, Results, results_of
from aiotravis._http.lenient import Id
from aiotravis._validation import validate_bool
from aiotravis.resources._base import Entity, Resource

__all__ = ["Account", "Accounts"]


class Account(Entity, frozen=True, kw_only=True):
    """An owner of repositories.

    Attributes:
        id: Unique only together with ``type``.
        login: Name on GitHub.
        type: ``user`` or ``organization``.
        repos_count: Number of repositories, or None if Travis did not count them.
        subscribed: Whether it has a subscription; only on travis-ci.com.
        education: Whether it is an education account; only on travis-ci.com.
    """

    # fact 9.46: ids of users and organizations overlap.
    id: Id
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

    async def list(self, *, all: bool = False) -> Results[Account]:
        """List the accounts whose repositories the user administers: the user first, then organizations.

        With ``all``, include accounts where the user has no admin rights.

        Raises:
            AuthenticationError: No token, or Travis does not know it.
        """
        # fact 9.22: any value means true, even "false".
        return results_of(
            (await self._fetch(LIST, query=[("all", "true")] if validate_bool(all, "all") else [])).accounts
        )
