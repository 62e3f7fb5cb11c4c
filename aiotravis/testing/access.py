"""Who asks, and what they may have: tokens, modes, the Accept header."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from aiotravis.testing.world import Job, Repository, User, World

__all__ = ["Mode", "Refusal", "Visitor", "accepts_json", "accepts_text", "admit", "not_found"]

Mode = Literal["org", "com", "com-private", "enterprise"]


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
        self.headers = {"Content-Type": content_type, **(headers or {})}

    def response(self) -> web.Response:
        """Give it as an answer."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


def not_found() -> Refusal:
    """Give the usual 404."""
    return Refusal(404, b'{"file":"not found"}')


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


def token_of(request: web.Request) -> str | None:
    """Read the token as Travis does: ``token VALUE`` with quotes stripped, or ``access_token`` in the query."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "token":
        return value.strip().strip('"')
    return request.query.get("access_token")


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
    token = token_of(request)
    if token is not None:
        user = world.by_token(token)
        if user is None:
            raise Refusal(403, b"access denied", "text/html;charset=utf-8")
        return Visitor(user, mode in {"org", "com"})
    if private:
        raise Refusal(401, b"no access token supplied")
    public = mode == "org" or (mode == "com" and "vnd.travis-ci.2.1+json" in request.headers.get("Accept", ""))
    if guarded and not public:
        raise Refusal(401)
    return Visitor(None, public)


def _kinds(request: web.Request) -> str:
    return re.sub(r"\s", "", request.headers.get("Accept", "*/*")).lower()


def accepts_json(request: web.Request) -> bool:
    """Whether JSON of version 2 may be answered."""
    kinds = _kinds(request)
    return "+json" in kinds or "application/json" in kinds or "*/*" in kinds


def accepts_text(request: web.Request) -> bool:
    """Whether plain text may be answered."""
    kinds = _kinds(request)
    return "text/plain" in kinds or "+plain" in kinds or "*/*" in kinds
