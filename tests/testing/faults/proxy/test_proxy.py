"""The proxy as its user has it: it listens, refuses, stops, tells."""

import asyncio
import gc
import socket
from collections.abc import Callable

import pytest

from aiotravis.testing import FaultProxy
from aiotravis.testing.faults.proxy import sides
from tests.testing.faults.proxy.streams import (
    all_of,
    bare,
    connected,
    is_reset,
    said,
)


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


def _nothing(proxy: FaultProxy) -> None:
    """No fault."""


@pytest.mark.parametrize(
    "fault",
    [_nothing, FaultProxy.freeze, FaultProxy.stall, FaultProxy.swallow, FaultProxy.close_all, FaultProxy.reset_all],
)
async def test_stopping_leaves_nothing_in_any_state(
    fault: Callable[[FaultProxy], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sides, "GRACE", 3600.0)
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
