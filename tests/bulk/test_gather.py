"""One function called with many items at the same time."""

import anyio
import anyio.lowlevel
import pytest

from aiotravis.bulk.gather import gather


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
