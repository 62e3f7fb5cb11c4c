"""One answer for all who ask the same at about the same time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio

__all__ = ["SingleFlight"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Asked(Generic[V]):
    began: float
    done: anyio.Event = field(default_factory=anyio.Event)
    answer: tuple[V] | None = None


class SingleFlight(Generic[K, V]):
    """Asks once where many want to know.

    Whoever asks first does so in a task of its own caller; if that one is cancelled, or fails, the next one asks.

    Args:
        ask: Asks.
        fresh: Seconds for which an answer counts as new, from the moment it was asked for.
    """

    def __init__(self, ask: Callable[[K], Awaitable[V]], fresh: float) -> None:
        self._ask = ask
        self._fresh = fresh
        self._asked: dict[K, _Asked[V]] = {}

    async def get(self, key: K) -> V:
        """Give an answer that is new.

        Raises:
            Exception: What asking raised.
        """
        while True:
            now = anyio.current_time()
            asked = self._asked.get(key)
            if asked is None or now - asked.began > self._fresh:
                return await self._lead(key, now)
            await asked.done.wait()
            if asked.answer is not None:
                return asked.answer[0]

    async def _lead(self, key: K, now: float) -> V:
        self._asked = {known: one for known, one in self._asked.items() if now - one.began <= self._fresh}
        asked = self._asked[key] = _Asked[V](now)
        try:
            answer = await self._ask(key)
            asked.answer = (answer,)
            return answer
        finally:
            if asked.answer is None and self._asked.get(key) is asked:
                del self._asked[key]
            asked.done.set()
