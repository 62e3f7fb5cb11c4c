"""The exceptions of aiotravis: one class for each thing that a caller can do about a failure.

::

    TravisError
    ├── UsageError               the call is wrong; nothing was sent              .argument
    ├── RequestError             no usable response came back                     .method .path .attempts
    │   ├── RequestTimeout
    │   ├── TruncatedError       the connection ended in the middle of a response
    │   ├── TooLargeError        the response exceeds the size limit              .limit
    │   ├── RedirectError        a redirect that is not safe to follow            .location
    │   ├── WriteInterrupted     the client was closed in the middle of a write
    │   └── LimitsUnavailable    the rate limits of a fleet cannot be reached
    ├── ResponseError            the server refused the request                   .status .request_id .excerpt
    │   ├── AuthenticationError     no token, or one that Travis does not know
    │   ├── PermissionDenied        the token lacks a right or scope
    │   │   ├── RepositoryMigrated
    │   │   └── LogAccessDenied
    │   ├── NotFoundError           it does not exist, or is hidden from the token  .missing
    │   ├── ConflictError           its present state does not allow the request
    │   ├── RefusedError            Travis understood the request and declined it .flash
    │   │   ├── RepositoryInactive
    │   │   └── BuildLimitReached     too many builds were triggered in an hour     .max_requests .per_seconds
    │   ├── ValidationError         the values sent are not valid                 .errors
    │   ├── RateLimited             too many requests                             .retry_after
    │   ├── BannedError             the server has banned the token or address    .lifted_at
    │   └── ServerError             Travis, or a proxy in front of it, failed
    ├── DecodeError              a successful response in an unknown shape        .status .excerpt
    ├── CommitNotBuilt           a commit has no build                            .sha .request_id .reason
    ├── RestartDropped           Travis accepted a restart and did nothing        .build_id .job_id
    ├── TriggerRejected          Travis rejected the request for a build          .request_id .reason .messages
    ├── TriggerUndecided         a requested build has not appeared in time       .request_id .build_id
    ├── TriggerUncertain         a build may have been requested                  .candidates
    ├── LogUnavailable           the log of a job is not there, or not yet        .job_id .reason .retry_after
    ├── WebhookRejected          a request is no notification that Travis signed  .check
    ├── SignInFailed             nobody signed in with the browser
    └── LiveError                the live channel failed
        ├── LiveUnavailable         there is no live channel                      .code
        ├── SubscriptionError       one channel was refused                       .channel
        └── LogGap                  parts of a log are lost                       .job_id .missing

Every message names request, cause and remedy, and no token.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

__all__ = [
    "AuthenticationError", "BannedError", "BuildLimitReached", "CommitNotBuilt", "ConflictError", "DecodeError",
    "LimitsUnavailable", "LiveError", "LiveUnavailable", "LogAccessDenied", "LogGap", "LogUnavailable", "NotFoundError",
    "PermissionDenied", "RateLimited", "RedirectError", "RefusedError", "RepositoryInactive", "RepositoryMigrated",
    "RequestError", "RequestTimeout", "ResponseError", "RestartDropped", "ServerError", "SignInFailed",
    "SubscriptionError", "TooLargeError", "TravisError", "TriggerRejected", "TriggerUncertain", "TriggerUndecided",
    "TruncatedError", "UsageError", "ValidationError", "WebhookRejected", "WriteInterrupted",
]  # fmt: skip


class TravisError(Exception):
    """Base class of every exception that this library raises. Its message is one line that is safe for a terminal."""

    def __init__(self, message: str = "") -> None:
        # Messages quote servers and arguments: control sequences and marks of direction in these must not get through.
        super().__init__(message if message.isprintable() else "".join(c if c.isprintable() else " " for c in message))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the message and the attributes, bypassing the keyword-only constructors."""
        return type(self).__new__, (type(self),), {**self.__dict__, "args": self.args}


class UsageError(TravisError, ValueError):
    """A call that cannot succeed: a wrong argument, or a client that is closed. Nothing was changed on the server.

    Attributes:
        argument: Name of the wrong argument, or None when the state of the client is at fault.
    """

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class RequestError(TravisError):
    """No usable response: the host is unknown, the connection was refused or reset, or the response is not HTTP.

    Raised after the client's own retries. Check endpoint and network; a write may have arrived unless `unsent`.

    Attributes:
        method: HTTP method.
        path: Path with query, as sent, without secrets.
        attempts: Number of attempts made.
        unsent: Whether no byte of the request can have reached the server.
        status: HTTP status, if only the rest of the response is lost; at 200 to 299 a write was carried out. Or None.
    """

    attempts: int = 1
    unsent: bool = False
    status: int | None = None

    def __init__(self, message: str, *, method: str, path: str) -> None:
        super().__init__(message)
        self.method = method
        self.path = path


class RequestTimeout(RequestError, TimeoutError):
    """Connecting took too long, or the server fell silent. Repeat a read, or raise ``read_timeout``."""


class TruncatedError(RequestError):
    """The connection closed before the response was complete. Repeat a read; check before you repeat a write."""


class TooLargeError(RequestError):
    """The response, decompressed, exceeds the client's size limit. Ask for less, or raise ``max_response``.

    Attributes:
        limit: The limit, in bytes.
    """

    def __init__(self, message: str, *, method: str, path: str, limit: int) -> None:
        super().__init__(message, method=method, path=path)
        self.limit = limit


class RedirectError(RequestError):
    """An unsafe redirect: to plain HTTP, in circles, or of a write to another host. Check the endpoint.

    Attributes:
        location: Target of the redirect, without its query.
    """

    def __init__(self, message: str, *, method: str, path: str, location: str) -> None:
        super().__init__(message, method=method, path=path)
        self.location = location


class WriteInterrupted(RequestError):
    """The client was closed in the middle of a write, which may have been carried out: check before you repeat it.

    A read, or a write that was not yet sent, ends with a UsageError instead.
    """


class LimitsUnavailable(RequestError):
    """The rate limits that a fleet shares cannot be reached, so a POST was not sent. Try again once they can be."""


class ResponseError(TravisError):
    """The server refused the request. Raised as itself only for a status that no subclass covers; see `remedy`.

    Attributes:
        status: HTTP status.
        method: HTTP method.
        path: Path with query, as sent, without secrets.
        request_id: ``X-Request-ID`` of the response, to quote to Travis support, or None.
        excerpt: Beginning of the body as text, without secrets.
        remedy: What to do about it, as a sentence, or ``""``.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        method: str,
        path: str,
        request_id: str | None = None,
        excerpt: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.method = method
        self.path = path
        self.request_id = request_id
        self.excerpt = excerpt
        self.remedy = remedy


class AuthenticationError(ResponseError):
    """The request needs a token, or Travis does not know the one sent. Pass an API token of this site."""


class PermissionDenied(ResponseError):
    """The token is valid, but lacks the right or scope. Check its user's rights on the repository, on GitHub."""


class RepositoryMigrated(PermissionDenied):
    """The repository moved to travis-ci.com and is read-only here. Use ``Travis(endpoint=COM)``."""


class LogAccessDenied(PermissionDenied):
    """The repository's log settings hide this log. Someone with push access can change them."""


class NotFoundError(ResponseError):
    """It does not exist, or is hidden from this token: Travis answers both alike. Check the id, the site and the token.

    Attributes:
        missing: The ids that the server does not know, where several were requested.
    """

    missing: tuple[int, ...] = ()


class ConflictError(ResponseError):
    """The present state does not allow the request: a sync is running, a job has not finished. Try again later."""


class RefusedError(ResponseError):
    """Travis understood the request and declined it, as a restart of a running build. Nothing was changed.

    Attributes:
        flash: The reasons in Travis's words; empty where it gives none.
    """

    flash: tuple[str, ...] = ()


class RepositoryInactive(RefusedError):
    """Travis does not build this repository: activate it first, see `Repositories.activate`."""


class BuildLimitReached(RefusedError):
    """Too many builds of this repository were triggered within an hour. Wait; no other requests are limited.

    Attributes:
        max_requests: Builds that may be triggered in that time, by anybody, or None.
        per_seconds: The time, in seconds, or None.
    """

    max_requests: int | None = None
    per_seconds: int | None = None


class ValidationError(ResponseError):
    """The values sent are not valid. Correct those listed in `errors`.

    Attributes:
        errors: Pairs of field and code. A code is a word (``missing_field``) or a sentence.
    """

    errors: tuple[tuple[str, str], ...] = ()


class RateLimited(ResponseError):
    """Too many requests in the present window. Wait for `retry_after`, or for the next whole minute; send fewer.

    Attributes:
        retry_after: Seconds to wait as the server said, or None when it did not.
    """

    retry_after: float | None = None


class BannedError(ResponseError):
    """The server has banned the token or address. Stop all requests until the ban ends, and do not sign in again.

    Attributes:
        lifted_at: Estimated end of the ban in UTC, by the published rules, or None.
    """

    lifted_at: datetime | None = None


class ServerError(ResponseError):
    """Travis, or a proxy in front of it, failed. Try again later, but check before you repeat a write."""


class DecodeError(TravisError):
    """A successful response in an unknown shape: a web page, broken JSON, or a field of another type.

    Check that the endpoint is that of the API. If it is, report the `excerpt`.

    Attributes:
        status: HTTP status.
        method: HTTP method.
        path: Path with query, as sent, without secrets.
        excerpt: Beginning of the body as text, without secrets.
    """

    def __init__(self, message: str, *, status: int, method: str, path: str, excerpt: str) -> None:
        super().__init__(message)
        self.status = status
        self.method = method
        self.path = path
        self.excerpt = excerpt


class CommitNotBuilt(TravisError):
    """A commit has no build: Travis rejected it, or no build appeared in time. Read `reason`, or wait longer.

    Attributes:
        sha: The commit.
        request_id: Id of the newest request for it, or None when Travis has none.
        reason: Why Travis rejected it, in its words, or None when it did not.
    """

    def __init__(self, message: str, *, sha: str, request_id: int | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.sha = sha
        self.request_id = request_id
        self.reason = reason


class RestartDropped(TravisError):
    """Travis accepted a restart, but no new run began within the client's ``restart_patience``. Restart it again.

    Attributes:
        build_id: Id of the build that was restarted, or None if a job was.
        job_id: Id of the job that was restarted, or None if a build was.
    """

    def __init__(self, message: str, *, build_id: int | None = None, job_id: int | None = None) -> None:
        super().__init__(message)
        self.build_id = build_id
        self.job_id = job_id


class TriggerRejected(TravisError):
    """Travis accepted a request for a build, and then made none of it. Read `reason` and `messages`.

    Attributes:
        request_id: Id of the request, for `Requests.status`.
        reason: Why, in Travis's words, as one printable line, or None when it gives no reason.
        messages: What Travis says about the configuration, a line each, the worst first.
    """

    def __init__(
        self, message: str, *, request_id: int, reason: str | None = None, messages: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.reason = reason
        self.messages: tuple[str, ...] = tuple(messages)


class TriggerUndecided(TravisError):
    """A build was requested, but it did not appear in time, or could not be read. Do not trigger again: look for it.

    Attributes:
        request_id: Id of the request, for `Requests.status`.
        build_id: Id of the build, if it is known, for `Travis.wait_for_build`. Or None.
    """

    def __init__(self, message: str, *, request_id: int, build_id: int | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.build_id = build_id


class TriggerUncertain(TravisError):
    """The answer to a request for a build was lost: Travis may have received it. Look at `candidates`, then decide.

    Attributes:
        candidates: Ids of requests through the API that were made since, newest first, for `Requests.status`. Where
            there are none, it may still arrive.
    """

    def __init__(self, message: str, *, candidates: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.candidates: tuple[int, ...] = tuple(candidates)


class LogUnavailable(TravisError):
    """The server has no log of a job (yet): it is being stored, or was lost; it is not empty. Try again later.

    Attributes:
        job_id: Id of the job, or None if only the id of the log is known.
        reason: What the server answered instead.
        retry_after: Seconds after which to try again, or None.
    """

    def __init__(self, message: str, *, job_id: int | None, reason: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.job_id: int | None = job_id
        self.reason: str = reason
        self.retry_after: float | None = retry_after


class WebhookRejected(TravisError):
    """A request is not a notification that Travis signed. Do nothing with it, and answer with an error.

    Attributes:
        check: The check that failed: ``"body"`` (not the form that Travis sends), ``"signature"`` (missing, or not
            base64), ``"key"`` (there is no key to verify with, or it is not RSA), ``"mismatch"`` (signed with another
            key, or changed on the way), ``"payload"`` (signed by Travis, but its build cannot be read).
    """

    def __init__(self, message: str, *, check: Literal["body", "signature", "key", "mismatch", "payload"]) -> None:
        super().__init__(message)
        self.check: Literal["body", "signature", "key", "mismatch", "payload"] = check


class SignInFailed(TravisError):
    """Nobody signed in with the browser in time, or no browser could be opened. Try again, or pass a token."""


class LiveError(TravisError):
    """Base class of the failures of the live channel. REST calls still work."""


class LiveUnavailable(LiveError):
    """There is no live channel: the site names no key, or Pusher refuses the app or protocol. Poll over REST instead.

    Attributes:
        code: Pusher's error code, or None.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class SubscriptionError(LiveError):
    """One channel was refused: it does not exist, or the token may not see it. Check the id and the token.

    Attributes:
        channel: Name of the channel.
    """

    def __init__(self, message: str, *, channel: str) -> None:
        super().__init__(message)
        self.channel = channel


class LogGap(LiveError):
    """Parts of a log were lost, and the server no longer has them. Continue without them.

    Attributes:
        job_id: Id of the job.
        missing: Numbers of the missing parts, ascending.
    """

    def __init__(self, message: str, *, job_id: int, missing: Sequence[int]) -> None:
        super().__init__(message)
        self.job_id: int = job_id
        self.missing: tuple[int, ...] = tuple(missing)


def __dir__() -> list[str]:
    return __all__
