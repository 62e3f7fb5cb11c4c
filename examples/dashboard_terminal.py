"""Show the builds of many repositories in the terminal, live, and the log of the selected build.

It needs rich (the extra ``examples``). Without arguments it shows an embedded Travis that runs builds continuously:

    python examples/dashboard_terminal.py

With a real one:

    python examples/dashboard_terminal.py --endpoint https://api.travis-ci.com --token TOKEN --repo OWNER/NAME ...

Keys: ``j`` and ``k`` or the arrows select a build, ``q`` ends. ``--once`` prints the dashboard once and ends. The exit
code is 0, 2 after an error, 130 after Ctrl-C.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime

import anyio
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from aiotravis import COM, Build, LogReset, LogText, Travis, TravisError, events, safe_for_terminal
from aiotravis.testing import Demo, TravisServer

STYLES = {"passed": "green", "failed": "red", "errored": "red", "canceled": "dim", "started": "yellow"}
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
        slugs: The repositories.
    """

    def __init__(self, travis: Travis, slugs: Sequence[str]) -> None:
        self._travis = travis
        self._slugs = slugs
        self._names: dict[int, str] = {}
        self._builds: dict[int, Build] = {}
        self._log = LogText()
        self._followed: int | None = None
        self._selected = 0
        self._note = ""
        self._changed = asyncio.Event()

    @property
    def builds(self) -> list[Build]:
        """The builds: unfinished ones first, then the newest first."""
        return sorted(self._builds.values(), key=lambda build: (build.finished, -_started(build), -build.id))

    async def read(self) -> None:
        """Read the current state of all builds."""
        async with self._travis.map(self._travis.repos.get, self._slugs) as outcomes:
            self._names = {outcome.value.id: outcome.value.slug async for outcome in outcomes}
        for slug in self._slugs:
            count = 0
            async for build in self._travis.builds.list(slug, exclude_config=True):
                self._builds[build.id] = build
                count += 1
                if count == BUILDS_SHOWN:
                    break
        self._forget()

    def _forget(self) -> None:
        for repository in self._names:
            own = sorted(number for number, build in self._builds.items() if build.repository_id == repository)
            for number in own[:-BUILDS_SHOWN]:
                del self._builds[number]

    async def listen(self) -> None:
        """Apply events; after a gap, read everything again."""
        async with self._travis.events(list(self._names), only=events.BuildEvent) as feed:
            await self.read()
            self._changed.set()
            async for event in feed:
                if isinstance(event, events.BuildEvent):
                    if not event.late:
                        self._builds[event.build.id] = event.build
                        self._forget()
                else:
                    self._note = f"behind: {type(event).__name__.lower()}, read again"
                    await self.read()

    async def follow(self) -> None:
        """Follow the log of the first job of the selected build, until cancelled."""
        while True:
            self._changed.clear()
            build = self.selected()
            self._followed = build.id if build is not None else None
            self._log = LogText()
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:

                    async def restart(scope: anyio.CancelScope = scope) -> None:
                        await self._changed.wait()
                        scope.cancel()

                    group.start_soon(restart)
                    if build is not None and build.job_ids:
                        with contextlib.suppress(TravisError):
                            await self._follow(build.job_ids[0])

    async def _follow(self, job: int) -> None:
        async with self._travis.follow_log(job) as log:
            async for part in log:
                if isinstance(part, LogReset):
                    self._log = LogText()
                self._log.feed(part.content or "")

    def selected(self) -> Build | None:
        """Return the build whose log is shown."""
        builds = self.builds
        return builds[min(self._selected, len(builds) - 1)] if builds else None

    def select(self, step: int) -> None:
        """Select another build."""
        self._selected = max(0, min(len(self._builds) - 1, self._selected + step))
        self._changed.set()

    def draw(self, width: int, height: int) -> Group:
        """Draw the dashboard.

        Args:
            width: Columns of the terminal.
            height: Rows of the terminal.
        """
        rows = max(2, height // 2 - 4)
        shown = self.builds
        first = max(0, min(self._selected - rows + 1, len(shown) - rows))
        running = sum(build.running for build in shown)
        head = Text(f"{len(shown)} builds, {running} running   live: {self._travis.live.state}   {self._note}")
        foot = Text("j k: another build   q: end", style="dim")
        listed = shown[first : first + rows]
        for text in (head, foot):
            text.no_wrap, text.overflow = True, "ellipsis"
        panel = self._panel(max(3, height - len(listed) - 3))
        return Group(head, self._table(listed, first, width), panel, foot)

    def _table(self, builds: Sequence[Build], first: int, width: int) -> Table:
        columns = {**COLUMNS}
        if width < NARROW:
            del columns["branch"]
        table = Table(expand=True, box=None, pad_edge=False)
        for name, (size, ratio) in columns.items():
            table.add_column(name, width=size, ratio=ratio, no_wrap=True, overflow="ellipsis")
        for place, build in enumerate(builds, start=first):
            commit = build.commit
            slug = self._names.get(build.repository_id or 0, "?")
            cells = {
                "": ">" if place == self._selected else "",
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

    def _panel(self, height: int) -> Panel:
        # Only text and colours of the log are left; other control sequences were removed.
        lines = self._log.lines[-max(1, height - 2) :]
        text = Text.from_ansi("\n".join(line.terminal() for line in lines))
        text.no_wrap, text.overflow = True, "ellipsis"
        selected = self.selected()
        if selected is None:
            return Panel(text, title="no build", height=height)
        slug = self._names.get(selected.repository_id or 0, "?")
        title = Text(safe_for_terminal(f"log of {slug} #{selected.number}", colour=False))
        return Panel(text, title=title, height=height)


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
        pressed = os.read(sys.stdin.fileno(), 32)
        if b"q" in pressed:
            return
        board.select(pressed.count(b"j") + pressed.count(b"\x1b[B") - pressed.count(b"k") - pressed.count(b"\x1b[A"))


async def run(travis: Travis, slugs: Sequence[str], *, once: bool) -> int:
    """Show the board until the user quits."""
    console = Console()
    board = Board(travis, slugs)
    await board.read()
    if once:
        console.print(board.draw(console.width, max(24, console.height)))
        return 0
    with keyboard(), Live(console=console, screen=True, auto_refresh=False) as live:
        async with anyio.create_task_group() as group:

            async def draw() -> None:
                while True:
                    live.update(board.draw(console.width, console.height), refresh=True)
                    await anyio.sleep(0.2)

            for task in (board.listen, board.follow, draw):
                group.start_soon(task)
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
