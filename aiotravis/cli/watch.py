"""``watch``: what happens to builds, live: a table on a terminal, a line for each change in a pipe."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

import aiotravis
from aiotravis.cli._command import Count, async_command, timeout_option
from aiotravis.cli._output import Output
from aiotravis.cli._session import SLUG, Session
from aiotravis.cli._watch_view import ChangeLog, build_table, slug_of
from aiotravis.errors import AuthenticationError, NotFoundError, TravisError, UsageError

if TYPE_CHECKING:
    import anyio.abc
    from rich.live import Live

    from aiotravis import RepositoryUpdate, Watch, WatchStatus

__all__ = ["watch_command"]

OF_ONE: Final = 8
"""Builds of a repository that is watched alone."""

REFRESH: Final = 0.5
"""Seconds between two drawings of the table: the times of running builds go on."""

LOST: Final = "the live channel is lost: until it is back, builds are read every few seconds"
NONE: Final = "there is no live channel: builds are read every few seconds"


@async_command("watch")
@click.argument("repos", nargs=-1, metavar="[OWNER/NAME]...")
@click.option("-m", "--mine", is_flag=True, help="All repositories that you have a right on.")
@click.option("-l", "--last", type=Count(1), help="Builds of each.  [default: 8 of one, 1 of several]")
@click.option("-b", "--builds", is_flag=True, help="Only builds, not their jobs.")
@timeout_option
async def watch_command(session: Session, repos: tuple[str, ...], mine: bool, last: int | None, builds: bool) -> None:
    """Watch builds of repositories live, until Ctrl-C; by default those of the git clone's repository.

    On a terminal this is a table. In pipes it is a line for each build, then one for each change. After a loss of the
    live channel it reconnects, and reads what has changed.
    """
    import anyio

    if mine and (repos or session.options.repo):
        raise UsageError("Name either repositories or --mine.", argument="mine")
    for slug in repos:
        if not SLUG.match(slug):
            raise UsageError(f"A repository is owner/name, not {slug!r}.", argument="repos")
    chosen = (session.options.repo, *repos) if session.options.repo else repos
    named = None if mine else chosen or (session.slug,)
    count = last or (OF_ONE if named is not None and len(named) == 1 else 1)
    async with session.travis.watch(named, last=count, jobs=not builds) as watch:
        watcher = _Watcher(session, watch, named or (), jobs=not builds)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(watcher.tell_of_live)
                if session.output.terminal and not session.output.json and os.environ.get("TERM") != "dumb":
                    await watcher.draw(group)
                else:
                    await watcher.print_changes()
        except BaseExceptionGroup as exc:
            # Each error has an exit code.
            raise exc.exceptions[0] from None


class _Watcher:
    """Shows what a watch yields."""

    def __init__(self, session: Session, watch: Watch, named: tuple[str, ...], *, jobs: bool) -> None:
        self._output: Output = session.output
        self._live = session.travis.live
        self._watch = watch
        self._unread = {slug.lower() for slug in named}
        self._log = ChangeLog(jobs=jobs)
        self._errors: dict[int | str, str] = {}
        self._found = not named
        self._status = "reading"

    async def print_changes(self) -> None:
        """Print a line for each change."""
        output = self._output
        async for item in self._watch:
            update = self._accept(item)
            for change in self._log.changes(update) if update else ():
                if output.json:
                    output.record(change.record)
                else:
                    output.line(*change.line)

    async def draw(self, group: anyio.abc.TaskGroup) -> None:
        """Draw the table whenever something has changed, and as time goes on."""
        from rich.console import Console
        from rich.live import Live

        console = Console(file=sys.stdout, no_color=not self._output.color, highlight=False, markup=False, emoji=False)
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as table:
            group.start_soon(self._redraw, table)
            async for item in self._watch:
                self._accept(item)

    async def _redraw(self, table: Live) -> None:
        import anyio

        while True:
            # The size is that of the terminal at present.
            height, now = table.console.size.height, datetime.now(UTC)
            table.update(build_table(self._watch.state, status=self._status, height=height, now=now), refresh=True)
            await anyio.sleep(REFRESH)

    async def tell_of_live(self) -> None:
        """Print on standard error when the live channel is lost, and when it is back."""
        lost = False
        async for state in self._live.changes():
            if state is aiotravis.LiveState.CONNECTED:
                if lost:
                    self._output.notice("the live channel is back")
                lost, self._status = False, "live"
            elif state is aiotravis.LiveState.UNAVAILABLE:
                self._output.notice(NONE)
                self._status = "no live channel"
            elif state is aiotravis.LiveState.RECONNECTING and not lost:
                self._output.notice(LOST)
                lost, self._status = True, "reconnecting"

    def _accept(self, item: RepositoryUpdate | WatchStatus) -> RepositoryUpdate | None:
        """Print what cannot be read, and return an update.

        Raises:
            AuthenticationError: The token is not known, or there must be one.
            NotFoundError: None of the repositories exists.
        """
        if isinstance(item, aiotravis.WatchStatus):
            self._tell(0, "Travis", item.error)
            if isinstance(item.error, AuthenticationError):
                raise item.error
            return None
        self._unread.discard(str(item.repo).lower())
        self._found = self._found or item.error is None
        if isinstance(item.error, NotFoundError) and not self._found and not self._unread:
            raise item.error
        self._tell(item.repo, slug_of(item), item.error)
        return item

    def _tell(self, key: int | str, name: str, error: TravisError | None) -> None:
        """Print that something cannot be read, and that it can be again."""
        text = "" if error is None else str(error)
        if text and key not in self._errors:
            self._output.notice(f"{name} cannot be read at present: {text}")
        elif not text and key in self._errors:
            self._output.notice(f"{name} can be read again")
        if text:
            self._errors[key] = text
        else:
            self._errors.pop(key, None)
