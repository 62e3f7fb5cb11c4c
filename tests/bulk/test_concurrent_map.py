"""A function called with many items concurrently."""

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.bulk.concurrent_map import AHEAD_FACTOR, ConcurrentMap, Outcome
from aiotravis.bulk.progress import Progress
from aiotravis.errors import TravisError, UsageError


def concurrent_map(
    call: Callable[[int], Awaitable[int]],
    items: Iterable[int] | AsyncIterable[int],
    *,
    at_once: int = 3,
    ordered: bool = True,
    progress: Callable[[Progress], None] | None = None,
) -> ConcurrentMap[int, int]:
    return ConcurrentMap(call, items, at_once=at_once, ordered=ordered, progress=progress, waiting=lambda: 0)


async def double(number: int) -> int:
    await anyio.lowlevel.checkpoint()
    return number * 2


async def exhaust(outcomes: ConcurrentMap[int, int]) -> None:
    async for _ in outcomes:
        pass


class Gate:
    """A function that returns its item once `open` was called with it."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.finished: list[int] = []
        self._open: dict[int, asyncio.Event] = {}

    def open(self, number: int) -> None:
        self._open.setdefault(number, asyncio.Event()).set()

    async def __call__(self, number: int) -> int:
        self.started.append(number)
        try:
            await self._open.setdefault(number, asyncio.Event()).wait()
        finally:
            self.finished.append(number)
        return number


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9), st.booleans(), st.integers())
async def test_each_item_has_one_outcome(items: list[int], at_once: int, ordered: bool, seed: int) -> None:
    running = most = 0
    draw = random.Random(seed)

    async def call(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(draw.randrange(4)):
            await anyio.lowlevel.checkpoint()
        running -= 1
        if number % 3 == 0:
            raise LookupError(number)
        return number * 2

    reported: list[Progress] = []
    async with concurrent_map(call, items, at_once=at_once, ordered=ordered, progress=reported.append) as outcomes:
        found = [outcome async for outcome in outcomes]
    numbers = [outcome.item for outcome in found]
    assert (numbers if ordered else sorted(numbers)) == (items if ordered else sorted(items))
    for outcome in found:
        if outcome.item % 3:
            assert (outcome.value, outcome.error) == (outcome.item * 2, None)
        else:
            with pytest.raises(LookupError):
                _ = outcome.value
    assert most <= at_once
    failed = sum(number % 3 == 0 for number in items)
    assert [step.done for step in reported] == list(range(1, len(items) + 1))
    assert not reported or reported[-1] == Progress(done=len(items), failed=failed, total=len(items), waiting=0)


async def test_outcomes_come_in_order_or_as_completed() -> None:
    for ordered, expected in ((True, [1, 2, 3]), (False, [3, 1, 2])):
        gate = Gate()
        found: list[int] = []
        async with concurrent_map(gate, [1, 2, 3], ordered=ordered) as outcomes:
            for number in (3, 1, 2):
                gate.open(number)
                await anyio.wait_all_tasks_blocked()
            found = [outcome.value async for outcome in outcomes]
        assert found == expected


async def test_workers_wait_for_a_slow_consumer() -> None:
    consumed: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            consumed.append(number)
            yield number
            number += 1

    async with concurrent_map(double, endless(), at_once=2) as outcomes:
        assert (await anext(outcomes)).value == 0
        await anyio.wait_all_tasks_blocked()
        assert len(consumed) == AHEAD_FACTOR * 2 + 1
        assert (await anext(outcomes)).value == 2
        await anyio.wait_all_tasks_blocked()
        assert len(consumed) == AHEAD_FACTOR * 2 + 2


async def test_leaving_the_block_cancels_running_calls() -> None:
    gate, before = Gate(), asyncio.all_tasks()
    async with concurrent_map(gate, range(100), at_once=5) as outcomes:
        gate.open(0)
        assert (await anext(outcomes)).value == 0
        await anyio.wait_all_tasks_blocked()
    assert sorted(gate.started) == sorted(gate.finished) == list(range(6))
    assert asyncio.all_tasks() == before


async def test_items_may_come_from_an_async_iterator() -> None:
    async def slowly() -> AsyncGenerator[int]:
        for number in range(5):
            await anyio.lowlevel.checkpoint()
            yield number

    async with concurrent_map(double, slowly()) as outcomes:
        assert [outcome.value async for outcome in outcomes] == [0, 2, 4, 6, 8]


async def test_an_error_of_the_items_is_raised_after_the_outcomes_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("mine")

    async with concurrent_map(double, failing(), at_once=5) as outcomes:
        assert [(await anext(outcomes)).value for _ in range(2)] == [2, 4]
        with pytest.raises(LookupError, match="mine"):
            await anext(outcomes)


async def test_an_error_of_the_callback_ends_the_map_without_losing_outcomes() -> None:
    def fail(step: Progress) -> None:
        if step.done == 3:
            raise LookupError("mine")

    async with concurrent_map(double, range(100), at_once=1, progress=fail) as outcomes:
        assert [(await anext(outcomes)).value for _ in range(3)] == [0, 2, 4]
        with pytest.raises(LookupError, match="mine"):
            await anext(outcomes)


async def test_a_map_needs_a_block_and_works_once() -> None:
    outcomes = concurrent_map(double, [1])
    with pytest.raises(UsageError, match=r"Use map\(\) in an `async with` block"):
        await anext(outcomes)
    async with outcomes:
        assert [outcome.value async for outcome in outcomes] == [2]
        with pytest.raises(UsageError, match="iterated to its end"):
            aiter(outcomes)
    with pytest.raises(UsageError, match=r"Call map\(\) again"):
        await outcomes.__aenter__()


@pytest.mark.parametrize("taken", [0, 1, 3])
async def test_after_its_block_a_map_raises_instead_of_waiting(taken: int) -> None:
    async with concurrent_map(double, [1, 2, 3]) as outcomes:
        for _ in range(taken):
            await anext(outcomes)
    for _ in range(2):
        with pytest.raises(UsageError, match="block of this map was left"):
            await anext(outcomes)


async def test_a_task_that_waits_while_another_leaves_the_block_is_told() -> None:
    async with concurrent_map(Gate(), [1]) as outcomes:
        waiting = asyncio.ensure_future(anext(outcomes))
        await anyio.wait_all_tasks_blocked()
    with pytest.raises(UsageError, match="block of this map was left"):
        await waiting


async def test_awaiting_a_map_names_the_remedy() -> None:
    with pytest.raises(UsageError, match=r"A ConcurrentMap cannot be awaited: use it in a block, `async with"):
        await concurrent_map(double, [1])  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


def test_without_an_event_loop_of_asyncio_a_map_names_the_remedy() -> None:
    outcomes = concurrent_map(double, [1])
    with pytest.raises(UsageError, match="aiotravis needs asyncio"):
        outcomes.__aenter__().send(None)

    async def main() -> None:
        async with outcomes:
            assert [outcome.value async for outcome in outcomes] == [2]

    anyio.run(main)


async def test_a_map_shows_its_state() -> None:
    outcomes = concurrent_map(double, [1, 2])
    assert repr(outcomes) == "<ConcurrentMap not entered, 0 taken>"
    async with outcomes:
        await anext(outcomes)
        assert repr(outcomes) == "<ConcurrentMap open, 1 taken>"
        assert len([outcome async for outcome in outcomes]) == 1
        assert repr(outcomes) == "<ConcurrentMap ended, 2 taken>"
    assert repr(outcomes) == "<ConcurrentMap left, 2 taken>"


@pytest.mark.parametrize("tasks", [2, 20])
async def test_tasks_that_share_a_map_get_each_outcome_once(tasks: int) -> None:
    seen: list[int] = []
    async with concurrent_map(double, range(200), at_once=4) as outcomes:

        async def iterate() -> None:
            async for outcome in outcomes:
                seen.append(outcome.item)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            for _ in range(tasks):
                group.start_soon(iterate)
    assert seen == list(range(200))


# Never fewer outcomes than items --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("at_once", [1, 3, 100])
async def test_a_call_that_awaits_what_somebody_cancelled_has_an_error(ordered: bool, at_once: int) -> None:
    async def call(number: int) -> int:
        if number % 10 == 5:
            task = asyncio.ensure_future(anyio.sleep_forever())
            asyncio.get_running_loop().call_soon(task.cancel)
            await task
        return number

    async with concurrent_map(call, range(60), at_once=at_once, ordered=ordered) as outcomes:
        found = [outcome async for outcome in outcomes]
    assert sorted(outcome.item for outcome in found) == list(range(60))
    assert [outcome.item for outcome in found if outcome.error] == [5, 15, 25, 35, 45, 55]
    with pytest.raises(TravisError, match="cancelled from outside"):
        _ = next(outcome for outcome in found if outcome.error).value


class Unusual(BaseException):
    """As of `pytest.fail`."""


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("at_once", [1, 3, 100])
async def test_an_exception_that_is_no_error_ends_the_map_with_it(ordered: bool, at_once: int) -> None:
    async def call(number: int) -> int:
        if number == 5:
            raise Unusual
        return number

    async with concurrent_map(call, range(60), at_once=at_once, ordered=ordered) as outcomes:
        found = [(await anext(outcomes)).item for _ in range(5)]
        for _ in range(2):
            with pytest.raises(Unusual):
                await exhaust(outcomes)
    assert found == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("at_once", [1, 3])
async def test_a_map_whose_tasks_are_cancelled_from_outside_ends_with_an_error(own: bool, at_once: int) -> None:
    async def call(number: int) -> int:
        # anyio complains about a task that is cancelled before it has begun.
        await anyio.lowlevel.checkpoint()
        if number == 4:
            for task in asyncio.all_tasks():
                if task is asyncio.current_task() if own else "map" in task.get_name():
                    task.cancel()
            await anyio.sleep_forever()
        return number

    async with concurrent_map(call, range(60), at_once=at_once) as outcomes:
        assert [(await anext(outcomes)).item for _ in range(4)] == [0, 1, 2, 3]
        with pytest.raises(TravisError, match="cancelled from outside before its end"):
            await exhaust(outcomes)


class Odd:
    """Items that fail in the way asked for, after two of them; at the beginning without any."""

    def __init__(self, error: BaseException, first: int = 0) -> None:
        self.error, self.left = error, first

    def __iter__(self) -> Iterator[int]:
        if not self.left:
            raise self.error
        return self

    def __next__(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return self.left


class AsyncOdd(Odd):
    """The same, asynchronous. StopAsyncIteration is its normal end."""

    __iter__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    def __aiter__(self) -> "AsyncOdd":
        super().__iter__()
        return self

    async def __anext__(self) -> int:
        return super().__next__()


@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("kind", [Odd, AsyncOdd])
@pytest.mark.parametrize("error", [LookupError(), Unusual(), StopAsyncIteration(), asyncio.CancelledError()], ids=repr)
async def test_items_that_fail_in_odd_ways_end_the_map_with_an_error(
    error: BaseException, kind: Any, first: int
) -> None:
    if kind is AsyncOdd and isinstance(error, StopAsyncIteration) and first:
        return
    wanted = type(error) if isinstance(error, LookupError | Unusual) else TravisError
    async with concurrent_map(double, kind(error, first)) as outcomes:
        assert [(await anext(outcomes)).item for _ in range(first)] == [1, 0][:first]
        with pytest.raises(wanted):
            await anext(outcomes)


@pytest.mark.parametrize("error", [StopAsyncIteration(), Unusual()], ids=repr)
async def test_a_progress_that_raises_oddly_does_not_end_the_map_normally(error: BaseException) -> None:
    def report(_: Progress) -> None:
        raise error

    async with concurrent_map(double, range(9), progress=report) as outcomes:
        with pytest.raises((TravisError, Unusual)):
            await exhaust(outcomes)


async def test_a_thousand_idle_workers_cost_nothing_per_outcome() -> None:
    woken = 0

    async def call(number: int) -> int:
        nonlocal woken
        woken += 1
        return number

    async with concurrent_map(call, itertools.count(), at_once=1000) as outcomes:
        await anext(outcomes)
        await anyio.wait_all_tasks_blocked()
        before = woken
        for _ in range(100):
            await anext(outcomes)
            await anyio.wait_all_tasks_blocked()
        assert woken == before + 100


# Arguments ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", [None, 3, "text", [1]])
async def test_a_function_that_is_not_async_is_the_error_of_each_item(result: object) -> None:
    def call(_: int) -> Any:
        return result

    async with concurrent_map(call, [1, 2]) as outcomes:
        errors = [outcome.error async for outcome in outcomes]
    assert [getattr(error, "argument", None) for error in errors] == ["call", "call"]
    assert f"it returned {type(result).__name__}" in str(errors[0])


@pytest.mark.parametrize("call", [None, 3, "get"])
def test_call_must_be_a_function(call: Any) -> None:
    with pytest.raises(UsageError, match="call must be an async function") as info:
        concurrent_map(call, [1])
    assert info.value.argument == "call"


@pytest.mark.parametrize("at_once", [0, -1, True, 1.5, "3", None])
def test_at_once_must_be_a_positive_whole_number(at_once: Any) -> None:
    with pytest.raises(UsageError, match="at_once must be a whole number of at least 1") as info:
        concurrent_map(double, [1], at_once=at_once)
    assert info.value.argument == "at_once"


def test_the_order_must_be_a_truth_value() -> None:
    with pytest.raises(UsageError, match="ordered must be True or False") as info:
        concurrent_map(double, [1], ordered=cast("Any", "no"))
    assert info.value.argument == "ordered"


@pytest.mark.parametrize("items", ["12", b"12", 12])
def test_items_must_be_iterable_and_not_a_string(items: Any) -> None:
    with pytest.raises(UsageError, match="items must be several"):
        concurrent_map(double, items)


def test_an_outcome_shows_its_item_and_its_value_or_error() -> None:
    assert repr(Outcome(1, 2)) == "Outcome(item=1, value=2)"
    assert repr(Outcome[int, int](1, error=LookupError("no"))) == "Outcome(item=1, error=LookupError('no'))"
