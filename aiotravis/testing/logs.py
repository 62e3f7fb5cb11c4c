"""The log routes of the embedded Travis: one URL, many answers."""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.access import Refusal, Visitor, accepted, accepts_text, admit, not_found, token_of
from aiotravis.testing.payloads import log_json, log_parts_json
from aiotravis.testing.requests import number_in
from aiotravis.testing.routes import Handler, Routes, answer
from aiotravis.testing.world import Job, Log

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

    def _admit(self, request: web.Request) -> Visitor:
        return admit(request, self._site.world, self._site.mode)

    async def log(self, request: web.Request) -> web.StreamResponse:
        """``GET /jobs/{id}/log``."""
        visitor = self._admit(request)
        job = self._site.world.jobs.get(number_in(request))
        if job is None:
            raise Refusal(404)
        if not visitor.sees_job(job):
            raise not_found()
        return self._in_some_form(request, job)

    async def by_id(self, request: web.Request) -> web.StreamResponse:
        """``GET /logs/{id}``."""
        visitor = self._admit(request)
        number = number_in(request)
        job = next((job for job in self._site.world.jobs.values() if job.log.id == number), None)
        if job is None or job.log.missing or not visitor.sees_job(job):
            raise not_found()
        return self._in_some_form(request, job)

    def _in_some_form(self, request: web.Request, job: Job) -> web.StreamResponse:
        log = job.log
        if log.missing:
            # Whatever was asked for, text too.
            return answer({"log": {"job_id": job.id, "parts": [], "@type": "Log"}})
        kinds = accepted(request)
        if log.archived and self._site.log_mode != "head":
            return self._elsewhere(request, job)
        best = next((kind for kind in kinds if kind.is_json or kind.is_text or kind.is_anything), None)
        if best is None:
            raise Refusal(406)
        # Who takes anything gets text.
        if not best.is_json:
            if not log.parts:
                raise Refusal(406, content_type="text/plain;charset=utf-8")
            return _text(log.text)
        chunked = any(kind.is_json and kind.chunked for kind in kinds)
        if log.aggregated and chunked and not any(kind.is_json and not kind.chunked for kind in kinds):
            raise Refusal(406)
        if chunked and self._site.log_mode == "2017" and not log.aggregated:
            return answer({"log": log_parts_json(job)})
        return answer({"log": log_json(job)})

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
        if mode not in {"org", "com"} and token_of(request) is None:
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
        return answer({"@type": "log_parts", "@representation": "standard", "log_parts": parts})

    async def log_v3(self, request: web.Request) -> web.StreamResponse:
        """``GET /v3/job/{id}/log``."""
        job = self._v3_job(request)
        return answer(
            {
                "@type": "log",
                "@href": f"/v3/job/{job.id}/log",
                "@representation": "standard",
                "@permissions": {"read": True, "cancel": False, "restart": False, "debug": False},
                "id": job.log.id,
                "content": job.log.text if job.log.parts else None,
                "log_parts": _numbered(job.log),
                "@raw_log_href": f"/v3/job/{job.id}/log.txt",
            }
        )

    async def text(self, request: web.Request) -> web.StreamResponse:
        """``GET /v3/job/{id}/log.txt``."""
        return _text(self._v3_job(request).log.text)


def _numbered(log: Log) -> list[dict[str, object]]:
    """Give the parts; of a log that was put together, or removed, there is one."""
    if log.aggregated or log.removed_at is not None:
        return [{"content": log.text, "final": True, "number": 0}]
    return [{"content": part.content, "final": part.final, "number": part.number} for part in log.parts]


def _text(text: str) -> web.Response:
    return web.Response(body=text.encode(), headers={"Content-Type": "text/plain;charset=utf-8"})
