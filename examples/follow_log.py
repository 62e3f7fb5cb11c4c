"""Print the log of a job as it grows, complete and in order, until it ends; then say how the job ended.

Without arguments it starts a Travis of its own, in this process, where a job is about to start:

    python examples/follow_log.py

With a real one:

    python examples/follow_log.py --endpoint https://api.travis-ci.com --token TOKEN JOB_ID > log.txt

In a terminal the log has its colours; in a pipe or a file it is plain text. How the job ended goes to standard error.
The exit code is 0 if the job passed, 1 if it did not, 2 after an error or if the server has lost some of the log, 130
after Ctrl-C.
"""

import argparse
import os
import sys

import anyio

from aiotravis import COM, Job, LogReset, LogText, Travis, TravisError, errors, log_text, safe_for_terminal
from aiotravis.testing import TravisServer

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Print a job's log as it grows.")
    parser.add_argument("job", nargs="?", type=int, metavar="JOB_ID", help="its id, not its number such as 12.1")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    options = parser.parse_args()
    if options.endpoint and options.job is None:
        parser.error("--endpoint needs the id of a job")
    return options


def show(log: LogText, shown: int) -> int:
    """Print the lines after the first ones, which are shown already; return how many are shown now."""
    for line in log.lines[shown:]:
        print(line.terminal(colour=sys.stdout.isatty()))
    sys.stdout.flush()
    return len(log.lines)


def describe(ending: log_text.Ending) -> str:
    """Return how a job ended, as a sentence."""
    match ending:
        case log_text.ScriptEnded(code=0):
            return "The script passed."
        case log_text.ScriptEnded(code=code):
            return f"The script failed: exit code {code}."
        case log_text.SetupFailed(command=command, phase=phase, code=code):
            during = f" during {phase}" if phase else ""
            return f"Set-up failed{during}: {command or 'a command'} exited with {'?' if code is None else code}."
        case log_text.Stalled(seconds=seconds):
            return "Stopped: no output" + (f" for {seconds:.0f} seconds." if seconds else " for too long.")
        case log_text.TimeLimit():
            return "Stopped: the job took too long."
        case log_text.LogLimit():
            return "Stopped: the log was too long."
        case log_text.Canceled():
            return "Canceled."
        case log_text.ScriptNotGenerated():
            return "Travis could not make a script of .travis.yml."
        case log_text.NotATravisLog():
            return "The log has nothing that Travis writes."
        case log_text.Unfinished():
            return "The log does not say how the job ended."


def report(log: LogText, job: Job) -> None:
    """Print to standard error how the job ended, and which commands failed."""
    lines = [f"{job.state}: {describe(log.ending_for(job))}"]
    lines += [f"line {command.line}: {command.text} exited with {command.exit_code}" for command in log.failed_commands]
    for line in lines:
        print(safe_for_terminal(f"follow_log: {line}", colour=False), file=sys.stderr)


async def follow(travis: Travis, job_id: int) -> int:
    """Print the lines as they arrive, and return the exit code."""
    log, shown, whole = LogText(), 0, True
    try:
        async with travis.follow_log(job_id) as parts:
            async for part in parts:
                if isinstance(part, LogReset):
                    print("\n--- the log restarts ---", file=sys.stderr)
                    log, shown = LogText(), 0
                log.feed(part.content or "")
                shown = show(log, shown)
    except (errors.LogGap, errors.LogUnavailable) as exc:
        print(f"follow_log: {exc}", file=sys.stderr)
        whole = False
    log.close()
    show(log, shown)
    # The last part of a log comes some moments before the end of its job.
    with anyio.move_on_after(60):
        await travis.wait_for_job(job_id)
    job = await travis.jobs.get(job_id)
    report(log, job)
    return (0 if job.passed else 1) if whole else 2


async def main() -> int:
    """Follow on a real Travis or the embedded one; print errors on one line."""
    options = arguments()
    try:
        if options.endpoint:
            async with Travis(options.token or None, endpoint=options.endpoint) as travis:
                return await follow(travis, options.job)
        async with TravisServer() as server:
            repository = server.world.repository(SLUG, users=[server.world.user("sarah", token=TOKEN)])
            build = repository.build(message="Stream logs")
            server.play(build, speed=8)
            async with Travis(TOKEN, endpoint=server.endpoint) as travis:
                return await follow(travis, build.jobs[0].id)
    except TravisError as error:
        print(f"follow_log: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        raise SystemExit(anyio.run(main))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
