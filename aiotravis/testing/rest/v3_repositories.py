"""Routes of repositories and crons in API v3.

https://developer.travis-ci.com/resource/repository
"""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from aiotravis.testing.rest.parameters import path_id
from aiotravis.testing.rest.routes import Handler
from aiotravis.testing.rest.v3 import V3Routes, error_v3, pretty, read_parameters
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.models import User
from aiotravis.testing.world.payloads import timestamp
from aiotravis.testing.world.repository_data import Cron

__all__ = ["V3RepositoryRoutes"]

INTERVALS: Final = ("daily", "weekly", "monthly")

RIGHTS: Final = (
    "activate", "deactivate", "migrate", "create_cron", "create_env_var", "create_key_pair", "delete_key_pair",
    "create_request", "admin",
)  # fmt: skip
"""What only users with a right to push may do."""


class V3RepositoryRoutes(V3Routes):
    """Routes of repositories and crons in version 3."""

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        return (
            ("GET", "/v3/repo/{repo}", self.repository),
            ("POST", "/v3/repo/{repo}/activate", self.activate),
            ("POST", "/v3/repo/{repo}/deactivate", self.deactivate),
            ("GET", "/v3/repo/{repo}/crons", self.crons),
            ("GET", "/v3/repo/{repo}/branch/{branch}/cron", self.branch_cron),
            ("POST", "/v3/repo/{repo}/branch/{branch}/cron", self.create_cron),
            ("GET", "/v3/cron/{id}", self.cron),
            ("DELETE", "/v3/cron/{id}", self.delete_cron),
        )

    async def repository(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/repo/{repo}``."""
        caller = self._caller_v3(request)
        return self._response(request, self._repository_v3(request, caller), caller.user)

    async def activate(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /v3/repo/{repo}/activate``."""
        return self._set_active(request, "activate", active=True)

    async def deactivate(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /v3/repo/{repo}/deactivate``."""
        return self._set_active(request, "deactivate", active=False)

    def _set_active(self, request: web.Request, permission: str, *, active: bool) -> web.Response:
        repository, user = self._changeable(request, permission)
        repository.active = active
        return self._response(request, repository, user)

    def _response(self, request: web.Request, repository: Repository, user: User | None) -> web.Response:
        owner, may_push = self._server.world.owner(repository.slug), repository.may_push(user)
        minimal = self._minimal_repository(request, repository)
        return pretty(
            {
                **minimal,
                "@representation": "standard",
                "@permissions": {"read": True, **dict.fromkeys(RIGHTS, may_push)},
                "description": repository.description,
                "github_language": repository.language,
                "active": bool(repository.active),
                "private": repository.private,
                "owner": {
                    "@type": "user" if isinstance(owner, User) else "organization",
                    "id": owner.id,
                    "login": owner.login,
                },
                "default_branch": {"@type": "branch", "@representation": "minimal", "name": "master"},
                "starred": False,
            }
        )

    # Crons ------------------------------------------------------------------------------------------------------------

    async def crons(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/repo/{repo}/crons``."""
        repository = self._repository_v3(request, self._caller_v3(request))
        page, envelope = self._page(request, "crons", f"/repo/{repository.id}/crons", repository.data.crons)
        return pretty({**envelope, "crons": [self._cron_json(request, repository, one) for one in page]})

    async def branch_cron(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/repo/{repo}/branch/{branch}/cron``."""
        repository = self._repository_v3(request, self._caller_v3(request))
        for one in repository.data.crons:
            if one.branch == request.match_info["branch"]:
                return pretty(self._cron_json(request, repository, one))
        raise self._not_found("cron")

    async def create_cron(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /v3/repo/{repo}/branch/{branch}/cron``: replace that of the branch."""
        repository, _ = self._changeable(request, "create_cron")
        given, _ = await read_parameters(request, "cron", ("interval", "dont_run_if_recent_build_exists"))
        interval = given.get("interval")
        if interval not in INTERVALS:
            listed = '"daily", "weekly" or "monthly"'
            raise error_v3(422, "error", f"Invalid value for interval. Interval must be {listed}!")
        branch, world, data = request.match_info["branch"], self._server.world, repository.data
        skips_recent = given.get("dont_run_if_recent_build_exists") in {True, "true"}
        made = Cron(world.next_request_id(), branch, str(interval), skips_recent, world.clock())
        data.crons = [*(one for one in data.crons if one.branch != branch), made]
        return pretty(self._cron_json(request, repository, made))

    async def cron(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v3/cron/{id}``."""
        return pretty(self._cron_json(request, *self._find_cron(request, None)))

    async def delete_cron(self, request: web.Request) -> web.StreamResponse:
        """Answer ``DELETE /v3/cron/{id}``."""
        repository, found = self._find_cron(request, self._user_v3(request)[1])
        repository.data.crons.remove(found)
        return web.Response(status=204)

    def _find_cron(self, request: web.Request, user: User | None) -> tuple[Repository, Cron]:
        """Return the cron of the path, with its repository; if a user is given, only if they may delete it.

        Raises:
            ErrorResponse: It is unknown or hidden, or they may not.
        """
        caller, number = self._caller_v3(request), path_id(request)
        for repository in self._server.world.repositories.values():
            for one in repository.data.crons:
                if one.id == number and caller.can_see(repository):
                    if user is not None and not repository.may_push(user):
                        raise error_v3(403, "insufficient_access", "operation requires delete access to cron")
                    return repository, one
        raise self._not_found("cron")

    def _cron_json(self, request: web.Request, repository: Repository, cron: Cron) -> dict[str, object]:
        return {
            "@type": "cron",
            "@href": self._href(request, f"/cron/{cron.id}"),
            "@representation": "standard",
            "@permissions": {"read": True, "delete": True, "start": True},
            "id": cron.id,
            "repository": self._minimal_repository(request, repository),
            "branch": {"@type": "branch", "@representation": "minimal", "name": cron.branch},
            "interval": cron.interval,
            "dont_run_if_recent_build_exists": cron.skips_recent,
            "last_run": None,
            # fact 11.9: the first run is a minute after.
            "next_run": timestamp(cron.created_at + 60),
            "created_at": timestamp(cron.created_at),
            "active": True,
        }
