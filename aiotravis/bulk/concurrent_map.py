"""A function called with many items concurrently: one outcome per item, in order or as completed."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sized
from typing import Final, Generic, TypeVar, cast

import anyio
from anyio.abc import TaskGroup

from aiotravis._async.background_task import BackgroundTask
from aiotravis._validation import validate_count
from aiotravis.bulk.progress import Progress, Reporter
from aiotravis.errors import UsageError

__all__ = ["ConcurrentMap", "Outcome"]

A = TypeVar("A")
R = TypeVar("R")

AHEAD_FACTOR: Final = 3
"""Items that may be started and not yet consumed, as a multiple of the calls that run at the same time."""


class Outcome(Generic[A, R]):
    """The outcome of one item: a value or an error.

    Attributes:
        item: The item.
        error: The exception that the call raised; None if it succeeded.
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
        """The value that the call returned.

        Raises:
            Exception: The call raised it.
        """
        if self.error is not None:
            raise self.error
        return cast("R", self._value)


class ConcurrentMap(Generic[A, R]):
    """Async context manager and iterator over `Outcome`: ``async with travis.map(call, items) as outcomes: ...``.

    Up to ``at_once`` calls run at the same time, from the moment the block is entered. They run ahead of the consumer
    by up to three times as many items; items are read one by one, so they may be endless or slow. Leaving the block
    cancels the calls that still run.
    """

    # `failed` decides whether a returned value counts as a failure in the progress.

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
        untyped = cast("object", items)
        if not isinstance(untyped, Iterable | AsyncIterable) or isinstance(untyped, str | bytes):
            raise UsageError(f"items must be several, not {type(untyped).__name__}.", argument="items")
        self._call = call
        self._items = items
        self._at_once = validate_count(at_once, "at_once")
        self._ordered = ordered
        self._failed = failed
        self._reporter = Reporter(progress, len(items) if isinstance(items, Sized) else None, waiting)
        self._task = BackgroundTask(self._run, lambda: False, "aiotravis map")
        self._source: Iterator[A] | AsyncIterator[A] | None = None
        self._source_lock = asyncio.Lock()
        self._started = self._consumed = 0
        self._out_of_order: dict[int, Outcome[A, R]] = {}
        self._ready: deque[Outcome[A, R]] = deque()
        self._capacity = asyncio.Event()
        self._updated = asyncio.Event()
        self._failure: Exception | None = None
        self._entered = self._ended = False

    async def __aenter__(self) -> "ConcurrentMap[A, R]":
        if self._entered:
            raise UsageError("This map was used before. Call map() again.")
        self._entered = True
        self._task.ensure()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._task.aclose()

    def __aiter__(self) -> "ConcurrentMap[A, R]":
        return self

    async def __anext__(self) -> Outcome[A, R]:
        """Return the next outcome.

        Raises:
            Exception: After the last outcome: ``items`` or ``progress`` raised it.
            UsageError: The block was not entered.
        """
        if not self._entered:
            raise UsageError("Use map() in an `async with` block: async with travis.map(...) as outcomes: ...")
        while not self._ready:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            self._updated.clear()
            await self._updated.wait()
        self._consumed += 1
        self._capacity.set()
        return self._ready.popleft()

    async def _run(self) -> None:
        items = self._items
        self._reporter.start()
        try:
            self._source = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
            async with anyio.create_task_group() as group:
                await self._work(group)
        finally:
            self._reporter.stop()
            self._ended = True
            self._updated.set()

    async def _work(self, group: TaskGroup) -> None:
        """Process items until there are none. Start another worker while there are more items than workers."""
        while True:
            while self._started - self._consumed >= AHEAD_FACTOR * self._at_once:
                self._capacity.clear()
                await self._capacity.wait()
            async with self._source_lock:
                if self._failure is not None:
                    return
                try:
                    item = await self._next_item()
                except StopAsyncIteration:
                    return
                except Exception as exc:  # noqa: BLE001 - raised to the consumer, after the outcomes before it
                    self._failure = exc
                    return
                index = self._started
                self._started += 1
            if index < self._at_once - 1:
                group.start_soon(self._work, group)
            outcome: Outcome[A, R]
            try:
                outcome = Outcome(item, await self._call(item))
            except Exception as exc:  # noqa: BLE001 - part of the outcome: the other items go on
                outcome = Outcome(item, error=exc)
            self._deliver(index, outcome)

    async def _next_item(self) -> A:
        source = self._source
        if isinstance(source, AsyncIterator):
            return await anext(source)
        try:
            return next(cast("Iterator[A]", source))
        except StopIteration:
            raise StopAsyncIteration from None

    def _deliver(self, index: int, outcome: Outcome[A, R]) -> None:
        if self._ordered:
            self._out_of_order[index] = outcome
            while (following := self._consumed + len(self._ready)) in self._out_of_order:
                self._ready.append(self._out_of_order.pop(following))
        else:
            self._ready.append(outcome)
        self._updated.set()
        try:
            self._reporter.advance(1, outcome.error is not None or self._failed(outcome.value))
        except Exception as exc:  # noqa: BLE001 - the user's callback: raised to the consumer
            self._failure = exc
