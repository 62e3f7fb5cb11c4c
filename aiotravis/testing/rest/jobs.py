"""Routes of jobs, and of the annotations that servers had until 2017.

https://docs.travis-ci.com/api/#jobs
"""

from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Caller, ErrorResponse, not_found
from aiotravis.testing.rest.parameters import list_parameter, path_id, read_fields
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse, error_response, json_response
from aiotravis.testing.world.builds import Job
from aiotravis.testing.world.models import Annotation
from aiotravis.testing.world.payloads import annotation_json, commit_json, job_json, timestamp

__all__ = ["JobRoutes"]

MAX_JOBS = 250  # fact 4


class JobRoutes(Routes):
    """Routes of jobs; with ``log_mode="2014"`` they always show log ids, and annotations exist."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("GET", "/jobs", self.jobs),
            ("GET", "/jobs/{id}", self.job),
            ("GET", "/jobs/{id}/annotations", self.annotations),
            ("POST", "/jobs/{id}/annotations", self.annotate),
        )

    @property
    def _is_2014(self) -> bool:
        return self._server.log_mode == "2014"

    def _job_json(self, job: Job, request: web.Request) -> dict[str, object]:
        # fact 9.16: only on request or for clients named Travis, but always in 2014.
        with_log_id = "include_log_id" in request.query or request.headers.get("User-Agent", "").startswith("Travis")
        fields = job_json(job, log_id=with_log_id or self._is_2014)
        if self._is_2014:
            fields["annotation_ids"] = [annotation.id for annotation in job.annotations]
        return fields

    async def job(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /jobs/{id}``."""
        caller = self._caller(request)
        number = path_id(request)
        job = self._server.world.jobs.get(number)
        if job is None or not caller.can_see_job(job):
            return error_response(404, f"The job({number}) couldn't be found")
        self._show_states([job])
        commit = commit_json(job.build.commit, tag=not self._is_2014)
        commit["branch_is_default"] = job.build.commit.branch == "master"
        body: dict[str, object] = {"job": self._job_json(job, request), "commit": commit}
        if self._is_2014:
            body["annotations"] = [annotation_json(annotation, job) for annotation in job.annotations]
        # Annotations have times of their own.
        return SerializedResponse(body, updated_at=f"{timestamp(job.updated_at)} {job.annotations}")

    async def jobs(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /jobs``: by ids, state or queue."""
        caller = self._caller(request)
        ids = list_parameter(request, "ids", split=False)
        if ids:
            # fact 9.21: unlike builds, jobs do not split ids=1,2.
            found = [self._server.world.jobs.get(int(number)) for number in ids if number.isdecimal()]
            shown = [job for job in found if job is not None and caller.can_see_job(job)]
            self._show_states(shown)
            return self._list_response(request, shown)
        states = list_parameter(request, "state", split=False)
        queue = request.query.get("queue")
        visible = [job for job in self._server.world.jobs.values() if self._is_listed(job, caller)]
        if not states and queue is not None:
            shown = [job for job in visible if job.queue == queue][:MAX_JOBS]
            self._show_states(shown)
        else:
            states = states or ["created", "queued", "received", "started"]
            shown = [job for job in visible if job.state in states][:MAX_JOBS]
            self._show_states(shown)
            shown = [job for job in shown if job.state in states]
        return self._list_response(request, shown)

    def _is_listed(self, job: Job, caller: Caller) -> bool:
        if caller.user is not None and self._server.mode != "org":
            return caller.user in job.repository.users
        return caller.can_see_job(job)

    def _list_response(self, request: web.Request, jobs: Sequence[Job]) -> web.Response:
        # fact 9.19: one commit per job, repeated if shared.
        commits = [commit_json(job.build.commit, tag=not self._is_2014) for job in jobs]
        return SerializedResponse({"jobs": [self._job_json(job, request) for job in jobs], "commits": commits})

    # Annotations ------------------------------------------------------------------------------------------------------

    def _annotatable_job(self, request: web.Request) -> Job:
        caller = self._caller(request)
        job = self._server.world.jobs.get(path_id(request))
        if not self._is_2014 or job is None or not caller.can_see_job(job):
            raise not_found()
        return job

    async def annotations(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /jobs/{id}/annotations``."""
        job = self._annotatable_job(request)
        return SerializedResponse({"annotations": [annotation_json(annotation, job) for annotation in job.annotations]})

    async def annotate(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /jobs/{id}/annotations``: a second annotation of a provider replaces the first."""
        job = self._annotatable_job(request)
        fields = await read_fields(request)
        username = str(fields.get("username"))
        key, name = self._server.world.annotation_providers.get(username, (None, ""))
        if key is None or fields.get("key") != key:
            raise ErrorResponse(401)
        description, status, url = (fields.get(field) for field in ("description", "status", "url"))
        if not description or not status:
            return json_response({"error": "Must include status and description"}, status=422)
        found = next((annotation for annotation in job.annotations if annotation.provider == username), None)
        if found is None:
            count = sum(len(annotation.annotations) for annotation in self._server.world.jobs.values())
            found = Annotation(count + 1, username, name, "", None)
            job.annotations.append(found)
        found.description, found.status = str(description), str(status)
        found.url = str(url) if url else None
        return web.Response(status=204)
