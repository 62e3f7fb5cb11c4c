"""A feed that is received on behalf of several things that need its events."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio

from aiotravis.live.feed import Feed

__all__ = ["EventReceiver"]

K = TypeVar("K")


@dataclass(slots=True, eq=False)
class EventReceiver(Generic[K]):
    """A feed, and what its events are received for.

    Attributes:
        feed: Yields the events.
        keys: What they are received for.
        scope: Cancels receiving.
        opened: Whether the feed is open, with or without the live channel.
    """

    feed: Feed
    keys: dict[K, None] = field(default_factory=dict[K, None])
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    opened: bool = False

    @property
    def live_unavailable(self) -> bool:
        """Whether events do not arrive at present."""
        return self.opened and not self.feed.live
