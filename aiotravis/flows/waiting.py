"""Waiting for builds and jobs: any number of calls share one connection and batched reads.

State comes from REST, change comes from events. Every target is read in batches of a hundred ids: at first, as soon as
its repository is subscribed to, after every loss of events, and at long intervals. In between, events decide.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from aiotravis._async.background_task import BackgroundTask
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import MAX_FAILURES, backoff, is_transient, log_retry
from aiotravis._http import Unreadable
from aiotravis.errors import AuthenticationError, DecodeError, NotFoundError, PermissionDenied, TravisError, UsageError
from aiotravis.events import BuildEvent, Event, JobEvent, Mark
from aiotravis.flows.event_receiver import EventReceiver
from aiotravis.flows.event_subscriber import EventSubscriber
from aiotravis.flows.wait_target import PendingWait, WaitTarget
from aiotravis.resources._base import read_in_parts
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._restart import Key, key_of
from aiotravis.resources._run_order import Run, RunOrder
from aiotravis.resources._runs import Restarts, RunFilter
from aiotravis.resources.builds import Builds
from aiotravis.resources.jobs import Jobs

__all__ = ["BuildWaiter"]

logger: Final = logging.getLogger("aiotravis.flows")

BATCH_DELAY: Final = 0.02
"""Seconds for which ids are collected before they are read."""

RECONCILE_INTERVAL: Final = 300.0
"""Seconds between reads of every target, whatever the events say; varied by a fifth to spread the load."""

POLL_INTERVAL: Final = 10.0
"""The same while a repository has no live channel."""

BUFFER: Final = 10_000
"""Maximum number of buffered events of one repository."""

FIRST_RETRY: Final = 1.0
MAX_RETRY: Final = 30.0
"""First and longest delay after a transient failure, in seconds."""


REFUSAL_PATIENCE: Final = 30.0
"""Seconds for which a build or job that could be read before may be missing, or unreadable, before its waits fail."""

REFUSALS: Final = (AuthenticationError, PermissionDenied, NotFoundError)


class BuildWaiter:
    """Waits for builds and jobs on behalf of all calls of a client, in one background task while there are any."""

    def __init__(
        self, subscriber: EventSubscriber, builds: Builds, jobs: Jobs, restarts: Restarts, lifetime: ClientLifetime
    ) -> None:
        self._subscriber = subscriber
        self._builds = builds
        self._jobs = jobs
        self._restarts = restarts
        self._lifetime = lifetime
        self._targets: dict[Key, WaitTarget] = {}
        self._due: dict[Key, None] = {}
        self._read_often: set[Key] = set()
        self._polled: set[Key] = set()
        self._receivers: dict[int, EventReceiver[Key]] = {}
        self._wake = asyncio.Event()
        self._group: TaskGroup
        self._task = BackgroundTask(self._run, lambda: len(self._targets) > 0, "aiotravis waiting")

    def __len__(self) -> int:
        return sum(len(target.waits) for target in self._targets.values())

    def run_filter(self, key: Key, after: BuildOrJob | None = None) -> RunFilter:
        """Return the filter of a call that begins now, see `RunFilter`.

        Raises:
            UsageError: `after` is not a value of the same build or job.
        """
        self._lifetime.check()
        run_filter = RunFilter(self._restarts, key, after)
        run_filter.begin()
        return run_filter

    async def wait(self, key: Key, until: Callable[[Any], bool], run_filter: RunFilter | None = None) -> Any:
        """Wait until `until` returns True for a build or job, and return it in that state.

        Args:
            key: What to wait for.
            until: What it is to be like.
            run_filter: Keeps out the states of an old run; by default, of that before a restart of the client's own.

        Raises:
            NotFoundError: It does not exist, or is hidden from this token.
            DecodeError: Its record cannot be read.
            RestartDropped: A restart that the client has made has had no effect within its patience.
            UsageError: The client is closed, was closed meanwhile, or is in use on another event loop.
            Exception: What `until` raised.
        """
        wait = self.begin(key, until, self.run_filter(key) if run_filter is None else run_filter)
        try:
            await wait.outcome
        finally:
            self.end(wait)
        return wait.value

    def begin(self, key: Key, until: Callable[[Any], bool], run_filter: RunFilter) -> PendingWait:
        """Begin what `wait` does, without a coroutine more. Await its outcome, then `end` it, whatever happens."""
        self._lifetime.on_close(self.aclose)
        wait = PendingWait(key, until, run_filter)
        self._targets.setdefault(key, WaitTarget(key)).add(wait)
        self._read_soon([key])
        self._task.ensure()
        return wait

    def end(self, wait: PendingWait) -> None:
        """End a wait that may not have an outcome: it was cancelled."""
        if wait.place >= 0:
            target = self._targets[wait.key]
            target.remove(wait)
            self._forget_if_settled(wait.key, target)

    def _forget_if_settled(self, key: Key, target: WaitTarget) -> None:
        if target.waits:
            return
        del self._targets[key]
        self._read_often.discard(key)
        self._polled.discard(key)
        receiver = target.receiver
        if receiver is not None:
            receiver.keys.pop(key, None)
            if not receiver.keys:
                # Remove it now: a target that is read before its task has ended needs a receiver of its own.
                self._receivers.pop(target.repository_id, None)
                receiver.scope.cancel()
        if not self._targets:
            self._lifetime.remove_on_close(self.aclose)
            self._wake.set()

    async def aclose(self) -> None:
        """Stop; every pending wait raises UsageError."""
        try:
            await self._task.aclose()
        finally:
            error = UsageError("The client was closed while something waited for a build or job.")
            self._fail(list(self._targets), error)

    def _fail(self, keys: Iterable[Key], error: TravisError) -> None:
        for key in keys:
            target = self._targets.get(key)
            if target is not None:
                target.fail(error)
                self._forget_if_settled(key, target)

    def _read_soon(self, keys: Iterable[Key]) -> None:
        self._due.update(dict.fromkeys(keys))
        self._wake.set()

    # In the background task -------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            async with anyio.create_task_group() as self._group:
                read_at, spread = anyio.current_time(), _spread()
                while self._targets:
                    now = anyio.current_time()
                    delay = self._restarts.poll_interval if self._read_often else POLL_INTERVAL
                    with anyio.move_on_after(
                        min(delay, max(0.0, read_at + self._read_interval * spread - now))
                    ) as pause:
                        await self._wake.wait()
                    # The live channel may have been lost in the meantime, or have come back.
                    now = anyio.current_time()
                    if now >= read_at + self._read_interval * spread:
                        read_at, spread = now, _spread()
                        self._due.update(dict.fromkeys(self._targets))
                    elif pause.cancelled_caught:
                        self._due.update(dict.fromkeys(self._read_often))
                    self._wake.clear()
                    if self._due:
                        await anyio.sleep(BATCH_DELAY)
                        await self._read_due()
                self._group.cancel_scope.cancel()
        except Exception as exc:  # noqa: BLE001 - raised in the waiting calls instead of here, where nobody sees it
            self._fail(list(self._targets), TravisError(f"Waiting failed: {exc!r}."))
        finally:
            self._receivers.clear()

    @property
    def _read_interval(self) -> float:
        polls = bool(self._polled) or any(one.live_unavailable for one in self._receivers.values())
        return POLL_INTERVAL if polls else RECONCILE_INTERVAL

    async def _read_due(self) -> None:
        """Read what is due. Transient failures are retried, and so are refusals of what could be read before."""
        delays = backoff(FIRST_RETRY, MAX_RETRY)
        for attempt in range(1, MAX_FAILURES + 1):
            due, self._due = [key for key in self._due if key in self._targets], {}
            try:
                await self._read(due)
            except TravisError as exc:
                is_retried = is_transient(exc) or (
                    isinstance(exc, REFUSALS) and any(self._targets[key].read for key in due if key in self._targets)
                )
                if attempt == MAX_FAILURES or not is_retried:
                    for key in due:
                        self._give_up(key, exc)
                    return
                delay = next(delays)
                log_retry(exc, delay)
            else:
                return
            self._read_soon(due)
            await anyio.sleep(delay)

    async def _read(self, due: list[Key]) -> None:
        for kind, resource in (("build", self._builds), ("job", self._jobs)):
            ids = [number for of, number in due if of == kind and (of, number) in self._targets]
            for number, error in (await read_in_parts(partial(self._read_many, kind, resource), ids)).items():
                self._not_read((kind, number), error, may_pass=is_transient(error))

    async def _read_many(self, kind: str, resource: Builds | Jobs, ids: list[int]) -> None:
        batches = resource.many(ids, missing_ok=True)
        async for value in batches:
            self._apply_read(value)
        # A record without a readable id may be one of the missing ones.
        unreadable = batches.unreadable[0] if batches.unreadable else None
        for number in batches.missing:
            error = _missing(kind, number, unreadable)
            self._not_read((kind, number), error, may_pass=unreadable is not None)

    def _not_read(self, key: Key, error: TravisError, *, may_pass: bool = False) -> None:
        """Fail a target that cannot be read; after `REFUSAL_PATIENCE` if it could be before, or if that may pass."""
        target = self._targets.get(key)
        if target is None:
            return
        now = anyio.current_time()
        if target.missing_since is None:
            target.missing_since = now
        may_pass = may_pass or target.read is not None
        if not may_pass or now >= target.missing_since + REFUSAL_PATIENCE:
            self._give_up(key, error)
        else:
            self._read_often.add(key)

    def _give_up(self, key: Key, error: TravisError) -> None:
        """Fail the waits for what could not be read, but for those that may hope for a new run: read it again."""
        target = self._targets.get(key)
        if target is not None:
            target.fail_read(error)
            self._read_often.add(key)
            self._forget_if_settled(key, target)

    def _apply_read(self, value: BuildOrJob) -> None:
        """Apply a state read over REST; watch the repository if the target is still waited for."""
        target = self._targets.get(key_of(value))
        if target is None:
            return
        key = target.key
        target.record_read(value)
        self._polled.discard(key)
        self._settle(key, target, value)
        if not target.waits or target.receiver is not None:
            return
        if value.repository_id is None:
            self._polled.add(key)
            return
        target.repository_id = value.repository_id
        target.receiver = self._receivers.get(value.repository_id)
        if target.receiver is None:
            feed = self._subscriber.events(
                value.repository_id, only=(BuildEvent, JobEvent), buffer=BUFFER, optional=True
            )
            target.receiver = self._receivers[value.repository_id] = EventReceiver(feed)
            self._group.start_soon(self._receive, target.receiver)
        target.receiver.keys[key] = None

    async def _receive(self, receiver: EventReceiver[Key]) -> None:
        """Receive the events of a repository until its scope is cancelled."""
        with receiver.scope:
            async with receiver.feed as feed:
                receiver.opened = True
                # fact 7.9: what was read earlier may have changed before events were received.
                self._read_soon(receiver.keys)
                async for event in feed:
                    try:
                        self._apply_event(event, receiver)
                    except Exception:  # what fails in the handling of an event is that of the event
                        logger.exception("handling an event failed")
                        self._read_soon(receiver.keys)

    def _apply_event(self, event: Event, receiver: EventReceiver[Key]) -> None:
        if isinstance(event, Mark):
            self._read_soon(receiver.keys)
            return
        if not isinstance(event, BuildEvent | JobEvent):
            return
        # fact 9.40: the state decides, not the class of the event. fact 9.41: a repeated event finds nothing to settle.
        value = event.build if isinstance(event, BuildEvent) else event.job
        key = key_of(value)
        target = self._targets.get(key)
        if target is None:
            return
        run, order = target.run, RunOrder.UNKNOWN
        # fact 9.42: an event that was too large has no state. One that seems late may have followed one of the future.
        if run is not None and event.complete and not event.late:
            order = run.order_of(value, is_event=True)
            if order in {RunOrder.EQUAL, RunOrder.LATER}:
                target.run = run.with_state(value) if order is RunOrder.EQUAL else Run.of(value)
                self._settle(key, target, target.completed(value), is_event=True)
        if order is RunOrder.UNKNOWN or target.awaits_run:
            self._read_soon([key])

    def _settle(self, key: Key, target: WaitTarget, value: BuildOrJob, *, is_event: bool = False) -> None:
        target.settle(value, is_event=is_event)
        if target.is_polled:
            self._read_often.add(key)
        else:
            self._read_often.discard(key)
        self._forget_if_settled(key, target)


def _spread() -> float:
    return random.uniform(0.8, 1.2)  # noqa: S311


def _missing(name: str, number: int, unreadable: Unreadable | None) -> TravisError:
    """Return the error for what a response lacks, which may be a record of it that could not be read."""
    path = f"/{name}s/{number}"
    if unreadable is not None:
        message = f"GET {path}: the record of this {name} cannot be read ({unreadable.reason})."
        return DecodeError(message, status=200, method="GET", path=path, excerpt=unreadable.excerpt)
    remedy = "Check the id; other tokens may see more."
    message = f"GET {path}: no such {name}, or hidden from this token. {remedy}"
    return NotFoundError(message, status=404, method="GET", path=path, remedy=remedy)
