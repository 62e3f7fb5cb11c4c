"""A hub that does what a test says, subscriptions to it, and log parts to deliver."""

import asyncio
from typing import cast

from aiotravis import events
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.event_buffer import EventBuffer, event_size
from aiotravis.live.subscription import LiveResources, Subscription

NO_RESOURCES = cast("LiveResources", None)


class FakeHub:
    """A hub of a public deployment that confirms every channel at once, or never."""

    def __init__(
        self,
        *,
        confirms: bool = True,
        private: bool = False,
        own: tuple[str, ...] = ("private-user-1",),
        gate: asyncio.Event | None = None,
    ) -> None:
        self.confirms = confirms
        self.private = private
        self.own = own
        self.gate = gate
        self.added = 0
        self.own_needed: list[bool] = []
        self.removed = 0

    async def deployment(self, resources: LiveResources, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        self.own_needed.append(own)
        if self.gate is not None:
            await self.gate.wait()
        return self.private, self.own if own else ()

    def add(self, subscription: Subscription) -> None:
        self.added += 1
        subscription.expect(subscription.channels)
        if self.confirms:
            for name in subscription.channels:
                subscription.confirm(name, 0.0)

    def remove(self, subscription: Subscription) -> None:
        self.removed += 1


def selecting(
    selection: ChannelSelection,
    *only: type[events.Event],
    hub: FakeHub | None = None,
    resources: LiveResources = NO_RESOURCES,
    max_events: int = 10,
) -> Subscription:
    """Return a subscription that resolves to a selection."""

    async def resolve() -> ChannelSelection:
        return selection

    return Subscription(FakeHub() if hub is None else hub, resolve, resources, only, max_events)


def subscribed_to(
    *channels: str,
    only: tuple[type[events.Event], ...] = (),
    selection: ChannelSelection | None = None,
    resources: LiveResources = NO_RESOURCES,
    max_events: int = 100,
) -> Subscription:
    """Return a subscription that is past opening; by default it selects everything on its channels."""
    if selection is None:
        selection = ChannelSelection(channels=frozenset(channels))
    subscription = selecting(selection, *only, resources=resources, max_events=max_events)
    subscription.channels, subscription.selection = frozenset(channels), selection
    return subscription


def part(number: int, size: int = 0) -> events.JobLog:
    return events.JobLog(job_id=1, number=number, content="x" * size)


def put(buffer: EventBuffer, event: events.Event) -> bool:
    return buffer.put(event, event_size(event))
