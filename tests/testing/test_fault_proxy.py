"""The proxy that makes the network misbehave, between plain asyncio clients and plain asyncio servers."""

import asyncio
import contextlib
import gc
import socket
import struct
from collections.abc import AsyncGenerator, Callable

import pytest

from aiotravis.testing import FaultProxy, fault_proxy
from tests.waiting import until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HUGE = 64 << 20
"""Bytes that all the buffers of the system on the way do not hold."""


class Far:
    """A server that leaves each connection to the test."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: asyncio.Queue[Streams] = asyncio.Queue()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.taken.put((reader, writer))


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while block := await reader.read(1 << 16):
            writer.write(block)
            await writer.drain()
    writer.close()


@pytest.fixture
async def echo() -> AsyncGenerator[int]:
    """The port of a server that sends back what it gets, and ends when its client does."""
    async with await asyncio.start_server(_echo, "127.0.0.1", 0, backlog=1024) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def proxy(echo: int) -> AsyncGenerator[FaultProxy]:
    async with FaultProxy(echo) as proxy:
        yield proxy


@pytest.fixture
async def far() -> AsyncGenerator[Far]:
    far = Far()
    async with await asyncio.start_server(far.take, "127.0.0.1", 0) as server:
        far.port = server.sockets[0].getsockname()[1]
        yield far


@pytest.fixture
async def far_proxy(far: Far) -> AsyncGenerator[FaultProxy]:
    async with FaultProxy(far.port) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def closing(streams: Streams) -> AsyncGenerator[Streams]:
    try:
        yield streams
    finally:
        streams[1].transport.abort()
        with contextlib.suppress(OSError):
            await streams[1].wait_closed()


@contextlib.asynccontextmanager
async def connected(proxy: FaultProxy) -> AsyncGenerator[Streams]:
    async with closing(await asyncio.open_connection(proxy.host, proxy.port)) as streams:
        yield streams


@contextlib.asynccontextmanager
async def both(proxy: FaultProxy, far: Far) -> AsyncGenerator[tuple[Streams, Streams]]:
    """Both ends of one connection through the proxy."""
    async with connected(proxy) as near, closing(await far.taken.get()) as there:
        near[1].write(b"a")
        there[1].write(b"b")
        assert await there[0].readexactly(1) + await near[0].readexactly(1) == b"ab"
        yield near, there


@contextlib.asynccontextmanager
async def bare(proxy: FaultProxy) -> AsyncGenerator[socket.socket]:
    """A client that hears of a reset only behind the bytes that came before it."""
    with socket.create_connection((proxy.host, proxy.port)) as client:
        client.setblocking(False)
        yield client


async def all_of(client: socket.socket) -> tuple[bytes, bool]:
    """Read to the end; give what came, and whether a reset was the end."""
    received = b""
    try:
        while block := await asyncio.get_running_loop().sock_recv(client, 1 << 16):
            received += block
    except ConnectionResetError:
        return received, True
    return received, False


async def said(streams: Streams, text: bytes) -> bytes:
    streams[1].write(text)
    return await streams[0].readexactly(len(text))


async def turns(port: int) -> None:
    """Let the loop look at all sockets a few times: what is under way has arrived by then, or never will."""
    async with closing(await asyncio.open_connection("127.0.0.1", port)) as streams:
        for _ in range(5):
            assert await said(streams, b"x") == b"x"


def reset(streams: Streams) -> None:
    streams[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    streams[1].transport.abort()


async def is_reset(streams: Streams) -> bool:
    try:
        assert await streams[0].read(-1) == b""
    except ConnectionResetError:
        return True
    return False


async def test_it_passes_everything_both_ways(proxy: FaultProxy) -> None:
    large = bytes(range(256)) * 32768
    async with connected(proxy) as streams:
        reading = asyncio.ensure_future(streams[0].read(-1))
        streams[1].write(large)
        streams[1].write_eof()
        assert await reading == large
        await proxy.wait_links(0)
    assert proxy.opened == 1


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
    monkeypatch.setattr(fault_proxy, "GRACE", 3600.0)
    async with both(far_proxy, far) as (near, there):
        far_proxy.stall()
        near[1].write(bytes(HUGE))
        await until(lambda: any(side._waiting > fault_proxy.LIMIT for side in far_proxy._sides))
        far_proxy.close_all()
        assert not await is_reset(near)
        assert not await is_reset(there)
        near[1].write_eof()
        there[1].write_eof()
        await until(lambda: not far_proxy._sides)


async def test_who_does_not_end_after_a_clean_end_is_cut_off(
    far_proxy: FaultProxy, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_proxy, "GRACE", 0.02)
    async with both(far_proxy, far) as (near, there):
        far_proxy.close_all()
        await until(lambda: not far_proxy._sides)
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
        while not any(side.full for side in far_proxy._sides):
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


async def test_connections_are_refused_and_taken_again_on_the_same_port(proxy: FaultProxy) -> None:
    port = proxy.port
    async with connected(proxy) as streams:
        assert await said(streams, b"x") == b"x"
        for _ in range(2):
            await proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(proxy.host, port)
        assert await said(streams, b"y") == b"y"
        await proxy.heal()
        async with connected(proxy) as others:
            assert await said(others, b"z") == b"z"
    assert proxy.port == port


async def test_who_was_connected_before_is_not_refused(proxy: FaultProxy) -> None:
    async with bare(proxy) as client:
        await proxy.refuse()
        client.send(b"x")
        client.shutdown(socket.SHUT_WR)
        assert await all_of(client) == (b"x", False)


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


def _nothing(proxy: FaultProxy) -> None:
    """No fault."""


@pytest.mark.parametrize(
    "fault",
    [_nothing, FaultProxy.freeze, FaultProxy.stall, FaultProxy.swallow, FaultProxy.close_all, FaultProxy.reset_all],
)
async def test_stopping_leaves_nothing_in_any_state(
    fault: Callable[[FaultProxy], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_proxy, "GRACE", 3600.0)
    before = asyncio.all_tasks()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for count in range(12):
            proxy = FaultProxy(server.getsockname()[1])
            await proxy.start()
            if count % 2:
                fault(proxy)
            with socket.create_connection((proxy.host, proxy.port)) as client:
                client.send(b"x")
                # Each step of the way to an open connection is one at which the end may come.
                for _ in range(count):
                    await asyncio.sleep(0)
                fault(proxy)
                await proxy.stop()
                assert proxy.links == 0
                assert asyncio.all_tasks() == before
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((proxy.host, proxy.port))
    gc.collect()  # A socket that was left open would say so now.


async def test_stopping_ends_a_connection_that_the_server_does_not_take() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        socket.create_connection(server.getsockname()),  # The one that its queue holds.
    ):
        async with FaultProxy(server.getsockname()[1]) as proxy, connected(proxy) as streams:
            await proxy.wait_links(1)
            tasks = asyncio.all_tasks()
            await proxy.stop()
            assert len(tasks - asyncio.all_tasks()) == 1
            assert await is_reset(streams)


async def test_it_starts_once_and_again_after_a_stop(proxy: FaultProxy) -> None:
    with pytest.raises(RuntimeError, match="started before"):
        await proxy.start()
    port = proxy.port
    with pytest.raises(OSError, match="in use"):
        await FaultProxy(1).start(port)
    await proxy.stop()
    await proxy.heal()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(proxy.host, port)
    await proxy.start(port)
    async with connected(proxy) as streams:
        assert await said(streams, b"x") == b"x"


async def test_all_who_wait_are_told(proxy: FaultProxy) -> None:
    waiters = [proxy.wait_links(1), proxy.wait_opened(1), proxy.wait_links(1)]
    waiting = asyncio.gather(*waiters)
    async with connected(proxy):
        await waiting


async def test_waiting_has_an_end(proxy: FaultProxy) -> None:
    with pytest.raises(TimeoutError, match=r"After 0.01 s: 0 open, 0 accepted"):
        await proxy.wait_links(1, timeout=0.01)
    with pytest.raises(TimeoutError):
        await proxy.wait_opened(1, timeout=0.01)
