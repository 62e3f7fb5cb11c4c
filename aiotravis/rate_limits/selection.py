"""Which store counts the requests of a client: its argument, the environment, or the default."""

import os
from typing import Literal

from aiotravis.errors import UsageError
from aiotravis.rate_limits.machine import MachineLimiter, machine_at
from aiotravis.rate_limits.memory import MemoryLimiter, shared_limiter
from aiotravis.rate_limits.protocol import Limiter
from aiotravis.rate_limits.redis_limits import RedisLimits
from aiotravis.rate_limits.rules import identity, rules_apply
from aiotravis.rate_limits.state_folder import state_folder

__all__ = ["RateLimits", "limiter_for"]

RateLimits = bool | Literal["memory", "machine"] | RedisLimits | None
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
    if isinstance(store, RedisLimits):
        return _redis_limiter(endpoint, token, store) if limited else _memory_limiter(endpoint, token, limited=False)
    if store is not False and store not in ("memory", "machine"):
        message = f'rate_limits must be True, False, "memory", "machine" or RedisLimits(...), not {store!r}.'
        raise UsageError(message, argument="rate_limits")
    if limited and store == "machine":
        shared = shared_limiter(endpoint, token, limited=True)
        return MachineLimiter(shared, machine_at(state_folder()), identity(endpoint, token))
    return _memory_limiter(endpoint, token, limited=limited and store is not False)


def _memory_limiter(endpoint: str, token: str | None, *, limited: bool) -> Limiter:
    return MemoryLimiter(shared_limiter(endpoint, token, limited=limited), limited=limited)


def _redis_limiter(endpoint: str, token: str | None, limits: RedisLimits) -> Limiter:
    try:
        from aiotravis.rate_limits.redis_limiter import RedisLimiter
    except ModuleNotFoundError:
        message = "RedisLimits needs redis-py: pip install 'aiotravis[redis]'."
        raise UsageError(message, argument="rate_limits") from None
    shared = shared_limiter(endpoint, token, limited=True, scope=limits.scope)
    return RedisLimiter(shared, limits, identity(endpoint, token))


def _from_environment() -> RateLimits:
    value = os.environ.get(VARIABLE, "").strip()
    if "://" in value:
        try:
            return RedisLimits.from_url(value)
        except UsageError as exc:
            raise UsageError(f"{VARIABLE}: {exc}", argument=VARIABLE) from None
    value = value.lower()
    if value in {"", "machine"}:
        return "machine"
    if value == "memory":
        return "memory"
    if value == "off":
        return False
    raise UsageError(
        f'{VARIABLE} must be "off", "memory", "machine" or "redis://HOST:PORT/0?processes=N".', argument=VARIABLE
    )
