"""How long the flows of a client may last: until it is closed, on one event loop."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import anyio

from aiotravis.errors import UsageError

__all__ = ["ClientLifetime"]


class ClientLifetime:
    """What flows have under way; ends with the client."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False
        self._scopes: set[anyio.CancelScope] = set()

    def check(self) -> None:
        """See whether a flow may begin, or go on, here.

        Raises:
            UsageError: The client is closed, or in use on another event loop.
        """
        if self._ended:
            raise UsageError(
                "This client is closed. Make a new one, or keep it open for longer: async with Travis(...)."
            )
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise UsageError("This client was opened on another event loop. Make one client for each loop.")

    @contextmanager
    def scope(self, what: str) -> Generator[anyio.CancelScope]:
        """Give a scope that ends with the client, which is an error; whoever else cancels it knows why.

        Args:
            what: What is under way, for the error: "a log was followed".

        Raises:
            UsageError: The client is closed, was closed meanwhile, or is in use on another event loop.
        """
        self.check()
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                yield scope
            finally:
                self._scopes.discard(scope)
        if scope.cancelled_caught and self._ended:
            raise UsageError(f"The client was closed while {what}.")

    def end(self) -> None:
        """End what is under way, for good. From any task of the same event loop."""
        self._ended = True
        for scope in self._scopes:
            scope.cancel()
