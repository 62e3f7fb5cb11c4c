"""The calls that wait for a build, and how they are resolved."""

from collections.abc import Callable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import Build, Commit, State, errors
from aiotravis.flows.wait_target import PendingWait, WaitTarget
from aiotravis.resources._runs import Restarts, RunFilter

PASSED = Build(id=7, number="1", state=State.PASSED)
STARTED = Build(id=7, number="1", state=State.STARTED)


def pending(until: Callable[[Build], bool] = lambda build: build.finished) -> PendingWait:
    return PendingWait(("build", 7), until, RunFilter(Restarts(), ("build", 7)))


def target_of(*waits: PendingWait) -> WaitTarget:
    target = WaitTarget(("build", 7))
    for wait in waits:
        target.add(wait)
    return target


def outcome(wait: PendingWait) -> object:
    assert wait.outcome.done()
    return wait.outcome.result()


async def test_each_wait_is_resolved_once_its_own_condition_holds() -> None:
    running, ended = pending(lambda build: build.running), pending()
    target = target_of(running, ended)
    target.settle(STARTED)
    assert (outcome(running), list(target.waits)) == (STARTED, [ended])
    target.settle(PASSED)
    assert (outcome(ended), target.waits) == (PASSED, [])
    assert outcome(running) == STARTED


async def test_a_cancelled_wait_is_dropped_without_an_outcome() -> None:
    def fail(_: Build) -> bool:
        raise LookupError("mine")

    cancelled, failed, failing = pending(), pending(fail), pending()
    for wait in (cancelled, failed, failing):
        wait.outcome.cancel()
    target = target_of(cancelled, failed)
    target.settle(PASSED)
    assert target.waits == []
    target_of(failing).fail(errors.UsageError("closed"))
    assert all(wait.outcome.cancelled() for wait in (cancelled, failed, failing))


@given(st.permutations(range(8)))
async def test_waits_are_removed_in_any_order(order: list[int]) -> None:
    waits = [pending() for _ in order]
    target = target_of(*waits)
    for count, place in enumerate(order, 1):
        target.remove(waits[place])
        target.remove(waits[place])
        assert set(target.waits) == {waits[other] for other in order[count:]}
        assert [wait.place for wait in target.waits] == list(range(len(order) - count))


async def test_what_only_reads_tell_is_added_to_the_states_of_events() -> None:
    target = target_of(pending())
    assert target.completed(PASSED) == PASSED
    config, commit = msgspec.Raw(b'{"a":1}'), Commit(id=1, sha="a", tag="v1")
    target.record_read(msgspec.structs.replace(STARTED, config_json=config, commit=commit))
    found = target.completed(msgspec.structs.replace(PASSED, commit=Commit(id=1, sha="a")))
    assert (found.state, found.config, found.commit) == (State.PASSED, {"a": 1}, commit)
    assert target.completed(PASSED).commit is None


async def test_an_exception_of_until_resolves_its_own_wait_only() -> None:
    error = StopIteration("mine")

    def stop(_: Build) -> bool:
        raise error

    stopping, other = pending(stop), pending()
    target_of(stopping, other).settle(PASSED)
    assert outcome(stopping) is error
    assert outcome(other) == PASSED


async def test_an_error_resolves_all_waits() -> None:
    target = target_of(pending(), pending())
    waits = list(target.waits)
    error = errors.UsageError("closed")
    target.fail(error)
    assert target.waits == []
    assert [outcome(wait) for wait in waits] == [error, error]
