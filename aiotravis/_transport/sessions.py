"""The aiohttp sessions: one for the API, one without headers for other hosts, over the same connections."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp

from aiotravis._http.redaction import MIN_SECRET_LENGTH, header_secrets
from aiotravis._network.handshakes import refuse_redirect
from aiotravis._network.proxies import environment_proxy, refuse_netrc, session_proxy
from aiotravis._transport.config import TransportConfig
from aiotravis.errors import UsageError

__all__ = ["MAX_CONNECTIONS", "Sessions"]

MAX_CONNECTIONS: Final = 200

KEEP_ALIVE: Final = 4.0
"""Seconds for which an idle connection is kept. fact 9.45: Travis's front closes it after 5."""


class Sessions:
    """Sessions, made on first use.

    Args:
        config: How to reach the server.
        session: A session of the caller's own: used, never closed.
        headers: Headers of every request to the API, unless the session is the caller's.
        endpoint: URL of the API.

    Attributes:
        own: Whether the main session is one of ours.

    Raises:
        UsageError: The caller's session would send a login of a netrc file to the API.
    """

    def __init__(
        self,
        config: TransportConfig,
        session: aiohttp.ClientSession | None,
        headers: Mapping[str, str],
        endpoint: str,
    ) -> None:
        if session is not None:
            refuse_netrc(session, endpoint)
        self._config = config
        self._headers = headers
        self._main = session
        self._cross_origin: aiohttp.ClientSession | None = None
        self.own = session is None

    def main(self) -> aiohttp.ClientSession:
        """Return the session for the API.

        Raises:
            UsageError: It is the caller's, and the caller has closed it.
        """
        if self._main is None:
            self._main = self._make(
                aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
                headers=self._headers,
                middlewares=self._config.middlewares,
            )
        elif self._main.closed:
            raise UsageError("The session given to this client is closed.", argument="session")
        return self._main

    def cross_origin(self) -> aiohttp.ClientSession:
        """Return the session for other hosts: the main one may have headers, cookies and credentials of its own."""
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

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets in the headers and cookies of the caller's own session."""
        if self.own or self._main is None:
            return ()
        found = (*header_secrets(self._main.headers.items()), *(cookie.value for cookie in self._main.cookie_jar))
        return tuple(secret for secret in found if len(secret) >= MIN_SECRET_LENGTH)

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

    async def aclose(self) -> None:
        """Close the sessions that this client made."""
        if self._cross_origin is not None:
            await self._cross_origin.close()
        if self.own and self._main is not None:
            await self._main.close()
