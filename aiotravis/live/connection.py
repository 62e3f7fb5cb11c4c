"""One connection to the live server, speaking the Pusher protocol: handshake, subscriptions, keep-alive, frames."""

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
    DECODE_ERRORS,
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
    repair_frame,
)
from aiotravis.live.socket import Closed, PusherSocket

__all__ = ["PusherConnection"]

logger: logging.Logger = logging.getLogger("aiotravis.live")


class PusherConnection:
    """One connection to the live server, subscribed to the dispatcher's channels.

    Attributes:
        last_error: The last error that the server reported.
    """

    def __init__(
        self, socket: PusherSocket, dispatcher: Dispatcher, monitor: LiveMonitor, options: LiveOptions
    ) -> None:
        self._socket = socket
        self._dispatcher = dispatcher
        self._monitor = monitor
        self._options = options
        self._now = asyncio.get_running_loop().time
        self._pending = dict.fromkeys(dispatcher)
        self._wake_writer = asyncio.Event()
        self._unconfirmed: Counter[str] = Counter()
        self._deadlines: dict[str, float] = {}
        self._has_deadlines = asyncio.Event()
        self._socket_id = ""
        self._received_at = 0.0
        self.last_error: ErrorFrame | None = None

    def subscribe(self, names: Iterable[str]) -> None:
        """Subscribe to further channels."""
        self._pending.update(dict.fromkeys(names))
        self._wake_writer.set()

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Unsubscribe from channels."""
        for name in names:
            self._deadlines.pop(name, None)
            if name in self._pending:
                del self._pending[name]
            else:
                self._socket.unsubscribe(name)
                self._wake_writer.set()

    async def run(self, on_established: Callable[[], None]) -> Closed:
        """Run the connection until it ends, and return how.

        Args:
            on_established: Called once the server has accepted the connection.
        """
        established = await self._handshake()
        if isinstance(established, Closed):
            return established
        on_established()
        self._socket_id = established.socket_id
        closed = Closed(None, "pong timeout")
        async with anyio.create_task_group() as group:

            async def read() -> None:
                nonlocal closed
                closed = await self._socket.listen(self._handle_frames)
                group.cancel_scope.cancel()

            async def keep_alive() -> None:
                # fact 7.3: the smaller one of the client's own timeout and the server's.
                await self._keep_alive(min(established.activity_timeout or math.inf, self._options.activity_timeout))
                group.cancel_scope.cancel()

            group.start_soon(read)
            group.start_soon(keep_alive)
            group.start_soon(self._write)
            group.start_soon(self._enforce_deadlines)
        return closed

    async def _handshake(self) -> Established | Closed:
        with anyio.move_on_after(self._options.handshake_timeout):
            while True:
                frame = await self._socket.receive()
                if isinstance(frame, Closed):
                    return frame
                self._monitor.frames += 1
                self._monitor.bytes += len(frame)
                message = read_frame(frame)
                if isinstance(message, Established):
                    self._received_at = self._now()
                    return message
                if isinstance(message, ErrorFrame):
                    self.last_error = message
                    if ends_connection(message):
                        return Closed(message.code, message.message)
        return Closed(None, "handshake timeout")

    def _handle_frames(self, frames: Sequence[bytes]) -> Closed | None:
        """Handle frames without waiting for a consumer. To return Closed ends the connection."""
        self._received_at = self._now()
        self._monitor.frames += len(frames)
        self._monitor.bytes += sum(map(len, frames))
        dispatch_log = self._dispatcher.dispatch_log
        for frame in frames:
            try:
                message = decode_frame(frame)
            except DECODE_ERRORS:
                try:
                    message = repair_frame(frame)
                except DECODE_ERRORS as exc:
                    self._ignore(type(exc).__name__)
                    continue
                self._monitor.count_unreadable()
            if message.event == "job:log":
                # The shortest path: log parts are most of what comes.
                dispatch_log(message, len(frame))
                continue
            closed = self._handle_message(message, len(frame))
            if closed is not None:
                return closed
        return None

    def _handle_message(self, frame: Message, size: int) -> Closed | None:
        message = read_message(frame)
        if isinstance(message, Message):
            self._dispatcher.dispatch(message, self._received_at, size)
        elif isinstance(message, Subscribed):
            self._confirm(message.channel)
        elif isinstance(message, Ping):
            self._socket.queue("pusher:pong")
            self._wake_writer.set()
        elif isinstance(message, ErrorFrame):
            return self._handle_error(message)
        elif isinstance(message, InvalidFrame):
            self._ignore(message.reason)
        return None

    def _ignore(self, reason: str) -> None:
        self._monitor.invalid_frames += 1
        logger.debug("ignored an invalid frame: %s", reason)

    def _confirm(self, name: str) -> None:
        # fact 7.2: nothing confirms an unsubscription. Of a channel that was unsubscribed and subscribed again, the
        # last confirmation counts: the first one belongs to the subscription that has ended.
        self._unconfirmed[name] -= 1
        if self._unconfirmed[name] <= 0:
            del self._unconfirmed[name]
            self._deadlines.pop(name, None)
            self._dispatcher.confirm(name, self._received_at)

    def _handle_error(self, error: ErrorFrame) -> Closed | None:
        self.last_error = error
        if ends_connection(error):
            return Closed(error.code, error.message)
        self._monitor.errors += 1
        logger.warning("the live server reports an error: code %s", error.code)
        if error.channel is not None and not self._dispatcher.is_confirmed(error.channel):
            self._refuse(error.channel, "the live server refused the subscription")
        return None

    async def _write(self) -> None:
        """Subscribe to pending channels, and send what is queued."""
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
                await self._wake_writer.wait()
                self._wake_writer.clear()

    def _subscribe(self, name: str, signature: str | None = None) -> None:
        self._unconfirmed[name] += 1
        self._deadlines.pop(name, None)
        self._deadlines[name] = self._now() + self._options.subscribe_timeout
        self._has_deadlines.set()
        self._socket.subscribe(name, signature)

    async def _authorise(self, names: list[str]) -> None:
        """Sign private channels and subscribe to them."""
        try:
            with anyio.fail_after(self._options.subscribe_timeout):
                signatures = await self._sign(names)
        except (TravisError, TimeoutError) as exc:
            for name in names:
                self._refuse(name, "its signature could not be fetched", exc)
            return
        for name in names:
            if name not in self._dispatcher or name in self._deadlines:
                continue
            if name in signatures:
                self._subscribe(name, signatures[name])
            else:
                # fact 7.7, 9.39: channels that the token may not use are missing. Never subscribe without a signature,
                # although Slanger accepts that (fact 9.38).
                self._refuse(name, "this token may not subscribe to it")
        self._wake_writer.set()

    async def _sign(self, names: list[str]) -> dict[str, str]:
        """Sign all channels in one call (fact 7.7: each counts towards a ban), with retries."""
        delays = backoff(1.0, 4.0)
        while True:
            resources = self._dispatcher.resources(names)
            if resources is None:
                return {}
            try:
                # fact 7.2: signatures are valid for this socket alone, so never keep them for the next connection.
                return dict(await resources.pusher_auth.sign(self._socket_id, names))
            except (ServerError, RequestError):  # Not RateLimited: the refused call counts, too (fact 10.4).
                delay = next(delays)
                # After the delay, as much time again has to be left for the call.
                if anyio.current_time() + 2 * delay > anyio.current_effective_deadline():
                    raise
            await anyio.sleep(delay)

    async def _enforce_deadlines(self) -> None:
        """Refuse the channels that the server does not confirm in time."""
        while True:
            if not self._deadlines:
                self._has_deadlines.clear()
                await self._has_deadlines.wait()
                continue
            name, deadline = next(iter(self._deadlines.items()))
            if deadline > self._now():
                await anyio.sleep(deadline - self._now())
            elif self._deadlines.pop(name, None) is not None:
                timeout = self._options.subscribe_timeout
                self._refuse(name, f"the live server did not confirm it within {timeout:g} s")

    async def _keep_alive(self, activity_timeout: float) -> None:
        """Ping after silence, and return when no frame follows."""
        # fact 7.3: any frame counts as activity. fact 9.38: Slanger never pings, so the client has to.
        while True:
            silence = self._now() - self._received_at
            if silence < activity_timeout:
                await anyio.sleep(activity_timeout - silence)
                continue
            before = self._received_at
            self._socket.queue("pusher:ping")
            self._wake_writer.set()
            await anyio.sleep(self._options.pong_timeout)
            if self._received_at == before:
                return

    def _refuse(self, name: str, reason: str, cause: Exception | None = None) -> None:
        if name not in self._dispatcher:
            return
        self._monitor.refused += 1
        error = SubscriptionError(f"Cannot subscribe to the channel {name}: {reason}.", channel=name)
        error.__cause__ = cause
        self.unsubscribe(self._dispatcher.fail(error, [name]))
