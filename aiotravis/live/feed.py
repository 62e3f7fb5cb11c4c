"""Feed: the async iterator of events that `Travis.events` returns."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from aiotravis._async.handle import Handle
from aiotravis.bulk.iteration import refuse_await
from aiotravis.errors import TravisError, UsageError
from aiotravis.events import Event
from aiotravis.live.subscription import Subscription

__all__ = ["Feed", "FeedStatistics"]


@dataclass(frozen=True, slots=True)
class FeedStatistics:
    """Counters of one feed.

    Attributes:
        delivered: Events that the feed has yielded.
        waiting: Events in the buffer.
        dropped: Events dropped because the buffer was full; each gap is marked by a `Lagged`.
        channels: Names of its channels.
    """

    delivered: int
    waiting: int
    dropped: int
    channels: tuple[str, ...]


class Feed(Handle):
    """An iterator of events: ``async with travis.events(repo) as feed: async for event in feed: ...``.

    Inside the ``async with`` block every channel is subscribed: no event is missed without a mark. A bare ``async for``
    subscribes, too. Leaving the block, closing, cancelling or deleting the feed unsubscribes; breaking out of a bare
    loop does so only if nothing else refers to the feed. Iterating a feed that was closed raises UsageError once its
    buffered events were taken.
    """

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._buffer = subscription.buffer
        self._delivered = 0
        self._open = False
        self._closed = False
        self._left = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._open else "not opened"
        return f"<Feed {state}, {len(self._buffer)} waiting>"

    @property
    def live(self) -> bool:
        """Whether events arrive: the connection stands, and the server has confirmed every channel."""
        return self._open and self._subscription.live

    async def __aenter__(self) -> "Feed":
        """Subscribe, and wait until the server has confirmed every channel.

        Raises:
            LiveUnavailable: This Travis has no live channel, none for this client, or none that can be reached.
            SubscriptionError: A channel was refused.
            UsageError: The feed or the client is closed.
        """
        try:
            await self._subscribe()
        except asyncio.CancelledError:
            # Nobody leaves a block that was not entered.
            self._subscription.close()
            raise
        return self

    async def _subscribe(self) -> None:
        """Subscribe. Cancelled, this goes on: the next call finds what was done in the meantime."""
        if self._closed:
            raise UsageError("This feed is closed. Make a new one.")
        if not self._open:
            try:
                await self._subscription.open()
            except Exception:
                await self.aclose()
                raise
            self._open = True

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __aiter__(self) -> "Feed":
        if self._left and not self._buffer:
            raise UsageError("This feed is closed. Make a new one.")
        return self

    if not TYPE_CHECKING:  # Type checkers refuse to await this; at run time the error names the remedy.

        def __await__(self) -> NoReturn:
            refuse_await(self, "use it in a block, `async with travis.events(...) as feed: async for event in feed`")

    async def __anext__(self) -> Event:
        """Wait for the next event and return it.

        Raises:
            LiveUnavailable: The live server refused this client.
            SubscriptionError: A channel was refused after a reconnect.
            UsageError: Another task iterates this feed, or the client was closed.
        """
        if self._open:
            # Buffered events skip everything below, calls included: under load this is most of what a feed costs.
            buffer = self._buffer
            if buffer.events:
                event, size = buffer.events.popleft()
                buffer.bytes -= size
                self._delivered += 1
                return event
        elif not self._closed:
            await self._subscribe()
        try:
            event = await self._buffer.get()
        except (StopAsyncIteration, TravisError):
            # The UsageError of a second consumer must not end the feed of the first.
            if self._buffer.ended:
                await self.aclose()
            raise
        self._delivered += 1
        return event

    def get_nowait(self) -> Event | None:
        """Return the next event; None if the buffer is empty or the feed is not open."""
        event = self._buffer.get_nowait() if self._open else None
        self._delivered += event is not None
        return event

    async def aclose(self) -> None:
        """Unsubscribe. Safe to call twice, and from any task."""
        self._closed = True
        # What has ended by an error goes on to raise that error.
        self._left = self._left or not self._buffer.ended
        self._buffer.end()
        self._subscription.close()

    def __del__(self) -> None:
        if not self._closed:
            self._subscription.close()

    def statistics(self) -> FeedStatistics:
        """Return the counters."""
        channels = tuple(sorted(self._subscription.channels))
        return FeedStatistics(self._delivered, len(self._buffer), self._buffer.dropped, channels)
