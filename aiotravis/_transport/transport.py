"""AiohttpTransport: carries calls to one Travis over one aiohttp session."""

import asyncio
import dataclasses
from collections.abc import Awaitable
from typing import Final

import aiohttp
import anyio
from yarl import URL

from aiotravis._async.deadlines import Deadline, InFlight
from aiotravis._async.retry import backoff, should_retry_error, should_retry_response
from aiotravis._http import ApiRequest, ApiResponse, Sink, error_from_response
from aiotravis._http.decompression import BodyTooLarge, MalformedBody
from aiotravis._http.redirects import REDIRECTS, redirected
from aiotravis._transport.body import delimited, read_body
from aiotravis._transport.config import TransportConfig
from aiotravis._transport.exceptions import connection_error, sanitized, timeout_error, too_large_error, truncated_error
from aiotravis._transport.sessions import CONNECTIONS, Sessions
from aiotravis.errors import BannedError, RateLimited, RequestError, TravisError, UsageError
from aiotravis.rate_limits import Permit, RateLimiter

__all__ = ["AiohttpTransport", "Derived"]

LONGEST_DELAY: Final = 8.0
"""Seconds that the delay before another attempt grows to at most."""


class AiohttpTransport:
    """Carries calls to one Travis.

    Nothing is opened before the first request. Close it with `aclose`, from any task of the same event loop.

    Args:
        endpoint: URL of the API without a trailing slash.
        token: API token, or None.
        accept: Accept header for JSON.
        user_agent: User-Agent header.
        config: How to reach the server.
        limiter: Says when a request may go.
        session: A session of the caller's own: used, never closed.
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
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._token = token
        self._accept = accept
        self.config = config
        self.limiter = limiter
        self._headers = {"Accept-Encoding": "gzip", "User-Agent": user_agent, "Accept": accept}
        self._sessions = Sessions(config, session, self._headers)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._in_flight = InFlight()
        # Whoever waits for a connection waits here, where it does not count as the server's silence.
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._authorization = {} if token is None else {"Authorization": f"token {token}"}

    def __repr__(self) -> str:
        return f"AiohttpTransport({self._endpoint!r})"

    @property
    def closed(self) -> bool:
        """Whether `aclose` was called."""
        return self._closed

    @property
    def waiting(self) -> int:
        """Calls that wait for room in the server's rate rules."""
        return self.limiter.limits().waiting

    def session(self) -> aiohttp.ClientSession:
        """Give the session for the API, made at the first use.

        Raises:
            UsageError: The client is closed, or belongs to another event loop, or the caller has closed its session.
        """
        self._usable_loop()
        return self._sessions.main()

    def cross_origin_session(self) -> aiohttp.ClientSession:
        """Give the session for other hosts, which carries nothing of ours.

        Raises:
            UsageError: As with `session`.
        """
        self._usable_loop()
        return self._sessions.cross_origin()

    def derived(self, **changes: float) -> "Derived":
        """Give a transport over the same session with other settings.

        Args:
            **changes: Fields of `TransportConfig`: ``attempts``, ``read_timeout``, ``max_response``.
        """
        return Derived(self, dataclasses.replace(self.config, **changes))  # type: ignore[arg-type]

    def _usable_loop(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise UsageError(
                "This client is closed. Make a new one, or keep it open for longer: async with Travis(...)."
            )
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError("aiotravis needs asyncio: run it with anyio.run(main) or asyncio.run(main).") from None
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise UsageError("This client was opened on another event loop. Make one client for each loop.")
        return loop

    async def send(
        self, request: ApiRequest, sink: Sink | None = None, config: TransportConfig | None = None
    ) -> ApiResponse:
        """Send one request, again where that is right, and read its answer whole, whatever its status.

        Args:
            request: What to send.
            sink: Takes the body of an answer of status 200 that is no JSON; the reply's own is then empty.
            config: Settings for this request; those of the transport by default.

        Raises:
            RequestError: Nothing usable came back; its subclasses tell why.
            BannedError: Nothing was sent: an earlier answer told of a ban.
            UsageError: The client is closed, or was opened on another event loop.
        """
        loop = self._usable_loop()
        config = config or self.config
        delays = backoff(config.first_delay, LONGEST_DELAY)
        attempt = 1
        while True:
            last = attempt >= config.attempts
            try:
                reply = await self._within_budget(request, config, sink, loop)
            except RequestError as exc:
                exc.attempts = attempt
                if last or not should_retry_error(request, exc):
                    raise
            else:
                if last or not should_retry_response(request, reply):
                    return reply
            attempt += 1
            await self._sleep(request, anyio.Event(), loop.time() + next(delays))

    async def _within_budget(
        self, request: ApiRequest, config: TransportConfig, sink: Sink | None, loop: asyncio.AbstractEventLoop
    ) -> ApiResponse:
        """Send once, as soon as the server's rate rules let it."""
        permit = self.limiter.acquire(request)
        while not isinstance(permit, Permit):
            await self._wait(request, permit, loop)
            permit = self.limiter.acquire(request)
        try:
            reply = await self._send(request, config, sink, loop)
        finally:
            self.limiter.release(permit)
        if reply.status in {403, 429}:
            error = error_from_response(request, reply)
            if isinstance(error, RateLimited):
                self.limiter.throttled(error.retry_after)
            elif isinstance(error, BannedError):
                self.limiter.banned(error)
        return reply

    async def _wait(self, request: ApiRequest, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for room, or until a ban makes that pointless."""
        woken = anyio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        self.limiter.wait_with(wake)
        try:
            await self._sleep(request, woken, loop.time() + seconds)
        finally:
            self.limiter.stop_waiting(wake)

    async def _sleep(self, request: ApiRequest, woken: anyio.Event, until: float) -> None:
        """Wait until something happens, or until a time, or until the client is closed, which is an error."""
        with Deadline(self._in_flight) as deadline:
            deadline.until(until)
            await woken.wait()
        self._check_open(request)

    def _check_open(self, request: ApiRequest) -> None:
        if self._closed:
            raise UsageError(f"This client was closed while {request.method} {request.shown} was under way.")

    async def _send(
        self, request: ApiRequest, config: TransportConfig, sink: Sink | None, loop: asyncio.AbstractEventLoop
    ) -> ApiResponse:
        try:
            with Deadline(self._in_flight) as deadline:
                async with self._room:
                    return await self._exchange(request, config, sink, deadline, loop)
            self._check_open(request)
            raise TimeoutError
        except TravisError:
            raise
        except TimeoutError as exc:
            raise timeout_error(request, self._endpoint, exc) from exc
        except BodyTooLarge:
            limit = config.max_response if sink is None else sink.limit
            raise too_large_error(request, limit, settable=sink is None) from None
        except (aiohttp.ClientPayloadError, MalformedBody) as exc:
            raise truncated_error(request, exc) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            error, cause = connection_error(request, self._endpoint, exc), sanitized(exc)
        # Outside of the handler: what is handled there is remembered as the context of what is raised.
        raise error from cause

    async def _exchange(
        self,
        request: ApiRequest,
        config: TransportConfig,
        sink: Sink | None,
        deadline: Deadline,
        loop: asyncio.AbstractEventLoop,
    ) -> ApiResponse:
        """Send, follow where the server points, and read the answer."""
        url, cross_origin, hops = f"{self._endpoint}{request.target}", False, 0
        while True:
            # Bytes that make no head are no reason to wait for longer. In a session of the caller's own, the wait for
            # a connection would count.
            if self._sessions.own:
                deadline.until(loop.time() + config.connect_timeout + config.read_timeout)
            async with await self._request(request, url, config, cross_origin=cross_origin) as response:
                if response.status in REDIRECTS and (location := response.headers.get("Location")):
                    authenticated = self._token is not None and not cross_origin
                    hop = redirected(
                        request, url, location, base_url=self._endpoint, authenticated=authenticated, hops=hops
                    )
                    url, cross_origin, hops = hop.url, hop.cross_origin, hops + 1
                    continue
                body = await read_body(
                    request,
                    response,
                    sink,
                    deadline,
                    limit=config.max_response,
                    silence=config.read_timeout,
                    unpack=cross_origin or not self._sessions.main().auto_decompress,
                )
                return self._reply(request, response, body, cross_origin=cross_origin)

    def _request(
        self, request: ApiRequest, url: str, config: TransportConfig, *, cross_origin: bool
    ) -> Awaitable[aiohttp.ClientResponse]:
        # What our own session adds to every request by itself costs less.
        headers = {} if self._sessions.own and not cross_origin else dict(self._headers)
        if request.accept:
            headers["Accept"] = request.accept
        if cross_origin:
            session = self._sessions.cross_origin()
        else:
            session = self._sessions.main()
            headers.update(request.headers)
            headers.update(self._authorization)
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

    def _reply(
        self, request: ApiRequest, response: aiohttp.ClientResponse, body: bytes, *, cross_origin: bool
    ) -> ApiResponse:
        headers = {name.lower(): value for name, value in response.headers.items()}
        authenticated = self._token is not None and not cross_origin
        secrets = request.secrets if self._token is None else (self._token, *request.secrets)
        return ApiResponse(
            response.status, headers, body, authenticated=authenticated, secrets=secrets, delimited=delimited(headers)
        )

    async def aclose(self) -> None:
        """Close: what is under way ends with an error, connections of our own session are closed."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            # A reader in mid-body must leave its connection before the session does.
            await self._in_flight.end()
            await self._sessions.aclose()


class Derived:
    """The same transport with other settings, see `AiohttpTransport.derived`."""

    def __init__(self, base: AiohttpTransport, config: TransportConfig) -> None:
        self._base = base
        self._connecting = config

    @property
    def waiting(self) -> int:
        """Calls that wait for room, see `AiohttpTransport.waiting`."""
        return self._base.waiting

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        """Send one request, see `AiohttpTransport.send`."""
        return await self._base.send(request, sink, self._connecting)
