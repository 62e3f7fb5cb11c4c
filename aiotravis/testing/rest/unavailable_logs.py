"""Answers to reads of a log that is still being stored, see fact 10.2: none of them says that the log is empty.

https://docs.travis-ci.com/api/#logs
"""

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from aiohttp import web

from aiotravis.testing.rest.access import ErrorResponse, server_error
from aiotravis.testing.rest.routes import json_response
from aiotravis.testing.world.builds import Job
from aiotravis.testing.world.models import LogForm

__all__ = ["archive_answer", "forms_of", "unavailable_v2", "unavailable_v3"]

LOG_FORMS: Final[tuple[LogForm, ...]] = get_args(LogForm)

NOTICE: Final = "Your log is temporarily unavailable"

XML_ERROR: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
)

ARCHIVE_ANSWERS: Final[Mapping[LogForm, tuple[int, str, str]]] = {
    "archive 404": (404, "text/plain", ""),
    "archive 403": (403, "application/xml", XML_ERROR.format(code="AccessDenied", message="Access Denied")),
    "archive error page": (200, "application/xml", XML_ERROR.format(code="NoSuchKey", message="No such key.")),
}
"""Status, type and body that the archive answers with."""

NO_ARCHIVED_LOG: Final = (403, "text/xml", "<Error><Code>AccessDenied</Code></Error>")

WEB_PAGE: Final = "<!DOCTYPE html>\n<html><head><title>Travis CI</title></head><body>Please wait.</body></html>\n"

V3_FORBIDDEN: Final = b'{"@type":"error","error_type":"insufficient_access","error_message":"forbidden"}'

V3_NOT_FOUND: Final = (
    b'{"@type":"error","error_type":"not_found","error_message":"log not found (or insufficient access)"}'
)


def forms_of(log_mode: str) -> Sequence[LogForm]:
    """Return the forms that a server of one age has: only old ones have an archive, and only today's has version 3."""
    absent = "archive" if log_mode == "head" else "v"
    return [form for form in LOG_FORMS if not form.startswith(absent)]


def archive_answer(job: Job | None) -> tuple[int, str, str]:
    """Return status, type and body with which the archive answers to a request for a log that it does not have."""
    if job is None:
        return NO_ARCHIVED_LOG
    forms = forms_of("2017")
    return ARCHIVE_ANSWERS.get(job.log.unavailable_as or forms[job.id % len(forms)], NO_ARCHIVED_LOG)


def unavailable_v2(form: LogForm, *, log_id: int, job_id: int, text: bool, chunked: bool) -> web.Response | None:
    """Return the answer of version 2; None where it is that of an available log.

    Args:
        form: Form of the answer, none of those of the archive.
        log_id: Id of the log.
        job_id: Id of its job.
        text: Whether the request prefers text.
        chunked: Whether the request gets parts.

    Raises:
        ErrorResponse: The answer is an error.
    """
    log: dict[str, object] = {"id": log_id, "job_id": job_id, "type": "Log"}
    match form:
        case "406":
            raise ErrorResponse(406)
        case "null body" if text:
            raise ErrorResponse(406, content_type="text/plain;charset=utf-8")
        case "notice" | "notice as part" | "empty body" if text:
            return _page("" if form == "empty body" else NOTICE, "text/plain;charset=utf-8")
        case "notice as part" if chunked:
            log["parts"] = [{"number": 0, "content": NOTICE, "final": True}]
        case "notice" | "notice as part":
            log["body"] = NOTICE
        case "null body" | "empty body":
            log["body"] = None if form == "null body" else ""
        case "no log":
            log = {}
        case "no parts" | "v2 without parts":
            log = {"job_id": job_id, "parts": []}
        case _:
            return None
    # fact 5.2: JSON, even if only text is accepted.
    return json_response({"log": log})


def unavailable_v3(form: LogForm) -> Sequence[Mapping[str, object]] | web.Response | None:
    """Return the parts, or the whole answer, of version 3; None where they are those of an available log.

    Args:
        form: Form of the answer.

    Raises:
        ErrorResponse: The answer is an error.
    """
    match form:
        case "406":
            raise ErrorResponse(404, V3_NOT_FOUND)
        case "v3 403":
            raise ErrorResponse(403, V3_FORBIDDEN)
        case "v3 500":
            raise server_error()
        case "v3 web page":
            return _page(WEB_PAGE, "text/html;charset=utf-8")
        case "notice" | "notice as part":
            return [{"content": NOTICE, "final": True, "number": 0}]
        case "no parts" | "null body" | "no log" | "empty body" | "v3 without parts":
            return []
        case _:
            return None


def _page(text: str, content_type: str) -> web.Response:
    return web.Response(body=text.encode(), headers={"Content-Type": content_type})
