"""Exchange: one attempt to get the response to a request, wherever redirects lead."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

import aiohttp
from yarl import URL

from aiotravis._async.deadlines import Deadline
from aiotravis._http import ApiRequest, ApiResponse, Sink
from aiotravis._http.decompression import BodyTooLarge, MalformedBody
from aiotravis._http.redirects import REDIRECT_STATUSES, redirect_target
from aiotravis._network.failures import root_cause
from aiotravis._network.proxies import proxy_secrets
from aiotravis._transport.body import is_delimited, read_body
from aiotravis._transport.config import TransportConfig
from aiotravis._transport.exceptions import closed_error, interrupted_error, request_error
from aiotravis._transport.identity import Identity
from aiotravis._transport.pool import ConnectionPool
from aiotravis.errors import RequestError, TravisError

__all__ = ["Exchange"]

logger: Final = logging.getLogger("aiotravis.rest")


class Exchange:
    """One attempt to get the response to a request.

    Args:
        pool: The connections.
        identity: Whose request it is.
        config: The settings.
        request: The request.
        sink: Receives the body, see `AiohttpTransport.send`.

    Attributes:
        url: Where it is sent, first or after redirects.
        cross_origin: Whether that is another server than the API's.
        followed: Redirects followed.
        proxy: The proxy in use.
        status: The status that came back.
        begun: Whether anything of it may have been sent.
    """

    cross_origin: bool = False
    followed: int = 0
    proxy: str | None = None
    status: int | None = None
    begun: bool = False

    def __init__(
        self, pool: ConnectionPool, identity: Identity, config: TransportConfig, request: ApiRequest, sink: Sink | None
    ) -> None:
        self._pool = pool
        self._identity = identity
        self._config = config
        self._request = request
        self._sink = sink
        self.url: str = pool.endpoint + (request.target if request.query else request.path)

    async def run(self) -> ApiResponse:
        """Send the request and return the response, whatever its status.

        Raises:
            RequestError: No usable response was received.
            WriteInterrupted: The client was closed while a write was being sent.
            UsageError: The client was closed.
        """
        identity, pool = self._identity, self._pool
        lifetime = identity.lifetime
        try:
            with Deadline(lifetime.calls) as deadline:
                async with pool.slots:
                    self.begun = True
                    identity.counts.requests += 1
                    return await self._respond(deadline)
            if lifetime.closed:
                raise self._closed_error()
            raise TimeoutError
        except asyncio.CancelledError:
            # Closing the client cancels flows before calls.
            if lifetime.closed and self._is_sending_a_write():
                lifetime.interrupt_write(interrupted_error(self._request))
            raise
        except RequestError as exc:
            exc.status = self.status
            raise
        except TravisError:
            raise
        except (TimeoutError, BodyTooLarge, MalformedBody, aiohttp.ClientError, OSError, ValueError) as exc:
            error = request_error(
                self._request,
                exc,
                url=self.url,
                endpoint=None if self.cross_origin else pool.endpoint,
                proxy=self.proxy,
                secrets=self._secrets(),
                max_response=self._config.max_response,
            )
            error.status = self.status
            cause = root_cause(exc, self._secrets())
        # Outside the handler: the exception being handled would become the context of the one raised, with its secrets.
        raise error from cause

    def _is_sending_a_write(self) -> bool:
        return self.begun and not self._request.reads

    def _closed_error(self) -> TravisError:
        return (interrupted_error if self._is_sending_a_write() else closed_error)(self._request)

    async def _respond(self, deadline: Deadline) -> ApiResponse:
        """Send, follow redirects, and read the response."""
        request, config, pool = self._request, self._config, self._pool
        while True:
            # Bytes that do not complete the head must not extend the wait. A connection that has to be made first gets
            # time of its own from the pool. Sessions of the caller's own do not tell: there, aiohttp watches instead.
            if pool.own:
                deadline.set(asyncio.get_running_loop().time() + config.read_timeout)
            async with await self._open() as response:
                if response.status in REDIRECT_STATUSES and (location := response.headers.get("Location")):
                    self._redirect(location)
                    continue
                self.status = response.status
                try:
                    body = await read_body(
                        request,
                        response,
                        self._sink,
                        deadline,
                        limit=config.max_response,
                        read_timeout=config.read_timeout,
                        decompress=pool.own or self.cross_origin or not pool.main().auto_decompress,
                    )
                finally:
                    self._identity.counts.bytes += response.content.total_bytes
                return ApiResponse(
                    response.status,
                    response.headers,
                    body,
                    authenticated=self._identity.token is not None and not self.cross_origin,
                    secrets=self._secrets(),
                    delimited="Content-Length" in response.headers or is_delimited(response.headers),
                    strict=config.strict,
                    redirected=self.followed > 0,
                )

    def _open(self) -> Awaitable[aiohttp.ClientResponse]:
        """Send the request to where it goes now."""
        pool, identity, request, config = self._pool, self._identity, self._request, self._config
        session = pool.cross_origin() if self.cross_origin else pool.main()
        # Headers that our own session adds to every request need not be passed again.
        headers = identity.headers
        if self.cross_origin:
            headers = {**pool.headers, "Accept": request.accept or identity.accept}
        elif request.headers or request.accept or not pool.own:
            headers = {"Accept": request.accept or identity.accept, **dict(request.headers), **identity.authorization}
            if not pool.own:
                headers = {**pool.headers, **headers}
        self.proxy = pool.proxy_for(self.url)
        return session.request(
            request.method,
            URL(self.url, encoded=True),
            headers=headers,
            data=request.body,
            allow_redirects=False,
            timeout=config.timeout_to_connect if pool.own else config.timeout,
            ssl=config.ssl,
            proxy=self.proxy,
        )

    def _redirect(self, location: str) -> None:
        """Make the request go where a redirect leads."""
        request = self._request
        target = redirect_target(
            request,
            self.url,
            location,
            base_url=self._pool.endpoint,
            authenticated=self._identity.token is not None and not self.cross_origin,
            followed=self.followed,
            secrets=self._secrets(),
        )
        # fact 9.9: logs may be elsewhere. What is asked for as JSON is the API's own: perhaps it has moved.
        if target.cross_origin and not self.cross_origin and request.accept is None:
            path = request.safe_target
            logger.warning("%s %s was redirected to %s: the token stays here", request.method, path, target.shown)
        self.url, self.cross_origin = target.url, target.cross_origin
        self.followed += 1

    def _secrets(self) -> tuple[str, ...]:
        """Return the texts that nothing about a request may show."""
        request = self._request
        secrets = request.secrets if request.query or request.headers or request.hidden else ()
        if not self._pool.own or self.proxy is not None:
            of_proxy = proxy_secrets(self.proxy) if self.proxy else ()
            secrets = (*secrets, *self._pool.secrets(), *of_proxy)
        token = self._identity.token
        return secrets if token is None else (token, *secrets)
