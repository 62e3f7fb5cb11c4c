"""Receive Travis's webhooks: verify each, print the log of the build that it reports, and how the build ends.

Without arguments it starts a Travis of its own, in this process, which sends webhooks about a build to it, and somebody
else sends a forged one; then it ends:

    python examples/webhook_service.py

With a real one, it runs until Ctrl-C or SIGTERM. Put `https://HOST/travis` into `notifications.webhooks` of
.travis.yml, with `on_start: always`:

    python examples/webhook_service.py --endpoint https://api.travis-ci.com --token TOKEN --host 0.0.0.0 --port 8080

`/healthz` answers 200 while it runs, and 503 once it is shutting down: what is being followed has ten seconds to end.
The exit code is 0, or 2 after an error.
"""

import argparse
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
from aiohttp import ClientSession, web  # noqa: TID251 - serves the webhook; requests to Travis go through the client

from aiotravis import COM, Travis, TravisError, safe_for_terminal
from aiotravis.testing import TravisServer
from aiotravis.web import webhook_handler
from aiotravis.webhooks import Notification, RecentNotifications

SECONDS_TO_END = 10

TOKEN = "an-example-token"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Receive webhooks, and follow the builds that they report.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="0 for any free port (default)")
    return parser.parse_args()


def say(text: str) -> None:
    """Print one line; nothing in it can control the terminal."""
    print(safe_for_terminal(text, colour=False), flush=True)


class Service:
    """Follows the builds that webhooks report, each once."""

    def __init__(self, travis: Travis, start_soon: Callable[[Notification], object]) -> None:
        self._travis = travis
        self._start_soon = start_soon
        self._recent = RecentNotifications()
        self.healthy = True

    def application(self) -> web.Application:
        """Return the web application."""
        app = web.Application()
        app.router.add_post("/travis", webhook_handler(self._travis.webhook_verifier(), self.receive))
        app.router.add_get("/healthz", self.health)
        return app

    async def health(self, request: web.Request) -> web.Response:
        """Answer whether the service takes webhooks."""
        return web.Response(text="ok\n") if self.healthy else web.Response(status=503, text="shutting down\n")

    async def receive(self, notification: Notification) -> None:
        """Start what a notification calls for, and return: Travis waits for the answer."""
        found = self._recent.add(notification)
        slug = notification.repository.slug if notification.repository else "?"
        say(f"webhook: {slug} #{notification.build.number} {notification.state} ({found})")
        if found == "new" and not notification.build.finished:
            self._start_soon(notification)

    async def follow(self, notification: Notification) -> None:
        """Print the log of each job, then how the build ended. An error is that of one build."""
        build = notification.build
        try:
            for job in build.jobs:
                async with self._travis.follow_log(job) as log:
                    async for line in log.lines():
                        say(f"  {job.number} | {line.rstrip()}")
            build = await self._travis.wait_for_build(build)
        except TravisError as error:
            print(f"webhook_service: build {build.id}: {error}", file=sys.stderr)
        else:
            say(f"build #{build.number} {build.state}")


@asynccontextmanager
async def serving(travis: Travis, host: str, port: int) -> AsyncGenerator[str]:
    """Serve until the end of the block; then let what is being followed end."""
    async with anyio.create_task_group() as group:
        service = Service(travis, lambda notification: group.start_soon(service.follow, notification))
        runner = web.AppRunner(service.application(), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            yield f"http://{host}:{runner.addresses[0][1]}"
        finally:
            service.healthy = False
            with anyio.CancelScope(shield=True):
                await runner.cleanup()
            group.cancel_scope.deadline = anyio.current_time() + SECONDS_TO_END


async def demonstrate() -> None:
    """Serve while an embedded Travis sends webhooks about a build, and somebody else a forged one."""
    async with TravisServer() as server:
        repository = server.world.repository("travis-ci/travis.rb", users=[server.world.user("sarah", token=TOKEN)])
        async with Travis(TOKEN, endpoint=server.endpoint) as travis, serving(travis, "127.0.0.1", 0) as url:
            server.webhooks.urls.append(f"{url}/travis")
            build = repository.build(message="Receive webhooks")
            forged = server.webhooks.prepare(build, payload='{"id":1,"state":"passed"}')
            headers = {**forged.headers, "Signature": server.webhooks.sign("{}")}
            async with (
                ClientSession() as session,
                session.post(f"{url}/travis", data=forged.body, headers=headers) as answer,
                session.get(f"{url}/healthz") as health,
            ):
                say(f"a forged webhook is answered {answer.status}, /healthz {health.status}")
            await server.play(build, speed=8)
            await server.webhooks.send(build, f"{url}/travis")
            await server.webhooks.wait_sent()


async def main() -> int:
    """Serve a real Travis or the embedded one; print errors on one line."""
    options = arguments()
    code = 0
    try:
        if not options.endpoint:
            await demonstrate()
            return code
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with (
                Travis(options.token or None, endpoint=options.endpoint) as travis,
                serving(travis, options.host, options.port) as url,
            ):
                say(f"Webhooks on {url}/travis\nCtrl-C ends it.")
                await anext(signals)
    except* (TravisError, OSError) as failures:
        print(f"webhook_service: {failures.exceptions[0]}", file=sys.stderr)
        code = 2
    return code


if __name__ == "__main__":
    raise SystemExit(anyio.run(main))
