"""Who waits for a build, told of how it is."""

import asyncio
from collections.abc import Callable

import pytest

from aiotravis import Build, State, errors
from aiotravis.flows.repository_watch import Waiter, WaitTarget

PASSED = Build(id=7, number="1", state=State.PASSED)
STARTED = Build(id=7, number="1", state=State.STARTED)


def waiter(until: Callable[[Build], bool] = lambda build: build.finished) -> Waiter:
    return Waiter(asyncio.get_running_loop().create_future(), until)


async def test_each_is_told_once_its_own_wish_has_come_true() -> None:
    running, ended = waiter(lambda build: build.running), waiter()
    watched = WaitTarget([running, ended])
    watched.settle(STARTED)
    assert (running.future.result(), watched.waiters) == (STARTED, [ended])
    watched.settle(PASSED)
    assert (ended.future.result(), watched.waiters) == (PASSED, [])


async def test_who_has_left_is_told_nothing() -> None:
    def fail(_: Build) -> bool:
        raise LookupError("mine")

    left, failed, failing = waiter(), waiter(fail), waiter()
    for one in (left, failed, failing):
        one.future.cancel()
    watched = WaitTarget([left, failed])
    watched.settle(PASSED)
    assert watched.waiters == []
    WaitTarget([failing]).fail(errors.UsageError("closed"))


async def test_a_failure_is_of_the_one_whose_function_failed() -> None:
    def stop(_: Build) -> bool:
        raise StopIteration("mine")

    stopping, other = waiter(stop), waiter()
    WaitTarget([stopping, other]).settle(PASSED)
    with pytest.raises(RuntimeError, match="until raised StopIteration") as info:
        await stopping.future
    assert isinstance(info.value.__cause__, StopIteration)
    assert other.future.result() == PASSED


async def test_all_are_told_of_an_error_and_let_go() -> None:
    watched = WaitTarget([waiter(), waiter()])
    waiters = list(watched.waiters)
    watched.fail(errors.UsageError("closed"))
    assert watched.waiters == []
    for one in waiters:
        with pytest.raises(errors.UsageError, match="closed"):
            await one.future
