"""One function called with many items at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from aiotravis.errors import TravisError

__all__ = ["foreign_cancellation", "gather"]

A = TypeVar("A")
R = TypeVar("R")


async def gather(
    call: Callable[[A], Awaitable[R]],
    items: Sequence[A],
    results: dict[int, R] | None = None,
    *,
    at_once: int | None = None,
) -> list[R]:
    """Call with all items at the same time and return the results in the order of the items.

    Args:
        call: The function.
        items: The items.
        results: Receives each result under the index of its item. What an earlier call that failed or was cancelled
            left there is not called again.
        at_once: Maximum number of calls that run at the same time: each that ends makes room for the next.

    Raises:
        Exception: The first failure, not wrapped in a group. The other calls are cancelled.
    """
    results = {} if results is None else results
    failures: list[Exception] = []

    async def run_one(index: int) -> None:
        try:
            results[index] = await call(items[index])
        except asyncio.CancelledError as exc:
            failures.append(foreign_cancellation(exc))
        except Exception as exc:  # noqa: BLE001 - raised below, outside of the exception group
            failures.append(exc)

    async def work() -> None:
        for index in waiting:
            await run_one(index)
            if failures:
                group.cancel_scope.cancel()
                return

    missing = [index for index in range(len(items)) if index not in results]
    waiting = iter(missing)
    if len(missing) == 1:
        await run_one(missing[0])
    else:
        async with anyio.create_task_group() as group:
            for _ in missing[:at_once]:
                group.start_soon(work)
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(items))]


def foreign_cancellation(exc: asyncio.CancelledError) -> TravisError:
    """Return the error for a call that ended as cancelled although its own task was not.

    Something that it awaited was: a task that somebody else cancelled.

    Raises:
        asyncio.CancelledError: The task itself is being cancelled.
    """
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise exc
    error = TravisError("The call was cancelled from outside: something that it awaited was cancelled. Try again.")
    error.__cause__ = exc
    return error
