"""Share one request among the tasks that want the same answer at the same time."""

import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

__all__ = ["SingleFlight"]

K = TypeVar("K")
V = TypeVar("V")


class _Flight(Generic[V]):
    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.started = -math.inf
        self.value: V


class SingleFlight(Generic[K, V]):
    """Calls a function once per key for all tasks that ask within a short time.

    The first task makes the call. If it is cancelled or the call fails, the next waiting task makes another.

    Args:
        fetch: Returns the answer for a key.
        max_age: Seconds for which an answer is shared, counted from the start of its call.
    """

    def __init__(self, fetch: Callable[[K], Awaitable[V]], max_age: float) -> None:
        self._fetch = fetch
        self._max_age = max_age
        self._flights: dict[K, _Flight[V]] = {}

    async def get(self, key: K) -> V:
        """Return an answer whose call began at most `max_age` ago, or raise what this task's own call raised."""
        asked = anyio.current_time()
        kept = self._flights.items()
        self._flights = {k: one for k, one in kept if one.lock.locked() or asked - one.started <= self._max_age}
        flight = self._flights.setdefault(key, _Flight())
        async with flight.lock:
            if asked - flight.started > self._max_age:
                started = anyio.current_time()
                flight.value = await self._fetch(key)
                flight.started = started
            return flight.value
