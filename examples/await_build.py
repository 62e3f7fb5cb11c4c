"""Wait until builds have finished, and return the outcome as an exit code.

Without arguments it starts a Travis of its own, in this process, where two builds are about to run:

    python examples/await_build.py

With a real one:

    python examples/await_build.py --endpoint https://api.travis-ci.com --token TOKEN BUILD_ID [BUILD_ID ...]

The exit code is 0 if every build passed, 1 if one did not, 2 after an error, 3 after the time limit of
``--within``, 130 after Ctrl-C.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence

import anyio

from aiotravis import COM, Build, Travis, TravisError, safe_for_terminal
from aiotravis.testing import TravisServer

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Wait until builds have ended.")
    parser.add_argument("builds", nargs="*", type=int, metavar="BUILD_ID", help="ids, not the numbers people see")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--within", type=float, default=3600.0, help="seconds to wait (default: an hour)")
    options = parser.parse_args()
    if options.endpoint and not options.builds:
        parser.error("--endpoint needs the ids of builds")
    return options


async def await_builds(travis: Travis, builds: Sequence[int]) -> int:
    """Wait for all builds at the same time, and print how each ended."""
    ended: list[Build] = []
    began = time.perf_counter()

    async with travis.wait_for_builds(builds) as outcomes:
        async for outcome in outcomes:
            build = outcome.value
            ended.append(build)
            subject = build.commit.subject if build.commit else ""
            line = f"{time.perf_counter() - began:6.1f} s  build #{build.number} {build.state}  {subject}"
            # A commit message must not control this terminal.
            print(safe_for_terminal(line, colour=False), flush=True)
    print(f"{sum(build.passed for build in ended)} of {len(ended)} passed.")
    return 0 if all(build.passed for build in ended) else 1


async def demonstrate() -> int:
    """Play two builds on an embedded Travis, and wait for them."""
    async with TravisServer() as server:
        repository = server.world.repository(SLUG, users=[server.world.user("sarah", token=TOKEN)])
        builds = [repository.build(jobs=2, message=message) for message in ("Stream logs", "Wait for builds")]
        for speed, build in zip((8, 5), builds, strict=True):
            server.play(build, speed=speed)
        async with Travis(TOKEN, endpoint=server.endpoint) as travis:
            code = await await_builds(travis, [build.id for build in builds])
            print(f"{len(server.requests)} requests and {server.pusher.opened} socket were needed.")
        return code


async def main() -> int:
    """Wait on a real Travis or the embedded one; print each error on one line."""
    options = arguments()
    code = 3
    try:
        with anyio.move_on_after(options.within) as time_limit:
            if not options.endpoint:
                code = await demonstrate()
            else:
                async with Travis(options.token or None, endpoint=options.endpoint) as travis:
                    code = await await_builds(travis, options.builds)
        if time_limit.cancelled_caught:
            print(f"await_build: not ended within {options.within:g} s", file=sys.stderr)
    except TravisError as error:
        print(f"await_build: {error}", file=sys.stderr)
        code = 2
    return code


if __name__ == "__main__":
    try:
        raise SystemExit(anyio.run(main))
    except KeyboardInterrupt:
        print("\nStopped.")
        raise SystemExit(130) from None
