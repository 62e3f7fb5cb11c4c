"""What is waited for, by whom, and whether their wishes have come true."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import anyio

from aiotravis.errors import TravisError
from aiotravis.resources.builds import Build
from aiotravis.resources.jobs import Job

__all__ = ["Key", "RepositoryWatch", "Thing", "WaitTarget", "Waiter"]

Thing = Build | Job

Key = tuple[type[Build] | type[Job], int]
"""What is waited for: its class, and its id."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One who waits.

    Attributes:
        future: Becomes the build or job as wanted, or the error.
        until: Says whether it is as wanted.
    """

    future: "asyncio.Future[Any]"
    until: Callable[[Any], bool]

    def told(self, thing: Thing) -> bool:
        """Tell how a build or job is; give whether that was the end of the wait."""
        try:
            if not self.until(thing):
                return False
        except StopIteration as exc:
            # A future refuses this one; what it means inside of a coroutine, Python has settled.
            error = RuntimeError("until raised StopIteration")
            error.__cause__ = exc
            self.fail(error)
        except Exception as exc:  # noqa: BLE001 - the caller's own function: its failure is the caller's
            self.fail(exc)
        else:
            if not self.future.done():
                self.future.set_result(thing)
        return True

    def fail(self, error: Exception) -> None:
        """Tell why there is nothing to wait for; one who has just left is not told."""
        if not self.future.done():
            self.future.set_exception(error)


@dataclass(slots=True, eq=False)
class WaitTarget:
    """One build or job that somebody waits for.

    Attributes:
        waiters: Who.
        repository: Where its events come from, once that is known.
        started_at: When its present run began: events from before are about another.
    """

    waiters: list[Waiter] = field(default_factory=list[Waiter])
    repository: int | None = None
    started_at: datetime | None = None

    def settle(self, thing: Thing) -> None:
        """Let go of those whose wish has come true."""
        self.waiters = [waiter for waiter in self.waiters if not waiter.told(thing)]

    def fail(self, error: TravisError) -> None:
        """Let go of all, with an error."""
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            waiter.fail(error)


@dataclass(slots=True, eq=False)
class RepositoryWatch:
    """A repository that is listened to.

    Attributes:
        keys: What is waited for in it.
        scope: Ends the listening.
        live_unavailable: Whether the live channel is not to be had.
    """

    keys: set[Key] = field(default_factory=set[Key])
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    live_unavailable: bool = False
