"""The host of archived logs, on a port of its own, as S3 is for Travis."""

from aiohttp import web

from aiotravis.testing.rest.unavailable_logs import archive_answer
from aiotravis.testing.world.world import World

__all__ = ["ArchiveHost"]


class ArchiveHost:
    """An archive of logs: ``/jobs/{id}/log.txt``, without authentication.

    Args:
        world: World with the logs.
        max_records: Number of requests to record; None for all.

    Attributes:
        port: TCP port; 0 before it starts.
        headers_seen: Headers of the last requests in order, with lower-case names.
    """

    def __init__(self, world: World, max_records: int | None = None) -> None:
        self._world = world
        self._max_records = max_records
        self._runner: web.AppRunner | None = None
        self.port: int = 0
        self.headers_seen: list[dict[str, str]] = []

    async def start(self, host: str) -> None:
        """Start on a free port.

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
        """Stop, and free the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _log(self, request: web.Request) -> web.Response:
        self.headers_seen.append({name.lower(): value for name, value in request.headers.items()})
        if self._max_records is not None:
            del self.headers_seen[: -self._max_records]
        number = request.match_info["id"]
        job = self._world.jobs.get(int(number)) if number.isdecimal() else None
        if job is None or not job.log.archived:
            status, content_type, text = archive_answer(job)
            return web.Response(status=status, text=text, content_type=content_type)
        return web.Response(body=job.log.text.encode(), headers={"Content-Type": "text/plain"})
