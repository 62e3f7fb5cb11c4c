"""WaitingClient: the methods of a client that wait for builds, jobs and commits, or watch repositories."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from functools import partial
from typing import Final, TypeVar, cast, overload

from aiotravis._validation import validate_bool, validate_callback, validate_count, validate_not_awaitable
from aiotravis.bulk.concurrent_map import ConcurrentMap
from aiotravis.bulk.progress import Progress
from aiotravis.client._base_client import BaseClient
from aiotravis.errors import UsageError
from aiotravis.flows.commit_waiting import CommitSearch, CommitWaiter
from aiotravis.flows.event_subscriber import BuildRef, EventSubscriber, JobRef, RepoRef
from aiotravis.flows.restart import Restarter
from aiotravis.flows.waiting import BuildWaiter
from aiotravis.flows.watch import Watch
from aiotravis.flows.watch_reader import WatchReader
from aiotravis.flows.watcher import Watcher
from aiotravis.resources._base import id_of, ids_of, list_of
from aiotravis.resources.builds import Build
from aiotravis.resources.commits import Commit
from aiotravis.resources.jobs import Job

__all__ = ["WaitingClient"]


V = TypeVar("V", Build, Job)

MAX_WAITS: Final = 100_000
"""Builds that are waited for at the same time by one call."""


def _has_ended(value: Build | Job) -> bool:
    return value.finished


def _condition(until: Callable[[V], object] | None) -> Callable[[V], bool]:
    """Return what is waited for: the end, if it is None.

    Raises:
        UsageError: It is not a function, or an async one; also when the condition is called, if only that tells.
    """
    if until is None:
        return _has_ended
    plain = validate_callback(until, "until")

    def holds(value: V) -> bool:
        result = plain(value)
        validate_not_awaitable(result, "until")
        return bool(result)

    return holds


class WaitingClient(BaseClient):
    """Waits for builds, jobs and commits, restarts, and watches repositories. Its subclass provides the flows."""

    _subscriber: EventSubscriber
    _waiting: BuildWaiter
    _commit_waiting: CommitWaiter
    _restarter: Restarter

    async def _counted(self, waiting: Awaitable[V]) -> V:
        """Await, and be one of `Statistics.waiters` meanwhile."""
        counts = self._transport.identity.counts
        counts.waiters += 1
        try:
            return await waiting
        finally:
            counts.waiters -= 1

    async def wait_for_build(
        self, build: BuildRef, *, until: Callable[[Build], bool] | None = None, after: Build | None = None
    ) -> Build:
        """Wait until a build has ended: passed, failed, errored or canceled.

        Any number of callers share one connection; without a live channel, they share batched reads. If the build is
        restarted before it has ended, the wait goes on. If this client has restarted it, or a job of it, the new run
        is waited for, see `restart`. Limit the time yourself: ``with anyio.fail_after(600): ...``.

        Args:
            build: Id of the build, or a build.
            until: What to wait for instead of the end, a plain function: ``lambda build: build.running``.
            after: The run to get past, if the build is restarted elsewhere: the build as it was before. For the
                ``restart_patience`` its state is polled, since events may have been lost.

        Returns:
            The build in the state waited for, with its commit, without its jobs.

        Raises:
            NotFoundError: There is no such build, or it is hidden from this token.
            DecodeError: Its record cannot be read.
            RestartDropped: This client has restarted it, without effect.
            UsageError: An argument is not valid, or the client was closed meanwhile.
        """
        key = "build", id_of(build, "build", Build)
        wait = self._waiting.begin(key, _condition(until), self._waiting.run_filter(key, after))
        counts = self._transport.identity.counts
        counts.waiters += 1
        try:
            await wait.outcome
        finally:
            counts.waiters -= 1
            self._waiting.end(wait)
        return cast("Build", wait.value)

    def wait_for_builds(
        self,
        builds: Iterable[BuildRef] | AsyncIterable[BuildRef],
        *,
        until: Callable[[Build], bool] | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> ConcurrentMap[BuildRef, Build]:
        """Wait for many builds, and yield each as soon as it has ended, as `wait_for_build` does for one.

        ``async with travis.wait_for_builds(ids) as outcomes: async for outcome in outcomes: ...``

        Args:
            builds: Ids, or builds; thousands, and also from an async iterable, such as ``travis.builds.list(repo)``.
            until: What to wait for instead of the end, a plain function: ``lambda build: build.running``.
            progress: Called with a `Progress` at every outcome, and once a second while there is none.

        Returns:
            An async context manager and iterator of `Outcome`: ``.item``, ``.value`` (the build, or raises what
            `wait_for_build` raises), ``.error``. Leaving the block ends the waits that are left.

        Raises:
            UsageError: At once: one is neither an id nor a build, or another argument is not valid. One that comes from
                an async iterable is the error of its outcome.
        """
        if not isinstance(builds, AsyncIterable):
            builds = list_of(builds, "builds")
            ids_of(builds, "builds", Build)
        condition = _condition(until)
        return ConcurrentMap(
            lambda build: self.wait_for_build(build, until=condition),
            builds,
            at_once=MAX_WAITS,
            ordered=False,
            progress=progress,
            waiting=lambda: self._transport.waiting,
        )

    async def wait_for_job(
        self, job: JobRef, *, until: Callable[[Job], bool] | None = None, after: Job | None = None
    ) -> Job:
        """Wait until a job has ended, as `wait_for_build` does for a build.

        Args:
            job: Id of the job, or a job.
            until: What to wait for instead of the end, a plain function: ``lambda job: job.running``.
            after: The run to get past, if the job is restarted elsewhere: the job as it was before.

        Raises:
            NotFoundError: There is no such job, or it is hidden from this token.
            DecodeError: Its record cannot be read.
            RestartDropped: This client has restarted it, or its build, without effect.
            UsageError: An argument is not valid, or the client was closed meanwhile.
        """
        key = "job", id_of(job, "job", Job)
        wait = self._waiting.begin(key, _condition(until), self._waiting.run_filter(key, after))
        counts = self._transport.identity.counts
        counts.waiters += 1
        try:
            await wait.outcome
        finally:
            counts.waiters -= 1
            self._waiting.end(wait)
        return cast("Job", wait.value)

    @overload
    async def restart(self, build: BuildRef) -> Build: ...

    @overload
    async def restart(self, build: Job) -> Job: ...

    @overload
    async def restart(self, *, job: JobRef) -> Job: ...

    async def restart(self, build: BuildRef | Job | None = None, *, job: JobRef | None = None) -> Build | Job:
        """Restart a build or a job, and wait until its new run exists.

        ``build = await travis.wait_for_build(await travis.restart(build))``

        Travis only queues a restart: for seconds it still shows the old run, and now and then it drops the restart.
        The client remembers each restart that is made with this, `Builds.restart` or `Jobs.restart` until it has seen
        the new run, at most for its ``restart_patience``. Until then, what `wait_for_build`, `wait_for_job` and
        `follow_log` wait for is the new run: of a restarted build, of its jobs, and of the build of a restarted job.
        After that, those that were waiting raise RestartDropped; later ones take the old run as it is.

        If the answer to the restart is lost, it may have been carried out: this waits for the new run all the same, and
        raises the error only if none begins. After an error of `Builds.restart` or `Jobs.restart`, waits and followed
        logs do so, too, and then take the old run as it is. Odd answers right after a restart are outlasted.

        Cancelling this leaves nothing behind but, once it was sent, the restart.

        Args:
            build: Id of the build, a build, or a job.
            job: Id of a job, or a job, instead.

        Returns:
            The build without its jobs, or the job, on its new run; usually in the state created.

        Raises:
            RestartDropped: No new run has begun within the ``restart_patience``.
            RequestError: The answer was lost, and no new run has begun; or the build or job could not be read.
            ServerError: As RequestError.
            RateLimited: Too many requests; nothing was changed.
            RefusedError: It has not finished, or its configuration is invalid; ``.flash`` holds the reasons.
            RepositoryMigrated: The repository has moved to another site.
            NotFoundError: It does not exist or is hidden from this token.
            UsageError: An argument is not valid, or the client was closed meanwhile.
        """
        if (build is None) == (job is None):
            raise UsageError("Pass either a build or a job.", argument="build")
        if build is None or isinstance(build, Job):
            restarted: Job = await self._counted(self._restarter.restart(Job, id_of(build or job, "job", Job)))
            return restarted
        rebuilt: Build = await self._counted(self._restarter.restart(Build, id_of(build, "build", Build)))
        return rebuilt

    async def wait_for_commit(
        self,
        repo: RepoRef,
        sha: str | Commit,
        *,
        event_type: str | None = None,
        branch: str | None = None,
        tag: str | None = None,
        appear_within: float = 300.0,
        until: Callable[[Build], bool] | None = None,
    ) -> Build:
        """Wait until the build of a commit has ended; the build need not exist yet.

        The push and the pull request of one commit have a build each, and so have its branch and its tag. Without
        ``event_type``, ``branch`` and ``tag``, the first build that appears is used, or that of a push if there are
        several already. A restarted build counts as it is. The newest 1,000 builds and 100 requests are searched.

        Args:
            repo: Id, slug, or a repository.
            sha: Hash of the commit, or at least its first seven digits, or a commit.
            event_type: Only a build for a ``push``, ``pull_request``, ``api`` or ``cron``.
            branch: Only a build for this branch, not for a tag; for a pull request, the branch that it is based on.
            tag: Only a build for this tag.
            appear_within: How long to wait for a build to appear, in seconds. How long it may run is not limited.
            until: What to wait for instead of the end, a plain function: ``lambda build: build.running``.

        Returns:
            The build in the state waited for, with its commit, without its jobs.

        Raises:
            CommitNotBuilt: Travis rejected it (the error has the reason), or no build appeared in time (it says how
                far was searched).
            RestartDropped: This client has restarted the build, without effect.
            NotFoundError: There is no such repository, or it is hidden from this token.
            UsageError: An argument is not valid, or the client was closed meanwhile.
        """
        search = CommitSearch(repo, sha, event_type, appear_within, branch=branch, tag=tag)
        return await self._counted(self._commit_waiting.wait(search, _condition(until)))

    def watch(
        self,
        repos: RepoRef | Iterable[RepoRef] | AsyncIterable[RepoRef] | None = None,
        *,
        last: int = 8,
        jobs: bool = True,
    ) -> Watch:
        """Watch the newest builds of repositories: what they are now, then what changes.

        ``async with travis.watch(repos) as watch: async for update in watch: ...``

        Each repository is listed once, within the rate limits, and given as soon as it is read. Then its events are
        received, for any number of repositories over one connection. After a loss of events, without a live channel,
        and every five minutes, batched reads find what has changed.

        Args:
            repos: One or several: ids, slugs, or repositories. None for all that the token's user has a right on. An
                empty list for none: use `Watch.add`. An async iterable is read to its end when the block is entered.
            last: Number of builds of each.
            jobs: Whether to read their jobs, too.

        Returns:
            An async context manager and iterator of `RepositoryUpdate`, and of `WatchStatus` whenever nothing can be
            read or everything again; with ``.state``, ``.add`` and ``.remove``. A repository that is gone, hidden or
            unknown has an update with an ``error``; the others go on.

        Raises:
            UsageError: At once: an argument is not valid, or there are neither repositories nor a token.
        """
        validate_count(last, "last")
        validate_bool(jobs, "jobs")
        has_token = self._transport.identity.token is not None
        if repos is None and not has_token:
            raise UsageError("Without a token, name the repositories to watch.", argument="repos")
        watcher = partial(
            Watcher,
            self._subscriber,
            self.permissions if repos is None else None,
            partial(WatchReader, self.repos, self.builds, self.jobs, last=last, batched=has_token),
            last=last,
            jobs=jobs,
            has_token=has_token,
        )
        return Watch(watcher, self._transport.lifetime, () if repos is None else repos)
