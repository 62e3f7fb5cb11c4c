"""What aiohttp raises as errors of our own tree, without the secrets that a server may echo."""

import re

import aiohttp

from aiotravis._http import ApiRequest
from aiotravis._http.decompression import BodyTooLarge, MalformedBody
from aiotravis._http.redaction import redact
from aiotravis._http.response_errors import write_remedy
from aiotravis._network.failures import failure
from aiotravis.errors import (
    RedirectError,
    RequestError,
    RequestTimeout,
    TooLargeError,
    TruncatedError,
    UsageError,
    WriteInterrupted,
)

__all__ = ["closed_error", "explain_write", "interrupted_error", "request_error"]


def request_error(
    request: ApiRequest,
    exc: Exception,
    *,
    url: str,
    endpoint: str | None,
    proxy: str | None,
    secrets: tuple[str, ...],
    max_response: int,
) -> RequestError:
    """Return the error for a request that got no usable response.

    Args:
        request: The request.
        exc: What was raised.
        url: The URL requested last.
        endpoint: That of the API if the URL is below it, else None.
        proxy: The proxy in use, or None.
        secrets: Texts that no error may repeat.
        max_response: The client's limit, in bytes. A sink, which does not receive JSON, has one of its own.
    """
    what, method, path = f"{request.method} {request.safe_target}: ", request.method, request.safe_target
    if isinstance(exc, BodyTooLarge):
        remedy = " Raise max_response=." if exc.limit == max_response else ""
        message = f"{what}the response is larger than {exc.limit} bytes.{remedy}"
        return TooLargeError(message, method=method, path=path, limit=exc.limit)
    error: RequestError
    if isinstance(exc, aiohttp.ClientPayloadError | MalformedBody):
        message = f"{what}the response is truncated or malformed ({type(exc).__name__}). Try again."
        error = TruncatedError(message, method=method, path=path)
    elif isinstance(exc, TimeoutError):
        message = f"{what}{failure(exc, url, proxy=proxy, endpoint=endpoint)}"
        error = RequestTimeout(redact(message, secrets), method=method, path=path)
        error.unsent = isinstance(exc, aiohttp.ConnectionTimeoutError)
    else:
        message = f"{what}{failure(exc, url, proxy=proxy, endpoint=endpoint)}"
        error = RequestError(redact(message, secrets), method=method, path=path)
        error.unsent = isinstance(exc, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError)
    return error


def closed_error(request: ApiRequest) -> UsageError:
    """Return the error for a call during which the client was closed."""
    return UsageError(f"This client was closed while {request.method} {request.safe_target} was in progress.")


def interrupted_error(request: ApiRequest) -> WriteInterrupted:
    """Return the error for a write during which the client was closed."""
    return WriteInterrupted(
        f"This client was closed while {request.method} {request.safe_target} was in progress, which may have been "
        "carried out. Check before you repeat it.",
        method=request.method,
        path=request.safe_target,
    )


def explain_write(error: RequestError) -> None:
    """Make the message of an error of a write say what is known of its outcome, instead of advice to try again."""
    if not error.unsent and not isinstance(error, RedirectError | WriteInterrupted):
        message = re.sub(r"[.;,] [Tt]ry again[^.]*\.?$", "", str(error)).removesuffix(".")
        error.args = (f"{message}. {write_remedy(error.status)}",)
