"""Users: the one whose token it is.

https://docs.travis-ci.com/api/#users
"""

from datetime import datetime

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource, id_of, text_of

__all__ = ["User", "Users"]


class User(Entity, frozen=True, kw_only=True):
    """The user behind a token.

    Attributes:
        id: Travis's id of them, not GitHub's.
        name: Or None.
        login: Name on GitHub.
        email: Or None.
        gravatar_id: Or None; empty without an email.
        avatar_url: URL, or None on old servers.
        locale: Or None.
        is_syncing: Whether Travis fetches their repositories from GitHub just now.
        synced_at: UTC, or None before the first time.
        correct_scopes: Whether their GitHub token has the scopes that Travis needs.
        created_at: UTC.
        first_logged_in_at: UTC, or None.
        channels: Live channels meant for them; empty on servers of 2014.
        allow_migration: Whether they may move repositories to travis-ci.com.
        vcs_type: Such as ``GithubUser``.
    """

    id: int
    name: str | None = None
    login: str = ""
    email: str | None = None
    gravatar_id: str | None = None
    avatar_url: str | None = None
    locale: str | None = None
    is_syncing: bool | None = None
    synced_at: datetime | None = None
    correct_scopes: bool | None = None
    created_at: datetime | None = None
    first_logged_in_at: datetime | None = None
    channels: tuple[str, ...] = ()
    allow_migration: bool | None = None
    vcs_type: str | None = None


class _UserResponse(Entity, frozen=True, kw_only=True):
    user: User


class _Result(Entity, frozen=True, kw_only=True):
    result: bool


GET = Endpoint("GET", "/users", _UserResponse)
UPDATE = Endpoint("PUT", "/users/{id}", _UserResponse)
SYNC = Endpoint("POST", "/users/sync", _Result)


class Users(Resource):
    """``travis.users``."""

    async def me(self) -> User:
        """Fetch the user whose token this is.

        Raises:
            AuthenticationError: No token, or one that Travis does not know.
        """
        return (await self._fetch(GET)).user

    async def update(self, user: int | User, *, locale: str) -> User:
        """Change the user's language. A locale that Travis does not know is ignored: look at what it returns.

        Args:
            user: The user's own id, or the user.
            locale: Such as ``en``.

        Raises:
            NotFoundError: Not the token's own user.
        """
        fields = {"user": {"locale": text_of(locale, "locale")}}
        return (await self._fetch(UPDATE, id=id_of(user, "user", User), json=fields)).user

    async def sync(self) -> bool:
        """Let Travis fetch the user's repositories and rights from GitHub anew. `me` tells when that is done.

        Returns:
            Whether it was begun.

        Raises:
            ConflictError: One is under way already.
            AuthenticationError: No token, or one that Travis does not know.
        """
        return (await self._fetch(SYNC)).result
