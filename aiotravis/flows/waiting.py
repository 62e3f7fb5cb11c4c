"""Waiting for builds and jobs: any number of waiters on one connection.

State comes from REST, change comes from events. What is waited for is read in batches of a hundred ids: once, again as
soon as its repository is listened to, after every loss of events, and on a slow clock. In between, events decide.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from aiotravis._async.background_task import BackgroundTask
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._async.retry import backoff, is_transient, retry
from aiotravis.errors import NotFoundError, TravisError, UsageError
from aiotravis.events import BuildEvent, Event, JobEvent, Mark
from aiotravis.flows.event_subscriber import EventSubscriber
from aiotravis.flows.repository_watch import Key, RepositoryWatch, Thing, Waiter, WaitTarget
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.jobs import Job, Jobs

__all__ = ["Waiting"]

GATHER: Final = 0.02
"""Seconds for which ids are gathered before they are read."""

RECONCILE: Final = 300.0
"""Seconds after which everything that is waited for is read again, events or not; give or take a fifth."""

POLL: Final = 10.0
"""The same where there is no live channel."""

BUFFER: Final = 10_000
"""Events of one repository that may wait to be looked at."""

FIRST_DELAY: Final = 1.0
"""Longest pause, in seconds, after the first failure that passes; it doubles."""

LONGEST_DELAY: Final = 30.0


class Waiting:
    """Waits for builds and jobs, for all of a client's callers at once.

    Its task lives for as long as anybody waits.

    Args:
        listening: Opens feeds.
        builds: Reads builds.
        jobs: Reads jobs.
        lifetime: Ends with the client.
    """

    def __init__(self, listening: EventSubscriber, builds: Builds, jobs: Jobs, lifetime: ClientLifetime) -> None:
        self._listening = listening
        self._builds = builds
        self._jobs = jobs
        self._lifetime = lifetime
        self._watched: dict[Key, WaitTarget] = {}
        self._unread: dict[Key, None] = {}
        self._lines: dict[int, RepositoryWatch] = {}
        self._wake = asyncio.Event()
        self._group: TaskGroup | None = None
        self._task = BackgroundTask(self._run, lambda: len(self._watched) > 0, "aiotravis waiting")

    def __len__(self) -> int:
        return sum(len(watched.waiters) for watched in self._watched.values())

    async def wait(self, key: Key, until: Callable[[Any], bool]) -> Any:
        """Wait until a build or job is as wanted, and give it as it then is.

        Args:
            key: What is waited for: its class and its id.
            until: Says whether it is as wanted.

        Raises:
            NotFoundError: No such thing, or hidden from this token.
            UsageError: The client is closed, was closed meanwhile, or was opened on another event loop.
        """
        self._lifetime.check()
        self._lifetime.on_close(self.aclose)
        waiter = Waiter(asyncio.get_running_loop().create_future(), until)
        self._watched.setdefault(key, WaitTarget()).waiters.append(waiter)
        self._unread[key] = None
        self._wake.set()
        self._task.ensure()
        try:
            return await waiter.future
        finally:
            self._leave(key, waiter)

    def _leave(self, key: Key, waiter: Waiter) -> None:
        watched = self._watched.get(key)
        if watched is None or waiter not in watched.waiters:
            return
        watched.waiters.remove(waiter)
        if not watched.waiters:
            self._forget(key)

    def _forget(self, key: Key) -> None:
        watched = self._watched.pop(key)
        self._unread.pop(key, None)
        line = self._lines.get(watched.repository or 0)
        if line is not None:
            line.keys.discard(key)
            if not line.keys:
                # Not there any more for who comes before it has ended.
                del self._lines[watched.repository or 0]
                line.scope.cancel()
        if not self._watched:
            self._lifetime.remove_on_close(self.aclose)
            self._wake.set()

    async def aclose(self) -> None:
        """End: whoever waits is told that the client was closed."""
        try:
            await self._task.aclose()
        finally:
            error = UsageError("The client was closed while something waited for a build or job.")
            self._fail(list(self._watched), error)

    def _fail(self, keys: Iterable[Key], error: TravisError) -> None:
        for key in keys:
            if key in self._watched:
                self._watched[key].fail(error)
                self._forget(key)

    # The task of its own ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            async with anyio.create_task_group() as self._group:
                while self._watched:
                    with anyio.move_on_after(self._interval()) as clock:
                        await self._wake.wait()
                    if clock.cancelled_caught:
                        self._unread.update(dict.fromkeys(self._watched))
                    self._wake.clear()
                    if self._unread:
                        await anyio.sleep(GATHER)
                        await self._read_patiently()
                self._group.cancel_scope.cancel()
        except Exception as exc:  # noqa: BLE001 - told to whoever waits, not to an orphaned task
            error = exc if isinstance(exc, TravisError) else TravisError(f"Waiting failed: {exc!r}.")
            self._fail(list(self._watched), error)
        finally:
            self._lines.clear()

    def _interval(self) -> float:
        live_unavailable = any(line.live_unavailable for line in self._lines.values())
        return (POLL if live_unavailable else RECONCILE) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load

    async def _read_patiently(self) -> None:
        """Read what is due; wait out what passes, tell of what does not."""
        due, self._unread = [key for key in self._unread if key in self._watched], {}
        try:
            await retry(lambda: self._read(due), backoff(FIRST_DELAY, LONGEST_DELAY))
        except TravisError as exc:
            self._fail(due, exc)

    async def _read(self, due: list[Key]) -> None:
        for kind, resource in ((Build, self._builds), (Job, self._jobs)):
            ids = [number for of, number in due if of is kind and (of, number) in self._watched]
            if not ids:
                continue
            many = resource.many(ids, missing_ok=True)
            async for thing in many:
                self._learn((kind, thing.id), thing)
            # What came without a readable id may be one of them: they are read again later.
            for number in () if many.unreadable else many.missing:
                self._fail([(kind, number)], _unknown(kind, number))

    def _learn(self, key: Key, thing: Thing) -> None:
        """Take a state that was read; listen to the repository of what is not yet as wanted."""
        watched = self._watched.get(key)
        if watched is None:
            return
        watched.started_at = thing.started_at
        self._settle(key, watched, thing)
        if key not in self._watched or watched.repository is not None or thing.repository_id is None:
            return
        watched.repository = thing.repository_id
        line = self._lines.get(thing.repository_id)
        if line is None and self._group is not None:
            line = self._lines[thing.repository_id] = RepositoryWatch()
            self._group.start_soon(self._listen, thing.repository_id, line)
        if line is not None:
            line.keys.add(key)

    def _settle(self, key: Key, watched: WaitTarget, thing: Thing) -> None:
        watched.settle(thing)
        if not watched.waiters:
            self._forget(key)

    async def _listen(self, repository: int, line: RepositoryWatch) -> None:
        """Take a repository's events for as long as something in it is waited for."""
        with line.scope:
            delays = backoff(FIRST_DELAY, LONGEST_DELAY)
            while True:
                try:
                    feed = self._listening.events(repository, only=(BuildEvent, JobEvent), buffer=BUFFER)
                    async with feed:
                        line.live_unavailable = False
                        # What was read before may have changed before anybody listened.
                        self._due(line)
                        async for event in feed:
                            self._take(event, line)
                except TravisError as exc:
                    line.live_unavailable = True
                    self._due(line)
                    # Its place is kept, so that nobody tries again for every build: the clock reads it, and faster.
                    await (anyio.sleep(next(delays)) if is_transient(exc) else anyio.sleep_forever())

    def _due(self, line: RepositoryWatch) -> None:
        self._unread.update(dict.fromkeys(line.keys))
        self._wake.set()

    def _take(self, event: Event, line: RepositoryWatch) -> None:
        if isinstance(event, Mark):
            self._due(line)
            return
        key: Key
        thing: Thing
        if isinstance(event, BuildEvent):
            key, thing = (Build, event.build.id), event.build
        elif isinstance(event, JobEvent):
            key, thing = (Job, event.job.id), event.job
        else:
            return
        watched = self._watched.get(key)
        if watched is None or event.late:
            return
        if not event.complete:
            self._unread[key] = None
            self._wake.set()
        elif watched.started_at is None or event.updated_at is None or event.updated_at >= watched.started_at:
            watched.started_at = thing.started_at or watched.started_at
            self._settle(key, watched, thing)


def _unknown(kind: type[Build] | type[Job], number: int) -> NotFoundError:
    name = kind.__name__.lower()
    path = f"/{name}s/{number}"
    remedy = "Check the id; other tokens may see more."
    message = f"GET {path}: no such {name}, or hidden from this token. {remedy}"
    return NotFoundError(message, status=404, method="GET", path=path, remedy=remedy)
