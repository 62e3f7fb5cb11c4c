"""``status``, ``show``, ``history``, ``branches``, ``requests``: what was built."""

from datetime import UTC, datetime
from typing import Final

import click

import aiotravis
from aiotravis.cli._command import Count, async_command, event_type_option
from aiotravis.cli._exit_codes import exit_code_of_state
from aiotravis.cli._formats import (
    WIDTH,
    build_line,
    describe,
    duration_text,
    fields,
    matrix_text,
    state_piece,
    subject_of,
    time_text,
)
from aiotravis.cli._output import Styled, single_line
from aiotravis.cli._session import Session
from aiotravis.errors import UsageError

__all__ = ["branches_command", "history_command", "requests_command", "show_command", "status_command"]

DEFAULT_LIMIT: Final = 25
"""Requests that Travis lists on its own."""


@async_command("status")
@click.argument("build", required=False)
async def status_command(session: Session, build: str | None) -> int:
    """Print the state of the last build, or of BUILD.

    Exit code: 0 passed, 1 failed, 5 canceled, 6 errored, 8 not finished yet.
    """
    found = await session.find(build)
    output = session.output
    if output.json:
        output.record(found)
    elif output.terminal:
        output.line(f"{describe(found)} ", state_piece(found.state))
    else:
        output.line(state_piece(found.state))
    return exit_code_of_state(found.state)


@async_command("show")
@click.argument("build", required=False)
async def show_command(session: Session, build: str | None) -> None:
    """Show the last build, or BUILD, and its jobs; or a job."""
    found = await session.find(build)
    output = session.output
    if output.json:
        output.record(found)
        return
    commit = found.commit
    output.line(Styled(f"{describe(found).capitalize()}: {subject_of(found)}", bold=True))
    rows: list[tuple[str, str | Styled]] = [("State", state_piece(found.state))]
    if isinstance(found, aiotravis.Build):
        number = f" #{found.pull_request_number}: {found.pull_request_title or ''}" if found.pull_request else ""
        rows.append(("Type", (found.event_type or "push").replace("_", " ") + number))
    elif matrix := matrix_text(found):
        rows.append(("Matrix", matrix))
    if commit is not None:
        rows += [("Branch", commit.branch or ""), ("Commit", commit.sha), ("Author", commit.author_name or "")]
        rows.append(("Compare URL", commit.compare_url or ""))
    rows += [("Duration", duration_text(found.duration)), ("Started", time_text(found.started_at))]
    rows += [("Finished", time_text(found.finished_at))]
    for line in fields(rows):
        output.line(*line)
    if isinstance(found, aiotravis.Build) and found.jobs:
        output.line("")
        for job in found.jobs:
            output.line(*_job_line(job))


def _job_line(job: "aiotravis.Job") -> tuple[str | Styled, ...]:
    allowed = "  (may fail)" if job.allow_failure else ""
    duration = f" {duration_text(job.duration)}" if job.duration is not None else ""
    matrix = f"  {matrix_text(job)}".rstrip()
    return Styled(f"#{single_line(job.number)} ", bold=True), state_piece(job.state), f":{duration}{matrix}{allowed}"


@async_command("history")
@click.option("-l", "--limit", type=Count(1), default=10, show_default=True, help="At most so many builds.")
@click.option("--all", "everything", is_flag=True, help="All builds.")
@click.option("-a", "--after", type=Count(1), help="Only builds with a lower number.")
@click.option("-b", "--branch", help="Only builds of a branch.")
@click.option("-p", "--pull-request", type=Count(1), help="Only builds of a pull request.")
@event_type_option
@click.option("--since", type=click.DateTime(), metavar="DAY|TIME", help="Only builds that started since, or wait.")
@click.option("-d", "--date", is_flag=True, help="Print when each ended, or started.")
@click.option("-c", "--committer", is_flag=True, help="Print the author of each commit.")
async def history_command(
    session: Session,
    limit: int,
    everything: bool,
    after: int | None,
    branch: str | None,
    pull_request: int | None,
    event_type: str | None,
    since: datetime | None,
    date: bool,
    committer: bool,
) -> None:
    """List builds, newest first.

    -b and -p look for such builds in the whole history until there are as many as wanted: Travis has no list of them.
    With --type pull_request, -b means the pull requests for a branch.
    """
    if pull_request is not None and event_type not in {None, "pull_request"}:
        raise UsageError(f"A build of a pull request is none of the type {event_type}.", argument="type")
    output = session.output
    filtered = branch is not None or pull_request is not None
    builds = session.travis.builds.list(
        session.slug,
        event_type=event_type or (None if pull_request is None else "pull_request"),
        after_number=after,
        since=None if since is None else _local(since),
        exclude_config=not output.json,
        limit=None if everything or filtered else limit,
    )
    shown = 0
    with output.status("reading builds"):
        async for build in builds:
            if not _is_wanted(build, branch, pull_request, event_type):
                continue
            if output.json:
                output.record(build)
            else:
                when = f"{time_text(build.finished_at or build.started_at)} " if date else ""
                output.line(when, *build_line(build, committer=committer))
            shown += 1
            if shown == limit and not everything:
                break
    if not shown:
        wanted = filtered or after is not None or event_type is not None or since is not None
        await _notice_none(session, "builds" + (" like that" if wanted else ""))


def _local(when: datetime) -> datetime:
    """Return a time of the user's own calendar."""
    try:
        return when.astimezone()
    except (OverflowError, ValueError, OSError):
        return when.replace(tzinfo=UTC)  # On the first or the last day that there is.


def _is_wanted(build: "aiotravis.Build", branch: str | None, pull_request: int | None, event_type: str | None) -> bool:
    if pull_request is not None and build.pull_request_number != pull_request:
        return False
    if branch is None:
        return True
    # The commit of a pull request has the branch that it is to be merged into.
    of_branch = not build.pull_request or pull_request is not None or event_type == "pull_request"
    return of_branch and build.commit is not None and build.commit.branch == branch


async def _notice_none(session: Session, what: str) -> None:
    """Print that a list is empty.

    Raises:
        NotFoundError: There is no such repository.
    """
    # fact 9.4: an unknown repository gives an empty list, too; this tells the two apart.
    await session.travis.repos.get(session.slug)
    session.output.notice(f"{session.slug} has no {what}")


@async_command("branches")
async def branches_command(session: Session) -> None:
    """List the last build of each branch, the latest to end first.

    Travis lists the 25 or 50 branches that were built last.
    """
    output = session.output
    with output.status("reading branches"):
        branches = await session.travis.branches.list(session.slug)
    names = [f"{single_line(branch.name)}:" for branch in branches]
    width = max(map(len, names), default=0) + 1
    for name, branch in zip(names, branches, strict=True):
        if output.json:
            output.record(branch)
            continue
        subject = single_line(branch.commit.subject if branch.commit else "")
        number, state = f"#{single_line(branch.number)}".ljust(6), state_piece(branch.state)
        padding = " " * max(1, WIDTH + 1 - len(number) - len(state.text))
        output.line(Styled(name.ljust(width), bold=True), f" {number}", state, f"{padding}{subject}".rstrip())
    if not branches:
        await _notice_none(session, "builds of branches yet")


@async_command("requests")
@click.option("-l", "--limit", type=Count(1, 100), help="At most so many, up to 100.  [default: 25]")
async def requests_command(session: Session, limit: int | None) -> None:
    """List requests for builds, newest first: what GitHub, the API and crons asked for, and what became of it."""
    output = session.output
    with output.status("reading requests"):
        # fact 9.28: some servers fail if there is a limit.
        found = await session.travis.requests.list(
            session.slug, limit=limit if limit and limit > DEFAULT_LIMIT else None
        )
    for request in found[:limit]:
        if output.json:
            output.record(request)
            continue
        result, reason, color = _decision(request)
        output.line(Styled(f"{_requested(request)} ", color, bold=True), Styled(f"{result} ({reason})", color))
        if request.commit is not None:
            output.line("  ", Styled(request.commit.short_sha, bold=True), f" - {single_line(request.commit.subject)}")
        output.line(f"  received at: {time_text(request.created_at)}")
        output.line(f"  request: {request.id}" + (f", build: {request.build_id}" if request.build_id else ""))
        output.line("")
    if not found:
        output.notice(f"{session.slug} has no requests")


def _requested(request: "aiotravis.Request") -> str:
    """Return what was requested: ``push to master``, ``pull request #5``, ``API request for master``."""
    where = single_line(request.branch or request.tag) or "the default branch"
    match request.event_type:
        case "pull_request":
            return f"pull request #{request.pull_request_number}"
        case "api":
            return f"API request for {where}"
        case "push" | None:
            return f"push to {where}"
        case other:
            return f"{single_line(other)} for {where}"


def _decision(request: "aiotravis.Request") -> tuple[str, str, str]:
    """Return the result of a request, its reason, and its color."""
    message = single_line(request.message)
    if request.accepted:
        return "accepted", message or "triggered new build", "green"
    if request.rejected:
        return "rejected", message or "unknown reason", "red"
    return single_line(request.result) or "received", message or "not decided yet", "cyan"
