"""Routes of repositories and their keys.

https://docs.travis-ci.com/api/#repositories
"""

from collections.abc import Iterable, Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Caller, ErrorResponse, not_found
from aiotravis.testing.rest.content_negotiation import wants_version_2_1
from aiotravis.testing.rest.parameters import list_parameter, page_size
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.payloads import repository_json, timestamp

__all__ = ["RepositoryRoutes"]

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 25, 50  # fact 4


class RepositoryRoutes(Routes):
    """Routes of repositories and their keys."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
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
        """Answer ``GET /repos/{id}`` and ``GET /repos/{owner}/{name}``."""
        caller = self._caller(request)
        number = request.query.get("repository_id", "")
        # fact 9.23: an id in the query wins, so that /repos/settings/env_vars?repository_id= is a repository.
        known = self._server.world.repositories
        repository = known.get(int(number)) if number.isdecimal() else self._find_repository(request)
        if repository is None or not caller.can_see(repository):
            raise not_found()
        self._show_states([repository.last_shown])
        # A build of it changes a repository, and so does a setting of its own.
        newest = timestamp(max((build.updated_at for build in repository.builds), default=0.0))
        updated_at = f"{newest} {repository.slug} {repository.active} {repository.description}"
        return SerializedResponse({"repo": self._repository_json(repository)}, updated_at=updated_at)

    def _repository_json(self, repository: Repository) -> dict[str, object]:
        fields = repository_json(repository)
        if self._server.log_mode == "2014":
            del fields["active"]
        return fields

    async def repositories(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /repos``, which always needs a token."""
        caller = self._caller(request)
        if caller.user is None:
            raise ErrorResponse(403 if self._server.mode == "org" and not wants_version_2_1(request) else 401)
        return self._list_response(request, caller, request.query.get("owner_name"))

    async def by_owner(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /repos/{owner}``."""
        return self._list_response(request, self._caller(request), request.match_info["owner"])

    def _list_response(self, request: web.Request, caller: Caller, owner: str | None) -> web.Response:
        visible = [repo for repo in self._server.world.repositories.values() if caller.can_see(repo)]
        ids = list_parameter(request, "ids", split=True)
        if ids:
            return self._to_response(repo for repo in visible if str(repo.id) in ids)
        query = request.query
        if owner is not None:
            visible = [repo for repo in visible if repo.slug.partition("/")[0] == owner]
        if "slug" in query:
            visible = [repo for repo in visible if repo.slug.lower() == query["slug"].lower()]
        if "member" in query:
            visible = [repo for repo in visible if query["member"] in {user.login for user in repo.users}]
        if "search" in query:
            visible = [repo for repo in visible if query["search"].lower().replace("\\", "/") in repo.slug.lower()]
        # fact 9.22: today's server ignores active=.
        filter_active = self._server.log_mode == "2014" and "active" in query
        if filter_active or not ({"slug", "search"} & set(query) or owner):
            visible = [repo for repo in visible if repo.active]
        visible.sort(key=_by_start if "search" in query else _by_activity)
        return self._to_response(visible[: page_size(request, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)])

    def _to_response(self, repositories: Iterable[Repository]) -> web.Response:
        repositories = list(repositories)
        self._show_states(repo.last_shown for repo in repositories)
        return SerializedResponse({"repos": [self._repository_json(repo) for repo in repositories]})

    async def key(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET`` of the public key."""
        repository = self._visible_repository(request)
        if repository is None:
            raise not_found()
        return _key_response(repository)

    async def new_key(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST`` of the public key: replace it."""
        repository = self._writable_repository(request, not_found())  # fact 3.12: 404, not 403.
        self._check_not_migrated(request, repository)
        repository.data.renew_key()
        return _key_response(repository)


def _key_response(repository: Repository) -> web.Response:
    return SerializedResponse({"key": repository.data.key, "fingerprint": repository.data.fingerprint})


def _by_activity(repository: Repository) -> tuple[int, float]:
    """Sort running repositories first, then by the end of their last build, never built ones last."""
    last = repository.last_shown
    if last is None or last.started_at is None:
        return (2, 0.0)
    return (0, -last.started_at) if last.finished_at is None else (1, -last.finished_at)


def _by_start(repository: Repository) -> float:
    last = repository.last_shown
    return -(last.started_at or 0.0) if last is not None else 0.0
