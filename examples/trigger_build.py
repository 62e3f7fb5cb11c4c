"""Trigger a build, print the logs of its jobs as they grow, and return the outcome as an exit code.

Without arguments it starts a Travis of its own, in this process:

    python examples/trigger_build.py

With a real one:

    python examples/trigger_build.py --endpoint https://api.travis-ci.com --token TOKEN --repo me/app --branch main

``--script`` replaces the script of the .travis.yml, ``--message`` the message shown for the build.

The exit code is 0 if the build passed, 1 if it did not, 2 if Travis made none or after an error, 3 if it is not known
whether there is or will be a build (check before you try again), 130 after Ctrl-C.
"""

import argparse
import asyncio
import os
import sys

import anyio

from aiotravis import COM, LogReset, LogText, PendingRequest, Travis, TravisError, errors, safe_for_terminal
from aiotravis.testing import Repository, TravisServer

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Trigger a build, and follow it to its end.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", default=SLUG, help=f"owner/name (default: {SLUG})")
    parser.add_argument("--branch", help="branch to build (default: the default branch)")
    parser.add_argument("--message", help="message to show for the build")
    parser.add_argument("--script", help="command to run in place of the script")
    parser.add_argument("--within", type=float, default=300.0, help="seconds in which a build must appear")
    return parser.parse_args()


def say(text: str) -> None:
    """Print a line to standard error; nothing in it may control the terminal."""
    print(safe_for_terminal(f"trigger_build: {text}", colour=False), file=sys.stderr)


def noted(request: PendingRequest) -> None:
    """Print that Travis has the request: from here on, this must not be run again without looking."""
    say(f"request {request.id} for {request.branch}; {request.remaining_requests} left within the hour")


async def print_log(travis: Travis, job_id: int) -> None:
    """Print the lines of a job's log as they arrive."""
    log, shown = LogText(), 0
    try:
        async with travis.follow_log(job_id) as parts:
            async for part in parts:
                if isinstance(part, LogReset):
                    log, shown = LogText(), 0
                log.feed(part.content or "")
                # The last line may still grow.
                for line in log.lines[shown:-1]:
                    print(line.terminal(colour=sys.stdout.isatty()), flush=True)
                shown = max(shown, len(log.lines) - 1)
    except (errors.LogGap, errors.LogUnavailable) as error:
        say(str(error))
    log.close()
    for line in log.lines[shown:]:
        print(line.terminal(colour=sys.stdout.isatty()), flush=True)


async def trigger(travis: Travis, options: argparse.Namespace) -> int:
    """Trigger a build, follow it, and return the exit code."""
    config = None if options.script is None else {"script": options.script}
    build = await travis.trigger(
        options.repo,
        branch=options.branch,
        message=options.message,
        config=config,
        appear_within=options.within,
        on_request=noted,
    )
    say(f"build #{build.number}, {len(build.job_ids)} jobs: {build.commit.subject if build.commit else ''}")
    for job_id in build.job_ids:
        await print_log(travis, job_id)
    build = await travis.wait_for_build(build)
    say(f"build #{build.number} {build.state}")
    return 0 if build.passed else 1


async def play_triggered(server: TravisServer, repository: Repository) -> None:
    """Play the next build of a repository on the embedded Travis."""
    known = len(repository.builds)
    while len(repository.builds) == known:  # noqa: ASYNC110 - the server has no event for it
        await anyio.sleep(0.05)
    await server.play(repository.builds[-1], speed=8)


async def demonstrate(options: argparse.Namespace) -> int:
    """Trigger a build on an embedded Travis."""
    async with TravisServer() as server, Travis(TOKEN, endpoint=server.endpoint) as travis:
        repository = server.world.repository(options.repo, users=[server.world.user("sarah", token=TOKEN)])
        playing = asyncio.ensure_future(play_triggered(server, repository))
        try:
            return await trigger(travis, options)
        finally:
            playing.cancel()


async def main() -> int:
    """Trigger on a real Travis or the embedded one; print each error on one line."""
    options = arguments()
    try:
        if not options.endpoint:
            return await demonstrate(options)
        async with Travis(options.token or None, endpoint=options.endpoint) as travis:
            return await trigger(travis, options)
    except (errors.TriggerUncertain, errors.TriggerUndecided) as error:
        say(str(error))
        return 3
    except TravisError as error:
        say(str(error))
        return 2


if __name__ == "__main__":
    try:
        raise SystemExit(anyio.run(main))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
