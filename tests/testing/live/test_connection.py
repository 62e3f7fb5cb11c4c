"""The server's side of a client's WebSocket: its queue, its timers, and how it ends."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aiotravis.testing import PusherApp
from aiotravis.testing.live import connection
from tests.testing.pusher_apps import KEY, connect_greeted, make_app, open_websocket, serve_app
from tests.waiting import until

LARGE = 8 << 20
"""More bytes than the buffers of the system hold."""


@asynccontextmanager
async def client_that_reads_nothing(app: PusherApp) -> AsyncGenerator[socket.socket]:
    """Serve an app, connect a client, and read nothing."""
    async with serve_app(app) as port:
        with socket.socket() as client:
            await _upgrade(client, port)
            await until(lambda: bool(app.connections))
            yield client


async def _upgrade(client: socket.socket, port: int) -> None:
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    upgrade = (
        f"GET /app/{KEY}?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await loop.sock_sendall(client, upgrade.encode())
    assert await loop.sock_recv(client, 12) == b"HTTP/1.1 101"


async def read_all(client: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    received = b""
    while chunk := await asyncio.get_running_loop().sock_recv(client, 65536):
        received += chunk
    return received


@pytest.fixture
def short_close_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.02)


def only_connection(app: PusherApp) -> connection.ServerConnection:
    (connection,) = app.connections.values()
    return connection


async def test_frames_are_sent_in_order_and_the_close_frame_last() -> None:
    app = make_app()
    async with connect_greeted(app) as websocket:
        connection = only_connection(app)
        for number in range(100):
            connection.send(str(number))
        connection.send(b"\xff")
        connection.close(4200, "restart")
        connection.close(4201, "too late")
        connection.send("too late")
        assert connection.closing
        assert [await websocket.receive_str(timeout=5) for _ in range(100)] == [str(number) for number in range(100)]
        assert await websocket.receive_bytes(timeout=5) == b"\xff"
        message = await websocket.receive(timeout=5)
        assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, 4200, "restart")
        await connection.ended.wait()


@pytest.mark.usefixtures("short_close_timeout")
async def test_invalid_utf8_is_sent_as_it_is() -> None:
    app = make_app()
    async with client_that_reads_nothing(app) as client:
        only_connection(app).send(b"\xff".decode("utf-8", "surrogateescape"))
        await app.disconnect(4200)
        assert (await read_all(client)).endswith(b"\x81\x01\xff" + b"\x88\x02\x10\x68")


@pytest.mark.usefixtures("short_close_timeout")
async def test_a_close_frame_without_a_code_is_empty() -> None:
    app = make_app()
    async with client_that_reads_nothing(app) as client:
        only_connection(app).close(None, "not to be sent")
        assert (await read_all(client)).endswith(b"\x88\x00")


@pytest.mark.usefixtures("short_close_timeout")
async def test_a_long_reason_is_cut_between_characters() -> None:
    app = make_app()
    async with client_that_reads_nothing(app) as client:
        only_connection(app).close(4200, "é" * 100)
        assert (await read_all(client)).endswith(b"\x88\x7c\x10\x68" + "é".encode() * 61)


@pytest.mark.usefixtures("short_close_timeout")
async def test_a_client_that_reads_nothing_is_aborted() -> None:
    app = make_app()
    tasks = asyncio.all_tasks()
    async with client_that_reads_nothing(app):
        connection = only_connection(app)
        for _ in range(4):
            connection.send("x" * LARGE)
        connection.close(4200)
        await connection.drained()
        await connection.ended.wait()
    await until(lambda: asyncio.all_tasks() <= tasks)


async def test_frames_for_a_disconnected_client_are_dropped() -> None:
    app = make_app()
    async with connect_greeted(app):
        connection = only_connection(app)
        connection.abort()
        connection.send("lost")
        await connection.ended.wait()
        connection.abort()
        connection.send("lost too")


async def test_ping_sends_a_ping_of_the_websocket_protocol() -> None:
    app = make_app()
    async with serve_app(app) as port, open_websocket(port, autoping=False) as websocket:
        await websocket.receive_str(timeout=5)
        only_connection(app).ping()
        assert (await websocket.receive(timeout=5)).type is aiohttp.WSMsgType.PING


@pytest.mark.usefixtures("short_close_timeout")
async def test_timers_run_unless_they_are_replaced_or_the_connection_closes() -> None:
    app = make_app(idle=None)
    async with connect_greeted(app):
        connection = only_connection(app)
        calls: list[str] = []
        called = asyncio.Event()
        connection.set_timers((0, lambda: calls.append("never")))
        connection.set_timers((0, lambda: calls.append("first")), (0.001, called.set))
        await called.wait()
        assert calls == ["first"]
        connection.set_timers((0, lambda: calls.append("too late")))
        connection.close(4200)
        await connection.ended.wait()
        assert calls == ["first"]
