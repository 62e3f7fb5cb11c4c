"""One function called with many items at the same time."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

__all__ = ["gather"]

A = TypeVar("A")
R = TypeVar("R")


async def gather(call: Callable[[A], Awaitable[R]], items: Iterable[A]) -> list[R]:
    """Call with all items at the same time and return the results in the order of the items.

    Raises:
        Exception: The first failure, not wrapped in a group. The other calls are cancelled.
    """
    items = list(items)
    if len(items) == 1:
        return [await call(items[0])]
    results: dict[int, R] = {}
    failures: list[Exception] = []

    async def run_one(index: int, item: A) -> None:
        try:
            results[index] = await call(item)
        except Exception as exc:  # noqa: BLE001 - raised below, outside of the exception group
            failures.append(exc)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index, item in enumerate(items):
            group.start_soon(run_one, index, item)
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(items))]
