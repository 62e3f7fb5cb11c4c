"""The channels of one connection and their subscriptions: dispatch events to them, each once. No I/O."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

import msgspec

from aiotravis.errors import TravisError
from aiotravis.events import BuildEvent, Event, JobEvent
from aiotravis.live.channels import repository_of
from aiotravis.live.decoding import has_no_payload, read_event, read_log
from aiotravis.live.event_buffer import EVENT_OVERHEAD, EventBuffer, event_size
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.payload_fetcher import PayloadFetcher
from aiotravis.live.protocol import Message
from aiotravis.live.subscription import LiveResources, Subscription

__all__ = ["Dispatcher"]

DUPLICATE_WINDOW: Final = 60.0
"""Seconds within which the same payload counts as a duplicate."""

MAX_TRACKED: Final = 50_000
"""Most builds and jobs whose latest time is kept, and most payloads kept to recognise duplicates."""


class _Channel:
    """A channel with its subscriptions."""

    __slots__ = ("confirmed", "log_buffers", "subscriptions")

    def __init__(self) -> None:
        self.confirmed = False
        self.subscriptions: dict[Subscription, None] = {}
        # The buffers that accept log parts, kept from one part to the next; None if the subscriptions have changed.
        self.log_buffers: list[EventBuffer] | None = None


class Dispatcher:
    """The channels of one connection, with reference counting. Iterating yields their names.

    Attributes:
        payload_fetcher: Completes events without a payload; if None, they are delivered incomplete.
    """

    def __init__(self, monitor: LiveMonitor | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._monitor = LiveMonitor() if monitor is None else monitor
        self._clock = clock
        self.payload_fetcher: PayloadFetcher | None = None
        self._channels: dict[str, _Channel] = {}
        self._latest: OrderedDict[tuple[str, int], float] = OrderedDict()
        # OrderedDict: a plain dict that loses its first keys takes ever longer to find the next one.
        self._recent: OrderedDict[tuple[str, int, int], tuple[float, set[str]]] = OrderedDict()

    def counts(self) -> tuple[int, int]:
        """Return the numbers of subscriptions and of channels."""
        return len({one for channel in self._channels.values() for one in channel.subscriptions}), len(self._channels)

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
        for name in subscription.channels:
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels[name] = _Channel()
                new.append(name)
            channel.subscriptions[subscription] = None
            channel.log_buffers = None
            if not channel.confirmed:
                unconfirmed.append(name)
        subscription.expect(unconfirmed)
        return new

    def remove(self, subscription: Subscription) -> list[str]:
        """Remove a subscription, and return its channels that have none left."""
        unused: list[str] = []
        for name in subscription.channels:
            channel = self._channels.get(name)
            if channel is not None and subscription in channel.subscriptions:
                del channel.subscriptions[subscription]
                channel.log_buffers = None
                if not channel.subscriptions:
                    del self._channels[name]
                    unused.append(name)
        return unused

    def subscriptions(self, name: str) -> list[Subscription]:
        """Return the subscriptions of a channel."""
        channel = self._channels.get(name)
        return list(channel.subscriptions) if channel is not None else []

    def resources(self, names: Iterable[str]) -> LiveResources | None:
        """Return the resources of the first subscription of any of these channels; None if there is none."""
        return next((one.resources for name in names for one in self.subscriptions(name)), None)

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
        self._monitor.gaps += any(channel.confirmed for channel in self._channels.values())
        for channel in self._channels.values():
            channel.confirmed = False
            for subscription in channel.subscriptions:
                subscription.disconnect(now)

    def fail(self, error: TravisError, names: Iterable[str] | None = None) -> list[str]:
        """End the subscriptions of some channels, or all, and return the channels that have none left."""
        unused: list[str] = []
        for name in list(self._channels) if names is None else names:
            for subscription in self.subscriptions(name):
                subscription.fail(error)
                unused += self.remove(subscription)
        return unused

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
        name = message.channel or ""
        channel = self._channels.get(name)
        if channel is None:
            return
        self._monitor.events += 1
        seen_on = self._seen_on(message, now)
        # fact 7.9, 9.41, 10.4: an event comes on the repository's and on the user's channel, and the server's queues
        # repeat events on one channel, too.
        if name in seen_on:
            if not has_no_payload(message.data):
                self._monitor.duplicates += 1
                return
            # Ids alone look the same each time (fact 9.42): on the same channel they are another event.
            seen_on.clear()
        event = read_event(message, self._monitor.count_unreadable)
        earlier = frozenset(seen_on)
        seen_on.add(name)
        if isinstance(event, BuildEvent | JobEvent):
            fetcher = self.payload_fetcher
            if fetcher is not None and _needs_repository(event, channel.subscriptions):
                event = msgspec.structs.replace(event, complete=False)
            self._monitor.incomplete += not event.complete
            if fetcher is not None and fetcher.hold(event, partial(self._deliver, earlier)):
                return
        self._deliver(earlier, event)

    def dispatch_log(self, message: Message, size: int) -> None:
        """Deliver a log part to the subscriptions that accept it, see `dispatch`."""
        # fact 7.6, 7.9: parts come on one channel only, and their numbers tell repeated ones.
        name = message.channel or ""
        channel = self._channels.get(name)
        if channel is None:
            return
        self._monitor.events += 1
        event = read_log(message, self._monitor.count_unreadable)
        size += EVENT_OVERHEAD
        buffers = channel.log_buffers
        if buffers is None:
            buffers = channel.log_buffers = [one.buffer for one in channel.subscriptions if one.accepts_log(name)]
        for buffer in buffers:
            if not buffer.put(event, size):
                self._count_dropped(buffer)

    def _deliver(self, earlier: frozenset[str], event: Event) -> None:
        """Deliver an event to the subscriptions of its channel that did not get it on one of the `earlier` channels."""
        channel = self._channels.get(event.channel or "")
        if channel is None:
            return
        original, event = event, _with_repository(event)
        if isinstance(event, BuildEvent | JobEvent):
            self._mark_if_late(event, counted=bool(earlier))
        size = event_size(event)
        for subscription in channel.subscriptions:
            if subscription.accepts(event):
                if earlier and _delivered_on(earlier, subscription, original):
                    self._monitor.duplicates += 1
                elif not subscription.buffer.put(event, size):
                    self._count_dropped(subscription.buffer)

    def _count_dropped(self, buffer: EventBuffer) -> None:
        self._monitor.dropped += 1
        self._monitor.gaps += buffer.unreported == 1

    def _mark_if_late(self, event: BuildEvent | JobEvent, *, counted: bool) -> None:
        """Mark an event that is older than one delivered before, and keep the latest time of each build and job."""
        # fact 7.9: events travel through independent queues with retries, in any order; updated_at tells the order.
        updated_at = event.updated_at
        if updated_at is None:
            return
        timestamp = updated_at.timestamp()
        key = ("job", event.job.id) if isinstance(event, JobEvent) else ("build", event.build.id)
        latest = self._latest.pop(key, timestamp)
        self._latest[key] = max(latest, timestamp)
        if len(self._latest) > MAX_TRACKED:
            self._latest.popitem(last=False)
        if timestamp < latest:
            msgspec.structs.force_setattr(event, "late", True)
        if not counted:
            self._monitor.lag = self._clock() - timestamp
            self._monitor.late += event.late

    def _seen_on(self, message: Message, now: float) -> set[str]:
        """Return the channels on which the same payload came within the last `DUPLICATE_WINDOW`."""
        recent = self._recent
        while recent:
            received_at, _ = recent[next(iter(recent))]
            if received_at > now - DUPLICATE_WINDOW and len(recent) < MAX_TRACKED:
                break
            recent.popitem(last=False)
        data = message.data if isinstance(message.data, str) else msgspec.json.encode(message.data)
        # The hash stands for the payload, so that thousands of payloads need not be kept.
        return recent.setdefault((message.event, len(data), hash(data)), (now, set()))[1]


def _delivered_on(channels: frozenset[str], subscription: Subscription, event: Event) -> bool:
    """Return whether a subscription has accepted the same event on another channel."""
    copies = (msgspec.structs.replace(event, channel=name) for name in subscription.channels & channels)
    return any(subscription.accepts(_with_repository(copy)) for copy in copies)


def _repository_id(event: Event) -> int | None:
    if isinstance(event, JobEvent):
        return event.job.repository_id
    return event.build.repository_id if isinstance(event, BuildEvent) else None


def _with_repository(event: Event) -> Event:
    """Return an event that names no readable repository with that of its channel, if its channel is a repository's."""
    repository = repository_of(event.channel)
    if repository is None or _repository_id(event) is not None:
        return event
    if isinstance(event, JobEvent):
        return msgspec.structs.replace(event, job=msgspec.structs.replace(event.job, repository_id=repository))
    if isinstance(event, BuildEvent):
        return msgspec.structs.replace(event, build=msgspec.structs.replace(event.build, repository_id=repository))
    return event


def _needs_repository(event: BuildEvent | JobEvent, subscriptions: Iterable[Subscription]) -> bool:
    """Return whether only the REST API can tell which subscriptions an event is for."""
    # fact 7.6: a private deployment publishes on the users' channels alone, which name no repository.
    return (
        _repository_id(event) is None
        and repository_of(event.channel) is None
        and any(one.selection.repositories and not any(map(repository_of, one.channels)) for one in subscriptions)
    )
