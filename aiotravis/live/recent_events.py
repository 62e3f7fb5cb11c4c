"""What came lately: recognises copies of events, and events that come after newer ones. No I/O."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, cast

import msgspec

from aiotravis.events import BuildEvent, Event, JobEvent
from aiotravis.live.protocol import Message

__all__ = ["Arrival", "RecentEvents"]

MAX_AGE: Final = 3600.0
"""Seconds for which events with a time, and the latest time of each build and job, are remembered."""

COPY_WINDOW: Final = 60.0
"""Seconds within which an event without a time can be a copy of one that came on another channel."""

MAX_REMEMBERED: Final = 20_000
"""Most events, and most builds and jobs, that are remembered: some megabytes, six minutes of 50 events a second."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One arrival of an event.

    Attributes:
        number: Which arrival on its channel this is: 1 for the first.
        earlier: Numbers of arrivals of the same event on other channels, before this one.
    """

    number: int = 1
    earlier: dict[str, int] = field(default_factory=dict[str, int])


FIRST: Final = Arrival()


class RecentEvents:
    """Recognises copies of events, and events that come after newer ones."""

    def __init__(self) -> None:
        # Each with the time at which it was stored, and the channel of its only arrival or the numbers of arrivals by
        # channels: most come once. OrderedDict: a plain dict that loses its first keys takes ever longer to find the
        # next one.
        self._dated: OrderedDict[Hashable, tuple[float, str | dict[str, int]]] = OrderedDict()
        self._undated: OrderedDict[Hashable, tuple[float, str | dict[str, int]]] = OrderedDict()
        self._latest: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._forget_at = 0.0

    def __len__(self) -> int:
        return len(self._dated) + len(self._undated) + len(self._latest)

    def _forget(self, now: float) -> None:
        """Forget what was stored too long ago, once a second, and what is too much."""
        self._forget_at = now + 1.0
        for memory, max_age in ((self._dated, MAX_AGE), (self._undated, COPY_WINDOW), (self._latest, MAX_AGE)):
            items = cast("OrderedDict[Hashable, tuple[float, object]]", memory)
            while items and (len(items) > MAX_REMEMBERED or items[next(iter(items))][0] <= now - max_age):
                items.popitem(last=False)

    def arrival(self, message: Message, event: Event, updated_at: float | None, now: float) -> Arrival | None:
        """Return the arrival of an event, or None if the same event has come on the same channel before.

        Args:
            message: The message.
            event: The event read from it.
            updated_at: When Travis updated its build or job, in seconds since the epoch, or None.
            now: The time in seconds, of a monotonic clock.
        """
        # fact 7.9, 10.4: event, id and updated_at identify an event on any channel, since the server's queues repeat
        # events on one channel, too. Events without updated_at that are alike on one channel are separate events; on
        # the next channel, the first one is a copy of the first, the second of the second.
        if now >= self._forget_at or max(len(self._dated), len(self._undated), len(self._latest)) > MAX_REMEMBERED:
            self._forget(now)
        channel = message.channel or ""
        key: Hashable
        if updated_at is not None:
            memory, key = self._dated, (message.event, _entity(event), updated_at)
        else:
            data = message.data if isinstance(message.data, str) else msgspec.json.encode(message.data)
            # The hash stands for the payload, so that thousands of payloads need not be kept.
            memory, key = self._undated, (message.event, len(data), hash(data))
        stored = memory.get(key)
        if stored is None or (updated_at is None and stored[0] <= now - COPY_WINDOW):
            memory[key] = now, channel
            memory.move_to_end(key)
            return FIRST
        stored_at, counts = stored
        if isinstance(counts, str):
            counts = {counts: 1}
            memory[key] = stored_at, counts
        if updated_at is not None and channel in counts:
            return None
        earlier = counts.copy()
        number = counts[channel] = earlier.pop(channel, 0) + 1
        return Arrival(number, earlier)

    def is_late(self, event: BuildEvent | JobEvent, timestamp: float, now: float) -> bool:
        """Return whether an event is older than one of the same build or job before it.

        Args:
            event: The event.
            timestamp: When Travis updated the build or job, in seconds since the epoch.
            now: The time in seconds, of a monotonic clock.
        """
        # fact 7.9: events travel through independent queues with retries, in any order; updated_at tells the order.
        entity = _entity(event)
        stored = self._latest.get(entity)
        self._latest[entity] = now, timestamp if stored is None else max(stored[1], timestamp)
        self._latest.move_to_end(entity)
        return stored is not None and timestamp < stored[1]


def _entity(event: Event) -> int | None:
    """Return the id of a job, or that of a build, negated."""
    return event.job.id if isinstance(event, JobEvent) else -event.build.id if isinstance(event, BuildEvent) else None
