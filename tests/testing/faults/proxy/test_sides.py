"""What becomes of bytes on their way through a misbehaving network."""

import asyncio

import pytest

from aiotravis.testing import FaultProxy
from tests.testing.faults.proxy.streams import (
    HUGE,
    Far,
    all_of,
    bare,
    both,
    connected,
    is_reset,
    reset,
    said,
    turns,
)
from tests.waiting import until


async def test_it_passes_everything_both_ways(proxy: FaultProxy) -> None:
    large = bytes(range(256)) * 32768
    async with connected(proxy) as streams:
        reading = asyncio.ensure_future(streams[0].read(-1))
        streams[1].write(large)
        streams[1].write_eof()
        assert await reading == large
        await proxy.wait_links(0)
    assert proxy.opened == 1


@pytest.mark.parametrize("by_reset", [True, False])
async def test_it_cuts_each_connection_after_so_many_bytes(proxy: FaultProxy, by_reset: bool) -> None:
    async with bare(proxy) as there_before:
        await proxy.wait_opened(1)
        proxy.cut_after(5, reset=by_reset)
        async with bare(proxy) as later:
            for client in (there_before, later):
                client.send(b"012")
                client.send(b"3456789")
                assert await all_of(client) == (b"01234", by_reset)
    await proxy.heal()
    async with connected(proxy) as streams:
        assert await said(streams, b"0123456789") == b"0123456789"


async def test_it_cuts_what_goes_to_the_server(far_proxy: FaultProxy, far: Far) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.cut_after(3, upstream=True, reset=False)
        near[1].write(b"0123")
        assert await there[0].read(-1) == b"012"
        assert not await is_reset(near)


async def test_an_order_to_cut_counts_from_when_it_was_given(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        for _ in range(2):
            proxy.cut_after(5, reset=False)
            assert await said(streams, b"abcd") == b"abcd"
        proxy.cut_after(0, reset=False)
        assert await streams[0].read(-1) == b""


async def test_a_black_hole_keeps_connections_and_loses_bytes(far_proxy: FaultProxy, far: Far, echo: int) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.freeze()
        near[1].write(b"lost")
        there[1].write(b"lost")
        await turns(echo)
        assert far_proxy.links == 1
        await far_proxy.heal()
        near[1].write(b"kept")
        there[1].write(b"held")
        assert await there[0].readexactly(4) == b"kept"
        assert await near[0].readexactly(4) == b"held"


@pytest.mark.parametrize("waiting", ["late", "held back"])
async def test_a_black_hole_loses_what_is_on_its_way(far_proxy: FaultProxy, far: Far, echo: int, waiting: str) -> None:
    async with both(far_proxy, far) as (near, there):
        if waiting == "late":
            far_proxy.delay = 3600.0
        else:
            far_proxy.stall()
        near[1].write(b"lost")
        await turns(echo)
        far_proxy.freeze()
        await far_proxy.heal()
        near[1].write(b"kept")
        assert await there[0].readexactly(4) == b"kept"


async def test_a_black_hole_takes_all_that_is_sent(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        proxy.freeze()
        streams[1].write(bytes(HUGE))
        await streams[1].drain()
        await until(lambda: not streams[1].transport.get_write_buffer_size())


@pytest.mark.parametrize("by_reset", [True, False])
async def test_an_end_is_missed_in_a_black_hole_and_noticed_behind_it(
    far_proxy: FaultProxy, far: Far, echo: int, by_reset: bool
) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.freeze()
        if by_reset:
            reset(near)
        else:
            near[1].close()
        ending = asyncio.ensure_future(is_reset(there))
        await turns(echo)
        assert not ending.done()
        assert far_proxy.links == 1
        far_proxy.resume()
        assert await ending is by_reset


@pytest.mark.parametrize("heals", [True, False])
async def test_what_was_held_back_comes_later(proxy: FaultProxy, echo: int, heals: bool) -> None:
    async with connected(proxy) as streams:
        proxy.stall()
        streams[1].write(b"late ")
        reading = asyncio.ensure_future(streams[0].readexactly(10))
        await turns(echo)
        streams[1].write(b"bytes")
        await turns(echo)
        assert not reading.done()
        if heals:
            await proxy.heal()
        else:
            proxy.resume()
        assert await reading == b"late bytes"


@pytest.mark.parametrize("stalled", [True, False])
async def test_it_reads_no_more_than_it_can_pass_on(far_proxy: FaultProxy, far: Far, echo: int, stalled: bool) -> None:
    async with both(far_proxy, far) as (near, there):
        if stalled:
            far_proxy.stall()
        near[1].write(bytes(HUGE))
        left = -1
        while left != (left := near[1].transport.get_write_buffer_size()):
            await turns(echo)
        assert left > HUGE // 4
        far_proxy.resume()
        assert len(await there[0].readexactly(HUGE)) == HUGE


async def test_everything_is_late_by_the_delay_and_not_by_one_after_the_other(
    far_proxy: FaultProxy, far: Far, echo: int
) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.delay = 0.2
        begin = asyncio.get_running_loop().time()
        for number in range(10):
            near[1].write(b"%d" % number)
            await turns(echo)
        assert await there[0].readexactly(1) == b"0"
        assert asyncio.get_running_loop().time() - begin >= 0.19
        assert await there[0].readexactly(9) == b"123456789"
        assert asyncio.get_running_loop().time() - begin < 1.5


async def test_bytes_arrive_torn(far_proxy: FaultProxy, far: Far) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.chunk = 2
        near[1].write(b"abcdefg")
        assert [await there[0].read(100) for _ in range(4)] == [b"ab", b"cd", b"ef", b"g"]


async def test_bytes_arrive_torn_while_others_arrive(far_proxy: FaultProxy, far: Far) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.chunk = 2
        pieces = [b""]
        near[1].write(b"a" * 40)
        while sum(map(len, pieces)) < 80:
            pieces.append(await there[0].read(100))
            if len(pieces) <= 11:
                near[1].write(b"bbbb")
        assert max(map(len, pieces)) == 2


async def test_a_black_hole_loses_the_rest_of_what_arrives_torn(far_proxy: FaultProxy, far: Far, echo: int) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.chunk = 1
        near[1].write(b"x" * 1000)
        await there[0].readexactly(1)
        far_proxy.freeze()
        await turns(echo)
        await far_proxy.heal()
        near[1].write(b"kept")
        assert len(await there[0].readuntil(b"kept")) < 1000


async def test_bytes_are_cut_in_the_middle_of_a_chunk(proxy: FaultProxy) -> None:
    proxy.chunk = 2
    proxy.cut_after(3)
    async with bare(proxy) as client:
        client.send(b"abcdefg")
        assert await all_of(client) == (b"abc", True)


async def test_bytes_are_changed_as_they_pass(proxy: FaultProxy) -> None:
    proxy.mangle(bytes.upper)
    proxy.mangle(lambda block: block.replace(b"b", b"").replace(b"c", b"xx"), upstream=True)
    async with connected(proxy) as streams:
        assert await said(streams, b"abc") == b"AXX"
        await proxy.heal()
        assert await said(streams, b"abc") == b"abc"


async def test_a_change_may_be_the_moment_of_another_fault(proxy: FaultProxy) -> None:
    def change(block: bytes) -> bytes:
        proxy.reset_all()
        return block

    proxy.mangle(change)
    async with bare(proxy) as client:
        client.send(b"x")
        assert await all_of(client) == (b"", True)
