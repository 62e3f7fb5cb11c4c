"""The error that a response means, with its cause and its remedy. No I/O.

https://docs.travis-ci.com/api/#making-requests
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast

from aiotravis._http.messages import ApiRequest, ApiResponse, one_line
from aiotravis.errors import (
    AuthenticationError,
    BannedError,
    BuildLimitReached,
    ConflictError,
    LogAccessDenied,
    NotFoundError,
    PermissionDenied,
    RateLimited,
    RefusedError,
    RepositoryInactive,
    RepositoryMigrated,
    ResponseError,
    ServerError,
    ValidationError,
)

__all__ = ["error_from_response", "raise_for_status", "write_remedy"]

E = TypeVar("E", bound=ResponseError)

# fact 2: how long a ban lasts after too many POSTs, and after the second sign-in within five minutes.
BAN = timedelta(hours=1)
SIGN_IN_BAN = timedelta(hours=5)

_NO_TOKEN = "Pass a token: Travis(token=...); the one of your profile page or of `travis token`."
_BAD_TOKEN = (
    "Travis knows three kinds of tokens, and this call needs an API token ('travis token' prints it): "
    "neither the RSS token of a profile page nor a GitHub token. It must be of this same site, and not expired."
)

_ASK_GITHUB = (
    "GitHub did not tell Travis whose token it is: it may be wrong, or GitHub's own limit of requests may be reached. "
    "Try it at GitHub (GET /user), and wait five minutes before you sign in again."
)


def error_from_response(request: ApiRequest, response: ApiResponse) -> ResponseError | None:
    """Return the error that a response means, or None for a status of 200 to 299."""
    if 200 <= response.status < 300:
        return None
    return _Classifier(request, response).error()


def raise_for_status(request: ApiRequest, response: ApiResponse) -> None:
    """Raise the error that a response means.

    Raises:
        ResponseError: The server refused; the class tells why.
    """
    error = error_from_response(request, response)
    if error is not None:
        raise error


def write_remedy(status: int | None) -> str:
    """Return what to do about a write that failed after it was sent, with a status if there is one."""
    if status is not None and 200 <= status < 300:
        return f"The status was {status}, so it was carried out: check before you repeat it."
    return "It may have been carried out: check before you repeat it."


class _Classifier:
    """Chooses the error for one response."""

    def __init__(self, request: ApiRequest, response: ApiResponse) -> None:
        self.request = request
        self.response = response
        self.json: Any = response.error_json
        self.reason = _error_text(self.json) if self.json is not None else _plain_text(response)
        # fact 11.3: only errors of API v3 have a type, but for that of a repository that was migrated.
        self.kind = _error_type(self.json)

    def error(self) -> ResponseError:
        status = self.response.status
        if status >= 500:
            return self._server_error()
        by_status = {
            400: self._bad_request,
            401: self._unauthorized,
            403: self._forbidden,
            404: self._not_found,
            405: self._method_not_allowed,
            406: self._not_acceptable,
            407: self._proxy_refused,
            409: self._conflict,
            422: self._unprocessable,
            429: self._throttled,
        }
        return by_status.get(status, self._other)()

    def _make(self, kind: type[E], reason: str, remedy: str) -> E:
        request, response = self.request, self.response
        reason = one_line(reason).removesuffix(".")
        return kind(
            f"{request.method} {request.safe_target} answered {response.status}: {reason}. {remedy}".rstrip(),
            status=response.status,
            method=request.method,
            path=request.safe_target,
            request_id=self._request_id(),
            excerpt=response.excerpt,
            remedy=remedy,
        )

    def _request_id(self) -> str | None:
        given = self.response.headers.get("x-request-id")
        if given:
            return self.response.line(given)
        found = re.search(r"request_id:(\S+)", self.response.safe) if self.response.status >= 500 else None
        return found[1] if found else None

    def _bad_request(self) -> ResponseError:
        flash = _flash(self.json)
        if flash:
            error = self._make(RefusedError, "; ".join(flash), "Nothing was changed.")
            error.flash = flash
            return error
        return self._make(RefusedError, self.reason or "bad request", "Travis could not make sense of the request.")

    def _unauthorized(self) -> ResponseError:
        if "insufficient permission" in self.reason:
            return self._make(PermissionDenied, self.reason, "The token's user needs push access to the repository.")
        if self.request.path.startswith("/auth/"):
            # fact 3.21: the usual answer to a wrong token is another one, 403.
            remedy = _ASK_GITHUB if "resolve" in self.reason else "Check the GitHub token."
            return self._make(AuthenticationError, self.reason or "signing in failed", remedy)
        if self.response.authenticated:
            return self._make(AuthenticationError, self.reason or "the token was not accepted", _BAD_TOKEN)
        return self._make(AuthenticationError, self.reason or "this needs a token", _NO_TOKEN)

    def _forbidden(self) -> ResponseError:
        # fact 9.2: 403 means a bad token, a missing right, a missing scope, a migrated repository, or a ban.
        reason, kind = self.reason, self.kind
        if reason == "Forbidden" and self.json is None:
            return self._banned()
        if kind == "wrong_credentials" and self.request.path.endswith("/debug"):
            # fact 11.7: the token is good; debugging is enabled for each repository.
            remedy = "Ask Travis support to enable debugging for the repository."
            return self._make(PermissionDenied, "debugging is not enabled for this repository", remedy)
        if kind == "error":
            # fact 11.3: a restart that Travis declines, for abuse or for a lack of credits.
            return self._make(RefusedError, reason or "declined", "Nothing was changed.")
        if reason == "access denied":
            if self.response.authenticated:
                return self._make(AuthenticationError, "Travis does not know this token", _BAD_TOKEN)
            return self._make(AuthenticationError, "this needs a token", _NO_TOKEN)
        if reason == "insufficient access":
            return self._make(PermissionDenied, "the token lacks the scope for this", "Use a token with full scope.")
        if reason == "not a Travis user":
            return self._make(
                AuthenticationError,
                reason,
                "Travis refuses this GitHub token: it is wrong, or its user never signed in.",
            )
        if kind in {"migrated_repository", "repo_migrated"} or (self.json is None and "migrated" in reason):
            return self._make(RepositoryMigrated, reason, "Use the site that it moved to: Travis(endpoint=COM).")
        if kind == "login_required" or (not self.response.body and not self.response.authenticated):
            return self._make(AuthenticationError, reason or "this needs a token", _NO_TOKEN)
        if kind in {"log_access_denied", "log_expired"} or ("/log" in self.request.path and "not available" in reason):
            return self._make(LogAccessDenied, reason, "The repository's log settings decide who may read its logs.")
        reason = reason or "the token's user may not do this"
        return self._make(PermissionDenied, reason, "Check the user's rights on the repository, on GitHub.")

    def _banned(self) -> ResponseError:
        signing_in = self.request.path == "/auth/github"
        error = self._make(
            BannedError,
            "Travis has banned this token or address",
            f"Stop all requests and wait: it ends after {5 if signing_in else 1} h. Signing in again makes it worse.",
        )
        span = SIGN_IN_BAN if signing_in else BAN
        error.lifted_at = datetime.fromtimestamp(self.response.received_at, UTC) + span
        return error

    def _not_found(self) -> ResponseError:
        # fact 9.3: 404 comes in four shapes, and instead of 401 and 403 for what is hidden.
        generic = not self.reason or self.reason in {"not found", "file not found"}
        reason = "not found, or hidden from this token" if generic else self.reason
        if self.response.is_html:
            return self._make(NotFoundError, "a web page says not found", "Is the endpoint that of the API?")
        remedy = "Check the id or slug and the site"
        if not self.response.authenticated:
            return self._make(NotFoundError, reason, f"{remedy}; if it is private, pass a token.")
        return self._make(NotFoundError, reason, f"{remedy}, and that the token's user may see it.")

    def _method_not_allowed(self) -> ResponseError:
        return self._make(ResponseError, self.reason or "method not allowed", "This route has other methods only.")

    def _not_acceptable(self) -> ResponseError:
        if self.kind == "repository_inactive":
            return self._make(RepositoryInactive, self.reason, "Activate it: travis.repos.activate(repo).")
        remedy = "Logs that are empty or archived answer so." if self.request.method == "GET" else ""
        return self._make(RefusedError, "not available in the requested format", remedy)

    def _proxy_refused(self) -> ResponseError:
        # Only for plain HTTP: where the proxy tunnels TLS, no response comes.
        reason = "the proxy does not accept the user and the password, or asks for them"
        return self._make(ResponseError, reason, "Check proxy=, or http_proxy in the environment.")

    def _conflict(self) -> ResponseError:
        reason = self.reason or "its present state forbids this"
        if self.kind in {"build_not_cancelable", "job_not_cancelable"}:
            return self._make(RefusedError, reason, "It has finished already.")
        is_final = self.kind in {"duplicate_resource", "log_already_removed"} or "try again" in reason.lower()
        return self._make(ConflictError, reason, "" if is_final else "Try again later.")

    def _unprocessable(self) -> ResponseError:
        if _error_code(self.json) == "cant_cancel":
            error = self._make(RefusedError, self.reason, "It has finished already.")
            error.flash = (one_line(self.reason),)
            return error
        pairs = _field_errors(self.json)
        if pairs:
            listed = ", ".join(f"{name}: {code}" for name, code in pairs)
            invalid = self._make(ValidationError, f"{self.reason or 'not valid'} ({listed})", "Correct these values.")
            invalid.errors = pairs
            return invalid
        return self._make(ValidationError, self.reason or "the values sent are not valid", "Correct them.")

    def _throttled(self) -> ResponseError:
        if self.kind == "request_limit_reached":
            # fact 11.3: only builds of this repository that are triggered over the API are limited.
            numbers = (_number(self.json, "max_requests"), _number(self.json, "per_seconds"))
            listed = "" if None in numbers else f" ({numbers[0]} in {numbers[1]} s)"
            remedy = "Wait, or raise the repository's api_builds_rate_limit. Other requests are not limited."
            reached = self._make(BuildLimitReached, f"{self.reason}{listed}", remedy)
            reached.max_requests, reached.per_seconds = numbers
            return reached
        error = self._make(RateLimited, "too many requests", "Wait for the next whole minute, and send fewer.")
        error.retry_after = _retry_after(self.response)
        return error

    def _server_error(self) -> ResponseError:
        reason = self.response.excerpt if self.json is None else self.reason
        if self.response.content_type == "text/html":
            # fact 9.49: proxies in front of Travis answer 5xx with HTML.
            reason = "a web page from a proxy"
        request_id = self._request_id()
        quote_it = f" Give Travis support the request id {request_id}." if request_id else ""
        remedy = "Try again later." if self.request.reads else write_remedy(None)
        return self._make(ServerError, reason or "no reason given", f"{remedy}{quote_it}")

    def _other(self) -> ResponseError:
        return self._make(ResponseError, self.reason or "an unexpected status", "Is the endpoint that of the API?")


def _plain_text(response: ApiResponse) -> str:
    # fact 1.4: a bad token is answered with plain text typed text/html, so the type alone does not tell a web page.
    text = response.safe.strip()
    return "" if text.startswith("<") else text


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _error_text(value: object) -> str:
    # fact 1.4: the message stands in error.message, error, message, error_message, file, or is the whole body.
    if isinstance(value, str):
        return value.strip()
    answer = _mapping(value)
    error = answer.get("error")
    for candidate in (_mapping(error).get("message"), error, answer.get("message"), answer.get("error_message")):
        if isinstance(candidate, str):
            return candidate.strip()
    missing = answer.get("file")
    if isinstance(missing, str):
        return missing.strip()
    return _error_type(answer).replace("_", " ")


def _error_type(value: object) -> str:
    kind = _mapping(value).get("error_type")
    return kind if isinstance(kind, str) else ""


def _number(value: object, name: str) -> int | None:
    number = _mapping(value).get(name)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _error_code(value: object) -> object:
    return _mapping(_mapping(value).get("error")).get("code")


def _flash(value: object) -> tuple[str, ...]:
    """Return the messages of ``{"flash": [{"error": "..."}]}``."""
    flash = _mapping(value).get("flash")
    if not isinstance(flash, list):
        return ()
    entries = [_mapping(entry).get("error") for entry in cast("list[object]", flash)]
    return tuple(one_line(entry) for entry in entries if isinstance(entry, str))


def _field_errors(value: object) -> tuple[tuple[str, str], ...]:
    errors = _mapping(value).get("errors")
    if not isinstance(errors, list):
        return ()
    entries = [_mapping(entry) for entry in cast("list[object]", errors)]
    return tuple(
        (one_line(str(entry.get("field", ""))), one_line(str(entry.get("code", "")))) for entry in entries if entry
    )


def _retry_after(response: ApiResponse) -> float | None:
    """Return Retry-After, in either of its forms, in seconds from the moment the response came."""
    # fact 9.5: Travis itself sends none; a proxy in front of it may.
    given = response.headers.get("retry-after", "").strip()
    if not given:
        return None
    try:
        seconds = float(given)
    except ValueError:
        try:
            when = parsedate_to_datetime(given)
            # HTTP's dates are in UTC, also without a zone.
            when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
            seconds = when.timestamp() - response.received_at
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
