"""The REST half of a client: its resources over one transport, any other route, signing in."""

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final, Self

import aiohttp
import msgspec

from aiotravis._http import ApiResponse, Transport, raise_for_status
from aiotravis._transport import AiohttpTransport, TransportConfig
from aiotravis.client._resources import Resources
from aiotravis.client._validation import accept_for, build_request, check_settings
from aiotravis.flows.github_sign_in import GitHubSignIn, OneTimePassword, check_credentials, github_address
from aiotravis.rate_limits import Limits, limiter_for, rules_apply
from aiotravis.resources.users import User

__all__ = ["BaseClient"]

ACCEPT_GITHUB: Final = "application/vnd.github.v3+json"


class BaseClient(Resources):
    """The resources of one site, and what one does with the client itself.

    Args:
        token: API token, or None.
        endpoint: URL of the API without a trailing slash.
        session: A session of the caller's own, or None.
        config: How to reach the server.
        user_agent: User-Agent header.
        rate_limits: Whether to keep to the server's rate rules; None: where they apply.
    """

    def __init__(
        self,
        token: str | None,
        endpoint: str,
        session: aiohttp.ClientSession | None,
        config: TransportConfig,
        user_agent: str,
        rate_limits: bool | None,
    ) -> None:
        self._token = token
        self._endpoint = endpoint
        self._agent = user_agent
        self._options: dict[str, float] = {}
        self._transport = AiohttpTransport(
            endpoint,
            token,
            accept=accept_for(endpoint, token),
            user_agent=user_agent,
            config=config,
            limiter=limiter_for(endpoint, token, limited=rules_apply(endpoint) if rate_limits is None else rate_limits),
            session=session,
        )
        self._bind(self._transport, token, endpoint)

    def _bind(self, transport: Transport, token: str | None, endpoint: str) -> None:
        self._sender = transport
        super()._bind(transport, token, endpoint)

    def __repr__(self) -> str:
        return f"Travis({self._endpoint!r}, {'with' if self._token is not None else 'without'} a token)"

    @property
    def endpoint(self) -> str:
        """URL of the API, without a trailing slash."""
        return self._endpoint

    @property
    def limits(self) -> Limits:
        """What is left of the server's rate rules; shared by all clients of this process with this site and token."""
        return self._transport.limiter.limits()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close. Calls that are under way end with an error."""
        await self._transport.aclose()

    async def verify(self) -> User:
        """Ask Travis whose token this is.

        Raises:
            AuthenticationError: No token, or one that Travis does not know.
        """
        return await self.users.me()

    def with_options(
        self, *, attempts: int | None = None, read_timeout: float | None = None, max_response: int | None = None
    ) -> Self:
        """Give a client with other settings for its calls, over the same connections: closing one closes both.

        ``await travis.with_options(attempts=1).builds.get(7)``

        Args:
            attempts: How often a read is tried in all.
            read_timeout: Seconds of silence within an answer.
            max_response: Largest answer, unpacked, in bytes.

        Raises:
            UsageError: A setting cannot be right.
        """
        given = {"attempts": attempts, "read_timeout": read_timeout, "max_response": max_response}
        changes = {name: value for name, value in given.items() if value is not None}
        check_settings(changes)
        other = copy.copy(self)
        other._options = {**self._options, **changes}
        other._bind(self._transport.derived(**other._options), self._token, self._endpoint)
        return other

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        json: object = msgspec.UNSET,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
    ) -> ApiResponse:
        """Send any request, those of version 3 too, with the token, budgets, retries and errors of all others.

        Args:
            method: HTTP method.
            path: Path below the endpoint, beginning with a slash, percent-encoded where it needs to be.
            query: Parameters.
            json: Value to send as JSON.
            body: Bytes to send instead.
            headers: Further headers.
            accept: Accept header; JSON of version 2 by default.

        Returns:
            The answer: ``.status``, ``.headers``, ``.body``, ``.text``, ``.json``.

        Raises:
            ResponseError: The server said no.
            UsageError: The method or the path cannot be right.
        """
        call = build_request(method, path, query=query, json=json, body=body, headers=headers, accept=accept)
        response = await self._sender.send(call)
        raise_for_status(call, response)
        return response

    async def sign_in(
        self,
        login: str,
        password: str,
        *,
        one_time_password: OneTimePassword | None = None,
        note: str = "temporary token to identify with Travis CI",
    ) -> str:
        """Get an API token for a GitHub login and password, through a GitHub token that exists only meanwhile.

        GitHub itself has withdrawn this in 2020; a GitHub Enterprise may still do it. The password goes to the GitHub
        that ``GET /config`` names, to nobody else. The GitHub token is deleted whatever happens: when the exchange
        fails, and when this call is cancelled, which may then take up to 10 seconds.

        Args:
            login: Name of the GitHub user.
            password: Their password.
            one_time_password: Their second factor, or an async function that asks for it; called once GitHub wants it.
            note: What GitHub shows beside its token. One that was left behind under the same note is replaced.

        Returns:
            An API token, for ``Travis(token)``. Keep it: signing in twice within five minutes can get one banned.

        Raises:
            AuthenticationError: GitHub does not know the login and password, or wants another one-time password; or
                Travis does not know the user.
            NotFoundError: That GitHub has no such API any more: make a token by hand, see `Auth.github`.
            UsageError: An argument cannot be right, or the site names no GitHub that a password may be sent to.
        """
        check_credentials(login, password, note)
        config = await self.config.get()
        address = github_address(config)
        github = AiohttpTransport(
            address,
            None,
            accept=ACCEPT_GITHUB,
            user_agent=self._agent,
            config=dataclasses.replace(self._transport.config, **self._options),  # type: ignore[arg-type]
            limiter=limiter_for(address, None, limited=False),
            session=self._transport.cross_origin_session(),
        )
        scopes = config.github.scopes if config.github else ()
        visit = GitHubSignIn(
            github, self.auth, login, password, one_time_password=one_time_password, scopes=scopes, note=note
        )
        return await visit.token()
