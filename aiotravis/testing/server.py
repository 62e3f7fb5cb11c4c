"""TravisServer: an embedded Travis on a free port of the loopback interface."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, get_args

from aiohttp import web

from aiotravis.testing.faults.rules import Faults
from aiotravis.testing.live.publish_api import PublishApi
from aiotravis.testing.live.publisher import LiveMode, Publisher
from aiotravis.testing.live.pusher import Dialect, PusherApp, pusher_block
from aiotravis.testing.rest.access import Mode
from aiotravis.testing.rest.archive import ArchiveHost
from aiotravis.testing.rest.github import GITHUB_PREFIX, GitHubRoutes
from aiotravis.testing.rest.middleware import RequestMiddleware, RequestSeen
from aiotravis.testing.rest.rate_rules import RateRules
from aiotravis.testing.rest.route_groups import ROUTE_GROUPS
from aiotravis.testing.rest.stubs import Stub
from aiotravis.testing.rest.switches import Switches
from aiotravis.testing.rest.webhooks import Webhooks
from aiotravis.testing.world.playback import play
from aiotravis.testing.world.world import Build, World

__all__ = ["RequestSeen", "TravisServer"]

HOST = "127.0.0.1"

LOG_MODES: Final = ("head", "2017", "2014")

UNAVAILABLE_LOG_READS: Final = 2
"""Number of reads for which the log of a job is not there once the job has ended."""


class TravisServer:
    """An embedded Travis: ``async with TravisServer() as server: ... server.endpoint ...``.

    Args:
        mode: ``org`` (public repositories are open to all), ``com`` (open with version 2.1), ``com-private`` and
            ``enterprise`` (every request needs a token; the latter serves below ``/api``).
        world: World to serve; a new one if None. Of several servers of one world, only the newest publishes events and
            decides on delays and numbers.
        dialect: Server that the live channel behaves like: ``pusher``, ``slanger`` or ``soketi``.
        secure: Whether to publish on private channels only.
        pusher_key: Key of the live channel's app; None for no live channel.
        pusher_path: Path prefix of the live channel; empty for none.
        activity_timeout: Activity timeout of the live channel in seconds; None for the default of the dialect.
        log_mode: How logs are served: ``head`` (today), ``2017`` or ``2014``; ``2014`` also implies the entities and
            restarts of that year.
        live_mode: Channels and payloads of ``head`` (today), ``2017``, ``2016``, ``2014`` or ``2013``.
        latency: Delay of every response in seconds.
        rate_rules: Whether to throttle and ban as Travis does; `rates` has the counts.
        clock: Returns seconds since the epoch; the system's clock by default. A given world keeps its own clock;
            `rates` uses this one.
        switches: Options of the installation; as documented by Travis if None.
        instant: Whether to leave out the delays of Travis. By default a restart over HTTP takes effect at the second
            response that shows the state of the build or of one of its jobs, and publishes its events then; a request
            for a build is decided on at the second response that shows it, see `Switches.gatekeeper`; the log of
            a job that has ended is not there for the next two requests for it, which get one of the answers of Travis
            to that, picked by the id of the job; and in each `sample_log`, timers around folds never end. What a
            program does to the world itself always takes effect at once.
        max_records: Number of requests, of frames and of faults to record; None for all.

    Attributes:
        mode: Kind of deployment. Read-only.
        world: World that is served. Read-only.
        secure: Whether it publishes on private channels only. Read-only.
        log_mode: How logs are served; may be changed at any time.
        live_mode: Channels and payloads. Read-only.
        latency: Delay of every response in seconds; may be changed at any time.
        switches: Options of the installation; each may be changed at any time.
        instant: Whether it leaves out the delays of Travis. Read-only.
        max_records: Number of requests, of frames and of faults that it records; None for all. Read-only.
        pusher: The live channel: connections, frames, and ways to disturb clients.
        rates: Counts of the rate limits; None without ``rate_rules``.
        host: Address that the server listens on.
        port: TCP port; 0 before the server starts.
        github: GitHub's authorizations API, see `github_url`.
        archive: Host of archived logs, used with an old ``log_mode``.
        webhooks: Where webhook notifications are sent, and the key that signs them.
        faults: Rules that inject faults into requests and events.
        announced_port: Port of the live channel in ``GET /config``, for a `FaultProxy` in between; None for the
            server's own.

    Raises:
        ValueError: ``mode``, ``log_mode``, ``live_mode`` or ``dialect`` is unknown; ``max_records`` is below 1.
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
        instant: bool = False,
        max_records: int | None = 100_000,
    ) -> None:
        for name, value, known in (
            ("mode", mode, get_args(Mode)),
            ("log_mode", log_mode, LOG_MODES),
            ("live_mode", live_mode, get_args(LiveMode)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        if max_records is not None and max_records < 1:
            raise ValueError(f"max_records must be at least 1, not {max_records}")
        self.mode: Mode = mode
        self.secure = secure
        self.latency = latency
        self.log_mode = log_mode
        self.switches: Switches = switches or Switches()
        self.instant = instant
        self.max_records = max_records
        self.live_mode: LiveMode = live_mode
        self.world: World = World(clock=clock) if world is None else world
        self.pusher: PusherApp = PusherApp(
            key=pusher_key or "unused",
            secret="a-secret-of-the-server",  # noqa: S106 - signs for a server of this process
            dialect=dialect,
            activity_timeout=activity_timeout,
            clock=self.world.clock,
            max_records=max_records,
        )
        self.world.unavailable_log_reads = 0 if instant else UNAVAILABLE_LOG_READS
        self.world.unended_timers = not instant
        self.world.repeats_number = lambda number, shared: self.switches.repeats_number(number, shared)
        self.rates: RateRules | None = RateRules(clock) if rate_rules else None
        self.host = HOST
        self.port: int = 0
        self.announced_port: int | None = None
        self.archive: ArchiveHost = ArchiveHost(self.world, max_records)
        self.webhooks: Webhooks = Webhooks(self.world, max_records)
        self.faults: Faults = self.pusher.faults
        self._pusher_key = pusher_key
        self._pusher_path = f"/{pusher_path.strip('/')}" if pusher_path.strip("/") else ""
        self._prefix = "/api" if mode == "enterprise" else ""  # fact 9.8
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
        self.webhooks.watch()

    @property
    def endpoint(self) -> str:
        """URL of the API without a slash at its end; valid once the server has started."""
        return f"http://{self.host}:{self.port}{self._prefix}"

    @property
    def requests(self) -> list[RequestSeen]:
        """The last requests, in the order of their responses, see ``max_records``."""
        return self._middleware.requests

    @property
    def archive_url(self) -> str:
        """URL of the log archive, on a port of its own; valid once the server has started."""
        return f"http://{self.host}:{self.archive.port}"

    @property
    def github_url(self) -> str:
        """URL of GitHub's API; valid once the server has started."""
        return f"http://{self.host}:{self.port}{GITHUB_PREFIX}"

    async def __aenter__(self) -> "TravisServer":
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Start the server; ``async with`` does so on a free port.

        Args:
            port: TCP port; 0 for a free one.

        Raises:
            OSError: The port is in use.
            OverflowError: The port is below 0 or above 65535.
            RuntimeError: The server is running.
        """
        if self._runner is not None:
            raise RuntimeError("The server is running: stop it before you start it again.")
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
        """Stop played builds and all faults, close every connection and free the port; ``async with`` does so.

        The world and the recorded requests are kept, and the server may be started again.
        """
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.faults.clear()
        await self.webhooks.stop()
        await self.pusher.close()
        await self.archive.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def play(self, build: Build, *, speed: float = 1.0, state: str = "passed") -> "asyncio.Task[None]":
        """Play a build in the background, see `aiotravis.testing.play`, until it ends or the server stops.

        Args:
            build: A build that was just created.
            speed: Factor on the pace: 1 takes about 10 seconds, 10 a tenth of that, ``math.inf`` does not wait at all.
            state: Final state of its jobs, or an ending of `sample_log`.

        Returns:
            The task; awaiting it waits for the end, and raises what `aiotravis.testing.play` raises.

        Raises:
            RuntimeError: No event loop is running.
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
        """Return a fixed response for a path, in place of its route and of an earlier fixed response.

        Args:
            method: HTTP method, in any case.
            path: Path below the endpoint, without query; not a pattern.
            status: HTTP status.
            body: Body.
            headers: Headers; ``Content-Type`` is ``application/json`` by default.
            times: Number of requests to answer so; None for all.

        Raises:
            ValueError: ``times`` is below 1.
        """
        if times is not None and times < 1:
            raise ValueError(f"times must be at least 1, not {times}")
        sent_headers = {"Content-Type": "application/json", **(headers or {})}
        self._middleware.stubs.add(method, path, Stub(status, body, sent_headers, times))

    def lose_answer(self, method: str, path: str, *, times: int = 1) -> None:
        """Process requests to a path, then close the connection instead of responding.

        Args:
            method: HTTP method, in any case.
            path: Path below the endpoint, without query; not a pattern.
            times: Number of responses to lose, added to what remains of earlier calls.
        """
        self._middleware.stubs.lose(method, path, times)

    def patterns(self) -> Sequence[tuple[str, str]]:
        """Return method and path of every route of the API, as ``GET`` and ``/builds/{id}``."""
        return [(method, path) for routes in self._groups for method, path, _ in routes.table()]

    def pusher_config(self) -> dict[str, object] | None:
        """Return the pusher block of ``GET /config``, with host, port and path; None without a live channel."""
        if self._pusher_key is None:
            return None
        port = self.announced_port or self.port
        return pusher_block(self._pusher_key, self.host, port, self._pusher_path, secure=self.secure)

    def requests_to(self, path: str) -> list[RequestSeen]:
        """Return the requests to some paths, in order.

        Args:
            path: Pattern of paths below the endpoint, without query: ``/builds/*``; ``*`` also matches slashes.
        """
        prefix = self._prefix
        return [seen for seen in self.requests if fnmatchcase(seen.path.removeprefix(prefix).partition("?")[0], path)]
