"""Whoever sits before the browser that a sign-in opens."""

import asyncio
from urllib.parse import parse_qs, urlsplit


class Person:
    """Opens the URL of a sign-in, and acts on it in the test's event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[str] = self._loop.create_future()

    def open(self, url: str) -> bool:
        """Note the URL, in a thread."""
        self._loop.call_soon_threadsafe(self.opened.set_result, url)
        return True

    async def target(self) -> str:
        """Return the URL to which Travis will post."""
        parts = urlsplit(await self.opened)
        assert parts.path == "/auth/handshake"
        return parse_qs(parts.query)["redirect_uri"][0]
