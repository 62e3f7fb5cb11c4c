"""The sessions: one for the API, a bare one for other hosts over the same connections."""

from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

from aiotravis._transport.config import TransportConfig
from aiotravis.errors import UsageError

__all__ = ["CONNECTIONS", "Sessions"]

CONNECTIONS: Final = 200

KEEP_ALIVE: Final = 4.0
"""Seconds an idle connection is kept: Travis's front closes them after 5, and a request must not meet that."""


class Sessions:
    """Sessions, made at the first use.

    Args:
        config: How to reach the server.
        given: A session of the caller's own: used, never closed.
        headers: What every request to the API carries, unless the session is the caller's.

    Attributes:
        own: Whether the main session is one of ours.
    """

    def __init__(
        self, config: TransportConfig, given: aiohttp.ClientSession | None, headers: Mapping[str, str]
    ) -> None:
        self._connecting = config
        self._headers = headers
        self._main = given
        self._foreign: aiohttp.ClientSession | None = None
        self.own = given is None

    def main(self) -> aiohttp.ClientSession:
        """Give the one for the API.

        Raises:
            UsageError: It is the caller's, who has closed it.
        """
        if self._main is None:
            self._main = self._made(
                aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
                trust_env=self._connecting.trust_env,
                headers=self._headers,
                middlewares=self._connecting.middlewares,
            )
        elif self._main.closed:
            raise UsageError("The session given to this client is closed.", argument="session")
        return self._main

    def cross_origin(self) -> aiohttp.ClientSession:
        """Give the one for other hosts: the main one may carry headers, cookies and credentials of its own."""
        if self._foreign is None:
            main = self.main()
            self._foreign = self._made(main.connector, trust_env=main.trust_env)
        return self._foreign

    def _made(
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
            trace_configs=list(self._connecting.trace_configs),
            middlewares=tuple(middlewares),
        )
        # Left to itself, aiohttp sends again what may have arrived, PUT and DELETE too, and tells nobody.
        session._retry_connection = False
        return session

    async def aclose(self) -> None:
        """Close what is ours."""
        if self._foreign is not None:
            await self._foreign.close()
        if self.own and self._main is not None:
            await self._main.close()
