"""The routes of the embedded Travis that do something: cancel, restart, remove a log, check a .travis.yml."""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.access import Refusal, admit
from aiotravis.testing.requests import fields_of, number_in
from aiotravis.testing.routes import Handler, Routes, answer
from aiotravis.testing.world import TERMINAL, Build, Job, Repository

__all__ = ["ActionRoutes"]


class ActionRoutes(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        return (
            ("POST", "/builds/{id}/cancel", self.cancel),
            ("POST", "/jobs/{id}/cancel", self.cancel),
            ("POST", "/builds/{id}/restart", self.restart),
            ("POST", "/jobs/{id}/restart", self.restart),
            ("PATCH", "/jobs/{id}/log", self.remove_log),
            ("POST", "/lint", self.lint),
            ("PUT", "/lint", self.lint),
        )

    def _found(self, request: web.Request) -> tuple[str, Build | Job, Repository]:
        """Find what a path is about.

        Raises:
            Refusal: It is unknown: 404 without a body.
        """
        number = number_in(request)
        kind = "build" if "/builds/" in request.path else "job"
        world = self._site.world
        found: Build | Job | None = world.builds.get(number) if kind == "build" else world.jobs.get(number)
        if found is None:
            raise Refusal(404)
        return kind, found, found.repository

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Cancel a build or a job."""
        visitor = admit(request, self._site.world, self._site.mode, private=True)
        kind, found, repository = self._found(request)
        name = f"{kind}({found.id})"
        if visitor.user not in repository.users:
            return answer({"error": {"message": f"You don't have access to cancel {name}"}}, status=403)
        if found.state in TERMINAL:
            error = {"message": f"The {name} can't be canceled", "code": "cant_cancel"}
            return answer({"error": error}, status=422)
        found.cancel()
        return web.Response(status=204)

    async def restart(self, request: web.Request) -> web.StreamResponse:
        """Restart a build or a job; servers before 2015 refuse with a good status."""
        visitor = admit(request, self._site.world, self._site.mode, private=True)
        kind, found, repository = self._found(request)
        if not repository.may_push(visitor.user):
            return self._refused("You don't seem to have sufficient permissions.")
        build = found if isinstance(found, Build) else found.build
        if found.state not in TERMINAL or build.config.get(".result") == "parse_error":
            return self._refused(f"The {kind} currently can not be restarted.")
        found.restart()
        notice = {"notice": f"The {kind} was successfully restarted."}
        return answer({"result": True, "flash": [notice]}, status=202 if self._site.log_mode == "head" else 200)

    def _refused(self, reason: str) -> web.Response:
        old = self._site.log_mode != "head"
        return answer({"result": old, "flash": [{"error": reason}]}, status=200 if old else 400)

    async def remove_log(self, request: web.Request) -> web.StreamResponse:
        """Remove a log; what is hidden is passed over in silence."""
        visitor = admit(request, self._site.world, self._site.mode, private=True)
        job = self._site.world.jobs.get(number_in(request))
        if job is None or not visitor.sees_job(job):
            return web.Response(headers={"Content-Type": "application/json"})
        if job.log.removed_at is not None:
            return answer({"error": {"message": f"Log for job {job.id} has already been removed"}}, status=409)
        if not job.repository.may_push(visitor.user):
            return answer({"error": {"message": "insufficient permission to remove logs"}}, status=401)
        if job.state not in TERMINAL:
            return answer({"error": {"message": f"Job {job.id} is not finished"}}, status=409)
        job.log.remove(visitor.user.login if visitor.user else "", self._site.world.clock())
        return web.Response(headers={"Content-Type": "application/json"})

    async def lint(self, request: web.Request) -> web.StreamResponse:
        """Check a .travis.yml, a little: today's server tells no keys."""
        if request.method == "PUT":
            content = (await request.read()).decode()
        else:
            content = str((await fields_of(request)).get("content") or "")
        warnings: list[dict[str, object]] = []
        if "language:" not in content:
            warnings.append({"key": [], "message": "[info] on root: missing language, using the default ruby"})
        return answer({"lint": {"warnings": warnings}})
