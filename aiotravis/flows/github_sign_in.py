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

from aiotravis._http import ApiRequest, ApiResponse, Endpoint, Transport, error_from_response
from aiotravis._validation import validate_text
from aiotravis.errors import AuthenticationError, NotFoundError, ResponseError, TravisError, UsageError
from aiotravis.resources._base import Entity
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
    if ":" in validate_text(login, "login"):
        raise UsageError("login must not contain a colon.", argument="login")
    if not password:
        raise UsageError("password must be a text, not empty.", argument="password")
    validate_text(note, "note")


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
        request = CREATE.request(json={"scopes": self._scopes, "note": self._note})
        response = await self._send(request)
        if response.status == 422 and b"already_exists" in response.body:
            await self._delete_namesakes()
            response = await self._send(request)
        self._check(request, response)
        authorization = CREATE.read(request, response)
        self._created = authorization.id
        return authorization

    async def _send(self, request: ApiRequest) -> ApiResponse:
        if request.method == "POST":
            self._attempted = True
        response = await self._github.send(self._dressed(request))
        if _wants_code(response) and self._ask is not None and self._code is None:
            self._code = validate_text(await self._ask(), "one_time_password")
            response = await self._github.send(self._dressed(request))
        if request.method == "POST" and response.status >= 400:
            self._attempted = False
        return response

    def _dressed(self, request: ApiRequest) -> ApiRequest:
        code = () if self._code is None else (("X-GitHub-OTP", self._code),)
        return dataclasses.replace(request, headers=(*request.headers, self._basic, *code), hidden=self._secrets)

    async def _delete_namesakes(self) -> None:
        """Delete what stands under our note: GitHub shows no token a second time."""
        page = 1
        while True:
            request = LIST.request(query=[("per_page", str(PAGE)), ("page", str(page))])
            response = await self._send(request)
            self._check(request, response)
            found = LIST.read(request, response)
            for authorization in found:
                if authorization.note == self._note:
                    await self._delete(authorization.id)
            if len(found) < PAGE:
                return
            page += 1

    async def _delete(self, number: int) -> None:
        request = DELETE.request(id=number)
        response = await self._send(request)
        if response.status != 404:
            self._check(request, response)

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

    def _check(self, request: ApiRequest, response: ApiResponse) -> None:
        error = error_from_response(request, response)
        if error is None:
            return
        if _wants_code(response):
            known = "GitHub refused the one-time password" if self._code else "GitHub wants a one-time password"
            raise self._refusal(AuthenticationError, request, response, known, "Pass one_time_password=.")
        if response.status == 401:
            reason = "GitHub does not know this login and password"
            remedy = "Where GitHub takes no passwords any more, make a token by hand: travis.auth.github(token)."
            raise self._refusal(AuthenticationError, request, response, reason, remedy)
        if response.status in {404, 410}:
            reason = "this GitHub hands out no tokens for passwords"
            remedy = "Make a token on its settings page, and exchange it: travis.auth.github(token)."
            raise self._refusal(NotFoundError, request, response, reason, remedy)
        raise self._refusal(ResponseError, request, response, f"GitHub said {response.excerpt!r}", "")

    def _refusal(
        self, kind: type[ResponseError], request: ApiRequest, response: ApiResponse, reason: str, remedy: str
    ) -> ResponseError:
        return kind(
            f"{request.method} {request.shown} of GitHub answered {response.status}: {reason}. {remedy}".rstrip(),
            status=response.status,
            method=request.method,
            path=request.shown,
            request_id=response.headers.get("x-github-request-id"),
            excerpt=response.excerpt,
            remedy=remedy,
        )


def _wants_code(response: ApiResponse) -> bool:
    return response.status == 401 and response.headers.get("x-github-otp", "").startswith("required")
