"""Jobs: single runs out of a build's matrix.

https://docs.travis-ci.com/api/#jobs
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from types import NoneType

from aiotravis._http import Endpoint
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.progress import Progress
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource, id_of, ids_of, text_of
from aiotravis.resources._build_or_job import BuildOrJob
from aiotravis.resources._flash import FlashResponse, restarted
from aiotravis.resources._states import State
from aiotravis.resources.commits import Commit, joined
from aiotravis.resources.stages import Stage

__all__ = ["Job", "Jobs"]


class Job(BuildOrJob, frozen=True, kw_only=True):
    """One job. What it shares with builds: `BuildOrJob`.

    Attributes:
        build_id: Id of its build.
        repository_slug: ``owner/name``; None in the jobs that come with a build.
        stage_id: Id of its stage; None in the jobs that come with a build.
        queue: Name of its queue, such as ``builds.gce``.
        allow_failure: Whether the build may pass without it.
        tags: Comma-joined, a string.
        log_id: Id of its log, where it was asked for.
        annotation_ids: Only on servers of before 2018.
        stage: Its stage, only over the live channel.
        repository_private: Whether its repository is private, only over the live channel.
    """

    build_id: int | None = None
    repository_slug: str | None = None
    stage_id: int | None = None
    queue: str | None = None
    allow_failure: bool | None = None
    tags: str | None = None
    log_id: int | None = None
    annotation_ids: tuple[int, ...] = ()
    stage: Stage | None = None
    repository_private: bool | None = None

    def __hash__(self) -> int:
        return BuildOrJob.__hash__(self)

    @property
    def duration(self) -> timedelta | None:
        """From start to finish, or None while either is missing. Travis never sends it for jobs."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(timedelta(0), self.finished_at - self.started_at)


class _JobResponse(Entity, frozen=True, kw_only=True):
    job: Job
    commit: Commit | None = None


class _JobsResponse(Entity, frozen=True, kw_only=True):
    jobs: tuple[Job, ...]
    commits: tuple[Commit, ...] = ()


GET = Endpoint("GET", "/jobs/{id}", _JobResponse)
LIST = Endpoint("GET", "/jobs", _JobsResponse)
CANCEL = Endpoint("POST", "/jobs/{id}/cancel", NoneType)
RESTART = Endpoint("POST", "/jobs/{id}/restart", FlashResponse)

_LOG_ID = ("include_log_id", "true")


class Jobs(Resource):
    """``travis.jobs``."""

    async def get(self, job: int | Job, *, include_log_id: bool = False) -> Job:
        """Fetch one job with its commit.

        Args:
            job: The id that Travis gave the job (not the ``"12.1"`` people see), or a job.
            include_log_id: Whether to ask for ``log_id``, which costs the server a look-up.

        Raises:
            NotFoundError: No such job, or this token may not see it.
            UsageError: Not an id.
        """
        query = [_LOG_ID] if include_log_id else []
        response = await self._fetch(GET, id=id_of(job, "job", Job), query=query)
        return joined([response.job], [response.commit] if response.commit else [])[0]

    async def list(
        self, *, state: State | str | Iterable[State | str] | None = None, queue: str | None = None
    ) -> Sequence[Job]:
        """List jobs across repositories, 250 at most, in no order; ask state by state if there may be more.

        Args:
            state: Only in this state, or these.
            queue: Only of this queue, such as ``builds.gce``. Not together with ``state``: the server looks at one.

        Without either, all that are created, queued, received or started.

        Raises:
            UsageError: Both are given, or one is empty.
        """
        if state is not None and queue is not None:
            raise UsageError("Give state or queue: the server looks at only one of them.", argument="queue")
        query: Sequence[tuple[str, str]] = ()
        if queue is not None:
            query = [("queue", text_of(queue, "queue"))]
        elif isinstance(state, str):
            query = [("state", text_of(state, "state"))]
        elif state is not None:
            query = [("state[]", text_of(one, "state")) for one in state]
            if not query:
                raise UsageError("state must name at least one state.", argument="state")
        response = await self._fetch(LIST, query=query)
        return joined(response.jobs, response.commits)

    async def cancel(self, job: int | Job) -> None:
        """Cancel a job. Travis queues this: its state changes a little later.

        Args:
            job: Id of the job, or a job.

        Raises:
            RefusedError: It has ended already.
            PermissionDenied: The token's user may not.
            NotFoundError: No such job, or hidden from this token.
        """
        await self._fetch(CANCEL, id=id_of(job, "job", Job))

    async def restart(self, job: int | Job) -> str:
        """Run a job again; its build goes back with it. Travis queues this.

        Args:
            job: Id of the job, or a job.

        Returns:
            What Travis says to that.

        Raises:
            RefusedError: It has not ended, or cannot run; ``.flash`` tells why.
            RepositoryMigrated: It has to be restarted on the other site.
            NotFoundError: No such job, or hidden from this token.
        """
        return await restarted(self._transport, RESTART, id_of(job, "job", Job))

    def many(
        self,
        jobs: Iterable[int | Job],
        *,
        include_log_id: bool = False,
        missing_ok: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> BatchIterator[Job]:
        """Fetch many jobs by their ids, a hundred in a request, several requests at once, in the order asked.

        Args:
            jobs: Ids, or jobs.
            include_log_id: Whether to ask for ``log_id``, which costs the server a look-up for each.
            missing_ok: Whether ids that the server does not know are only listed in ``.missing``.
            progress: Told how far it has come: at every batch, and once a second while it waits.

        Raises:
            UsageError: At once: one of them is not an id.
            NotFoundError: At the end of the iteration: ids that the server did not know, unless ``missing_ok``.
        """

        async def fetch(ids: Sequence[int]) -> Iterable[Job]:
            # A comma-separated list is not split on this route: only its first id would count.
            query = [("ids[]", str(number)) for number in ids]
            response = await self._fetch(LIST, query=[*query, _LOG_ID] if include_log_id else query)
            return joined(response.jobs, response.commits)

        return BatchIterator(
            fetch,
            ids_of(jobs, "jobs", Job),
            path=LIST.path,
            missing_ok=missing_ok,
            progress=progress,
            waiting=lambda: self._transport.waiting,
        )
