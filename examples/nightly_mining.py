"""Append the builds that have ended since the last run to a file of JSON Lines, each build once.

Without arguments it starts a Travis of its own, in this process, and mines it on three nights:

    python examples/nightly_mining.py

With a real one, every night (cron, a systemd timer):

    python examples/nightly_mining.py --endpoint https://api.travis-ci.com --token TOKEN --repo OWNER/NAME --into FILE

FILE receives one build with its jobs per line; ``FILE.cursor`` says how far it got. The first run fetches the whole
history, or what started since ``--since``. Builds that have not ended come in a later run, once they have. A run that
is broken off, or killed, is continued by the next one, which first cuts off what was written after the cursor.

The exit code is 0 if everything was fetched, 2 after an error, 130 after Ctrl-C.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio

from aiotravis import COM, Build, Repository, Travis, TravisError
from aiotravis.testing import TravisServer

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"
CHUNK = 200
"""Builds that are stored together."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Append the builds that have ended since the last run to a file.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", default=SLUG, metavar="OWNER/NAME")
    parser.add_argument("--into", type=Path, metavar="FILE", help="file of JSON Lines (default: a temporary one)")
    parser.add_argument(
        "--since", type=datetime.fromisoformat, metavar="DATE", help="where the first run begins (default: everything)"
    )
    options = parser.parse_args()
    if options.endpoint and not options.into:
        parser.error("--endpoint needs --into FILE")
    return options


def load(file: Path) -> str | None:
    """Return the cursor that was stored with the file, or None. Cut off what a killed run has written after it."""
    try:
        size, _, cursor = Path(f"{file}.cursor").read_text("ascii", "replace").partition(" ")
    except FileNotFoundError:
        return None
    known = int(size) if size.isdecimal() else None
    if known is None or not file.exists() or file.stat().st_size < known:
        message = f"{file}.cursor is damaged, or not of {file}: without it, the whole history is fetched again"
        raise OSError(message)
    os.truncate(file, known)
    return cursor


def store(file: Path, lines: Sequence[str], cursor: str) -> None:
    """Append lines to the file, then replace the cursor, which knows how long the file is."""
    with file.open("a", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in lines)
        out.flush()
        os.fsync(out.fileno())
        size = os.fstat(out.fileno()).st_size
    new = Path(f"{file}.cursor.new")
    with new.open("w", encoding="ascii") as out:
        out.write(f"{size} {cursor}")
        out.flush()
        os.fsync(out.fileno())
    new.replace(f"{file}.cursor")


async def mine(travis: Travis, repo: Repository, file: Path, since: datetime | None = None) -> int:
    """Append what has ended since the last run; return the number of builds."""
    cursor = load(file)
    pages = travis.builds.list(repo, since=None if cursor else since, cursor=cursor, exclude_config=True)
    ended: list[Build] = []
    count = 0
    if cursor is None:
        store(file, [], pages.cursor)

    async def flush() -> None:
        nonlocal count
        # Everything that was taken is in this chunk: now the cursor belongs to it.
        reached = pages.cursor
        ids = [number for build in ended for number in build.job_ids]
        jobs = {job.id: job.to_dict() async for job in travis.jobs.many(ids, missing_ok=True)}
        lines = [
            json.dumps({**build.to_dict(), "jobs": [jobs[number] for number in build.job_ids if number in jobs]})
            for build in ended
        ]
        store(file, lines, reached)
        count += len(ended)
        ended.clear()

    async for build in pages:
        if build.finished:
            ended.append(build)
        if len(ended) == CHUNK:
            await flush()
    await flush()
    return count


async def demonstrate(file: Path) -> int:
    """Mine an embedded Travis on three nights, with what happens on the days between them."""
    async with TravisServer(latency=0.02) as server:
        repository = server.world.repository(SLUG, users=[server.world.user("sarah", token=TOKEN)])
        repository.history(1000, jobs=2)
        running = [repository.build(jobs=2).start() for _ in range(3)]

        async def night(title: str) -> None:
            before = len(server.requests)
            async with Travis(TOKEN, endpoint=server.endpoint) as travis:
                count = await mine(travis, await travis.repos.get(SLUG), file)
            print(f"{title}: {count} builds, {len(server.requests) - before} requests")

        await night("First night, the whole history; three builds are running")
        for build in running[:2]:
            build.finish("failed")
        repository.build(number=running[0].number).start().finish()
        repository.builds[500].restart()
        repository.forget(repository.builds[999])
        await night("Two have ended, one more has the number of another, an old one was restarted, one was deleted")
        running[2].finish()
        await night("The last one has ended")
    lines = [json.loads(line) for line in (await anyio.Path(file).read_text("utf-8")).splitlines()]
    print(f"{len(lines)} lines, {len({line['id'] for line in lines})} builds in {file}")
    return 0


async def run(options: argparse.Namespace, file: Path) -> int:
    """Mine a real Travis or the embedded one."""
    if not options.endpoint:
        return await demonstrate(file)
    since = options.since.replace(tzinfo=options.since.tzinfo or UTC) if options.since else None
    async with Travis(options.token or None, endpoint=options.endpoint) as travis:
        # The list of a repository that does not exist is empty; this is an error. Its id outlasts a new name.
        repo = await travis.repos.get(options.repo)
        print(f"{await mine(travis, repo, file, since)} builds have ended since the last run.")
    return 0


async def main() -> int:
    """Mine into the file asked for, or a temporary one; print each error on one line."""
    options = arguments()
    try:
        if options.into:
            return await run(options, options.into)
        with tempfile.TemporaryDirectory(prefix="nightly_mining.") as folder:
            return await run(options, Path(folder) / "builds.jsonl")
    except (TravisError, OSError) as exc:
        print(f"nightly_mining: {exc}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(anyio.run(main))
    except KeyboardInterrupt:
        print("\nStopped.")
        sys.exit(130)
