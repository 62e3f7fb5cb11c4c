"""What async iterators over entities have in common."""

from abc import ABC, abstractmethod
from asyncio import Lock
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, NoReturn, Self, TypeVar

import anyio.lowlevel

from aiotravis._async.handle import Handle
from aiotravis._validation import validate_count
from aiotravis.errors import UsageError

__all__ = ["EntityIterator", "refuse_await"]

T = TypeVar("T")

STEPS_PER_TURN: Final = 100
"""Entities after which other tasks get their turn, where thousands have been read ahead."""


class EntityIterator(Handle, ABC, Generic[T]):
    """Async iterator over entities, which sends requests only while it is iterated.

    The rule of every iterator of this library: it is iterated once. Several tasks may share one: each entity goes to
    one of them. To begin after the end is a UsageError, never an empty result. A step that was cancelled or has failed
    takes nothing away: iterate on.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        # What the next steps return: read ahead by a subclass, or put back by `to_list`.
        self._ready: deque[T] = deque()
        self._taken = 0
        self._finished = False

    def __repr__(self) -> str:
        state = "ended" if self._finished else "open" if self._taken else "not begun"
        return f"<{type(self).__name__} {state}, {self._taken} taken>"

    def __aiter__(self) -> Self:
        if self._finished:
            message = f"This {type(self).__name__} has been iterated to its end: create another one to iterate again."
            raise UsageError(message)
        return self

    async def __anext__(self) -> T:
        """Return the next entity."""
        if self._ready and self._taken % STEPS_PER_TURN:
            # Nothing to wait for: most of what the iteration of a batch costs.
            self._taken += 1
            return self._ready.popleft()
        async with self._lock:
            if self._ready:
                await anyio.lowlevel.checkpoint()
            try:
                entity = self._ready.popleft() if self._ready else await self._next()
            except StopAsyncIteration:
                if not self._finished:
                    # Tasks that were started to share it begin before its end, even if there is nothing to wait for.
                    await anyio.lowlevel.checkpoint()
                    self._finished = True
                raise
            self._taken += 1
            return entity

    @abstractmethod
    async def _next(self) -> T:
        """Return the next entity. Never called by two tasks at the same time."""

    async def first(self) -> T | None:
        """Return the first entity that has not been iterated yet; None if there is none.

        Raises:
            TravisError: As the iteration does.
        """
        return await anext(self, None)

    async def to_list(self, limit: int | None = None) -> list[T]:
        """Return all entities that have not been iterated yet. If it fails or is cancelled, none of them are lost.

        Args:
            limit: Return at most this many; the others remain to be iterated.

        Raises:
            UsageError: It has been iterated to its end before.
            TravisError: As the iteration does.
        """
        if limit is not None:
            validate_count(limit, "limit", minimum=0)
        entities: list[T] = []
        try:
            if limit == 0:
                return entities
            async for entity in self:
                entities.append(entity)
                if len(entities) == limit:
                    break
        except BaseException:
            self._ready.extendleft(reversed(entities))
            self._taken -= len(entities)
            raise
        return entities

    if not TYPE_CHECKING:  # Type checkers refuse to await this; at run time the error names the remedy.

        def __await__(self) -> NoReturn:
            refuse_await(self, "iterate with `async for entity in ...`, or use `await ....to_list()` or `.first()`")


def refuse_await(value: object, remedy: str) -> NoReturn:
    """Raise the error for an iterator that is awaited.

    Raises:
        UsageError: Always.
    """
    raise UsageError(f"A {type(value).__name__} cannot be awaited: {remedy}.")
