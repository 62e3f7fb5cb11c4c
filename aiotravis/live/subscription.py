"""The subscription of one feed: its selection, its channels, whether the server has confirmed them, its buffer."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from aiotravis.errors import TravisError, UsageError
from aiotravis.events import Event, JobLog, Reconnected
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.event_buffer import EventBuffer
from aiotravis.resources.builds import Builds
from aiotravis.resources.config import ConfigResource
from aiotravis.resources.jobs import Jobs
from aiotravis.resources.pusher_auth import PusherAuth
from aiotravis.resources.repositories import Repositories
from aiotravis.resources.users import Users

__all__ = ["LiveResources", "Subscription"]

EMPTY: Final[set[str]] = set()
"""Shared by all subscriptions that wait for no confirmation, never added to: there may be thousands of them."""

NO_CHANNELS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class LiveResources:
    """The resources of one client that the live channel calls; clients that share a hub each bring their own.

    Attributes:
        users: None without a token.
    """

    config: ConfigResource
    pusher_auth: PusherAuth
    users: Users | None
    repositories: Repositories
    builds: Builds
    jobs: Jobs


class _Hub(Protocol):
    """What a subscription calls of its `Hub`, which imports this module."""

    async def open(self, subscription: "Subscription") -> None: ...

    def close(self, subscription: "Subscription") -> None: ...


class Subscription:
    """The subscription of one feed.

    Args:
        hub: Opens and closes it.
        selection: What the feed selects.
        resources: Those of the client that made the feed.
        only: Event classes to deliver; empty for all.
        optional: Whether the feed goes on without the live channel, and is completed as soon as there is one.

    Attributes:
        channels: Its channels, once they are known.
        unconfirmed: Those of them that the server has not confirmed, or not again.
        opened: Done once the server has confirmed every channel for the first time; for an optional subscription, also
            once that has failed. None while it is not being opened.
        disconnected_at: When events began to be missed, by the loop's clock, or None.
    """

    __slots__ = (
        "_hub", "buffer", "channels", "disconnected_at", "only", "opened", "optional", "resources", "selection",
        "unconfirmed",
    )  # fmt: skip

    def __init__(
        self,
        hub: _Hub,
        selection: ChannelSelection,
        resources: LiveResources,
        only: tuple[type[Event], ...] = (),
        max_events: int = 1000,
        max_bytes: int = 8 << 20,
        *,
        optional: bool = False,
    ) -> None:
        self._hub = hub
        self.selection: ChannelSelection = selection
        self.resources: LiveResources = resources
        self.only: tuple[type[Event], ...] = only
        self.optional: bool = optional
        self.buffer: EventBuffer = EventBuffer(max_events, max_bytes)
        self.channels: frozenset[str] = NO_CHANNELS
        self.unconfirmed: set[str] = EMPTY
        self.opened: asyncio.Future[None] | None = None
        self.disconnected_at: float | None = None

    async def open(self) -> None:
        """Subscribe, see `Hub.open`."""
        await self._hub.open(self)

    def close(self) -> None:
        """Unsubscribe, see `Hub.close`."""
        self._hub.close(self)

    @property
    def live(self) -> bool:
        """Whether the server has confirmed every channel, and the connection stands."""
        return self.opened is not None and self.opened.done() and not self.unconfirmed and self.disconnected_at is None

    def accepts(self, event: Event) -> bool:
        """Return whether to deliver an event that is selected."""
        return not self.only or isinstance(event, self.only)

    def accepts_log(self, channel: str) -> bool:
        """Return whether to deliver the log parts of a channel."""
        return (not self.only or issubclass(JobLog, self.only)) and self.selection.includes_log(channel)

    def expect(self, channels: Iterable[str]) -> None:
        """Record the channels that the server has not confirmed yet."""
        self.unconfirmed = set(channels) or EMPTY

    def confirm(self, channel: str, now: float) -> None:
        """Record that the server has confirmed a channel. With the last one, the feed is open or back."""
        self.unconfirmed.discard(channel)
        if self.unconfirmed:
            return
        self.unconfirmed = EMPTY
        if self.opened is not None and not self.opened.done():
            self.opened.set_result(None)
        elif self.disconnected_at is not None:
            self.buffer.put(Reconnected(down=max(0.0, now - self.disconnected_at)), 0)
        self.disconnected_at = None

    def disconnect(self, now: float) -> None:
        """Record that the connection is lost."""
        self.expect(self.channels)
        if self.disconnected_at is None and self.opened is not None and self.opened.done():
            self.disconnected_at = now

    def fail(self, error: TravisError) -> bool:
        """End with an error of the live channel, unless it is optional; return whether it has ended."""
        if self.optional:
            self.go_without()
        else:
            self.end(error)
        return not self.optional

    def go_without(self) -> None:
        """Open an optional subscription without the live channel: once it is there, the feed yields `Reconnected`."""
        if self.opened is not None and not self.opened.done():
            self.disconnected_at = self.opened.get_loop().time()
            self.opened.set_result(None)

    def end(self, error: TravisError) -> None:
        """Raise an error from a pending `Hub.open`, and from the feed after the buffered events."""
        self.buffer.end(error)
        if self.opened is not None and not self.opened.done():
            self.opened.set_exception(error)
            # Retrieve the exception so that asyncio does not log it as never retrieved.
            self.opened.exception()

    def abandon(self) -> None:
        """Raise UsageError from a pending `Hub.open`, and allow another one."""
        opened, self.opened = self.opened, None
        if opened is not None and not opened.done():
            opened.set_exception(UsageError("This feed was closed while it was being opened."))
            opened.exception()
