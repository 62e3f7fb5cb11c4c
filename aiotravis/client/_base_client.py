"""BaseClient: the REST half of a client."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from typing import Final, Self, TypeVar

import msgspec

from aiotravis._async.handle import Handle, running_loop
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._http import ApiResponse, raise_for_status
from aiotravis._transport import AiohttpTransport, ConnectionPool, Identity
from aiotravis.bulk.concurrent_map import ConcurrentMap
from aiotravis.bulk.progress import Progress
from aiotravis.client._resources import Resources
from aiotravis.client._validation import build_request
from aiotravis.flows.github_sign_in import GitHubSignIn, OneTimePassword, check_credentials, github_address
from aiotravis.flows.webhook_verifier import WebhookVerifier
from aiotravis.rate_limits import Limits, limiter_for
from aiotravis.resources._runs import Restarts
from aiotravis.resources.users import User

__all__ = ["BaseClient"]

A = TypeVar("A")
R = TypeVar("R")

ACCEPT_GITHUB: Final = "application/vnd.github.v3+json"


class BaseClient(Handle, Resources):
    """The resources of one site, any other route, and signing in. Its subclass provides the transport, see `_bind`."""

    _transport: AiohttpTransport
    _restarts: Restarts
    """The restarts that are made through the client."""

    def _bind(self, transport: AiohttpTransport) -> None:
        self._transport = transport
        self._bind_resources(transport, transport.identity.token, self.endpoint, self._restarts)
        self._webhook_verifier = WebhookVerifier(self.config)

    def __repr__(self) -> str:
        has_token = self._transport.identity.token is not None
        return f"Travis({self.endpoint!r}, {'with' if has_token else 'without'} a token)"

    @property
    def endpoint(self) -> str:
        """URL of the API, without a trailing slash."""
        return self._transport.pool.endpoint

    @property
    def limits(self) -> Limits:
        """The remaining requests of Travis's limits for this site and token, and who waits."""
        return self._transport.limiter.snapshot()

    async def __aenter__(self) -> Self:
        """Return the client.

        Raises:
            UsageError: This is not asyncio.
        """
        running_loop()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the client. Calls and flows in progress end with a UsageError, writes being sent with WriteInterrupted.

        Safe to call twice, and from any task of the same event loop.
        """
        await self._transport.lifetime.aclose()

    async def verify(self) -> User:
        """Return the user to whom the token belongs.

        Raises:
            AuthenticationError: There is no token, or Travis does not know it.
        """
        return await self.users.me()

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
        """Send any request, also of API v3, with the token, rate limits, retries and errors of all others.

        Args:
            method: HTTP method.
            path: Path below the endpoint, beginning with a slash, percent-encoded where it needs to be.
            query: Parameters.
            json: Value to send as JSON.
            body: Bytes to send instead.
            headers: Further headers.
            accept: Accept header; JSON of version 2 by default.

        Returns:
            The response: ``.status``, ``.headers``, ``.body``, ``.text``, ``.json``.

        Raises:
            ResponseError: The server refused.
            UsageError: The method or the path is not valid.
        """
        request = build_request(method, path, query=query, json=json, body=body, headers=headers, accept=accept)
        response = await self._transport.send(request)
        raise_for_status(request, response)
        return response

    def webhook_verifier(self) -> WebhookVerifier:
        """Return what verifies webhooks of this site: with its public key, which is fetched at the first webhook.

        ``notification = await travis.webhook_verifier().verify(body, signature)``

        The key is kept. When a signature does not fit it, it is fetched again, at most every five minutes. No token is
        needed. See `aiotravis.webhooks`, and for aiohttp.web `aiotravis.web.webhook_handler`.

        Returns:
            The same verifier at each call.
        """
        return self._webhook_verifier

    def map(
        self,
        call: Callable[[A], Awaitable[R]],
        items: Iterable[A] | AsyncIterable[A],
        *,
        at_once: int = 100,
        ordered: bool = True,
        progress: Callable[[Progress], None] | None = None,
    ) -> ConcurrentMap[A, R]:
        """Call an async function for many items concurrently; a failure is the outcome of its item alone.

        ``async with travis.map(travis.jobs.get, ids) as outcomes: async for outcome in outcomes: outcome.value``

        To fetch by ids, `Builds.many`, `Jobs.many` and `Repositories.many` need a hundredth of the requests.

        Args:
            call: Any async function of one item: ``travis.builds.get``, ``lambda job: travis.logs.text(job)``.
            items: The items: a list, a generator, ``travis.builds.list(repo)``. Read one by one, as calls finish.
            at_once: Largest number of calls in progress.
            ordered: Whether to yield outcomes in the order of the items; else as soon as they are there.
            progress: Called with a `Progress` at every outcome, and once a second while there is none.

        Returns:
            An async context manager and iterator of `Outcome`: ``.item``, ``.value`` (raises what the call raised),
            ``.error``. Workers wait for a slow consumer, and end with the block.

        Raises:
            UsageError: At once, if an argument is not valid.
        """
        return ConcurrentMap(
            call, items, at_once=at_once, ordered=ordered, progress=progress, waiting=lambda: self._transport.waiting
        )

    async def sign_in(
        self,
        login: str,
        password: str,
        *,
        one_time_password: OneTimePassword | None = None,
        note: str = "temporary token to identify with Travis CI",
    ) -> str:
        """Return an API token for a GitHub login and password, by way of a temporary GitHub token.

        GitHub withdrew this API in 2020; a GitHub Enterprise may still have it. The password is sent only to the GitHub
        that ``GET /config`` names. The GitHub token is always deleted, also when the exchange fails or this call is
        cancelled; deleting it may take up to 10 seconds.

        Args:
            login: Name of the GitHub user.
            password: Their password.
            one_time_password: Their second factor, or an async function that returns it, called if GitHub asks for it.
            note: Name of the token at GitHub. An old token of the same name is replaced.

        Returns:
            An API token, for ``Travis(token)``. Store it: signing in twice within five minutes can lead to a ban.

        Raises:
            AuthenticationError: GitHub refuses the credentials, or Travis does not know the user.
            NotFoundError: That GitHub has no such API: make a token by hand, see `Auth.github`.
            UsageError: An argument is not valid, or the site names no GitHub that a password may be sent to.
        """
        check_credentials(login, password, note)
        config = await self.config.get()
        address = github_address(config)
        transport = self._transport
        lifetime = ClientLifetime(transport.lifetime)
        session = transport.pool.cross_origin()
        pool = ConnectionPool(address, transport.pool.user_agent, transport.config, lifetime, session)
        identity = Identity(None, ACCEPT_GITHUB, limiter_for(address, None, False), lifetime, pool.memory)
        github = AiohttpTransport(pool, identity, transport.config)
        scopes = config.github.scopes if config.github else ()
        sign_in = GitHubSignIn(
            github, self.auth, login, password, one_time_password=one_time_password, scopes=scopes, note=note
        )
        return await sign_in.token()
