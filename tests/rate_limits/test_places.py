"""The places of tasks in the line."""

import asyncio

import pytest

from aiotravis.rate_limits import places
from aiotravis.rate_limits.places import current_place


async def test_a_task_keeps_its_place_and_others_have_later_ones() -> None:
    async def flow() -> tuple[int, int]:
        first = current_place()
        await asyncio.sleep(0)
        return first, current_place()

    mine = current_place()
    taken = await asyncio.gather(*(flow() for _ in range(5)))
    assert [first for first, _ in taken] == [again for _, again in taken] == list(range(mine + 1, mine + 6))
    assert current_place() == mine


async def test_a_task_that_never_ends_gives_up_its_place_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = current_place()
    monkeypatch.setattr(places, "MAX_AGE", -1.0)
    assert current_place() > first
