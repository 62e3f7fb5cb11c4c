"""The host that old logs are moved to: plain files for whoever has their address, on a port of its own."""

from aiohttp import web

from aiotravis.testing.world.world import World

__all__ = ["ArchiveHost"]


class ArchiveHost:
    """An archive of logs: ``/jobs/{id}/log.txt``, without asking who wants it.

    Args:
        world: Holds the logs.

    Attributes:
        port: Its TCP port, once it has started.
        seen: Headers of the requests that it got, names in lower case, in their order.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._runner: web.AppRunner | None = None
        self.port: int = 0
        self.seen: list[dict[str, str]] = []

    async def start(self, host: str) -> None:
        """Start to listen on a free port.

        Args:
            host: Address to listen on.
        """
        app = web.Application()
        app.router.add_get("/jobs/{id}/log.txt", self._log)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Free the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _log(self, request: web.Request) -> web.Response:
        self.seen.append({name.lower(): value for name, value in request.headers.items()})
        number = request.match_info["id"]
        job = self._world.jobs.get(int(number)) if number.isdecimal() else None
        if job is None or not job.log.archived:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>", content_type="text/xml")
        return web.Response(body=job.log.text.encode(), headers={"Content-Type": "text/plain"})
