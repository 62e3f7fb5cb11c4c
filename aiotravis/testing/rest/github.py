"""GitHub's authorizations API, as the Travis of 2014 needed it for the temporary token; GitHub withdrew it in 2020."""

import base64
import binascii
import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from aiohttp import web

from aiotravis.testing.rest.access import Refusal
from aiotravis.testing.rest.parameters import fields_of
from aiotravis.testing.rest.routes import Handler, Routes, Site, hand_made
from aiotravis.testing.world.world import User

__all__ = ["PREFIX", "Authorization", "GitHubRoutes"]

PREFIX = "/github"
"""Where GitHub's API stands, beside the API of Travis."""


@dataclass(frozen=True)
class Authorization:
    """A token that a user had made for a purpose.

    Attributes:
        id: Its number.
        user: Whose it is.
        token: The token itself; shown once.
        note: What it is for; a user has no two with the same.
        scopes: What it may do.
    """

    id: int
    user: User
    token: str
    note: str
    scopes: tuple[str, ...]

    def shown(self, *, token: bool) -> dict[str, object]:
        """Write it as GitHub does.

        Args:
            token: Whether the token is shown, as it is only when it is made.
        """
        return {
            "id": self.id,
            "url": f"https://api.github.com/authorizations/{self.id}",
            "token": self.token if token else "",
            "note": self.note,
            "scopes": list(self.scopes),
        }


class GitHubRoutes(Routes):
    """The routes.

    Args:
        site: The server.

    Attributes:
        authorizations: Those that exist, by number.
        withdrawn: Whether GitHub has withdrawn this API, as it is today.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.authorizations: dict[int, Authorization] = {}
        self.withdrawn = False
        self._numbers = itertools.count(1)

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        return (
            ("POST", "/authorizations", self.create),
            ("GET", "/authorizations", self.listed),
            ("DELETE", r"/authorizations/{id:\d+}", self.delete),
        )

    def _user(self, request: web.Request) -> User:
        if self.withdrawn:
            raise Refusal(404, b'{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}')
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        try:
            login, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            login = password = ""
        for user in self._site.world.users.values():
            if scheme == "Basic" and user.login == login and user.password and user.password == password:
                if user.one_time_password not in {None, request.headers.get("X-GitHub-OTP")}:
                    said = b'{"message":"Must specify two-factor authentication OTP code."}'
                    raise Refusal(401, said, headers={"X-GitHub-OTP": "required; app"})
                return user
        raise Refusal(401, b'{"message":"Bad credentials"}')

    async def create(self, request: web.Request) -> web.StreamResponse:
        """``POST /authorizations``."""
        user = self._user(request)
        fields = await fields_of(request)
        note, scopes = str(fields.get("note")), fields.get("scopes")
        if any(one.user is user and one.note == note for one in self.authorizations.values()):
            error = {"resource": "OauthAccess", "code": "already_exists", "field": "description"}
            return hand_made({"message": "Validation Failed", "errors": [error]}, status=422)
        made = Authorization(
            next(self._numbers),
            user,
            secrets.token_hex(20),
            note,
            tuple(map(str, cast("list[object]", scopes))) if isinstance(scopes, list) else (),
        )
        self.authorizations[made.id] = made
        self._site.world.github_tokens[made.token] = user
        return hand_made(made.shown(token=True), status=201)

    async def listed(self, request: web.Request) -> web.StreamResponse:
        """``GET /authorizations``, in pages."""
        user = self._user(request)
        own = [one.shown(token=False) for one in self.authorizations.values() if one.user is user]
        size, page = int(request.query.get("per_page", "30")), int(request.query.get("page", "1"))
        return hand_made(own[(page - 1) * size : page * size])

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """``DELETE /authorizations/{id}``: its token is worth nothing from then on."""
        user = self._user(request)
        made = self.authorizations.get(int(request.match_info["id"]))
        if made is None or made.user is not user:
            raise Refusal(404, b'{"message":"Not Found"}')
        del self.authorizations[made.id]
        self._site.world.github_tokens.pop(made.token, None)
        return web.Response(status=204)
