"""Exit codes of states and errors."""

import inspect
from typing import Any

import pytest

from aiotravis import State, errors
from aiotravis.cli._exit_codes import ExitCode, exit_code_of_error, exit_code_of_state

RESPONSE: dict[str, Any] = {"status": 400, "method": "GET", "path": "/x", "remedy": "r"}
REQUEST: dict[str, Any] = {"method": "GET", "path": "/x"}


@pytest.mark.parametrize(
    ("state", "code"),
    [("passed", 0), ("failed", 1), ("canceled", 5), ("errored", 6), ("started", 8), ("created", 8), ("unheard-of", 8)],
)
def test_each_state_has_its_exit_code(state: str, code: int) -> None:
    assert exit_code_of_state(State(state)) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.AuthenticationError("x", **RESPONSE), 3),
        (errors.PermissionDenied("x", **RESPONSE), 3),
        (errors.RepositoryMigrated("x", **RESPONSE), 7),
        (errors.NotFoundError("x", **RESPONSE), 4),
        (errors.RefusedError("x", **RESPONSE), 7),
        (errors.BuildLimitReached("x", **RESPONSE), 75),
        (errors.RateLimited("x", **RESPONSE), 75),
        (errors.BannedError("x", **RESPONSE), 75),
        (errors.ServerError("x", **RESPONSE), 69),
        (errors.RequestTimeout("x", **REQUEST), 69),
        (errors.RequestError("x", **REQUEST), 69),
        (errors.LogUnavailable("x", job_id=1, reason="missing"), 69),
        (errors.CommitNotBuilt("x", sha="abc"), 4),
        (errors.CommitNotBuilt("x", sha="abc", request_id=1, reason="skipped"), 7),
        (errors.TriggerUndecided("x", request_id=1), 124),
        (errors.TriggerUncertain("x"), 69),
        (OSError(28, "No space left on device"), 74),
        (ZeroDivisionError(), 70),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code_of_error(error) == code


def test_no_error_of_the_library_is_an_internal_one_or_a_failed_build() -> None:
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.TravisError)]
    unmapped = {
        cls.__name__
        for cls in classes
        # Only what it is matters, not what it says.
        if exit_code_of_error(cls.__new__(cls) if cls is not errors.CommitNotBuilt else cls("x", sha="a"))
        in {ExitCode.INTERNAL, ExitCode.FAILED, ExitCode.DONE}
    }
    assert unmapped == {"TravisError", "WebhookRejected"}
