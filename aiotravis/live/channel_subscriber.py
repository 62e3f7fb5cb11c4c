"""Subscribes to the channels of one connection: signs, sends, waits for the answers, gives up, tries again."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.lowlevel

from aiotravis._async.retry import backoff
from aiotravis.errors import (
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerError,
    SubscriptionError,
    TravisError,
    UsageError,
)
from aiotravis.live.channels import is_private
from aiotravis.live.dispatcher import Dispatcher
from aiotravis.live.monitor import LiveMonitor
from aiotravis.live.socket import PusherSocket

__all__ = ["ChannelSubscriber"]

SUBSCRIBED_PER_TURN: Final = 100
"""Channels after which other tasks get their turn."""

SIGNING_DELAY: Final = 0.005
"""Seconds for which private channels are collected before they are signed."""

REFUSAL_AGE: Final = 60.0
"""Seconds after which a refused channel is subscribed to again, if an optional subscription needs it."""


@dataclass(slots=True)
class _Unanswered:
    """Subscriptions to one channel that the server has not answered yet.

    Attributes:
        answers: How many answers are due.
        confirmed: Whether the last answer was a confirmation.
    """

    answers: int = 0
    confirmed: bool = False


class ChannelSubscriber:
    """Subscribes to the dispatcher's channels on one connection.

    Args:
        socket: The connection.
        dispatcher: The channels.
        monitor: Counts refusals.
        timeout: Seconds to wait for the confirmation of a channel.

    Attributes:
        socket_id: The server's id of the connection.
    """

    def __init__(self, socket: PusherSocket, dispatcher: Dispatcher, monitor: LiveMonitor, timeout: float) -> None:
        self._socket = socket
        self._dispatcher = dispatcher
        self._counts = monitor.counts
        self._timeout = timeout
        self._now = asyncio.get_running_loop().time
        self._to_subscribe: OrderedDict[str, None] = OrderedDict()
        self._to_sign: dict[str, None] = {}
        self._wake_writer = asyncio.Event()
        self._wake_signer = asyncio.Event()
        self._unanswered: dict[str, _Unanswered] = {}
        self._deadlines: dict[str, float] = {}
        self._has_deadlines = asyncio.Event()
        self._refused: dict[str, float] = {}
        self.socket_id: str = ""
        self.subscribe(dispatcher)

    def subscribe(self, names: Iterable[str]) -> None:
        """Subscribe to further channels."""
        for name in names:
            self._refused.pop(name, None)
            if is_private(name):
                self._to_sign[name] = None
                self._wake_signer.set()
            else:
                self._to_subscribe[name] = None
                self._wake_writer.set()

    def send(self) -> None:
        """Send what is queued in the socket."""
        self._wake_writer.set()

    def subscribe_again(self, names: Iterable[str] | None = None) -> None:
        """Subscribe again to channels that were refused: to these, or to those refused `REFUSAL_AGE` ago."""
        if names is None:
            names = [name for name, at in self._refused.items() if at + REFUSAL_AGE <= self._now()]
        self.subscribe([name for name in names if name in self._refused and name in self._dispatcher])

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Unsubscribe from channels."""
        for name in names:
            self._deadlines.pop(name, None)
            self._refused.pop(name, None)
            self._to_sign.pop(name, None)
            if name in self._to_subscribe:
                del self._to_subscribe[name]
            else:
                self._socket.unsubscribe(name)
                self._wake_writer.set()

    async def run(self) -> None:
        """Do the work, until cancelled."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._write)
            group.start_soon(self._sign_pending)
            group.start_soon(self._enforce_deadlines)

    def is_answered(self, name: str, *, confirmed: bool) -> bool:
        """Record an answer of the server about a channel; return whether it is the last one that is due."""
        # fact 7.2: nothing confirms an unsubscription. Of a channel that was unsubscribed and subscribed again, the
        # last answer counts: the first one is about the subscription that has ended.
        unanswered = self._unanswered.get(name)
        if unanswered is None:
            return False
        unanswered.answers -= 1
        unanswered.confirmed = confirmed
        if unanswered.answers > 0:
            return False
        del self._unanswered[name]
        self._deadlines.pop(name, None)
        return True

    async def _write(self) -> None:
        """Subscribe to channels, and send what is queued."""
        while True:
            # One by one: they may be unsubscribed from while others have their turn.
            for _ in range(min(SUBSCRIBED_PER_TURN, len(self._to_subscribe))):
                self._subscribe(self._to_subscribe.popitem(last=False)[0])
            await self._socket.flush()
            if self._to_subscribe:
                await anyio.lowlevel.checkpoint()
            else:
                await self._wake_writer.wait()
                self._wake_writer.clear()

    def _subscribe(self, name: str, signature: str | None = None) -> None:
        self._unanswered.setdefault(name, _Unanswered()).answers += 1
        self._deadlines.pop(name, None)
        self._deadlines[name] = self._now() + self._timeout
        self._has_deadlines.set()
        self._socket.subscribe(name, signature)
        self._wake_writer.set()

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
                continue
            del self._deadlines[name]
            if self._unanswered.pop(name, _Unanswered()).confirmed:
                # The server has never answered to an earlier subscription, but to this one.
                self._dispatcher.confirm(name, self._now())
            else:
                self.refuse(name, f"the live server did not confirm it within {self._timeout:g} s")

    async def _sign_pending(self) -> None:
        """Sign private channels, all of a few milliseconds in one request (fact 7.7: each counts towards a ban)."""
        async with anyio.create_task_group() as group:
            while True:
                await self._wake_signer.wait()
                await anyio.sleep(SIGNING_DELAY)
                self._wake_signer.clear()
                names, self._to_sign = list(self._to_sign), {}
                if names:
                    group.start_soon(self._authorise, names)

    async def _authorise(self, names: list[str]) -> None:
        """Sign private channels and subscribe to them."""
        try:
            signatures = await self._sign(names)
        except TravisError as exc:
            for name in names:
                self.refuse(name, "its signature could not be fetched", exc)
            return
        for name in names:
            if name not in self._dispatcher or name in self._deadlines or self._dispatcher.is_confirmed(name):
                continue
            if name in signatures:
                self._subscribe(name, signatures[name])
            else:
                # fact 7.7, 9.39: channels that the token may not use are missing. Never subscribe without a signature,
                # although Slanger accepts that (fact 9.38).
                self.refuse(name, "this token may not subscribe to it")

    async def _sign(self, names: list[str]) -> dict[str, str]:
        """Sign channels, with retries for as long as a subscription may take. Waiting for the rate limits is free."""
        delays = backoff(1.0, 4.0)
        ends_at = math.inf
        while True:
            resources = self._dispatcher.resources(names)
            if resources is None:
                return {}
            try:
                # fact 7.2: signatures are valid for this socket alone, so never keep them for the next connection.
                return dict(await resources.pusher_auth.sign(self.socket_id, names))
            except RateLimited:
                # The limiter waits before the next attempt. fact 10.4: the refused call counts, too.
                delay = 1.0
            except (ServerError, RequestError) as exc:
                delay = next(delays)
                ends_at = min(ends_at, self._now() + self._timeout)
                # A server that was silent would be silent again.
                if isinstance(exc, RequestTimeout) or self._now() + 2 * delay > ends_at:
                    raise
            await anyio.sleep(delay)

    def refuse(self, name: str, reason: str, cause: Exception | None = None) -> None:
        """End the subscriptions of a channel with an error; those that are optional go on without it."""
        if name not in self._dispatcher:
            return
        self._counts["refused"] += 1
        error: TravisError = SubscriptionError(f"Cannot subscribe to the channel {name}: {reason}.", channel=name)
        if isinstance(cause, UsageError):
            # The client was closed.
            error = cause
        else:
            error.__cause__ = cause
        self.unsubscribe({name, *self._dispatcher.fail(error, [name])})
        if name in self._dispatcher:
            self._refused[name] = self._now()
