"""Who listens to what: channels counted by reference, events fanned out, each delivered once. No I/O."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

import msgspec

from aiotravis.errors import TravisError
from aiotravis.events import BuildEvent, Event, JobEvent
from aiotravis.live.decoding import is_too_large, read_event, read_log
from aiotravis.live.feed import EVENT_WEIGHT, Mailbox, weight_of
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.payload_fetcher import PayloadFetcher
from aiotravis.live.protocol import Message
from aiotravis.live.subscription import HubSubscription

__all__ = ["Dispatcher"]

REMEMBERED: Final = 60.0
"""Seconds within which the same event on another channel counts as the same."""

MOST_REMEMBERED: Final = 50_000
"""Builds and jobs whose newest state is remembered; and events, to know them again."""


class _Channel:
    """A channel that somebody wants."""

    __slots__ = ("_log_takers", "confirmed", "name", "subscriptions")

    def __init__(self, name: str) -> None:
        self.name = name
        self.confirmed = False
        self.subscriptions: dict[HubSubscription, None] = {}
        self._log_takers: list[Mailbox] | None = None

    def add(self, subscription: HubSubscription) -> None:
        """Let somebody listen."""
        self.subscriptions[subscription] = None
        self._log_takers = None

    def remove(self, subscription: HubSubscription) -> None:
        """Let somebody listen no more."""
        del self.subscriptions[subscription]
        self._log_takers = None

    def log_takers(self) -> list[Mailbox]:
        """Give the mailboxes of those who want the log that travels here; looked up once, since its parts are many."""
        if self._log_takers is None:
            self._log_takers = [line.mailbox for line in self.subscriptions if line.wants_log_of(self.name)]
        return self._log_takers


class Dispatcher:
    """The channels of one connection, and who listens to each.

    Args:
        health: Takes the counts.
        clock: Gives seconds since the epoch.

    Attributes:
        completer: Takes events that came as ids alone; None: they are delivered as they are.
    """

    def __init__(self, health: LiveMonitor | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._health = LiveMonitor() if health is None else health
        self._clock = clock
        self.completer: PayloadFetcher | None = None
        self._channels: dict[str, _Channel] = {}
        self._newest: OrderedDict[tuple[str, int], float] = OrderedDict()
        # Ordered ones: a plain dictionary that loses its first keys gets slow to find the next.
        self._recent: OrderedDict[tuple[str, int, int], tuple[float, set[str]]] = OrderedDict()

    def counts(self) -> tuple[int, int]:
        """Give the number of feeds that are open, and of their channels."""
        return len({line for channel in self._channels.values() for line in channel.subscriptions}), len(self._channels)

    def __len__(self) -> int:
        return len(self._channels)

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __contains__(self, name: object) -> bool:
        return name in self._channels

    def add(self, subscription: HubSubscription) -> list[str]:
        """Take a subscription in, and tell the channels that nobody wanted before."""
        new: list[str] = []
        unconfirmed: list[str] = []
        for name in subscription.channels:
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels[name] = _Channel(name)
                new.append(name)
            channel.add(subscription)
            if not channel.confirmed:
                unconfirmed.append(name)
        subscription.wait_for(unconfirmed)
        return new

    def remove(self, subscription: HubSubscription) -> list[str]:
        """Take a subscription out, and tell the channels that nobody wants any more."""
        left: list[str] = []
        for name in subscription.channels:
            channel = self._channels.get(name)
            if channel is not None and subscription in channel.subscriptions:
                channel.remove(subscription)
                if not channel.subscriptions:
                    del self._channels[name]
                    left.append(name)
        return left

    def listeners(self, name: str) -> list[HubSubscription]:
        """Give those who listen to a channel."""
        channel = self._channels.get(name)
        return list(channel.subscriptions) if channel is not None else []

    def confirmed(self, name: str) -> bool:
        """Whether a channel is in force; one that nobody wants counts as such."""
        channel = self._channels.get(name)
        return channel is None or channel.confirmed

    def confirm(self, name: str, now: float) -> None:
        """Take note that a channel is in force."""
        if not self.confirmed(name):
            self._channels[name].confirmed = True
            for subscription in self.listeners(name):
                subscription.confirmed(name, now)

    def lose(self, now: float) -> None:
        """Take note that no channel is in force any more."""
        self._health.gaps += any(channel.confirmed for channel in self._channels.values())
        for channel in self._channels.values():
            channel.confirmed = False
            for subscription in channel.subscriptions:
                subscription.lost(now)

    def fail(self, error: TravisError, names: Iterable[str] | None = None) -> list[str]:
        """End those who listen to some channels, or to any, and tell the channels that nobody wants any more."""
        left: list[str] = []
        for name in list(self._channels) if names is None else names:
            for subscription in self.listeners(name):
                subscription.fail(error)
                left += self.remove(subscription)
        return left

    def deliver(self, message: Message, now: float, size: int = 0) -> None:
        """Hand an event to those who want it, once each, on however many channels it comes.

        Args:
            message: The event as it came.
            now: When, in seconds of the loop's clock.
            size: Its frame's length, in bytes.
        """
        if message.event == "job:log":
            self.deliver_log(message, size)
            return
        channel = self._channels.get(message.channel or "")
        if channel is None:
            return
        self._health.events += 1
        seen = self._seen(message, now)
        if channel.name in seen:
            if not is_too_large(message.data):
                self._health.duplicates += 1
                return
            # Ids alone look the same each time: what comes again on the same channel is another event.
            seen.clear()
        event = read_event(message.event, message.channel, message.data)
        earlier = frozenset(seen)
        seen.add(channel.name)
        if isinstance(event, BuildEvent | JobEvent):
            self._health.incomplete += not event.complete
            if self.completer is not None and self.completer.holds(event, partial(self._distribute, earlier)):
                return
        self._distribute(earlier, event)

    def deliver_log(self, message: Message, size: int) -> None:
        """Hand a part of a log to those who want it, see `deliver`. It travels on one channel only."""
        channel = self._channels.get(message.channel or "")
        if channel is None:
            return
        self._health.events += 1
        event = read_log(message)
        weight = EVENT_WEIGHT + size
        for mailbox in channel.log_takers():
            if not mailbox.put(event, weight):
                self._lost(mailbox)

    def _distribute(self, earlier: frozenset[str], event: Event) -> None:
        """Hand an event to those on its channel who want it, and did not have it from one of those before."""
        channel = self._channels.get(event.channel or "")
        if channel is None:
            return
        if isinstance(event, BuildEvent | JobEvent):
            self._mark_if_late(event, counted=bool(earlier))
        weight = weight_of(event)
        for subscription in channel.subscriptions:
            if subscription.wants(event):
                if earlier and _had(subscription, event, earlier):
                    self._health.duplicates += 1
                elif not subscription.mailbox.put(event, weight):
                    self._lost(subscription.mailbox)

    def _lost(self, mailbox: Mailbox) -> None:
        self._health.dropped += 1
        self._health.gaps += mailbox.losing == 1

    def _mark_if_late(self, event: BuildEvent | JobEvent, *, counted: bool) -> None:
        """Mark what is older than what was delivered, and remember the newest of each build and job."""
        updated_at = event.updated_at
        if updated_at is None:
            return
        moment = updated_at.timestamp()
        key = ("job", event.job.id) if isinstance(event, JobEvent) else ("build", event.build.id)
        newest = self._newest.pop(key, moment)
        self._newest[key] = max(newest, moment)
        if len(self._newest) > MOST_REMEMBERED:
            self._newest.popitem(last=False)
        if moment < newest:
            msgspec.structs.force_setattr(event, "late", True)
        if not counted:
            self._health.lag = self._clock() - moment
            self._health.late += event.late

    def _seen(self, message: Message, now: float) -> set[str]:
        """Give the channels on which this same event came within the last minute."""
        recent = self._recent
        while recent:
            heard_at, _ = recent[next(iter(recent))]
            if heard_at > now - REMEMBERED and len(recent) < MOST_REMEMBERED:
                break
            recent.popitem(last=False)
        data = message.data if isinstance(message.data, str) else msgspec.json.encode(message.data)
        # Its hash stands for a payload: thousands of whole ones a minute would be held for nothing.
        return recent.setdefault((message.event, len(data), hash(data)), (now, set()))[1]


def _had(subscription: HubSubscription, event: Event, seen: frozenset[str]) -> bool:
    """Whether a copy of an event on another channel was for this subscription, too."""
    copies = (msgspec.structs.replace(event, channel=name) for name in subscription.channels & seen)
    return any(subscription.wants(copy) for copy in copies)
