"""How long flows may last."""

import asyncio

import anyio
import pytest

from aiotravis import errors
from aiotravis._async.lifetime import ClientLifetime


async def test_what_is_under_way_ends_with_an_error_that_names_it() -> None:
    lifetime = ClientLifetime()
    begun = anyio.Event()

    async def bake() -> None:
        with lifetime.scope("bread was baked"):
            begun.set()
            await anyio.sleep_forever()

    async def expect() -> None:
        with pytest.raises(errors.UsageError, match=r"^The client was closed while bread was baked\.$"):
            await bake()

    async with anyio.create_task_group() as group:
        group.start_soon(expect)
        await begun.wait()
        lifetime.end()
    with pytest.raises(errors.UsageError, match="This client is closed"), lifetime.scope("nothing"):
        pass


async def test_a_scope_that_somebody_else_cancels_is_no_error() -> None:
    lifetime = ClientLifetime()
    with lifetime.scope("bread was baked") as scope:
        scope.cancel()
        await anyio.sleep_forever()
    lifetime.check()


async def test_what_is_cancelled_from_outside_stays_cancelled_though_the_client_is_closed_at_the_same_time() -> None:
    lifetime = ClientLifetime()

    async def wait() -> None:
        with lifetime.scope("bread was baked"):
            await anyio.sleep_forever()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()
    lifetime.end()
    await asyncio.wait([task])
    assert task.cancelled() or isinstance(task.exception(), errors.UsageError)


def test_it_is_of_one_loop() -> None:
    lifetime = ClientLifetime()

    async def check() -> None:
        lifetime.check()

    asyncio.run(check())
    with pytest.raises(errors.UsageError, match="another event loop"):
        asyncio.run(check())
