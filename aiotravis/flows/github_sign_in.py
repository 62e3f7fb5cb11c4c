"""A Travis token for a GitHub login and password, by way of a GitHub token that lives no longer than the exchange.

https://docs.travis-ci.com/api/#authentication
"""

import base64
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from types import NoneType
from typing import Final
from urllib.parse import urlsplit

import anyio

from aiotravis._http import Call, Endpoint, Reply, Transport, judge
from aiotravis.errors import AuthenticationError, NotFoundError, ResponseError, TravisError, UsageError
from aiotravis.resources._base import Entity, text_of
from aiotravis.resources.auth import Auth
from aiotravis.resources.config import Config

__all__ = ["GitHubSignIn", "OneTimePassword", "check_credentials", "github_address"]

logger: Final = logging.getLogger("aiotravis")

OneTimePassword = str | Callable[[], Awaitable[str]]
"""A code, or what asks a person for it once GitHub wants it."""

CLEANING: Final = 10.0
"""Seconds that deleting the GitHub token may take, even when the caller has no time left."""

PAGE: Final = 100

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _Authorization(Entity, frozen=True, kw_only=True):
    id: int
    token: str = ""
    note: str | None = None

    def __repr__(self) -> str:
        return f"_Authorization(id={self.id})"


CREATE = Endpoint("POST", "/authorizations", _Authorization)
LIST = Endpoint("GET", "/authorizations", list[_Authorization])
DELETE = Endpoint("DELETE", "/authorizations/{id}", NoneType)


def github_address(config: Config) -> str:
    """Give the URL of the GitHub API that a site goes with, if a password may be sent there.

    Raises:
        UsageError: The site names none, or one that is neither encrypted nor on this machine.
    """
    address = (config.github.api_url if config.github else None) or ""
    parts = urlsplit(address)
    if not parts.hostname:
        raise UsageError("GET /config names no GitHub API. Make a GitHub token by hand: travis.auth.github(token).")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise UsageError(f"GET /config names a GitHub at {parts.scheme}://: no password is sent there unencrypted.")
    return address.rstrip("/")


def check_credentials(login: str, password: str, note: str) -> None:
    """Look at what a caller gave before anything is sent.

    Raises:
        UsageError: It cannot be right; the argument is named, its value is not.
    """
    if ":" in text_of(login, "login"):
        raise UsageError("login must not contain a colon.", argument="login")
    if not password:
        raise UsageError("password must be a text, not empty.", argument="password")
    text_of(note, "note")


class GitHubSignIn:
    """One visit to GitHub: create a token, exchange it, delete it whatever happened meanwhile.

    Args:
        github: Carries calls to GitHub's API, without any token of Travis's.
        auth: Exchanges the token.
        login: Name of the GitHub user.
        password: Their password; it goes to GitHub alone.
        one_time_password: Their second factor, or what asks for it.
        scopes: What the token may do.
        note: What GitHub shows beside the token; one that was left behind under it is replaced.
    """

    def __init__(
        self,
        github: Transport,
        auth: Auth,
        login: str,
        password: str,
        *,
        one_time_password: OneTimePassword | None,
        scopes: Sequence[str],
        note: str,
    ) -> None:
        self._github = github
        self._auth = auth
        basic = base64.b64encode(f"{login}:{password}".encode()).decode()
        self._basic = ("Authorization", f"Basic {basic}")
        self._code = one_time_password if isinstance(one_time_password, str) else None
        self._ask = None if isinstance(one_time_password, str) else one_time_password
        self._secrets = (password, basic)
        self._scopes = list(scopes)
        self._note = note
        self._created: int | None = None
        self._attempted = False

    async def token(self) -> str:
        """Give the Travis token.

        Raises:
            AuthenticationError: GitHub does not know the login and password, or wants another one-time password; or
                Travis does not know the user.
            NotFoundError: This GitHub has no such API any more.
        """
        try:
            authorization = await self._create()
            return await self._auth.github(authorization.token)
        finally:
            with anyio.move_on_after(CLEANING, shield=True) as scope:
                await self._clean_up()
            if scope.cancelled_caught:
                self._left_behind()

    async def _create(self) -> _Authorization:
        call = CREATE.call(json={"scopes": self._scopes, "note": self._note})
        reply = await self._send(call)
        if reply.status == 422 and b"already_exists" in reply.body:
            await self._delete_namesakes()
            reply = await self._send(call)
        self._check(call, reply)
        authorization = CREATE.read(call, reply)
        self._created = authorization.id
        return authorization

    async def _send(self, call: Call) -> Reply:
        if call.method == "POST":
            self._attempted = True
        reply = await self._github.send(self._dressed(call))
        if _wants_code(reply) and self._ask is not None and self._code is None:
            self._code = text_of(await self._ask(), "one_time_password")
            reply = await self._github.send(self._dressed(call))
        if call.method == "POST" and reply.status >= 400:
            self._attempted = False
        return reply

    def _dressed(self, call: Call) -> Call:
        code = () if self._code is None else (("X-GitHub-OTP", self._code),)
        return dataclasses.replace(call, headers=(*call.headers, self._basic, *code), hidden=self._secrets)

    async def _delete_namesakes(self) -> None:
        """Delete what stands under our note: GitHub shows no token a second time."""
        page = 1
        while True:
            call = LIST.call(query=[("per_page", str(PAGE)), ("page", str(page))])
            reply = await self._send(call)
            self._check(call, reply)
            found = LIST.read(call, reply)
            for authorization in found:
                if authorization.note == self._note:
                    await self._delete(authorization.id)
            if len(found) < PAGE:
                return
            page += 1

    async def _delete(self, number: int) -> None:
        call = DELETE.call(id=number)
        reply = await self._send(call)
        if reply.status != 404:
            self._check(call, reply)

    async def _clean_up(self) -> None:
        try:
            if self._created is not None:
                await self._delete(self._created)
            elif self._attempted:
                # Nobody knows whether the request for it arrived: look.
                await self._delete_namesakes()
        except TravisError:
            self._left_behind()

    def _left_behind(self) -> None:
        logger.warning("the GitHub token %r could not be deleted: do it on GitHub's settings page", self._note)

    def _check(self, call: Call, reply: Reply) -> None:
        error = judge(call, reply)
        if error is None:
            return
        if _wants_code(reply):
            known = "GitHub refused the one-time password" if self._code else "GitHub wants a one-time password"
            raise self._refusal(AuthenticationError, call, reply, known, "Pass one_time_password=.")
        if reply.status == 401:
            reason = "GitHub does not know this login and password"
            remedy = "Where GitHub takes no passwords any more, make a token by hand: travis.auth.github(token)."
            raise self._refusal(AuthenticationError, call, reply, reason, remedy)
        if reply.status in {404, 410}:
            reason = "this GitHub hands out no tokens for passwords"
            remedy = "Make a token on its settings page, and exchange it: travis.auth.github(token)."
            raise self._refusal(NotFoundError, call, reply, reason, remedy)
        raise self._refusal(ResponseError, call, reply, f"GitHub said {reply.excerpt!r}", "")

    def _refusal(self, kind: type[ResponseError], call: Call, reply: Reply, reason: str, remedy: str) -> ResponseError:
        return kind(
            f"{call.method} {call.shown} of GitHub answered {reply.status}: {reason}. {remedy}".rstrip(),
            status=reply.status,
            method=call.method,
            path=call.shown,
            request_id=reply.headers.get("x-github-request-id"),
            excerpt=reply.excerpt,
            remedy=remedy,
        )


def _wants_code(reply: Reply) -> bool:
    return reply.status == 401 and reply.headers.get("x-github-otp", "").startswith("required")
