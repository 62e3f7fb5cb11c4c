"""``trigger``, ``restart``, ``cancel``: what starts and ends builds."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

import aiotravis
from aiotravis.cli._command import async_command, timeout_option
from aiotravis.cli._exit_codes import ExitCode
from aiotravis.cli._formats import branch_text, describe, subject_of
from aiotravis.cli._input import read_input
from aiotravis.cli._output import Output
from aiotravis.cli._session import Session
from aiotravis.cli.log_printing import follow_logs
from aiotravis.cli.waiting import report_outcome, wait_until_finished

if TYPE_CHECKING:
    from aiotravis import Build, Job, PendingRequest
    from aiotravis.resources._build_requests import MergeMode

__all__ = ["cancel_command", "restart_command", "trigger_command"]

INLINE: Final = re.compile(r"\s*(?:[{\[]|---|[\w.-]+:(?:\s|\Z))")
"""The beginning of a configuration, in JSON or YAML, that is no name of a file."""

MERGE_MODES: Final = ("deep_merge_append", "deep_merge_prepend", "deep_merge", "merge", "replace")

wait_option: Final = click.option("-w", "--wait", is_flag=True, help="Wait until it has ended, and tell the outcome.")


def _read_config(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the text of a configuration. It is read before the event loop runs, so that Ctrl-C ends the reading."""
    if value is None:
        return None
    path = Path(value)
    try:
        if value == "-":
            return read_input("a configuration")
        # Any other text is the name of a file, so that a wrong one is an error, and no configuration.
        if not INLINE.match(value) or _exists(path):
            return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise click.BadParameter(f"{value} is not in UTF-8.", ctx, param) from None
    return value


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A text that is too long for a name, or has a null character.
        return False


@async_command("trigger")
@click.option("-b", "--branch", help="Branch to build.  [default: the default branch]")
@click.option("--sha", help="Commit to build.  [default: the newest of the branch]")
@click.option("--tag", help="Tag to build.")
@click.option("-m", "--message", help="Message to show, in place of the commit's.")
@click.option("--config", metavar="FILE|-|TEXT", callback=_read_config, help="Configuration in YAML or JSON.")
@click.option("--merge-mode", type=click.Choice(MERGE_MODES), metavar="MODE", help="How to merge it, see above.")
@wait_option
@click.option("-f", "--follow", is_flag=True, help="Follow its logs, and tell the outcome.")
@timeout_option
async def trigger_command(
    session: Session,
    branch: str | None,
    sha: str | None,
    tag: str | None,
    message: str | None,
    config: str | None,
    merge_mode: str | None,
    wait: bool,
    follow: bool,
) -> int:
    """Request a build, and print its number once Travis has made it.

    The configuration is a file, - for standard input, or the text itself, such as "script: make test". It is merged
    with the .travis.yml: deep_merge_append, deep_merge_prepend, deep_merge, merge or replace.

    Exit code: 7 Travis rejected the request, 75 the limit of the hour is reached, 69 the answer was lost: look at
    "aiotravis requests" before you trigger again. With --wait or --follow: 0 passed, 1 failed, 5 canceled, 6 errored.
    """
    output, slug = session.output, session.slug
    left = f"no answer from Travis yet: look at 'aiotravis requests -r {slug}' before you trigger again"

    def on_request(pending: PendingRequest) -> None:
        nonlocal left
        number = "" if pending.id is None else f" {pending.id}"
        remaining = pending.remaining_requests
        # fact 11.5: it is counted before this one.
        more = "" if remaining is None else f", {max(0, remaining - 1)} more are possible within the hour"
        output.notice(f"request{number} for a build of {slug} was made{more}")
        status.update(f"waiting for the build of request{number}")
        left = f"request{number} stands, and may still be built: see 'aiotravis requests -r {slug}'"

    with _left_behind(output, lambda: left):
        with output.status(f"requesting a build of {slug}") as status:
            build = await session.travis.trigger(
                slug,
                branch=branch,
                sha=sha,
                tag=tag,
                message=message,
                config=config,
                merge_mode=cast("MergeMode | None", merge_mode),
                on_request=on_request,
            )
        left = _runs_on(build, slug)
        if not wait and not follow:
            if output.json:
                output.record(build)
            else:
                output.line(f"{describe(build)} has been triggered" if output.terminal else build.number)
            return ExitCode.DONE
        output.notice(f"{describe(build)} was made of it")
        return await _outcome(session, build, follow=follow)


@async_command("restart")
@click.argument("build", required=False)
@wait_option
@timeout_option
async def restart_command(session: Session, build: str | None, wait: bool) -> int:
    """Restart BUILD, or a job; by default the last build.

    Travis only queues a restart. With --wait, this waits until its new run has ended.

    Exit code: 7 if it has not ended, or cannot be restarted. With --wait: 0 passed, 1 failed, 5 canceled, 6 errored.
    """
    output, travis = session.output, session.travis
    found = await _named(session, build, "restarting")
    left = f"{describe(found)} may have been restarted: look at it before you restart it again"
    with _left_behind(output, lambda: left):
        if not wait:
            await (travis.jobs.restart(found) if isinstance(found, aiotravis.Job) else travis.builds.restart(found))
            _print_done(output, found, "restarted")
            return ExitCode.DONE
        with output.status(f"restarting {describe(found)}", lines=True):
            restarted: Build | Job = await travis.restart(found)
        left = _runs_on(restarted, session.options.repo)
        return await _outcome(session, restarted)


@async_command("cancel")
@click.argument("build", required=False)
async def cancel_command(session: Session, build: str | None) -> None:
    """Cancel BUILD, or a job; by default the last build.

    Travis queues this: it ends some seconds later, see "aiotravis wait".
    """
    found, travis = await _named(session, build, "canceling"), session.travis
    await (travis.jobs.cancel(found) if isinstance(found, aiotravis.Job) else travis.builds.cancel(found))
    _print_done(session.output, found, "canceled")


async def _named(session: Session, text: str | None, doing: str) -> Build | Job:
    """Return the build or job to act on; that which nobody has named is named on standard error."""
    found = await session.find(text)
    if text is None and isinstance(found, aiotravis.Build):
        about = f"{branch_text(found)}: {subject_of(found)}"
        session.output.notice(f"{doing} the last build of {session.slug}, #{found.number} ({about})")
    return found


async def _outcome(session: Session, found: Build | Job, *, follow: bool = False) -> ExitCode:
    if follow:
        return await follow_logs(session, found)
    return report_outcome(session.output, await wait_until_finished(session, found))


def _print_done(output: Output, found: Build | Job, done: str) -> None:
    """Print what was done: a sentence on a terminal, a word in a pipe."""
    if output.json:
        kind = "job" if isinstance(found, aiotravis.Job) else "build"
        output.record({"type": kind, "id": found.id, "number": found.number, "result": done})
    else:
        output.line(f"{describe(found)} has been {done}" if output.terminal else done)


def _runs_on(found: Build | Job, slug: str | None) -> str:
    where = f" -r {slug}" if slug else ""
    return f"{describe(found)} goes on: 'aiotravis cancel {found.number}{where}' cancels it"


@contextlib.contextmanager
def _left_behind(output: Output, left: Callable[[], str]) -> Generator[None]:
    """Print which request or build goes on if the work ends early, by Ctrl-C or its timeout."""
    from asyncio import CancelledError

    try:
        yield
    except CancelledError:
        output.notice(left())
        raise
