"""Routes for signing in and out: GitHub tokens, the OAuth handshake of browsers, logout.

https://docs.travis-ci.com/api/#with-a-github-token
"""

import html
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote, urlencode, urlsplit

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse
from aiotravis.testing.rest.parameters import read_fields
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse, json_response
from aiotravis.testing.world.payloads import user_json
from aiotravis.testing.world.world import User

__all__ = ["SignInRoutes", "is_allowed_target"]

STATE_COOKIE: Final = "travis.state-github"

AUTHORIZE_URL: Final = "https://github.com/login/oauth/authorize"

NOT_IMPLEMENTED_TEXT: Final = "This way of signing in is not open to the public.\n"


class SignInRoutes(Routes):
    """Routes for signing in and out.

    GitHub tokens are those of `World.github_tokens`, and some that need no setup: ``github-TOKEN`` is one of the user
    with that API token, ``narrow…`` has too few scopes, ``unresolved…`` belongs to nobody.
    """

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("POST", "/auth/github", self.github),
            ("GET", "/auth/handshake", self.handshake),
            ("GET", "/auth/handshake/{provider}", self.handshake),
            ("GET", "/auth/post_message", self.post_message),
            ("GET", "/auth/authorize", self.not_implemented),
            ("POST", "/auth/access_token", self.not_implemented),
            ("GET", "/logout", self.logout),
        )

    def _github_user(self, token: str) -> User:
        """Return the user of a GitHub token; those of `World.github_logins` are added.

        Raises:
            ErrorResponse: The token is unknown.
        """
        world = self._server.world
        if token.startswith("unresolved"):
            raise ErrorResponse(401, b"could not resolve github token")
        user = world.github_tokens.get(token) or world.by_token(token.removeprefix("github-"))
        if user is None and token in world.github_logins:
            login = world.github_logins.pop(token)
            user = world.github_tokens[token] = world.user(login, token=secrets.token_urlsafe(16))
        if user is None:
            raise ErrorResponse(403, b"not a Travis user")
        return user

    async def github(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /auth/github``: exchange a GitHub token for an API token."""
        # Sinatra does not tell parameters in the body from those in the query.
        token = (await read_fields(request)).get("github_token") or request.query.get("github_token")
        if not isinstance(token, str) or not token:
            return json_response({"error": "Must pass 'github_token' parameter"}, status=422)
        if token.startswith("narrow"):
            # fact 9.48; fact 1.3: Sinatra redirects anything but a GET with 303.
            return web.Response(status=303, headers={"Location": "/too-few-scopes"})
        user = self._github_user(token)
        user.start_sync(self._server.world.clock())
        return json_response({"access_token": user.token})

    # In a browser -----------------------------------------------------------------------------------------------------

    async def handshake(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /auth/handshake``: redirect to GitHub, then return a page that posts the token."""
        site = f"https://{self._website_host}"
        query = request.query
        if "code" not in query:
            # fact 9.24: redirect_to is documented, redirect_uri is read; fact beyond 3.1: origin wins.
            return self._to_provider(request, query.get("origin") or query.get("redirect_uri") or site)
        state = query.get("state", "")
        is_2014 = self._server.log_mode == "2014"
        if not state or state != request.cookies.get(STATE_COOKIE):
            if is_2014:
                raise ErrorResponse(400, b"state mismatch")
            response = web.Response(status=302, headers={"Location": f"{site}/"})
            response.del_cookie(STATE_COOKIE)
            response.cookies[STATE_COOKIE]["path"] = ""
            return response
        target = state.partition(":::")[2]
        if not is_allowed_target(target, self._server.switches.target_origins):
            if is_2014:
                return web.Response(status=302, headers={"Location": target})
            raise ErrorResponse(401, b"target URI not allowed")
        user = self._github_user(query["code"])
        # fact beyond 3.1: the user as v2 has it, and further tokens.
        others = {"token": user.rss_token, "rss_token": user.rss_token, "web_token": "", "installation": None}
        fields = {"token": user.token, "user": json.dumps({**user_json(user), **others}), "storage": "localStorage"}
        return web.Response(text=_token_form(target, fields), content_type="text/html")

    @property
    def _website_host(self) -> str:
        return {"org": "travis-ci.org", "enterprise": "travis.example.org"}.get(self._server.mode, "travis-ci.com")

    def _to_provider(self, request: web.Request, target: str) -> web.Response:
        state = f"{secrets.token_urlsafe(16)}:::{target}"
        parameters = {"client_id": "travis", "scope": "read:org,user:email", "state": state}
        parameters["redirect_uri"] = str(request.url.with_query(None))
        known = self._server.world.github_user is not None
        provider = f"{self._server.github_url}/login/oauth/authorize" if known else AUTHORIZE_URL
        response = web.Response(status=302, headers={"Location": f"{provider}?{urlencode(parameters)}"})
        # fact beyond 3.1: no path, and hidden from scripts everywhere but on org.
        response.set_cookie(STATE_COOKIE, state, httponly=self._server.mode != "org")
        response.cookies[STATE_COOKIE]["path"] = ""
        return response

    async def post_message(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /auth/post_message``: a page for an iframe, which asks its parent to redirect."""
        # fact beyond 3.2: to itself, its parents and its openers; never a token.
        text = (
            "<script>for (let one = window, last; one && one !== last; last = one, one = one.opener || one.parent) "
            "one.postMessage('redirect', '*')</script>\n"
        )
        return web.Response(text=text, content_type="text/html")

    async def not_implemented(self, request: web.Request) -> web.StreamResponse:
        """Answer 501 in prose."""
        return web.Response(status=501, text=NOT_IMPLEMENTED_TEXT, content_type="text/plain")

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /logout``."""
        caller = self._caller(request, guarded=self._server.mode != "org")
        if caller.user is None:
            raise ErrorResponse(403 if self._server.mode == "org" else 401, b"access denied")
        # fact 9.47: only a token in the query is revoked.
        if "access_token" not in request.query:
            return web.Response(headers={"Content-Type": "application/json"})
        caller.user.token = ""
        return SerializedResponse({"user": user_json(caller.user)})


def is_allowed_target(target: str, origins: Iterable[str] = ()) -> bool:
    """Return whether a token may be sent to a URL: this machine on a port above 1023, or over TLS.

    Args:
        target: The URL.
        origins: Hosts that the site's configuration lists, beside those of Travis.
    """
    if "<" in unquote(target) or ">" in unquote(target):
        return False
    try:
        parts = urlsplit(target)
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        return False
    if host in {"localhost", "127.0.0.1"}:
        return port > 1023
    if host in origins:
        return parts.scheme == "https"
    return parts.scheme == "https" and re.fullmatch(r"(.+\.)?travis-ci\.(org|com)", host) is not None


def _token_form(target: str, fields: Mapping[str, str]) -> str:
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(text)}">' for name, text in fields.items()
    )
    action = html.escape(target)
    return f'<body onload="document.forms[0].submit()"><form method="post" action="{action}">{inputs}</form></body>\n'
