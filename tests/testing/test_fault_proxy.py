"""The proxy that makes the network misbehave, between plain asyncio clients and a plain echo."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from aiotravis.testing import FaultProxy
from tests.waiting import until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A server that sends back what it gets, and ends when its client does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(1 << 16):
                writer.write(block)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def proxy(echo: int) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(echo) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def connected(proxy: FaultProxy) -> AsyncGenerator[Streams]:
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def said(streams: Streams, text: bytes) -> bytes:
    streams[1].write(text)
    return await streams[0].readexactly(len(text))


async def test_it_passes_everything_both_ways_and_an_end_of_file_too(proxy: FaultProxy) -> None:
    large = bytes(range(256)) * 8192
    async with connected(proxy) as streams:
        reading = asyncio.ensure_future(streams[0].read(-1))
        streams[1].write(large)
        streams[1].write_eof()
        assert await reading == large
    await proxy.wait_links(0)
    assert proxy.opened == 1


async def test_a_clean_end_is_an_end_of_file(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        assert await said(streams, b"x") == b"x"
        proxy.close_all()
        assert await streams[0].read(-1) == b""
        await proxy.wait_links(0)


async def test_a_reset_is_a_reset(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        assert await said(streams, b"x") == b"x"
        proxy.reset_all()
        with pytest.raises(ConnectionResetError):
            await streams[0].read(-1)


@pytest.mark.parametrize("reset", [True, False])
async def test_it_cuts_after_so_many_bytes_now_and_later(proxy: FaultProxy, reset: bool) -> None:
    proxy.cut_after(5, reset=reset)
    for _ in range(2):
        async with connected(proxy) as streams:
            streams[1].write(b"0123456789")
            with contextlib.suppress(ConnectionResetError):
                assert await streams[0].read(-1) == b"01234"
                assert not reset
    await proxy.heal()
    async with connected(proxy) as streams:
        assert await said(streams, b"0123456789") == b"0123456789"


async def test_it_cuts_what_goes_to_the_server(proxy: FaultProxy) -> None:
    proxy.cut_after(3, upstream=True, reset=False)
    async with connected(proxy) as streams:
        streams[1].write(b"0123")
        assert len(await streams[0].read(-1)) <= 3


async def test_a_black_hole_keeps_connections_and_loses_bytes(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        assert await said(streams, b"x") == b"x"
        proxy.freeze()
        streams[1].write(b"lost")
        await asyncio.sleep(0.02)  # Nothing tells when bytes have been swallowed.
        assert proxy.links == 1
        await proxy.heal()
        assert await said(streams, b"kept") == b"kept"


async def test_what_was_held_back_comes_later(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        proxy.stall()
        streams[1].write(b"late")
        reading = asyncio.ensure_future(streams[0].readexactly(4))
        await asyncio.sleep(0.02)  # Nothing tells when bytes have not come.
        assert not reading.done()
        await proxy.heal()
        assert await reading == b"late"


async def test_connections_are_refused_and_taken_again_on_the_same_port(proxy: FaultProxy) -> None:
    async with connected(proxy) as streams:
        assert await said(streams, b"x") == b"x"
        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(proxy.host, proxy.port)
        assert await said(streams, b"y") == b"y"
        await proxy.heal()
        async with connected(proxy) as others:
            assert await said(others, b"z") == b"z"


async def test_a_black_hole_to_connect_to(proxy: FaultProxy) -> None:
    proxy.swallow()
    async with connected(proxy) as streams:
        streams[1].write(b"anybody?")
        await proxy.wait_opened(1)
        streams[1].write_eof()
        assert await streams[0].read(-1) == b""


async def test_bytes_arrive_torn_late_and_changed(proxy: FaultProxy) -> None:
    proxy.chunk, proxy.delay = 2, 0.001
    proxy.mangle(bytes.upper)
    proxy.mangle(lambda block: block.replace(b"b", b"x"), upstream=True)
    async with connected(proxy) as streams:
        assert await said(streams, b"abcabc") == b"AXCAXC"


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    async with FaultProxy(1) as proxy, connected(proxy) as streams:
        assert await streams[0].read(-1) == b""


async def test_five_hundred_connections(proxy: FaultProxy) -> None:
    async with contextlib.AsyncExitStack() as stack:
        pairs = [await stack.enter_async_context(connected(proxy)) for _ in range(500)]
        assert await asyncio.gather(*(said(pair, b"x") for pair in pairs)) == [b"x"] * 500
        assert proxy.links == 500
    await proxy.wait_links(0)


async def test_stopping_ends_everything_in_any_state(echo: int) -> None:
    before = len(asyncio.all_tasks())
    for state in ("free", "frozen", "stalled", "swallowing"):
        proxy = FaultProxy(echo)
        await proxy.start()
        if state == "swallowing":
            proxy.swallow()
        async with connected(proxy) as streams:
            await proxy.wait_opened(1)
            if state == "frozen":
                proxy.freeze()
            if state == "stalled":
                proxy.stall()
            streams[1].write(b"x")
            await proxy.stop()
            assert proxy.links == 0
            with contextlib.suppress(ConnectionResetError):
                await streams[0].read(-1)
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_waiting_has_an_end(proxy: FaultProxy) -> None:
    with pytest.raises(TimeoutError):
        await proxy.wait_links(1, timeout=0.01)
    with pytest.raises(TimeoutError):
        await proxy.wait_opened(1, timeout=0.01)
