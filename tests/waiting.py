"""Waiting for what has no event of its own; standing in for what must not happen."""

from collections.abc import Callable

import anyio


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Let other tasks run until something holds.

    Raises:
        TimeoutError: It did not, in so many seconds.
    """
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - the server's side of a socket tells nobody
            await anyio.sleep(0.001)


def ignored(*args: object) -> None:
    """Do nothing, in place of something else."""
