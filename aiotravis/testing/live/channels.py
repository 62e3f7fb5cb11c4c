"""The channels of an app: which clients subscribe to them, and since when they are occupied."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from aiotravis.testing.live.connection import ServerConnection

__all__ = ["ChannelRegistry"]


class ChannelRegistry:
    """The occupied channels of one app.

    Args:
        clock: Returns seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # A dict instead of a set: events are sent in the order of subscription.
        self._subscribers: dict[str, dict[ServerConnection, None]] = {}
        self._since: dict[str, float] = {}
        self._awaited: dict[str, asyncio.Event] = {}

    @property
    def subscription_counts(self) -> Mapping[str, int]:
        """Number of subscribers of each occupied channel."""
        return {channel: len(subscribers) for channel, subscribers in self._subscribers.items()}

    def subscribers(self, channel: str) -> Sequence[ServerConnection]:
        """Return the subscribers of a channel."""
        return list(self._subscribers.get(channel, ()))

    def occupied_since(self, channel: str) -> float | None:
        """Return when a channel became occupied, in seconds since the epoch; None if it is not."""
        return self._since.get(channel)

    def subscribe(self, connection: ServerConnection, channel: str) -> None:
        """Add a subscription."""
        connection.channels.add(channel)
        self._subscribers.setdefault(channel, {})[connection] = None
        self._since.setdefault(channel, self._clock())
        if channel in self._awaited:
            self._awaited.pop(channel).set()

    def unsubscribe(self, connection: ServerConnection, channel: str) -> None:
        """Remove a subscription if there is one."""
        connection.channels.discard(channel)
        subscribers = self._subscribers.get(channel, {})
        subscribers.pop(connection, None)
        if not subscribers:
            self._subscribers.pop(channel, None)
            self._since.pop(channel, None)

    def remove(self, connection: ServerConnection) -> None:
        """Remove all subscriptions of a connection."""
        for channel in list(connection.channels):
            self.unsubscribe(connection, channel)

    async def wait_occupied(self, channel: str) -> None:
        """Wait until a channel has a subscriber."""
        while channel not in self._subscribers:
            await self._awaited.setdefault(channel, asyncio.Event()).wait()
