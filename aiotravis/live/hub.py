"""The hub of a client's live channel: one connection, opened by the first subscription and shared by all."""

import asyncio
import dataclasses
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import anyio

from aiotravis._async.background_task import BackgroundTask
from aiotravis.errors import LiveError, LiveUnavailable, TravisError, UsageError
from aiotravis.events import Event
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.connection import PusherConnection
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import Live, LiveMonitor, LiveState
from aiotravis.live.options import LiveOptions
from aiotravis.live.payload_fetcher import PayloadFetcher
from aiotravis.live.protocol import CLOSE_REASONS, Address, CloseAction, ErrorFrame, address_from_config, close_action
from aiotravis.live.reconnect_policy import ReconnectPolicy
from aiotravis.live.socket import Closed, PusherConnector
from aiotravis.live.subscription import LiveResources, Subscription
from aiotravis.resources.config import Config
from aiotravis.resources.users import User

__all__ = ["Hub"]

logger: Final = logging.getLogger("aiotravis.live")


class Hub:
    """The live connection of a client and of those made from it by `with_options`.

    Attributes:
        live: Its state and counters, for users.
    """

    def __init__(self, connector: PusherConnector, options: LiveOptions) -> None:
        self._connector = connector
        self._options = options
        self._config: Config | None = None
        self._user: User | None = None
        self._monitor = LiveMonitor()
        self._dispatcher = Dispatcher(self._monitor)
        self._connection: PusherConnection | None = None
        self._task = BackgroundTask(self._run, lambda: len(self._dispatcher) > 0, "aiotravis live hub")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._force_tls = False
        self.live: Live = Live(self._monitor, self._dispatcher.counts)

    def report_log_interval(self, seconds: float | None) -> None:
        """Set `LiveStatistics.log_interval`."""
        self._monitor.log_interval = seconds

    def subscription(
        self,
        resolve: Callable[[], Awaitable[ChannelSelection]],
        *,
        resources: LiveResources,
        only: Iterable[type[Event]] = (),
        size: int = 1000,
    ) -> Subscription:
        """Return a new subscription, not yet open. It uses the resources of its own client."""
        return Subscription(self, resolve, resources, tuple(only), size, self._options.buffer_bytes)

    async def deployment(self, resources: LiveResources, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        """Return whether this deployment publishes on private channels only, and the user's own channels.

        Args:
            resources: Used for what is not known yet.
            own: Whether the user's own channels are needed.

        Raises:
            LiveUnavailable: The deployment has no live channel.
        """
        if self._config is None:
            self._config = await resources.config.get()
        pusher = self._config.pusher
        address_from_config(pusher)
        private = pusher is not None and pusher.private_channels
        if not own or resources.users is None:
            return private, ()
        if self._user is None:
            self._user = await resources.users.me()
        # fact 7.6, 9.41: old servers name no channels, and publish everything public on `common`, silent since 2017.
        return private, self._user.channels or ("common",)

    def add(self, subscription: Subscription) -> None:
        """Subscribe to the channels of a subscription, and connect if necessary.

        Raises:
            UsageError: The client is closed.
        """
        if self._task.closed:
            raise UsageError("This client is closed. Make a new one.")
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        new = self._dispatcher.add(subscription)
        if not subscription.unconfirmed:
            subscription.confirm("", anyio.current_time())
        if not self._task.ensure() and self._connection is not None:
            self._connection.subscribe(new)

    def remove(self, subscription: Subscription) -> None:
        """Remove a subscription, from any thread."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if threading.get_ident() == self._thread:
            self._remove(subscription)
        else:
            loop.call_soon_threadsafe(self._remove, subscription)

    def _remove(self, subscription: Subscription) -> None:
        unused = self._dispatcher.remove(subscription)
        if self._connection is not None:
            self._connection.unsubscribe(unused)

    async def aclose(self) -> None:
        """Close the connection and end every feed. From any task of the same event loop."""
        try:
            await self._task.aclose()
        finally:
            self._dispatcher.fail(UsageError("The client was closed while its live channel was in use."))
            self._monitor.state = LiveState.CLOSED

    async def _run(self) -> None:
        """Keep a connection while there are subscriptions; an error ends their feeds, not this task."""
        async with anyio.create_task_group() as group:
            fetcher = PayloadFetcher(lambda: self._dispatcher.resources(self._dispatcher), self._options.coalesce)
            self._dispatcher.payload_fetcher = fetcher
            group.start_soon(fetcher.run)
            try:
                await self._keep_connected()
            except Exception as exc:  # noqa: BLE001 - every feed raises it; a background task has nobody to raise it to
                error = exc if isinstance(exc, TravisError) else LiveError(f"The live channel failed: {exc!r}.")
                self._monitor.state = LiveState.UNAVAILABLE
                self._dispatcher.fail(error)
            group.cancel_scope.cancel()

    async def _keep_connected(self) -> None:
        policy = ReconnectPolicy(self._options.reconnect_delay, self._options.max_reconnect_delay)
        while self._dispatcher:
            connected_before = self._monitor.connections > 0
            self._monitor.state = LiveState.RECONNECTING if connected_before else LiveState.CONNECTING
            policy.attempted(anyio.current_time())
            action = await self._connect(policy)
            if action is CloseAction.STOP:
                return
            policy.disconnected(anyio.current_time())
            if self._dispatcher:
                self._monitor.state = LiveState.RECONNECTING
                await anyio.sleep(policy.next_delay(anyio.current_time(), action))
        self._monitor.state = LiveState.IDLE

    async def _connect(self, policy: ReconnectPolicy) -> CloseAction:
        """Open one connection and run it until it ends."""
        address = self._address()
        try:
            socket = await self._connector.connect(address)
        except OSError as exc:
            where = f"{address.host}:{address.port}"
            # Later losses are survived, but a first connection that fails may mean a wrong address: raise it.
            if not self._monitor.connections:
                reason = str(exc) or type(exc).__name__
                message = f"The live channel at {where} cannot be reached ({reason}). Is GET /config right?"
                raise LiveUnavailable(message) from exc
            logger.info("live channel at %s not reached", where)
            return CloseAction.RECONNECT
        connection = self._connection = PusherConnection(socket, self._dispatcher, self._monitor, self._options)

        def established() -> None:
            policy.connected(anyio.current_time())
            self._monitor.reconnects += self._monitor.connections > 0
            self._monitor.connections += 1
            self._monitor.state = LiveState.CONNECTED

        try:
            closed = await connection.run(established)
        finally:
            self._connection = None
            self._dispatcher.disconnect(anyio.current_time())
            await socket.aclose()
        return self._close_action(closed, connection.last_error, address)

    def _address(self) -> Address:
        address = address_from_config(self._config.pusher if self._config is not None else None)
        if self._force_tls:
            return dataclasses.replace(address, tls=True, port=443 if address.port == 80 else address.port)
        return address

    def _close_action(self, closed: Closed, last_error: ErrorFrame | None, address: Address) -> CloseAction:
        """Return what to do next; STOP only after every feed was ended with an error."""
        action = close_action(closed.code, last_error)
        if action is CloseAction.USE_TLS:
            # Once only: a server that asks for TLS over TLS means something else.
            action = CloseAction.STOP if address.tls else CloseAction.RECONNECT
            self._force_tls = True
        if action is CloseAction.STOP:
            code = closed.code
            if (code is None or code < 4000) and last_error is not None:
                code = last_error.code
            reason = CLOSE_REASONS.get(code or 0, "it refuses this client")
            self._monitor.state = LiveState.UNAVAILABLE
            message = f"The live channel refused this client: {reason} (code {code})."
            self._dispatcher.fail(LiveUnavailable(message, code=code))
        else:
            logger.info("live connection ended, code %s", closed.code)
        return action
