"""GitHub: its authorizations API, which it withdrew in 2020, and the page where a browser agrees to a sign-in.

The Travis of 2014 needed the API for temporary tokens.
"""

import base64
import binascii
import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse
from aiotravis.testing.rest.parameters import read_fields
from aiotravis.testing.rest.routes import Handler, Routes, ServerContext, json_response
from aiotravis.testing.world.world import User

__all__ = ["GITHUB_PREFIX", "Authorization", "GitHubRoutes"]

GITHUB_PREFIX = "/github"
"""Path of GitHub's API, next to the API of Travis."""


@dataclass(frozen=True)
class Authorization:
    """A token that a user created for a purpose.

    Attributes:
        id: Its id.
        user: Its user.
        token: The token, shown only when it is created.
        note: Its purpose, unique per user.
        scopes: Its scopes.
    """

    id: int
    user: User
    token: str
    note: str
    scopes: tuple[str, ...]

    def to_json(self, *, token: bool) -> dict[str, object]:
        """Return it as GitHub does.

        Args:
            token: Whether to include the token.
        """
        return {
            "id": self.id,
            "url": f"https://api.github.com/authorizations/{self.id}",
            "token": self.token if token else "",
            "note": self.note,
            "scopes": list(self.scopes),
        }


class GitHubRoutes(Routes):
    """Routes of GitHub.

    Args:
        server: The server.

    Attributes:
        authorizations: By id.
        withdrawn: Whether the API answers 404, as GitHub does today.
    """

    def __init__(self, server: ServerContext) -> None:
        super().__init__(server)
        self.authorizations: dict[int, Authorization] = {}
        self.withdrawn = False
        self._numbers = itertools.count(1)

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("POST", "/authorizations", self.create),
            ("GET", "/authorizations", self.list_authorizations),
            ("DELETE", r"/authorizations/{id:\d+}", self.delete),
            ("GET", "/login/oauth/authorize", self.authorize),
        )

    def _user(self, request: web.Request) -> User:
        if self.withdrawn:
            raise ErrorResponse(404, b'{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}')
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        try:
            login, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            login = password = ""
        for user in self._server.world.users.values():
            if scheme == "Basic" and user.login == login and user.password and user.password == password:
                if user.one_time_password not in {None, request.headers.get("X-GitHub-OTP")}:
                    body = b'{"message":"Must specify two-factor authentication OTP code."}'
                    raise ErrorResponse(401, body, headers={"X-GitHub-OTP": "required; app"})
                return user
        raise ErrorResponse(401, b'{"message":"Bad credentials"}')

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /authorizations``."""
        user = self._user(request)
        fields = await read_fields(request)
        note, scopes = str(fields.get("note")), fields.get("scopes")
        if any(one.user is user and one.note == note for one in self.authorizations.values()):
            error = {"resource": "OauthAccess", "code": "already_exists", "field": "description"}
            return json_response({"message": "Validation Failed", "errors": [error]}, status=422)
        authorization = Authorization(
            next(self._numbers),
            user,
            secrets.token_hex(20),
            note,
            tuple(map(str, cast("list[object]", scopes))) if isinstance(scopes, list) else (),
        )
        self.authorizations[authorization.id] = authorization
        self._server.world.github_tokens[authorization.token] = user
        return json_response(authorization.to_json(token=True), status=201)

    async def list_authorizations(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /authorizations``, paged."""
        user = self._user(request)
        own = [one.to_json(token=False) for one in self.authorizations.values() if one.user is user]
        size, page = int(request.query.get("per_page", "30")), int(request.query.get("page", "1"))
        return json_response(own[(page - 1) * size : page * size])

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Answer ``DELETE /authorizations/{id}``: revoke its token."""
        user = self._user(request)
        authorization = self.authorizations.get(int(request.match_info["id"]))
        if authorization is None or authorization.user is not user:
            raise ErrorResponse(404, b'{"message":"Not Found"}')
        del self.authorizations[authorization.id]
        self._server.world.github_tokens.pop(authorization.token, None)
        return web.Response(status=204)

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /login/oauth/authorize`` as to somebody who has agreed before: back to Travis with a code."""
        user = self._server.world.github_user
        target, state = request.query.get("redirect_uri"), request.query.get("state")
        if user is None or target is None or state is None:
            raise ErrorResponse(404, b'{"message":"Not Found"}')
        code = secrets.token_hex(10)
        self._server.world.github_tokens[code] = user
        return web.Response(status=302, headers={"Location": f"{target}?{urlencode({'code': code, 'state': state})}"})
