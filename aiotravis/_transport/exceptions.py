"""aiohttp's exceptions as errors of our own tree. aiohttp's hold URLs and headers, so none of them is raised."""

import re

import aiohttp

from aiotravis._http import ApiRequest
from aiotravis._http.decompression import MalformedBody
from aiotravis._http.response_errors import write_remedy
from aiotravis.errors import (
    RedirectError,
    RequestError,
    RequestTimeout,
    TooLargeError,
    TruncatedError,
    WriteInterrupted,
)

__all__ = [
    "connection_error",
    "explain_write",
    "interrupted_error",
    "sanitized",
    "timeout_error",
    "too_large_error",
    "truncated_error",
]


def timeout_error(request: ApiRequest, endpoint: str, exc: TimeoutError) -> RequestTimeout:
    """Return the error for a server that was silent too long."""
    error = RequestTimeout(
        f"{request.method} {request.shown}: {endpoint} did not answer in time. Try again later, or raise the timeouts.",
        method=request.method,
        path=request.shown,
    )
    error.unsent = isinstance(exc, aiohttp.ConnectionTimeoutError)
    return error


def too_large_error(request: ApiRequest, limit: int, *, settable: bool) -> TooLargeError:
    """Return the error for a body above a limit in bytes; `settable` if that is the client's setting."""
    remedy = " Raise max_response=." if settable else ""
    message = f"{request.method} {request.shown}: the response is larger than {limit} bytes.{remedy}"
    return TooLargeError(message, method=request.method, path=request.shown, limit=limit)


def truncated_error(request: ApiRequest, exc: aiohttp.ClientPayloadError | MalformedBody) -> TruncatedError:
    """Return the error for a body that is not complete."""
    return TruncatedError(
        f"{request.method} {request.shown}: the response is truncated or malformed ({type(exc).__name__}). Try again.",
        method=request.method,
        path=request.shown,
    )


def interrupted_error(request: ApiRequest) -> WriteInterrupted:
    """Return the error for a write during which the client was closed."""
    return WriteInterrupted(
        f"This client was closed while {request.method} {request.shown} was in progress, which may have been carried "
        "out. Check before you repeat it.",
        method=request.method,
        path=request.shown,
    )


def connection_error(request: ApiRequest, endpoint: str, exc: Exception) -> RequestError:
    """Return the error for a request that got no response."""
    if isinstance(exc, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        reason = "TLS failed; is its certificate valid, or does it need ssl=?"
    elif isinstance(exc, aiohttp.ClientConnectorDNSError):
        reason = "its name is unknown; is the endpoint spelled right?"
    elif isinstance(exc, aiohttp.ClientConnectorError):
        cause = exc.strerror or type(exc.os_error).__name__
        reason = f"no connection ({cause}); is the endpoint right, and is the server up?"
    elif isinstance(exc, aiohttp.ServerDisconnectedError | OSError):
        reason = "the connection was lost before a response came; try again"
    else:
        reason = f"the response is not HTTP ({type(exc).__name__}); is the endpoint right?"
    error = RequestError(
        f"{request.method} {request.shown}: {endpoint}: {reason}", method=request.method, path=request.shown
    )
    error.unsent = isinstance(exc, aiohttp.ClientConnectorError)
    return error


def sanitized(exc: Exception) -> BaseException:
    """Return an exception that holds no secrets: aiohttp's response errors hold the request with its headers."""
    if isinstance(exc, aiohttp.ClientResponseError):
        return exc.__cause__ or ValueError(type(exc).__name__)
    return exc


def explain_write(error: RequestError) -> None:
    """Make the message of an error of a write say what is known of its outcome, instead of advice to try again."""
    if not error.unsent and not isinstance(error, RedirectError | WriteInterrupted):
        message = re.sub(r"[.;,] [Tt]ry again[^.]*\.?$", "", str(error)).removesuffix(".")
        error.args = (f"{message}. {write_remedy(error.status)}",)
