"""Watch a build: fetch the history of its repository concurrently, then stream the log of a running job.

Without arguments it starts a Travis of its own, in this process, where a build is about to start:

    python examples/live_build.py

With a real one:

    python examples/live_build.py --endpoint https://api.travis-ci.com --token TOKEN --repo owner/name

The exit code is 0 if the build passed, 1 if it did not, 2 after an error, 130 after Ctrl-C.
"""

import argparse
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from aiotravis import (
    COM,
    Build,
    Feed,
    Job,
    LogReset,
    LogText,
    Repository,
    Travis,
    TravisError,
    events,
    safe_for_terminal,
)
from aiotravis.testing import TravisServer

RECENT = 20
"""Number of builds to fetch."""

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Watch a build of a repository, its log streamed live.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", help="repository, owner/name")
    parser.add_argument("--speed", type=float, default=4.0, help="pace of the embedded Travis's build (default: 4)")
    options = parser.parse_args()
    if options.endpoint and not options.repo:
        parser.error("--endpoint needs --repo")
    if options.speed <= 0:
        parser.error("--speed must be positive")
    return options


def say(line: str) -> None:
    """Print a line: a host, a slug or a commit message must not control this terminal."""
    print(safe_for_terminal(line, colour=False))


@asynccontextmanager
async def embedded_travis() -> AsyncGenerator[TravisServer]:
    """Start a Travis in this process, 20 ms away, with a repository that has a history."""
    async with TravisServer(latency=0.02) as server:
        user = server.world.user("sarah", token=TOKEN)
        repository = server.world.repository(SLUG, users=[user])
        repository.history(count=30, jobs=3)
        yield server


async def fetch_builds(travis: Travis, repo: Repository) -> list[Build]:
    """Fetch the recent builds with their jobs concurrently; print how much time that saved."""
    numbers: list[int] = []
    async for build in travis.builds.list(repo):
        numbers.append(build.id)
        if len(numbers) == RECENT:
            break
    builds: dict[int, Build] = {}

    async def fetch(number: int) -> None:
        builds[number] = await travis.builds.get(number)

    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for number in numbers:
            group.start_soon(fetch, number)
    at_once = time.perf_counter() - began

    began = time.perf_counter()
    for number in numbers:
        await fetch(number)
    in_turn = time.perf_counter() - began

    jobs = sum(len(build.jobs) for build in builds.values())
    print(
        f"{len(numbers)} builds with their {jobs} jobs: {len(numbers)} requests at once took {at_once * 1000:.0f} ms, "
        f"one after the other {in_turn * 1000:.0f} ms."
    )
    return [builds[number] for number in numbers]


async def next_job(builds: list[Build], feed: Feed) -> Job:
    """Return a job that runs or is about to; wait for one if there is none."""
    for build in builds:
        for job in build.jobs:
            if not job.finished:
                return job
    print("No build is running. Waiting for one ...")
    async for event in feed:
        match event:
            case events.JobCreated(job=job) | events.JobQueued(job=job) | events.JobStarted(job=job):
                return job
            case _:
                pass
    raise SystemExit("The live channel ended before a build started.")


async def stream_log(travis: Travis, job: Job) -> str:
    """Print the log of a job as it grows, and return all of it."""
    text, lines, shown = "", LogText(), 0

    def show() -> int:
        for line in lines.lines[shown:]:
            print(line.terminal(), flush=True)
        return len(lines.lines)

    async with travis.follow_log(job) as log:
        async for part in log:
            if isinstance(part, LogReset):
                text, lines, shown = "", LogText(), 0
            text += part.content or ""
            if sys.stdout.isatty():
                # Whatever a log contains, only text and colours reach the terminal.
                lines.feed(part.content or "")
                shown = show()
            else:
                print(part.content or "", end="", flush=True)
    lines.close()
    show()
    print()
    return text


async def await_end(travis: Travis, number: int, feed: Feed) -> Build:
    """Wait until a build has finished: read it once, then listen."""
    build = await travis.builds.get(number)
    while not build.finished:
        event = await anext(feed)
        if isinstance(event, events.Mark) or (isinstance(event, events.BuildEvent) and event.build.id == number):
            build = await travis.builds.get(number)
    return build


async def watch(options: argparse.Namespace, server: TravisServer | None) -> int:
    """Fetch, follow, and return the outcome as an exit code."""
    token, endpoint, slug = options.token or None, options.endpoint, options.repo
    if server is not None:
        token, endpoint, slug = TOKEN, server.endpoint, SLUG
    async with Travis(token, endpoint=endpoint) as travis:
        config = await travis.config.get()
        say(f"{config.host}: live channel {'on' if config.pusher and config.pusher.key else 'off'}")
        repo = await travis.repos.get(slug)
        say(f"{repo.slug} (id {repo.id}), last build #{repo.last_build_number} {repo.last_build_state}")
        builds = await fetch_builds(travis, repo)
        for build in builds[:5]:
            say(f"  #{build.number:<4} {build.state:<9} {build.commit.subject if build.commit else ''}")

        async with travis.events(repo) as feed:
            if server is not None:
                server.play(server.world.repository(SLUG).build(jobs=2, message="Stream logs"), speed=options.speed)
            job = await next_job(builds, feed)
            say(f"Following the log of job #{job.number} (id {job.id}):\n")
            began = time.perf_counter()
            text = await stream_log(travis, job)
            print(f"The log ended after {time.perf_counter() - began:.1f} s, {len(text.encode())} bytes.")
            if server is not None and text != server.world.jobs[job.id].log.text:
                print("The streamed log is not the one that the server holds.", file=sys.stderr)
                return 2
            if server is not None:
                print("It equals the log that the server holds, byte for byte.")
            if job.build_id is None:
                return 0
            build = await await_end(travis, job.build_id, feed)
    say(f"Build #{build.number} {build.state}, {len(build.jobs)} jobs, {build.duration or 0} s of work.")
    return 0 if build.passed else 1


async def main() -> int:
    """Watch a real Travis or the embedded one; print each error on one line."""
    options = arguments()
    try:
        if options.endpoint:
            return await watch(options, None)
        async with embedded_travis() as server:
            return await watch(options, server)
    except* TravisError as group:
        for error in group.exceptions:
            print(f"live_build: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        raise SystemExit(anyio.run(main))
    except KeyboardInterrupt:
        print("\nStopped.")
        raise SystemExit(130) from None
