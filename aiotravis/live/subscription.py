"""What one feed wants of the hub: which channels, which events, whether they are in force."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

from aiotravis.errors import TravisError, UsageError
from aiotravis.events import Event, JobLog, Reconnected
from aiotravis.live.channels import ChannelSelection, channels_for
from aiotravis.live.feed import Mailbox

__all__ = ["HubSubscription"]

NONE: Final[set[str]] = set()
"""Shared by all that wait for nothing, so never added to: most subscriptions do, and there may be thousands."""


class Switchboard(Protocol):
    """What a subscription needs of the hub."""

    async def site(self, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        """Tell whether channels are private, and the user's own channels."""
        ...

    def add(self, subscription: "HubSubscription") -> None:
        """Put a subscription in force."""
        ...

    def remove(self, subscription: "HubSubscription") -> None:
        """Take a subscription out, from any thread."""
        ...


class HubSubscription:
    """What one feed wants of the hub.

    Args:
        hub: Opens and closes it.
        resolve: Finds out what it is about, over REST where need be.
        only: Event classes to deliver; empty for all.
        size: Most events in the buffer.
        most_bytes: Most bytes in the buffer.
    """

    def __init__(
        self,
        hub: Switchboard,
        resolve: Callable[[], Awaitable[ChannelSelection]],
        only: tuple[type[Event], ...],
        size: int,
        most_bytes: int = 8 << 20,
    ) -> None:
        self._hub = hub
        self._resolve: Callable[[], Awaitable[ChannelSelection]] | None = resolve
        self.only = only
        self.mailbox: Mailbox = Mailbox(size, most_bytes)
        self.channels: frozenset[str] = frozenset()
        self.interest: ChannelSelection = ChannelSelection()
        self.waiting: set[str] = NONE
        self.ready: asyncio.Future[None] | None = None
        self.lost_at: float | None = None
        self._closed = False

    async def open(self) -> None:
        """Subscribe, and wait until every channel is in force.

        Raises:
            LiveUnavailable: No live channel, or none for this client.
            SubscriptionError: A channel was refused.
        """
        # Let go of: what was asked for in words is not needed once it is known by id.
        resolve, self._resolve = self._resolve, None
        if resolve is not None:
            self.interest = await resolve()
        self._check_open()
        private, own = await self._hub.site(own=self._needs_own())
        self.channels = channels_for(self.interest, private=private, own=own)
        self._check_open()
        self.ready = asyncio.get_running_loop().create_future()
        self._hub.add(self)
        await self.ready

    def _needs_own(self) -> bool:
        interest = self.interest
        return bool(interest.in_all or interest.repositories or interest.builds or interest.parent_repositories)

    def close(self) -> None:
        """Unsubscribe without waiting, from any thread. Whoever waits for the opening is told."""
        self._closed = True
        self._hub.remove(self)
        if self.ready is not None and not self.ready.done():
            # A loop that is closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                self.ready.get_loop().call_soon_threadsafe(self._abandon)

    def _abandon(self) -> None:
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(_closed())
            self.ready.exception()

    def _check_open(self) -> None:
        if self._closed:
            raise _closed()

    def wants(self, event: Event) -> bool:
        """Whether to deliver an event."""
        return (not self.only or isinstance(event, self.only)) and self.interest.wants(event)

    def wants_log_of(self, channel: str) -> bool:
        """Whether to deliver the parts of a log that come on a channel."""
        return (not self.only or issubclass(JobLog, self.only)) and self.interest.wants_log_of(channel)

    def wait_for(self, channels: Iterable[str]) -> None:
        """Take note that some of its channels are not in force yet."""
        self.waiting = set(channels) or NONE

    def confirmed(self, channel: str, now: float) -> None:
        """Take note that a channel is in force."""
        self.waiting.discard(channel)
        if self.waiting:
            return
        self.waiting = NONE
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)
        elif self.lost_at is not None:
            self.mailbox.put(Reconnected(down=max(0.0, now - self.lost_at)), 0)
        self.lost_at = None

    def lost(self, now: float) -> None:
        """Take note that the connection is lost."""
        self.wait_for(self.channels)
        if self.lost_at is None and self.ready is not None and self.ready.done():
            self.lost_at = now

    def fail(self, error: TravisError) -> None:
        """End it with an error: while it opens, or where it is iterated."""
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(error)
            # Nobody may be left to hear it; that is no oversight.
            self.ready.exception()
        self.mailbox.end(error)


def _closed() -> UsageError:
    return UsageError("This feed was closed while it was being opened.")
