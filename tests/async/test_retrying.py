"""Which failures are waited out, and for how long."""

from itertools import repeat

import pytest

from aiotravis import errors
from aiotravis._async.retry import MAX_FAILURES, is_transient, retry

WHERE = {"method": "GET", "path": "/"}

PASSING = [
    errors.RequestError("lost", **WHERE),
    errors.RequestTimeout("late", **WHERE),
    errors.TruncatedError("cut", **WHERE),
    errors.ServerError("down", status=503, **WHERE),
    errors.RateLimited("too many", status=429, **WHERE),
]

LASTING = [
    errors.TooLargeError("large", limit=1, **WHERE),
    errors.RedirectError("elsewhere", location="http://a", **WHERE),
    errors.NotFoundError("nothing", status=404, **WHERE),
    errors.AuthenticationError("who", status=403, **WHERE),
    errors.BannedError("banned", status=403, **WHERE),
    errors.DecodeError("what", status=200, excerpt="", **WHERE),
    errors.UsageError("closed"),
    errors.LiveUnavailable("no key"),
]


class Failing:
    """Fails so often, then succeeds."""

    def __init__(self, error: errors.TravisError, times: int) -> None:
        self.left = times
        self.asked = 0
        self._error = error

    async def __call__(self) -> str:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise self._error
        return "there"


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
async def test_what_passes_is_waited_out(error: errors.TravisError) -> None:
    assert is_transient(error)
    failing = Failing(error, MAX_FAILURES - 1)
    assert await retry(failing, repeat(0.0)) == "there"
    assert failing.asked == MAX_FAILURES


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
async def test_what_does_not_pass_after_all_is_told(error: errors.TravisError) -> None:
    failing = Failing(error, MAX_FAILURES)
    with pytest.raises(type(error)):
        await retry(failing, repeat(0.0))
    assert failing.asked == MAX_FAILURES


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
async def test_what_lasts_is_told_at_once(error: errors.TravisError) -> None:
    assert not is_transient(error)
    failing = Failing(error, 1)
    with pytest.raises(type(error)):
        await retry(failing, repeat(0.0))
    assert failing.asked == 1
