"""Routes that act: cancel, restart, remove a log, lint.

https://docs.travis-ci.com/api/#builds
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse, not_found, server_error
from aiotravis.testing.rest.parameters import path_id, read_fields
from aiotravis.testing.rest.routes import Handler, Routes, error_response, json_response
from aiotravis.testing.world.builds import Build, Job
from aiotravis.testing.world.models import User
from aiotravis.testing.world.stages import TERMINAL

__all__ = ["ActionRoutes"]


SHOWN_LEVELS: Final = frozenset({"alert", "error", "warn"})
"""Levels of the parser's messages that are shown."""

KNOWN_KEYS: Final = frozenset(
    {
        "addons", "after_deploy", "after_failure", "after_script", "after_success", "android", "arch", "before_cache",
        "before_deploy", "before_install", "before_script", "branches", "bundler_args", "cache", "compiler", "deploy",
        "dist", "env", "gemfile", "git", "go", "group", "if", "import", "install", "jdk", "jobs", "language",
        "matrix", "node_js", "notifications", "os", "perl", "php", "python", "r", "rust", "rvm", "scala", "script",
        "services", "stages", "sudo", "version", "vm",
    }
)  # fmt: skip
"""Keys of a .travis.yml that the parser knows, here without those of rarer languages."""


class ActionRoutes(Routes):
    """Routes that act on builds, jobs and logs, and lint."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
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

    def _find(self, kind: str, number: int) -> Build | Job:
        """Return a build or a job.

        Raises:
            ErrorResponse: 404 without a body: it is unknown.
        """
        world = self._server.world
        target: Build | Job | None = world.builds.get(number) if kind == "build" else world.jobs.get(number)
        if target is None:
            raise ErrorResponse(404)
        return target

    def _target(self, request: web.Request) -> tuple[str, Build | Job]:
        kind = "build" if "/builds/" in request.path else "job"
        return kind, self._find(kind, path_id(request))

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /builds/{id}/cancel`` and ``POST /jobs/{id}/cancel``."""
        caller = self._caller(request)
        kind, target = self._target(request)
        if caller.user is None:
            # fact 3.5: org lets anonymous requests in, and then fails.
            raise server_error() if self._server.mode == "org" else ErrorResponse(401, b"no access token supplied")
        name = f"{kind}({target.id})"
        if caller.user not in target.repository.users:
            return error_response(403, f"You don't have access to cancel {name}")
        self._check_not_migrated(request, target.repository)
        if target.state in TERMINAL:
            return error_response(422, f"The {name} can't be canceled", code="cant_cancel")
        target.cancel()
        return web.Response(status=204)  # fact 9.26: cancel 204, restart 202 or 400, log removal 200 with empty body.

    # Restart ----------------------------------------------------------------------------------------------------------

    async def restart(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /builds/{id}/restart`` and ``POST /jobs/{id}/restart``."""
        caller = self._caller(request)
        kind, target = self._target(request)
        if caller.user is None and self._server.mode != "org":
            raise ErrorResponse(401, b"no access token supplied")
        self._check_not_migrated(request, target.repository)
        reasons = self._refusal_reasons(caller.user, kind, target)
        if self._server.log_mode == "2014":
            # fact 3.5: before 2015, only the flash told of a refusal.
            return self._restart_response(kind, target, reasons, granted=200, refused=200)
        return self._restart_response(kind, target, reasons, granted=202, refused=400)

    async def restart_by_request(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /requests``, the deprecated restart."""
        caller = self._caller(request, private=True)
        fields = await read_fields(request)
        kind = next((kind for kind in ("build", "job") if fields.get(f"{kind}_id")), "")
        number = str(fields.get(f"{kind}_id"))
        if not number.isdecimal():
            raise not_found()
        target = self._find(kind, int(number))
        self._check_not_migrated(request, target.repository)
        reasons = self._refusal_reasons(caller.user, kind, target)
        return self._restart_response(kind, target, reasons, granted=200, refused=200)

    def _restart_response(
        self, kind: str, target: Build | Job, reasons: Sequence[str], *, granted: int, refused: int
    ) -> web.Response:
        """Grant a restart unless there are reasons to refuse it, and return the flash."""
        if reasons:
            flash = [{"error": reason} for reason in reasons]
            return json_response({"result": refused == 200, "flash": flash}, status=refused)
        switches = self._server.switches
        # fact 10.1: a restart takes effect later, and now and then never.
        if not (switches.dropped_restarts and switches.happens(rule=True)):
            if self._server.instant:
                target.restart()
            else:
                (target if isinstance(target, Build) else target.build).queue_restart(target)
        flash = [{"notice": f"The {kind} was successfully restarted."}]
        return json_response({"result": True, "flash": flash}, status=granted)

    def _refusal_reasons(self, user: User | None, kind: str, target: Build | Job) -> list[str]:
        """Return all reasons to refuse a restart."""
        reasons: list[str] = []
        build = target if isinstance(target, Build) else target.build
        if not target.repository.may_push(user):
            reasons.append("You don't seem to have sufficient permissions.")
        if target.state not in TERMINAL or build.config.get(".result") == "parse_error":
            reasons.append(f"The {kind} currently can not be restarted.")
        return reasons

    async def remove_log(self, request: web.Request) -> web.StreamResponse:
        """Answer ``PATCH /jobs/{id}/log``."""
        caller = self._caller(request, private=True)
        job = self._server.world.jobs.get(path_id(request))
        # fact 5.4: the order of these checks is Travis's, and a hidden job counts as done.
        if job is None or not caller.can_see_job(job):
            return web.Response(headers={"Content-Type": "application/json"})
        if job.log.missing:
            return error_response(500, "Unexpected error occurred: undefined method `removed_at' for nil:NilClass")
        if job.log.removed_at is not None:
            return error_response(409, f"Log for job {job.id} has already been removed")
        if caller.user is None or not job.repository.may_push(caller.user):
            return error_response(401, "insufficient permission to remove logs")
        if job.state not in TERMINAL:
            return error_response(409, f"Job {job.id} is not finished")
        job.log.remove(caller.user.name or caller.user.login, self._server.world.clock())
        return web.Response(headers={"Content-Type": "application/json"})

    async def lint(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /lint`` and ``PUT /lint``: warn of unknown keys at the left margin, and of no language."""
        if self._server.switches.lint_fails:
            raise server_error()
        if request.method == "PUT":
            content = (await request.read()).decode()
        else:
            content = str((await read_fields(request)).get("content") or "")
        # fact 3.19: today's server prefixes the message instead of naming keys, and drops the level info.
        warnings = [
            {"key": list[str](), "message": f"[{level}] on root: {message}"}
            for level, message in _lint(content)
            if level in SHOWN_LEVELS
        ]
        return json_response({"lint": {"warnings": warnings}})


def _lint(content: str) -> Iterator[tuple[str, str]]:
    """Yield level and text of the messages of Travis's parser."""
    keys = re.findall(r"^(\w[\w-]*):", content, re.MULTILINE)
    if re.search(r"^\t", content, re.MULTILINE):
        yield "error", "syntax error (found character that cannot start any token while scanning for the next token)"
    for key in keys:
        if key not in KNOWN_KEYS:
            yield "warn", f"unknown key {key} (see https://docs.travis-ci.com)"
    if "language" not in keys:
        yield "info", "missing language, using the default ruby"
