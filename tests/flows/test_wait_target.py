"""The calls that wait for a build, and how they are resolved."""

from collections.abc import Callable

from aiotravis import Build, State, errors
from aiotravis.flows.wait_target import PendingWait, WaitTarget
from aiotravis.resources._runs import Restarts, RunFilter

PASSED = Build(id=7, number="1", state=State.PASSED)
STARTED = Build(id=7, number="1", state=State.STARTED)


def pending(until: Callable[[Build], bool] = lambda build: build.finished) -> PendingWait:
    return PendingWait(until, RunFilter(Restarts(), ("build", 7)))


def outcome(wait: PendingWait) -> object:
    assert wait.outcome.done()
    return wait.outcome.result()


async def test_each_wait_is_resolved_once_its_own_condition_holds() -> None:
    running, ended = pending(lambda build: build.running), pending()
    target = WaitTarget({running: None, ended: None})
    target.settle(STARTED)
    assert (outcome(running), list(target.waits)) == (STARTED, [ended])
    target.settle(PASSED)
    assert (outcome(ended), target.waits) == (PASSED, {})
    assert outcome(running) == STARTED


async def test_a_cancelled_wait_is_dropped_without_an_outcome() -> None:
    def fail(_: Build) -> bool:
        raise LookupError("mine")

    cancelled, failed, failing = pending(), pending(fail), pending()
    for wait in (cancelled, failed, failing):
        wait.outcome.cancel()
    target = WaitTarget({cancelled: None, failed: None})
    target.settle(PASSED)
    assert target.waits == {}
    WaitTarget({failing: None}).fail(errors.UsageError("closed"))
    assert all(wait.outcome.cancelled() for wait in (cancelled, failed, failing))


async def test_an_exception_of_until_resolves_its_own_wait_only() -> None:
    error = StopIteration("mine")

    def stop(_: Build) -> bool:
        raise error

    stopping, other = pending(stop), pending()
    WaitTarget({stopping: None, other: None}).settle(PASSED)
    assert outcome(stopping) is error
    assert outcome(other) == PASSED


async def test_an_error_resolves_all_waits() -> None:
    target = WaitTarget({pending(): None, pending(): None})
    waits = list(target.waits)
    error = errors.UsageError("closed")
    target.fail(error)
    assert target.waits == {}
    assert [outcome(wait) for wait in waits] == [error, error]
