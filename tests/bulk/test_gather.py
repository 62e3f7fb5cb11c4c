"""One function called with many items at the same time."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest

from aiotravis.bulk.gather import gather
from aiotravis.errors import TravisError


async def test_results_are_in_the_order_of_the_items() -> None:
    async def call(number: int) -> int:
        for _ in range(5 - number):
            await anyio.lowlevel.checkpoint()
        return number * 2

    assert await gather(call, range(5)) == [0, 2, 4, 6, 8]
    assert await gather(call, [3]) == [6]
    assert await gather(call, []) == []


async def test_the_first_failure_is_raised_bare_and_cancels_the_other_calls() -> None:
    cancelled: list[int] = []

    async def call(number: int) -> int:
        if number == 2:
            raise KeyError(number)
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(number)
        return number

    with pytest.raises(KeyError):
        await gather(call, range(4))
    assert sorted(cancelled) == [0, 1, 3]


@pytest.mark.parametrize(("count", "at_once"), [(1, 3), (3, 3), (20, 3), (20, 1)])
async def test_each_call_that_ends_makes_room_for_the_next(count: int, at_once: int) -> None:
    running, seen = 0, set[int]()

    async def call(number: int) -> int:
        nonlocal running
        running += 1
        seen.add(running)
        for _ in range(1 + number % 3):
            await anyio.lowlevel.checkpoint()
        running -= 1
        return number

    assert await gather(call, range(count), at_once=at_once) == list(range(count))
    assert max(seen) == min(count, at_once)


@pytest.mark.parametrize("count", [1, 5])
async def test_what_a_failed_or_cancelled_call_has_got_is_not_called_again(count: int) -> None:
    called: list[int] = []
    results: dict[int, int] = {}
    slow: Callable[[], Awaitable[None]] = anyio.sleep_forever

    async def call(number: int) -> int:
        called.append(number)
        if number == count - 1:
            await slow()
        return number

    for _ in range(2):
        with anyio.move_on_after(0.01):
            await gather(call, range(count), results)
    assert list(results) == list(range(count - 1))

    async def fail() -> None:
        raise LookupError

    slow = fail
    with pytest.raises(LookupError):
        await gather(call, range(count), results)
    slow = anyio.lowlevel.checkpoint
    assert await gather(call, range(count), results) == list(range(count))
    assert called == [*range(count - 1), *[count - 1] * 4]


@pytest.mark.parametrize("count", [1, 5])
async def test_a_call_that_awaits_what_somebody_cancelled_is_an_error(count: int) -> None:
    async def call(number: int) -> int:
        task = asyncio.ensure_future(anyio.sleep_forever())
        asyncio.get_running_loop().call_soon(task.cancel)
        await task
        return number

    with pytest.raises(TravisError, match="cancelled from outside") as info:
        await gather(call, range(count))
    assert isinstance(info.value.__cause__, asyncio.CancelledError)


@pytest.mark.parametrize("count", [1, 5])
async def test_a_cancelled_task_ends_as_cancelled(count: int) -> None:
    async def call(_: int) -> None:
        await anyio.sleep_forever()

    task = asyncio.ensure_future(gather(call, range(count)))
    await anyio.lowlevel.checkpoint()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with anyio.CancelScope() as scope:
        scope.cancel()
        await gather(call, range(count))
    assert scope.cancelled_caught
