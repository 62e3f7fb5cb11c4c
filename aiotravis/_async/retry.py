"""What may be tried again, and when. No I/O."""

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

import anyio

from aiotravis._http import ApiRequest, ApiResponse, error_from_response
from aiotravis.errors import (
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
    "FAILURES",
    "backoff",
    "exponential",
    "is_transient",
    "retry",
    "should_retry_error",
    "should_retry_response",
]

T = TypeVar("T")

ATTEMPTS: Final = 3

LONGEST_WAIT: Final = 90.0
"""Seconds that a server may ask to be left alone; who is to wait for longer is told instead."""

FAILURES: Final = 8
"""Failures in a row, each after all the attempts of a call, before the last one is passed on."""

PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses that pass by themselves."""


def should_retry_error(request: ApiRequest, error: RequestError) -> bool:
    """Whether to send a call again that got no usable answer.

    Reads, whenever the connection was at fault; writes, only when no byte of them can have arrived. A server that has
    been silent for the whole of the read timeout is not asked to be silent again.
    """
    if isinstance(error, TooLargeError | RedirectError):
        return False
    return error.unsent or (request.reads and not isinstance(error, RequestTimeout))


def should_retry_response(request: ApiRequest, response: ApiResponse) -> bool:
    """Whether to send a call again that was refused, for now.

    A 429 was not acted upon, so it holds for writes, too, unless the server wants to be left alone for long. What a
    proxy says of a write leaves open what became of it.
    """
    if response.status == 429:
        refusal = error_from_response(request, response)
        asked = refusal.retry_after if isinstance(refusal, RateLimited) else None
        return asked is None or asked <= LONGEST_WAIT
    return response.status in PASSING and request.reads


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
    """Whether the same may succeed a little later: the network or the server failed, or wants to be left alone."""
    if isinstance(error, TooLargeError | RedirectError):
        return False
    return isinstance(error, RequestError | ServerError | RateLimited)


async def retry(ask: Callable[[], Awaitable[T]], delays: Iterator[float]) -> T:
    """Ask, and ask again after failures that pass.

    Args:
        ask: Asks.
        delays: Seconds to wait after one failure after the other.

    Raises:
        TravisError: What asking raised: at once, or, where it passes, after `FAILURES` times in a row.
    """
    for _ in range(FAILURES - 1):
        try:
            return await ask()
        except TravisError as exc:
            if not is_transient(exc):
                raise
        await anyio.sleep(next(delays))
    return await ask()
