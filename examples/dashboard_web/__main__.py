"""Show the builds of many repositories in the browser, live, with their logs.

Without arguments it starts a Travis of its own, in this process, where builds are created and run continuously:

    python examples/dashboard_web

With a real one:

    python examples/dashboard_web --endpoint https://api.travis-ci.com --token TOKEN --repo owner/name owner/other

The exit code is 0 after Ctrl-C, 2 after an error.
"""

import argparse
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from aiotravis import COM, Travis, TravisError
from aiotravis.testing import Build, Demo, Job, Part, TravisServer
from examples.dashboard_web.app import dashboard


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="dashboard_web", description="Show builds in the browser, live.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", nargs="+", default=[], metavar="OWNER/NAME", help="repositories")
    parser.add_argument("--port", type=int, default=8000, help="0 for any free port (default: 8000)")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1); everyone who can reach it has the rights of the token",
    )
    parser.add_argument("--speed", type=float, default=2.0, help="pace of the embedded Travis's builds (default: 2)")
    options = parser.parse_args()
    if options.endpoint and not options.repo:
        parser.error("--endpoint needs --repo")
    if not 0 < options.speed <= 100:
        parser.error("--speed must be between 0 and 100")
    return options


def play_restarted(server: TravisServer, speed: float) -> None:
    """Play builds that somebody restarts: the embedded Travis has no workers."""
    publish: Callable[[str, Build | Job, Part | None], None] = server.world.notify
    known = set(server.world.builds)

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        publish(event, about, part)
        if event == "build:created" and isinstance(about, Build):
            if about.id in known:
                server.play(about, speed=speed)
            known.intersection_update(server.world.builds)
            known.add(about.id)

    server.world.notify = notify


@asynccontextmanager
async def travis_of(options: argparse.Namespace) -> AsyncGenerator[tuple[Travis, list[str]]]:
    """Open a client of the real Travis, or of an embedded one that runs builds continuously."""
    if options.endpoint:
        async with Travis(options.token or None, endpoint=options.endpoint) as travis:
            yield travis, options.repo
        return
    async with TravisServer() as server, Demo(server, speed=options.speed) as demo:
        play_restarted(server, options.speed)
        async with Travis(demo.token, endpoint=server.endpoint) as travis:
            yield travis, options.repo or [repository.slug for repository in demo.repositories]


async def main() -> int:
    """Serve until Ctrl-C; print errors on one line."""
    options = arguments()
    code = 0
    try:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with (
                travis_of(options) as (travis, slugs),
                dashboard(travis, slugs, host=options.host, port=options.port) as url,
            ):
                print(f"Dashboard on {url}\nCtrl-C ends it.", flush=True)
                await anext(signals)
    except* (TravisError, OSError) as failures:
        print(f"dashboard_web: {failures.exceptions[0]}", file=sys.stderr)
        code = 2
    return code


if __name__ == "__main__":
    raise SystemExit(anyio.run(main))
