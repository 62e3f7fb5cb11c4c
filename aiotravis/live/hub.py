"""The hub of a client's live channel: one connection, opened by the first subscription and shared by all."""

import asyncio
import contextlib
import dataclasses
import threading
from functools import cached_property
from typing import Final

import anyio

from aiotravis._async.background_task import BackgroundTask
from aiotravis._async.lifetime import ClientLifetime
from aiotravis.errors import LiveError, LiveUnavailable, TravisError, UsageError
from aiotravis.live.connection import PusherConnection
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import Live, LiveMonitor, LiveState
from aiotravis.live.options import LiveOptions
from aiotravis.live.payload_fetcher import PayloadFetcher
from aiotravis.live.placement import Placement
from aiotravis.live.protocol import CLOSE_REASONS, Address, CloseAction, ErrorFrame, close_action
from aiotravis.live.reconnect_policy import ReconnectPolicy, TlsUse
from aiotravis.live.socket import Closed, PusherConnector
from aiotravis.live.subscription import Subscription

__all__ = ["Hub"]

IDLE_CHECK: Final = 2.5
"""Seconds between two checks whether anyone is subscribed. After two without, the connection closes."""

OPTIONAL_PATIENCE: Final = 3.0
"""Seconds for which an optional subscription waits for the live channel before it goes on without."""

OPENING_PATIENCE: Final = 10.0
"""Seconds of an outage after which each failed attempt to connect ends the feeds that are being opened."""

CONFIG_PATIENCE: Final = 0.5
"""Seconds in which to look for another address after a refusal, before every feed is told of it."""

CONFIG_AGE: Final = 60.0
"""Seconds after which the configuration is read again if the server cannot be reached."""


class Hub:
    """The live connection of a client and of those made from it by `with_options`.

    Args:
        connector: Opens the connections.
        options: The settings.
        lifetime: That of the client.

    Attributes:
        live: Its state and counters, for users.
    """

    def __init__(self, connector: PusherConnector, options: LiveOptions, lifetime: ClientLifetime) -> None:
        self._connector = connector
        self._options = options
        self._lifetime = lifetime
        self._monitor = LiveMonitor()
        self._connection: PusherConnection | None = None
        self._next_attempt = 0.0
        self._task = BackgroundTask(self._run, self._has_work, "aiotravis live hub")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._tls = TlsUse.AS_CONFIGURED
        self._config_is_old = False
        # Whether the configuration has named another address after the last refusal.
        self._has_moved = False
        self.live: Live = Live(self._monitor, lambda: (0, 0) if self._loop is None else self._dispatcher.counts())

    # Made for the first subscription: a service may have thousands of clients, most of which never listen.

    @cached_property
    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(self._monitor)

    @cached_property
    def _placement(self) -> Placement:
        return Placement(self._dispatcher, self._monitor, self._placed)

    @cached_property
    def _policy(self) -> ReconnectPolicy:
        return ReconnectPolicy(self._options.reconnect_delay, self._options.max_reconnect_delay)

    @cached_property
    def _attempt_wanted(self) -> asyncio.Event:
        return asyncio.Event()

    @property
    def options(self) -> LiveOptions:
        """The settings."""
        return self._options

    def report_log_interval(self, seconds: float | None) -> None:
        """Set `LiveStatistics.log_interval`."""
        self._monitor.log_interval = seconds

    async def open(self, subscription: Subscription) -> None:
        """Subscribe, and wait until the server has confirmed every channel.

        Cancelled, the opening goes on: call it again, or `close`. If the live channel cannot be had, an optional
        subscription is open, too, and is completed as soon as it can.

        Raises:
            LiveUnavailable: There is no live channel, or none for this client.
            SubscriptionError: A channel was refused.
            UsageError: The client is closed, or closed meanwhile, or the subscription is.
            TravisError: A repository, build or job could not be read.
        """
        loop = self._lifetime.check()
        opened = subscription.opened
        if opened is None:
            opened = subscription.opened = loop.create_future()
            self._loop, self._thread = loop, threading.get_ident()
            self._placement.add(subscription)
            self._task.ensure()
        if not opened.done() and subscription.optional:
            with anyio.move_on_after(OPTIONAL_PATIENCE):
                await asyncio.shield(opened)
            subscription.go_without()
        else:
            # Where it is done, this raises what it has failed with.
            await asyncio.shield(opened)

    def close(self, subscription: Subscription) -> None:
        """Unsubscribe without waiting, from any thread. A pending `open` raises UsageError."""
        loop = self._loop
        if loop is None or subscription.opened is None:
            return
        if threading.get_ident() == self._thread:
            self._close(subscription)
        else:
            # On a closed loop nothing is left to do.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._close, subscription)

    def _close(self, subscription: Subscription) -> None:
        self._placement.remove(subscription)
        unused = self._dispatcher.remove(subscription)
        if self._connection is not None:
            self._connection.channels.unsubscribe(unused)
        subscription.abandon()

    async def aclose(self) -> None:
        """Close the connection and end every feed. From any task of the same event loop."""
        try:
            await self._task.aclose()
        finally:
            error = UsageError("The client was closed while its live channel was in use.")
            if self._loop is not None:
                for subscription in [*self._placement.waiting, *self._dispatcher.all_subscriptions()]:
                    subscription.end(error)
                    self._close(subscription)
            self._monitor.state = LiveState.CLOSED

    # In the hub's own task --------------------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        return bool(self._placement.waiting or self._dispatcher)

    def _placed(self, subscription: Subscription, new: list[str]) -> None:
        """Subscribe to the channels of a subscription, which are known now."""
        if self._connection is not None:
            self._connection.channels.subscribe(new)
            self._connection.channels.subscribe_again(subscription.unconfirmed)
        elif not subscription.optional and self._monitor.state is LiveState.UNAVAILABLE:
            # Somebody wants to know whether there is a live channel by now.
            self._next_attempt = 0.0
            self._monitor.state = self._connecting_state
        self._attempt_wanted.set()

    async def _run(self) -> None:
        """Keep a connection while there are subscriptions. Nothing that comes from outside ends this task."""
        while self._has_work():
            try:
                async with anyio.create_task_group() as group:
                    fetcher = PayloadFetcher(
                        lambda: self._dispatcher.resources(self._dispatcher),
                        self._options.coalesce,
                        self._monitor,
                        self._dispatcher.give_way,
                    )
                    self._dispatcher.payload_fetcher = fetcher
                    group.start_soon(fetcher.run)
                    group.start_soon(self._placement.run)
                    group.start_soon(self._keep_connected)
                    await self._until_idle()
                    group.cancel_scope.cancel()
            except Exception as exc:  # noqa: BLE001 - an error of our own: every feed raises it, and the task goes on
                self._monitor.count_failure("the live channel", exc)
                self._refused(LiveError(f"The live channel failed: {type(exc).__name__}."))
                await anyio.sleep(self._policy.next_delay(anyio.current_time(), CloseAction.BACK_OFF))
        self._monitor.state = LiveState.IDLE
        self._next_attempt = 0.0

    async def _until_idle(self) -> None:
        """Return once nobody has been subscribed for some seconds."""
        idle = 0
        while idle < 2:
            await anyio.sleep(IDLE_CHECK)
            idle = 0 if self._has_work() else idle + 1
            if self._connection is not None:
                self._connection.channels.subscribe_again()

    async def _keep_connected(self) -> None:
        while True:
            await self._wait_for_attempt()
            if self._monitor.state is not LiveState.UNAVAILABLE:
                self._monitor.state = self._connecting_state
            self._policy.attempted(anyio.current_time())
            action = CloseAction.RECONNECT
            try:
                action = await self._connect()
            finally:
                now = anyio.current_time()
                self._policy.disconnected(now)
                delay = self._policy.next_delay(now, action)
                self._next_attempt = now + delay
            self._monitor.log_end(delay)
            if self._monitor.state is not LiveState.UNAVAILABLE:
                self._monitor.state = self._connecting_state

    @property
    def _connected_before(self) -> bool:
        return self._monitor.counts["connections"] > 0

    @property
    def _connecting_state(self) -> LiveState:
        return LiveState.RECONNECTING if self._connected_before else LiveState.CONNECTING

    async def _wait_for_attempt(self) -> None:
        """Wait until there are channels, and until a connection may be attempted."""
        while (delay := self._next_attempt - anyio.current_time()) > 0 or not self._dispatcher:
            self._attempt_wanted.clear()
            with anyio.move_on_after(delay if self._dispatcher else None):
                await self._attempt_wanted.wait()
        await anyio.sleep(self._policy.until_allowed(anyio.current_time()))

    async def _connect(self) -> CloseAction:
        """Open one connection and run it until it ends."""
        if self._config_is_old:
            await self._read_config(CONFIG_AGE)
        try:
            address = self._address()
        except LiveUnavailable as exc:
            self._config_is_old = True
            return self._refused(exc)
        try:
            socket = await self._connector.connect(address)
        except OSError as exc:
            return self._not_reached(address, exc)
        except TravisError as exc:
            # The caller's own session is closed, or a proxy of the environment is not valid.
            return self._refused(exc)
        connection = self._connection = PusherConnection(socket, self._dispatcher, self._monitor, self._options)

        def established() -> None:
            now = anyio.current_time()
            self._policy.connected(now)
            self._monitor.log_connected(self._policy.outage(now))
            self._has_moved = False

        try:
            closed = await connection.run(established)
        finally:
            self._connection = None
            self._dispatcher.disconnect(anyio.current_time())
            await socket.aclose()
        return await self._ended(closed, connection.last_error, address)

    def _address(self) -> Address:
        address = self._placement.address()
        if self._tls is TlsUse.DEMANDED:
            return dataclasses.replace(address, tls=True, port=443 if address.port == 80 else address.port)
        return address

    async def _read_config(self, patience: float) -> None:
        """Read the configuration again. If that fails, the one that is known stays."""
        resources = self._dispatcher.resources(self._dispatcher)
        if resources is not None:
            with anyio.move_on_after(patience), contextlib.suppress(TravisError):
                await self._placement.read_config(resources)
                self._config_is_old = False

    def _not_reached(self, address: Address, error: OSError) -> CloseAction:
        where = self._connector.redact(f"{address.host}:{address.port}")
        self._monitor.end = f"{where} cannot be reached ({str(error) or type(error).__name__})"
        if self._tls is TlsUse.DEMANDED:
            # fact 7.4: with code 4000 a server demands TLS. If it has none, what worked before may work again.
            self._tls = TlsUse.FAILED
            return CloseAction.RECONNECT
        if anyio.current_time() - self._placement.config_read_at > CONFIG_AGE:
            self._config_is_old = True
        # Later losses are survived, but a first connection that fails may mean a wrong address: raise it.
        if not self._connected_before:
            message = f"The live channel at {self._monitor.end}. Is GET /config right?"
            unavailable = LiveUnavailable(message)
            unavailable.__cause__ = error
            self._refused(unavailable)
        self._end_openings(address)
        return CloseAction.RECONNECT

    def _end_openings(self, address: Address) -> None:
        """End the feeds that are being opened if the connection has been lost or refused for long; others go on."""
        if self._policy.outage(anyio.current_time()) < OPENING_PATIENCE:
            return
        where = self._connector.redact(f"{address.host}:{address.port}")
        error = LiveUnavailable(f"The live channel at {where} has accepted no connection for {OPENING_PATIENCE:g} s.")
        self._dispatcher.fail_openings(error)

    def _refused(self, error: TravisError) -> CloseAction:
        """End every feed with an error, but for optional ones: for these, further attempts are made."""
        self._monitor.state = LiveState.UNAVAILABLE
        self._monitor.end = str(error)
        self._dispatcher.fail(error)
        return CloseAction.BACK_OFF

    async def _ended(self, closed: Closed, last_error: ErrorFrame | None, address: Address) -> CloseAction:
        """Return what to do after a connection has ended."""
        action = close_action(closed.code, last_error)
        # Not the reason that the server gives: it may hold anything.
        self._monitor.end = f"lost, code {closed.code}"
        if action is CloseAction.USE_TLS:
            # Once only: a server that asks for TLS over TLS, or has none, means something else.
            if not address.tls and self._tls is TlsUse.AS_CONFIGURED:
                self._tls = TlsUse.DEMANDED
                return CloseAction.RECONNECT
            action = CloseAction.STOP
        if action is not CloseAction.STOP:
            self._end_openings(address)
            return action
        self._tls = TlsUse.AS_CONFIGURED
        if not self._has_moved:
            # The key may have changed since the configuration was read.
            before = self._placement.address()
            await self._read_config(CONFIG_PATIENCE)
            with contextlib.suppress(LiveUnavailable):
                self._has_moved = self._placement.address() != before
            if self._has_moved:
                return CloseAction.RECONNECT
        code = closed.code
        if (code is None or code < 4000) and last_error is not None:
            code = last_error.code
        reason = CLOSE_REASONS.get(code or 0, "it refuses this client")
        self._config_is_old, self._has_moved = True, False
        return self._refused(
            LiveUnavailable(f"The live channel refused this client: {reason} (code {code}).", code=code)
        )
