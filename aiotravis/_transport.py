"""AiohttpTransport: carries calls to one Travis over one aiohttp session.

The only client-side aiohttp for REST. What aiohttp does by itself and a library must not inherit is turned off here:
its redirects, its cookies, its unbounded bodies, its five-minute timeout.
"""

import asyncio
import dataclasses
import math
import ssl as ssl_module
from collections.abc import Awaitable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import anyio
import anyio.lowlevel
from yarl import URL

from aiotravis._budget import Budget, Ticket
from aiotravis._http import Call, Reply, Sink, judge
from aiotravis._http.redirecting import REDIRECTS, redirected
from aiotravis._http.unpacking import Body, Garbled, Overflow, check_encodings
from aiotravis._retry import ATTEMPTS, backoff, worth_another_try, worth_asking_again
from aiotravis.errors import (
    BannedError,
    RateLimited,
    RequestError,
    RequestTimeout,
    TooLargeError,
    TravisError,
    TruncatedError,
    UsageError,
)

__all__ = ["AiohttpTransport", "Connecting", "Derived"]

KEEP_ALIVE: Final = 4.0
"""Seconds an idle connection is kept: Travis's front closes them after 5, and a request must not meet that."""

CONNECTIONS: Final = 200

LONGEST_DELAY: Final = 8.0

PARTIAL: Final = 206

BLOCK: Final = 256 << 10
"""Bytes that are gathered before a sink gets them: each hand-over to a disk costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """How to reach the server: one setting for REST and the live channel.

    Attributes:
        ssl: An SSL context, or True for verified TLS with the system's certificates.
        proxy: URL of an HTTP proxy, or None.
        trust_env: Whether to read proxies and netrc from the environment.
        connect_timeout: Seconds for name look-up, connection and TLS.
        read_timeout: Seconds of silence within an answer.
        max_response: Largest answer, unpacked, in bytes.
        attempts: How often a read is tried in all.
        first_delay: Longest delay before the second attempt, in seconds; it doubles, up to `LONGEST_DELAY`.
        trace_configs: aiohttp's trace configurations, for a session that this client makes.
        middlewares: aiohttp's client middlewares, for a session that this client makes.
        timeout: The time-outs as aiohttp wants them.
    """

    ssl: ssl_module.SSLContext | bool = True
    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    max_response: int = 64 << 20
    attempts: int = ATTEMPTS
    first_delay: float = 0.5
    trace_configs: Sequence[aiohttp.TraceConfig] = ()
    middlewares: Sequence[aiohttp.ClientMiddlewareType] = ()

    timeout: aiohttp.ClientTimeout = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Say the same to aiohttp. No total: a long answer that keeps coming is no fault."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.connect_timeout, sock_read=self.read_timeout)
        object.__setattr__(self, "timeout", timeout)


class AiohttpTransport:
    """Carries calls to one Travis.

    Nothing is opened before the first call. Close it with `aclose`, from any task of the same event loop.

    Args:
        endpoint: URL of the API without a trailing slash.
        token: API token, or None.
        accept: Accept header for JSON.
        user_agent: User-Agent header.
        connecting: How to reach the server.
        budget: Says when a request may go.
        session: A session of the caller's own: used, never closed.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | None,
        *,
        accept: str,
        user_agent: str,
        connecting: Connecting,
        budget: Budget,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._token = token
        self._accept = accept
        self._user_agent = user_agent
        self.connecting = connecting
        self.budget = budget
        self._session = session
        self._owns_session = session is None
        self._foreign: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._under_way: set[anyio.CancelScope] = set()
        # Whoever waits for a connection waits here, where it does not count as the server's silence.
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._common = {"Accept-Encoding": "gzip", "User-Agent": user_agent}

    def __repr__(self) -> str:
        return f"AiohttpTransport({self._endpoint!r})"

    @property
    def closed(self) -> bool:
        """Whether `aclose` was called."""
        return self._closed

    def session(self) -> aiohttp.ClientSession:
        """Give the session, made at the first use.

        Raises:
            UsageError: The client is closed, or belongs to another event loop.
        """
        self._check_usable()
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=self.connecting.trust_env,
                trace_configs=list(self.connecting.trace_configs),
                middlewares=tuple(self.connecting.middlewares),
            )
            # Left to itself, aiohttp sends again what may have arrived, PUT and DELETE too, and tells nobody.
            self._session._retry_connection = False
        elif self._session.closed:
            raise UsageError("The session given to this client is closed.", argument="session")
        return self._session

    def _check_usable(self) -> None:
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

    def derived(self, **changes: float) -> "Derived":
        """Give a transport over the same session with other settings.

        Args:
            **changes: Fields of `Connecting`: ``attempts``, ``read_timeout``, ``max_response``.
        """
        return Derived(self, dataclasses.replace(self.connecting, **changes))  # type: ignore[arg-type]

    @property
    def waiting(self) -> int:
        """Calls that wait for room in the server's rate rules."""
        return self.budget.limits().waiting

    async def send(self, call: Call, sink: Sink | None = None, connecting: Connecting | None = None) -> Reply:
        """Send one call, again where that is right, and read its answer whole, whatever its status.

        Args:
            call: What to send.
            sink: Takes the body of an answer of status 200 that is no JSON; the reply's own is then empty.
            connecting: Settings for this call; those of the transport by default.

        Raises:
            RequestError: Nothing usable came back; its subclasses tell why.
            BannedError: Nothing was sent: an earlier answer told of a ban.
            UsageError: The client is closed, or was opened on another event loop.
        """
        self._check_usable()
        connecting = connecting or self.connecting
        delays = backoff(connecting.first_delay, LONGEST_DELAY)
        attempt = 1
        while True:
            last = attempt >= connecting.attempts
            try:
                reply = await self._within_budget(call, connecting, sink)
            except RequestError as exc:
                exc.attempts = attempt
                if last or not worth_another_try(call, exc):
                    raise
            else:
                if last or not worth_asking_again(call, reply):
                    return reply
            attempt += 1
            with self._ended_with_client(call) as scope:
                scope.deadline = self._now() + next(delays)
                await anyio.sleep_forever()

    async def _within_budget(self, call: Call, connecting: Connecting, sink: Sink | None) -> Reply:
        """Send once, as soon as the server's rate rules let it."""
        ticket = self.budget.take(call)
        while not isinstance(ticket, Ticket):
            await self._wait(call, ticket)
            ticket = self.budget.take(call)
        try:
            reply = await self._send(call, connecting, sink)
        finally:
            self.budget.done(ticket)
        if reply.status in {403, 429}:
            error = judge(call, reply)
            if isinstance(error, RateLimited):
                self.budget.throttled(error.retry_after)
            elif isinstance(error, BannedError):
                self.budget.banned(error)
        return reply

    @contextmanager
    def _ended_with_client(self, call: Call) -> Generator[anyio.CancelScope]:
        """Give a scope that ends with the client, which is an error, or at its deadline, which is none."""
        with anyio.CancelScope() as scope:
            self._under_way.add(scope)
            try:
                yield scope
            finally:
                self._under_way.discard(scope)
        if scope.cancelled_caught and self._closed:
            raise UsageError(f"This client was closed while {call.method} {call.shown} was under way.")

    async def _wait(self, call: Call, seconds: float) -> None:
        """Wait for room, or until a ban makes that pointless."""
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        self.budget.wait_with(wake)
        try:
            with self._ended_with_client(call) as scope:
                scope.deadline = self._now() + seconds
                await woken.wait()
        finally:
            self.budget.stop_waiting(wake)

    async def _send(self, call: Call, connecting: Connecting, sink: Sink | None) -> Reply:
        try:
            # One scope for all, its deadline put off at every step: each costs, and a small answer takes two steps.
            with self._ended_with_client(call) as patience:
                async with self._room:
                    return await self._exchange(call, connecting, sink, patience)
            raise TimeoutError
        except TravisError:
            raise
        except TimeoutError as exc:
            error = _timed_out(call, self._endpoint)
            error.unsent = isinstance(exc, aiohttp.ConnectionTimeoutError)
            raise error from exc
        except Overflow:
            limit = connecting.max_response if sink is None else sink.limit
            remedy = " Raise max_response=." if sink is None else ""
            message = f"{call.method} {call.shown}: the answer is larger than {limit} bytes.{remedy}"
            raise TooLargeError(message, method=call.method, path=call.shown, limit=limit) from None
        except (aiohttp.ClientPayloadError, Garbled) as exc:
            raise TruncatedError(
                f"{call.method} {call.shown}: the answer broke off, or is garbled ({type(exc).__name__}). Try again.",
                method=call.method,
                path=call.shown,
            ) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            unreached, cause = _unreached(call, self._endpoint, exc), _harmless(exc)
        # Outside of the handler: what is handled there is remembered as the context of what is raised.
        raise unreached from cause

    async def _exchange(
        self, call: Call, connecting: Connecting, sink: Sink | None, patience: anyio.CancelScope
    ) -> Reply:
        """Send, follow where the server points, and read the answer."""
        url, foreign, hops = f"{self._endpoint}{call.target}", False, 0
        while True:
            # Bytes that make no head are no reason to wait for longer. In a session of the caller's own, the wait for
            # a connection would count.
            if self._owns_session:
                patience.deadline = self._now() + connecting.connect_timeout + connecting.read_timeout
            async with await self._request(call, url, connecting, foreign=foreign) as response:
                patience.deadline = math.inf
                location = response.headers.get("Location")
                if response.status in REDIRECTS and location:
                    signed = self._token is not None and not foreign
                    hop = redirected(call, url, location, home=self._endpoint, signed=signed, hops=hops)
                    url, foreign, hops = hop.url, hop.foreign, hops + 1
                    continue
                unpack = foreign or not self.session().auto_decompress
                body = await self._read(call, response, connecting, sink, patience, unpack=unpack)
                return self._reply(call, response, body, foreign=foreign)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _request(
        self, call: Call, url: str, connecting: Connecting, *, foreign: bool
    ) -> Awaitable[aiohttp.ClientResponse]:
        headers = dict(self._common)
        headers["Accept"] = call.accept or self._accept
        if not foreign:
            headers.update(call.headers)
            if self._token is not None:
                headers["Authorization"] = f"token {self._token}"
        session = self.foreign_session() if foreign else self.session()
        return session.request(
            call.method,
            URL(url, encoded=True),
            headers=headers,
            data=call.body,
            allow_redirects=False,
            timeout=connecting.timeout,
            ssl=connecting.ssl,
            proxy=connecting.proxy,
        )

    def foreign_session(self) -> aiohttp.ClientSession:
        """Give a bare session for other hosts: the main one may carry headers, cookies and credentials of its own."""
        if self._foreign is None:
            self._foreign = aiohttp.ClientSession(
                connector=self.session().connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=self.session().trust_env,
                trace_configs=list(self.connecting.trace_configs),
            )
            self._foreign._retry_connection = False
        return self._foreign

    def _reply(self, call: Call, response: aiohttp.ClientResponse, body: bytes, *, foreign: bool) -> Reply:
        headers = {name.lower(): value for name, value in response.headers.items()}
        delimited = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()
        signed = self._token is not None and not foreign
        secrets = call.secrets if self._token is None else (self._token, *call.secrets)
        return Reply(response.status, headers, body, signed=signed, secrets=secrets, delimited=delimited)

    async def _read(
        self,
        call: Call,
        response: aiohttp.ClientResponse,
        connecting: Connecting,
        sink: Sink | None,
        patience: anyio.CancelScope,
        *,
        unpack: bool,
    ) -> bytes:
        """Read a body whole: unpacked slice by slice, never past the limit, the loop never held for long.

        What a sink took is not given.
        """
        if response.status != 200 or response.content_type.endswith("json"):
            sink = None
        encoding = ",".join(response.headers.getall("Content-Encoding", ())) if unpack else ""
        check_encodings(encoding, ",".join(response.headers.getall("Transfer-Encoding", ())))
        if response.status == PARTIAL and not any(name.lower() == "range" for name, _ in call.headers):
            raise Garbled("a part that nobody asked for")
        ending = _ending(response)
        body = Body(encoding, connecting.max_response if sink is None else sink.limit)
        if sink is not None:
            await sink.begin()
        content = response.content
        while True:
            if content.is_eof():
                chunk = content.read_nowait()
            else:
                patience.deadline = self._now() + connecting.read_timeout
                chunk = await content.readany()
                patience.deadline = math.inf
            if not chunk:
                break
            for _ in body.feed(chunk):
                await anyio.lowlevel.checkpoint()
            if sink is not None and body.held >= BLOCK:
                await sink.take(body.taken())
        if ending is not None and ending.done() and not ending.cancelled() and ending.exception() is not None:
            raise Garbled("the connection was reset")
        whole = body.whole()
        if sink is None:
            return whole
        await sink.take(whole)
        return b""

    async def aclose(self) -> None:
        """Close: what is under way ends with an error, connections of our own session are closed."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            # A reader in mid-body must leave its connection before the session does.
            while self._under_way:
                for scope in list(self._under_way):
                    scope.cancel()
                await anyio.lowlevel.checkpoint()
            if self._foreign is not None:
                await self._foreign.close()
            if self._owns_session and self._session is not None:
                await self._session.close()


def _ending(response: aiohttp.ClientResponse) -> "asyncio.Future[None] | None":
    """Give what tells how the connection ended, where that alone marks the end of a body."""
    connection = response.connection
    protocol = connection.protocol if connection is not None else None
    if protocol is None or "Content-Length" in response.headers or "Transfer-Encoding" in response.headers:
        return None
    ending: asyncio.Future[None] | None = protocol.closed
    if ending is not None:
        # Looked at, so that nobody complains that nobody did.
        ending.add_done_callback(lambda future: future.cancelled() or future.exception())
    return ending


def _harmless(exc: Exception) -> BaseException:
    """Give an exception that can be shown: aiohttp's hold the request, with its headers and its URL."""
    if isinstance(exc, aiohttp.ClientResponseError):
        return exc.__cause__ or ValueError(type(exc).__name__)
    return exc


class Derived:
    """The same transport with other settings, see `AiohttpTransport.derived`."""

    def __init__(self, base: AiohttpTransport, connecting: Connecting) -> None:
        self._base = base
        self._connecting = connecting

    @property
    def waiting(self) -> int:
        """Calls that wait for room, see `AiohttpTransport.waiting`."""
        return self._base.waiting

    async def send(self, call: Call, sink: Sink | None = None) -> Reply:
        """Send one call, see `AiohttpTransport.send`."""
        return await self._base.send(call, sink, self._connecting)


def _timed_out(call: Call, endpoint: str) -> RequestTimeout:
    return RequestTimeout(
        f"{call.method} {call.shown}: {endpoint} did not answer in time. Try again later, or raise the timeouts.",
        method=call.method,
        path=call.shown,
    )


def _unreached(call: Call, endpoint: str, exc: Exception) -> RequestError:
    if isinstance(exc, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        reason = "TLS failed; is its certificate good, or does it need ssl=?"
    elif isinstance(exc, aiohttp.ClientConnectorDNSError):
        reason = "its name is unknown; is the endpoint spelt right?"
    elif isinstance(exc, aiohttp.ClientConnectorError):
        reason = (
            f"no connection ({exc.strerror or type(exc.os_error).__name__}); is the endpoint right, and the server up?"
        )
    elif isinstance(exc, aiohttp.ServerDisconnectedError | OSError):
        reason = "the connection was lost before an answer came; try again"
    else:
        reason = f"what came back is not HTTP ({type(exc).__name__}); is the endpoint right?"
    error = RequestError(f"{call.method} {call.shown}: {endpoint}: {reason}", method=call.method, path=call.shown)
    error.unsent = isinstance(exc, aiohttp.ClientConnectorError)
    return error
