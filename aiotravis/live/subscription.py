"""The subscription of one feed: its selection, its channels, whether the server has confirmed them, its buffer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from aiotravis.errors import TravisError, UsageError
from aiotravis.events import Event, JobLog, Reconnected
from aiotravis.live.channels import ChannelSelection, channels_for
from aiotravis.live.event_buffer import EventBuffer
from aiotravis.resources.builds import Builds
from aiotravis.resources.config import ConfigResource
from aiotravis.resources.jobs import Jobs
from aiotravis.resources.pusher_auth import PusherAuth
from aiotravis.resources.users import Users

__all__ = ["LiveResources", "Subscription"]

EMPTY: Final[set[str]] = set()
"""Shared by all subscriptions that wait for no confirmation, never added to: there may be thousands of them."""


@dataclass(frozen=True, slots=True)
class LiveResources:
    """The resources of one client that the live channel calls; clients that share a hub each bring their own.

    Attributes:
        users: None without a token.
    """

    config: ConfigResource
    pusher_auth: PusherAuth
    users: Users | None
    builds: Builds
    jobs: Jobs


class _Hub(Protocol):
    """What a subscription calls of its `Hub`, which imports this module."""

    async def deployment(self, resources: LiveResources, *, own: bool) -> tuple[bool, tuple[str, ...]]: ...

    def add(self, subscription: "Subscription") -> None: ...

    def remove(self, subscription: "Subscription") -> None: ...


class Subscription:
    """The subscription of one feed.

    Args:
        resolve: Returns the selection, after REST calls if necessary.
        resources: Those of the client that made the feed.
        only: Event classes to deliver; empty for all.

    Attributes:
        ready: Done once the server has confirmed every channel for the first time.
    """

    def __init__(
        self,
        hub: _Hub,
        resolve: Callable[[], Awaitable[ChannelSelection]],
        resources: LiveResources,
        only: tuple[type[Event], ...] = (),
        max_events: int = 1000,
        max_bytes: int = 8 << 20,
    ) -> None:
        self._hub = hub
        self._resolve: Callable[[], Awaitable[ChannelSelection]] | None = resolve
        self.resources = resources
        self.only = only
        self.buffer: EventBuffer = EventBuffer(max_events, max_bytes)
        self.channels: frozenset[str] = frozenset()
        self.selection: ChannelSelection = ChannelSelection()
        self.unconfirmed: set[str] = EMPTY
        self.ready: asyncio.Future[None] | None = None
        self.disconnected_at: float | None = None
        self._closed = False

    async def open(self) -> None:
        """Subscribe, and wait until the server has confirmed every channel.

        Raises:
            LiveUnavailable: There is no live channel, or none for this client.
            SubscriptionError: A channel was refused.
        """
        # The function refers to all that the user passed, which is not needed once the ids are known: release it.
        resolve, self._resolve = self._resolve, None
        if resolve is not None:
            self.selection = await resolve()
        self._check_open()
        private, own = await self._hub.deployment(self.resources, own=self.selection.has_state_events)
        self.channels = channels_for(self.selection, private=private, own=own)
        self._check_open()
        self.ready = asyncio.get_running_loop().create_future()
        self._hub.add(self)
        await self.ready

    def close(self) -> None:
        """Unsubscribe without waiting, from any thread. A pending `open` raises UsageError."""
        self._closed = True
        self._hub.remove(self)
        if self.ready is not None and not self.ready.done():
            # On a closed loop nothing waits any more.
            with contextlib.suppress(RuntimeError):
                self.ready.get_loop().call_soon_threadsafe(self._fail_open, _closed())

    def _fail_open(self, error: TravisError) -> None:
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(error)
            # Retrieve the exception so that asyncio does not log it as never retrieved.
            self.ready.exception()

    def _check_open(self) -> None:
        if self._closed:
            raise _closed()

    def accepts(self, event: Event) -> bool:
        """Return whether to deliver an event."""
        return (not self.only or isinstance(event, self.only)) and self.selection.includes(event)

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
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)
        elif self.disconnected_at is not None:
            self.buffer.put(Reconnected(down=max(0.0, now - self.disconnected_at)), 0)
        self.disconnected_at = None

    def disconnect(self, now: float) -> None:
        """Record that the connection is lost."""
        self.expect(self.channels)
        if self.disconnected_at is None and self.ready is not None and self.ready.done():
            self.disconnected_at = now

    def fail(self, error: TravisError) -> None:
        """Raise an error from a pending `open`, and from the feed after the buffered events."""
        self._fail_open(error)
        self.buffer.end(error)


def _closed() -> UsageError:
    return UsageError("This feed was closed while it was being opened.")
