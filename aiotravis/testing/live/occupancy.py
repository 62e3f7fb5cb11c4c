"""Who listens to which channel, and since when somebody does."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from aiotravis.testing.live.connection import Connection

__all__ = ["Occupancy"]


class Occupancy:
    """The channels of one app.

    Args:
        clock: Gives seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # A dictionary in place of a set: events go out in the order in which listeners came.
        self._listeners: dict[str, dict[Connection, None]] = {}
        self._since: dict[str, float] = {}
        self._awaited: dict[str, asyncio.Event] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many listen to each channel, by its name."""
        return {channel: len(listeners) for channel, listeners in self._listeners.items()}

    def listeners(self, channel: str) -> Sequence[Connection]:
        """Give those who listen to a channel."""
        return list(self._listeners.get(channel, ()))

    def since(self, channel: str) -> float | None:
        """Give when a channel got the first of its listeners, in seconds since the epoch; None: it has none."""
        return self._since.get(channel)

    def join(self, connection: Connection, channel: str) -> None:
        """Let somebody listen."""
        connection.channels.add(channel)
        self._listeners.setdefault(channel, {})[connection] = None
        self._since.setdefault(channel, self._clock())
        if channel in self._awaited:
            self._awaited.pop(channel).set()

    def leave(self, connection: Connection, channel: str) -> None:
        """Let somebody listen no more."""
        connection.channels.discard(channel)
        listeners = self._listeners.get(channel, {})
        listeners.pop(connection, None)
        if not listeners:
            self._listeners.pop(channel, None)
            self._since.pop(channel, None)

    def forget(self, connection: Connection) -> None:
        """Let somebody go who does not come back."""
        for channel in list(connection.channels):
            self.leave(connection, channel)

    async def wait(self, channel: str) -> None:
        """Wait until somebody listens to a channel."""
        while channel not in self._listeners:
            await self._awaited.setdefault(channel, asyncio.Event()).wait()
