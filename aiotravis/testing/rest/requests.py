"""Routes of requests, which GitHub, the API and the scheduler send for builds.

https://docs.travis-ci.com/api/#requests
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import not_found, server_error
from aiotravis.testing.rest.parameters import page_size, path_id
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse, json_response
from aiotravis.testing.world.payloads import commit_json, timestamp
from aiotravis.testing.world.repository_data import Request
from aiotravis.testing.world.world import Repository, User

__all__ = ["RequestRoutes"]

PAGE_SIZE, MAX_PAGE_SIZE = 25, 100  # fact 4


class RequestRoutes(Routes):
    """Routes of requests."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (("GET", "/requests", self.requests), ("GET", "/requests/{id}", self.request))

    async def requests(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /requests``: newest first."""
        repository = self._visible_repository(request)
        if repository is None:
            return json_response({"error": "Repository could not be found"}, status=404)
        if self._server.switches.requests_fail and {"limit", "older_than"} & set(request.query):
            raise server_error()  # fact 9.28
        found = sorted(repository.data.requests, key=lambda one: -one.id)
        older_than, size = request.query.get("older_than", ""), page_size(request, PAGE_SIZE, MAX_PAGE_SIZE)
        if older_than.isdecimal():
            # fact 3.14: older_than fixes the size of the page.
            found, size = [one for one in found if one.id < int(older_than)], PAGE_SIZE
        self._show_requests(repository, found[:size])
        commits = [_commit_json(one.commit_id, repository) for one in found[:size]]
        # fact 9.19: a request may have no commit.
        return SerializedResponse(
            {
                "requests": [self._request_json(one, repository) for one in found[:size]],
                "commits": [commit for commit in commits if commit is not None],
            }
        )

    async def request(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /requests/{id}``."""
        caller, request_id = self._caller(request), path_id(request)
        for repository in self._server.world.repositories.values():
            for one in repository.data.requests:
                if one.id == request_id and caller.can_see(repository):
                    self._show_requests(repository, [one])
                    fields = self._request_json(one, repository)
                    if one.build_id is None:
                        del fields["build_id"]
                    body: dict[str, object] = {"request": fields}
                    commit = _commit_json(one.commit_id, repository)
                    if commit is not None:
                        body["commit"] = commit
                    updated_at = f"{timestamp(one.created_at)} {one.result} {one.build_id}"
                    response = SerializedResponse(body, updated_at=updated_at)
                    # fact 9.29: cacheable for a year, although its result can still change.
                    response.headers["Cache-Control"] = "public, max-age=31536000"
                    return response
        raise not_found()

    def _request_json(self, one: Request, repository: Repository) -> dict[str, object]:
        owner = self._server.world.owner(repository.slug) if one.owned else None
        return {
            "id": one.id,
            "repository_id": repository.id,
            "commit_id": one.commit_id,
            "created_at": timestamp(one.created_at),
            "owner_id": owner.id if owner else None,
            "owner_type": ("User" if isinstance(owner, User) else "Organization") if owner else None,
            "event_type": one.event_type,
            "base_commit": one.base_commit,
            "head_commit": one.head_commit,
            "result": one.result,
            "message": one.message,
            "pull_request": one.event_type == "pull_request",
            "pull_request_number": one.pull_request_number,
            "pull_request_title": one.pull_request_title,
            "branch": one.branch,
            "tag": one.tag,
            "build_id": one.build_id,
        }


def _commit_json(commit_id: int | None, repository: Repository) -> dict[str, object] | None:
    """Return a commit of one of the repository's builds, or None."""
    build = next((build for build in repository.builds if build.commit.id == commit_id), None)
    if build is None:
        return None
    return commit_json(build.commit, tag=False) | {"pull_request_number": build.pull_request_number}
