"""What went wrong under way, as errors of our tree: none of aiohttp's gets out, with its headers and URLs."""

import aiohttp

from aiotravis._http import ApiRequest
from aiotravis._http.decompression import MalformedBody
from aiotravis.errors import RequestError, RequestTimeout, TooLargeError, TruncatedError

__all__ = ["connection_error", "sanitized", "timeout_error", "too_large_error", "truncated_error"]


def timeout_error(request: ApiRequest, endpoint: str, exc: TimeoutError) -> RequestTimeout:
    """Tell that a server was silent for too long."""
    error = RequestTimeout(
        f"{request.method} {request.shown}: {endpoint} did not answer in time. Try again later, or raise the timeouts.",
        method=request.method,
        path=request.shown,
    )
    error.unsent = isinstance(exc, aiohttp.ConnectionTimeoutError)
    return error


def too_large_error(request: ApiRequest, limit: int, *, settable: bool) -> TooLargeError:
    """Tell that more came than is wanted.

    Args:
        request: What was asked.
        limit: Most bytes that are wanted.
        settable: Whether that is the client's own setting.
    """
    remedy = " Raise max_response=." if settable else ""
    message = f"{request.method} {request.shown}: the answer is larger than {limit} bytes.{remedy}"
    return TooLargeError(message, method=request.method, path=request.shown, limit=limit)


def truncated_error(request: ApiRequest, exc: aiohttp.ClientPayloadError | MalformedBody) -> TruncatedError:
    """Tell that not all of an answer came."""
    return TruncatedError(
        f"{request.method} {request.shown}: the answer broke off, or is garbled ({type(exc).__name__}). Try again.",
        method=request.method,
        path=request.shown,
    )


def connection_error(request: ApiRequest, endpoint: str, exc: Exception) -> RequestError:
    """Tell that nothing usable came."""
    if isinstance(exc, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        reason = "TLS failed; is its certificate good, or does it need ssl=?"
    elif isinstance(exc, aiohttp.ClientConnectorDNSError):
        reason = "its name is unknown; is the endpoint spelt right?"
    elif isinstance(exc, aiohttp.ClientConnectorError):
        reason = (
            f"no connection ({exc.strerror or type(exc.os_error).__name__}); is the endpoint right, and the server up?"
        )
    elif isinstance(exc, aiohttp.ServerDisconnectedError | OSError):
        reason = "the connection was lost before an answer came; try again"
    else:
        reason = f"what came back is not HTTP ({type(exc).__name__}); is the endpoint right?"
    error = RequestError(
        f"{request.method} {request.shown}: {endpoint}: {reason}", method=request.method, path=request.shown
    )
    error.unsent = isinstance(exc, aiohttp.ClientConnectorError)
    return error


def sanitized(exc: Exception) -> BaseException:
    """Give an exception that can be shown: aiohttp's hold the request, with its headers and its URL."""
    if isinstance(exc, aiohttp.ClientResponseError):
        return exc.__cause__ or ValueError(type(exc).__name__)
    return exc
