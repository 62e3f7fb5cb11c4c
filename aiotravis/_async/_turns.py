"""Long work in turns with whatever else runs in the loop."""

from collections.abc import Generator
from contextlib import closing
from typing import TypeVar

import anyio.lowlevel

__all__ = ["in_turns"]

T = TypeVar("T")


async def in_turns(steps: Generator[None, None, T]) -> T:
    """Do work step by step; between two of them, others run.

    Args:
        steps: The work: it stops where others may run, and returns what comes of it.

    Raises:
        Exception: What the work raises.
    """
    with closing(steps):
        while True:
            try:
                next(steps)
            except StopIteration as done:
                value: T = done.value
                return value
            await anyio.lowlevel.checkpoint()
