"""Several calls at once: results in order, the first failure ends the rest."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

__all__ = ["concurrently"]

A = TypeVar("A")
R = TypeVar("R")


async def concurrently(call: Callable[[A], Awaitable[R]], items: Iterable[A]) -> list[R]:
    """Call with each item at once, and wait for all.

    Returns:
        One result for each item, in the order of the items.

    Raises:
        Exception: What the first failing call raised, bare; the others were cancelled.
    """
    items = list(items)
    if len(items) == 1:
        return [await call(items[0])]
    results: dict[int, R] = {}
    failures: list[Exception] = []

    async def one(place: int, item: A) -> None:
        try:
            results[place] = await call(item)
        except Exception as exc:  # noqa: BLE001 - handed to the caller below, out of the exception group
            failures.append(exc)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for place, item in enumerate(items):
            group.start_soon(one, place, item)
    if failures:
        raise failures[0]
    return [results[place] for place in range(len(items))]
