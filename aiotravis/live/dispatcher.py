"""The channels of one connection and their subscriptions: dispatch events to them, each once. No I/O."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

import msgspec

from aiotravis.errors import TravisError
from aiotravis.events import BuildEvent, Event, JobEvent
from aiotravis.live.channels import names_no_repository, repository_of, with_repository
from aiotravis.live.decoding import decode_log, read_event, read_log
from aiotravis.live.event_buffer import EVENT_OVERHEAD, EventBuffer, event_size
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.payload_fetcher import PayloadFetcher
from aiotravis.live.protocol import DECODE_ERRORS, Message
from aiotravis.live.recent_events import Arrival, RecentEvents
from aiotravis.live.subscription import LiveResources, Subscription

__all__ = ["DELIVERIES_PER_TURN", "Dispatcher"]

DELIVERIES_PER_TURN: Final = 4000
"""Deliveries after which other tasks get their turn. Each may wake a consumer, which takes longer than to deliver."""

MAX_AHEAD: Final = 86_400.0
"""Seconds by which the time of an event may lie ahead of this machine's clock. A later one is no time."""

_Subscriptions = dict[Subscription, None]

_set: Final = msgspec.structs.force_setattr


class _Channel:
    """A channel with its subscriptions."""

    __slots__ = ("confirmed", "log_buffers", "subscriptions", "whole")

    def __init__(self) -> None:
        self.confirmed = False
        self.subscriptions: _Subscriptions = {}
        # Those of them that select all events on it.
        self.whole: _Subscriptions = {}
        # The buffers that accept log parts, kept from one part to the next; None if the subscriptions have changed.
        self.log_buffers: list[EventBuffer] | None = None


class Dispatcher:
    """The channels of one connection, with reference counting. Iterating yields their names.

    Attributes:
        payload_fetcher: Completes events without a payload; if None, they are delivered incomplete.
        deliveries: Deliveries in this turn, see `give_way`.
    """

    def __init__(self, monitor: LiveMonitor | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._monitor = LiveMonitor() if monitor is None else monitor
        self._counts = self._monitor.counts
        self._clock = clock
        self.payload_fetcher: PayloadFetcher | None = None
        self.deliveries: int = 0
        self._channels: dict[str, _Channel] = {}
        # The subscriptions by what they select: thousands of them may share the channel of their user.
        self._by_repository: defaultdict[int | None, _Subscriptions] = defaultdict(dict)
        self._by_build: defaultdict[int | None, _Subscriptions] = defaultdict(dict)
        self._by_job: defaultdict[int | None, _Subscriptions] = defaultdict(dict)
        self._without_repository_channel: _Subscriptions = {}
        self._recent = RecentEvents()
        self._backlog: deque[tuple[Event, int, Iterator[EventBuffer]]] = deque()

    def counts(self) -> tuple[int, int]:
        """Return the numbers of subscriptions and of channels."""
        return len(self.all_subscriptions()), len(self._channels)

    def all_subscriptions(self) -> _Subscriptions:
        """Return all subscriptions."""
        return {one: None for channel in self._channels.values() for one in channel.subscriptions}

    def __len__(self) -> int:
        return len(self._channels)

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __contains__(self, name: object) -> bool:
        return name in self._channels

    def add(self, subscription: Subscription) -> list[str]:
        """Add a subscription, and return its channels that had none before."""
        new: list[str] = []
        unconfirmed: list[str] = []
        selection = subscription.selection
        for name in subscription.channels:
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels[name] = _Channel()
                new.append(name)
            channel.subscriptions[subscription] = None
            channel.log_buffers = None
            if selection.everything or name in selection.channels:
                channel.whole[subscription] = None
            if not channel.confirmed:
                unconfirmed.append(name)
        for index, numbers in self._indexes(subscription):
            for number in numbers:
                index[number][subscription] = None
        if selection.repositories and not any(map(repository_of, subscription.channels)):
            self._without_repository_channel[subscription] = None
        subscription.expect(unconfirmed)
        return new

    def remove(self, subscription: Subscription) -> list[str]:
        """Remove a subscription, and return its channels that have none left."""
        unused: list[str] = []
        for name in subscription.channels:
            channel = self._channels.get(name)
            if channel is not None and subscription in channel.subscriptions:
                del channel.subscriptions[subscription]
                channel.whole.pop(subscription, None)
                channel.log_buffers = None
                if not channel.subscriptions:
                    del self._channels[name]
                    unused.append(name)
        for index, numbers in self._indexes(subscription):
            for number in numbers:
                index[number].pop(subscription, None)
                if not index[number]:
                    del index[number]
        self._without_repository_channel.pop(subscription, None)
        return unused

    def _indexes(
        self, subscription: Subscription
    ) -> tuple[tuple[defaultdict[int | None, _Subscriptions], frozenset[int]], ...]:
        selection = subscription.selection
        return (
            (self._by_repository, selection.repositories),
            (self._by_build, selection.builds),
            (self._by_job, selection.jobs),
        )

    def subscriptions(self, name: str) -> list[Subscription]:
        """Return the subscriptions of a channel."""
        channel = self._channels.get(name)
        return list(channel.subscriptions) if channel is not None else []

    def resources(self, names: Iterable[str]) -> LiveResources | None:
        """Return the resources of the first subscription of any of these channels; None if there is none."""
        for name in names:
            channel = self._channels.get(name)
            if channel is not None:
                return next(iter(channel.subscriptions)).resources
        return None

    def is_confirmed(self, name: str) -> bool:
        """Return whether the server has confirmed a channel, or it has no subscriptions."""
        channel = self._channels.get(name)
        return channel is None or channel.confirmed

    def confirm(self, name: str, now: float) -> None:
        """Record that the server has confirmed a channel."""
        if not self.is_confirmed(name):
            self._channels[name].confirmed = True
            for subscription in self.subscriptions(name):
                subscription.confirm(name, now)

    def disconnect(self, now: float) -> None:
        """Record that the connection is lost: no channel is confirmed any more."""
        self._counts["gaps"] += any(channel.confirmed for channel in self._channels.values())
        for channel in self._channels.values():
            channel.confirmed = False
            for subscription in channel.subscriptions:
                subscription.disconnect(now)

    def fail(self, error: TravisError, names: Iterable[str] | None = None) -> list[str]:
        """End the subscriptions of some channels, or all, but for optional ones.

        Returns:
            The channels that have none left.
        """
        unused: list[str] = []
        for name in list(self._channels) if names is None else names:
            for subscription in self.subscriptions(name):
                if subscription.fail(error):
                    unused += self.remove(subscription)
        return unused

    def fail_openings(self, error: TravisError) -> None:
        """End the subscriptions that are being opened, but for optional ones."""
        for subscription in self.all_subscriptions():
            if subscription.opened is not None and not subscription.opened.done() and subscription.fail(error):
                self.remove(subscription)

    # Events -----------------------------------------------------------------------------------------------------------

    def dispatch(self, message: Message, now: float, size: int = 0) -> None:
        """Deliver an event to the subscriptions that accept it, once each, even if it comes on several channels.

        Args:
            message: The message received.
            now: When, in seconds of the loop's clock.
            size: Length of its frame, in bytes.
        """
        if message.event == "job:log":
            self.dispatch_log(message, size)
            return
        if (message.channel or "") not in self._channels:
            return
        self._counts["events"] += 1
        event = read_event(message, self._monitor.count_unreadable)
        timestamp = self._timestamp(event)
        arrival = self._recent.arrival(message, event, timestamp, now)
        if arrival is None:
            self._counts["duplicates"] += 1
            return
        if isinstance(event, BuildEvent | JobEvent):
            fetcher = self.payload_fetcher
            if fetcher is not None and self._without_repository_channel and names_no_repository(event):
                event = msgspec.structs.replace(event, complete=False)
            self._counts["incomplete"] += not event.complete
            if fetcher is not None and fetcher.hold(event, partial(self._deliver, arrival, now, timestamp, 0)):
                return
        self._deliver(arrival, now, timestamp, size + EVENT_OVERHEAD, event)

    def _timestamp(self, event: Event) -> float | None:
        """Return when Travis updated the build or job of an event, in seconds since the epoch; None if unknown."""
        if not isinstance(event, BuildEvent | JobEvent) or (updated_at := event.updated_at) is None:
            return None
        timestamp = updated_at.timestamp()
        if timestamp <= self._clock() + MAX_AHEAD:
            return timestamp
        # fact 10.1: dates can be absurd. All events to come would count as older ones than this.
        self._monitor.count_unreadable()
        msgspec.structs.force_setattr(event.job if isinstance(event, JobEvent) else event.build, "updated_at", None)
        return None

    def dispatch_log(self, message: Message, size: int) -> None:
        """Deliver a log part to the subscriptions that accept it, see `dispatch`."""
        # fact 7.6, 7.9: parts come on one channel only, and their numbers tell repeated ones.
        name = message.channel or ""
        channel = self._channels.get(name)
        if channel is None:
            return
        self._counts["events"] += 1
        try:
            # What `read_log` does first, without the call.
            event: Event = decode_log(message.data)
            _set(event, "channel", name)
        except (TypeError, *DECODE_ERRORS):
            event = read_log(message, self._monitor.count_unreadable)
        buffers = channel.log_buffers
        if buffers is None:
            buffers = channel.log_buffers = [one.buffer for one in channel.subscriptions if one.accepts_log(name)]
        if self._backlog or len(buffers) > DELIVERIES_PER_TURN:
            self._put(event, size + EVENT_OVERHEAD, buffers)
            return
        # The same without a further call.
        self.deliveries += len(buffers)
        for buffer in buffers:
            if not buffer.put(event, size + EVENT_OVERHEAD):
                self._count_dropped(buffer)

    def _deliver(self, arrival: Arrival, now: float, timestamp: float | None, size: int, event: Event) -> None:
        """Deliver an event to the subscriptions of its channel that did not get it on another channel before."""
        channel = self._channels.get(event.channel or "")
        if channel is None:
            return
        original, event = event, with_repository(event)
        if timestamp is not None and isinstance(event, BuildEvent | JobEvent):
            if self._recent.is_late(event, timestamp, now):
                msgspec.structs.force_setattr(event, "late", True)
            if not arrival.earlier:
                self._monitor.lag = self._clock() - timestamp
                self._counts["late"] += event.late
        buffers: list[EventBuffer] = []
        for subscription in self._selecting(channel, event):
            if subscription.accepts(event):
                if arrival.earlier and _was_delivered(arrival, subscription, original):
                    self._counts["duplicates"] += 1
                else:
                    buffers.append(subscription.buffer)
        self._put(event, size or event_size(event), buffers)

    def _selecting(self, channel: _Channel, event: Event) -> Iterable[Subscription]:
        """Return the subscriptions of a channel that select an event."""
        if isinstance(event, JobEvent):
            job = event.job
            groups = [self._by_repository.get(job.repository_id), self._by_build.get(job.build_id)]
            jobs: tuple[int, ...] = (job.id,)
        elif isinstance(event, BuildEvent):
            build = event.build
            groups = [self._by_repository.get(build.repository_id), self._by_build.get(build.id)]
            jobs = build.job_ids
        else:
            return channel.subscriptions
        if self._by_job:
            groups += map(self._by_job.get, jobs)
        found = dict(channel.whole)
        for group in groups:
            for one in group or ():
                if one in channel.subscriptions:
                    found[one] = None
        return found

    def _put(self, event: Event, size: int, buffers: list[EventBuffer]) -> None:
        if self._backlog or len(buffers) > DELIVERIES_PER_TURN:
            self._backlog.append((event, size, iter(list(buffers))))
            self.deliveries += DELIVERIES_PER_TURN
            return
        self.deliveries += len(buffers)
        for buffer in buffers:
            if not buffer.put(event, size):
                self._count_dropped(buffer)

    async def give_way(self) -> None:
        """Yield to other tasks, in the middle of the deliveries of one event if they are many."""
        await asyncio.sleep(0)
        self.deliveries = 0
        while self._backlog:
            event, size, buffers = self._backlog[0]
            for buffer in buffers:
                if not buffer.put(event, size):
                    self._count_dropped(buffer)
                self.deliveries += 1
                if self.deliveries >= DELIVERIES_PER_TURN:
                    break
            else:
                self._backlog.popleft()
                continue
            await asyncio.sleep(0)
            self.deliveries = 0

    def _count_dropped(self, buffer: EventBuffer) -> None:
        self._counts["dropped"] += 1
        self._counts["gaps"] += buffer.unreported == 1


def _was_delivered(arrival: Arrival, subscription: Subscription, event: Event) -> bool:
    """Return whether a subscription has got the same event on another channel."""
    return any(
        number >= arrival.number
        and name in subscription.channels
        and subscription.selection.includes(with_repository(msgspec.structs.replace(event, channel=name)))
        for name, number in arrival.earlier.items()
    )
