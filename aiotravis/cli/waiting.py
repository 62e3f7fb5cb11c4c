"""``wait``: wait for a build, a job, or the build of a commit."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

import aiotravis
from aiotravis.cli._command import async_command, event_type_option, timeout_option
from aiotravis.cli._exit_codes import ExitCode, exit_code_of_state
from aiotravis.cli._formats import describe, duration_text, state_piece
from aiotravis.cli._git import current_commit
from aiotravis.cli._output import Output, Status
from aiotravis.cli._session import Session
from aiotravis.errors import UsageError

__all__ = ["report_outcome", "wait_command", "wait_until_finished"]

if TYPE_CHECKING:
    Ended = aiotravis.Build | aiotravis.Job


def _shown(status: Status) -> Callable[["Ended"], bool]:
    """Return the condition to wait for, which shows each state on the way."""

    def finished(value: "Ended") -> bool:
        status.update(f"{describe(value)} {value.state}")
        return value.finished

    return finished


async def wait_until_finished(session: Session, found: "Ended") -> "Ended":
    """Wait until a build or a job has ended, and show its states meanwhile."""
    if found.finished:
        return found
    travis = session.travis
    with session.output.status(f"{describe(found)} {found.state}", lines=True) as status:
        if isinstance(found, aiotravis.Job):
            return await travis.wait_for_job(found, until=_shown(status))
        return await travis.wait_for_build(found, until=_shown(status))


def report_outcome(output: Output, found: "Ended") -> ExitCode:
    """Print how a build or a job ended, and return the exit code that tells it."""
    if output.json:
        output.record(found)
    else:
        output.line(f"{describe(found)} ", state_piece(found.state), f" after {duration_text(found.duration)}")
    return exit_code_of_state(found.state)


@async_command("wait")
@click.argument("build", required=False)
@click.option("--commit", metavar="SHA", help="For the build of a commit.  [default: HEAD]")
@event_type_option
@click.option(
    "--appear-within", type=float, metavar="SECONDS", default=300.0, help="Time for it to appear.  [default: 300]"
)
@timeout_option
async def wait_command(
    session: Session, build: str | None, commit: str | None, event_type: str | None, appear_within: float
) -> int:
    """Wait until BUILD has ended; by default, the build of the commit HEAD, also before it exists.

    "aiotravis wait && deploy" deploys only what passed.

    Exit code: 0 passed, 1 failed, 5 canceled, 6 errored, 4 no such build, 7 Travis rejected the commit, 124 gave up.
    """
    if build is not None:
        if commit is not None:
            raise UsageError("Name either a build or --commit.", argument="commit")
        return report_outcome(session.output, await wait_until_finished(session, await session.find(build)))
    from aiotravis.flows.commit_waiting import CommitSearch

    sha = current_commit() if commit is None else commit
    # What is no commit is refused before anything is announced.
    CommitSearch("", sha, event_type, appear_within)
    slug = session.slug
    with session.output.status(f"waiting for the build of {sha[:7]}", lines=True) as status:
        ended = await session.travis.wait_for_commit(
            slug, sha, event_type=event_type, appear_within=appear_within, until=_shown(status)
        )
    return report_outcome(session.output, ended)
