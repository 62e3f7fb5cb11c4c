"""TravisServer: a Travis in your process, on a free port of the loopback interface."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, get_args

from aiohttp import web

from aiotravis.testing.faults.rules import Faults
from aiotravis.testing.live.publish_api import PublishApi
from aiotravis.testing.live.publisher import LiveMode, Publisher
from aiotravis.testing.live.pusher import Dialect, PusherApp
from aiotravis.testing.rest.access import Mode
from aiotravis.testing.rest.actions import ActionRoutes
from aiotravis.testing.rest.archive import ArchiveHost
from aiotravis.testing.rest.badges_and_feeds import BadgeAndFeedRoutes
from aiotravis.testing.rest.builds import BuildRoutes
from aiotravis.testing.rest.caches import CacheRoutes
from aiotravis.testing.rest.github import GITHUB_PREFIX, GitHubRoutes
from aiotravis.testing.rest.jobs import JobRoutes
from aiotravis.testing.rest.logs import LogRoutes
from aiotravis.testing.rest.middleware import RequestMiddleware, RequestSeen
from aiotravis.testing.rest.rate_rules import RateRules
from aiotravis.testing.rest.repositories import RepositoryRoutes
from aiotravis.testing.rest.requests import RequestRoutes
from aiotravis.testing.rest.routes import Routes
from aiotravis.testing.rest.settings import SettingRoutes
from aiotravis.testing.rest.sign_in import SignInRoutes
from aiotravis.testing.rest.stubs import Stub
from aiotravis.testing.rest.switches import Switches
from aiotravis.testing.rest.system import SystemRoutes
from aiotravis.testing.rest.users import UserRoutes
from aiotravis.testing.world.playback import play
from aiotravis.testing.world.world import Build, World

__all__ = ["RequestSeen", "TravisServer"]

HOST = "127.0.0.1"

LOG_MODES: Final = ("head", "2017", "2014")

ROUTE_GROUPS: tuple[type[Routes], ...] = (
    # What has an ending comes first: the others would take it for a part of a name.
    BadgeAndFeedRoutes,
    UserRoutes,
    SignInRoutes,
    SettingRoutes,
    CacheRoutes,
    RequestRoutes,
    ActionRoutes,
    SystemRoutes,
    BuildRoutes,
    JobRoutes,
    LogRoutes,
    RepositoryRoutes,
)


class TravisServer:
    """A Travis in your process: ``async with TravisServer() as server: ... server.endpoint ...``.

    Args:
        mode: ``org`` (what is public is open to all), ``com`` (to those who ask for version 2.1), ``com-private`` and
            ``enterprise`` (to nobody without a token; the latter below ``/api``).
        world: What it serves; an empty one if None. Of several servers of one world, only that which was made last
            publishes.
        dialect: Whether its live channel has Pusher's manners, Slanger's or soketi's.
        secure: Whether events travel on private channels only.
        pusher_key: Key of the live channel's app; None: there is no live channel.
        pusher_path: Path in front of the live channel's own; empty: none.
        activity_timeout: Seconds of silence that the live channel grants; None: as many as its like does.
        log_mode: ``head`` (today's server), ``2017``, or ``2014``: how logs are served, and with ``2014`` also what
            entities and restarts were like in that year.
        live_mode: Channels and payloads of ``head`` (today), or of a summer gone by: ``2017``, ``2016``, ``2014``,
            ``2013``.
        latency: Seconds by which every answer is late; may be set later, too.
        rate_rules: Whether to throttle and ban as Travis does; `rates` tells what was counted.
        clock: Gives seconds since the epoch, by default the time of day; a world that is given goes by its own,
            `rates` by this one all the same.
        switches: In what this installation differs from others; as documented if None.

    Attributes:
        mode: Kind of deployment, as given; not to be set later.
        world: What it serves; not to be set later.
        secure: Whether events travel on private channels only; not to be set later.
        log_mode: How logs are served; may be set later, too.
        live_mode: What its live channel is like; not to be set later.
        latency: Seconds by which every answer is late; may be set later, too.
        switches: In what it differs from others; each may be set later, too.
        pusher: The live channel: who listens, what was sent, and what else can be done to clients.
        rates: What was counted where ``rate_rules`` are in force, else None.
        host: Where the server listens.
        port: Its TCP port, once it has started; 0 before.
        github: GitHub's authorizations API, see `github_url`.
        archive: The host that archived logs are on, where ``log_mode`` is an old one.
        faults: Rules by which requests and events are harmed.
        announced_port: The port that ``GET /config`` names for the live channel where something stands between, such
            as a `FaultProxy`; None: the server's own.

    Raises:
        ValueError: There is no such mode, log mode, live mode or dialect.
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
        switches: Switches | None = None,
    ) -> None:
        for name, value, known in (
            ("mode", mode, get_args(Mode)),
            ("log_mode", log_mode, LOG_MODES),
            ("live_mode", live_mode, get_args(LiveMode)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        self.mode: Mode = mode
        self.secure = secure
        self.latency = latency
        self.log_mode = log_mode
        self.switches: Switches = switches or Switches()
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
        self.host = HOST
        self.port: int = 0
        self.announced_port: int | None = None
        self.archive: ArchiveHost = ArchiveHost(self.world)
        self.faults: Faults = self.pusher.faults
        self._pusher_key = pusher_key
        self._pusher_path = f"/{pusher_path.strip('/')}" if pusher_path.strip("/") else ""
        self._prefix = "/api" if mode == "enterprise" else ""
        self.github: GitHubRoutes = GitHubRoutes(self)
        self._groups = tuple(group(self) for group in ROUTE_GROUPS)
        self._middleware = RequestMiddleware(self, self._prefix, self._pusher_path)
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
        """URL of the API, without a slash at its end; good once the server has started."""
        return f"http://{self.host}:{self.port}{self._prefix}"

    @property
    def requests(self) -> list[RequestSeen]:
        """All requests, in the order in which they were answered."""
        return self._middleware.requests

    @property
    def archive_url(self) -> str:
        """URL of the archive of logs, on a port of its own; good once the server has started."""
        return f"http://{self.host}:{self.archive.port}"

    @property
    def github_url(self) -> str:
        """URL of GitHub's API; good once the server has started."""
        return f"http://{self.host}:{self.port}{GITHUB_PREFIX}"

    async def __aenter__(self) -> "TravisServer":
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Start to listen. ``async with`` does it on a free port.

        Args:
            port: TCP port; 0 for a free one.

        Raises:
            OSError: The port is taken.
            OverflowError: The port is below 0, or above 65535.
            RuntimeError: It was started before, and not stopped.
        """
        if self._runner is not None:
            raise RuntimeError("The server was started before: stop it first.")
        app = web.Application(middlewares=[self._middleware.inject_faults, self._middleware.handle])
        for routes in self._groups:
            routes.add_routes(app.router, self._prefix)
        self.github.add_routes(app.router, GITHUB_PREFIX)
        if self._pusher_key is not None:
            self.pusher.add_routes(app, self._pusher_path)
            PublishApi(self.pusher, self.world.clock).add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, port).start()
        except (OSError, OverflowError):
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]
        await self.archive.start(HOST)

    async def stop(self) -> None:
        """End scripted builds and every fault, close every connection, free the port; ``async with`` does it, too.

        What the server knows and has seen stays; it may be started again.
        """
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
        """Let a build go its way in the background, see `aiotravis.testing.play`; stopping the server ends it.

        Args:
            build: A build just created; its jobs take their turn.
            speed: How fast: at 1 some 10 seconds, at 10 a tenth of that, at ``math.inf`` without any waiting.
            state: How its jobs end: ``passed``, ``failed`` or ``errored``.

        Returns:
            Its task: awaiting it waits for the end, and raises what `aiotravis.testing.play` does.

        Raises:
            RuntimeError: No event loop runs here.
        """
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
        """Answer a path with something else, in place of what was told for it before; the route is not reached.

        Args:
            method: HTTP method, in any case.
            path: Path below the endpoint, without a query; no pattern.
            status: HTTP status.
            body: Sent as it is.
            headers: Sent as they are; ``application/json`` if no ``Content-Type`` is among them.
            times: How often; None for always.

        Raises:
            ValueError: Less than once.
        """
        if times is not None and times < 1:
            raise ValueError(f"times must be at least 1, not {times}")
        sent_headers = {"Content-Type": "application/json", **(headers or {})}
        self._middleware.stubs.add(method, path, Stub(status, body, sent_headers, times))

    def lose_answer(self, method: str, path: str, *, times: int = 1) -> None:
        """Let requests have their effect, then cut the connection instead of answering.

        Args:
            method: HTTP method, in any case.
            path: Path below the endpoint, without a query; no pattern.
            times: How often; added to what is left of former calls.
        """
        self._middleware.stubs.lose(method, path, times)

    def patterns(self) -> Sequence[tuple[str, str]]:
        """Give method and path of every route of the API, as ``GET`` and ``/builds/{id}``."""
        return [(method, path) for routes in self._groups for method, path, _ in routes.table()]

    def pusher_config(self) -> dict[str, object] | None:
        """Give the pusher block of ``GET /config``: with host, port and path, as a Slanger needs it.

        Returns:
            The block; None where there is no live channel.
        """
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
            path: Pattern of the path below the endpoint, without query: ``/builds/*``; ``*`` stands for slashes, too.
        """
        prefix = self._prefix
        return [seen for seen in self.requests if fnmatchcase(seen.path.removeprefix(prefix).partition("?")[0], path)]
