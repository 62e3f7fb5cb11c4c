"""What the tests of the limits share: a clock that is set by hand, requests, a caller without an event loop."""

from aiotravis._http import ApiRequest
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.line import Waiter
from aiotravis.rate_limits.rules import Rules
from aiotravis.rate_limits.windows import Permit

READ, WRITE, SIGN_IN = ApiRequest("GET", "/x"), ApiRequest("POST", "/x"), ApiRequest("POST", "/auth/github")


class Clock:
    """Returns what it is set to. Starts at a whole minute."""

    def __init__(self, now: float = 6000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def limiter_at(clock: Clock, per_minute: int = 2000) -> RateLimiter:
    """Return a limiter whose clock is also the wall clock."""
    return RateLimiter(Rules(per_minute=per_minute), clock=clock, offset=0.0, wall=clock)


def taken(limiter: RateLimiter, request: ApiRequest, *, limited: bool = True, low: bool = False) -> Permit:
    """Return a permit that is there at once."""
    permit = limiter.try_acquire(request, limited=limited, low=low)
    assert permit is not None
    return permit


def join(limiter: RateLimiter, request: ApiRequest, *, place: int = 0, low: bool = False) -> Waiter:
    """Make a call wait that nobody needs to wake."""
    return limiter.join(request, lambda: True, place=place, low=low)


def wait_of(limiter: RateLimiter, request: ApiRequest, *, limited: bool = True, low: bool = False) -> float:
    """Return for how many seconds a call would have to wait; 0 if it need not wait. Leave everything as it was."""
    waiter = limiter.join(request, lambda: True, limited=limited, low=low)
    try:
        return limiter.poll(waiter) or 0.0
    finally:
        limiter.leave(waiter)
