"""What async iterators over entities have in common."""

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, NoReturn, Self, TypeVar

from aiotravis.errors import UsageError

__all__ = ["EntityIterator"]

T = TypeVar("T")


class EntityIterator(ABC, Generic[T]):
    """Async iterator over entities, which sends requests only while it is iterated.

    Several tasks may share one: each entity goes to one of them.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._finished = False

    def __aiter__(self) -> Self:
        if self._finished:
            message = f"This {type(self).__name__} has been iterated to its end: create another one to iterate again."
            raise UsageError(message)
        return self

    async def __anext__(self) -> T:
        """Return the next entity."""
        async with self._lock:
            try:
                return await self._next()
            except StopAsyncIteration:
                self._finished = True
                raise

    @abstractmethod
    async def _next(self) -> T:
        """Return the next entity. Never called by two tasks at the same time."""

    async def first(self) -> T | None:
        """Return the first entity that has not been iterated yet; None if there is none.

        Raises:
            TravisError: As the iteration does.
        """
        return await anext(self, None)

    async def to_list(self) -> list[T]:
        """Return all entities that have not been iterated yet.

        Raises:
            UsageError: It has been iterated to its end before.
            TravisError: As the iteration does.
        """
        return [entity async for entity in self]

    if not TYPE_CHECKING:  # Type checkers refuse to await this; at run time the error names the remedy.

        def __await__(self) -> NoReturn:
            message = (
                f"A {type(self).__name__} cannot be awaited: iterate with `async for entity in ...`, "
                "or use `await ....to_list()` or `await ....first()`."
            )
            raise UsageError(message)
