"""Requests: what reached Travis from GitHub, and whether it led to a build.

https://docs.travis-ci.com/api/#requests
"""

from collections.abc import Sequence
from datetime import datetime

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource, id_of, within
from aiotravis.resources.commits import Commit, joined
from aiotravis.resources.repositories import Repository, repo_query

__all__ = ["Request", "Requests"]


class Request(Entity, frozen=True, kw_only=True):
    """One request.

    Attributes:
        id: Travis's id of it.
        repository_id: Id of its repository.
        commit_id: Id of its commit, or None.
        commit: The commit, where the answer carried it.
        created_at: UTC.
        owner_id: Id of the repository's owner.
        owner_type: ``User`` or ``Organization``.
        event_type: ``push``, ``pull_request``, ``api``, ``cron``.
        base_commit: Sha that a pull request is to be merged into, or None.
        head_commit: Sha of its head, or None.
        result: ``accepted``, ``rejected``, or None while undecided. Ask again: it can change.
        message: Why it was rejected, or None.
        pull_request: Whether it is about a pull request.
        pull_request_title: Or None.
        pull_request_number: Or None.
        branch: Or None.
        tag: Or None.
        build_id: The build it led to, or None.
    """

    id: int
    repository_id: int | None = None
    commit_id: int | None = None
    commit: Commit | None = None
    created_at: datetime | None = None
    owner_id: int | None = None
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
    build_id: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether it led to a build, or will."""
        return self.result == "accepted"

    @property
    def rejected(self) -> bool:
        """Whether Travis declined it; ``message`` tells why."""
        return self.result == "rejected"


class _RequestResponse(Entity, frozen=True, kw_only=True):
    request: Request
    commit: Commit | None = None


class _RequestsResponse(Entity, frozen=True, kw_only=True):
    requests: tuple[Request, ...]
    commits: tuple[Commit, ...] = ()


GET = Endpoint("GET", "/requests/{id}", _RequestResponse)
LIST = Endpoint("GET", "/requests", _RequestsResponse)

MOST = 100


class Requests(Resource):
    """``travis.requests``."""

    async def get(self, request: int | Request) -> Request:
        """Fetch one request.

        Args:
            request: Id of the request, or a request.

        Raises:
            NotFoundError: No such request, or this token may not see it.
        """
        # The server marks it as good for a year, although its result can still change.
        headers = [("Cache-Control", "no-cache")]
        response = await self._fetch(GET, id=id_of(request, "request", Request), headers=headers)
        return joined([response.request], [response.commit] if response.commit else [])[0]

    async def list(
        self, repo: int | str | Repository, *, limit: int | None = None, older_than: int | Request | None = None
    ) -> Sequence[Request]:
        """List a repository's requests, newest first: one page, 25 unless ``limit`` says otherwise.

        Args:
            repo: Id, slug, or a repository.
            limit: How many at most, up to 100. Some servers fail on it.
            older_than: Only requests before this one; the page is then of 25. Some servers fail on it.

        Raises:
            NotFoundError: No such repository, or this token may not see it.
            UsageError: The limit is not between 1 and 100.
        """
        query = [repo_query(repo)]
        if limit is not None:
            query.append(("limit", str(within(limit, "limit", MOST))))
        if older_than is not None:
            query.append(("older_than", str(id_of(older_than, "older_than", Request))))
        response = await self._fetch(LIST, query=query)
        return joined(response.requests, response.commits)
