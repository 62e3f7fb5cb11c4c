"""The routes of the embedded Travis about repositories and their keys.

https://docs.travis-ci.com/api/#repositories
"""

from collections.abc import Iterable, Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, Visitor, not_found
from aiotravis.testing.rest.content_negotiation import is_newer
from aiotravis.testing.rest.parameters import several, size_in
from aiotravis.testing.rest.routes import Handler, Routes, answer, unchanged
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.payloads import repository_json

__all__ = ["RepositoryRoutes"]

USUAL, MOST = 25, 50


class RepositoryRoutes(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        by_id, by_slug = r"/repos/{id:\d+}", "/repos/{owner}/{name}"
        return (
            ("GET", "/repos", self.repositories),
            *(("GET", f"{repo}/key", self.key) for repo in (by_id, by_slug)),
            *(("POST", f"{repo}/key", self.new_key) for repo in (by_id, by_slug)),
            ("GET", by_id, self.repository),
            ("GET", "/repos/{owner}", self.by_owner),
            ("GET", by_slug, self.repository),
        )

    async def repository(self, request: web.Request) -> web.StreamResponse:
        """``GET /repos/{id}`` or by slug; an id in the query wins over a slug in the path."""
        visitor = self._visitor(request)
        number = request.query.get("repository_id", "")
        known = self._site.world.repositories
        repository = known.get(int(number)) if number.isdecimal() else self._find(request)
        if repository is None or not visitor.sees(repository):
            raise not_found()
        return answer({"repo": self._shown(repository)})

    def _shown(self, repository: Repository) -> dict[str, object]:
        fields = repository_json(repository)
        if self._site.log_mode == "2014":
            del fields["active"]
        return fields

    async def repositories(self, request: web.Request) -> web.StreamResponse:
        """``GET /repos``: for nobody without a token."""
        visitor = self._visitor(request)
        if visitor.user is None:
            raise Refusal(403 if self._site.mode == "org" and not is_newer(request) else 401)
        return self._listed(request, visitor, request.query.get("owner_name"))

    async def by_owner(self, request: web.Request) -> web.StreamResponse:
        """``GET /repos/{owner}``."""
        return self._listed(request, self._visitor(request), request.match_info["owner"])

    def _listed(self, request: web.Request, visitor: Visitor, owner: str | None) -> web.Response:
        seen = [one for one in self._site.world.repositories.values() if visitor.sees(one)]
        ids = several(request, "ids", split=True)
        if ids:
            return self._answer(one for one in seen if str(one.id) in ids)
        query = request.query
        if owner is not None:
            seen = [one for one in seen if one.slug.partition("/")[0] == owner]
        if "slug" in query:
            seen = [one for one in seen if one.slug.lower() == query["slug"].lower()]
        if "member" in query:
            seen = [one for one in seen if query["member"] in {user.login for user in one.users}]
        if "search" in query:
            seen = [one for one in seen if query["search"].lower().replace("\\", "/") in one.slug.lower()]
        old = self._site.log_mode == "2014" and "active" in query
        if old or not ({"slug", "search"} & set(query) or owner):
            seen = [one for one in seen if one.active]
        seen.sort(key=_began if "search" in query else _activity)
        return self._answer(seen[: size_in(request, usual=USUAL, most=MOST)])

    def _answer(self, repositories: Iterable[Repository]) -> web.Response:
        return answer({"repos": [self._shown(one) for one in repositories]})

    async def key(self, request: web.Request) -> web.StreamResponse:
        """Give the key."""
        repository = self._seen(request)
        if repository is None:
            raise not_found()
        return _key(repository)

    async def new_key(self, request: web.Request) -> web.StreamResponse:
        """Make another; who is no admin is told that there is nothing."""
        repository = self._pushed(request, not_found())
        refused = unchanged(request, repository, self._site.mode)
        if refused is not None:
            return refused
        repository.data.renew_key()
        return _key(repository)


def _key(repository: Repository) -> web.Response:
    return answer({"key": repository.data.key, "fingerprint": repository.data.fingerprint})


def _activity(repository: Repository) -> tuple[int, float]:
    """Sort what runs before what has ended, the last of these first, and what was never built to the end."""
    last = repository.state_build or repository.last_build
    if last is None or last.started_at is None:
        return (2, 0.0)
    return (0, -last.started_at) if last.finished_at is None else (1, -last.finished_at)


def _began(repository: Repository) -> float:
    last = repository.state_build or repository.last_build
    return -(last.started_at or 0.0) if last is not None else 0.0
