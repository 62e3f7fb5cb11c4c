"""The routes of the embedded Travis about caches and requests.

https://docs.travis-ci.com/api/#caches
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, failure, not_found, token_from
from aiotravis.testing.rest.parameters import number_in, size_in
from aiotravis.testing.rest.routes import Handler, Routes, answer, hand_made
from aiotravis.testing.world.payloads import commit_json, timestamp
from aiotravis.testing.world.repository_data import Request
from aiotravis.testing.world.world import Repository, User

__all__ = ["CacheRoutes"]

PAGE, MOST = 25, 100


class CacheRoutes(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        by_id, by_slug = r"/repos/{id:\d+}", "/repos/{owner}/{name}"
        return (
            *(("GET", f"{repo}/caches", self.caches) for repo in (by_id, by_slug)),
            *(("DELETE", f"{repo}/caches", self.caches) for repo in (by_id, by_slug)),
            ("GET", "/requests", self.requests),
            ("GET", "/requests/{id}", self.request),
        )

    async def caches(self, request: web.Request) -> web.StreamResponse:
        """List or delete; both give what they are about."""
        visitor = self._visitor(request)
        if request.method == "GET" and "id" in request.match_info and token_from(request) is None:
            # Without a token this is the path of an owner and a name, which nobody has.
            raise not_found()
        if visitor.user is not None and not self._site.switches.caching:
            return answer({"caches": []})
        repository = self._pushed(request, Refusal(403, b"{}"))
        branch, match = request.query.get("branch", ""), request.query.get("match", "")
        caches = repository.data.caches
        chosen = [one for one in caches if (one.branch or "").startswith(branch) and match in one.slug]
        if request.method == "DELETE":
            repository.data.caches = [one for one in caches if one not in chosen]
        shown = [
            {
                "repository_id": repository.id,
                "size": one.size,
                "slug": one.slug,
                "branch": one.branch,
                "last_modified": timestamp(one.last_modified),
            }
            for one in chosen
        ]
        return answer({"caches": shown})

    # Requests ---------------------------------------------------------------------------------------------------------

    async def requests(self, request: web.Request) -> web.StreamResponse:
        """List what reached Travis, newest first."""
        repository = self._seen(request)
        if repository is None:
            return hand_made({"error": "Repository could not be found"}, status=404)
        if self._site.switches.requests_fail and {"limit", "older_than"} & set(request.query):
            raise failure()
        found = sorted(repository.data.requests, key=lambda one: -one.id)
        older, size = request.query.get("older_than", ""), size_in(request, usual=PAGE, most=MOST)
        if older.isdecimal():
            found, size = [one for one in found if one.id < int(older)], PAGE
        commits = [_commit(one.commit_id, repository) for one in found[:size]]
        shown = [self._shown(one, repository) for one in found[:size]]
        return answer({"requests": shown, "commits": [commit for commit in commits if commit is not None]})

    async def request(self, request: web.Request) -> web.StreamResponse:
        """One of them; the server calls it good for a year."""
        visitor, number = self._visitor(request), number_in(request)
        for repository in self._site.world.repositories.values():
            for one in repository.data.requests:
                if one.id == number and visitor.sees(repository):
                    shown = self._shown(one, repository)
                    if one.build_id is None:
                        del shown["build_id"]
                    body: dict[str, object] = {"request": shown}
                    commit = _commit(one.commit_id, repository)
                    if commit is not None:
                        body["commit"] = commit
                    response = answer(body)
                    response.headers["Cache-Control"] = "public, max-age=31536000"
                    return response
        raise not_found()

    def _shown(self, one: Request, repository: Repository) -> dict[str, object]:
        owner = self._site.world.owner(repository.slug) if one.owned else None
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


def _commit(number: int | None, repository: Repository) -> dict[str, object] | None:
    """Give the commit of one of the repository's builds as requests show it, or None."""
    build = next((build for build in repository.builds if build.commit.id == number), None)
    if build is None:
        return None
    return commit_json(build.commit, tag=False) | {"pull_request_number": build.pull_request_number}
