"""Routes of API v3 that act on builds and jobs, and that v2 lacks: priority and debugging.

https://developer.travis-ci.com/resource/build
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.parameters import path_id
from aiotravis.testing.rest.routes import Handler
from aiotravis.testing.rest.v3 import V3Routes, error_v3, pretty
from aiotravis.testing.world.stages import TERMINAL

__all__ = ["V3ActionRoutes"]


class V3ActionRoutes(V3Routes):
    """Routes that act on builds and jobs in version 3."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("POST", "/v3/build/{id}/priority", self.prioritize),
            ("POST", "/v3/job/{id}/debug", self.debug),
        )

    async def prioritize(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /v3/build/{id}/priority``, which changes nothing here: no job has to wait."""
        caller, _ = self._user_v3(request)
        build = self._server.world.builds.get(path_id(request))
        if build is None or not caller.can_see(build.repository):
            raise self._not_found("build")
        minimal = {**self._minimal(request, build), "@href": f"/build/{build.id}"}
        return pretty({"@type": "pending", "build": minimal, "priority": True, "resource_type": "build"}, 202)

    async def debug(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /v3/job/{id}/debug``: restart a job where debugging is enabled."""
        caller, user = self._user_v3(request)
        job = self._server.world.jobs.get(path_id(request))
        if job is None or not caller.can_see_job(job):
            raise self._not_found("job")
        if not job.repository.may_push(user):
            raise error_v3(403, "insufficient_access", "operation requires debug access to job")
        if not (job.repository.data.debugging or job.repository.private):
            # fact 11.7: as if the token were wrong.
            raise error_v3(403, "wrong_credentials", "access denied")
        if job.state not in TERMINAL:
            raise error_v3(409, "job_already_running", "job already running, cannot restart")
        job.restart()
        minimal = {**self._minimal(request, job), "@href": f"/job/{job.id}"}
        return pretty({"@type": "pending", "job": minimal, "state_change": "created", "resource_type": "job"}, 202)
