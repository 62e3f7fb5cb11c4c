"""Reading what `Travis.watch` shows: repositories and builds in batches, a list only where builds may be missing."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

import anyio

from aiotravis._async.retry import is_transient
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.gather import gather
from aiotravis.errors import AuthenticationError, BannedError, PermissionDenied, TravisError, UsageError
from aiotravis.flows.repository_state import RepositoryState
from aiotravis.resources._base import read_in_parts
from aiotravis.resources.builds import Build, Builds
from aiotravis.resources.jobs import Job, Jobs
from aiotravis.resources.repositories import Repositories, Repository

__all__ = ["WatchReader"]

E = TypeVar("E", Build, Job, Repository)

LISTS_AT_ONCE: Final = 16
"""Repositories that are listed at the same time, before the jobs of their builds are read together."""

OF_ALL: Final = (AuthenticationError, BannedError, UsageError)
"""Errors that are never those of one repository."""


class WatchReader:
    """Reads repositories into their states.

    Args:
        repositories: Reads the repositories.
        builds: Reads their builds.
        jobs: Reads their jobs.
        changed: Called with states that may have changed, as soon as they have.
        last: Number of builds of each.
        batched: Whether repositories can be read by the hundred, which needs a token (fact 3.13).
    """

    def __init__(
        self,
        repositories: Repositories,
        builds: Builds,
        jobs: Jobs,
        changed: Callable[[Sequence[RepositoryState]], None],
        *,
        last: int,
        batched: bool,
    ) -> None:
        self._repositories = repositories
        self._builds = builds
        self._jobs = jobs
        self._last = last
        self._batched = batched
        self._changed = changed
        self._failed: set[RepositoryState] = set()
        self._succeeded = False

    async def reconcile(self, states: Sequence[RepositoryState], *, whole: bool) -> None:
        """Compare states with Travis.

        Args:
            states: The states.
            whole: Whether to read every build; else only those that have not ended, and what is new.

        Raises:
            TravisError: Nothing can be read at present, or with this token. What concerns one repository is the error
                of its state.
        """
        self._failed.clear()
        self._succeeded = False
        await self._read_repositories([state for state in states if state.repository_id is not None])
        listed: list[RepositoryState] = []
        for state in self._readable(states):
            if state.repository_id is None or state.needs_list(every_change=whole):
                listed.append(state)
            else:
                state.check_builds(every_build=whole)
                state.check_jobs()
        for start in range(0, len(listed), LISTS_AT_ONCE):
            chunk = listed[start : start + LISTS_AT_ONCE]
            await self._list(chunk)
            for state in chunk:
                state.check_jobs()
            await self._read_jobs(chunk)
            for state in self._readable(chunk):
                state.apply_error(None)
            self._finish(chunk)
        done = set(listed)
        await self._read_due([state for state in states if state not in done or state.due])
        for state in self._readable(states):
            state.apply_error(None)
        self._changed(states)

    async def read_due(self, states: Sequence[RepositoryState]) -> None:
        """Read what is in doubt.

        Raises:
            TravisError: It cannot be read.
        """
        self._failed.clear()
        await self._read_due(states)

    async def _read_due(self, states: Sequence[RepositoryState]) -> None:
        due = {build_id: state for state in states for build_id in state.due}
        read_at, found, unread = await _read_many(
            partial(self._builds.many, exclude_config=True, missing_ok=True), list(due)
        )
        self._succeeded = self._succeeded or bool(found)
        by_state: dict[RepositoryState, list[int]] = {}
        for build_id, state in due.items():
            if build_id not in unread:
                by_state.setdefault(state, []).append(build_id)
                continue
            state.postpone(build_id)
            state.apply_error(unread[build_id] or TravisError(f"Build {build_id} has a record that cannot be read."))
            self._failed.add(state)
        for state, ids in by_state.items():
            own = [found[build_id] for build_id in ids if build_id in found]
            state.apply_builds(ids, [one for one in own if one.repository_id == state.repository_id], read_at)
        await self._list([state for state in by_state if state.needs_list(every_change=False)])
        await self._read_jobs(states)
        self._finish(states)

    def _readable(self, states: Iterable[RepositoryState]) -> list[RepositoryState]:
        return [state for state in states if state not in self._failed]

    def _finish(self, states: Sequence[RepositoryState]) -> None:
        for state in self._readable(states):
            state.finish_reading()
        self._changed(states)

    async def _each(
        self, read: Callable[[RepositoryState], Awaitable[None]], states: Iterable[RepositoryState]
    ) -> None:
        """Read repositories one by one, several at the same time."""

        async def attempt(state: RepositoryState) -> TravisError | None:
            try:
                await read(state)
            except OF_ALL:
                raise
            except TravisError as exc:
                return exc
            self._succeeded = True
            return None

        several = list(states)
        for state, error in zip(several, await gather(attempt, several, at_once=LISTS_AT_ONCE), strict=True):
            if error is None:
                continue
            if is_transient(error) and not self._succeeded:
                raise error
            self._failed.add(state)
            state.apply_error(error)

    # The repositories -------------------------------------------------------------------------------------------------

    async def _read_repositories(self, states: Sequence[RepositoryState]) -> None:
        """Read repositories whose ids are known. Those that are gone or hidden get the error that tells why."""
        missing = list(states)
        if self._batched:
            ids = list({state.repository_id: None for state in states if state.repository_id is not None})
            try:
                read_at, found, _ = await _read_many(partial(self._repositories.many, missing_ok=True), ids)
            except PermissionDenied:
                self._batched = False
            else:
                self._succeeded = self._succeeded or bool(found)
                missing.clear()
                for state in states:
                    repository = found.get(state.repository_id or 0)
                    if repository is None:
                        missing.append(state)
                    else:
                        state.apply_repository(repository, read_at)
        await self._each(self._read_repository, missing)

    async def _read_repository(self, state: RepositoryState) -> None:
        read_at = anyio.current_time()
        state.apply_repository(await self._repositories.get(state.repository_id or state.repo), read_at)

    # Their builds -----------------------------------------------------------------------------------------------------

    async def _list(self, states: Sequence[RepositoryState]) -> None:
        await self._each(self._list_one, states)
        # Found by their slugs just now.
        await self._read_repositories([state for state in self._readable(states) if state.repository is None])

    async def _list_one(self, state: RepositoryState) -> None:
        read_at = anyio.current_time()
        if state.is_empty:
            state.apply_list([], read_at)
            return
        builds = self._builds.list(state.repository_id or state.repo, exclude_config=True, limit=self._last)
        found = await builds.to_list()
        if not found:
            # fact 9.4: an unknown or hidden repository has an empty list, too.
            await self._read_repository(state)
        state.apply_list(found, read_at, whole=not builds.unreadable)

    # Their jobs -------------------------------------------------------------------------------------------------------

    async def _read_jobs(self, states: Sequence[RepositoryState]) -> None:
        wanted = [(state, jobs) for state in states if (jobs := state.jobs_to_read())]
        ids = [job_id for _, jobs in wanted for several in jobs.values() for job_id in several]
        read_at, found, unread = await _read_many(partial(self._jobs.many, missing_ok=True), ids)
        for state, jobs in wanted:
            readable = {build_id: [one for one in several if one not in unread] for build_id, several in jobs.items()}
            state.apply_jobs(readable, found, read_at)


async def _read_many(
    many: Callable[[list[int]], BatchIterator[E]], ids: list[int]
) -> tuple[float, dict[int, E], dict[int, TravisError | None]]:
    """Read entities by their ids.

    Returns:
        When that began, by the loop's clock; the entities; and the ids of those that may exist, but cannot be read,
        with the reason, if it is known.

    Raises:
        TravisError: Not one of them could be read.
    """
    read_at = anyio.current_time()
    found: dict[int, E] = {}
    unread: dict[int, TravisError | None] = {}

    async def read(some: list[int]) -> None:
        batches = many(some)
        async for entity in batches:
            found[entity.id] = entity
        if batches.unreadable:
            # A record without a readable id may be one of the missing ones.
            unread.update(dict.fromkeys(batches.missing))

    unread.update(await read_in_parts(read, ids))
    return read_at, found, unread
