"""The web application: the page, its streams of events, and its buttons."""

import ipaddress
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import msgspec
from aiohttp import web  # noqa: TID251 - serves the page; requests to Travis go through the client

from aiotravis import Job, Travis, TravisError, errors
from examples.dashboard_web.logs import INTERVAL, Logs
from examples.dashboard_web.shown_log import MAX_LINES, Cursor
from examples.dashboard_web.state import Board, wait

FILES: Final = {
    "/": ("index.html", "text/html"),
    "/dashboard.js": ("dashboard.js", "text/javascript"),
    "/builds.js": ("builds.js", "text/javascript"),
    "/log.js": ("log.js", "text/javascript"),
    "/lines.js": ("lines.js", "text/javascript"),
    "/status.js": ("status.js", "text/javascript"),
    "/dashboard.css": ("dashboard.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

PAGE_HEADER: Final = "X-Dashboard"
"""A header that pages of other sites cannot send without a preflight request, which is refused."""

HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?", re.ASCII | re.IGNORECASE)

MAX_VIEWERS: Final = 200

HEARTBEAT: Final = 10.0
"""Seconds after which a silent stream sends a message; the page reconnects after three times as many."""

SEND_TIMEOUT: Final = 30.0
"""Seconds that a page may take to receive a message before it is disconnected."""

END_DELAY: Final = 5.0
"""Seconds that the end of a log waits for the state of its job, which decides how it ended if the log does not tell."""

MAX_LAST: Final = 50_000
"""Newest lines of a log that a page can ask for."""

NO_TOKEN: Final = "Travis asks for a token, and the dashboard was started without one, or with one that is not valid."

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests for other hosts, and writes from other pages; add the security headers to every response."""
    try:
        _check(request)
        response = await handler(request)
    except web.HTTPException as error:
        response = web.json_response({"error": error.reason}, status=error.status)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def _check(request: web.Request) -> None:
    host, own_origin = _host(request)
    # DNS rebinding: a foreign name that resolves to this machine would make a foreign page one of the same origin.
    if host != "localhost" and not _is_address(host):
        raise web.HTTPForbidden(reason="Use the address or localhost")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise web.HTTPForbidden(reason="Not from another site")
    reads = request.method in {"GET", "HEAD"}
    if not reads and (PAGE_HEADER not in request.headers or request.headers.get("Origin", own_origin) != own_origin):
        raise web.HTTPForbidden(reason="Only from the page itself")


def _host(request: web.Request) -> tuple[str, str]:
    """Return the host that a request names, and its origin."""
    try:
        if HOST.fullmatch(request.host):
            return request.url.host or "", str(request.url.origin())
    except ValueError:
        # The port is out of range.
        pass
    raise web.HTTPBadRequest(reason="Not a host")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Dashboard:
    """The routes."""

    def __init__(self, travis: Travis, board: Board, logs: Logs) -> None:
        self._travis = travis
        self._board = board
        self._logs = logs
        self._closing = False
        self.viewers = 0

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[guard], client_max_size=1024)
        for path in FILES:
            app.router.add_get(path, self._file)
        app.router.add_get("/events", self._events)
        app.router.add_get(r"/jobs/{id:\d{1,18}}/log", self._log)
        app.router.add_get(r"/jobs/{id:\d{1,18}}/log.txt", self._raw_log)
        app.router.add_post(r"/builds/{id:\d{1,18}}/{verb:restart|cancel}", self._act)
        app.on_shutdown.append(self._end)
        return app

    async def _end(self, app: web.Application) -> None:
        self._closing = True
        self._board.changed.notify()

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name, kind = FILES[request.path]
        body = await anyio.Path(Path(__file__).parent, "static", name).read_bytes()
        return web.Response(body=body, content_type=kind, charset="utf-8")

    @asynccontextmanager
    async def _stream(self, request: web.Request) -> AsyncGenerator["Stream"]:
        if self.viewers >= MAX_VIEWERS:
            raise web.HTTPServiceUnavailable(reason="Too many viewers")
        self.viewers += 1
        try:
            response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
            await response.prepare(request)
            yield Stream(response)
        except (ConnectionError, TimeoutError):
            # The page is gone or stopped reading; it will reconnect.
            if request.transport is not None:
                request.transport.abort()
        finally:
            self.viewers -= 1

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Stream the state, then its changes, until the page disconnects."""
        board, seen = self._board, 0
        async with self._stream(request) as stream:
            while not self._closing:
                changed = board.changed.next()
                changes = board.changes_after(seen)
                seen = board.version
                await stream.send("board", {**changes, **board.health()})
                await anyio.sleep(INTERVAL)
                await wait(changed, HEARTBEAT)
        return stream.response

    async def _log(self, request: web.Request) -> web.StreamResponse:
        """Stream the newest lines of a log until it ends; ``last`` is their number."""
        job = self._job(request)
        asked = request.query.get("last", "")
        last = min(int(asked), MAX_LAST) if asked.isdecimal() and len(asked) < 9 else MAX_LINES
        async with self._logs.view(job.id, finished=job.finished) as log:
            if log is None:
                raise web.HTTPServiceUnavailable(reason="Too many logs are followed")
            async with self._stream(request) as stream:
                cursor, deadline = Cursor(last=last), 0.0
                while not self._closing:
                    changed, moved, ended = log.changed.next(), self._board.changed.next(), log.ended
                    known = self._board.job(job.id) or job
                    message = log.shown.after(cursor, known.state)
                    await stream.send("log", message)
                    if message["more"]:
                        continue
                    if not ended:
                        await wait(changed, HEARTBEAT)
                        continue
                    # The last part of a log comes some moments before the end of its job.
                    deadline = deadline or anyio.current_time() + END_DELAY
                    if known.finished or anyio.current_time() >= deadline:
                        await stream.send("end", log.summary())
                        break
                    await wait(moved, END_DELAY)
        return stream.response

    async def _raw_log(self, request: web.Request) -> web.StreamResponse:
        """Send a log as Travis has it now."""
        try:
            text = await self._travis.logs.text(self._job(request))
        except TravisError as error:
            return web.json_response({"error": str(error)}, status=_status(error))
        return web.Response(body=text.encode("utf-8", "replace"), content_type="text/plain", charset="utf-8")

    def _job(self, request: web.Request) -> Job:
        """Return the job on the page that a request names."""
        job = self._board.job(int(request.match_info["id"]))
        if job is None:
            raise web.HTTPNotFound(reason="No such job on this page")
        return job

    async def _act(self, request: web.Request) -> web.StreamResponse:
        """Restart or cancel a build on the page."""
        build = self._board.build(int(request.match_info["id"]))
        if build is None:
            raise web.HTTPNotFound(reason="No such build on this page")
        try:
            if request.match_info["verb"] == "restart":
                # Travis accepts a restart at once and carries it out later, if at all.
                await self._travis.restart(build.id)
            else:
                await self._travis.builds.cancel(build.id)
        except TravisError as error:
            return await self._refusal(error)
        return web.json_response({}, status=202)

    async def _refusal(self, error: TravisError) -> web.StreamResponse:
        """Return the answer for a write that failed. Without a token, Travis answers with nothing that says so."""
        try:
            await self._travis.verify()
        except errors.AuthenticationError:
            return web.json_response({"error": NO_TOKEN}, status=403)
        except TravisError:
            pass
        return web.json_response({"error": str(error)}, status=_status(error))


class Stream:
    """Server-Sent Events to one page."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response

    async def send(self, event: str, data: object) -> None:
        """Send one event; wait until the page has room for it.

        Raises:
            ConnectionError: The page is gone.
            TimeoutError: It stopped reading.
        """
        # JSON on a single line cannot end the event.
        body = msgspec.json.encode(data)
        with anyio.fail_after(SEND_TIMEOUT):
            await self.response.write(b"event: %b\ndata: %b\n\n" % (event.encode(), body))


def _status(error: TravisError) -> int:
    match error:
        case errors.NotFoundError() | errors.LogUnavailable():
            return 404
        case errors.PermissionDenied() | errors.AuthenticationError():
            return 403
        case errors.RefusedError() | errors.ConflictError():
            return 409
        case _:
            return 502


@asynccontextmanager
async def dashboard(
    travis: Travis, slugs: Sequence[str], *, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[str]:
    """Serve the dashboard of some repositories.

    Args:
        travis: The client; opened and closed by the caller.
        slugs: The repositories. One that is not found says so on the page.
        host: Address to listen on.
        port: TCP port; 0 for a free one.

    Yields:
        Its URL.

    Raises:
        UsageError: One of the slugs is none.
        OSError: The port is not available.
    """
    board = Board(travis, slugs)
    async with anyio.create_task_group() as group:
        app = Dashboard(travis, board, Logs(travis, group)).app()
        # Cancel the stream of a page as soon as it disconnects.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            group.start_soon(board.run)
            yield f"http://{host}:{runner.addresses[0][1]}/"
        finally:
            with anyio.CancelScope(shield=True):
                await runner.cleanup()
            group.cancel_scope.cancel()
