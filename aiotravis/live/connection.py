"""One connection to the live server, speaking the Pusher protocol: handshake, subscriptions, keep-alive, frames."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence

import anyio

from aiotravis.live.channel_subscriber import ChannelSubscriber
from aiotravis.live.dispatcher import DELIVERIES_PER_TURN, Dispatcher
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
        channels: Subscribes to its channels.
        last_error: The last error that the server reported.
    """

    def __init__(
        self, socket: PusherSocket, dispatcher: Dispatcher, monitor: LiveMonitor, options: LiveOptions
    ) -> None:
        self._socket = socket
        self._dispatcher = dispatcher
        self._monitor = monitor
        self._counts = monitor.counts
        self._options = options
        self._now = asyncio.get_running_loop().time
        self._received_at = 0.0
        self.channels: ChannelSubscriber = ChannelSubscriber(socket, dispatcher, monitor, options.subscribe_timeout)
        self.last_error: ErrorFrame | None = None

    async def run(self, on_established: Callable[[], None]) -> Closed:
        """Run the connection until it ends, and return how.

        Args:
            on_established: Called once the server has accepted the connection.
        """
        established = await self._handshake()
        if isinstance(established, Closed):
            return established
        on_established()
        self.channels.socket_id = established.socket_id
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
            group.start_soon(self.channels.run)
        return closed

    async def _handshake(self) -> Established | Closed:
        with anyio.move_on_after(self._options.handshake_timeout):
            while True:
                frame = await self._socket.receive()
                if isinstance(frame, Closed):
                    return frame
                self._counts["frames"] += 1
                self._counts["bytes"] += len(frame)
                message = read_frame(frame)
                if isinstance(message, Established):
                    self._received_at = self._now()
                    return message
                if isinstance(message, ErrorFrame):
                    self.last_error = message
                    if ends_connection(message):
                        return Closed(message.code, message.message)
        return Closed(None, "handshake timeout")

    async def _handle_frames(self, frames: Sequence[bytes]) -> Closed | None:
        """Handle frames without waiting for a consumer. To return Closed ends the connection."""
        self._received_at = self._now()
        self._counts["frames"] += len(frames)
        self._counts["bytes"] += sum(map(len, frames))
        dispatcher = self._dispatcher
        for frame in frames:
            try:
                try:
                    message = decode_frame(frame)
                except DECODE_ERRORS:
                    message = repair_frame(frame)
                    self._monitor.count_unreadable()
                if message.event == "job:log":
                    # The shortest path: log parts are most of what comes.
                    dispatcher.dispatch_log(message, len(frame))
                elif (closed := self._handle_message(message, len(frame))) is not None:
                    return closed
            except DECODE_ERRORS as exc:
                self._monitor.count_invalid(type(exc).__name__)
            except Exception as exc:  # noqa: BLE001 - whatever fails in the handling of a frame is that of the frame
                self._monitor.count_failure("handling a frame", exc)
            if dispatcher.deliveries >= DELIVERIES_PER_TURN:
                await dispatcher.give_way()
        return None

    def _handle_message(self, frame: Message, size: int) -> Closed | None:
        if not frame.event.startswith("pusher"):
            self._dispatcher.dispatch(frame, self._received_at, size)
            return None
        message = read_message(frame)
        if isinstance(message, Subscribed):
            if self.channels.is_answered(message.channel, confirmed=True):
                self._dispatcher.confirm(message.channel, self._received_at)
        elif isinstance(message, Ping):
            self._socket.queue("pusher:pong")
            self.channels.send()
        elif isinstance(message, ErrorFrame):
            return self._handle_error(message)
        elif isinstance(message, InvalidFrame):
            self._monitor.count_invalid(message.reason)
        return None

    def _handle_error(self, error: ErrorFrame) -> Closed | None:
        if not error.of_subscription:
            self.last_error = error
        if ends_connection(error):
            return Closed(error.code, error.message)
        self._counts["errors"] += 1
        logger.warning("the live server reports an error: code %s", error.code)
        if error.channel is not None and self.channels.is_answered(error.channel, confirmed=False):
            self.channels.refuse(error.channel, "the live server refused the subscription")
        return None

    async def _keep_alive(self, activity_timeout: float) -> None:
        """Ping after silence, and return when no frame follows."""
        # fact 7.3: any frame counts as activity. fact 9.38: Slanger never pings, so the client has to.
        # Bytes count, too: a large frame may take longer to arrive than the server may be silent.
        while True:
            before = max(self._received_at, self._socket.received_at)
            silence = self._now() - before
            if silence < activity_timeout:
                await anyio.sleep(activity_timeout - silence)
                continue
            self._socket.queue("pusher:ping")
            self.channels.send()
            await anyio.sleep(self._options.pong_timeout)
            if max(self._received_at, self._socket.received_at) == before:
                return
