"""The REST server that benchmarks ask: a process of its own, answers made beforehand, a latency that can be set.

``python -m benchmarks.rest_server --builds 5000 --latency 0.02`` prints its port.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Generator

from aiohttp import web

from benchmarks.pages import builds_and_commits, envelope

__all__ = ["serving"]

HOST = "127.0.0.1"
PAGE = 25


class History:
    """One repository's builds, numbered from 1 on; each page is made once, then kept as bytes.

    Args:
        count: How many builds.
        latency: Seconds by which every answer is late.
    """

    def __init__(self, count: int, latency: float) -> None:
        self._count = count
        self._latency = latency
        self._builds, self._commits = builds_and_commits(count)
        self._pages: dict[str, bytes] = {}

    async def builds(self, request: web.Request) -> web.Response:
        """``GET /builds``: a page below ``after_number``, or those of some ``ids``."""
        key = request.query_string
        body = self._pages.get(key)
        if body is None:
            body = self._pages[key] = self._page(request)
        return await self._late(body)

    async def build(self, request: web.Request) -> web.Response:
        """``GET /builds/{id}``."""
        key = request.path
        body = self._pages.get(key)
        if body is None:
            place = int(request.match_info["id"]) - self._builds[0]["id"]
            single: dict[str, object] = {"build": self._builds[place], "commit": self._commits[place], "jobs": []}
            body = self._pages[key] = envelope(single)
        return await self._late(body)

    def _page(self, request: web.Request) -> bytes:
        if "ids" in request.query:
            places = [int(number) - self._builds[0]["id"] for number in request.query["ids"].split(",")]
        else:
            top = min(int(request.query.get("after_number", self._count + 1)) - 1, self._count)
            places = list(range(top - 1, max(top - 1 - PAGE, -1), -1))
        chosen = [self._builds[place] for place in places]
        return envelope({"builds": chosen, "commits": [self._commits[place] for place in places]})

    async def _late(self, body: bytes) -> web.Response:
        if self._latency:
            await asyncio.sleep(self._latency)
        return web.Response(body=body, headers={"Content-Type": "application/json;charset=utf-8"})


async def serve(count: int, latency: float) -> None:
    """Serve until killed; the port goes to standard output."""
    history = History(count, latency)
    app = web.Application()
    app.router.add_get("/builds", history.builds)
    app.router.add_get("/builds/", history.builds)
    app.router.add_get("/builds/{id}", history.build)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextlib.contextmanager
def serving(*, builds: int, latency: float = 0.0) -> Generator[str]:
    """Run the server in a process of its own.

    Args:
        builds: How many builds its repository has.
        latency: Seconds by which every answer is late.

    Yields:
        Its URL.
    """
    command = [sys.executable, "-m", "benchmarks.rest_server", "--builds", str(builds), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://{HOST}:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=5000)
    parser.add_argument("--latency", type=float, default=0.0)
    options = parser.parse_args()
    asyncio.run(serve(options.builds, options.latency))
