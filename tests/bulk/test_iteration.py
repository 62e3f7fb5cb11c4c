"""What async iterators over entities have in common."""

import pytest

from aiotravis import errors
from aiotravis.bulk.iteration import EntityIterator


class Countdown(EntityIterator[int]):
    """Yields 3, 2, 1."""

    def __init__(self) -> None:
        self.left = 3

    async def __anext__(self) -> int:
        if self.left == 0:
            raise StopAsyncIteration
        self.left -= 1
        return self.left + 1


async def test_to_list_returns_what_has_not_been_iterated_yet() -> None:
    countdown = Countdown()
    assert await anext(countdown) == 3
    assert await countdown.to_list() == [2, 1]
    assert await countdown.to_list() == []


async def test_first_returns_one_entity_and_none_at_the_end() -> None:
    countdown = Countdown()
    assert [await countdown.first() for _ in range(4)] == [3, 2, 1, None]


async def test_awaiting_an_iterator_raises_and_iterates_nothing() -> None:
    countdown = Countdown()
    with pytest.raises(errors.UsageError, match=r"^A Countdown cannot be awaited: iterate with `async for .*first\(\)"):
        await countdown  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    assert [number async for number in countdown] == [3, 2, 1]
