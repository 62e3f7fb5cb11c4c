"""The lifetime of a client: until it is closed, on one event loop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from typing import Final
from weakref import WeakSet

import anyio

from aiotravis._async.deadlines import InFlight
from aiotravis._async.handle import running_loop
from aiotravis.errors import UsageError, WriteInterrupted

__all__ = ["ClientLifetime"]

_interrupted: Final[ContextVar[list[WriteInterrupted] | None]] = ContextVar("interrupted", default=None)
"""Writes of the current scope, and of the tasks started in it, that the closing of the client has interrupted."""


class ClientLifetime:
    """Everything that ends with a client: its calls, its flows, its background tasks.

    Args:
        parent: A lifetime with which this one ends, too.

    Attributes:
        closed: Whether the client was closed.
        calls: REST calls in flight.
    """

    def __init__(self, parent: "ClientLifetime | None" = None) -> None:
        self.closed: bool = False
        self.calls: InFlight = InFlight()
        self._flows: set[anyio.CancelScope] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._callbacks: dict[Callable[[], Awaitable[None]], None] = {}
        self._final_callbacks: list[Callable[[], Awaitable[None]]] = []
        self._parent = parent
        # Weak: clients that nobody uses any more need not be closed.
        self._children: WeakSet[ClientLifetime] | None = None
        if parent is not None:
            if parent._children is None:
                parent._children = WeakSet()
            parent._children.add(self)

    def check(self) -> asyncio.AbstractEventLoop:
        """Return the running event loop.

        Raises:
            UsageError: The client is closed, or belongs to another event loop, or this is not asyncio.
        """
        if self.closed:
            raise UsageError("This client is closed. Make a new one, or keep it open longer: async with Travis(...).")
        loop = running_loop()
        if self._loop is None:
            if self._parent is not None:
                self._parent.check()
            self._loop = loop
        elif self._loop is not loop:
            raise UsageError("This client was opened on another event loop. Make one client for each loop.")
        return loop

    @contextlib.contextmanager
    def scope(self, what: str) -> Generator[anyio.CancelScope]:
        """Enter a block that is cancelled when the client is closed.

        Args:
            what: What is in progress, for the error: "a log was followed".

        Raises:
            UsageError: The client is closed, or was closed meanwhile, or belongs to another event loop.
            WriteInterrupted: The client was closed while the block sent a write.
        """
        self.check()
        writes: list[WriteInterrupted] = []
        outer = _interrupted.set(writes)
        block = anyio.CancelScope()
        self._flows.add(block)
        try:
            with block:
                yield block
        finally:
            self._flows.discard(block)
            _interrupted.reset(outer)
        if block.cancelled_caught and self.closed:
            raise writes[0] if writes else UsageError(f"The client was closed while {what}.")

    def interrupt_write(self, error: WriteInterrupted) -> None:
        """Make the scope that this task runs in, if any, end with this error instead of a UsageError."""
        writes = _interrupted.get()
        if writes is not None:
            writes.append(error)

    def on_close(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Call an async function when the client is closed, the last one registered first."""
        self._callbacks[callback] = None

    def remove_on_close(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Undo `on_close`."""
        self._callbacks.pop(callback, None)

    def on_closed(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Call an async function once everything of the client has ended, the last one registered first.

        It is called again where the client is closed again.
        """
        self._final_callbacks.append(callback)

    async def aclose(self) -> None:
        """End everything: flows, then what is registered with `on_close`, then calls; first that of the children.

        Safe to call twice, and from any task of the same event loop.
        """
        everything = self._begin_closing()
        # Each is called even if the one before it fails or is cancelled.
        async with contextlib.AsyncExitStack() as stack:
            for one in everything:
                for callback in one._final_callbacks:
                    stack.push_async_callback(_shielded, callback)
                stack.push_async_callback(_shielded, one.calls.aclose)
                callbacks, one._callbacks = one._callbacks, {}
                for callback in callbacks:
                    stack.push_async_callback(callback)

    def _begin_closing(self) -> "list[ClientLifetime]":
        """Mark this lifetime and its children as closed, end their flows, and return them."""
        self.closed = True
        for block in self._flows:
            block.cancel()
        return [self, *(found for child in self._children or () for found in child._begin_closing())]


async def _shielded(callback: Callable[[], Awaitable[None]]) -> None:
    with anyio.CancelScope(shield=True):
        await callback()
