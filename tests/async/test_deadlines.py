"""What is under way: deadlines that are put off, reached, or cut short by the end of all."""

import anyio
import anyio.lowlevel
import pytest

from aiotravis._async.deadlines import Deadline, InFlight


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
