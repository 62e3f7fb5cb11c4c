"""Who asks, and what they may have: tokens, modes, the Accept header."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from aiotravis.testing.world import Job, Repository, User, World

__all__ = [
    "Kind",
    "Mode",
    "Refusal",
    "Visitor",
    "accepted",
    "accepts_json",
    "accepts_text",
    "admit",
    "kinds_of",
    "not_found",
]

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
        self.headers: dict[str, str] = {"Content-Type": content_type, **(headers or {})}

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


@dataclass(frozen=True)
class Kind:
    """One entry of an Accept header.

    Attributes:
        name: Media type, lower case.
        parameters: Its parameters, without ``q``.
        weight: Its ``q``.
    """

    name: str
    parameters: Mapping[str, str]
    weight: float

    @property
    def is_json(self) -> bool:
        """Whether JSON of version 2 answers it."""
        return self.name.endswith("+json") or self.name == "application/json"

    @property
    def is_text(self) -> bool:
        """Whether plain text answers it."""
        return self.name.endswith("+plain") or self.name == "text/plain"

    @property
    def is_anything(self) -> bool:
        """Whether anything answers it."""
        return self.name == "*/*"

    @property
    def chunked(self) -> bool:
        """Whether a log in parts is wanted."""
        return self.parameters.get("chunked") == "true"


def kinds_of(accept: str) -> Sequence[Kind]:
    """Read an Accept header as Travis does: by weight, then fewer stars, then more parameters."""
    kinds: list[Kind] = []
    for entry in re.sub(r"\s", "", accept).lower().split(","):
        name, *rest = entry.split(";")
        parameters = {pair.partition("=")[0]: pair.partition("=")[2] for pair in rest}
        weight = parameters.pop("q", "1")
        kinds.append(Kind(name, parameters, float(weight) if re.fullmatch(r"[01](\.\d*)?", weight) else 1.0))
    return sorted(kinds, key=lambda kind: (-kind.weight, kind.name.count("*"), -len(kind.parameters)))


def accepted(request: web.Request) -> Sequence[Kind]:
    """Give what a request takes, the best first; what weighs nothing is left out."""
    return [kind for kind in kinds_of(request.headers.get("Accept", "*/*")) if kind.weight]


def accepts_json(request: web.Request) -> bool:
    """Whether JSON of version 2 may be answered."""
    return any(kind.is_json or kind.is_anything for kind in accepted(request))


def accepts_text(request: web.Request) -> bool:
    """Whether plain text may be answered."""
    return any(kind.is_text or kind.is_anything for kind in accepted(request))
