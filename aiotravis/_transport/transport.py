"""AiohttpTransport: sends the requests of one identity over a pool of connections."""

import logging
import time
from email.utils import parsedate_to_datetime
from typing import Final

import anyio

from aiotravis._async.deadlines import Deadline
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import backoff, should_retry_error, should_retry_response
from aiotravis._http import ApiRequest, ApiResponse, Sink, error_from_response
from aiotravis._http.redaction import redact
from aiotravis._transport.config import TransportConfig
from aiotravis._transport.exceptions import closed_error, explain_write
from aiotravis._transport.exchange import Exchange
from aiotravis._transport.identity import Identity
from aiotravis._transport.pool import ConnectionPool
from aiotravis.errors import BannedError, RateLimited, RequestError
from aiotravis.rate_limits import Limiter, Permit

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
        self.lifetime: ClientLifetime = identity.lifetime
        self.limiter: Limiter = identity.limiter

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
        attempt, delays = 1, None
        while True:
            last, began = attempt >= config.attempts, loop.time()
            sent = request if known is None else request.with_header("If-None-Match", known.etag)
            try:
                response = await self._send_within_limits(sent, sink)
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
                if response.status == OK or last or not should_retry_response(request, response):
                    return response
                reason = str(error_from_response(request, response))
            attempt += 1
            delays = delays or backoff(config.first_delay, MAX_DELAY)
            delay = next(delays)
            self.identity.counts.retries += 1
            logger.info("attempt %d of %d in %.1f s after: %s", attempt, config.attempts, delay, reason)
            await self._sleep(request, loop.time() + delay)

    async def _send_within_limits(self, request: ApiRequest, sink: Sink | None) -> ApiResponse:
        """Send once, as soon as the server's rate limits allow it."""
        limiter, answered = self.limiter, False
        permit = limiter.try_acquire(request, low=self.config.priority == "low")
        if permit is None:
            permit = await self._wait_for_limits(request)
        try:
            began = time.monotonic()
            response = await Exchange(self.pool, self.identity, self.config, request, sink).run()
            if logger.isEnabledFor(logging.DEBUG):
                status, seconds = response.status, time.monotonic() - began
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
        raise closed_error(request)

    async def _sleep(self, request: ApiRequest, until: float) -> None:
        """Wait until a time of the loop's clock; raise UsageError if the client is closed meanwhile."""
        with Deadline(self.lifetime.calls) as deadline:
            deadline.set(until)
            await anyio.sleep_forever()
        if self.lifetime.closed:
            raise closed_error(request)


def _server_time(response: ApiResponse) -> float | None:
    """Return the server's clock in seconds since the epoch, or None: a Date header has whole seconds."""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp() + 0.5
    except (ValueError, OverflowError):
        return None
