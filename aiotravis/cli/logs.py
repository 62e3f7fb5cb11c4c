"""``logs``: print or follow logs; ``download``: logs into files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import aiotravis
from aiotravis.cli._command import Count, async_command, timeout_option
from aiotravis.cli._exit_codes import ExitCode, exit_code_of_error
from aiotravis.cli._formats import describe, state_piece
from aiotravis.cli._output import Output, error_text
from aiotravis.cli._session import Session
from aiotravis.cli.log_printing import follow_logs, print_logs
from aiotravis.errors import UsageError

if TYPE_CHECKING:
    from aiotravis import Build, Job, LogFile, Progress

__all__ = ["download_command", "logs_command"]

Folder: Final = click.Path(file_okay=False, path_type=Path)

AT_ONCE: Final = 8
"""Logs that are downloaded at the same time."""


@async_command("logs")
@click.argument("build", required=False)
@click.option("-f", "--follow", is_flag=True, help="Follow to the end, and tell the outcome.")
@click.option("--raw", is_flag=True, help="Print it as it was written.")
@click.option("--fold/--plain", default=None, help="Fold by phase.  [default: on terminals, not -f]")
@timeout_option
async def logs_command(session: Session, build: str | None, follow: bool, raw: bool, fold: bool | None) -> int:
    """Print the log of a job, or the logs of all jobs of a build, in order; by default of the last build.

    Folded by phase, the output of what failed is shown. In pipes it is plain text, without colours and markers.

    Exit code: 69 if a log is not there (yet). With -f: 0 passed, 1 failed, 5 canceled, 6 errored.
    """
    if raw and fold is not None:
        raise UsageError("--raw prints what was written: leave --fold and --plain out.", argument="raw")
    if follow and fold:
        raise UsageError("A log that is followed is not folded: leave --fold out.", argument="fold")
    found = await session.find(build)
    if follow:
        return await follow_logs(session, found, raw=raw)
    return await print_logs(session, found, raw=raw, fold=session.output.terminal if fold is None else fold)


@async_command("download")
@click.argument("builds", nargs=-1, metavar="[BUILD]...")
@click.option("-o", "--folder", type=Folder, default=".", show_default=True, help="Folder of the files.")
@click.option("-l", "--last", type=Count(1), help="The logs of so many last builds.")
@click.option("--overwrite", is_flag=True, help="Download logs whose files are there, too.")
@timeout_option
async def download_command(
    session: Session, builds: tuple[str, ...], folder: Path, last: int | None, overwrite: bool
) -> int:
    """Download logs into files: those of all jobs of each BUILD, or of jobs; by default of the last build.

    Each becomes FOLDER/ID.txt, as it was written, once it is whole. Files of the same run of a job are not downloaded
    again: after an interruption, run the same command again.

    Exit code: 69 if a log is not there (yet), 74 if a file cannot be written.
    """
    if last is not None and builds:
        raise UsageError("Name either builds or --last.", argument="last")
    output = session.output
    with output.status("reading builds") as status:
        jobs = await _last_jobs(session, last) if last is not None else await _named_jobs(session, builds)
        ended = [job for job in jobs if job.finished]

        def show(progress: Progress) -> None:
            failed = f", {progress.failed} failed" if progress.failed else ""
            waiting = f", {progress.waiting} wait for the rate limits" if progress.waiting else ""
            status.update(f"{progress.done} of {progress.total} logs{failed}{waiting}")

        files = await session.travis.logs.download(ended, folder, at_once=AT_ONCE, overwrite=overwrite, progress=show)
    code = _report(output, ended, files, folder)
    if unfinished := [describe(job) for job in jobs if not job.finished]:
        output.error(f"not ended yet, so the log is not whole: {', '.join(unfinished)}")
        code = code or ExitCode.UNAVAILABLE
    return code


async def _named_jobs(session: Session, builds: Sequence[str]) -> Sequence[Job]:
    jobs: dict[int, Job] = {}
    for text in builds or (None,):
        found: Build | Job = await session.find(text)
        jobs.update({job.id: job for job in ((found,) if isinstance(found, aiotravis.Job) else found.jobs)})
    return list(jobs.values())


async def _last_jobs(session: Session, last: int) -> Sequence[Job]:
    builds = await session.travis.builds.list(session.slug, exclude_config=True, limit=last).to_list()
    if not builds:
        # fact 9.4: an unknown repository gives an empty list, too; this tells the two apart.
        await session.travis.repos.get(session.slug)
        session.output.notice(f"{session.slug} has no builds yet")
    ids = [job_id for build in builds for job_id in build.job_ids]
    return [job async for job in session.travis.jobs.many(ids, missing_ok=True)]


def _report(output: Output, jobs: Sequence[Job], files: Sequence[LogFile], folder: Path) -> ExitCode:
    """Print what was downloaded, and each kind of failure once; return the exit code."""
    failures: dict[str, tuple[Exception, list[str]]] = {}
    code = ExitCode.DONE
    for job, file in zip(jobs, files, strict=True):
        if output.json:
            output.record({
                "job_id": job.id, "job": job.number, "state": job.state, "size": file.size, "fresh": file.fresh,
                "path": None if file.path is None else str(file.path),
                "error": None if file.error is None else str(file.error),
            })  # fmt: skip
        elif file.path is not None and output.terminal:
            again = "" if file.fresh else ", was there"
            output.line(f"{file.path}  {describe(job)} ", state_piece(job.state), f", {file.size:,} bytes{again}")
        elif file.path is not None:
            output.line(str(file.path))
        if file.error is not None:
            _, names = failures.setdefault(str(file.error).replace(str(job.id), ""), (file.error, []))
            names.append(describe(job))
            # A disk that is full is what must be seen to first.
            code = ExitCode.FILE if isinstance(file.error, OSError) else code or exit_code_of_error(file.error)
    for error, names in failures.values():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        output.error(f"{names[0]}{others}: {error_text(error, folder.absolute())}")
    return code
