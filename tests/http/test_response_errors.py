"""How Travis says no: every row of the API's table of refusals."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from aiotravis import errors
from aiotravis._http import ApiRequest, ApiResponse, error_from_response
from aiotravis._http.response_errors import write_remedy
from tests.samples import HTML, JSON, TEXT

GET = ApiRequest("GET", "/builds/42")
RESTART = ApiRequest("POST", "/builds/42/restart")
LOG = ApiRequest("PATCH", "/jobs/42/log")
LOGOUT = ApiRequest("GET", "/logout")
SIGN_IN = ApiRequest("POST", "/auth/github")

FLASH = b'{"result":false,"flash":[{"error":"The job could not be restarted."},{"error":"Sorry."}]}'
INVALID = b"""{"message":"Validation failed","errors":[{"field":"name","code":"missing_field"},
{"field":"limit","code":"can't be more than 200"}]}"""
MIGRATED = b'{"error_type":"migrated_repository","error_message":"This repository has been migrated to travis-ci.com."}'

TRIGGER = ApiRequest("POST", "/v3/repo/82/requests")
V3 = {"content-type": "application/json"}


def v3(error_type: str, message: str, more: str = "") -> bytes:
    """Return an error in the bytes of API v3, which are pretty-printed."""
    lines = '"@type": "error"', f'"error_type": "{error_type}"', f'"error_message": "{message}"{more}'
    return ("{\n  " + ",\n  ".join(lines) + "\n}").encode()


INACTIVE = v3("repository_inactive", "cannot create requests on an inactive repository")
LIMIT = v3("request_limit_reached", "request limit reached for resource", ', "max_requests": 10, "per_seconds": 3600')
CREDITS = "Builds have been temporarily disabled for private repositories due to a insufficient credit balance"

ROWS: list[tuple[ApiRequest, int, dict[str, str], bytes, bool, type[errors.ResponseError], str]] = [
    (RESTART, 400, JSON, FLASH, True, errors.RefusedError, "The job could not be restarted.; Sorry"),
    (GET, 400, JSON, b'{"error":"Failed to parse body as JSON"}', True, errors.RefusedError, "Failed to parse body"),
    (GET, 400, JSON, b"Invalid JSON in request body", True, errors.RefusedError, "Invalid JSON in request body"),
    (GET, 400, TEXT, b"Bad Request", True, errors.RefusedError, "Bad Request"),
    (GET, 400, HTML, b'{"error":"missing User-Agent header"}', True, errors.RefusedError, "missing User-Agent"),
    (GET, 400, JSON, b"", True, errors.RefusedError, "bad request"),
    (GET, 401, JSON, b"", False, errors.AuthenticationError, "this needs a token. Pass a token"),
    (GET, 401, JSON, b"", True, errors.AuthenticationError, "three kinds of tokens"),
    (GET, 401, JSON, b"no access token supplied", False, errors.AuthenticationError, "no access token supplied. Pass"),
    (LOG, 401, JSON, b'{"error":{"message":"insufficient permission to remove logs"}}', True,
     errors.PermissionDenied, "insufficient permission to remove logs. The token's user needs push"),
    (SIGN_IN, 401, JSON, b"could not resolve github token", False, errors.AuthenticationError, "could not resolve"),
    (SIGN_IN, 401, HTML, b"", False, errors.AuthenticationError, "signing in failed"),
    (GET, 403, HTML, b"access denied", True, errors.AuthenticationError, "does not know this token"),
    (LOGOUT, 403, JSON, b"access denied", False, errors.AuthenticationError, "this needs a token"),
    (GET, 403, JSON, b"insufficient access", True, errors.PermissionDenied, "lacks the scope"),
    (GET, 403, JSON, b'{"error":{"message":"We\'re sorry, but you\'re not authorized."}}', True,
     errors.PermissionDenied, "We're sorry"),
    (GET, 403, JSON, b"{}", True, errors.PermissionDenied, "may not do this"),
    (RESTART, 403, JSON, MIGRATED, True, errors.RepositoryMigrated, "has been migrated"),
    (RESTART, 403, TEXT, b"This repository has been migrated to travis-ci.com.", True,
     errors.RepositoryMigrated, "Use the site that it moved to"),
    (ApiRequest("GET", "/logs/4"), 403, JSON, b'{"error":{"message":"This log is not available anymore."}}', True,
     errors.LogAccessDenied, "log settings decide"),
    (RESTART, 403, JSON, b'{"error":{"message":"You don\'t have access to cancel build(42)"}}', True,
     errors.PermissionDenied, "You don't have access to cancel"),
    (GET, 403, JSON, b"", False, errors.AuthenticationError, "this needs a token"),
    (GET, 403, JSON, b"", True, errors.PermissionDenied, "may not do this"),
    (SIGN_IN, 403, JSON, b"not a Travis user", False, errors.AuthenticationError, "refuses this GitHub token"),
    (GET, 403, TEXT, b"Forbidden\n", True, errors.BannedError, "Stop all requests and wait: it ends after 1 h"),
    (SIGN_IN, 403, TEXT, b"Forbidden\n", False, errors.BannedError, "it ends after 5 h"),
    (GET, 403, JSON, b'{"@type":"error","error_type":"login_required","error_message":"login required"}', False,
     errors.AuthenticationError, "login required"),
    (GET, 403, JSON, b'{"@type":"error","error_type":"insufficient_access","error_message":"forbidden"}', True,
     errors.PermissionDenied, "forbidden"),
    (GET, 404, JSON, b'{"file":"not found"}', True, errors.NotFoundError, "may see it"),
    (GET, 404, JSON, b'{"file":"not found"}', False, errors.NotFoundError, "if it is private, pass a token"),
    (GET, 404, TEXT, b"file not found", True, errors.NotFoundError, "not found, or hidden"),
    (GET, 404, JSON, b"", True, errors.NotFoundError, "not found, or hidden"),
    (GET, 404, JSON, b'{"error":{"message":"The job(42) couldn\'t be found"}}', True,
     errors.NotFoundError, "The job(42) couldn't be found"),
    (GET, 404, JSON, b'{"error":"Repository could not be found"}', True, errors.NotFoundError, "Repository could not"),
    (GET, 404, HTML, b"<html>nginx</html>", True, errors.NotFoundError, "Is the endpoint that of the API?"),
    (GET, 406, JSON, b"", True, errors.RefusedError, "not available in the requested format. Logs that are empty"),
    (GET, 409, JSON, b'{"message":"Sync already in progress. Try again later."}', True,
     errors.ConflictError, "Sync already in progress. Try again later"),
    (LOG, 409, JSON, b'{"error":{"message":"Job 42 is not finished"}}', True, errors.ConflictError, "is not finished"),
    (GET, 409, JSON, b"", True, errors.ConflictError, "its present state"),
    (GET, 422, JSON, INVALID, True, errors.ValidationError, "(name: missing_field, limit: can't be more than 200)"),
    (GET, 422, JSON, b'{"error":{"message":"The build(42) can\'t be canceled","code":"cant_cancel"}}', True,
     errors.RefusedError, "can't be canceled. It has finished"),
    (GET, 422, JSON, b'{"error":"Settings must be passed with a request"}', True, errors.ValidationError, "Settings"),
    (GET, 422, JSON, b'{"errors":[{}],"message":5}', True, errors.ValidationError, "not valid"),
    (GET, 429, TEXT, b"Retry later\n", True, errors.RateLimited, "next whole minute"),
    (GET, 500, TEXT, b"Sorry, we experienced an error.\n\nrequest_id:abc-1\n", True,
     errors.ServerError, "Give Travis support the request id abc-1"),
    (GET, 500, JSON, b'{"error":"Travis encountered an error, sorry :("}', True, errors.ServerError, "sorry :("),
    (LOG, 500, JSON, b'{"error":{"message":"Unexpected error occurred: x"}}', True, errors.ServerError, "Unexpected"),
    (GET, 501, TEXT, b"prose", True, errors.ServerError, "prose"),
    (GET, 502, HTML, b"<html><h1>Bad Gateway", True, errors.ServerError, "a web page from a proxy"),
    (GET, 503, {}, b"", True, errors.ServerError, "no reason given"),
    (GET, 418, JSON, b"[1]", True, errors.ResponseError, "an unexpected status"),
    (GET, 304, JSON, b"", True, errors.ResponseError, "an unexpected status"),
    (TRIGGER, 400, V3, v3("wrong_params", "missing cron.interval"), True, errors.RefusedError, "missing cron.interval"),
    (TRIGGER, 403, V3, v3("login_required", "login required"), False, errors.AuthenticationError, "Pass a token"),
    (TRIGGER, 403, {}, v3("wrong_credentials", "access denied"), True, errors.AuthenticationError, "three kinds"),
    (ApiRequest("POST", "/v3/job/7/debug"), 403, V3, v3("wrong_credentials", "access denied"), True,
     errors.PermissionDenied, "debugging is not enabled"),
    (TRIGGER, 403, V3, v3("insufficient_access", "operation requires create_request access to repository"), True,
     errors.PermissionDenied, "operation requires create_request access to repository"),
    (TRIGGER, 403, V3, v3("repo_migrated", "This repository has been migrated to travis-ci.com."), True,
     errors.RepositoryMigrated, "Use the site that it moved to"),
    (RESTART, 403, V3, v3("error", CREDITS), True, errors.RefusedError, "insufficient credit balance. Nothing was"),
    (RESTART, 403, V3, v3("error", "Abuse detected."), True, errors.RefusedError, "Abuse detected. Nothing was"),
    (GET, 403, V3, v3("log_expired", "log has expired"), True, errors.LogAccessDenied, "log settings decide"),
    (GET, 403, V3, v3("private_repo_feature", "for private repositories"), True, errors.PermissionDenied, "for priv"),
    (TRIGGER, 404, V3, v3("not_found", "repository not found (or insufficient access)"), True,
     errors.NotFoundError, "repository not found (or insufficient access)"),
    (GET, 404, V3, v3("not_found", "not found"), True, errors.NotFoundError, "not found, or hidden"),
    (GET, 405, V3, v3("method_not_allowed", "method not allowed"), True, errors.ResponseError, "has other methods"),
    (TRIGGER, 406, V3, INACTIVE, True, errors.RepositoryInactive, "inactive repository. Activate it"),
    (RESTART, 409, V3, v3("build_already_running", "build already running, cannot restart"), True,
     errors.ConflictError, "cannot restart. Try again later"),
    (RESTART, 409, V3, v3("job_not_cancelable", "job is not running, cannot cancel"), True,
     errors.RefusedError, "cannot cancel. It has finished already"),
    (LOG, 409, V3, v3("log_already_removed", "log has already been removed"), True,
     errors.ConflictError, "has already been removed"),
    (TRIGGER, 409, V3, v3("repo_ssh_key_missing", "key missing"), True, errors.ConflictError, "Try again later"),
    (TRIGGER, 422, V3, v3("error", "Crons can only be set up for branches existing on GitHub!"), True,
     errors.ValidationError, "for branches existing on GitHub!"),
    (TRIGGER, 429, V3, LIMIT, True, errors.BuildLimitReached, "for resource (10 in 3600 s). Wait, or raise"),
    (TRIGGER, 429, V3, b'{"@type":"error","error_type":"request_limit_reached"}', True,
     errors.BuildLimitReached, "request limit reached. Wait"),
    (TRIGGER, 429, TEXT, b"Retry later\n", True, errors.RateLimited, "next whole minute"),
    (TRIGGER, 500, V3, v3("server_error", "repository does not have a provider id"), True,
     errors.ServerError, "does not have a provider id. It may have been carried out"),
    (GET, 501, V3, v3("not_implemented", "request not (yet) implemented"), True, errors.ServerError, "not (yet)"),
    (GET, 409, V3, b'{"@type":"error","error_type":["x"],"error_message":5}', True, errors.ConflictError, "its pres"),
    (GET, 407, TEXT, b"denied", True, errors.ResponseError, "the proxy does not accept the user and the password"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "status", "headers", "body", "authenticated", "kind", "told"), ROWS)
def test_each_error_response_has_its_class_and_message(
    sent: ApiRequest,
    status: int,
    headers: dict[str, str],
    body: bytes,
    authenticated: bool,
    kind: type[errors.ResponseError],
    told: str,
) -> None:
    error = error_from_response(
        sent,
        ApiResponse(
            status, {**headers, "x-request-id": "r-1"} if status < 500 else headers, body, authenticated=authenticated
        ),
    )
    assert error is not None
    assert type(error) is kind
    assert str(error).startswith(f"{sent.method} {sent.path} answered {status}: ")
    assert told in str(error)
    assert (error.status, error.method, error.path) == (status, sent.method, sent.path)
    assert error.request_id == ("r-1" if status < 500 else error.request_id)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_good_status_is_no_error(status: int) -> None:
    assert error_from_response(GET, ApiResponse(status, JSON, FLASH)) is None


def test_attributes_of_each_error_class_are_set() -> None:
    refused = error_from_response(RESTART, ApiResponse(400, JSON, FLASH))
    assert isinstance(refused, errors.RefusedError)
    assert refused.flash == ("The job could not be restarted.", "Sorry.")
    invalid = error_from_response(GET, ApiResponse(422, JSON, INVALID))
    assert isinstance(invalid, errors.ValidationError)
    assert invalid.errors == (("name", "missing_field"), ("limit", "can't be more than 200"))
    limit = error_from_response(TRIGGER, ApiResponse(429, V3, LIMIT))
    assert isinstance(limit, errors.BuildLimitReached)
    assert (limit.max_requests, limit.per_seconds) == (10, 3600)
    banned = error_from_response(GET, ApiResponse(403, TEXT, b"Forbidden\n", received_at=1_700_000_000.0))
    assert isinstance(banned, errors.BannedError)
    assert banned.lifted_at is not None
    assert timedelta(seconds=banned.lifted_at.timestamp() - 1_700_000_000) == timedelta(hours=1)
    failed = error_from_response(GET, ApiResponse(500, TEXT, b"Sorry\nrequest_id:xyz\n"))
    assert failed is not None
    assert failed.request_id == "xyz"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), ("-3", 0.0), ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0), ("soon", None), ("inf", None)],
)
def test_retry_after_is_seconds_a_date_or_absent(header: str | None, seconds: float | None) -> None:
    headers = TEXT if header is None else {**TEXT, "retry-after": header}
    error = error_from_response(GET, ApiResponse(429, headers, b"Retry later\n", received_at=1_700_000_000.0))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_a_write_that_a_server_failed_at_may_have_been_carried_out(method: str, status: int) -> None:
    failed = ApiResponse(status, HTML, b"<html>Bad Gateway</html>")
    error = error_from_response(ApiRequest(method, "/builds/1/restart"), failed)
    assert isinstance(error, errors.ServerError)
    assert error.remedy == "It may have been carried out: check before you repeat it."
    assert str(error).endswith(error.remedy)
    read = error_from_response(GET, failed)
    assert read is not None
    assert read.remedy == "Try again later."
    assert write_remedy(202) == "The status was 202, so it was carried out: check before you repeat it."


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500])
@pytest.mark.parametrize("body", [b"the t0ken is bad", b'{"error":"the t0ken is bad"}', b'{"message":"t0ken"}'])
def test_no_error_repeats_a_secret(status: int, body: bytes) -> None:
    sent = ApiRequest("GET", "/x", (("access_token", "t0ken"),))
    error = error_from_response(sent, ApiResponse(status, JSON, body, authenticated=True, secrets=("t0ken",)))
    assert error is not None
    assert "t0ken" not in str(error) + repr(error) + error.excerpt + error.path


@pytest.mark.parametrize(
    "body", [b'{"flash":"x"}', b'{"flash":[1,{"notice":"n"}]}', b'{"error":{"code":5}}', b'{"errors":{}}']
)
@pytest.mark.parametrize("status", [400, 422])
def test_odd_error_bodies_raise_nothing_else(body: bytes, status: int) -> None:
    assert error_from_response(GET, ApiResponse(status, JSON, body)) is not None


def test_a_message_names_request_cause_and_remedy() -> None:
    sent = ApiRequest("GET", "/builds", (("slug", "a/b"), ("access_token", "t0ken")))
    error = error_from_response(sent, ApiResponse(404, JSON, b'{"file":"not found"}', authenticated=True))
    assert error is not None
    assert str(error) == (
        "GET /builds?slug=a/b&access_token=... answered 404: not found, or hidden from this token. "
        "Check the id or slug and the site, and that the token's user may see it."
    )
    assert error.remedy == "Check the id or slug and the site, and that the token's user may see it."
    assert error.excerpt == '{"file":"not found"}'
    assert error.request_id is None


@pytest.mark.parametrize(("sent", "hours"), [(GET, 1), (SIGN_IN, 5)])
def test_a_ban_ends_after_the_published_time(sent: ApiRequest, hours: int) -> None:
    error = error_from_response(sent, ApiResponse(403, TEXT, b"Forbidden\n", received_at=1_700_000_000.0))
    assert isinstance(error, errors.BannedError)
    assert error.lifted_at == datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(hours=hours)


def test_403_has_five_meanings() -> None:
    bodies = {
        b"access denied": errors.AuthenticationError,
        b"{}": errors.PermissionDenied,
        b"insufficient access": errors.PermissionDenied,
        MIGRATED: errors.RepositoryMigrated,
        b"Forbidden\n": errors.BannedError,
    }
    told = [error_from_response(GET, ApiResponse(403, JSON, body, authenticated=True)) for body in bodies]
    assert [type(error) for error in told] == list(bodies.values())
    assert len({error.remedy for error in told if error}) == 5


def test_the_request_id_of_the_header_comes_before_that_of_the_body() -> None:
    body = b"Sorry, we experienced an error.\n\nrequest_id:inner\n"
    for headers, told in ((TEXT, "inner"), ({**TEXT, "x-request-id": "outer"}, "outer")):
        error = error_from_response(GET, ApiResponse(500, headers, body))
        assert error is not None
        assert error.request_id == told
        assert told in error.remedy


@pytest.mark.parametrize(
    ("status", "body"), [(400, b'{"flash":[{"error":"a t0ken"}]}'), (422, b'{"errors":[{"field":"a","code":"t0ken"}]}')]
)
def test_flash_and_field_errors_repeat_no_secret(status: int, body: bytes) -> None:
    error = error_from_response(GET, ApiResponse(status, JSON, body, secrets=("t0ken",)))
    assert error is not None
    assert "t0ken" not in str(error) + repr(vars(error))


def test_a_message_is_one_short_printable_line() -> None:
    body = b'{"message":"a\\u001b[31m\\nb' + b"a" * 100_000 + b'"}'
    text = str(error_from_response(GET, ApiResponse(409, JSON, body)))
    assert text.isprintable()
    assert len(text) < 1000


def test_the_remedy_is_not_repeated() -> None:
    body = b'{"message":"Sync already in progress. Try again later."}'
    assert str(error_from_response(GET, ApiResponse(409, JSON, body))).count("Try again later") == 1


def test_an_error_body_nested_too_deeply_still_has_its_class() -> None:
    assert isinstance(error_from_response(GET, ApiResponse(500, JSON, b"[" * 5000 + b"]" * 5000)), errors.ServerError)


def test_a_web_page_with_status_403_does_not_blame_the_token() -> None:
    assert type(error_from_response(GET, ApiResponse(403, HTML, b"<html>blocked"))) is errors.PermissionDenied


def test_a_bare_json_string_is_the_reason() -> None:
    assert "why not" in str(error_from_response(GET, ApiResponse(409, JSON, b'"why not"')))


def test_retry_after_without_a_zone_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        headers = {"retry-after": "Tue, 14 Nov 2023 22:13:50 -0000"}
        error = error_from_response(GET, ApiResponse(429, headers, b"", received_at=1_700_000_000.0))
        assert isinstance(error, errors.RateLimited)
        assert error.retry_after == 30.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_write_that_is_not_acceptable_is_not_explained_by_logs() -> None:
    response = ApiResponse(406, JSON, b"")
    assert str(error_from_response(TRIGGER, response)).endswith("406: not available in the requested format.")
