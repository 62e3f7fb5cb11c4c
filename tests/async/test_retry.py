"""What is tried again, and when."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import errors
from aiotravis._async.retry import backoff, should_retry_error, should_retry_response
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
def test_reads_are_tried_again_and_writes_only_if_they_never_left(
    sent: ApiRequest, failed: errors.RequestError, again: bool
) -> None:
    assert should_retry_error(sent, failed) is again


@pytest.mark.parametrize("status", [200, 404, 429, 500, 502, 503, 504])
def test_what_passes_by_itself_is_asked_again(status: int) -> None:
    response = ApiResponse(status, {}, b"")
    assert should_retry_response(READ, response) is (status in {429, 502, 503, 504})
    assert should_retry_response(WRITE, response) is (status == 429)
