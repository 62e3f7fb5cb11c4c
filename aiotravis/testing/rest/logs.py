"""Routes of logs, in v2 and v3.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse, authenticate, not_found, read_token
from aiotravis.testing.rest.content_negotiation import accepted_types, accepts_text, path_suffix
from aiotravis.testing.rest.parameters import path_id
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse, error_response, json_response
from aiotravis.testing.world.builds import Job
from aiotravis.testing.world.payloads import log_json, log_parts_json
from aiotravis.testing.world.world import Log, User

__all__ = ["LogRoutes"]


class LogRoutes(Routes):
    """Routes of logs.

    The server's ``log_mode`` is ``head`` (today: v2 bodies, v3 parts), ``2017`` (v2 parts, no v3, archived logs on
    another host) or ``2014`` (the same, with redirects for every client).
    """

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("GET", "/jobs/{id}/log", self.log),
            ("GET", "/logs/{id}", self.by_id),
            ("GET", "/v3/job/{id}/log_parts", self.parts),
            ("GET", "/v3/job/{id}/log.txt", self.text),
            ("GET", "/v3/job/{id}/log", self.log_v3),
        )

    async def log(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /jobs/{id}/log``."""
        caller = self._caller(request)
        job = self._server.world.jobs.get(path_id(request))
        if job is None:
            # fact 9.3: empty, unlike that of a hidden job.
            raise ErrorResponse(404)
        if not caller.can_see_job(job):
            raise not_found()
        response = self._log_response(request, job)
        if job.repository.private and caller.user is not None:
            response.headers["X-Log-Access-Token"] = self._server.world.log_tokens.issue(caller.user, job.id)
        return response

    async def by_id(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /logs/{id}``."""
        caller = self._caller(request)
        number = path_id(request)
        job = next((job for job in self._server.world.jobs.values() if job.log.id == number), None)
        if job is None or job.log.missing or not caller.can_see_job(job):
            raise not_found()
        if self._server.log_mode == "head" and self._is_withheld(job, caller.user):
            return error_response(
                403, "We're sorry, but this log is not available because of the repository's settings."
            )
        return self._log_response(request, job)

    def _is_withheld(self, job: Job, user: User | None) -> bool:
        """Return whether the repository's settings hide a log, for its age or the user's rights."""
        settings, now = job.repository.data.settings, self._server.world.clock()
        days = settings.get("job_log_access_older_than_days")
        if settings.get("job_log_time_based_limit") and isinstance(days, int):
            return job.finished_at is not None and now - job.finished_at > days * 86_400
        return bool(settings.get("job_log_access_based_limit")) and not job.repository.may_push(user)

    def _log_response(self, request: web.Request, job: Job) -> web.Response:
        # fact 9.30: what comes depends on the state of the log, the server's age, and the Accept header.
        log, mode = job.log, self._server.log_mode
        if (log.archived and mode != "head") or (log.missing and mode == "2014"):
            return self._archive_redirect(request, job)
        if log.missing:
            # fact 5.2: JSON, even if only text is accepted.
            return json_response({"log": {"job_id": job.id, "parts": [], "@type": "Log"}})
        media_types = accepted_types(request)
        if path_suffix(request) == ".json":
            return SerializedResponse({"log": log_json(job)})
        if path_suffix(request):
            return self._text_response(request, job)
        best = next((media for media in media_types if media.is_json or media.is_text or media.is_anything), None)
        if best is None:
            raise ErrorResponse(406)
        # fact 5.2: */* gets text.
        if not best.is_json:
            return self._text_response(request, job)
        chunked = any(media.is_json and media.chunked for media in media_types)
        if log.aggregated and chunked and not any(media.is_json and not media.chunked for media in media_types):
            raise ErrorResponse(406)
        if chunked and mode != "head" and not log.aggregated:
            # fact 5.3: these parameters work in the Accept header, not in the query; fact 9.31: today in neither.
            parameters = next(media.parameters for media in media_types if media.is_json and media.chunked)
            after, numbers = parameters.get("after", ""), parameters.get("part_numbers", "")
            return SerializedResponse({"log": log_parts_json(job, after=after, numbers=numbers, ids=mode == "2014")})
        return SerializedResponse({"log": log_json(job)})

    def _text_response(self, request: web.Request, job: Job) -> web.Response:
        if not accepts_text(request):
            raise ErrorResponse(406)
        if not job.log.parts:
            raise ErrorResponse(406, content_type="text/plain;charset=utf-8")
        return _plain_text(job.log.text)

    def _archive_redirect(self, request: web.Request, job: Job) -> web.Response:
        """Redirect to the archive."""
        redirects = request.headers.get("User-Agent", "").startswith("Travis") or accepts_text(request)
        if self._server.log_mode != "2014" and not redirects:
            raise ErrorResponse(406)
        # fact 9.9: the archive is on another host, which must not get the token.
        location = {"Location": f"{self._server.archive_url}/jobs/{job.id}/log.txt"}
        return web.Response(status=204 if request.query.get("cors_hax") == "true" else 307, headers=location)

    # Version 3 --------------------------------------------------------------------------------------------------------

    def _v3_job(self, request: web.Request) -> Job:
        if self._server.log_mode != "head":
            raise not_found()
        mode = self._server.mode
        if mode not in {"org", "com"} and read_token(request) is None:
            body = b'{"@type":"error","error_type":"login_required","error_message":"login required"}'
            raise ErrorResponse(403, body)
        # Version 3 shows public repositories to anonymous requests on com, too.
        caller = authenticate(request, self._server.world, "org" if mode == "com" else mode, guarded=False)
        job = self._server.world.jobs.get(path_id(request))
        if job is None or job.log.missing or not caller.can_see_job(job):
            body = (
                b'{"@type":"error","error_type":"not_found","error_message":"log not found (or insufficient access)"}'
            )
            raise ErrorResponse(404, body)
        return job

    def _raw_log_href(self, request: web.Request, job: Job) -> str:
        """Return the path of the text, with a log token unless the log is public."""
        path = f"/v3/job/{job.id}/log.txt"
        user = self._server.world.by_token(read_token(request) or "")
        if user is None or not (job.repository.private or self._server.mode == "enterprise"):
            return path
        return f"{path}?log.token={self._server.world.log_tokens.issue(user, job.id)}"

    async def parts(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/job/{id}/log_parts``."""
        job = self._v3_job(request)
        parts = _parts_json(job.log)
        after, numbers = request.query.get("after", ""), request.query.get("part_numbers", "")
        if after.isdecimal():
            parts = [part for part in parts if int(str(part["number"])) > int(after)]
        if numbers:
            chosen = set(numbers.split(","))
            parts = [part for part in parts if str(part["number"]) in chosen]
        if request.query.get("content") == "false":
            parts = [{"final": part["final"], "number": part["number"]} for part in parts]
        return json_response({"@type": "log_parts", "@representation": "standard", "log_parts": parts})

    async def log_v3(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/job/{id}/log``."""
        job = self._v3_job(request)
        return json_response(
            {
                "@type": "log",
                "@href": f"/v3/job/{job.id}/log",
                "@representation": "standard",
                "@permissions": {"read": True, "cancel": False, "restart": False, "debug": False},
                "id": job.log.id,
                "content": job.log.text if job.log.parts else None,
                "log_parts": _parts_json(job.log),
                "@raw_log_href": self._raw_log_href(request, job),
            }
        )

    async def text(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/job/{id}/log.txt``; a log token in the query suffices."""
        opened = self._server.world.log_tokens.find(request.query.get("log.token", ""))
        if opened is not None and opened.job_id == path_id(request) and self._server.log_mode == "head":
            return _plain_text(self._server.world.jobs[opened.job_id].log.text)
        return _plain_text(self._v3_job(request).log.text)


def _parts_json(log: Log) -> list[dict[str, object]]:
    """Return the parts; an aggregated, archived or removed log is one part."""
    if log.aggregated or log.archived or log.removed_at is not None:
        return [{"content": log.text, "final": True, "number": 0}]
    return [{"content": part.content, "final": part.final, "number": part.number} for part in log.parts]


def _plain_text(text: str) -> web.Response:
    return web.Response(body=text.encode(), headers={"Content-Type": "text/plain;charset=utf-8"})
