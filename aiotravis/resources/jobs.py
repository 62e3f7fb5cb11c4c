"""Jobs: the single runs of a build's matrix.

https://docs.travis-ci.com/api/#jobs
"""

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from datetime import timedelta
from types import NoneType

from aiotravis._http import Endpoint, Results, Transport
from aiotravis._http.lenient import Id
from aiotravis._validation import validate_bool, validate_iterable, validate_text
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.progress import Progress
from aiotravis.errors import NotFoundError, UsageError
from aiotravis.resources._base import Entity, Resource, id_of, text_query
from aiotravis.resources._build_or_job import BuildOrJob, finish
from aiotravis.resources._flash import FlashResponse, restart
from aiotravis.resources._runs import Restarts
from aiotravis.resources._states import State
from aiotravis.resources.commits import Commit
from aiotravis.resources.stages import Stage

__all__ = ["Job", "Jobs", "no_such_job"]


class Job(BuildOrJob, frozen=True, kw_only=True):
    """A job. Further attributes: `BuildOrJob`.

    Attributes:
        repository_slug: ``owner/name``; None in `Build.jobs`.
        stage_id: Id of the stage; None in `Build.jobs`.
        queue: Name of the queue, such as ``builds.gce``.
        allow_failure: Whether the build can pass although this job fails.
        tags: Comma-separated.
        log_id: Id of the log; only with ``include_log_id``.
        annotation_ids: Only from servers before 2018.
        stage: The stage; only from the live channel.
        repository_private: Whether the repository is private; only from the live channel.
    """

    build_id: Id | None = None
    repository_slug: str | None = None
    stage_id: Id | None = None
    queue: str | None = None
    allow_failure: bool | None = None
    tags: str | None = None  # fact 9.14: one string, not a list
    log_id: Id | None = None
    annotation_ids: tuple[Id, ...] = ()
    stage: Stage | None = None
    repository_private: bool | None = None

    @property
    def duration(self) -> timedelta | None:
        """Time from start to finish, or None until finished."""
        if self.started_at is None or self.finished_at is None:
            return None
        # fact 9.17: Travis never sends it. fact 10.1: a job can finish before it starts.
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
RESTART = Endpoint("POST", "/jobs/{id}/restart", FlashResponse, done=FlashResponse())

# fact 9.16: without it, log_id is only sent to clients whose User-Agent starts with Travis.
_LOG_ID = ("include_log_id", "true")


class Jobs(Resource):
    """``travis.jobs``."""

    def __init__(self, transport: Transport, restarts: Restarts | None = None) -> None:
        super().__init__(transport)
        self._restarts = restarts

    async def get(self, job: int | Job, *, include_log_id: bool = False) -> Job:
        """Fetch a job with its commit.

        Args:
            job: Id (not the number), or a job.
            include_log_id: Whether to request ``log_id``, which costs the server a look-up.

        Raises:
            NotFoundError: It does not exist or is hidden from this token.
            UsageError: Neither an id nor a job.
        """
        query = [_LOG_ID] if validate_bool(include_log_id, "include_log_id") else []
        response = await self._fetch(GET, id=id_of(job, "job", Job), query=query)
        return finish([response.job], [response.commit])[0]

    async def list(
        self, *, state: State | str | Iterable[State | str] | None = None, queue: str | None = None
    ) -> Results[Job]:
        """List up to 250 jobs of all repositories, in no order. If there may be more, list one state at a time.

        Without arguments, list all jobs that are created, queued, received or started.

        Args:
            state: Only in this state, or in one of these.
            queue: Only of this queue, such as ``builds.gce``. Cannot be combined with ``state``.

        Raises:
            UsageError: Both were passed, or one is empty.
        """
        if state is not None and queue is not None:
            message = "Pass either state or queue: the server ignores queue if there is a state."
            raise UsageError(message, argument="queue")
        if state is None or isinstance(state, str):
            query = text_query(state=state, queue=queue)
        else:
            validate_iterable(state, "state")
            query = [("state[]", validate_text(one, "state")) for one in state]
            if not query:
                raise UsageError("state must contain at least one state.", argument="state")
        response = await self._fetch(LIST, query=query)
        return finish(response.jobs, response.commits)

    async def cancel(self, job: int | Job) -> None:
        """Cancel a job. Travis queues this: the state changes later.

        Raises:
            RefusedError: It has already finished.
            PermissionDenied: The user lacks the rights.
            NotFoundError: It does not exist or is hidden from this token.
        """
        await self._fetch(CANCEL, id=id_of(job, "job", Job))

    async def restart(self, job: int | Job) -> str:
        """Restart a job, and with it its build. Travis queues this: the states change to created later.

        Until then, the client's waits and followed logs wait for the new run; see `Travis.restart`.

        Returns:
            Travis's notice.

        Raises:
            RefusedError: It has not finished, or its configuration is invalid; ``.flash`` holds the reasons.
            RepositoryMigrated: The repository has moved to another site.
            NotFoundError: It does not exist or is hidden from this token.
        """
        key = "job", id_of(job, "job", Job)
        build_id = job.build_id if isinstance(job, Job) else None
        return await restart(self._transport, RESTART, key, self._restarts, build_id=build_id, old=job)

    def many(
        self,
        jobs: Iterable[int | Job] | AsyncIterable[int | Job],
        *,
        include_log_id: bool = False,
        missing_ok: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> BatchIterator[Job]:
        """Fetch many jobs by their ids, in the order of the ids: 100 per request, up to 16 requests at the same time.

        Args:
            jobs: Ids, or jobs; also from an async iterable, such as an async generator.
            include_log_id: Whether to request ``log_id``, which costs the server a look-up per job.
            missing_ok: Whether missing ids are only listed in ``.missing``.
            progress: Called after every request, and once a second between them.

        Raises:
            UsageError: Immediately, or when an async iterable yields it: one is neither an id nor a job.
            NotFoundError: At the end of the iteration: some ids are missing, and ``missing_ok`` is not set.
        """
        validate_bool(include_log_id, "include_log_id")

        async def fetch(ids: Sequence[int]) -> Results[Job]:
            # fact 9.21: this route does not split a comma-separated list; only its first id would count.
            query = [("ids[]", str(number)) for number in ids]
            response = await self._fetch(LIST, query=[*query, _LOG_ID] if include_log_id else query)
            return finish(response.jobs, response.commits)

        return self._fetch_many(LIST, fetch, jobs, "jobs", Job, missing_ok, progress)


def no_such_job(number: int) -> NotFoundError:
    """Return the error for a job that is missing in a list of those requested."""
    remedy = "Check the id; other tokens may see more."
    message = f"GET /jobs: no job {number}, or hidden from this token. {remedy}"
    error = NotFoundError(message, status=200, method="GET", path="/jobs", remedy=remedy)
    error.missing = (number,)
    return error
