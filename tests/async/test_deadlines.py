"""What is under way: deadlines that are put off, reached, or cut short by the end of all."""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from aiotravis._async import deadlines
from aiotravis._async.deadlines import Deadline, InFlight, current_deadline


async def test_a_block_ends_at_its_deadline_without_an_error() -> None:
    in_flight, reached = InFlight(), False
    with Deadline(in_flight) as deadline:
        deadline.set(anyio.current_time() + 0.01)
        await anyio.sleep_forever()
        reached = True
    assert not reached
    await in_flight.aclose()


async def test_each_of_many_blocks_ends_at_its_own_deadline() -> None:
    in_flight, ended = InFlight(), list[int]()
    began = anyio.current_time()

    async def wait(place: int) -> None:
        with Deadline(in_flight) as deadline:
            deadline.set(began + 0.1 * place)
            await anyio.sleep_forever()
        assert anyio.current_time() >= began + 0.1 * place
        ended.append(place)

    async with anyio.create_task_group() as group:
        for place in (3, 1, 2):
            group.start_soon(wait, place)
    assert ended == [1, 2, 3]


async def test_a_moved_or_cleared_deadline_does_not_end_the_block() -> None:
    in_flight = InFlight()
    began = anyio.current_time()
    with Deadline(in_flight) as kept, Deadline(in_flight) as taken_back:
        kept.set(began + 0.01)
        taken_back.set(began + 0.01)
        kept.set(began + 0.04)
        taken_back.clear()
        await anyio.sleep_forever()
    assert anyio.current_time() >= began + 0.04
    # The second block was within the first: it was not ended by itself.
    assert taken_back.when > kept.when
    await in_flight.aclose()


async def test_aclose_ends_every_block_and_waits_for_it() -> None:
    in_flight, ended = InFlight(), list[int]()

    async def wait(place: int) -> None:
        with Deadline(in_flight) as deadline:
            deadline.set(anyio.current_time() + 60)
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.lowlevel.checkpoint()
                    await anyio.lowlevel.checkpoint()
        ended.append(place)

    async with anyio.create_task_group() as group:
        for place in range(3):
            group.start_soon(wait, place)
        await anyio.wait_all_tasks_blocked()
        await in_flight.aclose()
    assert sorted(ended) == [0, 1, 2]


async def test_an_exception_in_a_block_is_raised() -> None:
    in_flight = InFlight()
    with pytest.raises(ValueError, match="as it is"), Deadline(in_flight):
        raise ValueError("as it is")
    await in_flight.aclose()


@pytest.mark.parametrize("first", ["outer", "deadline"])
async def test_a_cancellation_from_outside_outlasts_that_of_the_deadline(first: str) -> None:
    in_flight, entered = InFlight(), asyncio.Event()

    async def wait() -> None:
        with Deadline(in_flight) as deadline:
            deadline.set(anyio.current_time() + 60)
            entered.set()
            await anyio.sleep_forever()
        raise AssertionError("the block has swallowed the cancellation of its task")

    task = asyncio.create_task(wait())
    await entered.wait()
    (deadline,) = in_flight._deadlines
    for cancel in (task.cancel, deadline.cancel) if first == "outer" else (deadline.cancel, task.cancel):
        cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_scope_around_a_block_that_both_end_is_left_normally() -> None:
    in_flight = InFlight()
    with anyio.CancelScope() as scope:
        with Deadline(in_flight) as deadline:
            asyncio.get_running_loop().call_soon(scope.cancel)
            asyncio.get_running_loop().call_soon(deadline.cancel)
            await anyio.sleep_forever()
        await anyio.sleep_forever()
    task = asyncio.current_task()
    assert task is not None
    assert (scope.cancelled_caught, task.cancelling()) == (True, 0)


async def test_after_a_block_its_task_can_be_cancelled_as_before() -> None:
    in_flight = InFlight()
    with Deadline(in_flight) as deadline:
        deadline.set(anyio.current_time())
        await anyio.sleep_forever()
    task = asyncio.current_task()
    assert task is not None
    assert (task.cancelling(), current_deadline.get()) == (0, None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anyio.sleep_forever()


@pytest.mark.parametrize("closing", [False, True])
async def test_a_swallowed_cancellation_is_repeated(monkeypatch: pytest.MonkeyPatch, closing: bool) -> None:
    monkeypatch.setattr(deadlines, "REPEAT_AFTER", 0.01)
    in_flight, swallowed = InFlight(), 0

    async def wait() -> None:
        nonlocal swallowed
        with Deadline(in_flight) as deadline:
            deadline.set(anyio.current_time() + (60 if closing else 0))
            while swallowed < 3:
                try:
                    await anyio.sleep_forever()
                except asyncio.CancelledError:
                    swallowed += 1
            await anyio.sleep_forever()

    task = asyncio.create_task(wait())
    await anyio.wait_all_tasks_blocked()
    if closing:
        await in_flight.aclose()
    await task
    assert swallowed == 3


async def test_closing_lets_a_block_clean_up_undisturbed() -> None:
    in_flight, cleaned = InFlight(), list[int]()

    async def wait() -> None:
        with Deadline(in_flight):
            try:
                await anyio.sleep_forever()
            finally:
                for turn in range(20):
                    await anyio.lowlevel.checkpoint()
                    cleaned.append(turn)

    task = asyncio.create_task(wait())
    await anyio.wait_all_tasks_blocked()
    await in_flight.aclose()
    await task
    assert cleaned == list(range(20))
