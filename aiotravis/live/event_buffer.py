"""A bounded buffer of events between the reader of the connection and one consumer."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from aiotravis.errors import TravisError, UsageError
from aiotravis.events import Event, JobLog, Lagged, Mark

__all__ = ["EVENT_OVERHEAD", "EventBuffer", "event_size"]

EVENT_OVERHEAD: Final = 512
"""Bytes that an event counts for, in addition to its text."""

NO_EVENTS: Final[deque[tuple[Event, int]]] = deque(maxlen=0)
"""Shared by all buffers that had no event yet: there may be thousands of them, and a deque takes 700 bytes."""

UNENCODABLE_SIZE: Final = 64 << 10
"""Bytes that an event counts for if it cannot be encoded."""


@dataclass(slots=True, eq=False)
class EventBuffer:
    """A buffer bounded by number of events and by bytes. A full buffer drops the newest events: the reader never waits.

    An event of any size goes to a consumer that waits for it, and into a buffer that holds nothing else.

    Attributes:
        max_events: Most events.
        max_bytes: Most bytes.
        dropped: Events dropped because the buffer was full.
        unreported: Events dropped since the last `Lagged`.
        ended: Whether it accepts no more events.
        events: The events with their sizes. `Feed` takes them from here: calling `get_nowait` would cost as much again.
        bytes: The sum of these sizes.
    """

    max_events: int
    max_bytes: int = 8 << 20
    dropped: int = field(default=0, init=False)
    unreported: int = field(default=0, init=False)
    ended: bool = field(default=False, init=False)
    events: deque[tuple[Event, int]] = field(default_factory=lambda: NO_EVENTS, init=False)
    bytes: int = field(default=0, init=False)
    # Bytes up to which `put` takes an event without a further look; -1 if one is needed, whatever there is.
    _open_up_to: int = field(default=-1, init=False)
    _error: TravisError | None = field(default=None, init=False)
    _waiter: asyncio.Future[None] | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self.events)

    def put(self, event: Event, size: int) -> bool:
        """Add an event, or drop it if the buffer is full.

        Args:
            event: The event.
            size: Its size in bytes, see `event_size`; 0 for a mark, which is never dropped.

        Returns:
            False if it was dropped.
        """
        total = self.bytes + size
        if total > self._open_up_to or len(self.events) >= self.max_events:
            return self._put_with_care(event, size)
        # The shortest path: log parts come by the hundred thousand.
        self.events.append((event, size))
        self.bytes = total
        if self._waiter is not None:
            self._wake()
        return True

    def _put_with_care(self, event: Event, size: int) -> bool:
        """Add an event, or drop it, in any state of the buffer."""
        if self.ended:
            return True
        total = self.bytes + size
        if size and (total > self.max_bytes or len(self.events) >= self.max_events):
            if self.events and (self.bytes or len(self.events) >= self.max_events):
                self.unreported += 1
                self.dropped += 1
                self._open_up_to = -1
                return False
            if self._waiter is not None:
                # The consumer takes it at its next turn: if it counted, the next event would have no room.
                total, size = self.bytes, 0
        if self.events is NO_EVENTS:
            self.events = deque()
        if self.unreported:
            self._report_dropped()
        self._open_up_to = self.max_bytes
        self.events.append((event, size))
        self.bytes = total
        self._wake()
        return True

    def _report_dropped(self) -> None:
        self.events.append((Lagged(dropped=self.unreported), 0))
        self.unreported = 0

    def get_nowait(self) -> Event | None:
        """Return the next event, or None if the buffer is empty."""
        if not self.events:
            return None
        event, size = self.events.popleft()
        self.bytes -= size
        return event

    def end(self, error: TravisError | None = None) -> None:
        """Accept no more events. Consumers still get the buffered ones, then the error or the end."""
        if not self.ended:
            self.ended = True
            self._open_up_to = -1
            self._error = error
            self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def get(self) -> Event:
        """Wait for the next event and return it.

        Raises:
            StopAsyncIteration: The buffer has ended.
            TravisError: The buffer has ended with this error.
            UsageError: Another task is waiting.
        """
        while (event := self.get_nowait()) is None:
            if self.unreported:
                self._report_dropped()
                continue
            if self.ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            if self._waiter is not None:
                raise UsageError("Two tasks iterate the same feed. Make one feed for each.")
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            try:
                await waiter
            finally:
                if self._waiter is waiter:
                    self._waiter = None
        return event


def event_size(event: Event) -> int:
    """Return roughly how many bytes an event takes; 0 for a mark."""
    if isinstance(event, Mark):
        return 0
    if isinstance(event, JobLog):
        text = event.content
        return EVENT_OVERHEAD + (len(text) if text.isascii() else len(text.encode("utf-8", "replace")))
    try:
        return EVENT_OVERHEAD + len(msgspec.json.encode(event))
    except (UnicodeEncodeError, RecursionError):  # A lone surrogate, or nested up to the recursion limit.
        return UNENCODABLE_SIZE
