"""How connections through a misbehaving network begin and end."""

import asyncio
import contextlib
import socket

import pytest

from aiotravis.testing import FaultProxy
from aiotravis.testing.faults.proxy import sides
from tests.testing.faults.proxy.streams import (
    HUGE,
    Far,
    both,
    connected,
    is_reset,
    reset,
    said,
    turns,
)
from tests.waiting import until


async def test_an_end_of_one_direction_leaves_the_other_open(far_proxy: FaultProxy, far: Far) -> None:
    async with both(far_proxy, far) as (near, there):
        near[1].write(b"question")
        near[1].write_eof()
        assert await there[0].read(-1) == b"question"
        there[1].write(b"answer")
        assert await near[0].readexactly(6) == b"answer"
        assert far_proxy.links == 1
        there[1].write_eof()
        assert await near[0].read(-1) == b""
        await far_proxy.wait_links(0)


async def test_a_clean_end_is_an_end_of_file_to_both_sides(far_proxy: FaultProxy, far: Far) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.close_all()
        assert far_proxy.links == 0
        assert not await is_reset(near)
        assert not await is_reset(there)


async def test_a_clean_end_is_one_even_if_bytes_wait_to_be_read(
    far_proxy: FaultProxy, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sides, "GRACE", 3600.0)
    async with both(far_proxy, far) as (near, there):
        far_proxy.stall()
        near[1].write(bytes(HUGE))
        await until(lambda: any(side._waiting > sides.LIMIT for side in far_proxy._opened.sides))
        far_proxy.close_all()
        assert not await is_reset(near)
        assert not await is_reset(there)
        near[1].write_eof()
        there[1].write_eof()
        await until(lambda: not far_proxy._opened.sides)


async def test_who_does_not_end_after_a_clean_end_is_cut_off(
    far_proxy: FaultProxy, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sides, "GRACE", 0.02)
    async with both(far_proxy, far) as (near, there):
        far_proxy.close_all()
        await until(lambda: not far_proxy._opened.sides)
        assert not near[1].is_closing()
        assert not there[1].is_closing()


async def test_a_reset_is_a_reset_to_both_sides(far_proxy: FaultProxy, far: Far) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.reset_all()
        assert far_proxy.links == 0
        assert await is_reset(near)
        assert await is_reset(there)


@pytest.mark.parametrize("upstream", [True, False])
async def test_a_reset_by_one_side_is_passed_on(far_proxy: FaultProxy, far: Far, upstream: bool) -> None:
    async with both(far_proxy, far) as (near, there):
        reset(near if upstream else there)
        assert await is_reset(there if upstream else near)
        await far_proxy.wait_links(0)


async def test_a_reset_is_passed_on_though_the_other_side_reads_nothing(
    far_proxy: FaultProxy, far: Far, echo: int
) -> None:
    async with both(far_proxy, far) as (_, there):
        while not any(side.full for side in far_proxy._opened.sides):
            there[1].write(bytes(1 << 16))
            await turns(echo)
        reset(there)
        await far_proxy.wait_links(0)


async def test_nothing_is_written_to_a_side_that_is_gone(
    far_proxy: FaultProxy, far: Far, echo: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.stall()
        for _ in range(10):
            near[1].write(b"x")
            await turns(echo)
        reset(there)
        await turns(echo)
        far_proxy.resume()
        assert await is_reset(near)
    assert not caplog.records


@pytest.mark.parametrize("by_reset", [True, False])
async def test_a_black_hole_to_connect_to(far_proxy: FaultProxy, far: Far, echo: int, by_reset: bool) -> None:
    far_proxy.swallow()
    async with connected(far_proxy) as streams:
        streams[1].write(b"anybody?")
        reading = asyncio.ensure_future(streams[0].read(1))
        await turns(echo)
        await far_proxy.heal()
        await turns(echo)
        assert far.taken.empty()
        assert not reading.done()
        assert far_proxy.links == 1
        if by_reset:
            reset(streams)
        else:
            streams[1].write_eof()
        await far_proxy.wait_links(0)
        assert await reading == b""
    async with both(far_proxy, far):
        assert far_proxy.opened == 2


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with FaultProxy(nobody.getsockname()[1]) as proxy, connected(proxy) as streams:
            assert await streams[0].read(-1) == b""
            await proxy.wait_links(0)


async def test_a_thousand_connections_at_once(proxy: FaultProxy) -> None:
    async with contextlib.AsyncExitStack() as stack:
        pairs = await asyncio.gather(*(stack.enter_async_context(connected(proxy)) for _ in range(1000)))
        assert await asyncio.gather(*(said(pair, b"x") for pair in pairs)) == [b"x"] * 1000
        assert proxy.links == 1000
    await proxy.wait_links(0)
