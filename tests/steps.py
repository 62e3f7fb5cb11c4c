"""Cancel a coroutine at a chosen point of suspension."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Steps:
    """A coroutine whose task is cancelled at its n-th suspension.

    Attributes:
        taken: Number of suspensions so far.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, None], at: int) -> None:
        self._coroutine = coroutine
        self._at = at
        self.taken = 0

    def __await__(self) -> Generator[Any, Any, None]:
        resume: Callable[[Any], Any] = self._coroutine.send
        value: Any = None
        while True:
            try:
                waited_for = resume(value)
            except StopIteration:
                return
            self.taken += 1
            if self.taken == self._at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                value, resume = (yield waited_for), self._coroutine.send
            except BaseException as exc:  # noqa: BLE001 - passed on
                value, resume = exc, self._coroutine.throw


async def cancelled(coroutine: Coroutine[Any, Any, None], at: int) -> int:
    """Run a coroutine, cancel it at its n-th suspension, return the number of suspensions."""
    steps = Steps(coroutine, at)

    async def run() -> None:
        await steps

    task = asyncio.ensure_future(run())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
        assert steps.taken < at, "the cancellation was swallowed"
    return steps.taken
