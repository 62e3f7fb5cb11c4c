"""The REST routes of the embedded Travis: repositories, builds, jobs, users, configuration."""

import re
from collections.abc import Sequence
from typing import cast

from aiohttp import web

from aiotravis.testing.access import Refusal, Visitor, accepts_json, admit, not_found
from aiotravis.testing.payloads import build_json, commit_json, job_json, repository_json, user_json
from aiotravis.testing.requests import fields_of, number_in, several
from aiotravis.testing.routes import Handler, Routes, answer
from aiotravis.testing.world import Build, Job, Repository

__all__ = ["Rest"]

PAGE = 25


class Rest(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        return (
            ("GET", "/", self.root),
            ("GET", "/config", self.config),
            ("GET", "/uptime", self.uptime),
            ("GET", "/builds", self.builds),
            ("GET", "/builds/", self.builds),
            ("GET", "/builds/{id}", self.build),
            ("GET", "/jobs", self.jobs),
            ("GET", "/jobs/", self.jobs),
            ("GET", "/jobs/{id}", self.job),
            ("GET", "/repos", self.repositories),
            ("GET", "/repos/", self.repositories),
            ("GET", r"/repos/{id:\d+}", self.repository),
            ("GET", "/repos/{owner}", self.repositories),
            ("GET", "/repos/{owner}/{name}", self.repository),
            ("GET", "/repos/{owner}/{name}/builds", self.builds),
            ("GET", "/repos/{owner}/{name}/builds/{id}", self.build),
            ("GET", "/users", self.user),
            ("GET", "/users/", self.user),
            ("GET", "/users/{id}", self.user),
            ("POST", "/pusher/auth", self.pusher_auth),
        )

    def _admit(self, request: web.Request, *, guarded: bool = True, private: bool = False) -> Visitor:
        visitor = admit(request, self._site.world, self._site.mode, guarded=guarded, private=private)
        if not accepts_json(request):
            raise Refusal(406)
        return visitor

    async def root(self, request: web.Request) -> web.StreamResponse:
        """``GET /``."""
        return answer({"hello": "world"})

    async def uptime(self, request: web.Request) -> web.StreamResponse:
        """``GET /uptime``: text that calls itself JSON."""
        return web.Response(body=b"OK", headers={"Content-Type": "application/json"})

    async def config(self, request: web.Request) -> web.StreamResponse:
        """``GET /config``."""
        config: dict[str, object] = {
            "host": "travis-ci.org",
            "shorten_host": "trvs.io",
            "assets": {"host": "travis-ci.org"},
            "github": {"api_url": self._site.github_url, "scopes": ["read:org", "user:email", "repo_deployment"]},
            "notifications": {"webhook": {"public_key": None}},
        }
        pusher = self._site.pusher_config()
        if pusher is not None:
            config["pusher"] = pusher
        return answer({"config": config})

    async def user(self, request: web.Request) -> web.StreamResponse:
        """``GET /users``: whose token it is."""
        user = self._admit(request, private=True).user
        if user is None or request.match_info.get("id", str(user.id)) != str(user.id):
            raise not_found()
        return answer({"user": user_json(user)})

    # Repositories -----------------------------------------------------------------------------------------------------

    async def repository(self, request: web.Request) -> web.StreamResponse:
        """``GET /repos/{id}`` or by slug."""
        visitor = self._admit(request)
        repository = self._find(request)
        if repository is None or not visitor.sees(repository):
            raise not_found()
        return answer({"repo": repository_json(repository)})

    def _find(self, request: web.Request) -> Repository | None:
        if "id" in request.match_info and "name" not in request.match_info:
            return self._site.world.repositories.get(number_in(request))
        return self._site.world.find(f"{request.match_info['owner']}/{request.match_info['name']}")

    async def repositories(self, request: web.Request) -> web.StreamResponse:
        """``GET /repos``, and by owner."""
        owner = request.match_info.get("owner") or request.query.get("owner_name")
        visitor = self._admit(request)
        if visitor.user is None and "owner" not in request.match_info:
            newer = "vnd.travis-ci.2.1+json" in request.headers.get("Accept", "")
            raise Refusal(403 if self._site.mode == "org" and not newer else 401)
        seen = [one for one in self._site.world.repositories.values() if visitor.sees(one)]
        ids = several(request, "ids", split=True)
        if ids:
            return answer({"repos": [repository_json(one) for one in seen if str(one.id) in ids]})
        query = request.query
        if owner is not None:
            seen = [one for one in seen if one.slug.partition("/")[0] == owner]
        if "slug" in query:
            seen = [one for one in seen if one.slug.lower() == query["slug"].lower()]
        if "member" in query:
            seen = [one for one in seen if query["member"] in {user.login for user in one.users}]
        if "search" in query:
            seen = [one for one in seen if query["search"].lower().replace("\\", "/") in one.slug.lower()]
        if not ({"slug", "search"} & set(query) or owner):
            seen = [one for one in seen if one.active]
        limit = query.get("limit", "")
        most = min(int(limit), 50) if limit.isdecimal() and int(limit) else PAGE
        return answer({"repos": [repository_json(one) for one in seen[:most]]})

    # Builds -----------------------------------------------------------------------------------------------------------

    async def build(self, request: web.Request) -> web.StreamResponse:
        """``GET /builds/{id}``, with its jobs."""
        visitor = self._admit(request)
        build = self._site.world.builds.get(number_in(request))
        if build is None or not visitor.sees(build.repository):
            raise not_found()
        jobs = [job_json(job, nested=True) for job in build.jobs]
        return answer({"build": build_json(build), "commit": _single_commit_json(build), "jobs": jobs})

    async def builds(self, request: web.Request) -> web.StreamResponse:
        """``GET /builds``: by ids, or a repository's, newest first, 25 a page."""
        visitor = self._admit(request)
        ids = several(request, "ids", split=True)
        if ids:
            known = [self._site.world.builds.get(int(number)) for number in ids if number.isdecimal()]
            found = [build for build in known if build is not None and visitor.sees(build.repository)]
            return answer(_builds_json(sorted(found, key=_id)))
        repository = self._chosen(request)
        if repository is None:
            if visitor.user is None or {"repository_id", "slug"} & set(request.query) or "owner" in request.match_info:
                return answer(_builds_json([]))
            every = [one for one in self._site.world.builds.values() if visitor.sees(one.repository)]
            return answer(_builds_json([one for one in reversed(every) if one.state in {"passed", "failed"}][:PAGE]))
        builds = list(reversed(repository.builds)) if visitor.sees(repository) else []
        query = request.query
        if "event_type" in query:
            builds = [build for build in builds if build.event_type == query["event_type"]]
        if "number" in query:
            return answer(_builds_json([build for build in builds if str(build.number) == query["number"]]))
        if "branches" in query:
            # The last of each branch: the first one met, since the newest come first.
            latest: dict[str, Build] = {}
            for build in builds:
                latest.setdefault(build.commit.branch, build)
            return answer(_builds_json(list(latest.values())))
        if query.get("after_number", "").isdecimal():
            builds = [build for build in builds if build.number < int(query["after_number"])]
        page = _builds_json(builds[:PAGE])
        if "exclude_config" in query:
            page["builds"] = [{**one, "config": {}} for one in page["builds"]]
        return answer(page)

    def _chosen(self, request: web.Request) -> Repository | None:
        if "owner" in request.match_info:
            return self._find(request)
        number = request.query.get("repository_id", "")
        if number.isdecimal():
            return self._site.world.repositories.get(int(number))
        return self._site.world.find(request.query.get("slug", ""))

    # Jobs -------------------------------------------------------------------------------------------------------------

    async def job(self, request: web.Request) -> web.StreamResponse:
        """``GET /jobs/{id}``."""
        visitor = self._admit(request)
        number = number_in(request)
        job = self._site.world.jobs.get(number)
        if job is None or not visitor.sees_job(job):
            return answer({"error": {"message": f"The job({number}) couldn't be found"}}, status=404)
        found = job_json(job, log_id=_wants_log_id(request))
        return answer({"job": found, "commit": _single_commit_json(job.build)})

    async def jobs(self, request: web.Request) -> web.StreamResponse:
        """``GET /jobs``: by ids, or state, or queue."""
        visitor = self._admit(request)
        ids = several(request, "ids", split=False)
        if ids:
            known = [self._site.world.jobs.get(int(number)) for number in ids if number.isdecimal()]
            found = [job for job in known if job is not None and visitor.sees_job(job)]
            return answer(_jobs_json(found, request))
        states = several(request, "state", split=False)
        queue = request.query.get("queue")
        seen = [job for job in self._site.world.jobs.values() if visitor.sees_job(job)]
        if states:
            seen = [job for job in seen if job.state in states]
        elif queue is not None:
            seen = [job for job in seen if job.queue == queue]
        else:
            seen = [job for job in seen if job.state in {"created", "queued", "received", "started"}]
        return answer(_jobs_json(seen[:250], request))

    # Live -------------------------------------------------------------------------------------------------------------

    async def pusher_auth(self, request: web.Request) -> web.StreamResponse:
        """``POST /pusher/auth``: sign what the caller may listen to, and say nothing of the rest."""
        old = self._site.live_mode != "head"
        if old and self._site.mode == "org":
            # It came in September 2017.
            raise not_found()
        visitor = admit(request, self._site.world, self._site.mode, guarded=False, private=old)
        fields = await fields_of(request)
        socket_id, channels = fields.get("socket_id"), fields.get("channels")
        if not isinstance(socket_id, str) or not re.fullmatch(r"\d+\.\d+", socket_id) or not isinstance(channels, list):
            raise Refusal(500, b"Sorry, we experienced an error.\n", "text/plain")
        names = [name for name in cast("list[object]", channels) if isinstance(name, str)]
        signed = {name: self._site.pusher.sign(socket_id, name) for name in names if self._may_hear(visitor, name)}
        return answer({"channels": signed})

    def _may_hear(self, visitor: Visitor, channel: str) -> bool:
        if not channel.startswith("private-"):
            return True
        kind, _, number = channel.removeprefix("private-").partition("-")
        if not number.isdecimal():
            return False
        if kind == "user":
            return visitor.user is not None and visitor.user.id == int(number)
        if kind == "repo":
            repository = self._site.world.repositories.get(int(number))
            return repository is not None and visitor.user in repository.users
        job = self._site.world.jobs.get(int(number))
        return kind == "job" and job is not None and visitor.sees_job(job)


def _id(build: Build) -> int:
    return build.id


def _wants_log_id(request: web.Request) -> bool:
    return "include_log_id" in request.query or request.headers.get("User-Agent", "").startswith("Travis")


def _single_commit_json(build: Build) -> dict[str, object]:
    fields = commit_json(build.commit)
    fields["branch_is_default"] = build.commit.branch == "master"
    return fields


def _builds_json(builds: Sequence[Build]) -> dict[str, list[dict[str, object]]]:
    commits = [commit_json(build.commit) | {"pull_request_number": build.pull_request_number} for build in builds]
    return {"builds": [build_json(build) for build in builds], "commits": commits[::-1]}


def _jobs_json(jobs: Sequence[Job], request: web.Request) -> dict[str, object]:
    log_id = _wants_log_id(request)
    # One commit for each job, repeated where they share it.
    return {
        "jobs": [job_json(job, log_id=log_id) for job in jobs],
        "commits": [commit_json(job.build.commit) for job in jobs],
    }
