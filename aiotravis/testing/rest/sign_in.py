"""The routes of the embedded Travis for signing in and out: GitHub tokens, the handshake of browsers, logout.

https://docs.travis-ci.com/api/#with-a-github-token
"""

import html
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, Visitor
from aiotravis.testing.rest.parameters import fields_of
from aiotravis.testing.rest.routes import Handler, Routes, answer, hand_made
from aiotravis.testing.world.payloads import user_json
from aiotravis.testing.world.world import User

__all__ = ["SignInRoutes", "is_allowed"]

COOKIE: Final = "travis.state-github"

PROVIDER: Final = "https://github.com/login/oauth/authorize"

PROSE: Final = "This way of signing in is not open to the public.\n"


class SignInRoutes(Routes):
    """The routes.

    GitHub tokens are those of `World.github_tokens`, and beside them some that need no GitHub: ``github-TOKEN`` is one
    of the user with that API token, what begins with ``narrow`` has too few scopes, what begins with ``unresolved``
    is of nobody whom GitHub can name.
    """

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        return (
            ("POST", "/auth/github", self.github),
            ("GET", "/auth/handshake", self.handshake),
            ("GET", "/auth/handshake/{provider}", self.handshake),
            ("GET", "/auth/post_message", self.post_message),
            ("GET", "/auth/authorize", self.closed),
            ("POST", "/auth/access_token", self.closed),
            ("GET", "/logout", self.logout),
        )

    def _resolved(self, token: str) -> User:
        """Give whose GitHub token it is; today's server adds whom it does not know.

        Raises:
            Refusal: It is nobody's.
        """
        world = self._site.world
        if token.startswith("unresolved"):
            raise Refusal(401, b"could not resolve github token")
        user = world.github_tokens.get(token) or world.by_token(token.removeprefix("github-"))
        if user is None and token in world.github_logins:
            login = world.github_logins.pop(token)
            user = world.github_tokens[token] = world.user(login, token=secrets.token_urlsafe(16))
        if user is None:
            raise Refusal(403, b"not a Travis user")
        return user

    async def github(self, request: web.Request) -> web.StreamResponse:
        """``POST /auth/github``: a GitHub token for an API token."""
        # In the body or the query: to the real one these are the same.
        token = (await fields_of(request)).get("github_token") or request.query.get("github_token")
        if not isinstance(token, str) or not token:
            return hand_made({"error": "Must pass 'github_token' parameter"}, status=422)
        if token.startswith("narrow"):
            # What is 302 to a GET is 303 to anything else.
            return web.Response(status=303, headers={"Location": "/too-few-scopes"})
        user = self._resolved(token)
        user.is_syncing = True
        return hand_made({"access_token": user.token})

    # In a browser -----------------------------------------------------------------------------------------------------

    async def handshake(self, request: web.Request) -> web.StreamResponse:
        """``GET /auth/handshake``: to GitHub, and from there with a page that sends the token on."""
        site = f"https://{self._site_host}"
        query = request.query
        if "code" not in query:
            return self._to_provider(query.get("redirect_uri") or query.get("origin") or site)
        state = query.get("state", "")
        old = self._site.log_mode == "2014"
        if not state or state != request.cookies.get(COOKIE):
            if old:
                raise Refusal(400, b"state mismatch")
            return web.Response(status=302, headers={"Location": site})
        target = state.partition(":::")[2]
        if not is_allowed(target):
            if old:
                return web.Response(status=302, headers={"Location": target})
            raise Refusal(401, b"target URI not allowed")
        user = self._resolved(query["code"])
        shown = {"token": user.token, "user": json.dumps(user_json(user)), "storage": "sessionStorage"}
        return web.Response(text=_form(target, shown), content_type="text/html")

    @property
    def _site_host(self) -> str:
        return {"org": "travis-ci.org", "enterprise": "travis.example.org"}.get(self._site.mode, "travis-ci.com")

    def _to_provider(self, target: str) -> web.Response:
        state = f"{secrets.token_urlsafe(16)}:::{target}"
        asked = urlencode({"client_id": "travis", "scope": "read:org,user:email", "state": state})
        response = web.Response(status=302, headers={"Location": f"{PROVIDER}?{asked}"})
        response.set_cookie(COOKIE, state, httponly=True)
        return response

    async def post_message(self, request: web.Request) -> web.StreamResponse:
        """``GET /auth/post_message``: a page for an iframe, which asks the page around it to go to the handshake."""
        text = "<script>window.parent.postMessage('redirect', '*')</script>\n"
        return web.Response(text=text, content_type="text/html")

    async def closed(self, request: web.Request) -> web.StreamResponse:
        """What is not implemented, and says so in prose."""
        return web.Response(status=501, text=PROSE, content_type="text/plain")

    async def logout(self, request: web.Request) -> web.StreamResponse:
        """``GET /logout``: the token has to be in the query."""
        visitor: Visitor = self._visitor(request, guarded=self._site.mode != "org")
        if visitor.user is None:
            raise Refusal(403 if self._site.mode == "org" else 401, b"access denied")
        if "access_token" not in request.query:
            return web.Response(headers={"Content-Type": "application/json"})
        visitor.user.token = ""
        return answer({"user": user_json(visitor.user)})


def is_allowed(target: str) -> bool:
    """Whether a token may be sent to an address: of Travis over TLS, or of this machine on a port above 1023."""
    parts = urlsplit(target)
    host, port = parts.hostname or "", parts.port or 0
    if host in {"localhost", "127.0.0.1"}:
        return parts.scheme in {"http", "https"} and port > 1023
    return parts.scheme == "https" and re.fullmatch(r"(.+\.)?travis-ci\.(org|com)", host) is not None


def _form(target: str, fields: Mapping[str, str]) -> str:
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(text)}">' for name, text in fields.items()
    )
    action = html.escape(target)
    return f'<body onload="document.forms[0].submit()"><form method="post" action="{action}">{inputs}</form></body>\n'
