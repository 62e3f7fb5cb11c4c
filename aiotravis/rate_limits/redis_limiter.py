"""RedisLimiter: limits shared by the processes of a fleet, in Redis.

Reads are fetched in batches: a call seldom waits for Redis. A POST asks each time. While Redis is away, reads keep to
the share of this process, and POSTs wait.
"""

import asyncio
import contextlib
import dataclasses
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from aiotravis._async.background_task import BackgroundTask
from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError, LimitsUnavailable
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.line import Waiter
from aiotravis.rate_limits.memory import MemoryLimiter
from aiotravis.rate_limits.places import keep_place
from aiotravis.rate_limits.redis_connection import RedisConnection
from aiotravis.rate_limits.redis_fleet import RedisUnavailable, fleet_of, jittered
from aiotravis.rate_limits.redis_limits import RedisLimits
from aiotravis.rate_limits.rules import SOON, Kind
from aiotravis.rate_limits.snapshot import Limits
from aiotravis.rate_limits.windows import Permit

__all__ = ["RedisLimiter"]

MAX_CLOSING: Final = 0.1
"""Seconds that closing a client waits for Redis. What it is not told then expires."""

MAX_CLAIM: Final = 2.0
"""Seconds to wait for the permission to try whether a ban still holds."""


@dataclass(eq=False)
class _Post:
    kind: Kind
    low: bool
    answered: "asyncio.Future[float | None]"
    entry: str = field(default_factory=lambda: secrets.token_hex(8))


class RedisLimiter(MemoryLimiter):
    """The limits as one client sees them, see `Limiter`.

    Args:
        shared: The limits of the identity in this process.
        limits: Where Redis is.
        identity: Key of the identity.
    """

    def __init__(self, shared: RateLimiter, limits: RedisLimits, identity: str) -> None:
        super().__init__(shared)
        self._limits = limits
        self._fleet = fleet_of(shared)
        self._redis = RedisConnection(limits, identity, shared.windows.rules)
        self._rounds: list[asyncio.Future[None]] = []
        self._posts: deque[_Post] = deque()
        self._settled: list[str] = []
        self._withdrawn: list[str] = []
        self._reports: deque[Callable[[], Awaitable[None]]] = deque(maxlen=100)
        self._pause_reported = 0.0
        self._task = BackgroundTask(self._run, self._has_work, "aiotravis-limits")

    def try_acquire(self, request: ApiRequest, *, low: bool = False) -> Permit | None:
        """Return permission to send, or None if `acquire` has to wait, or to ask Redis."""
        if request.method == "POST" or self.shared.current_ban is not None:
            keep_place()
            return None
        return super().try_acquire(request, low=low)

    async def _prepare(self, waiter: Waiter) -> None:
        fleet, shared = self._fleet, self.shared
        if fleet.problem is None and waiter.kind is Kind.READ:
            now = shared.clock()
            if now >= shared.windows.not_before[Kind.READ] and shared.demand()[0] > 0:
                await self._round()
        if fleet.problem is not None:
            fleet.use_share(self._limits.processes)
            if shared.clock() >= fleet.retry_at and not self._task.running:
                # Nobody waits for this attempt.
                self._rounds.append(asyncio.get_running_loop().create_future())
                self._task.ensure()

    def _round(self) -> "asyncio.Future[None]":
        """Return a future that ends with the next round trip."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rounds.append(future)
        self._task.ensure()
        return future

    async def _confirm(self, waiter: Waiter, started: float) -> float | None:
        permit, fleet = waiter.permit, self._fleet
        if permit is None:
            return None
        if permit.probe:
            return None if await self._claim_probe() else 0.0
        if permit.kind is Kind.READ:
            return None
        if fleet.problem is None or self.shared.clock() >= fleet.retry_at:
            post = _Post(permit.kind, waiter.low, asyncio.get_running_loop().create_future())
            self._posts.append(post)
            self._task.ensure()
            try:
                wait = await post.answered
            except asyncio.CancelledError:
                if post.answered.done() and not post.answered.cancelled() and post.answered.result() is None:
                    # It was entered at the same moment.
                    self._withdrawn.append(post.entry)
                    self._task.ensure()
                raise
            if wait is None:
                permit.key = post.entry
                return None
            if fleet.problem is None:
                return wait
        now = self.shared.clock()
        patience = max(started, fleet.away_since) + self._limits.max_outage - now
        if patience <= 0 or fleet.permanent:
            raise _unavailable(waiter.request, str(fleet.problem))
        return max(0.01, min(fleet.retry_at - now, patience, SOON))

    async def _claim_probe(self) -> bool:
        claimed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def claim() -> None:
            allowed = await self._redis.claim_probe()
            if not claimed.done():
                claimed.set_result(allowed)

        self._reports.append(claim)
        self._task.ensure()
        with anyio.move_on_after(MAX_CLAIM):
            return await claimed
        return False

    def release(self, permit: Permit, *, answered: bool = False) -> None:
        """Record that a request was answered or given up."""
        super().release(permit, answered=answered)
        if permit.key is not None:
            self._settled.append(permit.key)
            self._task.ensure()

    def _lift(self) -> None:
        super()._lift()
        self._report(self._redis.lift)

    def pause(self, retry_after: float | None, server_time: float | None = None) -> None:
        """Record a 429, for all processes."""
        until = self.shared.pause(retry_after, server_time)
        if until > self._pause_reported + 1:
            self._pause_reported = until
            offset = None if server_time is None else server_time - self.shared.clock()

            async def report() -> None:
                now = self.shared.clock()
                await self._redis.pause(max(0.0, until - now), None if offset is None else offset + now)

            self._report(report)

    def ban(self, error: BannedError) -> None:
        """Record a ban, for all processes."""
        ban = self.shared.ban(error, probes=True)

        async def report() -> None:
            await self._redis.ban(max(0.0, ban.until - self.shared.clock()), ban.remedy)
            ban.shared = True

        self._report(report)

    def _report(self, report: Callable[[], Awaitable[None]]) -> None:
        self._reports.append(report)
        self._task.ensure()

    def snapshot(self) -> Limits:
        """Return the remaining requests."""
        limits = self.shared.snapshot("redis", self._fleet.problem)
        if self._fleet.problem is None and self._fleet.room is not None and limits.room is not None:
            room = min(limits.room, self._fleet.room)
            limits = dataclasses.replace(limits, room=room, posts=min(room, limits.posts or 0))
        return limits

    async def aclose(self) -> None:
        """Report what was not reported yet, and close the connection."""
        await self._task.aclose()
        self._answer_all()
        with anyio.move_on_after(MAX_CLOSING), contextlib.suppress(RedisUnavailable):
            if self._fleet.room is not None and self._fleet.problem is None:
                await self._report_all()
        await self._redis.aclose()

    # The task that speaks with Redis ---------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        return bool(self._rounds or self._posts or self._settled or self._withdrawn or self._reports)

    async def _run(self) -> None:
        fleet = self._fleet
        while self._has_work():
            if fleet.problem is not None:
                # Those who wait for Redis do not wait here. What is to be reported does.
                await anyio.sleep(max(0.0, fleet.retry_at - self.shared.clock()))
            try:
                await self._exchange()
            except RedisUnavailable as exc:
                fleet.lose(exc)
                fleet.use_share(self._limits.processes)
                self.shared.wake_all()
                self._answer_all()

    def _answer_all(self) -> None:
        """End the waits for Redis: they find it away."""
        rounds, self._rounds = self._rounds, []
        posts, self._posts = self._posts, deque()
        for future in rounds:
            if not future.done():
                future.set_result(None)
        for post in posts:
            if not post.answered.done():
                post.answered.set_result(SOON)

    async def _exchange(self) -> None:
        """Report, and ask for what is wanted."""
        if self._settled or self._withdrawn or self._reports:
            await self._report_all()
        rounds, self._rounds = self._rounds, []
        try:
            while self._posts and self._posts[0].answered.done():
                self._posts.popleft()
            post = self._posts[0] if self._posts else None
            await self._ask(post)
            if post is not None:
                self._posts.popleft()
        finally:
            for future in rounds:
                if not future.done():
                    future.set_result(None)

    async def _report_all(self) -> None:
        while self._reports:
            await self._reports[0]()
            self._reports.popleft()
        settled, withdrawn = tuple(self._settled), tuple(self._withdrawn)
        await self._redis.release(self._fleet.process, self._fleet.in_flight(), settled, withdrawn)
        del self._settled[: len(settled)], self._withdrawn[: len(withdrawn)]

    async def _ask(self, post: _Post | None) -> None:
        fleet, shared, rules = self._fleet, self.shared, self.shared.windows.rules
        now, (demand, low) = shared.clock(), shared.demand()
        want = fleet.want(demand, now)
        if want == 0 and post is None and fleet.problem is None and fleet.room is not None:
            return
        low = post.low if post is not None else low
        if post is not None:
            # Unless Redis answers, nobody knows whether it was entered.
            self._withdrawn.append(post.entry)
        answer = await self._redis.acquire(
            fleet.process,
            in_flight=fleet.in_flight(),
            want=want,
            spent=fleet.spent(),
            cap=fleet.cap(low=low),
            kind=None if post is None else post.kind,
            entry="" if post is None else post.entry,
            max_posts=int(rules.max_posts * (1 - (rules.reserve if low else 0.0))),
        )
        fleet.apply(answer, now, want)
        if fleet.distrusted:
            # Others may have asked in between, each for one POST at most.
            await self._redis.distrust()
            fleet.distrusted = False
        if post is not None and not (answer.entered and post.answered.done()):
            self._withdrawn.remove(post.entry)
            if not post.answered.done():
                post.answered.set_result(None if answer.entered else jittered(answer.post_wait))


def _unavailable(request: ApiRequest, reason: str) -> LimitsUnavailable:
    error = LimitsUnavailable(
        f"{request.method} {request.safe_target} was not sent: the rate limits in Redis cannot be reached "
        f"({reason}). Check the Redis of rate_limits=.",
        method=request.method,
        path=request.safe_target,
    )
    error.unsent = True
    return error
