"""The error tree: one class for each thing that a caller can do next.

::

    TravisError
    ├── UsageError               seen to be wrong before anything was sent        .argument
    ├── RequestError             nothing usable came back                         .method .path .attempts
    │   ├── RequestTimeout
    │   ├── TruncatedError       the connection ended in the middle of an answer
    │   ├── TooLargeError        the answer passed the size limit                 .limit
    │   ├── RedirectError        a redirect that this client refuses to follow    .location
    │   └── WriteInterrupted     the client was closed in the middle of a write
    ├── ResponseError            it came back and said no                         .status .request_id .excerpt
    │   ├── AuthenticationError     no token, or one that Travis does not know
    │   ├── PermissionDenied        a missing right or scope
    │   │   ├── RepositoryMigrated
    │   │   └── LogAccessDenied
    │   ├── NotFoundError           no such thing, or hidden from this token      .missing
    │   ├── ConflictError           the state of the thing forbids it, for now
    │   ├── RefusedError            Travis understood and declined                .flash
    │   ├── ValidationError         the values sent are not valid                 .errors
    │   ├── RateLimited             too many requests                             .retry_after
    │   ├── BannedError             this identity or address is shut out          .lifted_at
    │   └── ServerError             Travis, or a proxy before it, failed
    ├── DecodeError              a good status in a shape that is not known       .status .excerpt
    ├── CommitNotBuilt           no build came of a commit                        .sha .request_id .reason
    └── LiveError                the live channel
        ├── LiveUnavailable         no key, wrong app, refused protocol           .code
        ├── SubscriptionError       one channel was refused                       .channel
        └── LogGap                  parts of a log that cannot be had             .job_id .missing

Every message names the request, what happened, and what to do about it. None holds a token.
"""

from collections.abc import Sequence
from datetime import datetime

__all__ = [
    "AuthenticationError",
    "BannedError",
    "CommitNotBuilt",
    "ConflictError",
    "DecodeError",
    "LiveError",
    "LiveUnavailable",
    "LogAccessDenied",
    "LogGap",
    "NotFoundError",
    "PermissionDenied",
    "RateLimited",
    "RedirectError",
    "RefusedError",
    "RepositoryMigrated",
    "RequestError",
    "RequestTimeout",
    "ResponseError",
    "ServerError",
    "SubscriptionError",
    "TooLargeError",
    "TravisError",
    "TruncatedError",
    "UsageError",
    "ValidationError",
    "WriteInterrupted",
]


class TravisError(Exception):
    """Anything that this library raises by itself."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by message and attributes: the keyword-only constructors are passed by."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[TravisError], args: tuple[object, ...], state: dict[str, object]) -> TravisError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(TravisError, ValueError):
    """A call that cannot be right, or whose client was closed. Nothing was changed on the server.

    Attributes:
        argument: Name of the argument at fault, or None when it is the state of the client.
    """

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class RequestError(TravisError):
    """The request got no usable answer: refused, reset, unknown host, broken HTTP.

    Attributes:
        method: HTTP method.
        path: Path with query, as sent, secrets left out.
        attempts: How often it was tried.
        unsent: Whether it is certain that no byte of the request has arrived.
    """

    attempts: int = 1
    unsent: bool = False

    def __init__(self, message: str, *, method: str, path: str) -> None:
        super().__init__(message)
        self.method = method
        self.path = path


class RequestTimeout(RequestError, TimeoutError):
    """The server did not connect, or fell silent, within the client's timeouts."""


class TruncatedError(RequestError):
    """The connection ended before the answer did."""


class TooLargeError(RequestError):
    """The answer, unpacked, is larger than the limit.

    Attributes:
        limit: The limit, in bytes.
    """

    def __init__(self, message: str, *, method: str, path: str, limit: int) -> None:
        super().__init__(message, method=method, path=path)
        self.limit = limit


class RedirectError(RequestError):
    """A redirect that would leave what is safe: to plain HTTP, in circles, or a write to another host.

    Attributes:
        location: Where the server pointed, without its query.
    """

    def __init__(self, message: str, *, method: str, path: str, location: str) -> None:
        super().__init__(message, method=method, path=path)
        self.location = location


class WriteInterrupted(RequestError):
    """The client was closed in the middle of a write, which may have been carried out: check before you repeat it.

    A read, or a write that was not yet sent, ends with a UsageError instead.
    """


class ResponseError(TravisError):
    """The server answered, and the answer is no.

    Attributes:
        status: HTTP status.
        method: HTTP method.
        path: Path with query, as sent, secrets left out.
        request_id: ``X-Request-ID`` of the answer, to quote to Travis support, or None.
        excerpt: The beginning of the body as text, secrets left out.
        remedy: What to do about it, a sentence.
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
    """No token where one is needed, or a token that Travis does not know."""


class PermissionDenied(ResponseError):
    """The token is known, but lacks the right or the scope."""


class RepositoryMigrated(PermissionDenied):
    """The repository has moved to travis-ci.com; this site only shows it."""


class LogAccessDenied(PermissionDenied):
    """The repository's settings hide this log."""


class NotFoundError(ResponseError):
    """No such thing, or this token may not see it: Travis does not tell these two apart.

    Attributes:
        missing: The ids that the server did not know, where several were asked for.
    """

    missing: tuple[int, ...] = ()


class ConflictError(ResponseError):
    """The present state of the thing forbids it; later it may work."""


class RefusedError(ResponseError):
    """Travis understood the request and declined it.

    Attributes:
        flash: The reasons in Travis's words, one or more.
    """

    flash: tuple[str, ...] = ()


class ValidationError(ResponseError):
    """The values sent are not valid.

    Attributes:
        errors: Pairs of field and code. A code is a word (``missing_field``) or a sentence.
    """

    errors: tuple[tuple[str, str], ...] = ()


class RateLimited(ResponseError):
    """Too many requests.

    Attributes:
        retry_after: Seconds until the server counts anew, or None when it did not say.
    """

    retry_after: float | None = None


class BannedError(ResponseError):
    """The server has shut out this identity or address. Trying on does not help, signing in again makes it worse.

    Attributes:
        lifted_at: When the ban ends, an estimate by the server's published rules, or None.
    """

    lifted_at: datetime | None = None


class ServerError(ResponseError):
    """Travis, or a proxy before it, failed."""


class DecodeError(TravisError):
    """A good status with a body in a shape that is not known.

    Attributes:
        status: HTTP status.
        method: HTTP method.
        path: Path with query, as sent, secrets left out.
        excerpt: The beginning of the body as text, secrets left out.
    """

    def __init__(self, message: str, *, status: int, method: str, path: str, excerpt: str) -> None:
        super().__init__(message)
        self.status = status
        self.method = method
        self.path = path
        self.excerpt = excerpt


class CommitNotBuilt(TravisError):
    """No build came of a commit: Travis rejected it, or none has appeared in time.

    Attributes:
        sha: The commit.
        request_id: The newest request about it; None: Travis has none.
        reason: Why Travis rejected it, in its words; None: it did not.
    """

    def __init__(self, message: str, *, sha: str, request_id: int | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.sha = sha
        self.request_id = request_id
        self.reason = reason


class LiveError(TravisError):
    """Something about the live channel."""


class LiveUnavailable(LiveError):
    """There is no live channel to be had: no key, a wrong app, a refused protocol.

    Attributes:
        code: Pusher's error code, or None.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class SubscriptionError(LiveError):
    """One channel could not be subscribed to.

    Attributes:
        channel: Name of the channel.
    """

    def __init__(self, message: str, *, channel: str) -> None:
        super().__init__(message)
        self.channel = channel


class LogGap(LiveError):
    """Parts of a log that the server itself no longer has.

    Attributes:
        job_id: The job whose log it is.
        missing: Numbers of the parts that cannot be had, ascending.
    """

    def __init__(self, message: str, *, job_id: int, missing: Sequence[int]) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.missing: tuple[int, ...] = tuple(missing)
