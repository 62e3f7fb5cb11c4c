"""Keeping the states of watched repositories true, in one background task and a task for each feed.

State comes from REST, change comes from events. Each repository is listed once. From then on, batched reads compare
what is known: once its events are received, after every loss of events, and at long intervals.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import anyio
from anyio.abc import TaskGroup

from aiotravis._async.retry import exponential, is_transient, log_retry
from aiotravis.errors import TravisError
from aiotravis.events import BuildEvent, Event, JobEvent, Mark
from aiotravis.flows.event_receiver import EventReceiver
from aiotravis.flows.event_subscriber import EventSubscriber
from aiotravis.flows.repository_state import RepositoryState
from aiotravis.flows.repository_update import is_same_failure
from aiotravis.flows.watch_reader import WatchReader
from aiotravis.resources.permissions import PermissionsResource

__all__ = ["Watcher"]

logger: Final = logging.getLogger("aiotravis.flows")

READ_DELAY: Final = 1.0
"""Seconds for which builds in doubt are collected before they are read."""

COMPARE_DELAY: Final = 0.05
"""The same for repositories whose events were lost, with many feeds at the same moment."""

RECONCILE_INTERVAL: Final = 300.0
"""Seconds between comparisons of everything with Travis, whatever the events say; varied by a fifth."""

POLL_INTERVAL: Final = 10.0
"""Seconds between reads of the repositories whose events do not arrive."""

SECONDS_PER_REPOSITORY: Final = 0.25
"""Seconds to add to that for each repository without a token: then each takes a request (fact 3.13)."""

RETRY_INTERVAL: Final = 60.0
"""Seconds between reads of repositories that could not be read, and of all with a token that is refused."""

FIRST_RETRY: Final = 1.0
MAX_RETRY: Final = 30.0
"""First and longest delay after a failure of the network or the server, in seconds."""

STATES_AT_ONCE: Final = 200
"""Repositories that are compared before what has come into doubt in the meantime is read."""

BUFFER: Final = 10_000
"""Maximum number of buffered events of one feed."""


class Watcher:
    """The states of watched repositories.

    Args:
        subscriber: Makes feeds.
        permissions: Tells which repositories the user may see, if all of them are watched; else None.
        last: Number of builds of each repository.
        jobs: Whether their jobs are wanted.
        has_token: Whether the client has a token.
        notify: Called with each state that has changed, and with None for `error`.

    Attributes:
        states: The states, by id or slug in lower case, as they were named.
        error: Why nothing can be read at present, or None.
    """

    def __init__(
        self,
        subscriber: EventSubscriber,
        permissions: PermissionsResource | None,
        reader: Callable[[Callable[[Sequence[RepositoryState]], None]], WatchReader],
        notify: Callable[[RepositoryState | None], None],
        *,
        last: int,
        jobs: bool,
        has_token: bool,
    ) -> None:
        self._subscriber = subscriber
        self._permissions = permissions
        self._notify = notify
        self._last = last
        self._jobs = jobs
        self._poll_delay_each = 0.0 if has_token else SECONDS_PER_REPOSITORY
        self._reader = reader(self._read_some)
        self.states: dict[int | str, RepositoryState] = {}
        self.error: TravisError | None = None
        self._removed: set[int | str] = set()
        self._by_id: dict[int, dict[RepositoryState, None]] = {}
        self._receivers: list[EventReceiver[RepositoryState]] = []
        self._unreceived: dict[RepositoryState, None] = {}
        self._to_compare: dict[RepositoryState, bool] = {}
        self._due: dict[RepositoryState, None] = {}
        self._times = {"reconcile": -1.0, "poll": -1.0, "retry": -1.0}
        self._is_to_find = False
        self._failures = 0
        self._wake = asyncio.Event()
        self._group: TaskGroup

    def add(self, key: int | str, repo: int | str) -> None:
        """Watch a repository, unless it is watched already."""
        self._removed.discard(key)
        if key not in self.states:
            state = self.states[key] = RepositoryState(repo, last=self._last, jobs=self._jobs)
            self._unreceived[state] = None
            self._compare([state])

    def remove(self, keys: set[int | str]) -> list[RepositoryState]:
        """Stop watching repositories, however they were named, and return their states."""
        removed: list[RepositoryState] = []
        for key, state in list(self.states.items()):
            slug = "" if state.repository is None else state.repository.slug.lower()
            if keys.isdisjoint({key, state.repository_id, slug}):
                continue
            removed.append(state)
            del self.states[key]
            for collection in (self._unreceived, self._to_compare, self._due):
                collection.pop(state, None)
            if state.repository_id is not None:
                self._removed.add(state.repository_id)
                self._by_id.get(state.repository_id, {}).pop(state, None)
            for receiver in self._receivers:
                if state in receiver.keys:
                    del receiver.keys[state]
                    if not receiver.keys:
                        receiver.scope.cancel()
        self._removed |= keys
        return removed

    async def run(self) -> None:
        """Keep the states true until cancelled. Nothing that comes from outside ends this."""
        async with anyio.create_task_group() as self._group:
            if self._permissions is not None:
                self._group.start_soon(self._receive, None)
            while True:
                self._schedule(anyio.current_time())
                self._receive_new()
                if self._to_compare or self._due or self._is_to_find:
                    await anyio.sleep(COMPARE_DELAY if self._to_compare else READ_DELAY)
                    await self._read()
                    continue
                with anyio.move_on_after(min(self._times.values()) - anyio.current_time()):
                    await self._wake.wait()
                self._wake.clear()

    def _schedule(self, now: float) -> None:
        """Decide what to compare because its time has come."""
        due = [name for name, time in self._times.items() if now >= time]
        if "reconcile" in due:
            self._is_to_find = self._permissions is not None
            self._compare(self.states.values(), whole=True)
            self._times["reconcile"] = now + RECONCILE_INTERVAL * random.uniform(0.8, 1.2)  # noqa: S311
        if "poll" in due:
            for receiver in self._receivers:
                if receiver.live_unavailable:
                    self._compare(receiver.keys or self.states.values())
            self._times["poll"] = now + POLL_INTERVAL + self._poll_delay_each * len(self.states)
        if "retry" in due:
            self._compare(state for state in self.states.values() if state.error is not None)
            self._times["retry"] = now + RETRY_INTERVAL

    def _compare(self, states: Iterable[RepositoryState], *, whole: bool = False) -> None:
        for state in states:
            self._to_compare[state] = self._to_compare.get(state, False) or whole
        self._wake.set()

    # Reading ----------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Read what is to be read next. After a failure, wait before it is read again."""
        states = dict(list(self._to_compare.items())[:STATES_AT_ONCE])
        due = self._due
        self._to_compare = dict(list(self._to_compare.items())[STATES_AT_ONCE:])
        self._due = {}
        try:
            if self._permissions is not None and self._is_to_find:
                for repository_id in sorted((await self._permissions.get()).permissions - self._removed):
                    self.add(repository_id, repository_id)
                self._is_to_find = False
            for whole in (False, True):
                some = [state for state, is_whole in states.items() if is_whole is whole]
                if some:
                    await self._reader.reconcile(some, whole=whole)
            if due:
                await self._reader.read_due(list(due))
        except Exception as exc:  # noqa: BLE001 - told to the consumer; what is watched is read again later
            for state, whole in states.items():
                self._compare([state], whole=whole)
            self._due.update(due)
            await anyio.sleep(self._fail(exc))
        else:
            self._failures = 0
            self._set_error(None)

    def _fail(self, error: Exception) -> float:
        """Report a failure that concerns everything, and return how long to wait, in seconds."""
        if not isinstance(error, TravisError):
            logger.error("reading what is watched failed", exc_info=error)
            error = TravisError(f"Watching failed: {error!r}.")
        self._set_error(error)
        self._failures += 1
        delay = exponential(FIRST_RETRY, MAX_RETRY, self._failures - 1) if is_transient(error) else RETRY_INTERVAL
        delay *= random.uniform(0.5, 1.0)  # noqa: S311
        log_retry(error, delay)
        return delay

    def _set_error(self, error: TravisError | None) -> None:
        if not is_same_failure(error, self.error):
            self.error = error
            self._notify(None)

    def _read_some(self, states: Iterable[RepositoryState]) -> None:
        """Report what has changed in some states, and note what is still in doubt."""
        for state in states:
            key = state.repo.lower() if isinstance(state.repo, str) else state.repo
            if self.states.get(key) is not state:
                continue  # removed in the meantime
            if state.dirty and (state.complete or state.error is not None):
                self._notify(state)
            if state.due:
                self._due[state] = None
                self._wake.set()

    # Events -----------------------------------------------------------------------------------------------------------

    def _receive_new(self) -> None:
        """Receive the events of the repositories whose ids are known now."""
        found = [state for state in self._unreceived if state.repository_id is not None]
        for state in found:
            del self._unreceived[state]
            self._by_id.setdefault(state.repository_id or 0, {})[state] = None
        if found and self._permissions is None:
            self._group.start_soon(self._receive, dict.fromkeys(found))

    async def _receive(self, states: dict[RepositoryState, None] | None) -> None:
        """Receive the events of some repositories until none of them is watched any more, or those of all."""
        kinds: tuple[type[Event], ...] = (BuildEvent, JobEvent) if self._jobs else (BuildEvent,)
        while states is None or states:
            ids = None if states is None else [one.repository_id for one in states if one.repository_id is not None]
            feed = self._subscriber.events(ids, only=kinds, buffer=BUFFER, optional=True)
            receiver = EventReceiver(feed, {} if states is None else states)
            self._receivers.append(receiver)
            try:
                with receiver.scope:
                    async with feed:
                        receiver.opened = True
                        # fact 7.9: what was read earlier may have changed before events were received.
                        self._compare(states or self.states.values())
                        async for event in feed:
                            self._apply(event, receiver)
            except TravisError as exc:
                logger.warning("no events of watched repositories for %.0f s: %s", MAX_RETRY, exc)
            finally:
                self._receivers.remove(receiver)
            if receiver.scope.cancelled_caught:
                return
            await anyio.sleep(MAX_RETRY)

    def _apply(self, event: Event, receiver: EventReceiver[RepositoryState]) -> None:
        if not isinstance(event, BuildEvent | JobEvent):
            if isinstance(event, Mark):
                self._compare(receiver.keys or self.states.values())
            return
        about = event.build if isinstance(event, BuildEvent) else event.job
        states = self._by_id.get(about.repository_id or 0)
        if states is None:
            if about.repository_id is None:
                # Neither the event nor REST says whose it is.
                self._compare(receiver.keys or self.states.values())
            elif self._permissions is not None and about.repository_id not in self._removed:
                self.add(about.repository_id, about.repository_id)
            return
        for state in states:
            try:
                state.apply_event(event, anyio.current_time())
            except Exception:  # what fails in the handling of an event is that of the event
                logger.exception("handling an event failed")
                self._compare([state], whole=True)
            if state.needs_list(every_change=False):
                self._compare([state])
        self._read_some(states)
