"""How the proxy starts, refuses connections, stops, and waits for them."""

import asyncio
import gc
import socket
from collections.abc import Callable

import pytest

from aiotravis.testing import FaultProxy
from aiotravis.testing.faults.proxy import connections
from tests.testing.faults.proxy.streams import (
    connected,
    echoed,
    is_reset,
    raw_client,
    read_all,
)


async def test_connections_are_refused_and_accepted_again_on_the_same_port(proxy: FaultProxy) -> None:
    port = proxy.port
    async with connected(proxy) as streams:
        assert await echoed(streams, b"x") == b"x"
        for _ in range(2):
            await proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(proxy.host, port)
        assert await echoed(streams, b"y") == b"y"
        await proxy.heal()
        async with connected(proxy) as others:
            assert await echoed(others, b"z") == b"z"
    assert proxy.port == port


async def test_a_client_that_connected_before_is_not_refused(proxy: FaultProxy) -> None:
    async with raw_client(proxy) as client:
        await proxy.refuse()
        client.send(b"x")
        client.shutdown(socket.SHUT_WR)
        assert await read_all(client) == (b"x", False)


def _nothing(proxy: FaultProxy) -> None:
    """No fault."""


@pytest.mark.parametrize(
    "fault",
    [_nothing, FaultProxy.freeze, FaultProxy.stall, FaultProxy.swallow, FaultProxy.close_all, FaultProxy.reset_all],
)
async def test_stopping_leaves_nothing_in_any_state(
    fault: Callable[[FaultProxy], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CLOSE_TIMEOUT", 3600.0)
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
                assert proxy.open_connections == 0
                assert asyncio.all_tasks() == before
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((proxy.host, proxy.port))
    gc.collect()  # A socket that was left open would say so now.


async def test_stopping_ends_a_connection_that_the_server_does_not_accept() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        socket.create_connection(server.getsockname()),  # The one that its queue holds.
    ):
        async with FaultProxy(server.getsockname()[1]) as proxy, connected(proxy) as streams:
            await proxy.wait_open_connections(1)
            tasks = asyncio.all_tasks()
            await proxy.stop()
            assert len(tasks - asyncio.all_tasks()) == 1
            assert await is_reset(streams)


async def test_it_starts_once_and_again_after_stop(proxy: FaultProxy) -> None:
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
        assert await echoed(streams, b"x") == b"x"


async def test_all_waiters_are_woken(proxy: FaultProxy) -> None:
    waiters = [proxy.wait_open_connections(1), proxy.wait_accepted(1), proxy.wait_open_connections(1)]
    waiting = asyncio.gather(*waiters)
    async with connected(proxy):
        await waiting


async def test_waiting_times_out(proxy: FaultProxy) -> None:
    with pytest.raises(TimeoutError, match=r"After 0.01 s: 0 open, 0 accepted"):
        await proxy.wait_open_connections(1, timeout=0.01)
    with pytest.raises(TimeoutError):
        await proxy.wait_accepted(1, timeout=0.01)
