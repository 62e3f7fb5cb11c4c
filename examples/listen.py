"""Print what happens to a repository as it happens, across lost connections.

Without arguments it starts a Travis of its own, in this process, where builds run, and which is restarted
meanwhile:

    python examples/listen.py

With a real one, until Ctrl-C:

    python examples/listen.py --endpoint https://api.travis-ci.com --token TOKEN --repo owner/name

The exit code is 0, 2 after an error, 130 after Ctrl-C.
"""

import argparse
import os
import sys
from datetime import UTC, datetime

import anyio

from aiotravis import COM, LiveState, Travis, TravisError, events, safe_for_terminal
from aiotravis.testing import Repository, TravisServer

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"

COLOURS = {"passed": "32", "failed": "31", "errored": "31", "canceled": "31"}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Print what happens to a repository.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", help="repository, owner/name")
    parser.add_argument("--speed", type=float, default=8.0, help="pace of the embedded Travis's builds (default: 8)")
    options = parser.parse_args()
    if options.endpoint and not options.repo:
        parser.error("--endpoint needs --repo")
    if options.speed <= 0:
        parser.error("--speed must be positive")
    return options


def log(line: str) -> None:
    """Print a line with the time in front."""
    # Colours are all that a commit message or a state may do to this terminal.
    line = safe_for_terminal(line, colour=sys.stdout.isatty())
    print(f"{datetime.now(UTC):%H:%M:%S}  {line}", flush=True)


def coloured(state: str) -> str:
    """Colour a state as Travis does."""
    return f"\x1b[{COLOURS.get(state, '33')}m{state}\x1b[0m" if sys.stdout.isatty() else state


async def print_states(travis: Travis) -> None:
    """Print the state of the live channel whenever it changes."""
    async for state in travis.live.changes():
        log(f"(live channel: {state})")


async def last_builds(travis: Travis, slug: str) -> None:
    """Print the newest builds, so that the effect of missed events is visible."""
    shown = 0
    async for build in travis.builds.list(slug, exclude_config=True):
        log(f"  build #{build.number} is {coloured(build.state)}")
        shown += 1
        if shown == 3:
            break


async def listen(travis: Travis, slug: str) -> None:
    """Print events until the feed ends."""
    async with travis.events(slug) as feed:
        await last_builds(travis, slug)
        async for event in feed:
            match event:
                case events.Reconnected(down=down):
                    log(f"Back after {down:.1f} s; the current state:")
                    await last_builds(travis, slug)
                case events.Lagged(dropped=dropped):
                    log(f"Too slow: {dropped} events were dropped.")
                case events.BuildEvent(build=build, late=False):
                    subject = build.commit.subject if build.commit else ""
                    log(f"build #{build.number} {coloured(build.state)}  {subject}")
                case events.JobEvent(job=job, late=False):
                    log(f"  job #{job.number} {coloured(job.state)}")
                case _:
                    pass


async def demonstrate(server: TravisServer, repository: Repository, travis: Travis, speed: float) -> None:
    """Play a build, restart the server in the middle of another, finish that one."""
    await server.play(repository.build(jobs=2, message="Stream logs"), speed=speed)
    build = repository.build(jobs=2, message="In order, exactly once")
    async with travis.events(build=build.id, only=events.JobStarted) as feed:
        server.play(build, speed=speed)
        await anext(feed)
    log("--- the server goes away ---")
    port = server.port
    await server.stop()
    await anyio.sleep(1.0)
    await server.start(port)
    log("--- the server is back ---")
    async for state in travis.live.changes():
        if state is LiveState.CONNECTED:
            break
    await anyio.sleep(0.5)
    for job in build.jobs:
        if job.state not in {"passed", "failed"}:
            if job.state != "started":
                job.start()
            job.finish("passed")
    await anyio.sleep(0.5)


async def main() -> int:
    """Listen to a real Travis or the embedded one; print each error on one line."""
    options = arguments()
    code = 0
    try:
        async with anyio.create_task_group() as group:
            if options.endpoint:
                async with Travis(options.token or None, endpoint=options.endpoint) as travis:
                    group.start_soon(print_states, travis)
                    await listen(travis, options.repo)
            else:
                async with TravisServer() as server:
                    repository = server.world.repository(SLUG, users=[server.world.user("sarah", token=TOKEN)])
                    repository.history(count=3)
                    async with Travis(TOKEN, endpoint=server.endpoint) as travis:
                        group.start_soon(print_states, travis)
                        group.start_soon(listen, travis, SLUG)
                        await demonstrate(server, repository, travis, options.speed)
                        counted = travis.live.statistics()
                        log(f"{counted.events} events, {counted.duplicates} of them duplicates; {counted.gaps} gap.")
                        group.cancel_scope.cancel()
    except* TravisError as failures:
        for error in failures.exceptions:
            print(f"listen: {error}", file=sys.stderr)
        code = 2
    return code


if __name__ == "__main__":
    try:
        raise SystemExit(anyio.run(main))
    except KeyboardInterrupt:
        print("\nStopped.")
        raise SystemExit(130) from None
