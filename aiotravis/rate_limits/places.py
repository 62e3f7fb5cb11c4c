"""The place of a task in the line: who came first is done first.

A flow sends several requests. If each request had its own place, a thousand flows would advance together and all finish
at the end. So a task keeps the place of its first request.
"""

import itertools
import time
from asyncio import current_task
from contextvars import ContextVar
from typing import Final

__all__ = ["MAX_AGE", "current_place", "keep_place"]

MAX_AGE: Final = 300.0
"""Seconds for which a task keeps its place, so that tasks that never end do not keep others waiting for ever."""

_numbers: Final = itertools.count(1)

_place: Final[ContextVar[tuple[int, int, float]]] = ContextVar("place", default=(0, 0, 0.0))
"""Id of the task, since other tasks inherit its context; its place; when the place was taken."""


def keep_place() -> None:
    """Make the running task have its place from now on."""
    # Each request does this: id() and get() are all that it may cost.
    task = id(current_task())
    if _place.get()[0] != task:
        _place.set((task, next(_numbers), time.monotonic()))


def current_place() -> int:
    """Return the place of the running task."""
    task, now = id(current_task()), time.monotonic()
    owner, number, since = _place.get()
    if owner != task or now - since > MAX_AGE:
        number = next(_numbers)
        _place.set((task, number, now))
    return number
