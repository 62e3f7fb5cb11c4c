"""Users: the user of a token.

https://docs.travis-ci.com/api/#users
"""

from aiotravis._http import Endpoint
from aiotravis._http.dates import Timestamp, dates_to_utc
from aiotravis._http.lenient import Id
from aiotravis._validation import validate_text
from aiotravis.resources._base import Entity, Resource, ResultResponse, id_of

__all__ = ["User", "Users"]


class User(Entity, frozen=True, kw_only=True):
    """The user of a token.

    Attributes:
        id: Travis's id, not GitHub's.
        login: Name on GitHub.
        gravatar_id: ``""`` without an email.
        locale: Such as ``en``.
        is_syncing: Whether Travis is fetching the user's repositories from GitHub.
        synced_at: Time of the last sync.
        correct_scopes: Whether the user's GitHub token has the scopes that Travis needs.
        channels: The user's live channels; empty on servers of 2014.
        allow_migration: Whether the user can move repositories to travis-ci.com.
        vcs_type: Such as ``GithubUser``.
    """

    id: Id
    name: str | None = None
    login: str = ""
    email: str | None = None
    gravatar_id: str | None = None
    avatar_url: str | None = None
    locale: str | None = None
    is_syncing: bool | None = None
    synced_at: Timestamp | None = None
    correct_scopes: bool | None = None
    created_at: Timestamp | None = None
    first_logged_in_at: Timestamp | None = None
    channels: tuple[str, ...] = ()
    allow_migration: bool | None = None
    vcs_type: str | None = None

    def __post_init__(self) -> None:
        """Convert dates to UTC."""
        dates_to_utc(self, "synced_at", "created_at", "first_logged_in_at")


class _UserResponse(Entity, frozen=True, kw_only=True):
    user: User


GET = Endpoint("GET", "/users", _UserResponse)
UPDATE = Endpoint("PUT", "/users/{id}", _UserResponse)
SYNC = Endpoint("POST", "/users/sync", ResultResponse, done=ResultResponse())


class Users(Resource):
    """``travis.users``."""

    async def me(self) -> User:
        """Fetch the user of this token.

        Raises:
            AuthenticationError: No token, or Travis does not know it.
        """
        return (await self._fetch(GET)).user

    async def update(self, user: int | User, *, locale: str) -> User:
        """Change the user's language, such as ``en``, and return the user. Travis ignores unknown locales.

        Raises:
            NotFoundError: Not the user of this token.
            UsageError: The locale is empty.
        """
        body = {"user": {"locale": validate_text(locale, "locale")}}
        return (await self._fetch(UPDATE, id=id_of(user, "user", User), json=body)).user

    async def sync(self) -> bool:
        """Start fetching the user's repositories and rights from GitHub, and return whether this succeeded.

        While it runs, `User.is_syncing` is true.

        Raises:
            ConflictError: A sync is already running.
            AuthenticationError: No token, or Travis does not know it.
        """
        return (await self._fetch(SYNC)).result is not False
