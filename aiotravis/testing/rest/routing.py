"""Routing of what paths do not say by themselves: suffixes, slashes at the end, version 3."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse
from aiotravis.testing.rest.content_negotiation import SUFFIX, SUFFIXES, accepted_types, split_suffix

__all__ = ["WITHOUT_PREFIX", "RouteMatch", "find_route"]

# fact 11.3
NO_SUCH_ROUTE = b'{"@type":"error","error_type":"not_found","error_message":"not found"}'
NO_SUCH_METHOD = b'{"@type":"error","error_type":"method_not_allowed","error_message":"method not allowed"}'

WITHOUT_PREFIX = web.RequestKey("WITHOUT_PREFIX", bool)
"""Key of whether a request for version 3 has no ``/v3`` in its path."""

NESTED_ROOTS = frozenset({"/settings/env_vars/"})
"""Roots of collections below another path."""


@dataclass(frozen=True)
class RouteMatch:
    """A request with its route.

    Attributes:
        request: The request as its handler expects it.
        handler: Handler of the route.
        path: Path below the endpoint, without query and suffix.
        is_feed: Whether it is a badge or a feed.
    """

    request: web.Request
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    path: str
    is_feed: bool


def _wants_version_3(request: web.Request) -> bool:
    return request.headers.get("Travis-API-Version") == "3" or any(
        media.version == "3" for media in accepted_types(request)
    )


async def find_route(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], prefix: str
) -> RouteMatch:
    """Return the route of a request.

    A path loses its suffix unless it is a badge or a feed. A collection may end with a slash. Requests for version 3 go
    to paths below ``/v3``.

    Args:
        request: The request; its body must not have been read.
        handler: Handler of the unchanged path.
        prefix: Prefix of every path of the API.
    """
    resource = request.match_info.route.resource
    path = request.rel_url.raw_path.removeprefix(prefix)
    has_suffix = resource is not None and resource.canonical.endswith(SUFFIXES)
    if path.startswith("/v3/") or has_suffix:
        if resource is None:
            return RouteMatch(request, _no_route(request.match_info), path, is_feed=False)
        return RouteMatch(request, handler, path, is_feed=has_suffix and not path.startswith("/v3/"))
    # fact 9.44: a suffix is removed even if it belongs to a name.
    target, suffix = split_suffix(path)
    if _wants_version_3(request):
        # fact 1.2: the version in a header leads to the paths of version 3.
        target, suffix = f"/v3{path}", ""
    elif resource is None and target.endswith("/") and (target.count("/") == 2 or target in NESTED_ROOTS):
        # fact 1.3: a slash is fine after the root of a collection only.
        target = target.rstrip("/")
    if target == path:
        return RouteMatch(request, handler, path, is_feed=False)
    rewritten = request.clone(rel_url=request.rel_url.with_path(prefix + target, encoded=True, keep_query=True))
    rewritten[SUFFIX] = suffix
    rewritten[WITHOUT_PREFIX] = target.startswith("/v3/")
    match = await request.app.router.resolve(rewritten)
    match.add_app(request.app)
    # aiohttp sets it before middlewares run, and has no public way to do so later.
    rewritten._match_info = match
    if target.startswith("/v3/") and match.http_exception is not None:
        return RouteMatch(rewritten, _no_route(match), target, is_feed=False)
    return RouteMatch(rewritten, match.handler, target, is_feed=False)


def _no_route(match: web.UrlMappingMatchInfo) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler of a path of version 3 without a route, or without one for the method."""
    is_known = isinstance(match.http_exception, web.HTTPMethodNotAllowed)

    async def refuse(_: web.Request) -> web.StreamResponse:
        raise ErrorResponse(405, NO_SUCH_METHOD) if is_known else ErrorResponse(404, NO_SUCH_ROUTE)

    return refuse
