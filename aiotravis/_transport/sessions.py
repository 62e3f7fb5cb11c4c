"""The aiohttp sessions: one for the API, one without headers for other hosts, over the same connections."""

from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

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

    Attributes:
        own: Whether the main session is one of ours.
    """

    def __init__(
        self, config: TransportConfig, session: aiohttp.ClientSession | None, headers: Mapping[str, str]
    ) -> None:
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
                trust_env=self._config.trust_env,
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
            self._cross_origin = self._make(main.connector, trust_env=main.trust_env)
        return self._cross_origin

    def _make(
        self,
        connector: aiohttp.BaseConnector | None,
        *,
        trust_env: bool,
        headers: Mapping[str, str] | None = None,
        middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
    ) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._main is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=trust_env,
            headers=headers,
            trace_configs=list(self._config.trace_configs),
            middlewares=tuple(middlewares),
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
