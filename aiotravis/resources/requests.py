"""Requests: events that Travis received from GitHub or over the API, and the builds they led to.

https://docs.travis-ci.com/api/#requests
"""

from collections.abc import Iterable, Mapping

from aiotravis._http import Endpoint, Results
from aiotravis._http.dates import Timestamp, dates_to_utc
from aiotravis._http.endpoint import ACCEPTED
from aiotravis._http.lenient import Id
from aiotravis._validation import validate_count
from aiotravis.errors import RequestError, WriteInterrupted
from aiotravis.resources._base import Entity, Resource, id_of
from aiotravis.resources._build_requests import (
    BuildConfig,
    MergeMode,
    PendingRequest,
    RequestStatus,
    config_secrets,
    is_accepted,
    request_body,
)
from aiotravis.resources.commits import Commit, attach_commits
from aiotravis.resources.repositories import Repository, repo_query, repo_segment

__all__ = ["Request", "Requests"]


class Request(Entity, frozen=True, kw_only=True):
    """A request.

    Attributes:
        commit: The commit, if the response contained it.
        owner_type: ``User`` or ``Organization``.
        event_type: ``push``, ``pull_request``, ``api`` or ``cron``.
        base_commit: Sha of the commit that a pull request is based on.
        head_commit: Sha of the head of a pull request.
        result: ``approved`` (older servers: ``accepted``), ``rejected``, or None while undecided. It can change.
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
        return is_accepted(self.result) or self.build_id is not None

    @property
    def rejected(self) -> bool:
        """Whether Travis rejected it; ``message`` holds the reason."""
        return self.result == "rejected" and self.build_id is None


class _RequestResponse(Entity, frozen=True, kw_only=True):
    request: Request
    commit: Commit | None = None


class _RequestsResponse(Entity, frozen=True, kw_only=True):
    requests: tuple[Request, ...]
    commits: tuple[Commit, ...] = ()


class _RepositoryOfRequest(Entity, frozen=True, kw_only=True):
    id: Id | None = None


class _PendingRequest(Entity, frozen=True, kw_only=True):
    id: Id | None = None
    branch: str | None = None


class _PendingResponse(Entity, frozen=True, kw_only=True):
    remaining_requests: int | None = None
    repository: _RepositoryOfRequest = _RepositoryOfRequest()
    request: _PendingRequest = _PendingRequest()


GET = Endpoint("GET", "/requests/{id}", _RequestResponse)
LIST = Endpoint("GET", "/requests", _RequestsResponse)
CREATE = Endpoint("POST", "/v3/repo/{repo}/requests", _PendingResponse, done=_PendingResponse())
STATUS = Endpoint("GET", "/v3/repo/{repo}/request/{id}", RequestStatus)

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

    async def create(
        self,
        repo: int | str | Repository,
        *,
        branch: str | None = None,
        sha: str | None = None,
        tag: str | None = None,
        message: str | None = None,
        config: BuildConfig | None = None,
        merge_mode: MergeMode | None = None,
        configs: Iterable[Mapping[str, object]] = (),
    ) -> PendingRequest:
        """Request a build. Travis only notes the request, and decides on it later, see `status`.

        `Travis.trigger` waits for the build. Requesting is not idempotent: if the answer is lost, look at `list`.

        Args:
            repo: Id, slug, or a repository.
            branch: Branch to build; None for the default branch.
            sha: Hash of the commit to build; None for the newest of the branch.
            tag: Tag to build.
            message: Message shown for the build, in place of that of the commit.
            config: Configuration to merge with the .travis.yml: a mapping, or its text in YAML or JSON.
            merge_mode: How to merge it; None for the way of the repository.
            configs: Several configurations instead: ``[{"config": {...}, "mode": "merge"}, ...]``.

        Returns:
            The request, with what remains of the hourly limit. Its ``id`` is None if the response did not tell it.

        Raises:
            AuthenticationError: There is no token, or Travis does not know it.
            PermissionDenied: The token's user may not create builds of the repository.
            RepositoryMigrated: The repository has moved to another site.
            RepositoryInactive: Travis does not build it, see `Repositories.activate`.
            BuildLimitReached: Too many builds of it were triggered within an hour.
            NotFoundError: It does not exist or is hidden from this token.
            RequestError: The answer was lost; the request may have been made unless ``unsent``.
            ServerError: Travis failed; the request may have been made.
            UsageError: An argument is not valid.

        https://docs.travis-ci.com/user/triggering-builds/
        """
        segment = repo_segment(repo)
        body = request_body(
            branch=branch, sha=sha, tag=tag, message=message, config=config, merge_mode=merge_mode, configs=configs
        )
        return await self._create(segment, body)

    async def _create(self, segment: int | str, body: dict[str, object]) -> PendingRequest:
        """Send the body of a request for a build, see `create`."""
        try:
            response = await self._fetch(CREATE, repo=segment, json=body, hidden=config_secrets(body))
        except RequestError as exc:
            if exc.status not in ACCEPTED or isinstance(exc, WriteInterrupted):
                raise
            # Travis has made the request. Only the rest of the response is lost.
            response = _PendingResponse()
        return PendingRequest(
            id=response.request.id,
            repository_id=response.repository.id,
            branch=response.request.branch,
            remaining_requests=response.remaining_requests,
        )

    async def status(
        self, repo: int | str | Repository, request: int | Request | PendingRequest | RequestStatus
    ) -> RequestStatus:
        """Fetch what became of a request, with the messages about its configuration.

        Args:
            repo: Id, slug, or a repository.
            request: Id of the request, or a request.

        Raises:
            NotFoundError: It does not exist or is hidden from this token.
            UsageError: An argument is not valid.

        https://developer.travis-ci.com/resource/request
        """
        number = id_of(request, "request", (Request, PendingRequest, RequestStatus))
        return await self._fetch(STATUS, repo=repo_segment(repo), id=number)
