"""Routes of logs, in v2 and v3.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse, authenticate, not_found, read_token
from aiotravis.testing.rest.content_negotiation import accepted_types, accepts_text, path_suffix
from aiotravis.testing.rest.parameters import path_id
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse, error_response, json_response
from aiotravis.testing.rest.unavailable_logs import forms_of, unavailable_v2, unavailable_v3
from aiotravis.testing.world.builds import Job
from aiotravis.testing.world.models import LogForm, Part
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

    def _read_log(self, job: Job) -> tuple[Job, LogForm | None]:
        """Count a read of a log; return the job with its log as it is shown, and the form of an unavailable one."""
        log, switches = job.log, self._server.switches
        if not log.is_unavailable:
            return job, None
        if switches.happens(rule=False):
            log.unavailable_reads = 0
            return job, None
        if switches.chance is None:
            log.unavailable_reads -= 1
        forms = forms_of(self._server.log_mode)
        form = log.unavailable_as or forms[switches.pick(job.id, len(forms))]
        if form == "beginning missing":
            job = replace(job, log=replace(log, parts=_second_half(log.parts)))
        return job, form

    def _log_response(self, request: web.Request, job: Job) -> web.Response:
        # fact 9.30: what comes depends on the state of the log, the server's age, and the Accept header.
        job, form = self._read_log(job)
        log, mode = job.log, self._server.log_mode
        in_archive = form is not None and form.startswith("archive")
        if in_archive or (log.archived and mode != "head") or (log.missing and mode == "2014"):
            return self._archive_redirect(request, job)
        if log.missing:
            # fact 5.2: JSON, even if only text is accepted.
            return json_response({"log": {"job_id": job.id, "parts": [], "@type": "Log"}})
        media_types, suffix = accepted_types(request), path_suffix(request)
        best = next((media for media in media_types if media.is_json or media.is_text or media.is_anything), None)
        # fact 5.2: */* gets text.
        as_text = suffix != ".json" if suffix else best is not None and not best.is_json
        if (best is None and not suffix) or (as_text and not accepts_text(request)):
            raise ErrorResponse(406)
        chunked = not suffix and any(media.is_json and media.chunked for media in media_types)
        if form is not None:
            has_parts = chunked and mode != "head"
            answer = unavailable_v2(form, log_id=log.id, job_id=job.id, text=as_text, chunked=has_parts)
            if answer is not None:
                return answer
        if as_text:
            return self._text_response(job)
        if log.aggregated and chunked and not any(media.is_json and not media.chunked for media in media_types):
            raise ErrorResponse(406)
        if chunked and mode != "head" and not log.aggregated:
            # fact 5.3: these parameters work in the Accept header, not in the query; fact 9.31: today in neither.
            parameters = next(media.parameters for media in media_types if media.is_json and media.chunked)
            after, numbers = parameters.get("after", ""), parameters.get("part_numbers", "")
            return SerializedResponse({"log": log_parts_json(job, after=after, numbers=numbers, ids=mode == "2014")})
        return SerializedResponse({"log": log_json(job)})

    def _text_response(self, job: Job) -> web.Response:
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

    def _read_parts(self, job: Job) -> Sequence[Mapping[str, object]] | web.Response:
        """Count a read of a log; return its parts, or the answer in place of them."""
        job, form = self._read_log(job)
        shown = None if form is None else unavailable_v3(form)
        return _parts_json(job.log) if shown is None else shown

    def _raw_log_href(self, request: web.Request, job: Job) -> str:
        """Return the path of the text, with a log token unless the log is public."""
        path = f"/v3/job/{job.id}/log.txt"
        user = self._server.world.by_token(read_token(request) or "")
        if user is None or not (job.repository.private or self._server.mode == "enterprise"):
            return path
        return f"{path}?log.token={self._server.world.log_tokens.issue(user, job.id)}"

    async def parts(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/job/{id}/log_parts``."""
        parts = self._read_parts(self._v3_job(request))
        if isinstance(parts, web.Response):
            return parts
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
        parts = self._read_parts(job)
        if isinstance(parts, web.Response):
            return parts
        return json_response(
            {
                "@type": "log",
                "@href": f"/v3/job/{job.id}/log",
                "@representation": "standard",
                "@permissions": {"read": True, "cancel": False, "restart": False, "debug": False},
                "id": job.log.id,
                "content": _joined(parts) if parts else None,
                "log_parts": parts,
                "@raw_log_href": self._raw_log_href(request, job),
            }
        )

    async def text(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/job/{id}/log.txt``; a log token in the query suffices."""
        opened = self._server.world.log_tokens.find(request.query.get("log.token", ""))
        if opened is not None and opened.job_id == path_id(request) and self._server.log_mode == "head":
            job = self._server.world.jobs[opened.job_id]
        else:
            job = self._v3_job(request)
        parts = self._read_parts(job)
        return parts if isinstance(parts, web.Response) else _plain_text(_joined(parts))


def _parts_json(log: Log) -> list[dict[str, object]]:
    """Return the parts; an aggregated, archived or removed log is one part."""
    if log.aggregated or log.archived or log.removed_at is not None:
        return [{"content": log.text, "final": True, "number": 0}]
    return [{"content": part.content, "final": part.final, "number": part.number} for part in log.parts]


def _joined(parts: Sequence[Mapping[str, object]]) -> str:
    return "".join(str(part["content"]) for part in parts)


def _second_half(parts: Sequence[Part]) -> list[Part]:
    """Return the later parts of a log; the end of its only one."""
    if len(parts) == 1:
        part = parts[0]
        return [replace(part, content=part.content[len(part.content) // 2 :])]
    return list(parts[(len(parts) + 1) // 2 :])


def _plain_text(text: str) -> web.Response:
    return web.Response(body=text.encode(), headers={"Content-Type": "text/plain;charset=utf-8"})
