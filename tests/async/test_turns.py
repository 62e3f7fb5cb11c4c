"""Long work in turns with whatever else runs in the loop."""

import asyncio
from collections.abc import Generator

import anyio
import pytest

from aiotravis._async._turns import in_turns


def counted(steps: int, ended: list[str]) -> Generator[None, None, int]:
    try:
        for _ in range(steps):
            yield
    finally:
        ended.append("ended")
    return steps


async def test_others_run_between_two_steps() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(other())
    assert await in_turns(counted(50, [])) == 50
    task.cancel()
    assert turns >= 48


async def test_what_goes_wrong_is_raised() -> None:
    def failing() -> Generator[None, None, int]:
        yield
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        await in_turns(failing())


async def test_cancelling_ends_the_work() -> None:
    ended: list[str] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        await in_turns(counted(10**9, ended))
    assert scope.cancelled_caught
    assert ended == ["ended"]
