"""A hub that opens feeds as a test says, subscriptions past opening, and log parts to deliver."""

import asyncio
from typing import cast

from aiotravis import events
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.event_buffer import EventBuffer, event_size
from aiotravis.live.subscription import LiveResources, Subscription

NO_RESOURCES = cast("LiveResources", None)


class FakeHub:
    """A hub that opens every subscription at once, at a gate, or not at all, and counts."""

    def __init__(self, failure: Exception | None = None, *, gate: asyncio.Event | None = None) -> None:
        self.failure = failure
        self.gate = gate
        self.opened = 0
        self.closed = 0

    async def open(self, subscription: Subscription) -> None:
        self.opened += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure

    def close(self, subscription: Subscription) -> None:
        self.closed += 1


def subscribed_to(
    *channels: str,
    only: tuple[type[events.Event], ...] = (),
    selection: ChannelSelection | None = None,
    resources: LiveResources = NO_RESOURCES,
    max_events: int = 100,
    optional: bool = False,
    hub: FakeHub | None = None,
) -> Subscription:
    """Return a subscription whose channels are known; by default it selects everything on them."""
    if selection is None:
        selection = ChannelSelection(channels=frozenset(channels))
    subscription = Subscription(hub or FakeHub(), selection, resources, only, max_events, optional=optional)
    subscription.channels = frozenset(channels)
    return subscription


def opening(*channels: str, optional: bool = False) -> Subscription:
    """Return a subscription that is being opened, and whose channels are not confirmed."""
    subscription = subscribed_to(*channels, optional=optional)
    subscription.opened = asyncio.get_running_loop().create_future()
    subscription.expect(channels)
    return subscription


def part(number: int, size: int = 0) -> events.JobLog:
    return events.JobLog(job_id=1, number=number, content="x" * size)


def put(buffer: EventBuffer, event: events.Event) -> bool:
    return buffer.put(event, event_size(event))
