"""The lifetime of a client."""

import asyncio
import gc
import weakref
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from aiotravis import errors
from aiotravis._async.deadlines import Deadline
from aiotravis._async.lifetime import ClientLifetime


async def test_closing_ends_a_scope_with_an_error_that_names_it() -> None:
    lifetime = ClientLifetime()
    begun = anyio.Event()

    async def follow() -> None:
        with lifetime.scope("a log was followed"):
            begun.set()
            await anyio.sleep_forever()

    async def expect() -> None:
        with pytest.raises(errors.UsageError, match=r"^The client was closed while a log was followed\.$"):
            await follow()

    async with anyio.create_task_group() as group:
        group.start_soon(expect)
        await begun.wait()
        await lifetime.aclose()
    with pytest.raises(errors.UsageError, match="This client is closed"), lifetime.scope("nothing"):
        pass


async def test_a_scope_that_is_cancelled_otherwise_raises_nothing() -> None:
    lifetime = ClientLifetime()
    with lifetime.scope("a log was followed") as scope:
        scope.cancel()
        await anyio.sleep_forever()
    lifetime.check()


async def test_a_task_that_is_cancelled_while_the_client_is_closed_ends() -> None:
    lifetime = ClientLifetime()

    async def wait() -> None:
        with lifetime.scope("a log was followed"):
            await anyio.sleep_forever()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()
    await lifetime.aclose()
    await asyncio.wait([task])
    assert task.cancelled() or isinstance(task.exception(), errors.UsageError)


def test_a_lifetime_belongs_to_one_event_loop() -> None:
    lifetime = ClientLifetime()

    async def check() -> None:
        lifetime.check()

    asyncio.run(check())
    with pytest.raises(errors.UsageError, match="another event loop"):
        asyncio.run(check())


async def test_closing_calls_callbacks_latest_first_even_if_one_fails() -> None:
    lifetime, closed = ClientLifetime(), list[str]()

    async def first() -> None:
        closed.append("first")

    async def second() -> None:
        closed.append("second")
        raise ValueError("cannot close")

    async def removed() -> None:
        closed.append("removed")

    for callback in (first, second, removed, second):
        lifetime.on_close(callback)
    lifetime.remove_on_close(removed)
    with pytest.raises(ValueError, match="cannot close"):
        await lifetime.aclose()
    assert closed == ["second", "first"]
    await lifetime.aclose()
    assert closed == ["second", "first"]


async def test_closing_waits_until_calls_in_flight_have_ended() -> None:
    lifetime, ended = ClientLifetime(), list[str]()

    async def call() -> None:
        with Deadline(lifetime.calls):
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.lowlevel.checkpoint()
                ended.append("call")

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        await lifetime.aclose()
        assert ended == ["call"]
    assert lifetime.closed


def test_without_a_running_event_loop_asyncio_is_asked_for() -> None:
    with pytest.raises(errors.UsageError, match="aiotravis needs asyncio"):
        ClientLifetime().check()


async def test_a_parent_ends_its_children_first_and_a_child_ends_alone() -> None:
    parent, closed = ClientLifetime(), list[str]()

    def record(lifetime: ClientLifetime, name: str) -> None:
        async def close(what: str) -> None:
            assert lifetime.closed
            closed.append(f"{name} {what}")

        lifetime.on_closed(partial(close, "finally"))
        lifetime.on_close(partial(close, "task"))

    child, other = ClientLifetime(parent), ClientLifetime(parent)
    for lifetime, name in ((parent, "parent"), (child, "child"), (other, "other")):
        record(lifetime, name)
        lifetime.check()
    await child.aclose()
    assert (closed, parent.closed) == (["child task", "child finally"], False)
    closed.clear()
    await parent.aclose()
    assert other.closed
    assert closed[-2:] == ["parent task", "parent finally"]
    assert closed.index("other task") < closed.index("other finally") < closed.index("parent task")
    with pytest.raises(errors.UsageError, match="This client is closed"):
        ClientLifetime(parent).check()


def test_a_child_belongs_to_the_event_loop_of_its_parent() -> None:
    parent = ClientLifetime()

    async def check(lifetime: ClientLifetime) -> None:
        lifetime.check()

    asyncio.run(check(parent))
    with pytest.raises(errors.UsageError, match="another event loop"):
        asyncio.run(check(ClientLifetime(parent)))


async def test_a_parent_keeps_no_child_alive() -> None:
    parent = ClientLifetime()
    gone = weakref.ref(ClientLifetime(parent))
    gc.collect()
    assert gone() is None
    await parent.aclose()
