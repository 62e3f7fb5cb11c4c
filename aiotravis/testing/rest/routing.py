"""Which route of the embedded Travis a request means, where its path does not say so: endings, slashes, version 3."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from aiotravis.testing.rest.access import Refusal
from aiotravis.testing.rest.content_negotiation import ENDING, ENDINGS, accepted, without_ending

__all__ = ["Routed", "routed"]

NO_SUCH_RESOURCE = (
    b'{"@type":"error","error_type":"not_found","error_message":"resource not found (or insufficient access)"}'
)


@dataclass(frozen=True)
class Routed:
    """A request that has found its route.

    Attributes:
        request: As the route wants it.
        handler: Answers it.
        path: Below the API's endpoint, without a query, as the route knows it.
        is_feed: Whether it is for a picture or a feed.
    """

    request: web.Request
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    path: str
    is_feed: bool


def _is_for_version_3(request: web.Request) -> bool:
    return request.headers.get("Travis-API-Version") == "3" or any(kind.version == "3" for kind in accepted(request))


async def routed(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], prefix: str
) -> Routed:
    """Find the route.

    A path that ends as a file does loses its ending, unless a picture or a feed is meant. A collection may end in a
    slash. What asks for version 3 finds it below ``/v3``.

    Args:
        request: What was asked; nothing of its body may have been read.
        handler: Answers it if the path is taken as it is.
        prefix: In front of every path of the API.
    """
    resource = request.match_info.route.resource
    whole = request.rel_url.raw_path
    path = whole.removeprefix(prefix)
    named = resource is not None and resource.canonical.endswith(ENDINGS)
    if path.startswith("/v3/") or named:
        if resource is None:
            return Routed(request, _no_such_resource, path, is_feed=False)
        return Routed(request, handler, path, is_feed=named and not path.startswith("/v3/"))
    target, ending = without_ending(path)
    if _is_for_version_3(request):
        target, ending = f"/v3{path}", ""
    elif resource is None and target.endswith("/") and target.count("/") == 2:
        target = target.rstrip("/")
    if target == path:
        return Routed(request, handler, path, is_feed=False)
    meant = request.clone(rel_url=request.rel_url.with_path(prefix + target, encoded=True, keep_query=True))
    meant[ENDING] = ending
    match = await request.app.router.resolve(meant)
    match.add_app(request.app)
    meant._match_info = match
    if target.startswith("/v3/") and match.http_exception is not None:
        return Routed(meant, _no_such_resource, target, is_feed=False)
    return Routed(meant, match.handler, target, is_feed=False)


async def _no_such_resource(request: web.Request) -> web.StreamResponse:
    raise Refusal(404, NO_SUCH_RESOURCE)
