"""Routes of builds and branches.

https://docs.travis-ci.com/api/#builds
"""

from collections.abc import Iterable, Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Caller, not_found, server_error
from aiotravis.testing.rest.parameters import list_parameter, path_id
from aiotravis.testing.rest.routes import Handler, Routes, SerializedResponse
from aiotravis.testing.world.builds import Build
from aiotravis.testing.world.payloads import annotation_json, build_json, commit_json, job_json, timestamp

__all__ = ["BuildRoutes"]

PAGE_SIZE, MAX_BRANCHES = 25, 50  # fact 4


class BuildRoutes(Routes):
    """Routes of builds and branches; with ``log_mode="2014"`` without ``event_type`` and tags, but with annotations."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        by_id, by_slug = r"/repos/{id:\d+}", "/repos/{owner}/{name}"
        return (
            ("GET", "/builds", self.builds),
            ("GET", "/builds/{id}", self.build),
            ("GET", f"{by_slug}/builds", self.builds),
            ("GET", f"{by_slug}/builds/{{id}}", self.build),
            ("GET", "/branches", self.branches),
            *(("GET", f"{repo}/branches", self.branches) for repo in (by_id, by_slug)),
            *(("GET", f"{repo}/branches/{{branch:.+}}", self.branch) for repo in (by_id, by_slug)),
        )

    @property
    def _is_2014(self) -> bool:
        return self._server.log_mode == "2014"

    async def build(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /builds/{id}``, with its jobs."""
        caller = self._caller(request)
        build = self._server.world.builds.get(path_id(request))
        exclude_config = "exclude_config" in request.query
        if build is None or not caller.can_see(build.repository):
            # fact 3.5: exclude_config fails for an unknown build.
            raise server_error() if exclude_config and build is None else not_found()
        self._show_states([build])
        commit = commit_json(build.commit, tag=not self._is_2014)
        commit["branch_is_default"] = build.commit.branch == "master"
        jobs = [job_json(job, nested=True, log_id=self._is_2014) for job in build.jobs]
        body: dict[str, object] = {
            "build": self._build_json(build, exclude_config=exclude_config),
            "commit": commit,
            "jobs": jobs,
        }
        if self._is_2014:
            body["annotations"] = [annotation_json(one, job) for job in build.jobs for one in job.annotations]
            for fields, job in zip(jobs, build.jobs, strict=True):
                fields["annotation_ids"] = [one.id for one in job.annotations]
        newest = max(build.updated_at, *(job.updated_at for job in build.jobs))
        return SerializedResponse(body, updated_at=timestamp(newest))

    async def builds(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /builds``: by ids, or 25 of a repository, newest first."""
        caller, query = self._caller(request), request.query
        ids = list_parameter(request, "ids", split=True)  # fact 9.21
        if ids:
            return self._list_response(request, sorted(self._visible_builds(ids, caller), key=lambda build: build.id))
        repository = self._find_repository(request)
        if repository is None:
            # fact 9.4: an unknown repository has no builds, rather than being a 404.
            has_repository = {"repository_id", "slug"} & set(query) or "owner" in request.match_info
            return self._to_response(request, [] if has_repository else self._recent_builds(request, caller))
        builds = list(reversed(repository.builds)) if caller.can_see(repository) else []
        if "event_type" in query:
            builds = [build for build in builds if build.event_type == query["event_type"]]
        if "number" in query:
            return self._list_response(request, [build for build in builds if str(build.number) == query["number"]])
        if "branches" in query:
            # Builds are sorted, so the first of each branch is its newest.
            latest: dict[str, Build] = {}
            for build in builds:
                latest.setdefault(build.commit.branch, build)
            return self._list_response(request, list(latest.values()))
        if query.get("after_number", "").isdecimal():
            builds = [build for build in builds if build.number < int(query["after_number"])]
        return self._list_response(request, builds[:PAGE_SIZE])

    def _visible_builds(self, ids: Sequence[str], caller: Caller) -> list[Build]:
        known = [self._server.world.builds.get(int(number)) for number in ids if number.isdecimal()]
        return [build for build in known if build is not None and caller.can_see(build.repository)]

    def _recent_builds(self, request: web.Request, caller: Caller) -> list[Build]:
        """Return the last builds of all repositories; none for an anonymous request."""
        if caller.user is None:
            return []
        states = {"started"} if "running" in request.query else {"passed", "failed"}
        own_only = self._server.mode != "org"
        visible = [
            build
            for build in self._server.world.builds.values()
            if (caller.user in build.repository.users if own_only else caller.can_see(build.repository))
        ]
        found = [build for build in reversed(visible) if build.state in states][:PAGE_SIZE]
        self._show_states(found)
        return [build for build in found if build.state in states]

    def _list_response(self, request: web.Request, builds: Iterable[Build]) -> web.Response:
        builds = list(builds)
        self._show_states(builds)
        return self._to_response(request, builds)

    def _to_response(self, request: web.Request, builds: Sequence[Build]) -> web.Response:
        exclude_config = "exclude_config" in request.query
        commits = [
            commit_json(build.commit, tag=not self._is_2014) | {"pull_request_number": build.pull_request_number}
            for build in builds
        ]
        # fact 9.19: one commit per build, repeated if shared; fact 3.8: in another order.
        return SerializedResponse(
            {
                "builds": [self._build_json(build, exclude_config=exclude_config) for build in builds],
                "commits": commits[::-1],
            }
        )

    def _build_json(self, build: Build, *, exclude_config: bool) -> dict[str, object]:
        fields = build_json(build)
        if exclude_config:
            fields["config"] = {}
        if self._is_2014:
            del fields["event_type"]
        return fields

    # Branches ---------------------------------------------------------------------------------------------------------

    async def branches(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /branches``: the last push build of each branch, or builds by ids."""
        ids = list_parameter(request, "ids", split=False)
        if ids:
            builds = self._visible_builds(ids, self._caller(request))
        else:
            repository = self._visible_repository(request)
            latest: dict[str, Build] = {}
            # fact 9.18: branches do not name themselves.
            for build in repository.builds if repository else ():
                if build.event_type == "push":
                    latest[build.commit.branch] = build
            builds = sorted(latest.values(), key=lambda build: -(build.finished_at or float("inf")))[:MAX_BRANCHES]
        self._show_states(builds)
        return SerializedResponse(
            {"branches": [_branch_json(one) for one in builds], "commits": [_commit_json(one) for one in builds]}
        )

    async def branch(self, request: web.Request) -> web.StreamResponse:
        """Answer with the newest build of a branch, or of several separated by commas, pull requests excluded."""
        repository, name = self._visible_repository(request), request.match_info["branch"]
        if self._is_2014 and "/" in name:
            raise not_found()
        builds = repository.builds if repository else []
        found = [
            one for one in builds if one.commit.branch in name.split(",") and one.event_type in {"push", "api", "cron"}
        ]
        if not found:
            raise not_found()
        self._show_states(found[-1:])
        body = {"branch": _branch_json(found[-1]), "commit": _commit_json(found[-1])}
        return SerializedResponse(body, updated_at=timestamp(found[-1].updated_at))


def _branch_json(build: Build) -> dict[str, object]:
    omitted = {"event_type", "pull_request_title", "pull_request_number"}
    return {name: value for name, value in build_json(build).items() if name not in omitted}


def _commit_json(build: Build) -> dict[str, object]:
    return commit_json(build.commit, tag=False)
