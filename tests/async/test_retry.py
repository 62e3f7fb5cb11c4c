"""What is retried, and with which delays."""

import logging
from itertools import islice, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import errors
from aiotravis._async.retry import MAX_FAILURES, backoff, is_transient, retry, should_retry_error, should_retry_response
from aiotravis._http import ApiRequest, ApiResponse

READ, WRITE = ApiRequest("GET", "/x"), ApiRequest("POST", "/x")


def test_delays_double_up_to_the_cap() -> None:
    assert list(islice(backoff(1.0, 5.0, draw=lambda: 1.0), 5)) == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_first_delay_knows_the_cap_too() -> None:
    assert next(backoff(10.0, 5.0, draw=lambda: 1.0)) == 5.0


@given(st.floats(0.001, 100), st.floats(0.001, 100))
def test_no_delay_is_longer_than_the_cap_or_negative(first: float, cap: float) -> None:
    assert all(0 <= delay <= cap for delay in islice(backoff(first, cap), 20))


def error(kind: type[errors.RequestError], *, unsent: bool = False) -> errors.RequestError:
    made = kind("x", method="GET", path="/x")
    made.unsent = unsent
    return made


@pytest.mark.parametrize(
    ("sent", "failed", "again"),
    [
        (READ, error(errors.RequestError), True),
        (READ, error(errors.TruncatedError), True),
        (READ, error(errors.RequestTimeout), False),
        (READ, error(errors.RequestTimeout, unsent=True), True),
        (READ, errors.TooLargeError("x", method="GET", path="/x", limit=1), False),
        (READ, errors.RedirectError("x", method="GET", path="/x", location="y"), False),
        (WRITE, error(errors.RequestError), False),
        (WRITE, error(errors.RequestError, unsent=True), True),
    ],
)
def test_reads_are_retried_and_writes_only_if_unsent(
    sent: ApiRequest, failed: errors.RequestError, again: bool
) -> None:
    assert should_retry_error(sent, failed) is again


@pytest.mark.parametrize("status", [200, 404, 429, 500, 502, 503, 504])
def test_transient_statuses_are_retried(status: int) -> None:
    response = ApiResponse(status, {}, b"")
    assert should_retry_response(READ, response) is (status in {429, 502, 503, 504})
    # fact 2: a POST that is answered 429 counts towards the ban.
    assert not should_retry_response(WRITE, response)


WHERE = {"method": "GET", "path": "/"}

TRANSIENT = [
    errors.RequestError("lost", **WHERE),
    errors.RequestTimeout("late", **WHERE),
    errors.TruncatedError("cut", **WHERE),
    errors.ServerError("down", status=503, **WHERE),
    errors.RateLimited("too many", status=429, **WHERE),
]

PERMANENT = [
    errors.TooLargeError("large", limit=1, **WHERE),
    errors.RedirectError("elsewhere", location="http://a", **WHERE),
    errors.NotFoundError("nothing", status=404, **WHERE),
    errors.AuthenticationError("who", status=403, **WHERE),
    errors.BannedError("banned", status=403, **WHERE),
    errors.BuildLimitReached("ten an hour", status=429, **WHERE),
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


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
async def test_transient_failures_are_retried(error: errors.TravisError) -> None:
    assert is_transient(error)
    failing = Failing(error, MAX_FAILURES - 1)
    assert await retry(failing, repeat(0.0)) == "there"
    assert failing.asked == MAX_FAILURES


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
async def test_the_last_of_many_transient_failures_is_raised(error: errors.TravisError) -> None:
    failing = Failing(error, MAX_FAILURES)
    with pytest.raises(type(error)):
        await retry(failing, repeat(0.0))
    assert failing.asked == MAX_FAILURES


@pytest.mark.parametrize("error", PERMANENT, ids=lambda error: type(error).__name__)
async def test_permanent_failures_are_raised_at_once(error: errors.TravisError) -> None:
    assert not is_transient(error)
    failing = Failing(error, 1)
    with pytest.raises(type(error)):
        await retry(failing, repeat(0.0))
    assert failing.asked == 1


def test_the_limit_of_triggered_builds_is_not_the_rate_limit() -> None:
    body = b'{"@type":"error","error_type":"request_limit_reached","max_requests":10,"per_seconds":3600}'
    reached = ApiResponse(429, {"content-type": "application/json"}, body)
    assert not should_retry_response(ApiRequest("GET", "/v3/repo/1"), reached)


async def test_a_flow_that_goes_on_after_a_failure_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aiotravis.flows")
    failures = [error(errors.RequestTimeout), error(errors.RequestError)]

    async def call() -> int:
        if failures:
            raise failures.pop()
        return 7

    assert await retry(call, repeat(0.0)) == 7
    assert [record.getMessage() for record in caplog.records] == ["goes on in 0.0 s after: x"] * 2
