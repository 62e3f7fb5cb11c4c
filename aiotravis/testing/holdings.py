"""The routes of the embedded Travis about what repositories have: branches, caches, keys, settings, requests."""

import uuid
from collections.abc import Sequence

from aiohttp import web

from aiotravis.testing.access import Refusal, Visitor, admit, not_found
from aiotravis.testing.belongings import EnvVar, Request, SshKey
from aiotravis.testing.payloads import build_json, commit_json, second
from aiotravis.testing.requests import Fields, nested, number_in, several
from aiotravis.testing.routes import Handler, Routes, answer
from aiotravis.testing.world import Build, Repository

__all__ = ["HoldingRoutes"]

PAGE, MOST = 25, 100


class HoldingRoutes(Routes):
    """The routes."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        by_id, by_slug = r"/repos/{id:\d+}", "/repos/{owner}/{name}"
        return (
            *(("GET", f"{repo}/branches", self.branches) for repo in (by_id, by_slug)),
            *(("GET", repo + "/branches/{branch:.+}", self.branch) for repo in (by_id, by_slug)),
            ("GET", "/branches", self.branches),
            *(("GET", f"{repo}/caches", self.caches) for repo in (by_id, by_slug)),
            *(("DELETE", f"{repo}/caches", self.caches) for repo in (by_id, by_slug)),
            *(("GET", f"{repo}/key", self.key) for repo in (by_id, by_slug)),
            *(("POST", f"{repo}/key", self.key) for repo in (by_id, by_slug)),
            ("GET", f"{by_id}/settings", self.settings),
            ("PATCH", f"{by_id}/settings", self.settings),
            ("GET", "/settings/env_vars", self.env_vars),
            ("POST", "/settings/env_vars", self.env_vars),
            ("GET", "/settings/env_vars/{uuid}", self.env_var),
            ("PATCH", "/settings/env_vars/{uuid}", self.env_var),
            ("DELETE", "/settings/env_vars/{uuid}", self.env_var),
            ("GET", r"/settings/ssh_key/{id:\d+}", self.ssh_key),
            ("PATCH", r"/settings/ssh_key/{id:\d+}", self.ssh_key),
            ("DELETE", r"/settings/ssh_key/{id:\d+}", self.ssh_key),
            ("GET", "/requests", self.requests),
            ("GET", "/requests/{id}", self.request),
            ("GET", "/repos/{owner}/{name}.svg", self.badge),
            *(("GET", f"{repo}/cc.xml", self.cc_xml) for repo in (by_id, by_slug)),
        )

    def _visitor(self, request: web.Request, *, private: bool = False) -> Visitor:
        return admit(request, self._site.world, self._site.mode, private=private)

    def _find(self, request: web.Request) -> Repository | None:
        world, found = self._site.world, request.match_info
        if "owner" in found:
            return world.find(f"{found['owner']}/{found['name']}")
        number = found.get("id") or request.query.get("repository_id", "")
        return world.repositories.get(int(number)) if number.isdecimal() else world.find(request.query.get("slug", ""))

    def _seen(self, request: web.Request) -> Repository | None:
        visitor, repository = self._visitor(request), self._find(request)
        return repository if repository is not None and visitor.sees(repository) else None

    def _pushed(self, request: web.Request, refusal: Refusal) -> Repository:
        visitor, repository = self._visitor(request, private=True), self._find(request)
        if repository is None or not repository.may_push(visitor.user):
            raise refusal
        return repository

    # Branches ---------------------------------------------------------------------------------------------------------

    async def branches(self, request: web.Request) -> web.StreamResponse:
        """Of a repository, the last push of each; or those that some builds are the last of."""
        ids = several(request, "ids", split=False)
        if ids:
            visitor = self._visitor(request)
            known = [self._site.world.builds.get(int(number)) for number in ids if number.isdecimal()]
            builds = [build for build in known if build is not None and visitor.sees(build.repository)]
        else:
            repository = self._seen(request)
            last: dict[str, Build] = {}
            for build in repository.builds if repository else ():
                if build.event_type == "push":
                    last[build.commit.branch] = build
            builds = sorted(last.values(), key=lambda build: -(build.finished_at or float("inf")))[:50]
        return answer({"branches": [_branch(one) for one in builds], "commits": [_untagged(one) for one in builds]})

    async def branch(self, request: web.Request) -> web.StreamResponse:
        """The newest build of one branch, but of a pull request."""
        repository, name = self._seen(request), request.match_info["branch"]
        builds = repository.builds if repository else []
        found = [one for one in builds if one.commit.branch == name and one.event_type != "pull_request"]
        if not found:
            raise not_found()
        return answer({"branch": _branch(found[-1]), "commit": _untagged(found[-1])})

    # Caches, keys, settings -------------------------------------------------------------------------------------------

    async def caches(self, request: web.Request) -> web.StreamResponse:
        """List or delete; both give what they are about."""
        repository = self._pushed(request, Refusal(403, b"{}"))
        branch, match = request.query.get("branch", ""), request.query.get("match", "")
        caches = repository.belongings.caches
        chosen = [one for one in caches if (one.branch or "").startswith(branch) and match in one.slug]
        if request.method == "DELETE":
            repository.belongings.caches = [one for one in caches if one not in chosen]
        shown = [
            {
                "repository_id": repository.id,
                "size": one.size,
                "slug": one.slug,
                "branch": one.branch,
                "last_modified": second(one.last_modified),
            }
            for one in chosen
        ]
        return answer({"caches": shown})

    async def key(self, request: web.Request) -> web.StreamResponse:
        """Give the key; POST makes another, and says not found to those who are no admins."""
        if request.method == "POST":
            repository: Repository | None = self._pushed(request, not_found())
        else:
            repository = self._seen(request)
        if repository is None:
            raise not_found()
        return answer({"key": repository.belongings.key, "fingerprint": "ef:39:56:d3:aa:3e:1c:7f"})

    async def settings(self, request: web.Request) -> web.StreamResponse:
        """Give the settings, changed or not; unknown names are ignored."""
        refusal = Refusal(404, b'{"error":"Couldn\'t find repository"}')
        settings = self._pushed(request, refusal).belongings.settings
        if request.method == "PATCH":
            changes = await nested(request, "settings")
            if changes is None:
                return answer({"error": "Settings must be passed with a request"}, status=422)
            known = {name: value for name, value in changes.items() if name in settings}
            limit = known.get("timeout_hard_limit")
            if isinstance(limit, int) and not 0 <= limit <= 180:
                code = "Invalid hard_limit timeout value (allowed: 0 - 180)"
                return _invalid("timeout_hard_limit", code)
            settings.update(known)
        return answer({"settings": settings})

    # Environment variables --------------------------------------------------------------------------------------------

    async def env_vars(self, request: web.Request) -> web.StreamResponse:
        """List them, or add one; adding answers 200."""
        repository = self._pushed(request, Refusal(404))
        if request.method == "GET":
            shown = [_env_var(one, repository) for one in repository.belongings.env_vars]
            return answer({"env_vars": shown})
        made = EnvVar(str(uuid.uuid4()), "", None, public=False, branch=None)
        refused = _apply(made, await nested(request, "env_var") or {})
        if refused is not None:
            return refused
        repository.belongings.env_vars.append(made)
        return answer({"env_var": _env_var(made, repository)})

    async def env_var(self, request: web.Request) -> web.StreamResponse:
        """Give, change or delete one; deleting gives it back."""
        repository = self._pushed(request, Refusal(404))
        owned = repository.belongings.env_vars
        found = next((one for one in owned if one.id == request.match_info["uuid"]), None)
        if found is None:
            return answer({"error": "Could not find a requested setting"}, status=404)
        if request.method == "PATCH":
            refused = _apply(found, await nested(request, "env_var") or {})
            if refused is not None:
                return refused
        elif request.method == "DELETE":
            owned.remove(found)
        return answer({"env_var": _env_var(found, repository)})

    async def ssh_key(self, request: web.Request) -> web.StreamResponse:
        """Give, set or delete the key; sites other than org have them."""
        if self._site.mode == "org":
            raise not_found()
        repository = self._pushed(request, not_found())
        found = repository.belongings.ssh_key
        if request.method == "PATCH":
            fields = await nested(request, "ssh_key") or {}
            value = str(fields.get("value") or "")
            if "PRIVATE KEY" not in value:
                return _invalid("value", "not_a_private_key" if value else "missing_field")
            if "ENCRYPTED" in value:
                return _invalid("value", "key_with_a_passphrase")
            description = fields.get("description")
            found = SshKey(str(description) if description else None, "ef:39:56")
            repository.belongings.ssh_key = found
        elif found is None:
            if request.method == "DELETE":
                raise not_found()
            return answer({"error": "Could not find a requested setting"}, status=404)
        elif request.method == "DELETE":
            repository.belongings.ssh_key = None
        shown = {"id": repository.id, "description": found.description, "fingerprint": found.fingerprint}
        return answer({"ssh_key": shown})

    # Requests, badges -------------------------------------------------------------------------------------------------

    async def requests(self, request: web.Request) -> web.StreamResponse:
        """List what reached Travis, newest first."""
        repository = self._seen(request)
        if repository is None:
            return answer({"error": "Repository could not be found"}, status=404)
        found = sorted(repository.belongings.requests, key=lambda one: -one.id)
        older, limit = request.query.get("older_than", ""), request.query.get("limit", "")
        if older.isdecimal():
            found, limit = [one for one in found if one.id < int(older)], ""
        most = min(int(limit), MOST) if limit.isdecimal() else PAGE
        commits = {build.commit.id: _untagged(build) for build in repository.builds}
        shown = [_request(one, repository) for one in found[:most]]
        beside = [commits[one.commit_id] for one in found[:most] if one.commit_id in commits]
        return answer({"requests": shown, "commits": beside})

    async def request(self, request: web.Request) -> web.StreamResponse:
        """One of them; the server calls it good for a year."""
        visitor, number = self._visitor(request), number_in(request)
        for repository in self._site.world.repositories.values():
            for one in repository.belongings.requests:
                if one.id == number and visitor.sees(repository):
                    commits = [build for build in repository.builds if build.commit.id == one.commit_id]
                    body: dict[str, object] = {"request": _request(one, repository)}
                    if commits:
                        body["commit"] = _untagged(commits[0])
                    response = answer(body)
                    response.headers["Cache-Control"] = "public, max-age=31536000"
                    return response
        raise not_found()

    async def badge(self, request: web.Request) -> web.StreamResponse:
        """A picture of the last outcome; unknown for what is hidden."""
        repository = self._seen(request)
        outcome = {"passed": "passing", "failed": "failing", "errored": "error", "canceled": "canceled"}
        last = repository.last_build if repository else None
        shown = outcome.get(last.state, "unknown") if last else "unknown"
        headers = {"Content-Type": "image/svg+xml", "Content-Disposition": f'inline; filename="{shown}.svg"'}
        return web.Response(body=f"<svg><text>{shown}</text></svg>".encode(), headers=headers)

    async def cc_xml(self, request: web.Request) -> web.StreamResponse:
        """The state as CCTray wants it."""
        repository = self._seen(request)
        if repository is None:
            raise not_found()
        last = repository.last_build
        status = {"passed": "Success", "failed": "Failure"}.get(last.state if last else "", "Unknown")
        body = (
            f'<Projects><Project name="{repository.slug}" activity="Sleeping" lastBuildStatus="{status}"/></Projects>'
        )
        return web.Response(body=body.encode(), headers={"Content-Type": "application/xml;charset=utf-8"})


def _branch(build: Build) -> dict[str, object]:
    left_out = {"event_type", "pull_request_title", "pull_request_number"}
    return {name: value for name, value in build_json(build).items() if name not in left_out}


def _untagged(build: Build) -> dict[str, object]:
    return commit_json(build.commit, tag=False)


def _invalid(field: str, code: str) -> web.Response:
    return answer({"message": "Validation failed", "errors": [{"field": field, "code": code}]}, status=422)


def _env_var(one: EnvVar, repository: Repository) -> dict[str, object]:
    shown: dict[str, object] = {"id": one.id, "name": one.name}
    if one.public:
        shown["value"] = one.value
    return {**shown, "public": one.public, "branch": one.branch, "repository_id": repository.id}


def _apply(one: EnvVar, fields: Fields) -> web.Response | None:
    """Change a variable, unless it would have no name. Made public without a value, it loses the one it had."""
    name = str(fields.get("name", one.name) or "")
    if not name.strip():
        return _invalid("name", "missing_field")
    published = bool(fields.get("public", one.public)) and not one.public
    one.name = name
    if "value" in fields:
        one.value = str(fields["value"])
    elif published:
        one.value = None
    one.public = bool(fields.get("public", one.public))
    one.branch = str(fields["branch"]) if fields.get("branch") else one.branch
    return None


def _request(one: Request, repository: Repository) -> dict[str, object]:
    return {
        "id": one.id,
        "repository_id": repository.id,
        "commit_id": one.commit_id,
        "created_at": second(one.created_at),
        "owner_id": 1,
        "owner_type": "Organization",
        "event_type": one.event_type,
        "base_commit": None,
        "head_commit": one.head_commit,
        "result": one.result,
        "message": one.message,
        "pull_request": one.event_type == "pull_request",
        "pull_request_number": None,
        "pull_request_title": None,
        "branch": "master",
        "tag": None,
        "build_id": one.build_id,
    }
