"""What happens to every request of the embedded Travis before and after its route: noted, judged, let in, dressed."""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from aiotravis.testing.faults.rest_faults import with_faults
from aiotravis.testing.faults.rules import Faults
from aiotravis.testing.rest.access import Refusal, insufficient, not_found, rss_token_from, token_from, unknown_token
from aiotravis.testing.rest.content_negotiation import version_of
from aiotravis.testing.rest.finalize_response import admitted_encodings, finalized, preflight, unhandled
from aiotravis.testing.rest.github import PREFIX
from aiotravis.testing.rest.parameters import check_body
from aiotravis.testing.rest.rate_rules import RateRules
from aiotravis.testing.rest.routes import Serialized
from aiotravis.testing.rest.routing import Routed, routed
from aiotravis.testing.rest.stubs import Stubs
from aiotravis.testing.rest.switches import Switches
from aiotravis.testing.world.world import World

__all__ = ["RequestMiddleware", "RequestSeen", "ServerContext"]

logger = logging.getLogger("aiotravis.testing")


@dataclass(frozen=True)
class RequestSeen:
    """A request that the server got.

    Attributes:
        method: HTTP method.
        path: Path with query, ``/api`` of an Enterprise server included.
        headers: Names in lower case.
        body: What was sent.
        status: What it was answered with, lost on its way or not; 0 where a rule reset the connection instead.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int


class ServerContext(Protocol):
    """What the reception needs of the server."""

    world: World
    switches: Switches
    faults: Faults
    rates: RateRules | None
    latency: float


class RequestMiddleware:
    """The middlewares.

    Args:
        house: The server.
        prefix: In front of every path of the API.
        live_prefix: In front of every path of the live channel.

    Attributes:
        requests: All that came, in the order in which they were answered.
        canned: Answers that stand in for routes.
    """

    def __init__(self, house: ServerContext, prefix: str, live_prefix: str) -> None:
        self._house = house
        self._prefix = prefix
        self._others = (PREFIX, "/app/", "/apps/", f"{live_prefix}/app/")
        self._numbers = itertools.count(1)
        self.requests: list[RequestSeen] = []
        self.canned = Stubs()

    @web.middleware
    async def harm(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Let a rule have its way with a request; sockets have rules of their own."""
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        faults = self._house.faults
        fault = None if is_socket else faults.for_request(request.method, self._below(request))
        if fault is None:
            response: web.StreamResponse = await handler(request)
            return response
        if fault.kind in {"status", "reset"}:
            self._note(request, await request.read(), fault.status if fault.kind == "status" else 0)
        return await with_faults(request, fault, faults, handler)

    @web.middleware
    async def answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Take note of every request, and dress every answer as Travis does."""
        elsewhere = request.path.startswith(self._others)
        found = (
            Routed(request, handler, self._below(request), is_feed=True)
            if elsewhere
            else await routed(request, handler, self._prefix)
        )
        body = await found.request.read()
        if self._house.latency:
            await asyncio.sleep(self._house.latency)
        request_id = request.headers.get("X-Request-ID", f"request-{next(self._numbers)}")
        path = self._below(request)
        canned = self.canned.take(request.method, path)
        limited = self._over_the_limit(request, path)
        if limited is not None:
            response: web.StreamResponse = limited
        elif canned is not None:
            response = canned.response()
        elif request.method == "OPTIONS":
            response = preflight()
        else:
            response = await self._routed(found, request_id, elsewhere=elsewhere)
        self._note(request, body, response.status)
        if self.canned.is_lost(request.method, path) and request.transport is not None:
            request.transport.abort()
        if isinstance(response, web.Response):
            if canned is None and limited is None:
                response = finalized(request, response, request_id)
            else:
                response.headers["X-Request-ID"] = request_id
            if canned is None and response.body and "gzip" in request.headers.get("Accept-Encoding", ""):
                response.enable_compression(web.ContentCoding.gzip)
        return response

    def _below(self, request: web.Request) -> str:
        return request.path.removeprefix(self._prefix)

    async def _routed(self, found: Routed, request_id: str, *, elsewhere: bool) -> web.StreamResponse:
        request = found.request
        try:
            if not elsewhere:
                self._let_in(found)
                await check_body(request)
            response = await found.handler(request)
            return response.for_request(request) if isinstance(response, Serialized) else response
        except Refusal as refusal:
            return refusal.response()
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            return not_found().response()
        except web.HTTPException:
            raise
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return unhandled(request_id)

    def _let_in(self, found: Routed) -> None:
        """Turn away whoever may go nowhere, or not where they want to go.

        Raises:
            Refusal: They are turned away.
        """
        request, switches, world = found.request, self._house.switches, self._house.world
        if not ({"gzip", "identity", "*"} & admitted_encodings(request.headers.get("Accept-Encoding"))):
            raise Refusal(406, b"An acceptable encoding could not be found.", "text/plain")
        if switches.user_agent_required and not request.headers.get("User-Agent"):
            raise Refusal(400, b'{"error":"missing User-Agent header"}', "text/html;charset=utf-8")
        token = token_from(request)
        if token is not None:
            opened = world.log_tokens.find(token)
            if opened is None and world.by_token(token) is None:
                raise unknown_token()
            if opened is not None and (request.method, found.path) != ("GET", f"/jobs/{opened.job_id}/log"):
                raise insufficient()
        elif rss_token_from(request, world) is not None:
            if not found.is_feed:
                raise insufficient()
        elif switches.force_authentication and not (found.path in {"/", "/config"} or found.path.startswith("/auth/")):
            raise Refusal(403)
        if version_of(request) == "2.1" and not switches.version_2_1:
            raise Refusal(406)

    def _over_the_limit(self, request: web.Request, path: str) -> web.Response | None:
        rates, token = self._house.rates, token_from(request)
        if rates is None:
            return None
        known = token if token is not None and self._house.world.by_token(token) is not None else None
        status = rates.judge(method=request.method, path=path, token=known, address=request.remote or "")
        if status is None:
            return None
        body = b"Forbidden\n" if status == 403 else b"Retry later\n"
        return web.Response(status=status, body=body, headers={"Content-Type": "text/plain"})

    def _note(self, request: web.Request, body: bytes, status: int) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(RequestSeen(request.method, request.path_qs, headers, body, status))
