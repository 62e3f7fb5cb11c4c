"""Exit codes, the same for every command."""

from enum import IntEnum
from typing import Final

import aiotravis
from aiotravis import errors

__all__ = ["ExitCode", "exit_code_of_error", "exit_code_of_state"]


class ExitCode(IntEnum):
    """What the command ends with. Outcomes of builds are told by those that wait for them, and by ``status``."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    DENIED = 3
    NOT_FOUND = 4
    CANCELED = 5
    ERRORED = 6
    REJECTED = 7
    UNFINISHED = 8
    UNAVAILABLE = 69
    INTERNAL = 70
    FILE = 74
    THROTTLED = 75
    TIMED_OUT = 124
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


_OUTCOMES: Final[dict[str, ExitCode]] = {
    "passed": ExitCode.DONE,
    "failed": ExitCode.FAILED,
    "canceled": ExitCode.CANCELED,
    "errored": ExitCode.ERRORED,
}

_ERRORS: Final[tuple[tuple[type[Exception], ExitCode], ...]] = (
    # The first that matches: subclasses come before their parents.
    (errors.UsageError, ExitCode.USAGE),
    (errors.RepositoryMigrated, ExitCode.REJECTED),
    (errors.AuthenticationError, ExitCode.DENIED),
    (errors.PermissionDenied, ExitCode.DENIED),
    (errors.SignInFailed, ExitCode.DENIED),
    (errors.NotFoundError, ExitCode.NOT_FOUND),
    (errors.BuildLimitReached, ExitCode.THROTTLED),
    (errors.RateLimited, ExitCode.THROTTLED),
    (errors.BannedError, ExitCode.THROTTLED),
    (errors.RefusedError, ExitCode.REJECTED),
    (errors.ConflictError, ExitCode.REJECTED),
    (errors.ValidationError, ExitCode.REJECTED),
    (errors.TriggerRejected, ExitCode.REJECTED),
    (errors.RestartDropped, ExitCode.REJECTED),
    (errors.TriggerUndecided, ExitCode.TIMED_OUT),
    (errors.TriggerUncertain, ExitCode.UNAVAILABLE),
    (errors.RequestError, ExitCode.UNAVAILABLE),
    (errors.ServerError, ExitCode.UNAVAILABLE),
    (errors.DecodeError, ExitCode.UNAVAILABLE),
    (errors.LogUnavailable, ExitCode.UNAVAILABLE),
    (errors.LiveError, ExitCode.UNAVAILABLE),
    (errors.ResponseError, ExitCode.UNAVAILABLE),
    (OSError, ExitCode.FILE),
)


def exit_code_of_state(state: "aiotravis.State") -> ExitCode:
    """Return the exit code that tells how a build or job ended; ``UNFINISHED`` if it has not."""
    return _OUTCOMES.get(state, ExitCode.UNFINISHED)


def exit_code_of_error(error: BaseException) -> ExitCode:
    """Return the exit code for an exception; ``INTERNAL`` if it is a bug."""
    if isinstance(error, errors.CommitNotBuilt):
        # Without a reason, no build of it has appeared.
        return ExitCode.NOT_FOUND if error.reason is None else ExitCode.REJECTED
    return next((code for cls, code in _ERRORS if isinstance(error, cls)), ExitCode.INTERNAL)
