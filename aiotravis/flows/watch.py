"""Watching repositories: their newest builds now, then what changes, the newest state only."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn, Self

import msgspec

from aiotravis._async.background_task import BackgroundTask
from aiotravis._async.handle import Handle
from aiotravis._async.lifetime import ClientLifetime
from aiotravis.bulk.iteration import refuse_await
from aiotravis.errors import TravisError, UsageError
from aiotravis.flows.event_subscriber import RepoRef
from aiotravis.flows.repository_state import RepositoryState
from aiotravis.flows.repository_update import RepositoryUpdate
from aiotravis.flows.watcher import Watcher
from aiotravis.resources._base import list_of
from aiotravis.resources.repositories import Repository, repo_part

__all__ = ["Watch", "WatchStatus"]


class WatchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a watch as a whole is up to date; yielded whenever that changes.

    Attributes:
        error: Why nothing can be read at present, of any repository: an AuthenticationError or BannedError for the
            token, or a failure of the network or of Travis. None once it can. The watch goes on trying.
    """

    error: TravisError | None = None


class Watch(Handle):
    """An iterator of what changes: ``async with travis.watch(repos) as watch: async for item in watch: ...``.

    It yields a `RepositoryUpdate` of each repository as soon as its builds are read, then one whenever something of it
    changes, and a `WatchStatus` whenever nothing can be read, or everything again. A slow consumer gets fewer of them,
    each with the newest state. Several tasks may share it: each item goes to one of them.
    """

    def __init__(
        self,
        watcher: Callable[[Callable[[RepositoryState | None], None]], Watcher],
        lifetime: ClientLifetime,
        repos: RepoRef | Iterable[RepoRef] | AsyncIterable[RepoRef],
    ) -> None:
        self._watcher = watcher(self._notify)
        self._lifetime = lifetime
        self._task = BackgroundTask(self._watcher.run, lambda: False, "aiotravis watching")
        self._pending: dict[RepositoryState | None, None] = {}
        self._ready = asyncio.Event()
        self._entered = False
        self._closed: str | None = None
        self._source = repos if isinstance(repos, AsyncIterable) else None
        if not isinstance(repos, AsyncIterable):
            self.add(repos)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._entered else "not entered"
        return f"<Watch {state}, {len(self._watcher.states)} repositories>"

    async def __aenter__(self) -> Self:
        """Begin to watch, without waiting for anything but repositories that come from an async iterable.

        Raises:
            UsageError: The watch was used before, or the client is closed; or what came from the async iterable is no
                repository.
        """
        if self._entered:
            raise UsageError("This watch was used before. Call watch() again.")
        self._lifetime.check()
        self._entered = True
        if self._source is not None:
            self.add([repo async for repo in self._source])
        self._lifetime.on_close(self._close_with_client)
        self._task.ensure()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._lifetime.remove_on_close(self._close_with_client)
        await self._close("The `async with` block of this watch was left. Iterate within the block.")

    async def _close_with_client(self) -> None:
        await self._close("The client was closed while it watched repositories.")

    async def _close(self, reason: str) -> None:
        self._closed = self._closed or reason
        self._ready.set()
        await self._task.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RepositoryUpdate | WatchStatus:
        """Wait for the next change, and return the newest state of what has changed.

        Raises:
            UsageError: The block was not entered, or was left, or the client was closed.
        """
        if not self._entered:
            raise UsageError("Use watch() in an `async with` block: async with travis.watch(...) as watch: ...")
        while not self._closed:
            if self._pending:
                state = next(iter(self._pending))
                del self._pending[state]
                return WatchStatus(error=self.error) if state is None else state.take()
            self._ready.clear()
            await self._ready.wait()
        raise UsageError(self._closed)

    if not TYPE_CHECKING:  # Type checkers refuse to await this; at run time the error names the remedy.

        def __await__(self) -> NoReturn:
            refuse_await(self, "use it in a block, `async with travis.watch(...) as watch: async for item in watch`")

    @property
    def state(self) -> Sequence[RepositoryUpdate]:
        """What is known now of each repository that was read, in the order in which they were added."""
        return [state.show() for state in self._watcher.states.values() if state.complete or state.error is not None]

    @property
    def error(self) -> TravisError | None:
        """Why nothing can be read at present, see `WatchStatus`; None if all can."""
        return self._watcher.error

    def add(self, repos: RepoRef | Iterable[RepoRef]) -> None:
        """Watch further repositories. Those that are watched already stay as they are.

        Args:
            repos: One or several: ids, slugs, or repositories.

        Raises:
            UsageError: One of them is no repository; none was added.
        """
        for key, repo in _named(repos).items():
            self._watcher.add(key, repo)

    def remove(self, repos: RepoRef | Iterable[RepoRef]) -> None:
        """Watch repositories no more, and yield nothing of them. Those that are not watched are ignored.

        Args:
            repos: One or several: ids, slugs, or repositories, however they were named when they were added.

        Raises:
            UsageError: One of them is no repository; none was removed.
        """
        for state in self._watcher.remove(set(_named(repos))):
            self._pending.pop(state, None)

    def _notify(self, state: RepositoryState | None) -> None:
        self._pending[state] = None
        self._ready.set()


def _named(repos: RepoRef | Iterable[RepoRef]) -> dict[int | str, int | str]:
    """Return repositories as they were named, by id or by slug in lower case (fact 3.13)."""
    several = [repos] if isinstance(repos, int | str | Repository) else list_of(repos, "repos")
    named: dict[int | str, int | str] = {}
    for repo in several:
        repo_part(repo, "repos")
        name = repo.id if isinstance(repo, Repository) else repo
        named.setdefault(name.lower() if isinstance(name, str) else name, name)
    return named
