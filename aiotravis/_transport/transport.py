"""AiohttpTransport: sends the requests of one identity over a pool of connections."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import anyio
from yarl import URL

from aiotravis._async.deadlines import Deadline
from aiotravis._async.retry import backoff, should_retry_error, should_retry_response
from aiotravis._http import ApiRequest, ApiResponse, Sink, error_from_response
from aiotravis._http.decompression import BodyTooLarge, MalformedBody
from aiotravis._http.redaction import redact
from aiotravis._http.redirects import REDIRECT_STATUSES, redirect_target
from aiotravis._network.failures import root_cause
from aiotravis._network.proxies import proxy_secrets
from aiotravis._transport.body import is_delimited, read_body
from aiotravis._transport.config import TransportConfig
from aiotravis._transport.exceptions import explain_write, interrupted_error, request_error
from aiotravis._transport.identity import Identity
from aiotravis._transport.pool import ConnectionPool
from aiotravis.errors import BannedError, RateLimited, RequestError, TravisError, UsageError
from aiotravis.rate_limits import Permit

__all__ = ["AiohttpTransport"]

logger: Final = logging.getLogger("aiotravis.rest")

OK: Final = 200

NOT_MODIFIED: Final = 304

MAX_DELAY: Final = 8.0
"""Longest delay before another attempt, in seconds."""


class AiohttpTransport:
    """Sends requests to one Travis, for one identity, over connections that others may share.

    Args:
        pool: The connections.
        identity: Whose requests they are.
        config: The settings.

    Attributes:
        pool: As given.
        identity: As given.
        config: As given.
        lifetime: Ends the requests in flight.
        limiter: Decides when a request may be sent.
    """

    def __init__(self, pool: ConnectionPool, identity: Identity, config: TransportConfig) -> None:
        self.pool = pool
        self.identity = identity
        self.config = config
        self.lifetime = identity.lifetime
        self.limiter = identity.limiter
        self._accept = {"Accept": identity.accept}
        self._authorization = {} if identity.token is None else {"Authorization": f"token {identity.token}"}

    def __repr__(self) -> str:
        return f"AiohttpTransport({self.pool.endpoint!r})"

    @property
    def waiting(self) -> int:
        """Number of calls that wait for the rate limits."""
        return self.limiter.waiting

    def redact(self, text: str) -> str:
        """Return a text of another server's without the secrets of this client."""
        return redact(text, (*filter(None, [self.identity.token]), *self.pool.secrets()))

    def with_config(self, config: TransportConfig) -> "AiohttpTransport":
        """Return a transport of the same identity with other settings."""
        return AiohttpTransport(self.pool, self.identity, config)

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
        config, cache = self.config, self.identity.cache if self.config.cache and sink is None else None
        known = None if cache is None else cache.find(request, now=loop.time(), max_body=config.max_response)
        delays = backoff(config.first_delay, MAX_DELAY)
        attempt = 1
        while True:
            last, began = attempt >= config.attempts, loop.time()
            sent = request if known is None else request.with_header("If-None-Match", known.etag)
            try:
                response = await self._send_within_limits(sent, sink, loop)
            except RequestError as exc:
                exc.attempts = attempt
                if cache is not None and known is not None:
                    # Some servers send a body with a 304, which leaves no response that can be read.
                    cache.forget(request)
                    known = None
                if last or not should_retry_error(request, exc):
                    if not request.reads:
                        explain_write(exc)
                    raise
                reason = str(exc)
            else:
                if cache is not None and response.status == OK:
                    cache.store(request, response, sent_at=began, now=loop.time())
                elif cache is not None and known is not None and response.status == NOT_MODIFIED:
                    confirmed = cache.confirm(request, known, response)
                    if confirmed is not None:
                        self.identity.counts.not_modified += 1
                        self.identity.counts.bytes_saved += len(confirmed.body)
                        return confirmed
                    known = None
                    continue
                if last or not should_retry_response(request, response):
                    return response
                reason = str(error_from_response(request, response))
            attempt += 1
            delay = next(delays)
            self.identity.counts.retries += 1
            logger.info("attempt %d of %d in %.1f s after: %s", attempt, config.attempts, delay, reason)
            await self._sleep(request, loop.time() + delay)

    async def _send_within_limits(
        self, request: ApiRequest, sink: Sink | None, loop: asyncio.AbstractEventLoop
    ) -> ApiResponse:
        """Send once, as soon as the server's rate limits allow it."""
        limiter, answered = self.limiter, False
        permit = limiter.try_acquire(request, low=self.config.priority == "low")
        if permit is None:
            permit = await self._wait_for_limits(request)
        try:
            began = loop.time()
            response = await self._send_once(request, sink, loop)
            if logger.isEnabledFor(logging.DEBUG):
                status, seconds = response.status, loop.time() - began
                logger.debug("%s %s: status %d in %.3f s", request.method, request.safe_target, status, seconds)
            answered = response.status < 500
            if response.status in {403, 429} and not response.redirected:
                error = error_from_response(request, response)
                if isinstance(error, RateLimited):
                    self.identity.counts.pauses += 1
                    limiter.pause(error.retry_after, _server_time(response))
                elif isinstance(error, BannedError):
                    answered = False
                    limiter.ban(error)
        finally:
            limiter.release(permit, answered=answered)
        return response

    async def _wait_for_limits(self, request: ApiRequest) -> Permit:
        """Wait for the rate limits; raise UsageError if the client is closed meanwhile."""
        with Deadline(self.lifetime.calls):
            low = self.config.priority == "low"
            return await self.limiter.acquire(request, low=low, max_wait=self.config.max_wait)
        raise self._closed_error(request)

    async def _sleep(self, request: ApiRequest, until: float) -> None:
        """Wait until a time of the loop's clock; raise UsageError if the client is closed meanwhile."""
        with Deadline(self.lifetime.calls) as deadline:
            deadline.set(until)
            await anyio.sleep_forever()
        self._check_open(request)

    def _check_open(self, request: ApiRequest) -> None:
        if self.lifetime.closed:
            raise self._closed_error(request)

    def _closed_error(self, request: ApiRequest) -> UsageError:
        return UsageError(f"This client was closed while {request.method} {request.safe_target} was in progress.")

    async def _send_once(self, request: ApiRequest, sink: Sink | None, loop: asyncio.AbstractEventLoop) -> ApiResponse:
        sending, destination = False, _Destination(f"{self.pool.endpoint}{request.target}")
        try:
            with Deadline(self.lifetime.calls) as deadline:
                async with self.pool.slots:
                    sending = not request.reads
                    self.identity.counts.requests += 1
                    return await self._exchange(request, sink, destination, deadline, loop)
            if sending and self.lifetime.closed:
                raise interrupted_error(request)
            self._check_open(request)
            raise TimeoutError
        except asyncio.CancelledError:
            # Closing the client cancels flows before calls.
            if sending and self.lifetime.closed:
                self.lifetime.interrupt_write(interrupted_error(request))
            raise
        except RequestError as exc:
            exc.status = destination.status
            raise
        except TravisError:
            raise
        except (TimeoutError, BodyTooLarge, MalformedBody, aiohttp.ClientError, OSError, ValueError) as exc:
            secrets = self._secrets(request, destination)
            error = request_error(
                request,
                exc,
                url=destination.url,
                endpoint=None if destination.cross_origin else self.pool.endpoint,
                proxy=destination.proxy,
                secrets=secrets,
                max_response=self.config.max_response,
            )
            error.status = destination.status
            cause = root_cause(exc, secrets)
        # Outside the handler: the exception being handled would become the context of the one raised, with its secrets.
        raise error from cause

    async def _exchange(
        self,
        request: ApiRequest,
        sink: Sink | None,
        destination: "_Destination",
        deadline: Deadline,
        loop: asyncio.AbstractEventLoop,
    ) -> ApiResponse:
        """Send, follow redirects, and read the response."""
        config = self.config
        while True:
            # Bytes that do not complete the head must not extend the wait. In the caller's own session, this would
            # count the wait for a connection, too.
            if self.pool.own:
                deadline.set(loop.time() + config.connect_timeout + config.read_timeout)
            async with await self._request(request, destination) as response:
                if response.status in REDIRECT_STATUSES and (location := response.headers.get("Location")):
                    target = redirect_target(
                        request,
                        destination.url,
                        location,
                        base_url=self.pool.endpoint,
                        authenticated=self.identity.token is not None and not destination.cross_origin,
                        followed=destination.followed,
                        secrets=self._secrets(request, destination),
                    )
                    destination.url, destination.cross_origin = target.url, target.cross_origin
                    destination.followed += 1
                    continue
                destination.status = response.status
                try:
                    body = await read_body(
                        request,
                        response,
                        sink,
                        deadline,
                        limit=config.max_response,
                        read_timeout=config.read_timeout,
                        decompress=destination.cross_origin or not self.pool.main().auto_decompress,
                    )
                finally:
                    self.identity.counts.bytes += response.content.total_bytes
                return self._response(request, response, body, destination)

    def _request(self, request: ApiRequest, destination: "_Destination") -> Awaitable[aiohttp.ClientResponse]:
        # Headers that our own session adds to every request need not be passed again.
        pool = self.pool
        headers = {**({} if pool.own and not destination.cross_origin else pool.headers), **self._accept}
        if request.accept:
            headers["Accept"] = request.accept
        if destination.cross_origin:
            session = pool.cross_origin()
        else:
            session = pool.main()
            headers.update(request.headers)
            headers.update(self._authorization)
        config = self.config
        destination.proxy = self.pool.proxy_for(destination.url)
        return session.request(
            request.method,
            URL(destination.url, encoded=True),
            headers=headers,
            data=request.body,
            allow_redirects=False,
            timeout=config.timeout,
            ssl=config.ssl,
            proxy=destination.proxy,
        )

    def _response(
        self, request: ApiRequest, response: aiohttp.ClientResponse, body: bytes, destination: "_Destination"
    ) -> ApiResponse:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return ApiResponse(
            response.status,
            headers,
            body,
            authenticated=self.identity.token is not None and not destination.cross_origin,
            secrets=self._secrets(request, destination),
            delimited=is_delimited(headers),
            strict=self.config.strict,
            redirected=destination.followed > 0,
        )

    def _secrets(self, request: ApiRequest, destination: "_Destination") -> tuple[str, ...]:
        """Return the texts that nothing about a request may show."""
        secrets = request.secrets
        if not self.pool.own or destination.proxy is not None:
            secrets = (
                *secrets,
                *self.pool.secrets(),
                *(proxy_secrets(destination.proxy) if destination.proxy else ()),
            )
        return secrets if self.identity.token is None else (self.identity.token, *secrets)


@dataclass(slots=True)
class _Destination:
    """Where one request is sent, first or after redirects, and the status that came back."""

    url: str
    cross_origin: bool = False
    followed: int = 0
    proxy: str | None = None
    status: int | None = None


def _server_time(response: ApiResponse) -> float | None:
    """Return the server's clock in seconds since the epoch, or None: a Date header has whole seconds."""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp() + 0.5
    except (ValueError, OverflowError):
        return None
