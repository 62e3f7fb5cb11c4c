"""One connection, many subscriptions: connect, authorise in bulk, fan out, recover."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import anyio

from aiotravis._retry import backoff
from aiotravis.errors import LiveError, LiveUnavailable, SubscriptionError, TravisError, UsageError
from aiotravis.live._socket import Closed, Connector, Socket
from aiotravis.live.channels import Interest, is_private
from aiotravis.live.events import Event
from aiotravis.live.protocol import (
    MEANINGS,
    Established,
    Junk,
    Message,
    Ping,
    Subscribed,
    Trouble,
    Verdict,
    address_of,
    read_frame,
    verdict,
)
from aiotravis.live.registry import Registry
from aiotravis.live.subscription import HubSubscription
from aiotravis.resources.config import Config, ConfigResource, PusherConfig
from aiotravis.resources.pusher_auth import PusherAuth
from aiotravis.resources.users import User, Users

__all__ = ["Hub"]

logger = logging.getLogger("aiotravis.live")

GREETING: Final = 10.0
"""Seconds that the server may take to greet, to sign, and to confirm a subscription."""

ACTIVITY: Final = 30.0
"""Seconds of silence after which to ping, at most; less where the server says less."""

FIRST_DELAY: Final = 1.0
"""Seconds, at most, before the first attempt to come back."""

LONGEST_DELAY: Final = 30.0

MORE_PATIENCE: Final = 1.0
"""Seconds to wait in any case where the server is over capacity."""

PONG: Final = 10.0
"""Seconds that a pong may take."""


class Hub:
    """The live connection of one client, opened by the first subscriber, closed with the client.

    Args:
        config: Tells where the live channel is.
        auth: Signs private channels.
        users: Tells the user's own channels; None without a token.
        connector: Opens sockets.
    """

    def __init__(self, config: ConfigResource, auth: PusherAuth, users: Users | None, connector: Connector) -> None:
        self._config_resource = config
        self._auth = auth
        self._users = users
        self._connector = connector
        self._config: Config | None = None
        self._user: User | None = None
        self._registry = Registry()
        self._pending: dict[str, None] = {}
        self._wake: asyncio.Event = asyncio.Event()
        self._socket: Socket | None = None
        self._socket_id = ""
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connected_once = False
        self._heard_at = 0.0
        self._last_trouble: Trouble | None = None
        self._closed = False
        self.junk = 0

    # What feeds ask for -----------------------------------------------------------------------------------------------

    def subscription(
        self, resolve: Callable[[], Awaitable[Interest]], *, only: Iterable[type[Event]] = (), size: int = 1000
    ) -> HubSubscription:
        """Make a subscription, not yet open."""
        return HubSubscription(self, resolve, tuple(only), size)

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
        if self._closed:
            raise UsageError("This client is closed. Make a new one.")
        self._loop = asyncio.get_running_loop()
        self._pending.update(dict.fromkeys(self._registry.add(subscription)))
        if not subscription.waiting:
            subscription.confirmed("", self._now())
        if self._task is None or self._task.done():
            self._pending = dict.fromkeys(self._registry)
            self._task = self._loop.create_task(self._supervise(), name="aiotravis live hub")
        self._wake.set()

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
        self._unsubscribe(self._registry.remove(subscription))

    def _unsubscribe(self, names: Iterable[str]) -> None:
        for name in names:
            self._pending.pop(name, None)
            if self._socket is not None:
                self._socket.unsubscribe(name)
                self._wake.set()

    async def aclose(self) -> None:
        """Close the connection and end every feed. From any task of the same event loop."""
        self._closed = True
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
        self._registry.fail(UsageError("The client was closed while its live channel was in use."))

    # The hub's own task -----------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Keep a connection for as long as anybody wants a channel."""
        delays = backoff(FIRST_DELAY, LONGEST_DELAY)
        try:
            while self._registry:
                heard = self._heard_at
                judged = await self._connection()
                if judged is Verdict.STOP:
                    return
                if self._heard_at != heard:
                    delays = backoff(FIRST_DELAY, LONGEST_DELAY)
                delay = next(delays)
                await anyio.sleep(delay if judged is Verdict.SOON else MORE_PATIENCE + delay)
        except Exception as exc:  # noqa: BLE001 - whatever went wrong is told by the feeds, not by an orphaned task
            error = exc if isinstance(exc, TravisError) else LiveError(f"The live channel failed: {exc!r}.")
            self._fail(error)

    async def _connection(self) -> Verdict:
        """Open one connection and serve it until it ends."""
        address = address_of(await self._pusher_config())
        self._last_trouble = None
        try:
            socket = await self._connector.connect(address)
        except OSError as exc:
            self._unreachable(f"{address.host}:{address.port}", exc)
            return Verdict.SOON
        try:
            self._socket = socket
            closed = await self._serve(socket)
        finally:
            self._socket, self._socket_id = None, ""
            self._pending = dict.fromkeys(self._registry)
            self._registry.lose(self._now())
            await socket.aclose()
        return self._judge(closed)

    def _unreachable(self, where: str, exc: OSError) -> None:
        """Let recovery go on, unless there never was a connection: then somebody waits for the first one."""
        if not self._connected_once:
            reason = str(exc) or type(exc).__name__
            message = f"The live channel at {where} cannot be reached ({reason}). Is GET /config right?"
            raise LiveUnavailable(message) from exc
        logger.info("live channel at %s not reached", where)

    def _judge(self, closed: Closed) -> Verdict:
        judged = verdict(closed.code, self._last_trouble)
        if judged is Verdict.STOP:
            code = closed.code
            if (code is None or code < 4000) and self._last_trouble is not None:
                code = self._last_trouble.code
            meaning = MEANINGS.get(code or 0, "it refuses this client")
            self._fail(LiveUnavailable(f"The live channel refused this client: {meaning} (code {code}).", code=code))
        else:
            logger.info("live connection ended, code %s", closed.code)
        return judged

    async def _serve(self, socket: Socket) -> Closed:
        greeting = await self._greeting(socket)
        if isinstance(greeting, Closed):
            return greeting
        self._connected_once = True
        self._socket_id = greeting.socket_id
        socket.established(greeting.socket_id)
        # Frames tell silence apart from loss: the reader ends the others, or the watch ends the reader.
        closed = Closed(None, "silence")
        async with anyio.create_task_group() as group:

            async def read() -> None:
                nonlocal closed
                closed = await self._read(socket)
                group.cancel_scope.cancel()

            async def watch() -> None:
                await self._watch(socket, min(greeting.activity_timeout or math.inf, ACTIVITY))
                group.cancel_scope.cancel()

            group.start_soon(read)
            group.start_soon(watch)
            group.start_soon(self._write, socket)
        return closed

    async def _greeting(self, socket: Socket) -> Established | Closed:
        with anyio.move_on_after(GREETING):
            while True:
                frame = await socket.receive()
                if isinstance(frame, Closed):
                    return frame
                happening = read_frame(frame)
                if isinstance(happening, Established):
                    self._heard_at = self._now()
                    return happening
                if isinstance(happening, Trouble):
                    self._last_trouble = happening
        return Closed(None, "no greeting")

    async def _read(self, socket: Socket) -> Closed:
        """Read frames until the connection ends. Never waits for a consumer."""
        while True:
            frame = await socket.receive()
            if isinstance(frame, Closed):
                return frame
            self._heard_at = self._now()
            happening = read_frame(frame)
            if isinstance(happening, Message):
                self._registry.deliver(happening, self._heard_at)
            elif isinstance(happening, Subscribed):
                self._registry.confirm(happening.channel, self._heard_at)
            elif isinstance(happening, Ping):
                socket.say("pusher:pong")
                self._wake.set()
            elif isinstance(happening, Trouble):
                self._complain(happening)
            elif isinstance(happening, Junk):
                self.junk += 1
                logger.debug("passed over a frame: %s", happening.reason)

    def _complain(self, trouble: Trouble) -> None:
        self._last_trouble = trouble
        logger.warning("the live server complains: code %s", trouble.code)
        if trouble.channel is not None and not self._registry.confirmed(trouble.channel):
            self._refuse(trouble.channel, "the live server refused the subscription")

    async def _write(self, socket: Socket) -> None:
        """Send what others want sent, and ask for pending channels."""
        async with anyio.create_task_group() as group:
            while True:
                pending, self._pending = self._pending, {}
                private = [name for name in pending if is_private(name)]
                public = [name for name in pending if not is_private(name)]
                for name in public:
                    socket.subscribe(name)
                if private:
                    group.start_soon(self._authorise, socket, private)
                if public:
                    group.start_soon(self._expect, public)
                await socket.flush()
                await self._wake.wait()
                self._wake.clear()

    async def _authorise(self, socket: Socket, names: list[str]) -> None:
        """Get all signatures in one call, since every call counts towards a ban."""
        try:
            with anyio.fail_after(GREETING):
                signatures = await self._auth.sign(self._socket_id, names)
        except (TravisError, TimeoutError) as exc:
            for name in names:
                self._refuse(name, "its signature could not be had", exc)
            return
        for name in names:
            if name not in self._registry:
                continue
            if name in signatures:
                socket.subscribe(name, signatures[name])
            else:
                self._refuse(name, "this token may not listen to it")
        await socket.flush()
        await self._expect(names)

    async def _expect(self, names: Iterable[str]) -> None:
        """Refuse what the server has not confirmed in time."""
        await anyio.sleep(GREETING)
        for name in names:
            if not self._registry.confirmed(name):
                self._refuse(name, f"the live server did not confirm it within {GREETING:.0f} s")

    async def _watch(self, socket: Socket, activity: float) -> None:
        """Ping after silence; return when not even that is answered."""
        while True:
            silent = self._now() - self._heard_at
            if silent < activity:
                await anyio.sleep(activity - silent)
                continue
            before = self._heard_at
            socket.say("pusher:ping")
            self._wake.set()
            await anyio.sleep(PONG)
            if self._heard_at == before:
                return

    def _refuse(self, name: str, reason: str, cause: Exception | None = None) -> None:
        error = SubscriptionError(f"The channel {name} cannot be listened to: {reason}.", channel=name)
        error.__cause__ = cause
        self._unsubscribe(self._registry.fail(error, [name]))

    def _fail(self, error: TravisError) -> None:
        self._unsubscribe(self._registry.fail(error))

    def _now(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0
