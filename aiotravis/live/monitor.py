"""The state and counters of the live channel, and an iterator over its states."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NoReturn
from weakref import WeakSet

import msgspec

from aiotravis._async.handle import Handle, running_loop
from aiotravis._values import Value
from aiotravis.bulk.iteration import refuse_await
from aiotravis.errors import UsageError

__all__ = ["Live", "LiveMonitor", "LiveState", "LiveStateChanges", "LiveStatistics"]

logger: Final = logging.getLogger("aiotravis.live")

MAX_STATES: Final = 1000
"""Most states kept for a slow consumer; beyond that the oldest are dropped."""

MAX_KINDS: Final = 100
"""Most kinds of invalid frames that are logged, each once."""


class LiveState(StrEnum):
    """The state of the live channel."""

    IDLE = "idle"
    """There is no feed and no connection."""
    CONNECTING = "connecting"
    """The first connection is being made."""
    CONNECTED = "connected"
    """The server has accepted the connection."""
    RECONNECTING = "reconnecting"
    """The connection was lost. Events are missed; feeds mark the gap with `Reconnected`."""
    UNAVAILABLE = "unavailable"
    """The server refuses this client; opening another feed tries again."""
    CLOSED = "closed"
    """The client is closed."""


class LiveStatistics(Value, frozen=True, kw_only=True):
    """Counters of the live channel since the client was made.

    Attributes:
        state: The present state.
        feeds: Open feeds.
        channels: Channels of the open feeds.
        connections: Connections that the server has accepted.
        reconnects: Those of them that followed a loss.
        frames: Frames received.
        bytes: Bytes of these frames.
        events: Events received on channels of open feeds.
        duplicates: Events received on another channel, too, and delivered once.
        late: Events that are older than one delivered before about the same build or job; delivered, with ``late``.
        incomplete: Events received without a payload; delivered once it was fetched.
        dropped: Events that feeds dropped because their consumers were slow; marked with `Lagged`.
        gaps: Times when events may have been missed: connections lost, and buffers that became full.
        invalid_frames: Frames that are not of the Pusher protocol; ignored.
        unreadable: Events with a value that could not be read: it is None or empty, or the event is an `UnknownEvent`.
        errors: Errors that the server reported without closing the connection.
        refused: Channels refused.
        lag: Seconds from the change at Travis until its event was received, for the last event with a time; only as
            exact as both clocks. None before the first.
        log_interval: Seconds between two reads of a job whose log is followed, while nothing arrives of it; longer with
            thousands of such jobs. None while no log is followed.
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
    invalid_frames: int = 0
    unreadable: int = 0
    errors: int = 0
    refused: int = 0
    lag: float | None = None
    log_interval: float | None = None


COUNTERS: Final = tuple(field.name for field in msgspec.structs.fields(LiveStatistics) if field.default == 0)


class LiveMonitor:
    """The state and the counters of `LiveStatistics`, written by the hub.

    Attributes:
        counts: The counters, by their names in `LiveStatistics`.
        lag: See `LiveStatistics`.
        log_interval: See `LiveStatistics`.
        end: How the last connection, or the last attempt, has ended.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        self.lag: float | None = None
        self.log_interval: float | None = None
        self.end: str = ""
        self._state = LiveState.IDLE
        self._changes: WeakSet[LiveStateChanges] = WeakSet()
        self._logged: set[str] = set()
        self._was_refused = False

    @property
    def state(self) -> LiveState:
        """The present state; CLOSED is final."""
        return self._state

    @state.setter
    def state(self, state: LiveState) -> None:
        if state is not self._state and self._state is not LiveState.CLOSED:
            self._state = state
            for changes in list(self._changes):
                changes.add(state)

    def log_connected(self, outage: float) -> None:
        """Count a connection that the server has accepted, and log one that follows `outage` seconds without."""
        is_another = self.counts["connections"] > 0
        self.counts["reconnects"] += is_another
        self.counts["connections"] += 1
        self.state = LiveState.CONNECTED
        self._was_refused = False
        if is_another:
            logger.info("live connection: back after %.1f s", outage)

    def log_end(self, delay: float) -> None:
        """Log how a connection, or an attempt, has ended, and in how many seconds another one may follow."""
        refused = self.state is LiveState.UNAVAILABLE
        level = logging.WARNING if refused and not self._was_refused else logging.INFO
        self._was_refused = refused
        logger.log(level, "live connection: %s; the next attempt in %.1f s", self.end, delay)

    def count_unreadable(self) -> None:
        """Count an event with a value that could not be read."""
        self.counts["unreadable"] += 1

    def count_invalid(self, reason: str) -> None:
        """Count a frame that is not of the Pusher protocol, and log each reason once."""
        self.counts["invalid_frames"] += 1
        if self._is_first(reason):
            logger.warning("ignored an invalid frame: %s. This is logged once.", reason)

    def count_failure(self, what: str, error: Exception) -> None:
        """Count a frame whose handling has failed as invalid, and log each kind of failure once, with its traceback."""
        self.counts["invalid_frames"] += 1
        if self._is_first(f"{what}: {type(error).__name__}"):
            logger.error("%s failed. This is logged once.", what, exc_info=error)

    def _is_first(self, kind: str) -> bool:
        # Bounded: a server may choose the names of protocol events.
        is_first = kind not in self._logged and len(self._logged) < MAX_KINDS
        if is_first:
            self._logged.add(kind)
        return is_first

    def changes(self) -> "LiveStateChanges":
        """Return an iterator over the states, beginning with the present one."""
        changes = LiveStateChanges(self._state)
        self._changes.add(changes)
        return changes


class LiveStateChanges(Handle):
    """An iterator over the states, the present one first: ``async for state in travis.live.changes(): ...``.

    It ends when the client is closed. It owns no task and needs no closing.
    """

    def __init__(self, state: LiveState) -> None:
        self._states: deque[LiveState] = deque([state], maxlen=MAX_STATES)
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False

    def __repr__(self) -> str:
        return f"<LiveStateChanges {'ended' if self._ended else 'open'}, {len(self._states)} waiting>"

    def add(self, state: LiveState) -> None:
        """Add a state."""
        self._states.append(state)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> "LiveStateChanges":
        return self

    if not TYPE_CHECKING:  # Type checkers refuse to await this; at run time the error names the remedy.

        def __await__(self) -> NoReturn:
            refuse_await(self, "iterate with `async for state in travis.live.changes()`")

    async def __anext__(self) -> LiveState:
        """Wait for the next state and return it.

        Raises:
            UsageError: Another task is waiting.
        """
        while not self._states:
            if self._ended:
                raise StopAsyncIteration
            if self._waiter is not None:
                raise UsageError("Two tasks iterate the same changes. Call changes() for each.")
            self._waiter = running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        state = self._states.popleft()
        self._ended = state is LiveState.CLOSED
        return state


class Live(Handle):
    """``travis.live``: state and counters of the live channel."""

    def __init__(self, monitor: LiveMonitor, counts: Callable[[], tuple[int, int]]) -> None:
        self._monitor = monitor
        self._counts = counts

    def __repr__(self) -> str:
        return f"<Live {self._monitor.state}>"

    @property
    def state(self) -> LiveState:
        """The present state."""
        return self._monitor.state

    def changes(self) -> LiveStateChanges:
        """Return an async iterator over the states, beginning with the present one."""
        return self._monitor.changes()

    def statistics(self) -> LiveStatistics:
        """Return the counters."""
        feeds, channels = self._counts()
        monitor = self._monitor
        return LiveStatistics(
            state=monitor.state,
            feeds=feeds,
            channels=channels,
            lag=monitor.lag,
            log_interval=monitor.log_interval,
            **monitor.counts,
        )
