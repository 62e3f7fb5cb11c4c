"""How a job ended, as its log tells it. No I/O.

The texts are those of https://github.com/travis-ci/travis-build (the job's script) and
https://github.com/travis-ci/worker (everything that stops a job from outside), and of the workers before them.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from aiotravis._http.json_text import ToDict
from aiotravis.log_text._commands import read_message
from aiotravis.log_text._records import Message

__all__ = [
    "BUILD_RESULT",
    "FIRST_LINE",
    "MAX_MESSAGE",
    "STOPPED",
    "Canceled",
    "Ending",
    "LogLimit",
    "NotATravisLog",
    "ScriptEnded",
    "ScriptNotGenerated",
    "SetupFailed",
    "Stalled",
    "TimeLimit",
    "Unfinished",
    "WithState",
    "combined",
    "ending_for",
    "ending_of_line",
    "last_words",
]


class _Ending(ToDict, msgspec.Struct, frozen=True, kw_only=True):
    line: int | None = None
    """Number of the line that says so; None if only the state of the job does, or nothing."""

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain JSON values, with the name of the class as ``"ending"``."""
        return {"ending": type(self).__name__, **super().to_dict()}


class ScriptEnded(_Ending, frozen=True, kw_only=True):
    """The script ran to its end: ``Done. Your build exited with 1.``.

    Attributes:
        code: 0 if every command of the script succeeded.
    """

    code: int


class SetupFailed(_Ending, frozen=True, kw_only=True):
    """A command outside of the script failed, usually one before it, which stopped the job: its state is ``errored``.

    Attributes:
        command: Text of the command; None if the log does not name it.
        phase: Name of its phase: ``install``; None if unknown.
        code: Exit code of the command; None if unknown.
    """

    command: str | None = None
    phase: str | None = None
    code: int | None = None


class Stalled(_Ending, frozen=True, kw_only=True):
    """The worker stopped the job because it printed nothing for a time: `seconds`; None if unknown."""

    seconds: float | None = None


class TimeLimit(_Ending, frozen=True, kw_only=True):
    """The worker stopped the job because it took too long.

    Attributes:
        seconds: The limit, of the job or of one command; None if the log does not name it, as since 2015.
    """

    seconds: float | None = None


class LogLimit(_Ending, frozen=True, kw_only=True):
    """The worker stopped the job because its log was too long: more than `bytes`; None if unknown."""

    bytes: int | None = None


class Canceled(_Ending, frozen=True, kw_only=True):
    """Somebody canceled the job."""


class ScriptNotGenerated(_Ending, frozen=True, kw_only=True):
    """Travis could not fetch .travis.yml, or make a script of it."""


class Unfinished(_Ending, frozen=True, kw_only=True):
    """The log does not say how the job ended: it still runs, or the log was broken off."""


class NotATravisLog(_Ending, frozen=True, kw_only=True):
    """The text has nothing that Travis writes: it is empty, or the error of something else."""


Ending = (
    ScriptEnded
    | SetupFailed
    | Stalled
    | TimeLimit
    | LogLimit
    | Canceled
    | ScriptNotGenerated
    | Unfinished
    | NotATravisLog
)
"""How a job ended; a value for ``match``."""


@runtime_checkable
class WithState(Protocol):
    """A build, a job, or anything else that has a state."""

    @property
    def state(self) -> str | None:
        """Such as ``passed``, ``errored``."""
        ...


FINISHED_STATES: Final = frozenset({"passed", "failed", "errored", "canceled"})

WORKER_MESSAGES: Final = re.compile(
    r"No output has been received in the last (?P<silence>[\dhms. minutes]*+)"
    r"|(?:(?:I'm|We're) sorry,? but y|Y)our test run exceeded (?P<minutes>\d{1,6}(?:\.\d{0,3})?) minutes"
    # Until 2013. The command may have several lines.
    r"|(?:.*\)|\w+: Execution of '.*') took longer than (?P<limit>\d{1,6}) (?P<of>minutes|seconds) and was terminated\."
    r"|The job (?P<time>exceeded the max[im]{2,5}um time limit)"
    r"|The job (?P<length>exceeded the maximum log length)"
    r"|The log length has exceeded the limit of (?P<count>\d{1,12})(?:\.\d*+)? (?P<unit>[A-Za-z]++)"
    r"|(?P<cancel>Done[:.] Job Cancell?ed)"
    r"|(?:ERROR: )?(?P<script>An error occurr?ed while (?:generating|compiling) the build script"
    r"|An error occurr?ed while parsing the job config|The build script API timed out"
    r"|An error occurr?ed while trying to (?:parse|fetch) your \.travis\.yml|Could not (?:fetch|parse) \.travis\.yml"
    r"|There was an error in the \.travis\.yml file from which we could not recover)",
    re.ASCII,
)
"""What a worker writes as it stops a job."""

DURATION: Final = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)(h|ms|m|s)", re.ASCII)

SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

UNITS: Final = {"m": 1_000_000, "mi": 1 << 20, "k": 1000, "ki": 1 << 10, "g": 10**9, "": 1}


BUILD_RESULT: Final = re.compile(r"Done\. (?:Your build|Build script) exited with:? (-?\d{1,10})", re.ASCII)

FIRST_LINE: Final = "Using worker: "
"""How a log began until 2014."""

STOPPED: Final = "Your build has been stopped."

DEPLOY_FAILED: Final = "failed to deploy"
"""What the script prints last if a deployment fails, which stops it."""

MAX_PRINTED_AFTER: Final = 3
"""Lines with text that may follow what a worker writes as it stops a job."""

MAX_LINES_AFTER: Final = 32
"""Lines that may follow it, with text or without."""

MAX_MESSAGE: Final = 4096
"""Characters of a line that are read for a message of a worker."""


def ending_of_line(text: str, line: int) -> Ending | None:
    """Return the ending that a line announces if it is among the last ones, or None.

    Args:
        text: Its visible text.
        line: Its number.
    """
    if found := BUILD_RESULT.match(text):
        return ScriptEnded(code=int(found[1]), line=line)
    if isinstance(message := read_message(text, None), Message):
        stopped = SetupFailed(command=message.command, phase=message.phase or None, code=message.code, line=line)
        return stopped if message.stopped else None
    found = WORKER_MESSAGES.match(text)
    if found is None:
        phase = {STOPPED: "", DEPLOY_FAILED: "deploy"}.get(text.rstrip())
        return None if phase is None else SetupFailed(phase=phase or None, line=line)
    if found["silence"] is not None:
        return Stalled(seconds=_seconds(found["silence"]), line=line)
    if found["minutes"]:
        return TimeLimit(seconds=float(found["minutes"]) * 60, line=line)
    if found["limit"]:
        return TimeLimit(seconds=float(found["limit"]) * (60 if found["of"] == "minutes" else 1), line=line)
    if found["time"]:
        return TimeLimit(line=line)
    if found["cancel"]:
        return Canceled(line=line)
    if found["script"]:
        return ScriptNotGenerated(line=line)
    return LogLimit(bytes=_bytes(found["count"], found["unit"]), line=line)


def _seconds(text: str) -> float | None:
    """Return the seconds of ``10m0s`` or of ``10 minutes``."""
    seconds = sum(float(value) * SECONDS[unit] for value, unit in DURATION.findall(text.replace(" ", "")))
    return seconds or None


def _bytes(count: str | None, unit: str | None) -> int | None:
    """Return the bytes of ``4 MB``, ``4 Megabytes``, ``4 MiB`` or ``1000 Bytes``."""
    if count is None or unit is None:
        return None
    prefix = unit.lower().removesuffix("s").removesuffix("byte").removesuffix("b")
    factor = UNITS.get({"mega": "m", "mebi": "mi", "kilo": "k", "kibi": "ki", "giga": "g"}.get(prefix, prefix))
    return None if factor is None else int(count) * factor


def ending_for(ending: Ending, job: "WithState | str | None") -> Ending:
    """Return the ending of a log together with the state of its job."""
    state = job if isinstance(job, str) or job is None else job.state
    state = (state or "").strip().lower()
    if state == "canceled":
        return ending if isinstance(ending, Canceled) else Canceled()
    if state not in FINISHED_STATES and isinstance(ending, NotATravisLog):
        return Unfinished()
    return ending


def last_words(lines: Iterator[str], last: int, after: int) -> Ending | None:
    """Return the ending that the last lines announce, or None.

    A worker's message is the last text of a log, so it counts only while nothing else follows: a command may print the
    log of another job.

    Args:
        lines: The visible text of the lines, from the last one on.
        last: Number of the last line.
        after: Number of the line after which the message must stand.
    """
    printed, found = 0, None
    for number, line in zip(range(last, max(after, last - MAX_LINES_AFTER), -1), lines, strict=False):
        ending = ending_of_line(line, number)
        # Some workers say it twice, and in more detail the first time. But whatever the script says, they stop the job,
        # and some have canceled a job that has no script.
        if ending is not None and (
            found is None
            or (type(found) is type(ending)) != isinstance(found, ScriptEnded)
            or isinstance(ending, ScriptNotGenerated)
        ):
            found, printed = ending, 0
        else:
            printed += bool(line.strip())
        if printed > MAX_PRINTED_AFTER:
            break
    return found


def combined(script: Ending | None, worker: Ending | None) -> Ending | None:
    """Return the ending of which the job's script and its worker tell.

    What comes first stands: a failure of the set-up, for which the worker need not have waited. But whatever the script
    said at its end, the worker has the last word.
    """
    if worker is None or (isinstance(script, SetupFailed) and not isinstance(worker, Canceled)):
        return script
    return worker
