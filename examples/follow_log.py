"""Print the log of a job as it grows, complete and in order, until it ends.

Without arguments it starts a Travis of its own, in this process, where a job is about to start:

    python examples/follow_log.py

With a real one:

    python examples/follow_log.py --endpoint https://api.travis-ci.com --token TOKEN JOB_ID > log.txt

The exit code is 0 if the log is complete, 1 if the server has lost parts of it, 2 after an error, 130 after Ctrl-C.
"""

import argparse
import os
import sys

import anyio

from aiotravis import COM, LogReset, Travis, TravisError, errors
from aiotravis.testing import TravisServer

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Print a job's log as it grows.")
    parser.add_argument("job", nargs="?", type=int, metavar="JOB_ID", help="its id, not its number such as 12.1")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    options = parser.parse_args()
    if options.endpoint and options.job is None:
        parser.error("--endpoint needs the id of a job")
    return options


async def follow(travis: Travis, job: int) -> int:
    """Print the parts as they arrive."""
    try:
        async with travis.follow_log(job) as log:
            async for part in log:
                if isinstance(part, LogReset):
                    print("\n--- the log restarts ---", file=sys.stderr)
                sys.stdout.write(part.content or "")
                sys.stdout.flush()
    except (errors.LogGap, errors.LogUnavailable) as exc:
        print(f"\nfollow_log: {exc}", file=sys.stderr)
        return 1
    return 0


async def main() -> int:
    """Follow on a real Travis or the embedded one; print errors on one line."""
    options = arguments()
    try:
        if options.endpoint:
            async with Travis(options.token or None, endpoint=options.endpoint) as travis:
                return await follow(travis, options.job)
        async with TravisServer() as server:
            repository = server.world.repository(SLUG, users=[server.world.user("sarah", token=TOKEN)])
            build = repository.build(message="Stream logs")
            server.play(build, speed=8)
            async with Travis(TOKEN, endpoint=server.endpoint) as travis:
                return await follow(travis, build.jobs[0].id)
    except TravisError as error:
        print(f"follow_log: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        raise SystemExit(anyio.run(main))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
