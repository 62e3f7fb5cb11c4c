"""Middleware of all requests: faults, records, stubs, limits, access, final headers."""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from aiohttp import web

from aiotravis.testing.faults.rest_faults import with_faults
from aiotravis.testing.rest.access import (
    ErrorResponse,
    access_denied,
    insufficient_access,
    not_found,
    read_rss_user,
    read_token,
)
from aiotravis.testing.rest.content_negotiation import requested_version
from aiotravis.testing.rest.finalize_response import (
    accepted_encodings,
    finalize_response,
    preflight_response,
    unhandled_error,
)
from aiotravis.testing.rest.github import GITHUB_PREFIX
from aiotravis.testing.rest.parameters import check_body
from aiotravis.testing.rest.routes import SerializedResponse, ServerContext
from aiotravis.testing.rest.routing import RouteMatch, find_route
from aiotravis.testing.rest.stubs import Stubs

__all__ = ["RequestMiddleware", "RequestSeen"]

logger: logging.Logger = logging.getLogger("aiotravis.testing")


@dataclass(frozen=True)
class RequestSeen:
    """A request that the server received.

    Attributes:
        method: HTTP method.
        path: Path with query, and with the prefix ``/api`` of an Enterprise server.
        headers: Headers with lower-case names.
        body: Body.
        status: Status of the response, even if it was lost; 0 if a fault reset the connection.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int


class RequestMiddleware:
    """The middlewares of the server.

    Args:
        server: The server.
        prefix: Prefix of every path of the API.
        live_prefix: Prefix of every path of the live channel.

    Attributes:
        requests: The last requests, in the order of their responses.
        stubs: Responses that replace those of routes.
    """

    def __init__(self, server: ServerContext, prefix: str, live_prefix: str) -> None:
        self._server = server
        self._prefix = prefix
        self._other_prefixes = (GITHUB_PREFIX, "/app/", "/apps/", f"{live_prefix}/app/")
        self._request_numbers = itertools.count(1)
        self.requests: list[RequestSeen] = []
        self.stubs: Stubs = Stubs()

    @web.middleware
    async def inject_faults(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Apply the fault that a rule selects for this request; WebSockets have rules of their own."""
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        faults = self._server.faults
        fault = None if is_socket else faults.for_request(request.method, self._below(request))
        if fault is None:
            response: web.StreamResponse = await handler(request)
            return response
        if fault.kind in {"status", "reset"} and not fault.processed:
            self._record(request, await request.read(), fault.status if fault.kind == "status" else 0)
        return await with_faults(request, fault, faults, handler)

    @web.middleware
    async def handle(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Record the request, and return a stub, an error, or the finalized response of its route."""
        outside_api = request.path.startswith(self._other_prefixes)
        route = (
            RouteMatch(request, handler, self._below(request), is_feed=True)
            if outside_api
            else await find_route(request, handler, self._prefix)
        )
        body = await route.request.read()
        if self._server.latency:
            await asyncio.sleep(self._server.latency)
        request_id = request.headers.get("X-Request-ID", f"request-{next(self._request_numbers)}")
        path = self._below(request)
        stub = self.stubs.take(request.method, path)
        rate_limited = self._rate_limited(request, path)
        if rate_limited is not None:
            response: web.StreamResponse = rate_limited
        elif stub is not None:
            response = stub.response()
        elif request.method == "OPTIONS":
            response = preflight_response()
        else:
            response = await self._route_response(route, request_id, outside_api=outside_api)
        if isinstance(response, web.Response):
            if stub is None and rate_limited is None:
                response = finalize_response(request, response, request_id)
            else:
                response.headers["X-Request-ID"] = request_id
            if self._server.switches.date_offset:
                date = self._server.world.clock() + self._server.switches.date_offset
                response.headers["Date"] = formatdate(date, usegmt=True)
            if stub is None and response.body and "gzip" in request.headers.get("Accept-Encoding", ""):
                response.enable_compression(web.ContentCoding.gzip)
        self._record(request, body, response.status)
        if self.stubs.take_loss(request.method, path) and request.transport is not None:
            request.transport.abort()
        return response

    def _below(self, request: web.Request) -> str:
        return request.path.removeprefix(self._prefix)

    async def _route_response(self, route: RouteMatch, request_id: str, *, outside_api: bool) -> web.StreamResponse:
        request = route.request
        try:
            if not outside_api:
                self._authorize(route)
                await check_body(request)
            response = await route.handler(request)
            return response.for_request(request) if isinstance(response, SerializedResponse) else response
        except ErrorResponse as error:
            return error.response()
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            return not_found().response()
        except web.HTTPException:
            raise
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return unhandled_error(request_id)

    def _authorize(self, route: RouteMatch) -> None:
        """Reject requests with an unacceptable encoding, user agent, token, or version.

        Raises:
            ErrorResponse: The request is rejected.
        """
        request, switches, world = route.request, self._server.switches, self._server.world
        if not ({"gzip", "identity", "*"} & accepted_encodings(request.headers.get("Accept-Encoding"))):
            raise ErrorResponse(406, b"An acceptable encoding could not be found.", "text/plain")
        if switches.user_agent_required and not request.headers.get("User-Agent"):
            raise ErrorResponse(400, b'{"error":"missing User-Agent header"}', "text/html;charset=utf-8")
        token = read_token(request)
        if token is not None:
            log_token = world.log_tokens.find(token)
            # fact 9.6: an unknown token is refused even by public routes.
            if log_token is None and world.by_token(token) is None:
                raise access_denied()
            if log_token is not None and (request.method, route.path) != ("GET", f"/jobs/{log_token.job_id}/log"):
                raise insufficient_access()
        elif read_rss_user(request, world) is not None:
            if not route.is_feed:
                raise insufficient_access()
        elif switches.force_authentication and not (route.path in {"/", "/config"} or route.path.startswith("/auth/")):
            raise ErrorResponse(403)
        if requested_version(request) == "2.1" and not switches.version_2_1:
            raise ErrorResponse(406)

    def _rate_limited(self, request: web.Request, path: str) -> web.Response | None:
        rates, token = self._server.rates, read_token(request)
        if rates is None:
            return None
        # fact 2: an unknown token counts as the address.
        known = token if token is not None and self._server.world.by_token(token) is not None else None
        status = rates.check(method=request.method, path=path, token=known, address=request.remote or "")
        if status is None:
            return None
        # fact 9.5: no Retry-After.
        body = b"Forbidden\n" if status == 403 else b"Retry later\n"
        return web.Response(status=status, body=body, headers={"Content-Type": "text/plain"})

    def _record(self, request: web.Request, body: bytes, status: int) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(RequestSeen(request.method, request.path_qs, headers, body, status))
        if self._server.max_records is not None:
            del self.requests[: -self._server.max_records]
