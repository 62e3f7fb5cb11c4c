"""What the user iterates: typed events, bounded, honest about loss."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from aiotravis.errors import TravisError, UsageError
from aiotravis.events import Event, JobLog, Lagged, Mark

__all__ = ["Feed", "FeedStatistics", "Mailbox", "Subscription", "weight_of"]

MOST_BYTES: Final = 8 << 20

EVENT_WEIGHT: Final = 512
"""Bytes that an event is reckoned with beside its log text."""


ODD_WEIGHT: Final = 64 << 10
"""Bytes that an event is reckoned with that cannot be weighed."""


@dataclass(frozen=True, slots=True)
class FeedStatistics:
    """Counters of one feed.

    Attributes:
        delivered: Events handed to the user.
        waiting: Events that wait in the buffer.
        dropped: Events lost because the buffer was full; each loss was also told by a `Lagged`.
        channels: Names of its channels.
    """

    delivered: int
    waiting: int
    dropped: int
    channels: tuple[str, ...]


class Mailbox:
    """A bounded buffer between the one reader and one consumer. The reader never waits.

    Args:
        size: Most events.
        most_bytes: Most bytes.

    Attributes:
        dropped: Events lost because it was full.
        losing: Of these, those that no mark tells of yet.
        ended: Whether nothing more comes in.
    """

    __slots__ = ("_bytes", "_end", "_events", "_most_bytes", "_size", "_waiter", "dropped", "ended", "losing")

    def __init__(self, size: int, most_bytes: int = MOST_BYTES) -> None:
        self._size = size
        self._most_bytes = most_bytes
        self._events: deque[tuple[Event, int]] = deque()
        self._bytes = 0
        self.losing: int = 0
        self._end: TravisError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.dropped: int = 0
        self.ended: bool = False

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event, weight: int) -> bool:
        """Take an event, or count it as dropped: the newest go, so that what is in order stays in order.

        Args:
            event: The event. Marks are never dropped: they tell of losses.
            weight: What it holds, in bytes, see `weight_of`; 0 for a mark.

        Returns:
            False if it was dropped.
        """
        if self.ended:
            return True
        held = self._bytes + weight
        if weight and (held > self._most_bytes or len(self._events) >= self._size):
            self.losing += 1
            self.dropped += 1
            return False
        if self.losing:
            self._mark_loss()
        self._events.append((event, weight))
        self._bytes = held
        if self._waiter is not None:
            self._wake()
        return True

    def _mark_loss(self) -> None:
        self._events.append((Lagged(dropped=self.losing), 0))
        self.losing = 0

    def take(self) -> Event | None:
        """Give the next event if one waits."""
        if not self._events:
            return None
        event, weight = self._events.popleft()
        self._bytes -= weight
        return event

    def end(self, error: TravisError | None = None) -> None:
        """End the feed: what waits is still given, then the error, or the end."""
        if not self.ended:
            self.ended = True
            self._end = error
            self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def get(self) -> Event:
        """Give the next event.

        Raises:
            StopAsyncIteration: The feed has ended.
            TravisError: What ended it.
            UsageError: Another task waits already.
        """
        while not self._events:
            if self.losing:
                self._mark_loss()
                break
            if self.ended:
                if self._end is not None:
                    raise self._end
                raise StopAsyncIteration
            if self._waiter is not None:
                raise UsageError("Two tasks iterate the same feed. Make one feed for each.")
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            try:
                await waiter
            finally:
                if self._waiter is waiter:
                    self._waiter = None
        event, weight = self._events.popleft()
        self._bytes -= weight
        return event


def weight_of(event: Event) -> int:
    """Reckon what an event holds, in bytes."""
    if isinstance(event, Mark):
        return 0
    if isinstance(event, JobLog):
        text = event.content
        return EVENT_WEIGHT + (len(text) if text.isascii() else len(text.encode("utf-8", "replace")))
    try:
        return EVENT_WEIGHT + len(msgspec.json.encode(event))
    except (UnicodeEncodeError, RecursionError):  # Half a surrogate pair, or nested to the limit: odd, and heavy.
        return ODD_WEIGHT


class Subscription(Protocol):
    """What a feed opens and closes.

    Attributes:
        mailbox: Where the events arrive.
        channels: Names of its channels; empty before it is open.
    """

    mailbox: Mailbox
    channels: frozenset[str]

    async def open(self) -> None:
        """Subscribe, and wait until every channel is in force."""
        ...

    def close(self) -> None:
        """Unsubscribe without waiting, from any thread, as often as one likes."""
        ...


class Feed:
    """Events, as they come: ``async with travis.events(repo) as feed: async for event in feed: ...``.

    As a context manager it is in force from the first line of the block on: nothing that happens from then on is
    missed unseen. A bare ``async for`` opens it, too. Leaving the block, closing, cancelling and forgetting it
    unsubscribe; so does breaking out of a bare loop, unless somebody still holds the feed.

    Args:
        subscription: What to open.
    """

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._mailbox = subscription.mailbox
        self._delivered = 0
        self._opening = asyncio.Lock()
        self._open = False
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._open else "not opened"
        return f"<Feed {state}, {len(self._subscription.mailbox)} waiting>"

    async def __aenter__(self) -> "Feed":
        """Subscribe, and wait until every channel is in force.

        Raises:
            LiveUnavailable: This Travis has no live channel, or none for this client.
            SubscriptionError: A channel was refused.
        """
        async with self._opening:
            if self._closed:
                raise UsageError("This feed is closed. Make a new one.")
            if not self._open:
                try:
                    await self._subscription.open()
                except BaseException:
                    await self.aclose()
                    raise
                self._open = True
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __aiter__(self) -> "Feed":
        return self

    async def __anext__(self) -> Event:
        """Give the next event.

        Raises:
            LiveUnavailable: The live channel is gone for good.
            SubscriptionError: A channel was refused after a reconnect.
        """
        if self._open:
            # What waits is given without a detour: with many events, that is most of what a feed costs.
            waiting = self._mailbox.take()
            if waiting is not None:
                self._delivered += 1
                return waiting
        elif not self._closed:
            await self.__aenter__()
        try:
            event = await self._subscription.mailbox.get()
        except (StopAsyncIteration, TravisError):
            # A second consumer that is turned away does not end the feed of the first.
            if self._subscription.mailbox.ended:
                await self.aclose()
            raise
        self._delivered += 1
        return event

    def get_nowait(self) -> Event | None:
        """Give the next event if one waits, else None; also None for a feed that is not open."""
        event = self._mailbox.take() if self._open else None
        self._delivered += event is not None
        return event

    async def aclose(self) -> None:
        """Unsubscribe. Safe to call twice, and from any task."""
        self._closed = True
        self._subscription.mailbox.end()
        self._subscription.close()

    def __del__(self) -> None:
        if not self._closed:
            self._subscription.close()

    def statistics(self) -> FeedStatistics:
        """Give the counters."""
        mailbox = self._subscription.mailbox
        channels = tuple(sorted(self._subscription.channels))
        return FeedStatistics(self._delivered, len(mailbox), mailbox.dropped, channels)
