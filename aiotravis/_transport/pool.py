"""ConnectionPool: what clients of several identities share, see `Identity` for what they do not.

Two aiohttp sessions over the same connections: one for the API, one without headers for other hosts.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from aiotravis._async.deadlines import current_deadline
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._http.redaction import header_secrets
from aiotravis._http.response_cache import ResponseMemory
from aiotravis._network.handshakes import refuse_redirect
from aiotravis._network.proxies import environment_proxy, refuse_netrc, session_proxy
from aiotravis._transport.config import TransportConfig
from aiotravis.errors import UsageError

__all__ = ["ConnectionPool"]

MAX_CONNECTIONS: Final = 200
"""Requests in flight, of all clients. Live connections do not count: each identity that listens has one of its own."""

KEEP_ALIVE: Final = 4.0
"""Seconds for which an idle connection is kept. fact 9.45: Travis's front closes it after 5."""


class Connector(aiohttp.TCPConnector):
    """Gives a call time to connect, beside the one that the server has to answer."""

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        deadline, clock = current_deadline.get(), asyncio.get_running_loop().time
        if deadline is None:
            return await super()._create_connection(req, traces, timeout)
        to_answer = deadline.when - clock()
        # aiohttp's own timeout covers neither the look-up of the name nor the answer of a proxy.
        deadline.set(deadline.when + (timeout.sock_connect or 0.0))
        connection = await super()._create_connection(req, traces, timeout)
        deadline.set(clock() + to_answer)
        return connection


class ConnectionPool:
    """Sessions and connections for clients of one site, whatever their tokens. It opens nothing before its first use.

    Args:
        endpoint: URL of the API without a trailing slash.
        user_agent: User-Agent header.
        config: How to reach the server.
        lifetime: That of the client that opens the pool; the pool is closed with it.
        session: A session of the caller's own: used, never closed.

    Attributes:
        endpoint: As given.
        user_agent: As given.
        lifetime: As given.
        headers: Headers of every request, unless the session is the caller's.
        own: Whether the main session is one of ours.
        memory: Bounds the responses that the caches of all identities keep.
        slots: Calls wait for a connection here, where it does not count as the server's silence.

    Raises:
        UsageError: The caller's session would send a login of a netrc file to the API.
    """

    def __init__(
        self,
        endpoint: str,
        user_agent: str,
        config: TransportConfig,
        lifetime: ClientLifetime,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        if session is not None:
            refuse_netrc(session, endpoint)
        self.endpoint: str = endpoint
        self.user_agent: str = user_agent
        self.lifetime: ClientLifetime = lifetime
        self.headers: Mapping[str, str] = {"Accept-Encoding": "gzip", "User-Agent": user_agent}
        self.own: bool = session is None
        self.memory: ResponseMemory = ResponseMemory()
        self.slots: asyncio.Semaphore = asyncio.Semaphore(MAX_CONNECTIONS)
        self._config = config
        self._main = session
        self._cross_origin: aiohttp.ClientSession | None = None
        lifetime.on_closed(self._close)

    def main(self) -> aiohttp.ClientSession:
        """Return the session for the API.

        Raises:
            UsageError: It is the caller's, and the caller has closed it.
        """
        if self._main is None:
            self._main = self._make(
                Connector(limit=0, keepalive_timeout=KEEP_ALIVE),
                headers=self.headers,
                middlewares=self._config.middlewares,
            )
        elif self._main.closed:
            raise UsageError("The session given to this client is closed.", argument="session")
        return self._main

    def cross_origin(self) -> aiohttp.ClientSession:
        """Return the session for other hosts: the main one may have headers, cookies and credentials of its own.

        Raises:
            UsageError: As with `main`; or the pool is closed, or belongs to another event loop.
        """
        self.lifetime.check()
        if self._cross_origin is None:
            main = self.main()
            # It has to take the same way through a proxy.
            found = ((name, getattr(main, f"_default_{name}", None)) for name in ("proxy", "proxy_auth"))
            proxy = {name: value for name, value in found if value is not None}
            self._cross_origin = self._make(main.connector, middlewares=(refuse_redirect,), **proxy)
        return self._cross_origin

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy for a URL; None for none.

        Raises:
            UsageError: The environment names one that is not the URL of an HTTP proxy.
        """
        given = self._config.proxy
        if given is not None or (self.own and not self._config.trust_env):
            return given
        main = self.main()
        return session_proxy(main) or (environment_proxy(url) if self._config.trust_env or main.trust_env else None)

    def check_shareable(self) -> None:
        """Check that another identity can use the connections.

        Raises:
            UsageError: The caller's session would send credentials of its own, or cookies, for one identity as for
                another.
        """
        session = self._main
        if self.own or session is None:
            return
        if "Authorization" in session.headers or getattr(session, "_default_auth", None) is not None:
            raise UsageError("The session given to this client has an Authorization of its own.", argument="token")
        if not isinstance(session.cookie_jar, aiohttp.DummyCookieJar):
            message = (
                "The session given to this client keeps cookies, which would be sent for every token alike. "
                "Give it cookie_jar=aiohttp.DummyCookieJar()."
            )
            raise UsageError(message, argument="token")

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets in the headers and cookies of the caller's own session."""
        if self.own or self._main is None:
            return ()
        return (*header_secrets(self._main.headers.items()), *(cookie.value for cookie in self._main.cookie_jar))

    def _make(
        self,
        connector: aiohttp.BaseConnector | None,
        *,
        headers: Mapping[str, str] | None = None,
        middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
        **options: Any,
    ) -> aiohttp.ClientSession:
        # Without trust_env: aiohttp would read netrc files.
        session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._main is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=headers,
            trace_configs=list(self._config.trace_configs),
            middlewares=tuple(middlewares),
            **options,
        )
        # aiohttp would silently repeat GET, PUT and DELETE on a lost keep-alive connection.
        session._retry_connection = False
        return session

    async def _close(self) -> None:
        if self._cross_origin is not None:
            await self._cross_origin.close()
        if self.own and self._main is not None:
            await self._main.close()
