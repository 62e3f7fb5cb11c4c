"""Failures that pass by themselves, and waiting them out."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

import anyio

from aiotravis.errors import RateLimited, RedirectError, RequestError, ServerError, TooLargeError, TravisError

__all__ = ["FAILURES", "passes", "patiently"]

T = TypeVar("T")

FAILURES: Final = 8
"""Failures in a row, each after all the attempts of a call, before the last one is passed on."""


def passes(error: TravisError) -> bool:
    """Whether the same may succeed a little later: the network or the server failed, or wants to be left alone."""
    if isinstance(error, TooLargeError | RedirectError):
        return False
    return isinstance(error, RequestError | ServerError | RateLimited)


async def patiently(ask: Callable[[], Awaitable[T]], delays: Iterator[float]) -> T:
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
            if not passes(exc):
                raise
        await anyio.sleep(next(delays))
    return await ask()
