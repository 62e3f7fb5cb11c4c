"""A call for each of many items: so many at once, in order or as they come, each failure kept apart."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sized
from typing import Final, Generic, TypeVar, cast

import anyio
from anyio.abc import TaskGroup

from aiotravis._async.background_task import BackgroundTask
from aiotravis.bulk.progress import Progress, Reporter
from aiotravis.errors import UsageError

__all__ = ["ConcurrentMap", "Outcome"]

A = TypeVar("A")
R = TypeVar("R")

AHEAD: Final = 3
"""Times as many items as are under way at once that may be begun and not taken yet."""


class Outcome(Generic[A, R]):
    """What came of one item.

    Attributes:
        item: The item.
        error: What its call raised; None if it succeeded.
    """

    __slots__ = ("_value", "error", "item")

    def __init__(self, item: A, value: R | None = None, error: Exception | None = None) -> None:
        self.item: A = item
        self.error: Exception | None = error
        self._value = value

    def __repr__(self) -> str:
        return f"Outcome(item={self.item!r}, {f'error={self.error!r}' if self.error else f'value={self._value!r}'})"

    @property
    def value(self) -> R:
        """What its call returned.

        Raises:
            Exception: What it raised instead.
        """
        if self.error is not None:
            raise self.error
        return cast("R", self._value)


class ConcurrentMap(Generic[A, R]):
    """Outcomes, one for each item: ``async with travis.map(call, items) as outcomes: async for outcome in outcomes``.

    Workers run ahead of the consumer, by three times as many items as are under way at once; then they wait for it.
    They end with the block.

    Args:
        call: What to do with an item.
        items: The items; taken one by one as there is room, so they may be without end, or come slowly.
        at_once: Most calls under way at once.
        ordered: Whether outcomes come in the order of the items, or as soon as they are there.
        progress: Told how far it has come.
        waiting: Gives the number of calls that wait for the budget.
        failed: Tells whether what a call returned counts as a failure, for ``progress``.
    """

    def __init__(
        self,
        call: Callable[[A], Awaitable[R]],
        items: Iterable[A] | AsyncIterable[A],
        *,
        at_once: int,
        ordered: bool = True,
        progress: Callable[[Progress], None] | None = None,
        waiting: Callable[[], int] = lambda: 0,
        failed: Callable[[R], bool] = lambda _: False,
    ) -> None:
        if isinstance(at_once, bool) or at_once < 1:
            raise UsageError(f"at_once must be a positive number of calls, not {at_once!r}.", argument="at_once")
        _check_several(items)
        self._call = call
        self._items = items
        self._at_once = at_once
        self._ordered = ordered
        self._failed = failed
        total = len(items) if isinstance(items, Sized) else None
        self._reporter = Reporter(progress, total, waiting)
        self._task = BackgroundTask(self._run, lambda: False, "aiotravis map")
        self._source: Iterator[A] | AsyncIterator[A] | None = None
        self._turn = asyncio.Lock()
        self._begun = self._taken = 0
        self._early: dict[int, Outcome[A, R]] = {}
        self._ready: deque[Outcome[A, R]] = deque()
        self._room = asyncio.Event()
        self._arrived = asyncio.Event()
        self._failure: Exception | None = None
        self._entered = self._over = False

    async def __aenter__(self) -> "ConcurrentMap[A, R]":
        if self._entered:
            raise UsageError("This was iterated before. Call map again.")
        self._entered = True
        self._task.ensure()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End the workers: calls that are under way are cancelled."""
        await self._task.aclose()

    def __aiter__(self) -> "ConcurrentMap[A, R]":
        return self

    async def __anext__(self) -> Outcome[A, R]:
        """Give the next outcome.

        Raises:
            Exception: After all outcomes before it: what the items' own iterator, or ``progress``, raised.
            UsageError: It is not used as a context manager.
        """
        if not self._entered:
            raise UsageError("It needs a block to end with: async with travis.map(...) as outcomes: ...")
        while not self._ready:
            if self._over:
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        self._taken += 1
        self._room.set()
        return self._ready.popleft()

    # The task of its own ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        items = self._items
        self._reporter.start()
        try:
            self._source = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
            async with anyio.create_task_group() as group:
                await self._work(group)
        finally:
            self._reporter.stop()
            self._over = True
            self._arrived.set()

    async def _work(self, group: TaskGroup) -> None:
        """Work off items; for as long as there are more of them than workers, another one is started."""
        while True:
            while self._begun - self._taken >= AHEAD * self._at_once:
                self._room.clear()
                await self._room.wait()
            async with self._turn:
                if self._failure is not None:
                    return
                try:
                    item = await self._next()
                except StopAsyncIteration:
                    return
                except Exception as exc:  # noqa: BLE001 - told to the consumer, after what came before it
                    self._failure = exc
                    return
                place = self._begun
                self._begun += 1
            if place < self._at_once - 1:
                group.start_soon(self._work, group)
            outcome: Outcome[A, R]
            try:
                outcome = Outcome(item, await self._call(item))
            except Exception as exc:  # noqa: BLE001 - kept apart: one item's failure is not the others'
                outcome = Outcome(item, error=exc)
            self._settle(place, outcome)

    async def _next(self) -> A:
        source = self._source
        if isinstance(source, AsyncIterator):
            return await anext(source)
        try:
            return next(cast("Iterator[A]", source))
        except StopIteration:
            raise StopAsyncIteration from None

    def _settle(self, place: int, outcome: Outcome[A, R]) -> None:
        following = self._taken + len(self._ready)
        if not self._ordered or place == following:
            self._ready.append(outcome)
        else:
            self._early[place] = outcome
        while self._early and (following := self._taken + len(self._ready)) in self._early:
            self._ready.append(self._early.pop(following))
        self._arrived.set()
        try:
            self._reporter.advance(1, outcome.error is not None or self._failed(outcome.value))
        except Exception as exc:  # noqa: BLE001 - the callback is the caller's own: its failure goes to the consumer
            self._failure = exc


def _check_several(items: object) -> None:
    if not isinstance(items, Iterable | AsyncIterable) or isinstance(items, str | bytes):
        raise UsageError(f"items must be several, not {type(items).__name__}.", argument="items")
