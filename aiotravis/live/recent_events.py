"""What came lately: recognises copies of events, and events that come after newer ones. No I/O."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, TypeVar

import msgspec

from aiotravis.events import BuildEvent, Event, JobEvent
from aiotravis.live.protocol import Message

__all__ = ["Arrival", "RecentEvents"]

K = TypeVar("K")
V = TypeVar("V")

MAX_AGE: Final = 3600.0
"""Seconds for which events with a time, and the latest time of each build and job, are remembered."""

COPY_WINDOW: Final = 60.0
"""Seconds within which an event without a time can be a copy of one that came on another channel."""

MAX_REMEMBERED: Final = 50_000
"""Most events, and most builds and jobs, that are remembered."""


class _AgingDict(Generic[K, V]):
    """A dictionary that forgets what was stored too long ago, and what is too much."""

    def __init__(self, max_age: float) -> None:
        self._max_age = max_age
        # OrderedDict: a plain dict that loses its first keys takes ever longer to find the next one.
        self._items: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: K) -> V | None:
        item = self._items.get(key)
        return None if item is None else item[1]

    def store(self, key: K, value: V, now: float) -> None:
        self._items.pop(key, None)
        self._items[key] = now, value

    def forget(self, now: float) -> None:
        items = self._items
        while items:
            stored_at, _ = items[next(iter(items))]
            if stored_at > now - self._max_age and len(items) < MAX_REMEMBERED:
                break
            items.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One arrival of an event.

    Attributes:
        number: Which arrival on its channel this is: 1 for the first.
        earlier: Numbers of arrivals of the same event on other channels, before this one.
    """

    number: int = 1
    earlier: dict[str, int] = field(default_factory=dict[str, int])


class RecentEvents:
    """Recognises copies of events, and events that come after newer ones."""

    def __init__(self) -> None:
        self._dated: _AgingDict[tuple[str, int, datetime], dict[str, int]] = _AgingDict(MAX_AGE)
        self._undated: _AgingDict[tuple[str, int, int], dict[str, int]] = _AgingDict(COPY_WINDOW)
        self._latest: _AgingDict[tuple[bool, int], float] = _AgingDict(MAX_AGE)

    def __len__(self) -> int:
        return len(self._dated) + len(self._undated) + len(self._latest)

    def arrival(self, message: Message, event: Event, now: float) -> Arrival | None:
        """Return the arrival of an event, or None if the same event has come on the same channel before.

        Args:
            message: The message.
            event: The event read from it.
            now: The time in seconds, of a monotonic clock.
        """
        # fact 7.9, 10.4: event, id and updated_at identify an event on any channel, since the server's queues repeat
        # events on one channel, too. Events without updated_at that are alike on one channel are separate events; on
        # the next channel, the first one is a copy of the first, the second of the second.
        channel = message.channel or ""
        updated_at = event.updated_at if isinstance(event, BuildEvent | JobEvent) else None
        for memory in (self._dated, self._undated, self._latest):
            memory.forget(now)
        if isinstance(event, BuildEvent | JobEvent) and updated_at is not None:
            counts = self._counts(self._dated, (message.event, _entity(event)[1], updated_at), now)
            if channel in counts:
                return None
        else:
            data = message.data if isinstance(message.data, str) else msgspec.json.encode(message.data)
            # The hash stands for the payload, so that thousands of payloads need not be kept.
            counts = self._counts(self._undated, (message.event, len(data), hash(data)), now)
        earlier = {name: count for name, count in counts.items() if name != channel} if counts else {}
        number = counts[channel] = counts.get(channel, 0) + 1
        return Arrival(number, earlier)

    @staticmethod
    def _counts(memory: _AgingDict[K, dict[str, int]], key: K, now: float) -> dict[str, int]:
        counts = memory.get(key)
        if counts is None:
            counts = {}
            memory.store(key, counts, now)
        return counts

    def is_late(self, event: BuildEvent | JobEvent, timestamp: float, now: float) -> bool:
        """Return whether an event is older than one of the same build or job before it.

        Args:
            event: The event.
            timestamp: When Travis updated the build or job, in seconds since the epoch.
            now: The time in seconds, of a monotonic clock.
        """
        # fact 7.9: events travel through independent queues with retries, in any order; updated_at tells the order.
        entity = _entity(event)
        latest = self._latest.get(entity)
        self._latest.store(entity, timestamp if latest is None else max(latest, timestamp), now)
        return latest is not None and timestamp < latest


def _entity(event: BuildEvent | JobEvent) -> tuple[bool, int]:
    return (True, event.job.id) if isinstance(event, JobEvent) else (False, event.build.id)
