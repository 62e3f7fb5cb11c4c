"""How connections through the proxy begin and end, and what happens to bytes on their way."""

import asyncio
import contextlib
import socket

import pytest

from aiotravis.testing import FaultProxy
from aiotravis.testing.faults.proxy import connections
from tests.testing.faults.proxy.streams import (
    HUGE,
    FarServer,
    both,
    connected,
    echoed,
    is_reset,
    raw_client,
    read_all,
    reset,
    settle,
)
from tests.waiting import until


async def test_an_end_of_one_direction_leaves_the_other_open(far_proxy: FaultProxy, far: FarServer) -> None:
    async with both(far_proxy, far) as (near, there):
        near[1].write(b"question")
        near[1].write_eof()
        assert await there[0].read(-1) == b"question"
        there[1].write(b"answer")
        assert await near[0].readexactly(6) == b"answer"
        assert far_proxy.open_connections == 1
        there[1].write_eof()
        assert await near[0].read(-1) == b""
        await far_proxy.wait_open_connections(0)


async def test_a_clean_end_is_an_end_of_file_to_both_peers(far_proxy: FaultProxy, far: FarServer) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.close_all()
        assert far_proxy.open_connections == 0
        assert not await is_reset(near)
        assert not await is_reset(there)


async def test_a_clean_end_with_unread_bytes_is_no_reset(
    far_proxy: FaultProxy, far: FarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CLOSE_TIMEOUT", 3600.0)
    async with both(far_proxy, far) as (near, there):
        far_proxy.stall()
        near[1].write(bytes(HUGE))
        await until(lambda: any(peer.buffered > connections.MAX_BUFFERED_BYTES for peer in far_proxy._registry.sockets))
        far_proxy.close_all()
        assert not await is_reset(near)
        assert not await is_reset(there)
        near[1].write_eof()
        there[1].write_eof()
        await until(lambda: not far_proxy._registry.sockets)


async def test_a_peer_that_does_not_end_after_a_clean_end_is_aborted(
    far_proxy: FaultProxy, far: FarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CLOSE_TIMEOUT", 0.02)
    async with both(far_proxy, far) as (near, there):
        far_proxy.close_all()
        await until(lambda: not far_proxy._registry.sockets)
        assert not near[1].is_closing()
        assert not there[1].is_closing()


async def test_a_reset_is_a_reset_to_both_peers(far_proxy: FaultProxy, far: FarServer) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.reset_all()
        assert far_proxy.open_connections == 0
        assert await is_reset(near)
        assert await is_reset(there)


@pytest.mark.parametrize("upstream", [True, False])
async def test_a_reset_by_one_peer_is_forwarded(far_proxy: FaultProxy, far: FarServer, upstream: bool) -> None:
    async with both(far_proxy, far) as (near, there):
        reset(near if upstream else there)
        assert await is_reset(there if upstream else near)
        await far_proxy.wait_open_connections(0)


async def test_a_reset_is_forwarded_to_a_peer_that_reads_nothing(
    far_proxy: FaultProxy, far: FarServer, echo: int
) -> None:
    async with both(far_proxy, far) as (_, there):
        while not any(peer.full for peer in far_proxy._registry.sockets):
            there[1].write(bytes(1 << 16))
            await settle(echo)
        reset(there)
        await far_proxy.wait_open_connections(0)


async def test_nothing_is_written_to_a_closed_socket(
    far_proxy: FaultProxy, far: FarServer, echo: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.stall()
        for _ in range(10):
            near[1].write(b"x")
            await settle(echo)
        reset(there)
        await settle(echo)
        far_proxy.resume()
        assert await is_reset(near)
    assert not caplog.records


@pytest.mark.parametrize("by_reset", [True, False])
async def test_a_swallowed_connection_is_neither_answered_nor_forwarded(
    far_proxy: FaultProxy, far: FarServer, echo: int, by_reset: bool
) -> None:
    far_proxy.swallow()
    async with connected(far_proxy) as streams:
        streams[1].write(b"anybody?")
        reading = asyncio.ensure_future(streams[0].read(1))
        await settle(echo)
        await far_proxy.heal()
        await settle(echo)
        assert far.accepted_streams.empty()
        assert not reading.done()
        assert far_proxy.open_connections == 1
        if by_reset:
            reset(streams)
        else:
            streams[1].write_eof()
        await far_proxy.wait_open_connections(0)
        assert await reading == b""
    async with both(far_proxy, far):
        assert far_proxy.accepted == 2


async def test_an_unreachable_server_ends_the_connection() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with FaultProxy(nobody.getsockname()[1]) as proxy, connected(proxy) as streams:
            assert await streams[0].read(-1) == b""
            await proxy.wait_open_connections(0)


async def test_three_hundred_connections_at_once(proxy: FaultProxy) -> None:
    async with contextlib.AsyncExitStack() as stack:
        pairs = await asyncio.gather(*(stack.enter_async_context(connected(proxy)) for _ in range(300)))
        assert await asyncio.gather(*(echoed(pair, b"x") for pair in pairs)) == [b"x"] * 300
        assert proxy.open_connections == 300
    await proxy.wait_open_connections(0)


# Bytes on their way ---------------------------------------------------------------------------------------------------


async def test_everything_is_forwarded_in_both_directions(proxy: FaultProxy) -> None:
    large = bytes(range(256)) * 32768
    async with connected(proxy) as streams:
        reading = asyncio.ensure_future(streams[0].read(-1))
        streams[1].write(large)
        streams[1].write_eof()
        assert await reading == large
        await proxy.wait_open_connections(0)
    assert proxy.accepted == 1


@pytest.mark.parametrize("by_reset", [True, False])
async def test_each_connection_is_cut_after_a_number_of_bytes(proxy: FaultProxy, by_reset: bool) -> None:
    async with raw_client(proxy) as client_before:
        await proxy.wait_accepted(1)
        proxy.cut_after(5, reset=by_reset)
        async with raw_client(proxy) as later:
            for client in (client_before, later):
                client.send(b"012")
                client.send(b"3456789")
                assert await read_all(client) == (b"01234", by_reset)
    await proxy.heal()
    async with connected(proxy) as streams:
        assert await echoed(streams, b"0123456789") == b"0123456789"


async def test_a_cut_can_count_bytes_to_the_server(far_proxy: FaultProxy, far: FarServer) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.cut_after(3, upstream=True, reset=False)
        near[1].write(b"0123")
        assert await there[0].read(-1) == b"012"
        assert not await is_reset(near)


async def test_a_new_cut_counts_from_the_moment_it_was_ordered(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        for _ in range(2):
            proxy.cut_after(5, reset=False)
            assert await echoed(streams, b"abcd") == b"abcd"
        proxy.cut_after(0, reset=False)
        assert await streams[0].read(-1) == b""


async def test_freeze_keeps_connections_and_discards_bytes(far_proxy: FaultProxy, far: FarServer, echo: int) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.freeze()
        near[1].write(b"lost")
        there[1].write(b"lost")
        await settle(echo)
        assert far_proxy.open_connections == 1
        await far_proxy.heal()
        near[1].write(b"kept")
        there[1].write(b"held")
        assert await there[0].readexactly(4) == b"kept"
        assert await near[0].readexactly(4) == b"held"


@pytest.mark.parametrize("waiting", ["late", "held back"])
async def test_freeze_discards_delayed_and_stalled_bytes(
    far_proxy: FaultProxy, far: FarServer, echo: int, waiting: str
) -> None:
    async with both(far_proxy, far) as (near, there):
        if waiting == "late":
            far_proxy.delay = 3600.0
        else:
            far_proxy.stall()
        near[1].write(b"lost")
        await settle(echo)
        far_proxy.freeze()
        await far_proxy.heal()
        near[1].write(b"kept")
        assert await there[0].readexactly(4) == b"kept"


async def test_freeze_reads_everything_that_is_sent(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        proxy.freeze()
        streams[1].write(bytes(HUGE))
        await streams[1].drain()
        await until(lambda: not streams[1].transport.get_write_buffer_size())


@pytest.mark.parametrize("by_reset", [True, False])
async def test_an_end_during_freeze_is_forwarded_after_resume(
    far_proxy: FaultProxy, far: FarServer, echo: int, by_reset: bool
) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.freeze()
        if by_reset:
            reset(near)
        else:
            near[1].close()
        ending = asyncio.ensure_future(is_reset(there))
        await settle(echo)
        assert not ending.done()
        assert far_proxy.open_connections == 1
        far_proxy.resume()
        assert await ending is by_reset


@pytest.mark.parametrize("heals", [True, False])
async def test_stalled_bytes_are_forwarded_later(proxy: FaultProxy, echo: int, heals: bool) -> None:
    async with connected(proxy) as streams:
        proxy.stall()
        streams[1].write(b"late ")
        reading = asyncio.ensure_future(streams[0].readexactly(10))
        await settle(echo)
        streams[1].write(b"bytes")
        await settle(echo)
        assert not reading.done()
        if heals:
            await proxy.heal()
        else:
            proxy.resume()
        assert await reading == b"late bytes"


@pytest.mark.parametrize("stalled", [True, False])
async def test_the_proxy_reads_no_more_than_it_can_forward(
    far_proxy: FaultProxy, far: FarServer, echo: int, stalled: bool
) -> None:
    async with both(far_proxy, far) as (near, there):
        if stalled:
            far_proxy.stall()
        near[1].write(bytes(HUGE))
        left = -1
        while left != (left := near[1].transport.get_write_buffer_size()):
            await settle(echo)
        assert left > HUGE // 4
        far_proxy.resume()
        assert len(await there[0].readexactly(HUGE)) == HUGE


async def test_each_byte_is_late_by_the_delay_and_delays_do_not_add_up(
    far_proxy: FaultProxy, far: FarServer, echo: int
) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.delay = 0.2
        begin = asyncio.get_running_loop().time()
        for number in range(10):
            near[1].write(b"%d" % number)
            await settle(echo)
        assert await there[0].readexactly(1) == b"0"
        assert asyncio.get_running_loop().time() - begin >= 0.19
        assert await there[0].readexactly(9) == b"123456789"
        assert asyncio.get_running_loop().time() - begin < 1.5


async def test_chunk_limits_the_bytes_forwarded_at_once(far_proxy: FaultProxy, far: FarServer) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.chunk = 2
        near[1].write(b"abcdefg")
        assert [await there[0].read(100) for _ in range(4)] == [b"ab", b"cd", b"ef", b"g"]


async def test_chunks_keep_their_order_while_more_bytes_arrive(far_proxy: FaultProxy, far: FarServer) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.chunk = 2
        pieces = [b""]
        near[1].write(b"a" * 40)
        while sum(map(len, pieces)) < 80:
            pieces.append(await there[0].read(100))
            if len(pieces) <= 11:
                near[1].write(b"bbbb")
        assert max(map(len, pieces)) == 2


async def test_freeze_discards_the_remaining_chunks(far_proxy: FaultProxy, far: FarServer, echo: int) -> None:
    async with both(far_proxy, far) as (near, there):
        far_proxy.chunk = 1
        near[1].write(b"x" * 1000)
        await there[0].readexactly(1)
        far_proxy.freeze()
        await settle(echo)
        await far_proxy.heal()
        near[1].write(b"kept")
        assert len(await there[0].readuntil(b"kept")) < 1000


async def test_bytes_are_cut_in_the_middle_of_a_chunk(proxy: FaultProxy) -> None:
    proxy.chunk = 2
    proxy.cut_after(3)
    async with raw_client(proxy) as client:
        client.send(b"abcdefg")
        assert await read_all(client) == (b"abc", True)


async def test_mangle_changes_bytes_on_their_way(proxy: FaultProxy) -> None:
    proxy.mangle(bytes.upper)
    proxy.mangle(lambda block: block.replace(b"b", b"").replace(b"c", b"xx"), upstream=True)
    async with connected(proxy) as streams:
        assert await echoed(streams, b"abc") == b"AXX"
        await proxy.heal()
        assert await echoed(streams, b"abc") == b"abc"


async def test_a_change_function_may_trigger_another_fault(proxy: FaultProxy) -> None:
    def change(block: bytes) -> bytes:
        proxy.reset_all()
        return block

    proxy.mangle(change)
    async with raw_client(proxy) as client:
        client.send(b"x")
        assert await read_all(client) == (b"", True)
