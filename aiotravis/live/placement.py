"""Finds the channels of new subscriptions, with one request for what several of them lack."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

import anyio
import anyio.lowlevel

from aiotravis._async.retry import backoff
from aiotravis.errors import LiveError, LiveUnavailable, TravisError
from aiotravis.live.channels import channels_for, is_channel_name
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.protocol import Address, address_from_config
from aiotravis.live.resolver import resolve
from aiotravis.live.subscription import LiveResources, Subscription
from aiotravis.resources.config import Config
from aiotravis.resources.users import User

__all__ = ["Placement"]

logger: Final = logging.getLogger("aiotravis.live")

GATHERING_DELAY: Final = 0.002
"""Seconds for which subscriptions are collected before what they lack is read."""

PLACED_PER_TURN: Final = 100
"""Subscriptions after which other tasks get their turn."""

FIRST_RETRY: Final = 1.0
MAX_RETRY: Final = 60.0
"""First and longest delay before an optional subscription looks for the live channel again, in seconds."""


class Placement:
    """Adds subscriptions to the dispatcher as soon as their channels are known.

    Args:
        dispatcher: Where they are added.
        monitor: Counts and logs failures.
        placed: Called with each that was added, and those of its channels that are new.

    Attributes:
        waiting: Subscriptions whose channels are not known yet.
        config_read_at: When the configuration was read, by the loop's clock.
    """

    def __init__(
        self, dispatcher: Dispatcher, monitor: LiveMonitor, placed: Callable[[Subscription, list[str]], None]
    ) -> None:
        self._dispatcher = dispatcher
        self._monitor = monitor
        self._placed = placed
        self._config: Config | None = None
        self._user: User | None = None
        self._reading = anyio.Lock()
        self._wake = anyio.Event()
        self._in_progress: set[Subscription] = set()
        self.waiting: dict[Subscription, None] = {}
        self.config_read_at: float = 0.0

    def add(self, subscription: Subscription) -> None:
        """Add a subscription, at once if nothing has to be read."""
        self.waiting[subscription] = None
        self._try(subscription)
        if subscription in self.waiting:
            self._wake.set()

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription that waits."""
        self.waiting.pop(subscription, None)
        # It may be added again while what it was prepared with is still being read.
        self._in_progress.discard(subscription)

    async def run(self) -> None:
        """Read what is missing, until cancelled."""
        self._in_progress.clear()
        async with anyio.create_task_group() as group:
            while True:
                # New ones are taken together: all that are opened within a few milliseconds share their requests.
                await anyio.sleep(GATHERING_DELAY)
                self._wake = anyio.Event()
                batch = list(self.waiting.keys() - self._in_progress)
                if batch:
                    self._in_progress.update(batch)
                    group.start_soon(self._prepare, batch)
                await self._wake.wait()

    async def _prepare(self, batch: list[Subscription]) -> None:
        """Read what subscriptions lack, and add them; again and again for optional ones."""
        delays = backoff(FIRST_RETRY, MAX_RETRY)
        try:
            while batch:
                await self._resolve(batch)
                batch = self._waiting_of(batch)
                if batch:
                    await self._read_deployment(batch)
                    for number, subscription in enumerate(self._waiting_of(batch), 1):
                        if subscription in self.waiting:
                            self._try(subscription)
                        if number % PLACED_PER_TURN == 0:
                            await anyio.lowlevel.checkpoint()
                    batch = self._waiting_of(batch)
                    if batch:
                        await anyio.sleep(next(delays))
        except Exception as exc:  # noqa: BLE001 - an error of our own is one of these subscriptions alone
            self._monitor.count_failure("opening feeds", exc)
            for subscription in self._waiting_of(batch):
                self._end(subscription, LiveError(f"The live channel failed: {type(exc).__name__}."))

    def _waiting_of(self, batch: Iterable[Subscription]) -> list[Subscription]:
        return [one for one in batch if one in self.waiting]

    def _end(self, subscription: Subscription, error: TravisError) -> None:
        self.remove(subscription)
        subscription.end(error)

    async def _resolve(self, batch: list[Subscription]) -> None:
        """Find the ids that selections lack; those whose repositories, builds or jobs cannot be read end."""
        by_client: dict[int, list[Subscription]] = {}
        for subscription in batch:
            if not subscription.selection.resolved:
                by_client.setdefault(id(subscription.resources), []).append(subscription)
        for some in by_client.values():
            selections = await resolve([one.selection for one in some], some[0].resources)
            for subscription, selection in zip(some, selections, strict=True):
                if isinstance(selection, TravisError):
                    self._end(subscription, selection)
                else:
                    subscription.selection = selection

    async def _read_deployment(self, batch: list[Subscription]) -> None:
        """Read the configuration and the user, unless they are known."""
        try:
            async with self._reading:
                if self._config is None:
                    await self.read_config(batch[0].resources)
                    self.address()
                users = next((one.resources.users for one in batch if self._lacks_user(one)), None)
                if users is not None:
                    self._user = await users.me()
        except TravisError as exc:
            if isinstance(exc, LiveUnavailable):
                self._config = None
            for subscription in self._waiting_of(batch):
                if subscription.fail(exc):
                    self.remove(subscription)

    def _lacks_user(self, subscription: Subscription) -> bool:
        has_token = subscription.resources.users is not None
        return self._user is None and has_token and subscription.selection.has_state_events

    def _try(self, subscription: Subscription) -> None:
        """Add a subscription to the dispatcher if its channels are known, and end it if there are none for it."""
        if self._config is None or not subscription.selection.resolved or self._lacks_user(subscription):
            return
        try:
            pusher = self._config.pusher
            own: tuple[str, ...] = ()
            if self._user is not None and subscription.resources.users is not None:
                # fact 7.6, 9.41: old servers name no channels, and publish everything public on `common`, silent since
                # 2017.
                # What is no name would end every feed instead of itself.
                own = tuple(filter(is_channel_name, self._user.channels)) or ("common",)
            private = pusher is not None and pusher.private_channels
            subscription.channels = channels_for(subscription.selection, private=private, own=own)
        except LiveUnavailable as exc:
            if subscription.fail(exc):
                self.remove(subscription)
        except TravisError as exc:
            self._end(subscription, exc)
        else:
            self.remove(subscription)
            new = self._dispatcher.add(subscription)
            if not subscription.unconfirmed:
                subscription.confirm("", anyio.current_time())
            self._placed(subscription, new)

    # The address of the live server -----------------------------------------------------------------------------------

    def address(self) -> Address:
        """Return the address that the configuration names.

        Raises:
            LiveUnavailable: It names none, or was not read yet.
        """
        return address_from_config(self._config.pusher if self._config is not None else None)

    async def read_config(self, resources: LiveResources) -> None:
        """Read the configuration again. If the kind of channels changes, so do those of all subscriptions.

        Raises:
            TravisError: It could not be read.
        """
        before, self._config = self._config, await resources.config.get()
        self.config_read_at = anyio.current_time()
        if before is not None and _is_private(before) != _is_private(self._config):
            for subscription in self._dispatcher.all_subscriptions():
                self._dispatcher.remove(subscription)
                self.add(subscription)


def _is_private(config: Config) -> bool:
    return config.pusher is not None and config.pusher.private_channels
