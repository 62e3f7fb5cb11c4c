"""Who listens to what: channels counted by reference, events fanned out, each delivered once. No I/O."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from aiotravis.errors import TravisError
from aiotravis.live.events import Event, is_too_large, read_event
from aiotravis.live.protocol import Message
from aiotravis.live.subscription import HubSubscription

__all__ = ["Registry"]

REMEMBERED: Final = 60.0
"""Seconds within which the same event on another channel counts as the same."""


class _Channel:
    """A channel that somebody wants."""

    __slots__ = ("confirmed", "name", "subscriptions")

    def __init__(self, name: str) -> None:
        self.name = name
        self.confirmed = False
        self.subscriptions: dict[HubSubscription, None] = {}


class Registry:
    """The channels of one connection, and who listens to each."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._recent: dict[tuple[str, str], tuple[float, set[str]]] = {}

    def __len__(self) -> int:
        return len(self._channels)

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __contains__(self, name: object) -> bool:
        return name in self._channels

    def add(self, subscription: HubSubscription) -> list[str]:
        """Take a subscription in, and tell the channels that nobody wanted before."""
        new: list[str] = []
        for name in subscription.channels:
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels[name] = _Channel(name)
                new.append(name)
            channel.subscriptions[subscription] = None
            if not channel.confirmed:
                subscription.waiting.add(name)
        return new

    def remove(self, subscription: HubSubscription) -> list[str]:
        """Take a subscription out, and tell the channels that nobody wants any more."""
        left: list[str] = []
        for name in subscription.channels:
            channel = self._channels.get(name)
            if channel is not None and subscription in channel.subscriptions:
                del channel.subscriptions[subscription]
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

    def deliver(self, message: Message, now: float) -> None:
        """Hand an event to those who want it, once each, on however many channels it comes."""
        channel = self._channels.get(message.channel or "")
        if channel is None:
            return
        # Parts of logs travel on one channel only, and there are many of them.
        seen = None if message.event == "job:log" else self._seen(message, now)
        if seen is not None and channel.name in seen:
            if not is_too_large(message.data):
                return
            # Ids alone look the same each time: what comes again on the same channel is another event.
            seen.clear()
        event = read_event(message.event, message.channel, message.data)
        for subscription in channel.subscriptions:
            if subscription.wants(event) and not (seen and _had(subscription, event, seen)):
                subscription.mailbox.put(event)
        if seen is not None:
            seen.add(channel.name)

    def _seen(self, message: Message, now: float) -> set[str]:
        """Give the channels on which this same event came within the last minute."""
        for key in list(self._recent):
            if self._recent[key][0] > now - REMEMBERED:
                break
            del self._recent[key]
        data = message.data if isinstance(message.data, str) else msgspec.json.encode(message.data).decode()
        return self._recent.setdefault((message.event, data), (now, set()))[1]


def _had(subscription: HubSubscription, event: Event, seen: set[str]) -> bool:
    """Whether a copy of an event on another channel was for this subscription, too."""
    copies = (msgspec.structs.replace(event, channel=name) for name in subscription.channels & seen)
    return any(subscription.wants(copy) for copy in copies)
