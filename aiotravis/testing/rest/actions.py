"""The routes of the embedded Travis that do something: cancel, restart, remove a log, check a .travis.yml.

https://docs.travis-ci.com/api/#builds
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, failure, not_found
from aiotravis.testing.rest.parameters import fields_of, number_in
from aiotravis.testing.rest.routes import Handler, Routes, error, hand_made, unchanged
from aiotravis.testing.world.builds import Build, Job
from aiotravis.testing.world.models import User
from aiotravis.testing.world.stages import TERMINAL

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
            ("POST", "/requests", self.restart_by_request),
            ("PATCH", "/jobs/{id}/log", self.remove_log),
            ("POST", "/lint", self.lint),
            ("PUT", "/lint", self.lint),
        )

    def _found(self, kind: str, number: int) -> Build | Job:
        """Find a build or a job.

        Raises:
            Refusal: It is unknown: 404 without a body.
        """
        world = self._site.world
        found: Build | Job | None = world.builds.get(number) if kind == "build" else world.jobs.get(number)
        if found is None:
            raise Refusal(404)
        return found

    def _meant(self, request: web.Request) -> tuple[str, Build | Job]:
        kind = "build" if "/builds/" in request.path else "job"
        return kind, self._found(kind, number_in(request))

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Cancel a build or a job; on org, who has no token makes it stumble."""
        visitor = self._visitor(request)
        kind, found = self._meant(request)
        if visitor.user is None:
            raise failure() if self._site.mode == "org" else Refusal(401, b"no access token supplied")
        name = f"{kind}({found.id})"
        if visitor.user not in found.repository.users:
            return error(403, f"You don't have access to cancel {name}")
        refused = unchanged(request, found.repository, self._site.mode)
        if refused is not None:
            return refused
        if found.state in TERMINAL:
            return error(422, f"The {name} can't be canceled", code="cant_cancel")
        found.cancel()
        return web.Response(status=204)

    # Restart ----------------------------------------------------------------------------------------------------------

    async def restart(self, request: web.Request) -> web.StreamResponse:
        """Restart a build or a job; servers before 2015 refuse with a good status."""
        visitor = self._visitor(request)
        kind, found = self._meant(request)
        if visitor.user is None and self._site.mode != "org":
            raise Refusal(401, b"no access token supplied")
        refused = unchanged(request, found.repository, self._site.mode)
        if refused is not None:
            return refused
        reasons = self._reasons(visitor.user, kind, found)
        if self._site.log_mode == "2014":
            return _flash(kind, found, reasons, granted=200, refused=200)
        return _flash(kind, found, reasons, granted=202, refused=400)

    async def restart_by_request(self, request: web.Request) -> web.StreamResponse:
        """``POST /requests``: the old way to restart, which only tells by words that it would not."""
        visitor = self._visitor(request, private=True)
        fields = await fields_of(request)
        kind = next((kind for kind in ("build", "job") if fields.get(f"{kind}_id")), "")
        number = str(fields.get(f"{kind}_id"))
        if not number.isdecimal():
            raise not_found()
        found = self._found(kind, int(number))
        refused = unchanged(request, found.repository, self._site.mode)
        if refused is not None:
            return refused
        return _flash(kind, found, self._reasons(visitor.user, kind, found), granted=200, refused=200)

    def _reasons(self, user: User | None, kind: str, found: Build | Job) -> list[str]:
        """Give all that speaks against a restart."""
        reasons: list[str] = []
        build = found if isinstance(found, Build) else found.build
        if not found.repository.may_push(user):
            reasons.append("You don't seem to have sufficient permissions.")
        if found.state not in TERMINAL or build.config.get(".result") == "parse_error":
            reasons.append(f"The {kind} currently can not be restarted.")
        return reasons

    async def remove_log(self, request: web.Request) -> web.StreamResponse:
        """Remove a log; what is hidden is passed over in silence."""
        visitor = self._visitor(request, private=True)
        job = self._site.world.jobs.get(number_in(request))
        if job is None or not visitor.sees_job(job):
            return web.Response(headers={"Content-Type": "application/json"})
        if job.log.missing:
            return error(500, "Unexpected error occurred: undefined method `removed_at' for nil:NilClass")
        if job.log.removed_at is not None:
            return error(409, f"Log for job {job.id} has already been removed")
        if visitor.user is None or not job.repository.may_push(visitor.user):
            return error(401, "insufficient permission to remove logs")
        if job.state not in TERMINAL:
            return error(409, f"Job {job.id} is not finished")
        job.log.remove(visitor.user.name or visitor.user.login, self._site.world.clock())
        return web.Response(headers={"Content-Type": "application/json"})

    async def lint(self, request: web.Request) -> web.StreamResponse:
        """Check a .travis.yml, a little: today's server tells no keys."""
        if self._site.switches.lint_fails:
            raise failure()
        if request.method == "PUT":
            content = (await request.read()).decode()
        else:
            content = str((await fields_of(request)).get("content") or "")
        warnings: list[dict[str, object]] = []
        if "language:" not in content:
            warnings.append({"key": [], "message": "[info] on root: missing language, using the default ruby"})
        return hand_made({"lint": {"warnings": warnings}})


def _flash(kind: str, found: Build | Job, reasons: Sequence[str], *, granted: int, refused: int) -> web.Response:
    """Restart what nothing speaks against, and tell."""
    if reasons:
        flash = [{"error": reason} for reason in reasons]
        return hand_made({"result": refused == 200, "flash": flash}, status=refused)
    found.restart()
    flash = [{"notice": f"The {kind} was successfully restarted."}]
    return hand_made({"result": True, "flash": flash}, status=granted)
