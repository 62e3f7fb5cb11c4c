"""A function called with many items concurrently: one outcome per item, in order or as completed."""

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Final, Generic, NoReturn, TypeVar, cast

import anyio
from anyio.abc import TaskGroup

from aiotravis._async.background_task import BackgroundTask
from aiotravis._async.handle import Handle, running_loop
from aiotravis._validation import display, validate_bool, validate_count
from aiotravis.bulk.gather import foreign_cancellation
from aiotravis.bulk.iteration import refuse_await
from aiotravis.bulk.progress import Progress, Reporter
from aiotravis.errors import TravisError, UsageError

__all__ = ["ConcurrentMap", "Outcome"]

A = TypeVar("A")
R = TypeVar("R")

AHEAD_FACTOR: Final = 3
"""Items that may be started and not yet consumed, as a multiple of the calls that run at the same time."""

END: Final = object()
"""Stands for the item after the last."""


class Outcome(Generic[A, R]):
    """The outcome of one item: a value or an error.

    Attributes:
        item: The item.
        error: The exception that the call raised; None if it succeeded. A `TravisError` if the call was cancelled: a
            task that it awaited was cancelled by somebody else.
    """

    __slots__ = ("_value", "error", "item")

    def __init__(self, item: A, value: R | None = None, error: Exception | None = None) -> None:
        self.item: A = item
        self.error: Exception | None = error
        self._value = value

    def __repr__(self) -> str:
        return f"Outcome(item={self.item!r}, {f'error={self.error!r}' if self.error else f'value={self._value!r}'})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Outcome):
            return NotImplemented
        same = cast("Outcome[object, object]", other)
        return bool((self.item, self.error, self._value) == (same.item, same.error, same._value))

    def __hash__(self) -> int:
        return hash((type(self), self.item))

    @property
    def value(self) -> R:
        """The value that the call returned.

        Raises:
            Exception: The call raised it.
        """
        if self.error is not None:
            raise self.error
        return cast("R", self._value)


class ConcurrentMap(Handle, Generic[A, R]):
    """Async context manager and iterator over `Outcome`: ``async with travis.map(call, items) as outcomes: ...``.

    Up to ``at_once`` calls run at the same time, from the moment the block is entered. They run ahead of the consumer
    by up to three times as many items; items are read one by one, so they may be endless or slow. Leaving the block
    cancels the calls that still run. It is iterated once, within the block; several tasks may share it: each outcome
    goes to one of them.
    """

    # `failed` decides whether a returned value counts as a failure in the progress.

    def __init__(
        self,
        call: Callable[[A], Awaitable[R]],
        items: Iterable[A] | AsyncIterable[A],
        *,
        at_once: int,
        ordered: bool = True,
        progress: Callable[[Progress], object] | None = None,
        waiting: Callable[[], int] = lambda: 0,
        failed: Callable[[R], bool] = lambda _: False,
    ) -> None:
        if not callable(call):
            raise UsageError(f"call must be an async function, not {type(call).__name__}.", argument="call")
        untyped = cast("object", items)
        if not isinstance(untyped, Iterable | AsyncIterable) or isinstance(untyped, str | bytes):
            raise UsageError(f"items must be several values, not {display(untyped)}.", argument="items")
        self._call = call
        self._items = items
        self._at_once = validate_count(at_once, "at_once")
        self._ordered = validate_bool(ordered, "ordered")
        self._failed = failed
        self._reporter = Reporter(progress, len(items) if isinstance(items, Sized) else None, waiting)
        self._task = BackgroundTask(self._run, lambda: False, "aiotravis map")
        self._source: Iterator[A] | AsyncIterator[A] | None = None
        self._source_lock = asyncio.Lock()
        self._capacity = asyncio.Semaphore(AHEAD_FACTOR * self._at_once)
        self._started = self._consumed = 0
        self._out_of_order: dict[int, Outcome[A, R]] = {}
        self._ready: deque[Outcome[A, R]] = deque()
        self._updated = asyncio.Event()
        self._failure: BaseException | None = None
        self._entered = self._left = self._ended = self._finished = False

    def __repr__(self) -> str:
        state = "left" if self._left else "ended" if self._finished else "open" if self._entered else "not entered"
        return f"<{type(self).__name__} {state}, {self._consumed} taken>"

    async def __aenter__(self) -> "ConcurrentMap[A, R]":
        if self._entered:
            raise UsageError("This map was used before. Call map() again.")
        running_loop()
        self._task.ensure()
        self._entered = True
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._left = True
        self._updated.set()
        await self._task.aclose()

    def __aiter__(self) -> "ConcurrentMap[A, R]":
        if self._finished:
            raise UsageError("This map has been iterated to its end. Call map() again.")
        return self

    async def __anext__(self) -> Outcome[A, R]:
        """Return the next outcome.

        Raises:
            Exception: After the last outcome: ``items`` or ``progress`` raised it.
            UsageError: The block was not entered, or was left.
            TravisError: After the last outcome: the calls were cancelled from outside, as at the end of a program.
        """
        if not self._entered:
            raise UsageError("Use map() in an `async with` block: async with travis.map(...) as outcomes: ...")
        while self._left or not self._ready:
            if self._left:
                raise UsageError("The `async with` block of this map was left. Iterate within the block.")
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                self._finished = True
                raise StopAsyncIteration
            self._updated.clear()
            await self._updated.wait()
        self._consumed += 1
        self._capacity.release()
        return self._ready.popleft()

    if not TYPE_CHECKING:  # Type checkers refuse to await this; at run time the error names the remedy.

        def __await__(self) -> NoReturn:
            refuse_await(self, "use it in a block, `async with ... as outcomes: async for outcome in outcomes`")

    async def _run(self) -> None:
        items = self._items
        self._reporter.start()
        try:
            self._source = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
            async with anyio.create_task_group() as group:
                await self._work(group)
        except asyncio.CancelledError:
            self._fail(_cancelled_error())
            raise
        except BaseException as exc:  # noqa: BLE001 - raised to the consumer
            self._fail(exc)
        finally:
            self._reporter.stop()
            self._ended = True
            self._updated.set()

    async def _work(self, group: TaskGroup) -> None:
        """Process items until there are none. Start another worker while there are more items than workers."""
        while True:
            await self._capacity.acquire()
            found = await self._next_item()
            if found is None:
                # Let the other workers see that there are no more items.
                self._capacity.release()
                return
            index = self._started
            self._started += 1
            if index < self._at_once - 1:
                group.start_soon(self._work, group)
            outcome = await self._outcome_of(found[0])
            if outcome is not None:
                self._deliver(index, outcome)

    async def _next_item(self) -> tuple[A] | None:
        """Return the next item; None at the end, or after a failure of the items, which ends the map."""
        source = self._source
        try:
            if isinstance(source, AsyncIterator):
                # One at a time: it may be a generator. Others return at once, so that they need no lock.
                async with self._source_lock:
                    item = END if self._failure is not None else await anext(source, END)
            else:
                item = END if self._failure is not None else next(cast("Iterator[A]", source), END)
        except asyncio.CancelledError as exc:
            self._fail(foreign_cancellation(exc))
        except BaseException as exc:  # noqa: BLE001 - raised to the consumer, after the outcomes before it
            self._fail(exc)
        else:
            return None if item is END else (cast("A", item),)
        return None

    async def _outcome_of(self, item: A) -> Outcome[A, R] | None:
        """Return the outcome of one item; None after an exception that is none of its own, which ends the map."""
        try:
            awaitable = self._call(item)
            if not inspect.isawaitable(cast("object", awaitable)):
                message = f"call must be an async function; for one item it returned {type(awaitable).__name__}."
                return Outcome(item, error=UsageError(message, argument="call"))
            return Outcome(item, await awaitable)
        except asyncio.CancelledError as exc:
            try:
                return Outcome(item, error=foreign_cancellation(exc))
            except asyncio.CancelledError:
                # anyio takes a cancelled worker for one that has ended.
                self._fail(_cancelled_error())
                raise
        except Exception as exc:  # noqa: BLE001 - part of the outcome: the other items go on
            return Outcome(item, error=exc)
        except BaseException as exc:  # noqa: BLE001 - such as that of pytest.fail: raised to the consumer
            self._fail(exc)
            return None

    def _fail(self, exc: BaseException) -> None:
        """End the map with an exception, which the consumer gets after the outcomes before it.

        Raises:
            BaseException: It ends the whole program.
        """
        if isinstance(exc, KeyboardInterrupt | SystemExit):
            raise exc
        if isinstance(exc, StopAsyncIteration):
            # Raised to the consumer, it would pass for the end.
            error = TravisError(f"items raised {exc!r}.")
            error.__cause__ = exc
            exc = error
        self._failure = self._failure or exc

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
        except BaseException as exc:  # noqa: BLE001 - the user's callback: raised to the consumer
            self._fail(exc)


def _cancelled_error() -> TravisError:
    return TravisError("The calls of this map were cancelled from outside before its end.")
