"""The routes of the embedded Travis that give jobs, and, on servers until 2017, what others remark on them.

https://docs.travis-ci.com/api/#jobs
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Refusal, Visitor, not_found
from aiotravis.testing.rest.parameters import fields_of, number_in, several
from aiotravis.testing.rest.routes import Handler, Routes, answer, error, hand_made
from aiotravis.testing.world.builds import Job
from aiotravis.testing.world.models import Annotation
from aiotravis.testing.world.payloads import annotation_json, commit_json, job_json

__all__ = ["JobRoutes"]

MOST = 250


class JobRoutes(Routes):
    """The routes; those of 2014 always tell the log's id, and know annotations."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        return (
            ("GET", "/jobs", self.jobs),
            ("GET", "/jobs/{id}", self.job),
            ("GET", "/jobs/{id}/annotations", self.annotations),
            ("POST", "/jobs/{id}/annotations", self.annotate),
        )

    @property
    def _is_old(self) -> bool:
        return self._site.log_mode == "2014"

    def _shown(self, job: Job, request: web.Request) -> dict[str, object]:
        wanted = "include_log_id" in request.query or request.headers.get("User-Agent", "").startswith("Travis")
        fields = job_json(job, log_id=wanted or self._is_old)
        if self._is_old:
            fields["annotation_ids"] = [one.id for one in job.annotations]
        return fields

    async def job(self, request: web.Request) -> web.StreamResponse:
        """``GET /jobs/{id}``."""
        visitor = self._visitor(request)
        number = number_in(request)
        job = self._site.world.jobs.get(number)
        if job is None or not visitor.sees_job(job):
            return error(404, f"The job({number}) couldn't be found")
        commit = commit_json(job.build.commit, tag=not self._is_old)
        commit["branch_is_default"] = job.build.commit.branch == "master"
        body: dict[str, object] = {"job": self._shown(job, request), "commit": commit}
        if self._is_old:
            body["annotations"] = [annotation_json(one, job) for one in job.annotations]
        return answer(body)

    async def jobs(self, request: web.Request) -> web.StreamResponse:
        """``GET /jobs``: by ids, or state, or queue."""
        visitor = self._visitor(request)
        ids = several(request, "ids", split=False)
        if ids:
            known = [self._site.world.jobs.get(int(number)) for number in ids if number.isdecimal()]
            return self._listed(request, [job for job in known if job is not None and visitor.sees_job(job)])
        states = several(request, "state", split=False)
        queue = request.query.get("queue")
        seen = [job for job in self._site.world.jobs.values() if self._is_listed(job, visitor)]
        if states:
            seen = [job for job in seen if job.state in states]
        elif queue is not None:
            seen = [job for job in seen if job.queue == queue]
        else:
            seen = [job for job in seen if job.state in {"created", "queued", "received", "started"}]
        return self._listed(request, seen[:MOST])

    def _is_listed(self, job: Job, visitor: Visitor) -> bool:
        if visitor.user is not None and self._site.mode != "org":
            return visitor.user in job.repository.users
        return visitor.sees_job(job)

    def _listed(self, request: web.Request, jobs: Sequence[Job]) -> web.Response:
        # One commit for each job, repeated where they share it.
        commits = [commit_json(job.build.commit, tag=not self._is_old) for job in jobs]
        return answer({"jobs": [self._shown(job, request) for job in jobs], "commits": commits})

    # Annotations ------------------------------------------------------------------------------------------------------

    def _annotated(self, request: web.Request) -> Job:
        visitor = self._visitor(request)
        job = self._site.world.jobs.get(number_in(request))
        if not self._is_old or job is None or not visitor.sees_job(job):
            raise not_found()
        return job

    async def annotations(self, request: web.Request) -> web.StreamResponse:
        """``GET /jobs/{id}/annotations``, on servers until 2017."""
        job = self._annotated(request)
        return answer({"annotations": [annotation_json(one, job) for one in job.annotations]})

    async def annotate(self, request: web.Request) -> web.StreamResponse:
        """``POST /jobs/{id}/annotations``, by a provider that Travis knows; its second remark replaces its first."""
        job = self._annotated(request)
        fields = await fields_of(request)
        username = str(fields.get("username"))
        key, name = self._site.world.annotation_providers.get(username, (None, ""))
        if key is None or fields.get("key") != key:
            raise Refusal(401)
        description, status, url = (fields.get(field) for field in ("description", "status", "url"))
        if not description or not status:
            return hand_made({"error": "Must include status and description"}, status=422)
        known = next((one for one in job.annotations if one.provider == username), None)
        if known is None:
            every = sum(len(one.annotations) for one in self._site.world.jobs.values())
            known = Annotation(every + 1, username, name, "", None)
            job.annotations.append(known)
        known.description, known.status = str(description), str(status)
        known.url = str(url) if url else None
        return web.Response(status=204)
