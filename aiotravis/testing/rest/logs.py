"""The log routes of the embedded Travis: one URL, many answers."""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, admit, not_found, token_from
from aiotravis.testing.rest.content_negotiation import accepted, accepts_text, ending_of
from aiotravis.testing.rest.parameters import number_in
from aiotravis.testing.rest.routes import Handler, Routes, answer, error, hand_made
from aiotravis.testing.world.builds import Job
from aiotravis.testing.world.payloads import log_json, log_parts_json
from aiotravis.testing.world.world import Log, User

__all__ = ["LogRoutes"]


class LogRoutes(Routes):
    """The routes.

    The server's ``log_mode`` is ``head`` (today: bodies, and parts under v3), ``2017`` (v2 gives parts, no v3, archived
    logs are elsewhere for those who may be pointed there), or ``2014`` (the same for all).
    """

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        return (
            ("GET", "/jobs/{id}/log", self.log),
            ("GET", "/logs/{id}", self.by_id),
            ("GET", "/v3/job/{id}/log_parts", self.parts),
            ("GET", "/v3/job/{id}/log.txt", self.text),
            ("GET", "/v3/job/{id}/log", self.log_v3),
        )

    async def log(self, request: web.Request) -> web.StreamResponse:
        """``GET /jobs/{id}/log``."""
        visitor = self._visitor(request)
        job = self._site.world.jobs.get(number_in(request))
        if job is None:
            raise Refusal(404)
        if not visitor.sees_job(job):
            raise not_found()
        response = self._in_some_form(request, job)
        if job.repository.private and visitor.user is not None:
            response.headers["X-Log-Access-Token"] = self._site.world.log_tokens.issue(visitor.user, job.id)
        return response

    async def by_id(self, request: web.Request) -> web.StreamResponse:
        """``GET /logs/{id}``."""
        visitor = self._visitor(request)
        number = number_in(request)
        job = next((job for job in self._site.world.jobs.values() if job.log.id == number), None)
        if job is None or job.log.missing or not visitor.sees_job(job):
            raise not_found()
        if self._site.log_mode == "head" and self._is_withheld(job, visitor.user):
            return error(403, "We're sorry, but this log is not available because of the repository's settings.")
        return self._in_some_form(request, job)

    def _is_withheld(self, job: Job, user: User | None) -> bool:
        """Whether the repository's settings keep a log from somebody: for its age, or for their rights."""
        settings, now = job.repository.data.settings, self._site.world.clock()
        days = settings.get("job_log_access_older_than_days")
        if settings.get("job_log_time_based_limit") and isinstance(days, int):
            return job.finished_at is not None and now - job.finished_at > days * 86_400
        return bool(settings.get("job_log_access_based_limit")) and not job.repository.may_push(user)

    def _in_some_form(self, request: web.Request, job: Job) -> web.Response:
        log, mode = job.log, self._site.log_mode
        if (log.archived and mode != "head") or (log.missing and mode == "2014"):
            return self._elsewhere(request, job)
        if log.missing:
            # Whatever was asked for, text too.
            return hand_made({"log": {"job_id": job.id, "parts": [], "@type": "Log"}})
        kinds = accepted(request)
        if ending_of(request) == ".json":
            return answer({"log": log_json(job)})
        if ending_of(request):
            return self._as_text(request, job)
        best = next((kind for kind in kinds if kind.is_json or kind.is_text or kind.is_anything), None)
        if best is None:
            raise Refusal(406)
        # Who takes anything gets text.
        if not best.is_json:
            return self._as_text(request, job)
        chunked = any(kind.is_json and kind.chunked for kind in kinds)
        if log.aggregated and chunked and not any(kind.is_json and not kind.chunked for kind in kinds):
            raise Refusal(406)
        if chunked and mode != "head" and not log.aggregated:
            # What is asked of the parts counts where they are asked for, in the header; not in the query.
            wanted = next(kind.parameters for kind in kinds if kind.is_json and kind.chunked)
            after, number = wanted.get("after", ""), wanted.get("part_numbers", "")
            return answer({"log": log_parts_json(job, after=after, numbers=number, ids=mode == "2014")})
        return answer({"log": log_json(job)})

    def _as_text(self, request: web.Request, job: Job) -> web.Response:
        if not accepts_text(request):
            raise Refusal(406)
        if not job.log.parts:
            raise Refusal(406, content_type="text/plain;charset=utf-8")
        return _text(job.log.text)

    def _elsewhere(self, request: web.Request, job: Job) -> web.Response:
        """Point to the archive, whoever may be pointed there."""
        told = request.headers.get("User-Agent", "").startswith("Travis") or accepts_text(request)
        if self._site.log_mode != "2014" and not told:
            raise Refusal(406)
        location = {"Location": f"{self._site.archive_url}/jobs/{job.id}/log.txt"}
        return web.Response(status=204 if request.query.get("cors_hax") == "true" else 307, headers=location)

    # Version 3 --------------------------------------------------------------------------------------------------------

    def _v3_job(self, request: web.Request) -> Job:
        if self._site.log_mode != "head":
            raise not_found()
        mode = self._site.mode
        if mode not in {"org", "com"} and token_from(request) is None:
            body = b'{"@type":"error","error_type":"login_required","error_message":"login required"}'
            raise Refusal(403, body)
        # Version 3 shows public repositories to everybody, whatever version 2 asks for beside it.
        visitor = admit(request, self._site.world, "org" if mode == "com" else mode, guarded=False)
        job = self._site.world.jobs.get(number_in(request))
        if job is None or job.log.missing or not visitor.sees_job(job):
            body = (
                b'{"@type":"error","error_type":"not_found","error_message":"log not found (or insufficient access)"}'
            )
            raise Refusal(404, body)
        return job

    def _raw_href(self, request: web.Request, job: Job) -> str:
        """Give the path of the text, with a token where it is not everybody's."""
        path = f"/v3/job/{job.id}/log.txt"
        user = self._site.world.by_token(token_from(request) or "")
        if user is None or not (job.repository.private or self._site.mode == "enterprise"):
            return path
        return f"{path}?log.token={self._site.world.log_tokens.issue(user, job.id)}"

    async def parts(self, request: web.Request) -> web.StreamResponse:
        """``GET /v3/job/{id}/log_parts``."""
        job = self._v3_job(request)
        parts = _numbered(job.log)
        after, numbers = request.query.get("after", ""), request.query.get("part_numbers", "")
        if after.isdecimal():
            parts = [part for part in parts if int(str(part["number"])) > int(after)]
        if numbers:
            chosen = set(numbers.split(","))
            parts = [part for part in parts if str(part["number"]) in chosen]
        if request.query.get("content") == "false":
            parts = [{"final": part["final"], "number": part["number"]} for part in parts]
        return hand_made({"@type": "log_parts", "@representation": "standard", "log_parts": parts})

    async def log_v3(self, request: web.Request) -> web.StreamResponse:
        """``GET /v3/job/{id}/log``."""
        job = self._v3_job(request)
        return hand_made(
            {
                "@type": "log",
                "@href": f"/v3/job/{job.id}/log",
                "@representation": "standard",
                "@permissions": {"read": True, "cancel": False, "restart": False, "debug": False},
                "id": job.log.id,
                "content": job.log.text if job.log.parts else None,
                "log_parts": _numbered(job.log),
                "@raw_log_href": self._raw_href(request, job),
            }
        )

    async def text(self, request: web.Request) -> web.StreamResponse:
        """``GET /v3/job/{id}/log.txt``; a token in the query opens it, too."""
        opened = self._site.world.log_tokens.find(request.query.get("log.token", ""))
        if opened is not None and opened.job_id == number_in(request) and self._site.log_mode == "head":
            return _text(self._site.world.jobs[opened.job_id].log.text)
        return _text(self._v3_job(request).log.text)


def _numbered(log: Log) -> list[dict[str, object]]:
    """Give the parts; of a log that was put together, archived, or removed, there is one."""
    if log.aggregated or log.archived or log.removed_at is not None:
        return [{"content": log.text, "final": True, "number": 0}]
    return [{"content": part.content, "final": part.final, "number": part.number} for part in log.parts]


def _text(text: str) -> web.Response:
    return web.Response(body=text.encode(), headers={"Content-Type": "text/plain;charset=utf-8"})
