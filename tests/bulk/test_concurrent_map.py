"""A function called with many items concurrently."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.bulk.concurrent_map import AHEAD_FACTOR, ConcurrentMap, Outcome
from aiotravis.bulk.progress import Progress
from aiotravis.errors import UsageError


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


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9), st.booleans(), st.randoms())
async def test_each_item_has_one_outcome(items: list[int], at_once: int, ordered: bool, draw: Any) -> None:
    running = most = 0

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
        assert [outcome.value async for outcome in outcomes] == []
    with pytest.raises(UsageError, match=r"Call map\(\) again"):
        await outcomes.__aenter__()


@pytest.mark.parametrize("at_once", [0, -1, True])
def test_at_once_must_be_a_positive_whole_number(at_once: int) -> None:
    with pytest.raises(UsageError, match="at_once must be a whole number of at least 1"):
        concurrent_map(double, [1], at_once=at_once)


@pytest.mark.parametrize("items", ["12", b"12", 12])
def test_items_must_be_iterable_and_not_a_string(items: Any) -> None:
    with pytest.raises(UsageError, match="items must be several"):
        concurrent_map(double, items)


def test_an_outcome_shows_its_item_and_its_value_or_error() -> None:
    assert repr(Outcome(1, 2)) == "Outcome(item=1, value=2)"
    assert repr(Outcome[int, int](1, error=LookupError("no"))) == "Outcome(item=1, error=LookupError('no'))"
