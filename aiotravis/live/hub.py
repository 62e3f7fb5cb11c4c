"""One connection, many subscriptions: opened by the first, kept up for as long as anybody listens."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import anyio

from aiotravis._async.background_task import BackgroundTask
from aiotravis.errors import LiveError, LiveUnavailable, TravisError, UsageError
from aiotravis.events import Event
from aiotravis.live.channels import ChannelSelection
from aiotravis.live.connection import Connection
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import Live, LiveMonitor, LiveState
from aiotravis.live.options import LiveOptions
from aiotravis.live.payload_fetcher import PayloadFetcher
from aiotravis.live.protocol import MEANINGS, Address, CloseAction, ErrorFrame, address_of, close_action
from aiotravis.live.reconnect_policy import ReconnectPolicy
from aiotravis.live.socket import Closed, Connector
from aiotravis.live.subscription import HubSubscription
from aiotravis.resources.builds import Builds
from aiotravis.resources.config import Config, ConfigResource, PusherConfig
from aiotravis.resources.jobs import Jobs
from aiotravis.resources.pusher_auth import PusherAuth
from aiotravis.resources.users import User, Users

__all__ = ["Hub"]

logger: Final = logging.getLogger("aiotravis.live")

TLS_PORT: Final = {80: 443}
"""Where a server that insists on TLS listens, if it named the port for going without; any other port stays."""


class Hub:
    """The live connection of one client, opened by the first subscriber, closed with the client.

    Args:
        config: Tells where the live channel is.
        auth: Signs private channels.
        users: Tells the user's own channels; None without a token.
        builds: Completes events about builds that came as ids alone.
        jobs: The same for jobs.
        connector: Opens sockets.
        options: How patient to be.

    Attributes:
        live: How it is, for users.
    """

    def __init__(
        self,
        config: ConfigResource,
        auth: PusherAuth,
        users: Users | None,
        builds: Builds,
        jobs: Jobs,
        connector: Connector,
        options: LiveOptions,
    ) -> None:
        self._config_resource = config
        self._auth = auth
        self._users = users
        self._completing = (builds, jobs)
        self._connector = connector
        self._options = options
        self._config: Config | None = None
        self._user: User | None = None
        self._health = LiveMonitor()
        self._registry = Dispatcher(self._health)
        self._connection: Connection | None = None
        self._task = BackgroundTask(self._supervise, lambda: len(self._registry) > 0, "aiotravis live hub")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._encrypt = False
        self.live: Live = Live(self._health, self._registry.counts)

    # What feeds ask for -----------------------------------------------------------------------------------------------

    def subscription(
        self, resolve: Callable[[], Awaitable[ChannelSelection]], *, only: Iterable[type[Event]] = (), size: int = 1000
    ) -> HubSubscription:
        """Make a subscription, not yet open."""
        return HubSubscription(self, resolve, tuple(only), size, self._options.buffer_bytes)

    async def site(self, *, own: bool) -> tuple[bool, tuple[str, ...]]:
        """Tell whether this deployment publishes on private channels only, and the user's own channels.

        Args:
            own: Whether the user's own channels matter; without, nobody asks for them.

        Raises:
            LiveUnavailable: The deployment has no live channel.
        """
        pusher = await self._pusher_config()
        address_of(pusher)
        private = pusher is not None and pusher.private_channels
        if not own or self._users is None:
            return private, ()
        if self._user is None:
            self._user = await self._users.me()
        # A server of 2014 names no channels: everything public travelled on one.
        return private, self._user.channels or ("common",)

    async def _pusher_config(self) -> PusherConfig | None:
        """Ask for the configuration once, and keep it."""
        if self._config is None:
            self._config = await self._config_resource.get()
        return self._config.pusher

    def add(self, subscription: HubSubscription) -> None:
        """Put a subscription in force; its ``ready`` tells when.

        Raises:
            UsageError: The client is closed.
        """
        if self._task.closed:
            raise UsageError("This client is closed. Make a new one.")
        self._loop = asyncio.get_running_loop()
        new = self._registry.add(subscription)
        if not subscription.waiting:
            subscription.confirmed("", self._now())
        if not self._task.ensure() and self._connection is not None:
            self._connection.want(new)

    def remove(self, subscription: HubSubscription) -> None:
        """Take a subscription out, from any thread."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            here = asyncio.get_running_loop() is loop
        except RuntimeError:
            here = False
        if here:
            self._remove(subscription)
        else:
            loop.call_soon_threadsafe(self._remove, subscription)

    def _remove(self, subscription: HubSubscription) -> None:
        left = self._registry.remove(subscription)
        if self._connection is not None:
            self._connection.leave(left)

    async def aclose(self) -> None:
        """Close the connection and end every feed. From any task of the same event loop."""
        try:
            await self._task.aclose()
        finally:
            self._registry.fail(UsageError("The client was closed while its live channel was in use."))
            self._health.state = LiveState.CLOSED

    # The hub's own task -----------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Keep a connection for as long as anybody wants a channel."""
        async with anyio.create_task_group() as group:
            completer = self._registry.completer = PayloadFetcher(*self._completing, self._options.coalesce)
            group.start_soon(completer.run)
            try:
                await self._keep()
            except Exception as exc:  # noqa: BLE001 - whatever went wrong is told by the feeds, not by an orphaned task
                error = exc if isinstance(exc, TravisError) else LiveError(f"The live channel failed: {exc!r}.")
                self._health.state = LiveState.UNAVAILABLE
                self._registry.fail(error)
            group.cancel_scope.cancel()

    async def _keep(self) -> None:
        pacing = ReconnectPolicy(self._options.first_delay, self._options.longest_delay)
        while self._registry:
            connected_before = self._health.connections > 0
            self._health.state = LiveState.RECONNECTING if connected_before else LiveState.CONNECTING
            pacing.attempt(self._now())
            judged = await self._once(pacing)
            if judged is CloseAction.STOP:
                return
            pacing.down(self._now())
            if self._registry:
                self._health.state = LiveState.RECONNECTING
                await anyio.sleep(pacing.delay(self._now(), judged))
        self._health.state = LiveState.IDLE

    async def _once(self, pacing: ReconnectPolicy) -> CloseAction:
        """Open one connection and serve it until it ends."""
        address = await self._address()
        try:
            socket = await self._connector.connect(address)
        except OSError as exc:
            self._unreachable(f"{address.host}:{address.port}", exc)
            return CloseAction.SOON
        connection = self._connection = Connection(socket, self._registry, self._auth, self._health, self._options)

        def greeted() -> None:
            pacing.up(self._now())
            self._health.reconnects += self._health.connections > 0
            self._health.connections += 1
            self._health.state = LiveState.CONNECTED

        try:
            closed = await connection.serve(greeted)
        finally:
            self._connection = None
            self._registry.lose(self._now())
            await socket.aclose()
        return self._judge(closed, connection.last_trouble, address)

    async def _address(self) -> Address:
        address = address_of(await self._pusher_config())
        if self._encrypt:
            return dataclasses.replace(address, tls=True, port=TLS_PORT.get(address.port, address.port))
        return address

    def _unreachable(self, where: str, exc: OSError) -> None:
        """Let recovery go on, unless there never was a connection: then somebody waits for the first one."""
        if not self._health.connections:
            reason = str(exc) or type(exc).__name__
            message = f"The live channel at {where} cannot be reached ({reason}). Is GET /config right?"
            raise LiveUnavailable(message) from exc
        logger.info("live channel at %s not reached", where)

    def _judge(self, closed: Closed, last_trouble: ErrorFrame | None, address: Address) -> CloseAction:
        judged = close_action(closed.code, last_trouble)
        if judged is CloseAction.ENCRYPT:
            # Once: a server that says so over TLS, too, means something else.
            judged = CloseAction.STOP if address.tls else CloseAction.SOON
            self._encrypt = True
        if judged is CloseAction.STOP:
            code = closed.code
            if (code is None or code < 4000) and last_trouble is not None:
                code = last_trouble.code
            meaning = MEANINGS.get(code or 0, "it refuses this client")
            self._health.state = LiveState.UNAVAILABLE
            message = f"The live channel refused this client: {meaning} (code {code})."
            self._registry.fail(LiveUnavailable(message, code=code))
        else:
            logger.info("live connection ended, code %s", closed.code)
        return judged

    def _now(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0
