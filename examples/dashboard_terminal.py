"""Show the builds of many repositories in the terminal, live, and the log of a job of the selected build.

It needs rich (the extra ``examples``). Without arguments it shows an embedded Travis that runs builds continuously:

    python examples/dashboard_terminal.py

With a real one:

    python examples/dashboard_terminal.py --endpoint https://api.travis-ci.com --token TOKEN --repo OWNER/NAME ...

Keys: ``j`` and ``k`` or the arrows select a build, ``h`` and ``l`` or the arrows a job of it; space, ``b`` and the page
keys scroll its log, ``g`` and ``G`` go to its start and its end, ``f`` to what failed; ``q`` ends. Until one is
selected, the job is the first that failed, or else the first that runs. ``--once`` prints the dashboard once and ends.
The exit code is 0, 2 after an error, 130 after Ctrl-C.
"""

import argparse
import contextlib
import os
import re
import sys
import termios
import tty
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiotravis import COM, Build, Job, Travis, TravisError, Watch, safe_for_terminal
from aiotravis.testing import Demo, TravisServer
from examples.terminal_log import FollowedLog, one_line

STYLES = {"passed": "green", "failed": "red", "errored": "red", "canceled": "dim", "started": "yellow"}

KEYS: Mapping[bytes, str] = {
    **dict.fromkeys((b"j", b"\x1b[B"), "next build"),
    **dict.fromkeys((b"k", b"\x1b[A"), "previous build"),
    **dict.fromkeys((b"l", b"\x1b[C"), "next job"),
    **dict.fromkeys((b"h", b"\x1b[D"), "previous job"),
    **dict.fromkeys((b" ", b"\x1b[6~"), "page down"),
    **dict.fromkeys((b"b", b"\x1b[5~"), "page up"),
    **dict.fromkeys((b"g", b"\x1b[H"), "start"),
    **dict.fromkeys((b"G", b"\x1b[F"), "end"),
    b"f": "failure",
    b"q": "quit",
}
"""What a key does."""

KEY = re.compile(rb"\x1b\[[0-9;]*[A-Za-z~]|.", re.DOTALL)

NARROW = 70
"""Columns below which builds are shown more briefly."""

COLUMNS: Mapping[str, tuple[int | None, int | None]] = {
    "": (1, None),
    "state": (8, None),
    "repository": (None, 8),
    "build": (5, None),
    "branch": (None, 3),
    "what": (None, 8),
    "time": (6, None),
}
"""Widths, or shares of what is left."""

BUILDS_SHOWN = 12
"""Builds of each repository that are kept."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Show builds and a log in the terminal.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", nargs="+", default=[], metavar="OWNER/NAME")
    parser.add_argument("--speed", type=float, default=2.0, help="pace of the embedded Travis (default: 2)")
    parser.add_argument("--once", action="store_true", help="print the dashboard once, and end")
    options = parser.parse_args()
    if options.endpoint and not options.repo:
        parser.error("--endpoint needs --repo")
    return options


class Board:
    """The builds and the log, and how they are drawn.

    Args:
        travis: The client.
        watch: The repositories, watched by it.
    """

    def __init__(self, travis: Travis, watch: Watch) -> None:
        self._travis = travis
        self._watch = watch
        self._build: int | None = None
        self._job: int | None = None
        self._log: FollowedLog | None = None
        self._changed = anyio.Event()

    @property
    def builds(self) -> list[Build]:
        """The builds: unfinished ones first, then the newest first."""
        builds = [build for update in self._watch.state for build in update.builds]
        return sorted(builds, key=lambda build: (build.finished, -_started(build), -build.id))

    async def read(self, count: int) -> None:
        """Read the builds of so many repositories.

        Raises:
            TravisError: None of them can be read.
        """
        while len(state := self._watch.state) < count and self._watch.error is None:
            await anext(self._watch)
        errors = [update.error for update in state if update.error is not None]
        if error := self._watch.error or (errors[0] if len(errors) == len(state) else None):
            raise error

    async def listen(self) -> None:
        """Show what changes."""
        async for _ in self._watch:
            self._select()

    # What is selected -------------------------------------------------------------------------------------------------

    @property
    def build(self) -> Build | None:
        """The selected build; the first one until another was selected, or once that is gone."""
        builds = self.builds
        return next((build for build in builds if build.id == self._build), builds[0] if builds else None)

    @property
    def job(self) -> Job | None:
        """The job whose log is shown; until one was selected, the first that failed, or runs, or the first one."""
        jobs = self.build.jobs if self.build is not None else ()
        ranks = {"failed": 0, "errored": 0, "started": 1}
        first = min(jobs, key=lambda job: ranks.get(str(job.state), 2), default=None)
        return next((job for job in jobs if job.id == self._job), first)

    def press(self, action: str) -> None:
        """Do what a key stands for."""
        step = 1 if action.startswith("next") else -1
        build, job = self.build, self.job
        if action.endswith("build") and build is not None:
            ids = [one.id for one in self.builds]
            self._build, self._job = ids[max(0, min(len(ids) - 1, ids.index(build.id) + step))], None
        elif action.endswith("job") and build is not None and job is not None:
            ids = [one.id for one in build.jobs]
            self._build, self._job = build.id, ids[max(0, min(len(ids) - 1, ids.index(job.id) + step))]
        elif self._log is not None:
            self._log.scroll(action)
        self._select()

    def _select(self) -> None:
        """Follow another log if another job is selected now, or if the job runs again."""
        job, log = self.job, self._log
        is_restarted = log is not None and log.ended and log.job.finished and job is not None and not job.finished
        if (job and job.id) != (log and log.job.id) or is_restarted:
            self._log = None
            self._changed.set()
        elif log is not None and job is not None:
            log.job = job

    async def follow(self) -> None:
        """Follow the log of the selected job, until cancelled."""
        while True:
            self._changed = anyio.Event()
            async with anyio.create_task_group() as group:
                if (job := self.job) is not None:
                    self._log = FollowedLog(job)
                    group.start_soon(self._log.follow, self._travis)
                await self._changed.wait()
                group.cancel_scope.cancel()

    async def read_log(self, seconds: float) -> None:
        """Read the log of the selected job, if it has ended, for at most so many seconds."""
        if self.job is not None and self.job.finished:
            self._log = FollowedLog(self.job)
            with anyio.move_on_after(seconds):
                await self._log.follow(self._travis)

    # Drawing ----------------------------------------------------------------------------------------------------------

    def draw(self, width: int, height: int) -> Group:
        """Draw the dashboard.

        Args:
            width: Columns of the terminal.
            height: Rows of the terminal.
        """
        rows = max(2, height // 2 - 4)
        shown, selected = self.builds, self.build
        place = shown.index(selected) if selected is not None else 0
        first = max(0, min(place - rows + 1, len(shown) - rows))
        listed = shown[first : first + rows]
        failed = [f"{one.repo}: {one.error}" for one in self._watch.state if one.error is not None]
        note = next((f"behind: {error}" for error in [self._watch.error, *failed] if error is not None), "")
        running = sum(one.running for one in shown)
        head = one_line(f"{len(shown)} builds, {running} running   live: {self._travis.live.state}   {note}", width)
        foot = one_line("j k: build   h l: job   space b g G: scroll   f: failure   q: end", width)
        foot.stylize("dim")
        return Group(head, self._table(listed, width), self._panel(width, max(3, height - len(listed) - 3)), foot)

    def _table(self, builds: Sequence[Build], width: int) -> Table:
        columns = {**COLUMNS}
        if width < NARROW:
            del columns["branch"]
        table = Table(expand=True, box=None, pad_edge=False)
        for name, (size, ratio) in columns.items():
            table.add_column(name, width=size, ratio=ratio, no_wrap=True, overflow="ellipsis")
        selected = self.build
        for build in builds:
            commit = build.commit
            slug = self._slug(build)
            cells = {
                "": ">" if build is selected else "",
                "state": str(build.state),
                "repository": slug.rpartition("/")[2] if width < NARROW else slug,
                "build": f"#{build.number}",
                "branch": (commit.branch if commit else None) or "",
                "what": commit.subject if commit else "",
                "time": _time(build),
            }
            style = STYLES.get(str(build.state), "cyan")
            # A commit message must not control this terminal.
            table.add_row(
                *(
                    Text(safe_for_terminal(cells[name], colour=False), style=style if name in {"", "state"} else "")
                    for name in columns
                )
            )
        return table

    def _panel(self, width: int, height: int) -> Panel:
        build, job = self.build, self.job
        if build is None or job is None:
            return Panel("", title="no build" if build is None else "no job", height=height)
        title = f"log of {self._slug(build)} #{build.number} · {job.number}"
        return (
            Panel("", title=one_line(title, width - 6), height=height)
            if self._log is None
            else self._log.draw(title, width, height)
        )

    def _slug(self, build: Build) -> str:
        known = (update.repository for update in self._watch.state)
        return next((one.slug for one in known if one is not None and one.id == build.repository_id), "?")


def _started(build: Build) -> float:
    return build.started_at.timestamp() if build.started_at is not None else 0.0


def _time(build: Build) -> str:
    if build.started_at is None:
        return ""
    seconds = ((build.finished_at or datetime.now(UTC)) - build.started_at).total_seconds()
    return f"{max(0, int(seconds)) // 60}:{max(0, int(seconds)) % 60:02}"


@contextlib.contextmanager
def keyboard() -> Generator[None]:
    """Read keys at once and without echo; restore the terminal afterwards."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


async def keys(board: Board) -> None:
    """Handle keys until ``q`` is pressed."""
    if not sys.stdin.isatty():
        await anyio.sleep_forever()
    while True:
        await anyio.wait_readable(sys.stdin)
        for key in KEY.findall(os.read(sys.stdin.fileno(), 32)):
            if (action := KEYS.get(key)) == "quit":
                return
            if action is not None:
                board.press(action)


async def run(travis: Travis, slugs: Sequence[str], *, once: bool) -> int:
    """Show the board until the user quits."""
    console = Console()
    async with travis.watch(slugs, last=BUILDS_SHOWN) as watch:
        board = Board(travis, watch)
        await board.read(len({slug.lower() for slug in slugs}))
        if once:
            await board.read_log(10)
            console.print(board.draw(console.width, max(24, console.height)))
            return 0
        with keyboard(), Live(console=console, screen=True, auto_refresh=False) as live:
            async with anyio.create_task_group() as group:

                async def draw() -> None:
                    while True:
                        live.update(board.draw(console.width, console.height), refresh=True)
                        await anyio.sleep(0.2)

                group.start_soon(board.listen)
                group.start_soon(board.follow)
                group.start_soon(draw)
                await keys(board)
                group.cancel_scope.cancel()
    return 0


async def main() -> int:
    """Show a real Travis or the embedded one; print each error on one line."""
    options = arguments()
    try:
        if options.endpoint:
            async with Travis(options.token or None, endpoint=options.endpoint) as travis:
                return await run(travis, options.repo, once=options.once)
        async with (
            TravisServer() as server,
            Demo(server, speed=options.speed) as demo,
            Travis(demo.token, endpoint=server.endpoint) as travis,
        ):
            slugs = [repository.slug for repository in demo.repositories]
            return await run(travis, slugs, once=options.once or not sys.stdout.isatty())
    except* (TravisError, OSError) as failures:
        print(f"dashboard_terminal: {failures.exceptions[0]}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(anyio.run(main))
    except KeyboardInterrupt:
        sys.exit(130)
