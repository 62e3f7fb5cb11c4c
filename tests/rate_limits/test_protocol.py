"""Every store keeps to the protocol that transports use."""

import inspect

import pytest

from aiotravis.rate_limits.machine import MachineLimiter
from aiotravis.rate_limits.memory import MemoryLimiter
from aiotravis.rate_limits.protocol import Limiter
from aiotravis.rate_limits.redis_limiter import RedisLimiter

VERBS = [name for name, value in vars(Limiter).items() if inspect.isfunction(value) and not name.startswith("_")]


@pytest.mark.parametrize("store", [MemoryLimiter, MachineLimiter, RedisLimiter])
@pytest.mark.parametrize("verb", VERBS)
def test_stores_have_the_verbs_of_the_protocol(store: type, verb: str) -> None:
    expected, actual = getattr(Limiter, verb), getattr(store, verb)
    assert inspect.signature(actual) == inspect.signature(expected)
    assert inspect.iscoroutinefunction(actual) == inspect.iscoroutinefunction(expected)
