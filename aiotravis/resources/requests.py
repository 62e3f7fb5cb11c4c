"""Requests: events that Travis received from GitHub, and the builds they led to.

https://docs.travis-ci.com/api/#requests
"""

from aiotravis._http import Endpoint, Results
from aiotravis._http.lenient import Id, Timestamp, dates_to_utc
from aiotravis._validation import validate_count
from aiotravis.resources._base import Entity, Resource, id_of
from aiotravis.resources.commits import Commit, attach_commits
from aiotravis.resources.repositories import Repository, repo_query

__all__ = ["Request", "Requests"]


class Request(Entity, frozen=True, kw_only=True):
    """A request.

    Attributes:
        commit: The commit, if the response contained it.
        owner_type: ``User`` or ``Organization``.
        event_type: ``push``, ``pull_request``, ``api`` or ``cron``.
        base_commit: Sha of the commit that a pull request is based on.
        head_commit: Sha of the head of a pull request.
        result: ``accepted``, ``rejected``, or None while undecided. It can change.
        message: Reason of a rejection.
        pull_request: Whether it concerns a pull request.
        build_id: Id of the build that it led to.
    """

    id: Id
    repository_id: Id | None = None
    commit_id: Id | None = None
    commit: Commit | None = None
    created_at: Timestamp | None = None
    owner_id: Id | None = None
    owner_type: str | None = None
    event_type: str | None = None
    base_commit: str | None = None
    head_commit: str | None = None
    result: str | None = None
    message: str | None = None
    pull_request: bool | None = None
    pull_request_title: str | None = None
    pull_request_number: int | None = None
    branch: str | None = None
    tag: str | None = None
    build_id: Id | None = None

    def __post_init__(self) -> None:
        """Convert dates to UTC."""
        dates_to_utc(self, "created_at")

    @property
    def accepted(self) -> bool:
        """Whether Travis made, or will make, a build of it."""
        return self.result == "accepted"

    @property
    def rejected(self) -> bool:
        """Whether Travis rejected it; ``message`` holds the reason."""
        return self.result == "rejected"


class _RequestResponse(Entity, frozen=True, kw_only=True):
    request: Request
    commit: Commit | None = None


class _RequestsResponse(Entity, frozen=True, kw_only=True):
    requests: tuple[Request, ...]
    commits: tuple[Commit, ...] = ()


GET = Endpoint("GET", "/requests/{id}", _RequestResponse)
LIST = Endpoint("GET", "/requests", _RequestsResponse)

MAX_LIMIT = 100


class Requests(Resource):
    """``travis.requests``."""

    async def get(self, request: int | Request) -> Request:
        """Fetch a request.

        Raises:
            NotFoundError: It does not exist or is hidden from this token.
        """
        # fact 9.29: the server marks it as cacheable for a year, although its result can still change.
        headers = [("Cache-Control", "no-cache")]
        response = await self._fetch(GET, id=id_of(request, "request", Request), headers=headers)
        return attach_commits([response.request], [response.commit])[0]

    async def list(
        self, repo: int | str | Repository, *, limit: int | None = None, older_than: int | Request | None = None
    ) -> Results[Request]:
        """List a repository's requests, newest first.

        Args:
            repo: Id, slug, or a repository.
            limit: Maximum number of requests, up to 100; 25 if None.
            older_than: Only the 25 requests before this one.

        Raises:
            NotFoundError: The repository does not exist or is hidden from this token.
            ServerError: Some servers fail if there is a ``limit`` or ``older_than``.
            UsageError: The limit is not between 1 and 100.
        """
        query = [repo_query(repo)]
        # fact 9.28: both can give status 500, so neither is sent by default.
        if limit is not None:
            query.append(("limit", str(validate_count(limit, "limit", maximum=MAX_LIMIT))))
        if older_than is not None:
            query.append(("older_than", str(id_of(older_than, "older_than", Request))))
        response = await self._fetch(LIST, query=query)
        return attach_commits(response.requests, response.commits)
