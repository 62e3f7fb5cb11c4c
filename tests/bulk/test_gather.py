"""Several calls at once."""

import anyio
import anyio.lowlevel
import pytest

from aiotravis.bulk.gather import concurrently


async def test_results_come_in_the_order_of_the_items() -> None:
    async def call(number: int) -> int:
        for _ in range(5 - number):
            await anyio.lowlevel.checkpoint()
        return number * 2

    assert await concurrently(call, range(5)) == [0, 2, 4, 6, 8]
    assert await concurrently(call, [3]) == [6]
    assert await concurrently(call, []) == []


async def test_the_first_failure_comes_bare_and_ends_the_rest() -> None:
    ended: list[int] = []

    async def call(number: int) -> int:
        if number == 2:
            raise KeyError(number)
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(number)
        return number

    with pytest.raises(KeyError):
        await concurrently(call, range(4))
    assert sorted(ended) == [0, 1, 3]
