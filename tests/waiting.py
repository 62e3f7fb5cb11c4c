"""Waiting for conditions without an event; a stub."""

from collections.abc import Callable

import anyio


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: It did not hold within so many seconds.
    """
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - the server's side of a socket has no event
            await anyio.sleep(0.001)


def ignored(*args: object) -> None:
    """Do nothing; a stub."""
