"""What may be tried again, and when. No I/O."""

import random
from collections.abc import Callable, Iterator
from typing import Final

from aiotravis._http import Call, Reply, judge
from aiotravis.errors import RateLimited, RedirectError, RequestError, RequestTimeout, TooLargeError

__all__ = ["ATTEMPTS", "backoff", "worth_another_try", "worth_asking_again"]

ATTEMPTS: Final = 3

LONGEST_WAIT: Final = 90.0
"""Seconds that a server may ask to be left alone; who is to wait for longer is told instead."""

PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses that pass by themselves."""


def worth_another_try(call: Call, error: RequestError) -> bool:
    """Whether to send a call again that got no usable answer.

    Reads, whenever the connection was at fault; writes, only when no byte of them can have arrived. A server that has
    been silent for the whole of the read timeout is not asked to be silent again.
    """
    if isinstance(error, TooLargeError | RedirectError):
        return False
    return error.unsent or (call.reads and not isinstance(error, RequestTimeout))


def worth_asking_again(call: Call, reply: Reply) -> bool:
    """Whether to send a call again that was refused, for now.

    A 429 was not acted upon, so it holds for writes, too, unless the server wants to be left alone for long. What a
    proxy says of a write leaves open what became of it.
    """
    if reply.status == 429:
        refusal = judge(call, reply)
        asked = refusal.retry_after if isinstance(refusal, RateLimited) else None
        return asked is None or asked <= LONGEST_WAIT
    return reply.status in PASSING and call.reads


def backoff(first: float, cap: float, *, draw: Callable[[], float] = random.random) -> Iterator[float]:
    """Give delays before further attempts, doubling up to a cap, with full jitter.

    Full jitter (anything between nothing and the whole delay) spreads clients that lost the same server at once.

    Args:
        first: Longest first delay, in seconds.
        cap: Longest delay of all, in seconds.
        draw: Source of random numbers in [0, 1).

    Yields:
        Delays in seconds, without end.
    """
    longest = min(first, cap)
    while True:
        yield longest * draw()
        longest = min(cap, longest * 2)
