"""Bans."""

from datetime import UTC, datetime

from aiotravis.rate_limits.bans import Ban, banned_error
from tests.rate_limits.model import WRITE


def test_the_error_says_what_was_not_sent_and_until_when() -> None:
    until = datetime(2026, 1, 1, tzinfo=UTC)
    error = banned_error(Ban(1.0, until, "Wait."), WRITE)
    assert str(error).startswith("POST /x was not sent: Travis has banned this token or address until 2026-01-01")
    assert (error.lifted_at, error.status, error.remedy) == (until, 403, "Wait.")
