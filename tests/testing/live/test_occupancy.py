"""Who listens to which channel, and since when."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from aiotravis.testing import Connection
from aiotravis.testing.live.occupancy import Occupancy
from tests.testing.bare import app_of, joined, served
from tests.waiting import until


@asynccontextmanager
async def two_connections() -> AsyncGenerator[tuple[Connection, Connection]]:
    app = app_of()
    async with served(app) as port, joined(port), joined(port):
        await until(lambda: len(app.connections) == 2)
        first, second = app.connections.values()
        yield first, second


async def test_a_channel_is_occupied_from_the_first_to_the_last() -> None:
    now = 1.0
    occupancy = Occupancy(lambda: now)
    async with two_connections() as (first, second):
        occupancy.join(first, "a")
        now = 2.0
        occupancy.join(second, "a")
        occupancy.join(second, "b")
        occupancy.join(second, "b")
        assert (occupancy.since("a"), occupancy.since("b"), occupancy.since("c")) == (1.0, 2.0, None)
        assert (occupancy.counts, occupancy.listeners("a")) == ({"a": 2, "b": 1}, [first, second])
        assert (first.channels, second.channels) == ({"a"}, {"a", "b"})
        occupancy.leave(first, "a")
        assert (occupancy.since("a"), occupancy.listeners("a")) == (1.0, [second])
        occupancy.forget(second)
        assert (occupancy.counts, occupancy.since("a"), second.channels) == ({}, None, set())
        now = 3.0
        occupancy.join(first, "a")
        assert occupancy.since("a") == 3.0


async def test_leaving_where_one_never_was_changes_nothing() -> None:
    occupancy = Occupancy()
    async with two_connections() as (first, second):
        occupancy.join(first, "a")
        occupancy.leave(second, "a")
        occupancy.leave(first, "b")
        assert occupancy.counts == {"a": 1}


async def test_one_can_wait_for_a_listener_and_stop_waiting() -> None:
    occupancy = Occupancy()
    async with two_connections() as (first, _):
        waiting, given_up = (asyncio.ensure_future(occupancy.wait("a")) for _ in range(2))
        occupancy.join(first, "b")
        await asyncio.sleep(0)
        assert not waiting.done()
        given_up.cancel()
        with suppress(asyncio.CancelledError):
            await given_up
        occupancy.join(first, "a")
        await waiting
        await occupancy.wait("a")
