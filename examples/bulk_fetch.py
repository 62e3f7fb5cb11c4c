"""Fetch the whole history of a repository as JSON Lines, and its logs as files, with progress and rate limit shown.

Without arguments it starts a Travis of its own, in this process, with a history of a few thousand builds:

    python examples/bulk_fetch.py

With a real one:

    python examples/bulk_fetch.py --endpoint https://api.travis-ci.com --token TOKEN --repo OWNER/NAME

FOLDER (``--into``) receives ``builds.jsonl``, one build with its jobs per line, newest first, and ``logs/ID.txt`` for
the jobs of the newest builds (``--logs``). A second run fetches no log again. Progress goes to standard error.

The exit code is 0 if everything was fetched, 1 if there is no such repository or a log was not available, 2 after an
error, 130 after Ctrl-C.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import anyio

from aiotravis import COM, Build, Job, Progress, Travis, TravisError, errors, number_key
from aiotravis.testing import TravisServer, sample_log

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"
CHUNK = 500
"""Builds whose jobs are fetched together."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Fetch a repository's history, and its newest logs.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", default=SLUG, metavar="OWNER/NAME")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="where the files go (default: a temporary folder)")
    parser.add_argument("--logs", type=int, default=20, metavar="N", help="builds whose logs to fetch (default: 20)")
    return parser.parse_args()


class Bar:
    """A progress bar on a terminal; elsewhere, a line per second.

    Args:
        travis: The client whose rate limit is shown.
        what: What is counted, in the plural.
    """

    def __init__(self, travis: Travis, what: str) -> None:
        self._travis = travis
        self._what = what
        self._shown = 0.0

    def show(self, done: int, total: int | None, failed: int = 0, *, last: bool = False) -> None:
        """Show the progress."""
        pause = 0.1 if sys.stderr.isatty() else 1.0
        if not last and time.monotonic() - self._shown < pause:
            return
        self._shown = time.monotonic()
        width = 30
        full = width if last else min(width, done * width // total) if total else 0
        limits = self._travis.limits
        room = "no rate limit" if limits.room is None else f"{limits.room} requests left"
        if limits.waiting:
            room = f"{limits.waiting} calls wait {limits.next_window:.0f} s for the server's rate limit"
        failures = f", {failed} failed" if failed else ""
        line = f"{self._what:6} [{'#' * full:{width}}] {done}/{total or '?'}{failures}, {room}"
        ending = "\n" if last or not sys.stderr.isatty() else ""
        print(f"\r{line:<100}" if sys.stderr.isatty() else line, end=ending, file=sys.stderr, flush=True)

    def __call__(self, progress: Progress) -> None:
        """Show the progress that the library reports."""
        self.show(progress.done, progress.total, progress.failed, last=progress.done == progress.total)


async def fetch_history(travis: Travis, repo: str, path: Path, newest: int) -> tuple[int, Sequence[Job]]:
    """Write all builds with their jobs, newest first, one per line; return their number, and the jobs of the newest."""
    bar, written, total = Bar(travis, "builds"), 0, None
    chunk: list[Build] = []
    newest_jobs: list[Job] = []
    with path.open("w", encoding="utf-8") as file:

        async def flush() -> None:
            nonlocal written
            ids = [number for build in chunk for number in build.job_ids]
            jobs = {job.id: job async for job in travis.jobs.many(ids, missing_ok=True)}
            for build in chunk:
                known = [jobs[number] for number in build.job_ids if number in jobs]
                file.write(json.dumps({**build.to_dict(), "jobs": [job.to_dict() for job in known]}) + "\n")
                if written < newest:
                    newest_jobs.extend(known)
                written += 1
            chunk.clear()

        async for build in travis.builds.list(repo):
            # Build numbers have no gaps: the newest one is the number of builds.
            total = total or number_key(build.number)[0]
            chunk.append(build)
            if len(chunk) == CHUNK:
                await flush()
            bar.show(written + len(chunk), total)
        await flush()
    bar.show(written, written, last=True)
    return written, newest_jobs


async def fetch(travis: Travis, repo: str, folder: Path, newest: int) -> int:
    """Fetch builds and logs, and print a summary."""
    await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    # A list of builds is empty for a repository that does not exist.
    await travis.repos.get(repo)
    count, jobs = await fetch_history(travis, repo, folder / "builds.jsonl", newest)
    ended = [job for job in jobs if job.finished]
    files = await travis.logs.download(ended, folder / "logs", progress=Bar(travis, "logs"))
    missing = [file for file in files if file.error is not None]
    for file in missing:
        print(f"no log of job {file.job_id}: {file.error}", file=sys.stderr)
    size = sum(file.size for file in files)
    fresh = sum(file.fresh for file in files)
    print(f"{count} builds in {folder / 'builds.jsonl'}")
    print(f"{len(files) - len(missing)} logs ({fresh} fetched now), {size / 1e6:.1f} MB, in {folder / 'logs'}")
    print(f"{time.perf_counter() - began:.1f} s")
    return 1 if missing else 0


async def demonstrate(folder: Path, newest: int) -> int:
    """Fetch the history of a repository on an embedded Travis."""
    async with TravisServer(latency=0.02) as server:
        repository = server.world.repository(SLUG, users=[server.world.user("sarah", token=TOKEN)])
        for build in repository.history(3000, jobs=2)[-newest:] if newest else ():
            for job in build.jobs:
                job.write(sample_log(job), final=True)
        # Rate limits are off on the loopback interface; this example shows them.
        async with Travis(TOKEN, endpoint=server.endpoint, rate_limits=True) as travis:
            code = await fetch(travis, SLUG, folder, newest)
            print(f"{len(server.requests)} requests were needed.")
        return code


async def run(options: argparse.Namespace, folder: Path) -> int:
    """Fetch from a real Travis or the embedded one."""
    if not options.endpoint:
        return await demonstrate(folder, options.logs)
    async with Travis(options.token or None, endpoint=options.endpoint) as travis:
        return await fetch(travis, options.repo, folder, options.logs)


async def main() -> int:
    """Fetch into the folder asked for, or a temporary one; print each error on one line."""
    options = arguments()
    try:
        if options.into:
            return await run(options, options.into)
        with tempfile.TemporaryDirectory(prefix="bulk_fetch.") as folder:
            return await run(options, Path(folder))
    except errors.NotFoundError:
        print(f"bulk_fetch: {options.repo}: not found", file=sys.stderr)
        return 1
    except (TravisError, OSError) as exc:
        print(f"\nbulk_fetch: {exc}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(anyio.run(main))
    except KeyboardInterrupt:
        print("\nStopped.")
        sys.exit(130)
