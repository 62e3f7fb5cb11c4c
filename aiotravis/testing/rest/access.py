"""Who asks, and what they may have: tokens, modes, refusals."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from aiotravis.testing.rest.content_negotiation import is_newer
from aiotravis.testing.world.world import Job, Repository, User, World

__all__ = [
    "Mode",
    "Refusal",
    "Visitor",
    "admit",
    "failure",
    "insufficient",
    "not_found",
    "rss_token_from",
    "token_from",
    "unknown_token",
]

Mode = Literal["org", "com", "com-private", "enterprise"]
"""Kind of deployment: who is shown what without a token, see `TravisServer`."""


class Refusal(Exception):
    """An answer that is a no."""

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
        """Give it as an answer."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


def not_found() -> Refusal:
    """Give the usual 404."""
    return Refusal(404, b'{"file":"not found"}')


def failure() -> Refusal:
    """Give the usual 500."""
    return Refusal(500, b"Sorry, we experienced an error.\n", "text/plain")


def unknown_token() -> Refusal:
    """Give the 403 for a token that nobody has given out, or that is not good any more."""
    return Refusal(403, b"access denied", "text/html;charset=utf-8")


def insufficient() -> Refusal:
    """Give the 403 for a token that is not for this."""
    return Refusal(403, b"insufficient access")


@dataclass(frozen=True)
class Visitor:
    """Who asks.

    Attributes:
        user: The token's user, or None.
        sees_public: Whether public repositories are shown.
    """

    user: User | None
    sees_public: bool

    def sees(self, repository: Repository) -> bool:
        """Whether a repository is shown."""
        return (self.user is not None and self.user in repository.users) or (
            self.sees_public and not repository.private
        )

    def sees_job(self, job: Job) -> bool:
        """Whether a job is shown."""
        return self.sees(job.repository)


def token_from(request: web.Request) -> str | None:
    """Read the token as Travis does: ``token VALUE`` with quotes stripped, Basic, or ``access_token`` in the query."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "token":
        return value.strip().strip('"')
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return request.query.get("access_token")


def rss_token_from(request: web.Request, world: World) -> User | None:
    """Give the user whose badges and feeds a request may have by ``token`` in the query; an unknown one is ignored."""
    return world.by_rss_token(request.query.get("token", "")) if request.query.get("token") else None


def admit(request: web.Request, world: World, mode: Mode, *, guarded: bool = True, private: bool = False) -> Visitor:
    """Let somebody in.

    Args:
        request: What they ask.
        world: Knows the tokens.
        mode: Kind of deployment.
        guarded: Whether the route asks for a token where the mode does.
        private: Whether the route always asks for one.

    Raises:
        Refusal: They are not let in.
    """
    token = token_from(request)
    if token is not None:
        opened = world.log_tokens.find(token)
        user = opened.user if opened is not None else world.by_token(token)
        if user is None:
            raise unknown_token()
        return Visitor(user, mode in {"org", "com"})
    public = mode == "org" or (mode == "com" and is_newer(request))
    # What the mode refuses is refused before the route looks at what it needs.
    if guarded and not public:
        raise Refusal(401)
    if private:
        raise Refusal(401, b"no access token supplied")
    return Visitor(None, public)
