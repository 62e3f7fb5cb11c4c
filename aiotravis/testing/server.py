"""TravisServer: a Travis in your process, on a free port of the loopback interface."""

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

from aiotravis.testing.access import Mode, Refusal, token_of
from aiotravis.testing.actions import ActionRoutes
from aiotravis.testing.archive import ArchiveHost
from aiotravis.testing.dressing import dressed, preflight, unhandled
from aiotravis.testing.faults import Faults
from aiotravis.testing.github import PREFIX, GitHubRoutes
from aiotravis.testing.harming import harmed
from aiotravis.testing.holdings import HoldingRoutes
from aiotravis.testing.logs import LogRoutes
from aiotravis.testing.people import PeopleRoutes
from aiotravis.testing.publish_api import PublishApi
from aiotravis.testing.publishing import LiveMode, Publisher
from aiotravis.testing.pusher import Dialect, PusherApp
from aiotravis.testing.rates import RateRules
from aiotravis.testing.rest import Rest
from aiotravis.testing.script import play
from aiotravis.testing.world import Build, World

__all__ = ["Canned", "RequestSeen", "TravisServer"]

HOST = "127.0.0.1"

logger: logging.Logger = logging.getLogger("aiotravis.testing")


@dataclass(frozen=True)
class RequestSeen:
    """A request that the server got.

    Attributes:
        method: HTTP method.
        path: Path with query.
        headers: Names in lower case.
        body: What was sent.
        status: What it was answered with; 0 where the connection was cut instead.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int


@dataclass
class Canned:
    """An answer that stands in for a route.

    Attributes:
        times: How often it is still given; None for always.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    times: int | None


class TravisServer:
    """A Travis in your process: ``async with TravisServer() as server: ... server.endpoint ...``.

    Args:
        mode: ``org`` (what is public is open to all), ``com`` (to those who ask for version 2.1), ``com-private`` and
            ``enterprise`` (to nobody without a token; the latter below ``/api``).
        world: What it serves; an empty one if None.
        dialect: Whether its live channel has Pusher's manners, Slanger's or soketi's.
        secure: Whether events travel on private channels only.
        pusher_key: Key of the live channel's app; None: there is no live channel.
        pusher_path: Path in front of the live channel's own.
        activity_timeout: Seconds of silence that the live channel grants; None: as many as its like does.
        log_mode: ``head`` (today's log routes), ``2017``, or ``2014``.
        live_mode: Channels and payloads of ``head`` (today), or of a summer gone by: ``2017``, ``2016``, ``2014``,
            ``2013``.
        latency: Seconds by which every answer is late.
        rate_rules: Whether to throttle and ban as Travis does; `rates` tells what was counted.
        clock: Gives seconds since the epoch.

    Attributes:
        archive: The host that archived logs are on, where ``log_mode`` is an old one.
        faults: Rules by which requests and events are harmed.
        announced_port: The port that ``GET /config`` names for the live channel where something stands between, such
            as a `FaultProxy`; None: the server's own.
    """

    def __init__(
        self,
        *,
        mode: Mode = "org",
        world: World | None = None,
        dialect: Dialect = "pusher",
        secure: bool = False,
        pusher_key: str | None = "5df8ac576dcccf4fd076",
        pusher_path: str = "",
        activity_timeout: float | None = None,
        log_mode: str = "head",
        live_mode: LiveMode = "head",
        latency: float = 0.0,
        rate_rules: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.mode: Mode = mode
        self.secure = secure
        self.latency = latency
        self.log_mode = log_mode
        self.live_mode: LiveMode = live_mode
        self.world: World = World(clock=clock) if world is None else world
        self.pusher: PusherApp = PusherApp(
            key=pusher_key or "unused",
            secret="a-secret-of-the-server",  # noqa: S106 - signs for a server of this process
            dialect=dialect,
            activity_timeout=activity_timeout,
            clock=self.world.clock,
        )
        self.rates: RateRules | None = RateRules(clock) if rate_rules else None
        self.requests: list[RequestSeen] = []
        self.host = HOST
        self.port: int = 0
        self.announced_port: int | None = None
        self.archive: ArchiveHost = ArchiveHost(self.world)
        self.faults: Faults = self.pusher.faults
        self._pusher_key = pusher_key
        self._pusher_path = f"/{pusher_path.strip('/')}" if pusher_path.strip("/") else ""
        self._prefix = "/api" if mode == "enterprise" else ""
        self.github: GitHubRoutes = GitHubRoutes(self)
        self._canned: dict[tuple[str, str], Canned] = {}
        self._lost: Counter[tuple[str, str]] = Counter()
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        Publisher(
            self.world,
            self.pusher.publish,
            private_channels=secure,
            mode=live_mode,
            limited=dialect == "pusher",
            occupied_since=self.pusher.occupied_since,
        )

    @property
    def endpoint(self) -> str:
        """URL of the API."""
        return f"http://{self.host}:{self.port}{self._prefix}"

    @property
    def archive_url(self) -> str:
        """URL of the archive of logs."""
        return f"http://{self.host}:{self.archive.port}"

    @property
    def github_url(self) -> str:
        """URL of GitHub's API."""
        return f"http://{self.host}:{self.port}{PREFIX}"

    async def __aenter__(self) -> "TravisServer":
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Start to listen.

        Args:
            port: TCP port; 0 for a free one.
        """
        app = web.Application(middlewares=[self._harm, self._answer])
        for routes in (PeopleRoutes(self), HoldingRoutes(self), ActionRoutes(self), Rest(self), LogRoutes(self)):
            routes.add_routes(app.router, self._prefix)
        self.github.add_routes(app.router, PREFIX)
        if self._pusher_key is not None:
            self.pusher.add_routes(app, self._pusher_path)
            PublishApi(self.pusher, self.world.clock).add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        await self.archive.start(HOST)

    async def stop(self) -> None:
        """End scripted builds, close every connection, free the port."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.faults.clear()
        await self.pusher.close()
        await self.archive.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def play(self, build: Build, *, speed: float = 1.0, state: str = "passed") -> "asyncio.Task[None]":
        """Let a build go its way in the background, see `aiotravis.testing.play`; stopping the server ends it."""
        task = asyncio.get_running_loop().create_task(play(build, speed=speed, state=state))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def respond(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> None:
        """Answer a route with something else.

        Args:
            method: HTTP method.
            path: Path below the endpoint, without a query.
            status: HTTP status.
            body: Sent as it is.
            headers: Sent as they are; ``application/json`` if no Content-Type is among them.
            times: How often; None for always.
        """
        given = {"Content-Type": "application/json", **(headers or {})}
        self._canned[method.upper(), path] = Canned(status, body, given, times)

    def lose_answer(self, method: str, path: str, *, times: int = 1) -> None:
        """Let requests have their effect, then cut the connection instead of answering.

        Args:
            method: HTTP method.
            path: Path below the endpoint, without a query.
            times: How often.
        """
        self._lost[method.upper(), path] += times

    def pusher_config(self) -> dict[str, object] | None:
        """Give the pusher block of ``GET /config``: with host, port and path, as a Slanger needs it."""
        if self._pusher_key is None:
            return None
        block: dict[str, object] = {
            "key": self._pusher_key,
            "host": self.host,
            "port": self.announced_port or self.port,
            "scheme": "http",
        }
        if self._pusher_path:
            block["path"] = self._pusher_path
        if self.secure:
            block.update(secure=True, private=True)
        return block

    def requests_to(self, path: str) -> list[RequestSeen]:
        """Give the requests to some paths, in their order.

        Args:
            path: Pattern of the path below the endpoint, without query: ``/builds/*``.
        """
        prefix = self._prefix
        return [seen for seen in self.requests if fnmatchcase(seen.path.removeprefix(prefix).partition("?")[0], path)]

    @web.middleware
    async def _harm(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Let a rule have its way with a request; sockets have rules of their own."""
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        path = request.path.removeprefix(self._prefix)
        fault = None if is_socket else self.faults.for_request(request.method, path)
        if fault is None:
            response: web.StreamResponse = await handler(request)
            return response
        if fault.kind in {"status", "reset"}:
            self._note(request, await request.read(), fault.status if fault.kind == "status" else 0)
        return await harmed(request, fault, self.faults, handler)

    @web.middleware
    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Take note of every request, and dress every answer as Travis does."""
        body = await request.read()
        if self.latency:
            await asyncio.sleep(self.latency)
        response: web.StreamResponse
        request_id = request.headers.get("X-Request-ID", f"request-{next(self._numbers)}")
        canned = self._taken(request)
        refused = self._over_the_limit(request)
        if refused is not None:
            body_text = b"Forbidden\n" if refused == 403 else b"Retry later\n"
            response = web.Response(status=refused, body=body_text, headers={"Content-Type": "text/plain"})
        elif canned is not None:
            response = web.Response(status=canned.status, body=canned.body, headers=canned.headers)
        elif request.method == "OPTIONS":
            response = preflight()
        else:
            try:
                self._know(request)
                response = await handler(request)
            except Refusal as refusal:
                response = refusal.response()
            except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
                response = Refusal(404, b'{"file":"not found"}').response()
            except web.HTTPException:
                raise
            except Exception:
                logger.exception("%s %s failed", request.method, request.path)
                response = unhandled(request_id)
        self._note(request, body, response.status)
        key = (request.method, request.path.removeprefix(self._prefix))
        if self._lost[key]:
            self._lost[key] -= 1
            if request.transport is not None:
                request.transport.abort()
        if isinstance(response, web.Response):
            if canned is None and refused is None:
                response = dressed(request, response, request_id)
            else:
                response.headers["X-Request-ID"] = request_id
            if canned is None and response.body and "gzip" in request.headers.get("Accept-Encoding", ""):
                response.enable_compression(web.ContentCoding.gzip)
        return response

    def _know(self, request: web.Request) -> None:
        """Turn away whoever brings a token that nobody has given out, wherever they want to go."""
        token = token_of(request)
        elsewhere = request.path.startswith((PREFIX, "/app/", "/apps/", f"{self._pusher_path}/app/"))
        if token is not None and not elsewhere and self.world.by_token(token) is None:
            raise Refusal(403, b"access denied", "text/html;charset=utf-8")
        if not ({"gzip", "identity", "*"} & _admitted(request.headers.get("Accept-Encoding"))):
            raise Refusal(406, b"An acceptable encoding could not be found.", "text/plain")

    def _over_the_limit(self, request: web.Request) -> int | None:
        if self.rates is None:
            return None
        token = token_of(request)
        known = token if token is not None and self.world.by_token(token) is not None else None
        path = request.path.removeprefix(self._prefix)
        return self.rates.judge(method=request.method, path=path, token=known, address=request.remote or "")

    def _taken(self, request: web.Request) -> Canned | None:
        key = (request.method, request.path.removeprefix(self._prefix))
        canned = self._canned.get(key)
        if canned is not None and canned.times is not None:
            canned.times -= 1
            if canned.times <= 0:
                del self._canned[key]
        return canned

    def _note(self, request: web.Request, body: bytes, status: int) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(RequestSeen(request.method, request.path_qs, headers, body, status))


def _admitted(accepted: str | None) -> set[str]:
    """Give the encodings that somebody takes; identity goes without saying."""
    encodings = {"identity"}
    for entry in (accepted or "").lower().replace(" ", "").split(","):
        name, _, weight = entry.partition(";q=")
        if weight and not weight.strip("0."):
            encodings.discard(name)
            if name == "*":
                encodings.discard("identity")
        elif name:
            encodings.add(name)
    return encodings
