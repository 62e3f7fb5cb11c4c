"""What async iterators over entities have in common."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, NoReturn, Self, TypeVar

from aiotravis.errors import UsageError

__all__ = ["EntityIterator"]

T = TypeVar("T")


class EntityIterator(ABC, Generic[T]):
    """Async iterator over entities, which sends requests only while it is iterated."""

    def __aiter__(self) -> Self:
        return self

    @abstractmethod
    async def __anext__(self) -> T:
        """Return the next entity."""

    async def first(self) -> T | None:
        """Return the first entity that has not been iterated yet; None if there is none.

        Raises:
            TravisError: As the iteration does.
        """
        return await anext(self, None)

    async def to_list(self) -> list[T]:
        """Return all entities that have not been iterated yet.

        Raises:
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
