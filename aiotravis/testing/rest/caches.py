"""Routes of caches.

https://docs.travis-ci.com/api/#caches
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse, not_found, read_token
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse
from aiotravis.testing.world.payloads import timestamp

__all__ = ["CacheRoutes"]


class CacheRoutes(Routes):
    """Routes of caches."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        repositories = (r"/repos/{id:\d+}", "/repos/{owner}/{name}")
        return tuple((method, f"{one}/caches", self.caches) for method in ("GET", "DELETE") for one in repositories)

    async def caches(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET`` and ``DELETE``: both return the caches that the parameters select."""
        caller = self._caller(request)
        if request.method == "GET" and "id" in request.match_info and read_token(request) is None:
            # fact 1.5: without a token, an id in the path is read as an owner.
            raise not_found()
        if caller.user is not None and not self._server.switches.caching:
            # fact 3.7: an installation without caches answers before it checks rights.
            return SerializedResponse({"caches": []})
        repository = self._writable_repository(request, ErrorResponse(403, b"{}"))
        branch, match = request.query.get("branch", ""), request.query.get("match", "")
        caches = repository.data.caches
        selected = [one for one in caches if (one.branch or "").startswith(branch) and match in one.slug]
        if request.method == "DELETE":
            repository.data.caches = [one for one in caches if one not in selected]
        fields = [
            {
                "repository_id": repository.id,
                "size": one.size,
                "slug": one.slug,
                "branch": one.branch,
                "last_modified": timestamp(one.last_modified),
            }
            for one in selected
        ]
        return SerializedResponse({"caches": fields})
