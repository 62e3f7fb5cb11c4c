"""What all groups of routes of the embedded Travis share: the site they serve, the way they answer."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import web

from aiotravis.testing.access import Mode
from aiotravis.testing.publishing import LiveMode
from aiotravis.testing.pusher import PusherApp
from aiotravis.testing.world import World

__all__ = ["Handler", "Routes", "Site", "answer"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site(Protocol):
    """What the routes need of the server."""

    world: World
    mode: Mode
    pusher: PusherApp
    log_mode: str
    live_mode: LiveMode

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


def answer(value: object, *, status: int = 200) -> web.Response:
    """Answer with JSON, typed as Travis does."""
    response = web.json_response(value, status=status)
    response.headers["Content-Type"] = "application/json;charset=utf-8"
    return response


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
        """Serve them below a prefix."""
        for method, path, handler in self.table():
            router.add_route(method, prefix + path, handler)
