"""What all groups of routes of the embedded Travis share: the site they serve, the way they answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, cast

from aiohttp import web

from aiotravis.testing.live.publisher import LiveMode
from aiotravis.testing.live.pusher import PusherApp
from aiotravis.testing.rest.access import Mode, Refusal, Visitor, admit
from aiotravis.testing.rest.content_negotiation import accepts_json, version_of
from aiotravis.testing.rest.switches import Switches
from aiotravis.testing.world.builds import Repository
from aiotravis.testing.world.world import World

__all__ = ["Handler", "Routes", "Serialized", "Site", "answer", "error", "hand_made", "invalid", "unchanged"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site(Protocol):
    """What the routes need of the server."""

    world: World
    mode: Mode
    pusher: PusherApp
    log_mode: str
    live_mode: LiveMode
    switches: Switches

    @property
    def archive_url(self) -> str:
        """Where archived logs are."""
        ...

    @property
    def github_url(self) -> str:
        """Where GitHub's API is."""
        ...

    def pusher_config(self) -> dict[str, object] | None:
        """Give the pusher block of ``GET /config``."""
        ...

    def patterns(self) -> Sequence[tuple[str, str]]:
        """Give method and path of every route."""
        ...


class Serialized(web.Response):
    """What a serializer of Travis wrote: the kind of answer that has versions.

    Args:
        value: All of it.
        status: HTTP status.
    """

    def __init__(self, value: Mapping[str, object], status: int = 200) -> None:
        super().__init__(status=status)
        self._value = value
        self._write(value)

    def _write(self, value: object) -> None:
        written = web.json_response(value)
        self.body = written.body
        self.headers["Content-Type"] = "application/json;charset=utf-8"

    def for_request(self, request: web.Request) -> web.Response:
        """Give it in the version that is asked for, or refuse.

        Version 1 has no envelope: of ``{"build":{…},"commit":{…}}`` it gives the build, of ``{"builds":[…]}`` the
        list. That is all that is known of it here; its objects have the keys of version 2, which the true ones have
        not all of.

        Raises:
            Refusal: JSON was not asked for: 406, without a body.
        """
        if not accepts_json(request):
            raise Refusal(406)
        first: object = next(iter(self._value.values()), None)
        if version_of(request) == "1" and isinstance(first, dict | list) and not self._is_bare:
            self._write(cast("object", first))
        return self

    @property
    def _is_bare(self) -> bool:
        """Whether it has no envelope in version 2 either."""
        return {"key", "permissions"} & set(self._value) != set()


def answer(value: Mapping[str, object], *, status: int = 200) -> web.Response:
    """Answer as a serializer does: an envelope of its own in version 2, charset and all."""
    return Serialized(value, status)


def hand_made(value: object, *, status: int = 200) -> web.Response:
    """Answer with JSON that no serializer made: the same in every version, typed without a charset."""
    response = web.json_response(value, status=status)
    response.headers["Content-Type"] = "application/json"
    return response


def error(status: int, message: str, **more: str) -> web.Response:
    """Refuse with an error object."""
    return hand_made({"error": {"message": message, **more}}, status=status)


def invalid(field: str, code: str) -> web.Response:
    """Refuse what does not validate."""
    refusal = hand_made({"message": "Validation failed", "errors": [{"field": field, "code": code}]}, status=422)
    refusal.headers["Content-Type"] = "application/json;charset=utf-8"
    return refusal


def unchanged(request: web.Request, repository: Repository, mode: Mode) -> web.Response | None:
    """Refuse to change what has moved to another site, or None."""
    if not repository.migrated or mode != "org":
        return None
    message = (
        "This repository has been migrated to travis-ci.com. Modifications to repositories, builds, and jobs are "
        "disabled on travis-ci.org."
    )
    if not accepts_json(request):
        return web.Response(status=403, text=message)
    return hand_made({"error_type": "migrated_repository", "error_message": message}, status=403)


class Routes:
    """A group of routes.

    Args:
        site: The server.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def table(self) -> Sequence[tuple[str, str, Handler]]:
        """List method, path and handler of each route."""
        raise NotImplementedError

    def add_routes(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Serve them below a prefix; what can be got can also be asked for its headers alone."""
        for method, path, handler in self.table():
            if method == "GET":
                router.add_get(prefix + path, handler, allow_head=True)
            else:
                router.add_route(method, prefix + path, handler)

    def _visitor(self, request: web.Request, *, guarded: bool = True, private: bool = False) -> Visitor:
        return admit(request, self._site.world, self._site.mode, guarded=guarded, private=private)

    def _find(self, request: web.Request) -> Repository | None:
        """Find the repository that a path is about, or else a query."""
        world, found = self._site.world, request.match_info
        if "owner" in found:
            return world.find(f"{found['owner']}/{found['name']}")
        number = found.get("id") or request.query.get("repository_id", "")
        return world.repositories.get(int(number)) if number.isdecimal() else world.find(request.query.get("slug", ""))

    def _seen(self, request: web.Request) -> Repository | None:
        """Find a repository that whoever asks may see."""
        visitor, repository = self._visitor(request), self._find(request)
        return repository if repository is not None and visitor.sees(repository) else None

    def _pushed(self, request: web.Request, refusal: Refusal, *, guarded: bool = True) -> Repository:
        """Find a repository that whoever asks may change.

        Raises:
            Refusal: They may not, or there is none.
        """
        visitor, repository = self._visitor(request, guarded=guarded, private=True), self._find(request)
        if repository is None or not repository.may_push(visitor.user):
            raise refusal
        return repository
