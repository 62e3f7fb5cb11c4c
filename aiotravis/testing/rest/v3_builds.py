"""The route of a build in API v3.

https://developer.travis-ci.com/resource/build
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from aiohttp import web

from aiotravis.testing.rest.access import Caller
from aiotravis.testing.rest.parameters import path_id
from aiotravis.testing.rest.routes import Handler
from aiotravis.testing.rest.v3 import V3Routes, error_v3, minimal_commit, pretty
from aiotravis.testing.world.builds import Build
from aiotravis.testing.world.payloads import timestamp

__all__ = ["V3BuildRoutes"]


class V3BuildRoutes(V3Routes):
    """Routes of builds in version 3."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (("GET", "/v3/build/{id}", self.build),)

    async def build(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/build/{id}``, without ``include``."""
        caller = self._caller_v3(request)
        build = self._server.world.builds.get(path_id(request))
        if build is None or not caller.can_see(build.repository):
            raise self._not_found("build")
        if "include" in request.query:
            raise error_v3(501, "not_implemented", "request not (yet) implemented")
        return pretty(self._build_json(request, caller, build))

    def _build_json(self, request: web.Request, caller: Caller, build: Build) -> dict[str, object]:
        repository, commit, user = build.repository, build.commit, build.created_by
        may_push = caller.user is not None and repository.may_push(caller.user)
        return {
            **self._short_build(request, build),
            "@representation": "standard",
            "@permissions": {"read": True, "cancel": may_push, "restart": may_push, "prioritize": may_push},
            "repository": self._minimal_repository(request, repository),
            "branch": {
                "@type": "branch",
                "@href": self._href(request, f"/repo/{repository.id}/branch/{quote(commit.branch, safe='')}"),
                "@representation": "minimal",
                "name": commit.branch,
            },
            "tag": commit.tag and {"@type": "tag", "@representation": "minimal", "name": commit.tag},
            "commit": minimal_commit(build),
            "jobs": [self._minimal(request, job) for job in build.jobs],
            "stages": [
                {
                    "@type": "stage",
                    "@representation": "minimal",
                    "id": stage.id,
                    "number": stage.number,
                    "name": stage.name,
                    "state": stage.state,
                    "started_at": timestamp(stage.started_at),
                    "finished_at": timestamp(stage.finished_at),
                }
                for stage in build.stages
            ],
            "created_by": user
            and {
                "@type": "user",
                "@href": self._href(request, f"/user/{user.id}"),
                "@representation": "minimal",
                "id": user.id,
                "login": user.login,
            },
            "updated_at": datetime.fromtimestamp(build.updated_at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        }
