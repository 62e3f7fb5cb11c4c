"""What to try again, and when."""

import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

import anyio

from aiotravis._http import ApiRequest, ApiResponse, error_from_response
from aiotravis.errors import (
    LimitsUnavailable,
    RateLimited,
    RedirectError,
    RequestError,
    RequestTimeout,
    ServerError,
    TooLargeError,
    TravisError,
)

__all__ = [
    "ATTEMPTS",
    "MAX_FAILURES",
    "backoff",
    "exponential",
    "is_transient",
    "log_retry",
    "retry",
    "should_retry_error",
    "should_retry_response",
]

T = TypeVar("T")

logger: Final = logging.getLogger("aiotravis.flows")

ATTEMPTS: Final = 3
"""How often a read is tried in all, by default."""

MAX_RETRY_AFTER: Final = 90.0
"""Longest wait that a server may ask for, in seconds; above it, the call fails instead of waiting."""

MAX_FAILURES: Final = 8
"""Failures in a row, each after all attempts of a call, before the last one is raised."""

TRANSIENT_STATUSES: Final = frozenset({429, 502, 503, 504})


def should_retry_error(request: ApiRequest, error: RequestError) -> bool:
    """Return whether to repeat a request that got no usable response.

    Reads are repeated whenever the connection failed, writes only when no byte of them can have arrived. After a read
    timeout nothing is repeated: the server would be silent again. What waited for the rate limits has waited enough.
    """
    if isinstance(error, TooLargeError | RedirectError | LimitsUnavailable):
        return False
    return error.unsent or (request.reads and not isinstance(error, RequestTimeout))


def should_retry_response(request: ApiRequest, response: ApiResponse) -> bool:
    """Return whether to repeat a request that was refused.

    Writes are not. After a status of a proxy, one may have been carried out. After a 429 it was not, but a POST that is
    answered so counts towards the ban all the same (fact 2).
    """
    if not request.reads:
        return False
    if response.status == 429:
        refusal = error_from_response(request, response)
        if not isinstance(refusal, RateLimited):
            return False
        return refusal.retry_after is None or refusal.retry_after <= MAX_RETRY_AFTER
    return response.status in TRANSIENT_STATUSES


def exponential(first: float, maximum: float, failures: int) -> float:
    """Return a delay that doubles with every failure: `first` for 0 failures, at most `maximum`. All in seconds."""
    return min(maximum, first * 2.0 ** min(failures, 64))


def backoff(first: float, maximum: float, *, draw: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield delays before further attempts, doubling up to a maximum, with full jitter.

    Full jitter (a random share of the whole delay) spreads the clients that lost the same server at the same moment.

    Args:
        first: Longest first delay, in seconds.
        maximum: Longest delay, in seconds.
        draw: Returns random numbers in [0, 1).

    Yields:
        Delays in seconds, without end.
    """
    for failures in itertools.count():
        yield exponential(first, maximum, failures) * draw()


def is_transient(error: TravisError) -> bool:
    """Return whether the same call may succeed later: the network or the server failed, or the client was throttled."""
    if isinstance(error, TooLargeError | RedirectError):
        return False
    return isinstance(error, RequestError | ServerError | RateLimited)


async def retry(call: Callable[[], Awaitable[T]], delays: Iterator[float]) -> T:
    """Call an async function, and call it again after transient failures.

    Args:
        call: The function.
        delays: How long to wait after each failure, in seconds.

    Raises:
        TravisError: The last failure: at once if it is not transient, else after `MAX_FAILURES` in a row.
    """
    for _ in range(MAX_FAILURES - 1):
        delay = next(delays)
        try:
            return await call()
        except TravisError as exc:
            if not is_transient(exc):
                raise
            log_retry(exc, delay)
        await anyio.sleep(delay)
    return await call()


def log_retry(error: TravisError, delay: float) -> None:
    """Log that a flow goes on after a failure, in `delay` seconds."""
    logger.info("goes on in %.1f s after: %s", delay, error)
