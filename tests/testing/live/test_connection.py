"""One client's socket on the server's side: what waits in its queue, and how it ends."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aiotravis.testing import PusherApp
from aiotravis.testing.live import connection
from tests.testing.bare import KEY, app_of, greeted, joined, served
from tests.waiting import until

LARGE = 8 << 20
"""Bytes that no buffer of the system takes at once."""


@asynccontextmanager
async def deaf(app: PusherApp) -> AsyncGenerator[socket.socket]:
    """Serve an app, open a socket, and read nothing from it."""
    async with served(app) as port:
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


async def rest_of(client: socket.socket) -> bytes:
    """Read until the server's end of the connection."""
    received = b""
    while chunk := await asyncio.get_running_loop().sock_recv(client, 65536):
        received += chunk
    return received


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.02)


def only(app: PusherApp) -> connection.ServerConnection:
    (connection,) = app.connections.values()
    return connection


async def test_what_is_queued_goes_out_in_order_and_the_close_frame_last() -> None:
    app = app_of()
    async with greeted(app) as websocket:
        connection = only(app)
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


@pytest.mark.usefixtures("hurried")
async def test_text_that_is_no_utf8_goes_out_as_it_is() -> None:
    app = app_of()
    async with deaf(app) as client:
        only(app).send(b"\xff".decode("utf-8", "surrogateescape"))
        await app.disconnect(4200)
        assert (await rest_of(client)).endswith(b"\x81\x01\xff" + b"\x88\x02\x10\x68")


@pytest.mark.usefixtures("hurried")
async def test_a_close_frame_without_a_code_is_empty() -> None:
    app = app_of()
    async with deaf(app) as client:
        only(app).close(None, "not to be sent")
        assert (await rest_of(client)).endswith(b"\x88\x00")


@pytest.mark.usefixtures("hurried")
async def test_a_reason_is_cut_between_its_characters() -> None:
    app = app_of()
    async with deaf(app) as client:
        only(app).close(4200, "é" * 100)
        assert (await rest_of(client)).endswith(b"\x88\x7c\x10\x68" + "é".encode() * 61)


@pytest.mark.usefixtures("hurried")
async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    app = app_of()
    tasks = asyncio.all_tasks()
    async with deaf(app):
        connection = only(app)
        for _ in range(4):
            connection.send("x" * LARGE)
        connection.close(4200)
        await connection.drained()
        await connection.ended.wait()
    await until(lambda: asyncio.all_tasks() <= tasks)


async def test_frames_for_a_client_that_has_gone_are_no_trouble() -> None:
    app = app_of()
    async with greeted(app):
        connection = only(app)
        connection.abort()
        connection.send("lost")
        await connection.ended.wait()
        connection.abort()
        connection.send("lost too")


async def test_a_ping_is_one_of_the_websocket_protocol() -> None:
    app = app_of()
    async with served(app) as port, joined(port, autoping=False) as websocket:
        await websocket.receive_str(timeout=5)
        only(app).ping()
        assert (await websocket.receive(timeout=5)).type is aiohttp.WSMsgType.PING


async def test_alarms_go_off_unless_others_are_set_or_the_connection_ends() -> None:
    app = app_of(idle=None)
    async with greeted(app):
        connection = only(app)
        heard: list[str] = []
        rung = asyncio.Event()
        connection.set_timers((0, lambda: heard.append("never")))
        connection.set_timers((0, lambda: heard.append("first")), (0.001, rung.set))
        await rung.wait()
        assert heard == ["first"]
        connection.set_timers((0, lambda: heard.append("too late")))
        connection.close(4200)
        await connection.ended.wait()
        assert heard == ["first"]
