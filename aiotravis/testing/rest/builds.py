"""The routes of the embedded Travis that give builds, and the last builds of branches.

https://docs.travis-ci.com/api/#builds
"""

from collections.abc import Iterable, Sequence

from aiohttp import web

from aiotravis.testing.rest.access import Visitor, failure, not_found
from aiotravis.testing.rest.parameters import number_in, several
from aiotravis.testing.rest.routes import Handler, Routes, answer
from aiotravis.testing.world.builds import Build
from aiotravis.testing.world.payloads import annotation_json, build_json, commit_json, job_json

__all__ = ["BuildRoutes"]

PAGE, MOST_BRANCHES = 25, 50


class BuildRoutes(Routes):
    """The routes; those of 2014 lack ``event_type`` and tags, and show annotations."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
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
    def _is_old(self) -> bool:
        return self._site.log_mode == "2014"

    async def build(self, request: web.Request) -> web.StreamResponse:
        """``GET /builds/{id}``, with its jobs."""
        visitor = self._visitor(request)
        build = self._site.world.builds.get(number_in(request))
        bare = "exclude_config" in request.query
        if build is None or not visitor.sees(build.repository):
            raise failure() if bare and build is None else not_found()
        commit = commit_json(build.commit, tag=not self._is_old)
        commit["branch_is_default"] = build.commit.branch == "master"
        jobs = [job_json(job, nested=True, log_id=self._is_old) for job in build.jobs]
        body: dict[str, object] = {"build": self._shown(build, bare=bare), "commit": commit, "jobs": jobs}
        if self._is_old:
            body["annotations"] = [annotation_json(one, job) for job in build.jobs for one in job.annotations]
            for fields, job in zip(jobs, build.jobs, strict=True):
                fields["annotation_ids"] = [one.id for one in job.annotations]
        return answer(body)

    async def builds(self, request: web.Request) -> web.StreamResponse:
        """``GET /builds``: by ids, or a repository's, newest first, 25 a page."""
        visitor, query = self._visitor(request), request.query
        ids = several(request, "ids", split=True)
        if ids:
            return self._listed(request, sorted(self._known(ids, visitor), key=lambda build: build.id))
        repository = self._find(request)
        if repository is None:
            named = {"repository_id", "slug"} & set(query) or "owner" in request.match_info
            return self._listed(request, [] if named else self._recent(request, visitor))
        builds = list(reversed(repository.builds)) if visitor.sees(repository) else []
        if "event_type" in query:
            builds = [build for build in builds if build.event_type == query["event_type"]]
        if "number" in query:
            return self._listed(request, [build for build in builds if str(build.number) == query["number"]])
        if "branches" in query:
            # The last of each branch: the first one met, since the newest come first.
            latest: dict[str, Build] = {}
            for build in builds:
                latest.setdefault(build.commit.branch, build)
            return self._listed(request, list(latest.values()))
        if query.get("after_number", "").isdecimal():
            builds = [build for build in builds if build.number < int(query["after_number"])]
        return self._listed(request, builds[:PAGE])

    def _known(self, ids: Sequence[str], visitor: Visitor) -> list[Build]:
        known = [self._site.world.builds.get(int(number)) for number in ids if number.isdecimal()]
        return [build for build in known if build is not None and visitor.sees(build.repository)]

    def _recent(self, request: web.Request, visitor: Visitor) -> list[Build]:
        """Give what comes where no repository was chosen: to strangers nothing."""
        if visitor.user is None:
            return []
        states = {"started"} if "running" in request.query else {"passed", "failed"}
        own = self._site.mode != "org"
        seen = [
            build
            for build in self._site.world.builds.values()
            if (visitor.user in build.repository.users if own else visitor.sees(build.repository))
        ]
        return [build for build in reversed(seen) if build.state in states][:PAGE]

    def _listed(self, request: web.Request, builds: Iterable[Build]) -> web.Response:
        chosen = list(builds)
        bare = "exclude_config" in request.query
        commits = [
            commit_json(build.commit, tag=not self._is_old) | {"pull_request_number": build.pull_request_number}
            for build in chosen
        ]
        # One for each build, in an order of its own.
        return answer({"builds": [self._shown(build, bare=bare) for build in chosen], "commits": commits[::-1]})

    def _shown(self, build: Build, *, bare: bool) -> dict[str, object]:
        fields = build_json(build)
        if bare:
            fields["config"] = {}
        if self._is_old:
            del fields["event_type"]
        return fields

    # Branches ---------------------------------------------------------------------------------------------------------

    async def branches(self, request: web.Request) -> web.StreamResponse:
        """Of a repository, the last push of each; or those that some builds are the last of."""
        ids = several(request, "ids", split=False)
        if ids:
            builds = self._known(ids, self._visitor(request))
        else:
            repository = self._seen(request)
            last: dict[str, Build] = {}
            for build in repository.builds if repository else ():
                if build.event_type == "push":
                    last[build.commit.branch] = build
            builds = sorted(last.values(), key=lambda build: -(build.finished_at or float("inf")))[:MOST_BRANCHES]
        return answer({"branches": [_branch(one) for one in builds], "commits": [_untagged(one) for one in builds]})

    async def branch(self, request: web.Request) -> web.StreamResponse:
        """The newest build of one branch, or of several with commas between, but of a pull request."""
        repository, name = self._seen(request), request.match_info["branch"]
        if self._is_old and "/" in name:
            raise not_found()
        builds = repository.builds if repository else []
        found = [
            one for one in builds if one.commit.branch in name.split(",") and one.event_type in {"push", "api", "cron"}
        ]
        if not found:
            raise not_found()
        return answer({"branch": _branch(found[-1]), "commit": _untagged(found[-1])})


def _branch(build: Build) -> dict[str, object]:
    left_out = {"event_type", "pull_request_title", "pull_request_number"}
    return {name: value for name, value in build_json(build).items() if name not in left_out}


def _untagged(build: Build) -> dict[str, object]:
    return commit_json(build.commit, tag=False)
