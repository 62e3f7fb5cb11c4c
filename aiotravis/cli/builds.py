"""``status``, ``show``, ``history``, ``branches``, ``requests``: what was built."""

from datetime import datetime

import click

import aiotravis
from aiotravis.cli._command import async_command
from aiotravis.cli._exit_codes import exit_code_of_state
from aiotravis.cli._formats import build_line, describe, duration_text, fields, state_piece, time_text
from aiotravis.cli._output import Styled, single_line
from aiotravis.cli._session import Session

__all__ = ["history_command", "show_command", "status_command"]


@async_command("status")
@click.argument("build", required=False)
async def status_command(session: Session, build: str | None) -> int:
    """Tell the state of the last build, or of BUILD.

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
    title = f"{describe(found).capitalize()}: {single_line(commit.subject if commit else '')}"
    output.line(Styled(title, bold=True))
    rows: list[tuple[str, str | Styled]] = [("State", state_piece(found.state))]
    if isinstance(found, aiotravis.Build):
        rows.append(("Type", (found.event_type or "push").replace("_", " ")))
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
    allowed = " (may fail)" if job.allow_failure else ""
    duration = f" {duration_text(job.duration)}" if job.duration is not None else ""
    return Styled(f"#{single_line(job.number)} ", bold=True), state_piece(job.state), f":{duration}{allowed}"


@async_command("history")
@click.option("-n", "--limit", type=click.IntRange(1), default=10, show_default=True, help="Number of builds.")
@click.option("--all", "everything", is_flag=True, help="All builds.")
@click.option("-b", "--branch", help="Only builds of a branch.")
@click.option("-p", "--pull-request", type=int, metavar="NUMBER", help="Only builds of a pull request.")
@click.option(
    "--type", "event_type", type=click.Choice(["push", "pull_request", "api", "cron"]), help="Only this type."
)
@click.option("--since", type=click.DateTime(), help="Only builds that started or wait since then.")
async def history_command(
    session: Session,
    limit: int,
    everything: bool,
    branch: str | None,
    pull_request: int | None,
    event_type: str | None,
    since: datetime | None,
) -> None:
    """List builds, newest first."""
    output = session.output
    filtered = branch is not None or pull_request is not None
    builds = session.travis.builds.list(
        session.slug,
        event_type=event_type or (None if pull_request is None else "pull_request"),
        # The day is one of the user's own calendar.
        since=None if since is None else since.astimezone(),
        exclude_config=not output.json,
        limit=None if everything or filtered else limit,
    )
    shown = 0
    with output.status("reading builds"):
        async for build in builds:
            if branch is not None and (build.commit is None or build.commit.branch != branch):
                continue
            if pull_request is not None and build.pull_request_number != pull_request:
                continue
            if output.json:
                output.record(build)
            else:
                output.line(*build_line(build))
            shown += 1
            if shown == limit and not everything:
                break
    if not shown and not filtered:
        # fact 9.4: an unknown repository gives an empty list, too; this tells the two apart.
        await session.travis.repos.get(session.slug)
    if not shown:
        output.notice("no builds" + (" like that" if filtered or event_type or since else ""))
