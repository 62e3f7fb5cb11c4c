"""Answers of the log routes that hold no log, although the status or the type says so. No I/O.

https://docs.travis-ci.com/api/#logs
"""

import re
from typing import Final

from aiotravis._http import ApiRequest, ApiResponse
from aiotravis.errors import LogUnavailable, TruncatedError
from aiotravis.resources._log_sinks import HEAD, is_placeholder
from aiotravis.resources._states import State
from aiotravis.resources.jobs import Job

__all__ = ["NOTICE", "RETRY_AFTER", "absent_response", "absent_text", "has_run", "is_text", "truncated", "unavailable"]

RETRY_AFTER: Final = 60.0
"""Seconds after which another try is sensible: a log is usually stored within minutes of the end of its job."""

NOTICE: Final = "the server's notice stands in its place"

_ERROR_PAGE: Final = re.compile(rb"[\xef\xbb\xbf\s]*(?:<\?xml[^>]*>\s*)?<Error(?:Response)?\b")

_WEB_PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})

_WEB_PAGE: Final = re.compile(rb"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)


def is_text(response: ApiResponse) -> bool:
    """Return whether a body is the text of a log. An archive may give it any content type, or none."""
    return not response.content_type.endswith("json") and response.content_type not in _WEB_PAGE_TYPES


def absent_response(response: ApiResponse) -> str | None:
    """Return why a response holds no log, as its status and body show; None if it may hold one, or is an error."""
    status = response.status
    if status == 406:
        # fact 9.30: so answers a job that has written nothing, or whose log is on its way to the archive.
        return "the server has it in no form yet"
    if 400 <= status < 500 and status != 429 and (response.redirected or _ERROR_PAGE.match(response.body)):
        # fact 10.2: an archive answers 404, or 403 with XML.
        return f"its archive answered {status}"
    if status == 200 and response.redirected and response.content_type in _WEB_PAGE_TYPES:
        return "its archive sent a web page"
    if status != 200 or is_text(response):
        return None
    # fact 9.1: what is typed as JSON may be plain text, or nothing.
    body = response.body[:HEAD].strip().strip(b'"')
    if body in {b"", b"null"}:
        return "the answer is empty"
    return NOTICE if is_placeholder(body.decode("utf-8", "replace")) else None


def absent_text(text: bytes) -> str | None:
    """Return why a text, or its beginning, is no log; None if it is one."""
    if not text:
        return "the text is empty"
    if is_placeholder(text.decode("utf-8", "replace")):
        # fact 9.33: the server's notice stands in the place of the log.
        return NOTICE
    if _ERROR_PAGE.match(text) or _WEB_PAGE.match(text):
        # fact 10.2: of an archive. Today's server puts what the archive sends into the body of its own answer.
        return "an error page stands in its place"
    return None


def unavailable(request: ApiRequest, reason: str, job_id: int | None) -> LogUnavailable:
    """Return the error for an answer that holds no log."""
    message = f"{request.method} {request.safe_target}: the log is not available ({reason}). Try again in a minute."
    return LogUnavailable(message, job_id=job_id, reason=reason, retry_after=RETRY_AFTER)


def truncated(request: ApiRequest) -> TruncatedError:
    """Return the error for a text whose end never became certain."""
    message = (
        f"{request.method} {request.safe_target}: the text ends with its connection, each time elsewhere. Try again."
    )
    return TruncatedError(message, method=request.method, path=request.safe_target)


def has_run(job: Job) -> bool:
    """Return whether a job has begun to run, as far as its state shows. Only one that has not has an empty log."""
    # fact 10.2: what has `started_at` has printed something. fact 10.1: a date can be unreadable.
    return job.started_at is not None or job.state in {State.STARTED, State.PASSED, State.FAILED}
