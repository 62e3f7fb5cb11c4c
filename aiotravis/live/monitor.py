"""How the live channel is: its state, its counters, and an iterator over what changes."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from weakref import WeakSet

from aiotravis.errors import UsageError

__all__ = ["Live", "LiveMonitor", "LiveState", "LiveStateChanges", "LiveStatistics"]


class LiveState(StrEnum):
    """Where the live channel stands."""

    IDLE = "idle"
    """Nobody listens: there is no connection."""
    CONNECTING = "connecting"
    """The first connection is being made."""
    CONNECTED = "connected"
    """Events come."""
    RECONNECTING = "reconnecting"
    """The connection was lost; events are being missed, and will be marked as such."""
    UNAVAILABLE = "unavailable"
    """The server refuses this client; listening anew tries again."""
    CLOSED = "closed"
    """The client is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatistics:
    """Counters of the live channel, from the client's beginning on.

    Attributes:
        state: Where it stands.
        feeds: Feeds that are open.
        channels: Channels that they want.
        connections: How often the server has greeted.
        reconnects: How many of these came after a loss.
        frames: Frames that came.
        bytes: Their bytes.
        events: Events on channels that somebody wanted.
        duplicates: Events that came on another channel, too, and were delivered once.
        late: Events about something of which a newer state was delivered before; delivered, marked as late.
        incomplete: Events that came as ids alone; delivered once they were completed.
        dropped: Events that feeds lost because their consumers were slow; each feed was told by `Lagged`.
        gaps: Times at which events may have been missed: losses of the connection, and buffers running over.
        junk: Frames that no Pusher server would send; passed over.
        complaints: Errors that the server told of without ending the connection.
        refused: Channels that were refused.
        lag: Seconds from when Travis changed something to when its event came, at the last event that says;
            as good as the two clocks agree. None before the first.
    """

    state: LiveState
    feeds: int
    channels: int
    connections: int = 0
    reconnects: int = 0
    frames: int = 0
    bytes: int = 0
    events: int = 0
    duplicates: int = 0
    late: int = 0
    incomplete: int = 0
    dropped: int = 0
    gaps: int = 0
    junk: int = 0
    complaints: int = 0
    refused: int = 0
    lag: float | None = None


class LiveMonitor:
    """The counters, and the state with those who watch it; written by the hub alone."""

    __slots__ = (
        "_state",
        "_watchers",
        "bytes",
        "complaints",
        "connections",
        "dropped",
        "duplicates",
        "events",
        "frames",
        "gaps",
        "incomplete",
        "junk",
        "lag",
        "late",
        "reconnects",
        "refused",
    )

    def __init__(self) -> None:
        self._state = LiveState.IDLE
        self._watchers: WeakSet[LiveStateChanges] = WeakSet()
        self.bytes: int = 0
        self.complaints: int = 0
        self.connections: int = 0
        self.dropped: int = 0
        self.duplicates: int = 0
        self.events: int = 0
        self.frames: int = 0
        self.gaps: int = 0
        self.incomplete: int = 0
        self.junk: int = 0
        self.late: int = 0
        self.reconnects: int = 0
        self.refused: int = 0
        self.lag: float | None = None

    @property
    def state(self) -> LiveState:
        """Where the live channel stands."""
        return self._state

    @state.setter
    def state(self, state: LiveState) -> None:
        if state is not self._state and self._state is not LiveState.CLOSED:
            self._state = state
            for watcher in list(self._watchers):
                watcher.see(state)

    def watch(self) -> "LiveStateChanges":
        """Give an iterator over the states from now on."""
        watcher = LiveStateChanges(self._state)
        self._watchers.add(watcher)
        return watcher

    def statistics(self, *, feeds: int, channels: int) -> LiveStatistics:
        """Give the counters."""
        counters = {name: getattr(self, name) for name in self.__slots__ if not name.startswith("_")}
        return LiveStatistics(state=self._state, feeds=feeds, channels=channels, **counters)


class LiveStateChanges:
    """The states of the live channel, the present one first: ``async for state in travis.live.changes(): ...``.

    Ends when the client is closed. Holds no task; forget it, and it is gone.
    """

    KEPT = 1000
    """States that wait for a slow consumer; after so many, the oldest go."""

    def __init__(self, state: LiveState) -> None:
        self._states: deque[LiveState] = deque([state], maxlen=self.KEPT)
        self._waiter: asyncio.Future[None] | None = None
        self._over = False

    def see(self, state: LiveState) -> None:
        """Take a state in."""
        self._states.append(state)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> "LiveStateChanges":
        return self

    async def __anext__(self) -> LiveState:
        """Give the next state.

        Raises:
            UsageError: Another task waits already.
        """
        while not self._states:
            if self._over:
                raise StopAsyncIteration
            if self._waiter is not None:
                raise UsageError("Two tasks iterate the same changes. Call changes() for each.")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        state = self._states.popleft()
        self._over = state is LiveState.CLOSED
        return state


class Live:
    """``travis.live``: how the live channel is.

    Args:
        health: What the hub writes.
        count: Tells how many feeds and channels there are.
    """

    def __init__(self, health: LiveMonitor, count: Callable[[], tuple[int, int]]) -> None:
        self._health = health
        self._count = count

    def __repr__(self) -> str:
        return f"<Live {self._health.state}>"

    @property
    def state(self) -> LiveState:
        """Where it stands."""
        return self._health.state

    def changes(self) -> LiveStateChanges:
        """Give an async iterator over its states, the present one first."""
        return self._health.watch()

    def statistics(self) -> LiveStatistics:
        """Give its counters."""
        feeds, channels = self._count()
        return self._health.statistics(feeds=feeds, channels=channels)
