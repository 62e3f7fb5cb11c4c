"""Exit codes."""

import pytest

from aiotravis import State, errors
from aiotravis.cli._exit_codes import ExitCode, exit_code_of_error, exit_code_of_state

STATES = {"passed": 0, "failed": 1, "canceled": 5, "errored": 6, "created": 8, "received": 8, "started": 8, "odd": 8}


@pytest.mark.parametrize(("state", "code"), STATES.items())
def test_each_outcome_has_a_code_of_its_own(state: str, code: int) -> None:
    assert exit_code_of_state(State(state)) == code


def test_every_error_of_the_library_has_a_code() -> None:
    kinds = [value for name in errors.__all__ if issubclass(value := getattr(errors, name), errors.TravisError)]
    assert len(kinds) > 30
    kinds.remove(errors.CommitNotBuilt)
    unknown = {kind.__name__ for kind in kinds if exit_code_of_error(kind.__new__(kind)) is ExitCode.INTERNAL}
    # What no command can meet: a webhook, and the parents of all others.
    assert unknown == {"TravisError", "WebhookRejected"}


def test_a_commit_that_was_rejected_is_told_from_one_without_a_build() -> None:
    assert exit_code_of_error(errors.CommitNotBuilt("", sha="1234567")) == 4
    assert exit_code_of_error(errors.CommitNotBuilt("", sha="1234567", reason="skipped")) == 7


def test_files_and_bugs_are_no_failures_of_builds() -> None:
    assert exit_code_of_error(OSError(28, "full")) == 74
    assert exit_code_of_error(ZeroDivisionError()) == 70
