"""Signing in with a GitHub login and password: exchange a temporary GitHub token for a Travis token (fact 3.21).

https://docs.travis-ci.com/api/#authentication
"""

import base64
import contextlib
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from types import NoneType
from typing import Final
from urllib.parse import urlsplit

import anyio
import msgspec

from aiotravis._http import ApiRequest, ApiResponse, Endpoint, Transport, error_from_response
from aiotravis._validation import validate_string, validate_text
from aiotravis.errors import AuthenticationError, NotFoundError, ResponseError, TravisError, UsageError
from aiotravis.resources._base import Entity
from aiotravis.resources.auth import Auth
from aiotravis.resources.config import Config

__all__ = ["GitHubSignIn", "OneTimePassword", "check_credentials", "github_address"]

logger: Final = logging.getLogger("aiotravis.flows")

OneTimePassword = str | Callable[[], Awaitable[str]]
"""A code, or an async function that asks a person for it once GitHub requires it."""

CLEANUP_TIMEOUT: Final = 10.0
"""Seconds allowed for deleting the GitHub token, even after the caller was cancelled."""

PAGE_SIZE: Final = 100

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
    """Return the URL of the GitHub API that a site uses.

    Raises:
        UsageError: The site names none, or one that is neither encrypted nor on this machine.
    """
    address = (config.github.api_url if config.github else None) or ""
    parts = urlsplit(address)
    if not parts.hostname:
        raise UsageError("GET /config names no GitHub API. Make a GitHub token by hand: travis.auth.github(token).")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise UsageError(f"GET /config names a GitHub at {parts.scheme}://. Passwords are only sent over https.")
    return address.rstrip("/")


def check_credentials(login: str, password: str, note: str) -> None:
    """Check the arguments of a sign-in.

    Raises:
        UsageError: One of them is not valid. The message does not contain its value.
    """
    if ":" in validate_text(login, "login"):
        raise UsageError("login must not contain a colon.", argument="login")
    if not validate_string(password, "password"):
        raise UsageError("password must be a string that is not empty.", argument="password")
    validate_text(note, "note")


class GitHubSignIn:
    """One sign-in: create a GitHub token, exchange it, and delete it whatever happens.

    The password is sent to GitHub only. An existing GitHub token with the same note is replaced.
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
        self._maybe_created = False

    async def token(self) -> str:
        """Return a Travis token, see `BaseClient.sign_in`."""
        try:
            authorization = await self._create()
            return await self._auth.github(authorization.token)
        finally:
            cleaned_up = False
            with anyio.move_on_after(CLEANUP_TIMEOUT, shield=True), contextlib.suppress(TravisError):
                if self._created is not None:
                    await self._delete(self._created)
                elif self._maybe_created:
                    await self._delete_same_note()
                cleaned_up = True
            if not cleaned_up:
                logger.warning("the GitHub token %r could not be deleted; delete it in GitHub's settings", self._note)

    async def _create(self) -> _Authorization:
        request = CREATE.request(json={"scopes": self._scopes, "note": self._note})
        response = await self._send(request)
        if response.status == 422 and b"already_exists" in response.body:
            await self._delete_same_note()
            response = await self._send(request)
        self._raise_if_refused(request, response)
        authorization = CREATE.read(request, response)
        self._created = authorization.id
        return authorization

    async def _send(self, request: ApiRequest) -> ApiResponse:
        response = await self._send_once(request)
        if _wants_code(response) and self._ask is not None and self._code is None:
            self._code = validate_text(await self._ask(), "one_time_password")
            response = await self._send_once(request)
        return response

    async def _send_once(self, request: ApiRequest) -> ApiResponse:
        code = () if self._code is None else (("X-GitHub-OTP", self._code),)
        signed = msgspec.structs.replace(request, headers=(*request.headers, self._basic, *code), hidden=self._secrets)
        creating = request.method == "POST"
        self._maybe_created = self._maybe_created or creating
        response = await self._github.send(signed)
        if creating and response.status >= 400:
            self._maybe_created = False
        return response

    async def _delete_same_note(self) -> None:
        """Delete every token with our note. An existing token is of no use: GitHub shows its value only once."""
        for page in itertools.count(1):
            request = LIST.request(query=[("per_page", str(PAGE_SIZE)), ("page", str(page))])
            response = await self._send(request)
            self._raise_if_refused(request, response)
            found = LIST.read(request, response)
            for authorization in found:
                if authorization.note == self._note:
                    await self._delete(authorization.id)
            if len(found) < PAGE_SIZE:
                return

    async def _delete(self, number: int) -> None:
        request = DELETE.request(id=number)
        response = await self._send(request)
        if response.status != 404:
            self._raise_if_refused(request, response)

    def _raise_if_refused(self, request: ApiRequest, response: ApiResponse) -> None:
        if error_from_response(request, response) is None:
            return
        kind: type[ResponseError] = ResponseError
        request_id = response.line(response.headers.get("x-github-request-id", "")) or None
        reason, remedy = f"GitHub said {response.excerpt!r}", ""
        if _wants_code(response):
            kind, remedy = AuthenticationError, "Pass one_time_password=."
            reason = "GitHub refused the one-time password" if self._code else "GitHub requires a one-time password"
        elif response.status == 401:
            kind, reason = AuthenticationError, "GitHub does not know this login and password"
            remedy = "If this GitHub does not accept passwords, create a token there and use travis.auth.github(token)."
        elif response.status in {404, 410}:
            # fact 3.21: github.com has withdrawn this API; a GitHub Enterprise may still have it.
            kind, reason = NotFoundError, "this GitHub does not create tokens for passwords"
            remedy = "Create a token on its settings page and use travis.auth.github(token)."
        raise kind(
            f"{request.method} {request.safe_target} of GitHub answered {response.status}: {reason}. {remedy}".rstrip(),
            status=response.status,
            method=request.method,
            path=request.safe_target,
            request_id=request_id,
            excerpt=response.excerpt,
            remedy=remedy,
        )


def _wants_code(response: ApiResponse) -> bool:
    return response.status == 401 and response.headers.get("x-github-otp", "").startswith("required")
