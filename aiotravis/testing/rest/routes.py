"""Base of all groups of routes, and the JSON responses of Travis."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, cast

from aiohttp import web

from aiotravis.testing.faults.rules import Faults
from aiotravis.testing.live.publisher import LiveMode
from aiotravis.testing.live.pusher import PusherApp
from aiotravis.testing.rest.access import Caller, ErrorResponse, Mode, authenticate
from aiotravis.testing.rest.content_negotiation import accepts_json, requested_version
from aiotravis.testing.rest.rate_rules import RateRules
from aiotravis.testing.rest.switches import Switches
from aiotravis.testing.rest.webhooks import Webhooks
from aiotravis.testing.world.builds import Build, Job, Repository
from aiotravis.testing.world.gatekeeper import approve, reject
from aiotravis.testing.world.repository_data import Request
from aiotravis.testing.world.world import World

__all__ = [
    "Handler",
    "Routes",
    "SerializedResponse",
    "ServerContext",
    "error_response",
    "json_response",
    "validation_error",
]

READS_BEFORE_RESTART: Final = 1
"""Number of responses with the state of a build for which a restart is still queued."""

READS_BEFORE_DECISION: Final = 1
"""Number of responses that show a request for a build for which it is still pending."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ServerContext(Protocol):
    """What routes and middleware need of the server, see `TravisServer`."""

    world: World
    mode: Mode
    pusher: PusherApp
    webhooks: Webhooks
    log_mode: str
    live_mode: LiveMode
    switches: Switches
    faults: Faults
    rates: RateRules | None
    latency: float
    instant: bool
    max_records: int | None

    @property
    def archive_url(self) -> str:
        """URL of the log archive."""
        ...

    @property
    def github_url(self) -> str:
        """URL of GitHub's API."""
        ...

    def pusher_config(self) -> dict[str, object] | None:
        """Return the pusher block of ``GET /config``."""
        ...

    def patterns(self) -> Sequence[tuple[str, str]]:
        """Return method and path of every route."""
        ...


DEPLOYED: Final = "10b17e6e062f020ae60ff2c38ce419ee43fa3668"
"""The version of Travis that is deployed: with another, all ETags change."""


class SerializedResponse(web.Response):
    """A response written by a serializer of Travis, which depends on the version.

    Args:
        value: Its JSON, with the envelope of version 2.
        status: HTTP status.
        updated_at: When what it shows was changed last, in whole seconds, for its ETag; None without one.
    """

    def __init__(self, value: Mapping[str, object], status: int = 200, *, updated_at: str | None = None) -> None:
        super().__init__(status=status)
        if updated_at is not None:
            # fact 1.3: the same for every version, format and identity.
            key = f"{DEPLOYED}-{updated_at}".encode()
            self.headers["ETag"] = f'"{hashlib.md5(key, usedforsecurity=False).hexdigest()}"'
        self._value = value
        self._write(value)

    def _write(self, value: object) -> None:
        self.body = json.dumps(value).encode()
        self.headers["Content-Type"] = "application/json;charset=utf-8"

    def for_request(self, request: web.Request) -> web.Response:
        """Return it in the requested version.

        Version 1 has no envelope: ``{"build":{…},"commit":{…}}`` becomes the build, ``{"builds":[…]}`` the list.
        Objects keep the keys of version 2, unlike those of Travis.

        Raises:
            ErrorResponse: 406 without a body: the request does not accept JSON.
        """
        if not accepts_json(request):
            raise ErrorResponse(406)
        first: object = next(iter(self._value.values()), None)
        if requested_version(request) == "1" and isinstance(first, dict | list) and not self._is_bare:
            self._write(cast("object", first))
        return self

    @property
    def _is_bare(self) -> bool:
        """Whether it has no envelope in version 2 either."""
        return {"key", "permissions"} & set(self._value) != set()


def json_response(value: object, *, status: int = 200) -> web.Response:
    """Return JSON that is the same in every version, without a charset in its type."""
    response = web.json_response(value, status=status)
    response.headers["Content-Type"] = "application/json"
    return response


def error_response(status: int, message: str, **more: str) -> web.Response:
    """Return an error object."""
    return json_response({"error": {"message": message, **more}}, status=status)


def validation_error(field: str, code: str) -> web.Response:
    """Return the 422 of a failed validation."""
    refusal = json_response({"message": "Validation failed", "errors": [{"field": field, "code": code}]}, status=422)
    refusal.headers["Content-Type"] = "application/json;charset=utf-8"
    return refusal


class Routes:
    """A group of routes.

    Args:
        server: The server.
    """

    def __init__(self, server: ServerContext) -> None:
        self._server = server

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        raise NotImplementedError

    def add_routes(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Add the routes below a prefix; GET routes also answer HEAD, but for those of version 3."""
        for method, path, handler in self.table():
            if method == "GET":
                # fact 11.1: version 3 has no HEAD.
                router.add_get(prefix + path, handler, allow_head=not path.startswith("/v3/"))
            else:
                router.add_route(method, prefix + path, handler)

    def _caller(self, request: web.Request, *, guarded: bool = True, private: bool = False) -> Caller:
        return authenticate(request, self._server.world, self._server.mode, guarded=guarded, private=private)

    def _show_states(self, shown: Iterable[Build | Job | None]) -> None:
        """Count a response with the states of builds and jobs, before it is made: queued restarts may take effect."""
        # fact 10.1: after a restart's 202 the old state, times and log are served for a while.
        for build in dict.fromkeys(one.build if isinstance(one, Job) else one for one in shown):
            if build is not None and build.queued_restarts:
                build.reads_since_restart += 1
                if self._server.switches.happens(build.reads_since_restart > READS_BEFORE_RESTART):
                    build.run_queued_restarts()

    def _show_requests(self, repository: Repository, shown: Iterable[Request]) -> None:
        """Count a response that shows requests, before it is made: the gatekeeper may decide on them."""
        for request in shown:
            if request.is_queued:
                request.reads += 1
                if self._server.switches.happens(request.reads > READS_BEFORE_DECISION):
                    self._decide(repository, request)

    def _decide(self, repository: Repository, request: Request) -> None:
        """Decide on a request, as the gatekeeper does."""
        switches = self._server.switches
        if switches.gatekeeper == "approves":
            approve(repository, request)
        elif switches.gatekeeper == "rejects":
            reject(request, switches.rejection)

    def _find_repository(self, request: web.Request) -> Repository | None:
        """Return the repository that the path or else the query names, or None."""
        world, found = self._server.world, request.match_info
        if "owner" in found:
            return world.find(f"{found['owner']}/{found['name']}")
        number = found.get("id") or request.query.get("repository_id", "")
        return world.repositories.get(int(number)) if number.isdecimal() else world.find(request.query.get("slug", ""))

    def _visible_repository(self, request: web.Request) -> Repository | None:
        """Return the repository of a request if the caller can see it, else None."""
        caller, repository = self._caller(request), self._find_repository(request)
        return repository if repository is not None and caller.can_see(repository) else None

    def _writable_repository(self, request: web.Request, refusal: ErrorResponse, *, guarded: bool = True) -> Repository:
        """Return the repository of a request.

        Raises:
            ErrorResponse: The given error: the caller may not change it, or there is none.
        """
        caller, repository = self._caller(request, guarded=guarded, private=True), self._find_repository(request)
        if repository is None or not repository.may_push(caller.user):
            raise refusal
        return repository

    def _check_not_migrated(self, request: web.Request, repository: Repository) -> None:
        """Check that a repository may be changed here.

        Raises:
            ErrorResponse: 403: it was migrated from org to com.
        """
        if not repository.migrated or self._server.mode != "org":
            return
        message = (
            "This repository has been migrated to travis-ci.com. Modifications to repositories, builds, and jobs are "
            "disabled on travis-ci.org."
        )
        if not accepts_json(request):
            raise ErrorResponse(403, message.encode(), "text/plain; charset=utf-8")
        raise ErrorResponse(403, json.dumps({"error_type": "migrated_repository", "error_message": message}).encode())
