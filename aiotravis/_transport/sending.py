"""AiohttpTransport: carries calls to one Travis over one aiohttp session."""

import asyncio
import dataclasses
from collections.abc import Awaitable
from typing import Final

import aiohttp
import anyio
from yarl import URL

from aiotravis._budget import Budget, Ticket
from aiotravis._http import Call, Reply, Sink, judge
from aiotravis._http.redirecting import REDIRECTS, redirected
from aiotravis._http.unpacking import Garbled, Overflow
from aiotravis._retry import backoff, worth_another_try, worth_asking_again
from aiotravis._transport.connecting import Connecting
from aiotravis._transport.failing import broken_off, harmless, timed_out, too_large, unreached
from aiotravis._transport.reading import delimited, read_body
from aiotravis._transport.sessions import CONNECTIONS, Sessions
from aiotravis._transport.under_way import Patience, UnderWay
from aiotravis.errors import BannedError, RateLimited, RequestError, TravisError, UsageError

__all__ = ["AiohttpTransport", "Derived"]

LONGEST_DELAY: Final = 8.0
"""Seconds that the delay before another attempt grows to at most."""


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
        self.connecting = connecting
        self.budget = budget
        self._headers = {"Accept-Encoding": "gzip", "User-Agent": user_agent, "Accept": accept}
        self._sessions = Sessions(connecting, session, self._headers)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._under_way = UnderWay()
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
        return self.budget.limits().waiting

    def session(self) -> aiohttp.ClientSession:
        """Give the session for the API, made at the first use.

        Raises:
            UsageError: The client is closed, or belongs to another event loop, or the caller has closed its session.
        """
        self._usable_loop()
        return self._sessions.main()

    def foreign_session(self) -> aiohttp.ClientSession:
        """Give the session for other hosts, which carries nothing of ours.

        Raises:
            UsageError: As with `session`.
        """
        self._usable_loop()
        return self._sessions.foreign()

    def derived(self, **changes: float) -> "Derived":
        """Give a transport over the same session with other settings.

        Args:
            **changes: Fields of `Connecting`: ``attempts``, ``read_timeout``, ``max_response``.
        """
        return Derived(self, dataclasses.replace(self.connecting, **changes))  # type: ignore[arg-type]

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
        loop = self._usable_loop()
        connecting = connecting or self.connecting
        delays = backoff(connecting.first_delay, LONGEST_DELAY)
        attempt = 1
        while True:
            last = attempt >= connecting.attempts
            try:
                reply = await self._within_budget(call, connecting, sink, loop)
            except RequestError as exc:
                exc.attempts = attempt
                if last or not worth_another_try(call, exc):
                    raise
            else:
                if last or not worth_asking_again(call, reply):
                    return reply
            attempt += 1
            await self._sleep(call, anyio.Event(), loop.time() + next(delays))

    async def _within_budget(
        self, call: Call, connecting: Connecting, sink: Sink | None, loop: asyncio.AbstractEventLoop
    ) -> Reply:
        """Send once, as soon as the server's rate rules let it."""
        ticket = self.budget.take(call)
        while not isinstance(ticket, Ticket):
            await self._wait(call, ticket, loop)
            ticket = self.budget.take(call)
        try:
            reply = await self._send(call, connecting, sink, loop)
        finally:
            self.budget.done(ticket)
        if reply.status in {403, 429}:
            error = judge(call, reply)
            if isinstance(error, RateLimited):
                self.budget.throttled(error.retry_after)
            elif isinstance(error, BannedError):
                self.budget.banned(error)
        return reply

    async def _wait(self, call: Call, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for room, or until a ban makes that pointless."""
        woken = anyio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        self.budget.wait_with(wake)
        try:
            await self._sleep(call, woken, loop.time() + seconds)
        finally:
            self.budget.stop_waiting(wake)

    async def _sleep(self, call: Call, woken: anyio.Event, until: float) -> None:
        """Wait until something happens, or until a time, or until the client is closed, which is an error."""
        with Patience(self._under_way) as patience:
            patience.until(until)
            await woken.wait()
        self._check_open(call)

    def _check_open(self, call: Call) -> None:
        if self._closed:
            raise UsageError(f"This client was closed while {call.method} {call.shown} was under way.")

    async def _send(
        self, call: Call, connecting: Connecting, sink: Sink | None, loop: asyncio.AbstractEventLoop
    ) -> Reply:
        try:
            with Patience(self._under_way) as patience:
                async with self._room:
                    return await self._exchange(call, connecting, sink, patience, loop)
            self._check_open(call)
            raise TimeoutError
        except TravisError:
            raise
        except TimeoutError as exc:
            raise timed_out(call, self._endpoint, exc) from exc
        except Overflow:
            limit = connecting.max_response if sink is None else sink.limit
            raise too_large(call, limit, settable=sink is None) from None
        except (aiohttp.ClientPayloadError, Garbled) as exc:
            raise broken_off(call, exc) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            error, cause = unreached(call, self._endpoint, exc), harmless(exc)
        # Outside of the handler: what is handled there is remembered as the context of what is raised.
        raise error from cause

    async def _exchange(
        self,
        call: Call,
        connecting: Connecting,
        sink: Sink | None,
        patience: Patience,
        loop: asyncio.AbstractEventLoop,
    ) -> Reply:
        """Send, follow where the server points, and read the answer."""
        url, foreign, hops = f"{self._endpoint}{call.target}", False, 0
        while True:
            # Bytes that make no head are no reason to wait for longer. In a session of the caller's own, the wait for
            # a connection would count.
            if self._sessions.own:
                patience.until(loop.time() + connecting.connect_timeout + connecting.read_timeout)
            async with await self._request(call, url, connecting, foreign=foreign) as response:
                if response.status in REDIRECTS and (location := response.headers.get("Location")):
                    signed = self._token is not None and not foreign
                    hop = redirected(call, url, location, home=self._endpoint, signed=signed, hops=hops)
                    url, foreign, hops = hop.url, hop.foreign, hops + 1
                    continue
                body = await read_body(
                    call,
                    response,
                    sink,
                    patience,
                    limit=connecting.max_response,
                    silence=connecting.read_timeout,
                    unpack=foreign or not self._sessions.main().auto_decompress,
                )
                return self._reply(call, response, body, foreign=foreign)

    def _request(
        self, call: Call, url: str, connecting: Connecting, *, foreign: bool
    ) -> Awaitable[aiohttp.ClientResponse]:
        # What our own session adds to every request by itself costs less.
        headers = {} if self._sessions.own and not foreign else dict(self._headers)
        if call.accept:
            headers["Accept"] = call.accept
        if foreign:
            session = self._sessions.foreign()
        else:
            session = self._sessions.main()
            headers.update(call.headers)
            headers.update(self._authorization)
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

    def _reply(self, call: Call, response: aiohttp.ClientResponse, body: bytes, *, foreign: bool) -> Reply:
        headers = {name.lower(): value for name, value in response.headers.items()}
        signed = self._token is not None and not foreign
        secrets = call.secrets if self._token is None else (self._token, *call.secrets)
        return Reply(response.status, headers, body, signed=signed, secrets=secrets, delimited=delimited(headers))

    async def aclose(self) -> None:
        """Close: what is under way ends with an error, connections of our own session are closed."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            # A reader in mid-body must leave its connection before the session does.
            await self._under_way.end()
            await self._sessions.aclose()


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
