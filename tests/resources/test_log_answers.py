"""Which answers hold no log; `test_logs.py` tries them in every call."""

from datetime import UTC, datetime

import pytest

from aiotravis import Job, State
from aiotravis._http import ApiResponse
from aiotravis.resources._log_answers import absent_response, absent_text, has_run
from tests.samples import HTML, JSON, TEXT


@pytest.mark.parametrize(
    "response",
    [
        ApiResponse(200, JSON, b'{"log":{"body":"text"}}'),
        ApiResponse(200, TEXT, b"text"),
        ApiResponse(200, HTML, b"<html>"),
        ApiResponse(404, JSON, b""),
        ApiResponse(403, TEXT, b"access denied"),
        ApiResponse(429, TEXT, b"", redirected=True),
        ApiResponse(503, TEXT, b"<Error><Code>SlowDown</Code></Error>", redirected=True),
    ],
)
def test_logs_and_refusals_of_travis_are_not_absent_logs(response: ApiResponse) -> None:
    assert absent_response(response) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"\n<!DOCTYPE HTML>",
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>',
        b"<ErrorResponse xmlns=",
        b" Your log is temporarily unavailable.\r\n",
        b"log aggregated",
    ],
)
def test_notices_and_error_pages_are_no_log(text: bytes) -> None:
    assert absent_text(text)


@pytest.mark.parametrize("text", [b"$ make", b"<htmlx", b"<Errors>", b"$ cat index.html\n<html>", b"log aggregated\n$"])
def test_a_text_that_resembles_a_notice_is_a_log(text: bytes) -> None:
    assert absent_text(text) is None


@pytest.mark.parametrize(
    ("state", "started", "expected"),
    [
        (State.CANCELED, False, False),
        (State.ERRORED, False, False),
        (State.CREATED, False, False),
        (State.CANCELED, True, True),
        (State.PASSED, False, True),
        (State.STARTED, False, True),
    ],
)
def test_a_job_has_run_if_it_started_or_passed(state: State, started: bool, expected: bool) -> None:
    started_at = datetime(2026, 1, 1, tzinfo=UTC) if started else None
    assert has_run(Job(id=7, state=state, started_at=started_at)) is expected
