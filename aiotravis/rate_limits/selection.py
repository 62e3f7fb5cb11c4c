"""Which store counts the requests of a client: its argument, the environment, or the default."""

import os
from typing import Literal

from aiotravis.errors import UsageError
from aiotravis.rate_limits.memory import MemoryLimiter, shared_limiter
from aiotravis.rate_limits.protocol import Limiter
from aiotravis.rate_limits.rules import rules_apply

__all__ = ["RateLimits", "limiter_for"]

RateLimits = bool | Literal["memory"] | None
"""What ``Travis(rate_limits=)`` takes."""

VARIABLE = "TRAVIS_RATE_LIMITS"


def limiter_for(endpoint: str, token: str | None, rate_limits: RateLimits = None) -> Limiter:
    """Return the limiter of a new client.

    Args:
        endpoint: URL of the API.
        token: The identity; None for this machine's address.
        rate_limits: The store; True for the default one; False for no limits; None for the default one, unless the
            endpoint has no limits.

    Raises:
        UsageError: There is no such store.
    """
    limited = rules_apply(endpoint) if rate_limits is None else rate_limits is not False
    store = _from_environment() if rate_limits is None or rate_limits is True else rate_limits
    if store is False:
        limited = False
    elif store != "memory":
        raise UsageError(f'rate_limits must be True, False or "memory", not {store!r}.', argument="rate_limits")
    return MemoryLimiter(shared_limiter(endpoint, token, limited=limited), limited=limited)


def _from_environment() -> RateLimits:
    value = os.environ.get(VARIABLE, "").strip().lower()
    if value in {"", "memory"}:
        return "memory"
    if value == "off":
        return False
    raise UsageError(f'{VARIABLE} must be "off" or "memory".', argument=VARIABLE)
