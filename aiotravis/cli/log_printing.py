"""Printing logs, and following them to the end of their jobs: for ``logs`` and ``trigger --follow``."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aiotravis
from aiotravis.cli._exit_codes import ExitCode, exit_code_of_error, exit_code_of_state
from aiotravis.cli._formats import describe, duration_text
from aiotravis.cli._log_view import folded, job_title, line_record
from aiotravis.cli._output import Output, Status
from aiotravis.cli._session import Session
from aiotravis.cli.waiting import wait_until_finished
from aiotravis.errors import DecodeError, LogAccessDenied, LogGap, LogUnavailable, NotFoundError, TravisError

if TYPE_CHECKING:
    from aiotravis import Build, Job
    from aiotravis.cli._log_view import LogItem

__all__ = ["LogPrinter", "follow_logs", "print_logs"]

BLOCK: Final = 1 << 16
"""Characters that are printed at once."""

OF_ONE_LOG: Final = (LogUnavailable, LogGap, LogAccessDenied, NotFoundError, DecodeError)
"""Errors that are those of one log: the others are printed all the same."""


class LogPrinter:
    """Prints the log of one job.

    Args:
        output: Where to.
        job: The job.
        raw: Whether to print it as it was written.
        fold: Whether to fold it by phase, once it is closed.
    """

    def __init__(self, output: Output, job: Job, *, raw: bool = False, fold: bool = False) -> None:
        self._output = output
        self._job = job
        self._raw = raw and not output.json
        self._fold = fold and not raw and not output.json
        self._log = aiotravis.LogText()
        self._shown = 0

    @property
    def rest(self) -> str:
        """The beginning of a line that has not ended."""
        return self._log.rest

    def feed_whole(self, text: str) -> None:
        """Print a whole log: as it is read where nothing that is printed of a line comes after it."""
        if self._fold or self._output.json:
            self.feed(text)
        else:
            for start in range(0, len(text), BLOCK):
                self.feed(text[start : start + BLOCK])
        self.close()

    def feed(self, text: str) -> None:
        """Print the next part, as far as it has whole lines."""
        if self._raw:
            self._output.write(text)
            return
        self._log.feed(text)
        if not self._fold:
            self._print_lines()

    def close(self) -> None:
        """Print the rest of the log."""
        if self._raw:
            return
        self._log.close()
        if self._fold:
            self._print(folded(self._log))
        else:
            self._print_lines()

    def restart(self) -> None:
        """Begin again: the log restarts."""
        self._log, self._shown = aiotravis.LogText(), 0

    def _print_lines(self) -> None:
        lines = self._log.lines
        if len(lines) == self._shown:
            return
        added, self._shown = lines[self._shown :], len(lines)
        if self._output.json:
            for line in added:
                self._output.record(line_record(self._job, line))
        else:
            self._print(added)

    def _print(self, items: Iterable[LogItem]) -> None:
        output, pieces, size = self._output, list[str](), 0
        for item in items:
            text = output.joined(*item) if isinstance(item, tuple) else item.terminal(colour=output.color)
            pieces.append(f"{text}\n")
            size += len(text)
            if size > BLOCK:
                output.write("".join(pieces))
                pieces, size = [], 0
        if pieces:
            output.write("".join(pieces))


async def print_logs(session: Session, found: Build | Job, *, raw: bool, fold: bool) -> ExitCode:
    """Print the logs of a job, or of all jobs of a build in order, as far as they are written.

    Returns:
        0, or the exit code for the first log that could not be had; the others were printed.
    """
    output, code = session.output, ExitCode.DONE
    jobs = _jobs_of(output, found)
    for job in jobs:
        _announce(output, job, several=len(jobs) > 1, raw=raw)
        try:
            with output.status(f"reading the log of {describe(job)}"):
                text = await _read(session, job)
        except OF_ONE_LOG as exc:
            code = code or _report(output, job, exc)
            continue
        LogPrinter(output, job, raw=raw, fold=fold).feed_whole(text)
        if not job.finished:
            output.notice(f"{describe(job)} is {job.state}: logs -f follows its log to the end")
        elif not text:
            output.notice(f"the log of {describe(job)} is empty: it was {job.state} before it started")
    return code


async def follow_logs(session: Session, found: Build | Job, *, raw: bool = False) -> ExitCode:
    """Follow the logs of a job, or of all jobs of a build in order, and return how it ended.

    Returns:
        The exit code that tells the outcome; if it passed and a log could not be had, that for the log.
    """
    output, code = session.output, ExitCode.DONE
    jobs = _jobs_of(output, found)
    for job in jobs:
        _announce(output, job, several=len(jobs) > 1, raw=raw)
        try:
            with output.status(f"{describe(job)} {job.state}") as status:
                await _follow(session, job, status, raw=raw)
        except OF_ONE_LOG as exc:
            code = code or _report(output, job, exc)
    ended = await wait_until_finished(session, found)
    output.notice(f"{describe(ended)} {ended.state} after {duration_text(ended.duration)}")
    return exit_code_of_state(ended.state) or code


async def _follow(session: Session, job: Job, status: Status, *, raw: bool) -> None:
    printer = LogPrinter(session.output, job, raw=raw)
    try:
        async with session.travis.follow_log(job) as log:
            async for part in log:
                if isinstance(part, aiotravis.LogReset):
                    session.output.notice(f"the log of {describe(job)} begins again: what is above is of another run")
                    printer.restart()
                printer.feed(part.content or "")
                # Dots of a test run, which end no line for minutes.
                status.update(f"{describe(job)} {printer.rest}")
    finally:
        printer.close()


async def _read(session: Session, job: Job) -> str:
    from aiotravis.resources._log_answers import has_run

    logs = session.travis.logs
    try:
        return await logs.text(job)
    except (LogUnavailable, DecodeError):
        if job.finished and not has_run(job):
            return ""
        # fact 10.2: API v3 may have the log while v2 does not.
        with suppress(TravisError):
            if text := "".join(part.content or "" for part in await logs.parts(job)):
                return text
        raise


def _jobs_of(output: Output, found: Build | Job) -> tuple[Job, ...]:
    jobs = (found,) if isinstance(found, aiotravis.Job) else found.jobs
    if not jobs:
        output.notice(f"{describe(found)} has no jobs, so there is no log")
    return jobs


def _announce(output: Output, job: Job, *, several: bool, raw: bool) -> None:
    """Print which log follows: where there are several, in the output itself, so that they can be told apart."""
    if several and not raw and not output.json:
        output.line(*job_title(job))
    else:
        output.notice(f"log of {describe(job)}, {job.state}")


def _report(output: Output, job: Job, error: TravisError) -> ExitCode:
    pending = "it has not started; logs -f waits for it" if job.pending else str(error)
    output.error(f"{describe(job)}: {pending}")
    return exit_code_of_error(error)
