"""Share one request among the tasks that want the same answer at the same time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio

__all__ = ["SingleFlight"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Flight(Generic[V]):
    started: float
    done: anyio.Event = field(default_factory=anyio.Event)
    result: tuple[V] | None = None


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
        """Return an answer that is at most `max_age` old.

        Raises:
            Exception: The call of this task failed.
        """
        while True:
            now = anyio.current_time()
            flight = self._flights.get(key)
            if flight is None or now - flight.started > self._max_age:
                return await self._call(key, now)
            await flight.done.wait()
            if flight.result is not None:
                return flight.result[0]

    async def _call(self, key: K, now: float) -> V:
        self._flights = {known: one for known, one in self._flights.items() if now - one.started <= self._max_age}
        flight = self._flights[key] = _Flight[V](now)
        try:
            value = await self._fetch(key)
            flight.result = (value,)
            return value
        finally:
            if flight.result is None and self._flights.get(key) is flight:
                del self._flights[key]
            flight.done.set()
