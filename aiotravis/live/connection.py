"""One connection to the live server, from its greeting to its end."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import anyio

from aiotravis._async.retry import backoff
from aiotravis.errors import RequestError, ServerError, SubscriptionError, TravisError
from aiotravis.live.channels import is_private
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.options import LiveOptions
from aiotravis.live.protocol import (
    UNREADABLE,
    ErrorFrame,
    Established,
    InvalidFrame,
    Message,
    Ping,
    Subscribed,
    decode_frame,
    ends_connection,
    read_frame,
    read_message,
)
from aiotravis.live.socket import Closed, Socket
from aiotravis.resources.pusher_auth import PusherAuth

__all__ = ["Connection"]

logger = logging.getLogger("aiotravis.live")


class Connection:
    """One connection.

    Args:
        socket: Carries it.
        registry: The channels that are wanted, and who takes what comes on them.
        auth: Signs private channels.
        health: Takes the counts.
        options: How patient to be.

    Attributes:
        last_trouble: The server's last complaint.
    """

    def __init__(
        self, socket: Socket, registry: Dispatcher, auth: PusherAuth, health: LiveMonitor, options: LiveOptions
    ) -> None:
        self._socket = socket
        self._registry = registry
        self._auth = auth
        self._health = health
        self._options = options
        self._now = asyncio.get_running_loop().time
        self._pending = dict.fromkeys(registry)
        self._wake = asyncio.Event()
        self._asked: Counter[str] = Counter()
        self._deadlines: dict[str, float] = {}
        self._expecting = asyncio.Event()
        self._socket_id = ""
        self._heard_at = 0.0
        self.last_trouble: ErrorFrame | None = None

    def want(self, names: Iterable[str]) -> None:
        """Ask for further channels."""
        self._pending.update(dict.fromkeys(names))
        self._wake.set()

    def leave(self, names: Iterable[str]) -> None:
        """Give channels up."""
        for name in names:
            self._deadlines.pop(name, None)
            if name in self._pending:
                del self._pending[name]
            else:
                self._socket.unsubscribe(name)
                self._wake.set()

    async def serve(self, greeted: Callable[[], None]) -> Closed:
        """Serve it until it ends, and tell how.

        Args:
            greeted: Called once the server has greeted.
        """
        greeting = await self._greeting()
        if isinstance(greeting, Closed):
            return greeting
        greeted()
        self._socket_id = greeting.socket_id
        self._socket.established(greeting.socket_id)
        # Frames tell silence apart from loss: the reader ends the others, or the watch ends the reader.
        closed = Closed(None, "silence")
        async with anyio.create_task_group() as group:

            async def read() -> None:
                nonlocal closed
                closed = await self._socket.listen(self._take)
                group.cancel_scope.cancel()

            async def watch() -> None:
                await self._watch(min(greeting.activity_timeout or math.inf, self._options.activity_timeout))
                group.cancel_scope.cancel()

            group.start_soon(read)
            group.start_soon(watch)
            group.start_soon(self._write)
            group.start_soon(self._expire)
        return closed

    async def _greeting(self) -> Established | Closed:
        with anyio.move_on_after(self._options.hello_timeout):
            while True:
                frame = await self._socket.receive()
                if isinstance(frame, Closed):
                    return frame
                self._health.frames += 1
                self._health.bytes += len(frame)
                happening = read_frame(frame)
                if isinstance(happening, Established):
                    self._heard_at = self._now()
                    return happening
                if isinstance(happening, ErrorFrame):
                    self.last_trouble = happening
                    if ends_connection(happening):
                        return Closed(happening.code, happening.message)
        return Closed(None, "no greeting")

    def _take(self, frames: Sequence[bytes]) -> Closed | None:
        """Act on frames; what it returns ends the connection. Never waits for a consumer."""
        self._heard_at = self._now()
        self._health.frames += len(frames)
        self._health.bytes += sum(map(len, frames))
        deliver_log = self._registry.deliver_log
        for frame in frames:
            try:
                message = decode_frame(frame)
            except UNREADABLE as exc:
                self._junk(type(exc).__name__)
                continue
            if message.event == "job:log":
                # Nothing comes as often: everything else may take a step more.
                deliver_log(message, len(frame))
                continue
            closed = self._act(message, len(frame))
            if closed is not None:
                return closed
        return None

    def _act(self, message: Message, size: int) -> Closed | None:
        happening = read_message(message)
        if isinstance(happening, Message):
            self._registry.deliver(happening, self._heard_at, size)
        elif isinstance(happening, Subscribed):
            self._answered(happening.channel)
        elif isinstance(happening, Ping):
            self._socket.say("pusher:pong")
            self._wake.set()
        elif isinstance(happening, ErrorFrame):
            return self._complain(happening)
        elif isinstance(happening, InvalidFrame):
            self._junk(happening.reason)
        return None

    def _junk(self, reason: str) -> None:
        self._health.junk += 1
        logger.debug("passed over a frame: %s", reason)

    def _answered(self, name: str) -> None:
        """Take a confirmation; of a channel that was given up and asked for again, the last one counts."""
        self._asked[name] -= 1
        if self._asked[name] <= 0:
            del self._asked[name]
            self._deadlines.pop(name, None)
            self._registry.confirm(name, self._heard_at)

    def _complain(self, trouble: ErrorFrame) -> Closed | None:
        self.last_trouble = trouble
        if ends_connection(trouble):
            return Closed(trouble.code, trouble.message)
        self._health.complaints += 1
        logger.warning("the live server complains: code %s", trouble.code)
        if trouble.channel is not None and not self._registry.confirmed(trouble.channel):
            self._refuse(trouble.channel, "the live server refused the subscription")
        return None

    async def _write(self) -> None:
        """Send what others want sent, and ask for pending channels."""
        async with anyio.create_task_group() as group:
            while True:
                pending, self._pending = self._pending, {}
                private = [name for name in pending if is_private(name)]
                for name in pending:
                    if not is_private(name):
                        self._subscribe(name)
                if private:
                    group.start_soon(self._authorise, private)
                await self._socket.flush()
                await self._wake.wait()
                self._wake.clear()

    def _subscribe(self, name: str, signature: str | None = None) -> None:
        self._asked[name] += 1
        self._deadlines.pop(name, None)
        self._deadlines[name] = self._now() + self._options.subscribe_timeout
        self._expecting.set()
        self._socket.subscribe(name, signature)

    async def _authorise(self, names: list[str]) -> None:
        """Get all signatures in one call, since every call counts towards a ban."""
        try:
            with anyio.fail_after(self._options.subscribe_timeout):
                signatures = await self._signatures(names)
        except (TravisError, TimeoutError) as exc:
            for name in names:
                self._refuse(name, "its signature could not be had", exc)
            return
        for name in names:
            if name not in self._registry or name in self._deadlines:
                continue
            if name in signatures:
                self._subscribe(name, signatures[name])
            else:
                self._refuse(name, "this token may not listen to it")
        self._wake.set()

    async def _signatures(self, names: list[str]) -> dict[str, str]:
        """Ask again where the server failed in passing: feeds should not end over that."""
        delays = backoff(1.0, 4.0)
        while True:
            try:
                return dict(await self._auth.sign(self._socket_id, names))
            except (ServerError, RequestError) as exc:
                failure = exc
            delay = next(delays)
            with anyio.CancelScope() as scope:
                scope.deadline = anyio.current_effective_deadline() - delay
                await anyio.sleep(delay)
            if scope.cancelled_caught:
                raise failure

    async def _expire(self) -> None:
        """Refuse what the server has not confirmed in time."""
        while True:
            if not self._deadlines:
                self._expecting.clear()
                await self._expecting.wait()
                continue
            name, deadline = next(iter(self._deadlines.items()))
            if deadline > self._now():
                await anyio.sleep(deadline - self._now())
            elif self._deadlines.pop(name, None) is not None:
                patience = self._options.subscribe_timeout
                self._refuse(name, f"the live server did not confirm it within {patience:g} s")

    async def _watch(self, activity: float) -> None:
        """Ping after silence; return when not even that is answered."""
        while True:
            silent = self._now() - self._heard_at
            if silent < activity:
                await anyio.sleep(activity - silent)
                continue
            before = self._heard_at
            self._socket.say("pusher:ping")
            self._wake.set()
            await anyio.sleep(self._options.pong_timeout)
            if self._heard_at == before:
                return

    def _refuse(self, name: str, reason: str, cause: Exception | None = None) -> None:
        if name not in self._registry:
            return
        self._health.refused += 1
        error = SubscriptionError(f"The channel {name} cannot be listened to: {reason}.", channel=name)
        error.__cause__ = cause
        self.leave(self._registry.fail(error, [name]))
