"""Authentication and access of REST: tokens, modes, error responses."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from aiotravis.testing.rest.content_negotiation import wants_version_2_1
from aiotravis.testing.world.world import Job, Repository, User, World

__all__ = [
    "Caller",
    "ErrorResponse",
    "Mode",
    "access_denied",
    "authenticate",
    "insufficient_access",
    "not_found",
    "read_rss_user",
    "read_token",
    "server_error",
]

Mode = Literal["org", "com", "com-private", "enterprise"]
"""Kind of deployment: who is shown what without a token, see `TravisServer`."""


class ErrorResponse(Exception):
    """Raised by a route; the middleware answers with its response."""

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers: dict[str, str] = {"Content-Type": content_type, **(headers or {})}

    def response(self) -> web.Response:
        """Return the response."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


def not_found() -> ErrorResponse:
    """Return the 404 of Sinatra."""
    return ErrorResponse(404, b'{"file":"not found"}')


def server_error() -> ErrorResponse:
    """Return the 500 of an unhandled exception."""
    return ErrorResponse(500, b"Sorry, we experienced an error.\n", "text/plain")


def access_denied() -> ErrorResponse:
    """Return the 403 for an unknown or expired token."""
    return ErrorResponse(403, b"access denied", "text/html;charset=utf-8")


def insufficient_access() -> ErrorResponse:
    """Return the 403 for a token whose scope does not include the route."""
    return ErrorResponse(403, b"insufficient access")


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes:
        user: User of the token, or None.
        sees_public: Whether public repositories are visible.
    """

    user: User | None
    sees_public: bool

    def can_see(self, repository: Repository) -> bool:
        """Return whether a repository is visible."""
        return (self.user is not None and self.user in repository.users) or (
            self.sees_public and not repository.private
        )

    def can_see_job(self, job: Job) -> bool:
        """Return whether a job is visible."""
        return self.can_see(job.repository)


def read_token(request: web.Request) -> str | None:
    """Return the token: ``token VALUE`` without quotes, Basic, or ``access_token`` in the query; None without one."""
    # fact 9.6: any other scheme, such as Bearer, is ignored.
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "token":
        return value.strip().strip('"')
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return request.query.get("access_token")


def read_rss_user(request: web.Request, world: World) -> User | None:
    """Return the user of the badge and feed token ``token`` in the query; None without one or if it is unknown."""
    return world.by_rss_token(request.query.get("token", "")) if request.query.get("token") else None


def authenticate(
    request: web.Request, world: World, mode: Mode, *, guarded: bool = True, private: bool = False
) -> Caller:
    """Return who sent a request.

    Args:
        request: The request.
        world: World with the users.
        mode: Kind of deployment.
        guarded: Whether the route needs a token in modes that do.
        private: Whether the route needs a token in every mode.

    Raises:
        ErrorResponse: A token is missing or unknown.
    """
    token = read_token(request)
    if token is not None:
        opened = world.log_tokens.find(token)
        user = opened.user if opened is not None else world.by_token(token)
        if user is None:
            raise access_denied()
        return Caller(user, mode in {"org", "com"})
    public = mode == "org" or (mode == "com" and wants_version_2_1(request))
    # fact 1.4: the mode's refusal is empty and comes before the route's, which is text.
    if guarded and not public:
        raise ErrorResponse(401)
    if private:
        raise ErrorResponse(401, b"no access token supplied")
    return Caller(None, public)
