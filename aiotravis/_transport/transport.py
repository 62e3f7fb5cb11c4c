"""AiohttpTransport: sends requests to one Travis over one aiohttp session."""

import asyncio
import copy
from collections.abc import Awaitable
from typing import Final

import aiohttp
import anyio
from yarl import URL

from aiotravis._async.deadlines import Deadline
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import backoff, should_retry_error, should_retry_response
from aiotravis._http import ApiRequest, ApiResponse, Sink, error_from_response
from aiotravis._http.decompression import BodyTooLarge, MalformedBody
from aiotravis._http.redirects import REDIRECT_STATUSES, redirect_target
from aiotravis._transport.body import is_delimited, read_body
from aiotravis._transport.config import TransportConfig
from aiotravis._transport.exceptions import (
    connection_error,
    explain_write,
    interrupted_error,
    sanitized,
    timeout_error,
    too_large_error,
    truncated_error,
)
from aiotravis._transport.sessions import MAX_CONNECTIONS, Sessions
from aiotravis.errors import BannedError, RateLimited, RequestError, TravisError, UsageError
from aiotravis.rate_limits import Permit, RateLimiter

__all__ = ["AiohttpTransport"]

MAX_DELAY: Final = 8.0
"""Longest delay before another attempt, in seconds."""


class AiohttpTransport:
    """Sends requests to one Travis.

    Opens nothing before the first request. Close it with `aclose`, from any task of the same event loop.

    Args:
        endpoint: URL of the API without a trailing slash.
        token: API token, or None.
        accept: Accept header for JSON.
        user_agent: User-Agent header.
        config: The settings.
        limiter: Decides when a request may be sent.
        lifetime: Ends the requests in flight.
        session: A session of the caller's own: used, never closed.

    Attributes:
        config: The settings.
        limiter: As given.
        lifetime: As given.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | None,
        *,
        accept: str,
        user_agent: str,
        config: TransportConfig,
        limiter: RateLimiter,
        lifetime: ClientLifetime,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._token = token
        self._accept = accept
        self.config = config
        self.limiter = limiter
        self.lifetime = lifetime
        self._headers = {"Accept-Encoding": "gzip", "User-Agent": user_agent, "Accept": accept}
        self._sessions = Sessions(config, session, self._headers)
        # Calls wait for a connection here, where it does not count as the server's silence.
        self._connections = asyncio.Semaphore(MAX_CONNECTIONS)
        self._authorization = {} if token is None else {"Authorization": f"token {token}"}

    def __repr__(self) -> str:
        return f"AiohttpTransport({self._endpoint!r})"

    @property
    def waiting(self) -> int:
        """Number of calls that wait for the rate limits."""
        return self.limiter.limits().waiting

    def session(self) -> aiohttp.ClientSession:
        """Return the session for the API, made on first use.

        Raises:
            UsageError: The client is closed, or belongs to another event loop, or the caller has closed its session.
        """
        self.lifetime.check()
        return self._sessions.main()

    def cross_origin_session(self) -> aiohttp.ClientSession:
        """Return the session for other hosts, which sends nothing of ours.

        Raises:
            UsageError: As with `session`.
        """
        self.lifetime.check()
        return self._sessions.cross_origin()

    def with_config(self, config: TransportConfig) -> "AiohttpTransport":
        """Return a transport with other settings that shares everything else: session, limiter, lifetime."""
        other = copy.copy(self)
        other.config = config
        return other

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        """Send one request, repeat it where that is safe, and return the response, whatever its status.

        Args:
            request: What to send.
            sink: Receives the body of a response with status 200 that is not JSON; `ApiResponse.body` is then empty.

        Raises:
            RequestError: No usable response was received; the class tells why.
            BannedError: Nothing was sent: an earlier response reported a ban.
            WriteInterrupted: The client was closed while a write was being sent.
            UsageError: The client is closed, or belongs to another event loop.
        """
        loop = self.lifetime.check()
        delays = backoff(self.config.first_delay, MAX_DELAY)
        attempt = 1
        while True:
            last = attempt >= self.config.attempts
            try:
                response = await self._send_within_limits(request, sink, loop)
            except RequestError as exc:
                exc.attempts = attempt
                if last or not should_retry_error(request, exc):
                    if not request.reads:
                        explain_write(exc)
                    raise
            else:
                if last or not should_retry_response(request, response):
                    return response
            attempt += 1
            await self._sleep(request, anyio.Event(), loop.time() + next(delays))

    async def _send_within_limits(
        self, request: ApiRequest, sink: Sink | None, loop: asyncio.AbstractEventLoop
    ) -> ApiResponse:
        """Send once, as soon as the server's rate limits allow it."""
        permit = self.limiter.acquire(request)
        while not isinstance(permit, Permit):
            await self._wait_for_limits(request, permit, loop)
            permit = self.limiter.acquire(request)
        try:
            response = await self._send_once(request, sink, loop)
        finally:
            self.limiter.release(permit)
        if response.status in {403, 429} and not response.redirected:
            error = error_from_response(request, response)
            if isinstance(error, RateLimited):
                self.limiter.throttled(error.retry_after)
            elif isinstance(error, BannedError):
                self.limiter.banned(error)
        return response

    async def _wait_for_limits(self, request: ApiRequest, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        """Wait, or until a ban makes waiting pointless."""
        woken = anyio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        self.limiter.add_waiter(wake)
        try:
            await self._sleep(request, woken, loop.time() + seconds)
        finally:
            self.limiter.remove_waiter(wake)

    async def _sleep(self, request: ApiRequest, woken: anyio.Event, until: float) -> None:
        """Wait for an event or a time; raise UsageError if the client is closed meanwhile."""
        with Deadline(self.lifetime.calls) as deadline:
            deadline.set(until)
            await woken.wait()
        self._check_open(request)

    def _check_open(self, request: ApiRequest) -> None:
        if self.lifetime.closed:
            raise UsageError(f"This client was closed while {request.method} {request.shown} was in progress.")

    async def _send_once(self, request: ApiRequest, sink: Sink | None, loop: asyncio.AbstractEventLoop) -> ApiResponse:
        head = _Head()
        try:
            return await self._attempt(request, sink, head, loop)
        except RequestError as exc:
            exc.status = head.status
            raise

    async def _attempt(
        self, request: ApiRequest, sink: Sink | None, head: "_Head", loop: asyncio.AbstractEventLoop
    ) -> ApiResponse:
        sending = False
        try:
            with Deadline(self.lifetime.calls) as deadline:
                async with self._connections:
                    sending = not request.reads
                    return await self._exchange(request, sink, head, deadline, loop)
            if sending and self.lifetime.closed:
                raise interrupted_error(request)
            self._check_open(request)
            raise TimeoutError
        except asyncio.CancelledError:
            # Closing the client cancels flows before calls.
            if sending and self.lifetime.closed:
                self.lifetime.interrupt_write(interrupted_error(request))
            raise
        except TravisError:
            raise
        except TimeoutError as exc:
            raise timeout_error(request, self._endpoint, exc) from exc
        except BodyTooLarge:
            limit = self.config.max_response if sink is None else sink.limit
            raise too_large_error(request, limit, settable=sink is None) from None
        except (aiohttp.ClientPayloadError, MalformedBody) as exc:
            raise truncated_error(request, exc) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            error, cause = connection_error(request, self._endpoint, exc), sanitized(exc)
        # Outside the handler: the exception being handled would become the context of the one raised, with its secrets.
        raise error from cause

    async def _exchange(
        self,
        request: ApiRequest,
        sink: Sink | None,
        head: "_Head",
        deadline: Deadline,
        loop: asyncio.AbstractEventLoop,
    ) -> ApiResponse:
        """Send, follow redirects, and read the response."""
        config = self.config
        url, cross_origin, followed = f"{self._endpoint}{request.target}", False, 0
        while True:
            # Bytes that do not complete the head must not extend the wait. In the caller's own session, this would
            # count the wait for a connection, too.
            if self._sessions.own:
                deadline.set(loop.time() + config.connect_timeout + config.read_timeout)
            async with await self._request(request, url, cross_origin=cross_origin) as response:
                if response.status in REDIRECT_STATUSES and (location := response.headers.get("Location")):
                    authenticated = self._token is not None and not cross_origin
                    target = redirect_target(
                        request,
                        url,
                        location,
                        base_url=self._endpoint,
                        authenticated=authenticated,
                        followed=followed,
                    )
                    url, cross_origin, followed = target.url, target.cross_origin, followed + 1
                    continue
                head.status = response.status
                body = await read_body(
                    request,
                    response,
                    sink,
                    deadline,
                    limit=config.max_response,
                    read_timeout=config.read_timeout,
                    decompress=cross_origin or not self._sessions.main().auto_decompress,
                )
                return self._response(request, response, body, cross_origin=cross_origin, redirected=followed > 0)

    def _request(self, request: ApiRequest, url: str, *, cross_origin: bool) -> Awaitable[aiohttp.ClientResponse]:
        # Headers that our own session adds to every request need not be passed again.
        headers = {} if self._sessions.own and not cross_origin else dict(self._headers)
        if request.accept:
            headers["Accept"] = request.accept
        if cross_origin:
            session = self._sessions.cross_origin()
        else:
            session = self._sessions.main()
            headers.update(request.headers)
            headers.update(self._authorization)
        config = self.config
        return session.request(
            request.method,
            URL(url, encoded=True),
            headers=headers,
            data=request.body,
            allow_redirects=False,
            timeout=config.timeout,
            ssl=config.ssl,
            proxy=config.proxy,
        )

    def _response(
        self,
        request: ApiRequest,
        response: aiohttp.ClientResponse,
        body: bytes,
        *,
        cross_origin: bool,
        redirected: bool,
    ) -> ApiResponse:
        headers = {name.lower(): value for name, value in response.headers.items()}
        authenticated = self._token is not None and not cross_origin
        secrets = request.secrets if self._token is None else (self._token, *request.secrets)
        return ApiResponse(
            response.status,
            headers,
            body,
            authenticated=authenticated,
            secrets=secrets,
            delimited=is_delimited(headers),
            strict=self.config.strict,
            redirected=redirected,
        )

    async def aclose(self) -> None:
        """Close: what is in flight ends with an error, then connections of our own session are closed."""
        try:
            # A reader in the middle of a body must release its connection before the session is closed.
            await self.lifetime.aclose()
        finally:
            with anyio.CancelScope(shield=True):
                await self._sessions.aclose()


class _Head:
    """What is known of a response before its body was read."""

    status: int | None = None
