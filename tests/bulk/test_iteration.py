"""What async iterators over entities have in common."""

from itertools import pairwise
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from aiotravis import errors
from aiotravis.bulk import iteration
from aiotravis.bulk.iteration import EntityIterator


class Countdown(EntityIterator[int]):
    """Yields 3, 2, 1."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 3

    async def _next(self) -> int:
        await anyio.lowlevel.checkpoint()
        if self.left == 0:
            raise StopAsyncIteration
        self.left -= 1
        return self.left + 1


async def test_to_list_returns_what_has_not_been_iterated_yet() -> None:
    countdown = Countdown()
    assert await anext(countdown) == 3
    assert await countdown.to_list() == [2, 1]


async def test_to_list_takes_no_more_than_its_limit() -> None:
    countdown = Countdown()
    assert await countdown.to_list(limit=0) == []
    assert await countdown.to_list(limit=2) == [3, 2]
    assert await countdown.to_list(limit=2) == [1]
    wrong: Any
    for wrong in (-1, 1.5, "3", True):
        with pytest.raises(errors.UsageError) as info:
            await Countdown().to_list(limit=wrong)
        assert info.value.argument == "limit"


async def test_iterating_again_after_the_end_raises_instead_of_yielding_nothing() -> None:
    countdown = Countdown()
    assert await countdown.to_list() == [3, 2, 1]
    for _ in range(2):
        with pytest.raises(errors.UsageError, match="This Countdown has been iterated to its end"):
            await countdown.to_list()
        with pytest.raises(errors.UsageError, match="iterated to its end"):
            aiter(countdown)
    assert await anext(countdown, None) is None
    assert await countdown.first() is None


@pytest.mark.parametrize("tasks", [2, 3, 5])
async def test_tasks_that_share_an_iterator_get_each_entity_once(tasks: int) -> None:
    countdown, seen = Countdown(), list[int]()

    async def iterate() -> None:
        async for number in countdown:
            seen.append(number)

    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(iterate)
    assert seen == [3, 2, 1]


@pytest.mark.parametrize("tasks", [1, 3])
async def test_others_have_their_turn_while_much_was_read_ahead(tasks: int) -> None:
    class Ahead(Countdown):
        async def _next(self) -> int:
            if self.left:
                self.left = 0
                self._ready.extend(range(1, 1001))
                return 0
            raise StopAsyncIteration

    ahead, seen, steps = Ahead(), list[int](), list[int]()

    async def iterate() -> None:
        async for number in ahead:
            seen.append(number)

    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(iterate)
        while len(seen) < 1001:
            steps.append(len(seen))
            await anyio.lowlevel.checkpoint()
    assert seen == list(range(1001))
    assert max(after - before for before, after in pairwise(steps)) <= iteration.STEPS_PER_TURN * tasks


async def test_a_cancelled_step_takes_no_entity_and_ends_nothing() -> None:
    countdown = Countdown()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anext(countdown)
    assert await countdown.to_list() == [3, 2, 1]


async def test_a_to_list_that_is_cancelled_or_fails_takes_no_entity() -> None:
    class Stalling(Countdown):
        stalled = True

        async def _next(self) -> int:
            if self.left == 1 and self.stalled:
                await anyio.sleep_forever()
            return await super()._next()

    countdown = Stalling()
    assert await countdown.first() == 3
    with anyio.move_on_after(0.01):
        await countdown.to_list()
    assert repr(countdown) == "<Stalling open, 1 taken>"
    countdown.stalled = False
    assert await countdown.first() == 2
    assert await countdown.to_list() == [1]


@pytest.mark.parametrize("tasks", [2, 20])
async def test_tasks_may_share_an_iterator_that_is_empty(tasks: int) -> None:
    class Empty(EntityIterator[int]):
        async def _next(self) -> int:
            raise StopAsyncIteration

    empty = Empty()
    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(empty.to_list)
    with pytest.raises(errors.UsageError, match="iterated to its end"):
        await empty.to_list()


async def test_an_iterator_shows_its_state() -> None:
    countdown = Countdown()
    assert repr(countdown) == "<Countdown not begun, 0 taken>"
    await anext(countdown)
    assert repr(countdown) == "<Countdown open, 1 taken>"
    await countdown.to_list()
    assert repr(countdown) == "<Countdown ended, 3 taken>"


async def test_first_returns_one_entity_and_none_at_the_end() -> None:
    countdown = Countdown()
    assert [await countdown.first() for _ in range(4)] == [3, 2, 1, None]


async def test_awaiting_an_iterator_raises_and_iterates_nothing() -> None:
    countdown = Countdown()
    with pytest.raises(errors.UsageError, match=r"^A Countdown cannot be awaited: iterate with `async for .*first\(\)"):
        await countdown  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    assert [number async for number in countdown] == [3, 2, 1]
