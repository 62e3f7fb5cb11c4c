"""MachineLimiter: limits shared by the processes of one user on one machine, through a `StateFile`.

POSTs, sign-ins, pauses and bans are shared: they lead to a ban, or come from the server. Reads are counted by each
process: too many of them only cost a pause.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import aiotravis.rate_limits.clock as clock
from aiotravis._http import ApiRequest
from aiotravis.errors import BannedError, UsageError
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.line import Waiter
from aiotravis.rate_limits.memory import MemoryLimiter
from aiotravis.rate_limits.places import keep_place
from aiotravis.rate_limits.rules import ANONYMOUS, AUTHENTICATED, Kind, identity
from aiotravis.rate_limits.shared_state import RecordedUse, SharedState, apply
from aiotravis.rate_limits.snapshot import Limits
from aiotravis.rate_limits.state_file import StateFile, StateFileError
from aiotravis.rate_limits.state_folder import state_folder
from aiotravis.rate_limits.windows import Permit

__all__ = ["Machine", "MachineLimiter", "forget_recorded_use", "machine_at", "recorded_use"]

P = ParamSpec("P")
T = TypeVar("T")

logger: Final = logging.getLogger("aiotravis.limits")

MAX_AGE: Final = 1.0
"""Seconds for which what was read from the file is believed."""

RETRY_AFTER: Final = 60.0
"""Seconds after which a file that could not be used is tried again."""

UNSHARED_POSTS: Final = 12
"""POSTs in their window while the file cannot be used: four such processes together are not banned."""


class Machine:
    """A state file and the thread that works with it.

    Args:
        file: The file.
        seconds: The boot clock.

    Attributes:
        file: As given.
        problem: Why the file cannot be used; None if it can.
    """

    def __init__(self, file: StateFile, seconds: Callable[[], float] | None = None) -> None:
        self.file: StateFile = file
        self.problem: str | None = None
        self._seconds = clock.seconds if seconds is None else seconds
        self._retry_at = 0.0
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0

    @property
    def usable(self) -> bool:
        """Whether to use the file, or to try it again."""
        return self.problem is None or self._seconds() >= self._retry_at

    def is_current(self, shared: RateLimiter) -> bool:
        """Return whether what is known about an identity is recent, or there is nothing to know."""
        now = self._seconds()
        if now - shared.refreshed_at <= MAX_AGE or not self.usable:
            return True
        if self.file.exists():
            return False
        shared.refreshed_at = now
        return True

    async def refresh(self, shared: RateLimiter, identity: str) -> None:
        """Read what is known about an identity; calls at the same time read it once."""
        future = shared.refreshing
        if future is None or future.done():

            def read() -> None:
                try:
                    apply(shared, self.file.read(identity))
                finally:
                    shared.refreshed_at = self._seconds()

            future = shared.refreshing = self.start(read)
        await asyncio.shield(asyncio.wrap_future(future))

    def attempt(self, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T | None:
        """Use the file; None if that is not possible, which is logged once. Blocks."""
        try:
            result = work(*arguments, **options)
        except StateFileError as exc:
            if self.problem != str(exc):
                logger.info("rate limits are not shared with other processes at present: %s", exc)
            self.problem, self._retry_at = str(exc), self._seconds() + RETRY_AFTER
            return None
        self.problem = None
        return result

    def start(self, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> "Future[T | None]":
        """Use the file, as `attempt` does, in its thread: after all that was started before.

        At the exit of the program, Python waits until it is done.
        """
        if self._pool is None or self._pid != os.getpid():
            # A forked process has no threads.
            self._pool, self._pid = ThreadPoolExecutor(1, "aiotravis-limits"), os.getpid()
        try:
            return self._pool.submit(lambda: self.attempt(work, *arguments, **options))
        except RuntimeError:
            # The program exits, or may have no more threads. It takes about a millisecond.
            done: Future[T | None] = Future()
            done.set_result(self.attempt(work, *arguments, **options))
            return done


class MachineLimiter(MemoryLimiter):
    """The limits as one client sees them, see `Limiter`.

    Args:
        shared: The limits of the identity in this process.
        machine: The file.
        identity: Key of the identity.
    """

    def __init__(self, shared: RateLimiter, machine: Machine, identity: str) -> None:
        super().__init__(shared)
        self._machine = machine
        self._identity = identity
        self._pause_recorded = 0.0

    def try_acquire(self, request: ApiRequest, *, low: bool = False) -> Permit | None:
        """Return permission to send, or None if `acquire` has to wait, or to ask the file."""
        shared = self.shared
        if request.method == "POST" or not self._machine.is_current(shared) or shared.current_ban is not None:
            keep_place()
            return None
        return super().try_acquire(request, low=low)

    async def _prepare(self, waiter: Waiter) -> None:
        machine, windows = self._machine, self.shared.windows
        if not machine.is_current(self.shared):
            await machine.refresh(self.shared, self._identity)
        windows.max_posts = windows.rules.max_posts if machine.problem is None else UNSHARED_POSTS

    async def _confirm(self, waiter: Waiter, started: float) -> float | None:
        machine, permit = self._machine, waiter.permit
        if permit is None or permit.kind is Kind.EXEMPT or not machine.usable:
            return None
        if permit.probe:
            # Of all processes, one may try.
            claim = machine.start(machine.file.claim_probe, self._identity)
            return None if await asyncio.wrap_future(claim) is True else 0.0
        if permit.kind is Kind.READ:
            # It may have waited for minutes.
            return None if machine.is_current(self.shared) else 0.0
        return await self._enter(permit, low=waiter.low)

    async def _enter(self, permit: Permit, *, low: bool) -> float | None:
        machine, rules = self._machine, self.shared.windows.rules
        entering = machine.start(machine.file.post, self._identity, permit.kind, rules, low=low)
        try:
            state = await asyncio.wrap_future(entering)
        except asyncio.CancelledError:
            if not entering.cancel():
                entering.add_done_callback(self._withdraw)
            raise
        self.shared.refreshed_at = self.shared.clock()
        if state is None:
            return 0.0
        if state.key is None:
            apply(self.shared, state)
            return max(0.0, state.wait)
        permit.key = state.key
        return None

    def _withdraw(self, entered: "Future[SharedState | None]") -> None:
        state = None if entered.cancelled() else entered.result()
        if state is not None and state.key is not None:
            self._machine.start(self._machine.file.withdraw, state.key)

    def release(self, permit: Permit, *, answered: bool = False) -> None:
        """Record that a request was answered or given up."""
        super().release(permit, answered=answered)
        if permit.key is not None:
            self._machine.start(self._machine.file.settle, permit.key)

    def _lift(self) -> None:
        super()._lift()
        self._machine.start(self._machine.file.lift, self._identity)

    def pause(self, retry_after: float | None, server_time: float | None = None) -> None:
        """Record a 429, for all processes."""
        until = self.shared.pause(retry_after, server_time)
        # The other calls in flight are throttled, too.
        if until > self._pause_recorded + 1:
            self._pause_recorded = until
            self._machine.start(self._machine.file.pause, self._identity, until)

    def ban(self, error: BannedError) -> None:
        """Record a ban, for all processes."""
        ban = self.shared.ban(error, probes=True)

        def record() -> None:
            self._machine.file.ban(self._identity, ban)
            ban.shared = True

        self._machine.start(record)

    def snapshot(self) -> Limits:
        """Return the remaining requests."""
        return self.shared.snapshot("machine", self._machine.problem)


def recorded_use(endpoint: str, token: str | None) -> RecordedUse:
    """Return what the processes of this machine have recorded about an identity. Blocks.

    Raises:
        UsageError: The file cannot be used.
    """
    try:
        file = machine_at(state_folder()).file
        return file.use(identity(endpoint, token), ANONYMOUS if token is None else AUTHENTICATED)
    except StateFileError as exc:
        raise UsageError(f"The rate limits of this machine cannot be read: {exc}") from exc


def forget_recorded_use(endpoint: str, token: str | None) -> None:
    """Remove what the processes of this machine have recorded about an identity. Blocks.

    Raises:
        UsageError: The file cannot be used.
    """
    try:
        machine_at(state_folder()).file.forget(identity(endpoint, token))
    except StateFileError as exc:
        raise UsageError(f"The rate limits of this machine cannot be changed: {exc}") from exc


_machines: dict[Path, Machine] = {}


def machine_at(folder: Path) -> Machine:
    """Return the state file in a folder, for all clients of this process."""
    if folder not in _machines:
        _machines[folder] = Machine(StateFile(folder, AUTHENTICATED, boot=clock.boot_id()))
    return _machines[folder]
