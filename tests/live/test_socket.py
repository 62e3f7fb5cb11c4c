"""pysher's Pusher over an aiohttp WebSocket: sending, receiving, closing."""

import asyncio
import json
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Literal, cast

import aiohttp
import anyio
import anyio.lowlevel
import pytest

from aiotravis.live.protocol import Address
from aiotravis.live.socket import MAX_BATCH, Closed, PusherConnector, PusherSocket, _import_pysher
from aiotravis.testing import FaultProxy, TravisServer
from tests.waiting import until


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def address(server: TravisServer, *, key: str | None = None, path: str = "") -> Address:
    return Address(key=key or server.pusher.key, host=server.host, port=server.port, path=path, tls=False)


async def opened(session: aiohttp.ClientSession, address: Address) -> PusherSocket:
    connector = PusherConnector(
        session=lambda: session, ssl=True, proxy_for=lambda url: None, user_agent="tests/1", timeout=5.0
    )
    return await connector.connect(address)


async def received(socket: PusherSocket) -> dict[str, str]:
    frame = await socket.receive()
    assert isinstance(frame, bytes)
    message: dict[str, str] = json.loads(frame)
    return message


async def test_connect_sends_protocol_7_and_its_own_name_and_starts_no_thread(session: aiohttp.ClientSession) -> None:
    threads = threading.active_count()
    async with TravisServer(pusher_path="/prefix") as server:
        socket = await opened(session, address(server, path="/prefix"))
        assert isinstance(await socket.receive(), bytes)
        connection = next(iter(server.pusher.connections.values()))
        assert connection.request.path == f"/prefix/app/{server.pusher.key}"
        assert connection.request.query["protocol"] == "7"
        assert connection.request.query["client"] == "aiotravis"
        assert connection.request.headers["User-Agent"] == "tests/1"
        assert threading.active_count() == threads
        await socket.aclose()


async def test_flush_sends_the_queued_frames_in_order(server: TravisServer, session: aiohttp.ClientSession) -> None:
    socket = await opened(session, address(server))
    greeting = await received(socket)
    socket_id = json.loads(greeting["data"])["socket_id"]
    socket.subscribe("repo-1")
    socket.subscribe("private-job-1", server.pusher.sign(socket_id, "private-job-1"))
    socket.unsubscribe("repo-1")
    socket.unsubscribe("not-subscribed")
    socket.queue("pusher:ping")
    await socket.flush()
    answers = [(await received(socket))["event"] for _ in range(3)]
    assert answers == ["pusher_internal:subscription_succeeded"] * 2 + ["pusher:pong"]
    sent = [json.loads(frame.text) for frame in server.pusher.frames if frame.incoming]
    assert sent[0] == {"event": "pusher:subscribe", "data": {"channel": "repo-1"}}
    assert [frame["event"] for frame in sent[1:]] == ["pusher:subscribe", "pusher:unsubscribe", "pusher:ping"]
    await socket.aclose()


async def test_text_and_binary_frames_are_received(server: TravisServer, session: aiohttp.ClientSession) -> None:
    socket = await opened(session, address(server))
    await socket.receive()
    server.pusher.send_raw(b"\x00\xff")
    server.pusher.send_raw("text")
    assert [await socket.receive(), await socket.receive()] == [b"\x00\xff", b"text"]
    await socket.aclose()


def waiting(socket: PusherSocket) -> int:
    """Return the number of frames in aiohttp's private queue; 0 if its layout has changed."""
    buffer: Sequence[object] = getattr(getattr(socket._websocket, "_reader", None), "_buffer", ())
    return len(buffer)


class Handler:
    """Keeps the frames, and ends the connection with the last one."""

    def __init__(self, last: bytes = b"last") -> None:
        self.batches: list[list[bytes]] = []
        self.last = last

    async def __call__(self, frames: Sequence[bytes]) -> Closed | None:
        self.batches.append(list(frames))
        return Closed(None, "the last one") if self.last in frames else None

    @property
    def frames(self) -> list[bytes]:
        return [frame for batch in self.batches for frame in batch]


async def test_frames_that_arrive_together_are_handled_together(
    server: TravisServer, session: aiohttp.ClientSession
) -> None:
    socket = await opened(session, address(server))
    await socket.receive()
    for frame in ("one", b"\xff", "last"):
        server.pusher.send_raw(frame)
    await until(lambda: waiting(socket) == 3)
    handler = Handler()
    assert await socket.listen(handler) == Closed(None, "the last one")
    assert handler.batches == [[b"one", b"\xff", b"last"]]
    await socket.aclose()


async def test_pings_and_the_close_keep_their_place_among_frames(
    server: TravisServer, session: aiohttp.ClientSession
) -> None:
    socket = await opened(session, address(server))
    await socket.receive()
    connection = next(iter(server.pusher.connections.values()))
    server.pusher.send_raw("one")
    await until(lambda: waiting(socket) == 1)
    await connection.websocket.ping(b"ping")
    await until(lambda: waiting(socket) == 2)
    server.pusher.send_raw("two")
    await until(lambda: waiting(socket) == 3)
    await server.pusher.disconnect(4200, "why")
    handler = Handler()
    assert await socket.listen(handler) == Closed(4200, "why")
    assert handler.batches == [[b"one"], [b"two"]]
    await socket.aclose()


async def test_a_flood_is_received_completely_and_other_tasks_run_meanwhile(
    server: TravisServer, session: aiohttp.ClientSession
) -> None:
    """Several times what aiohttp queues before it pauses the sender."""
    socket = await opened(session, address(server))
    await socket.receive()
    sent = [b"%05d" % number + b"x" * 1000 for number in range(3000)]
    for frame in (*sent, b"last"):
        server.pusher.send_raw(frame.decode())
    handler, turns = Handler(), 0
    async with anyio.create_task_group() as group:

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await anyio.lowlevel.checkpoint()

        group.start_soon(others)
        await socket.listen(handler)
        group.cancel_scope.cancel()
    assert handler.frames == [*sent, b"last"]
    assert turns >= len(sent) // MAX_BATCH
    assert max(map(len, handler.batches)) <= MAX_BATCH
    await socket.aclose()


@pytest.mark.parametrize("layout", ["no queue", "no buffer", "other items"])
async def test_frames_are_received_one_by_one_if_aiohttps_queue_has_another_layout(
    server: TravisServer, session: aiohttp.ClientSession, layout: str
) -> None:
    socket = await opened(session, address(server))
    await socket.receive()
    for frame in ("one", "last"):
        server.pusher.send_raw(frame)
    await until(lambda: waiting(socket) == 2)
    real = socket._websocket

    class OtherLayout:
        """A WebSocket of another version of aiohttp."""

        receive = real.receive
        if layout == "no buffer":
            _reader = object()
        elif layout == "other items":
            _reader = SimpleNamespace(_buffer=deque(["one", "last"]), read=None)

    socket._websocket = cast("aiohttp.ClientWebSocketResponse[Literal[False]]", OtherLayout())
    handler = Handler()
    assert await socket.listen(handler) == Closed(None, "the last one")
    assert handler.batches == [[b"one"], [b"last"]]
    socket._websocket = real
    await socket.aclose()


@pytest.mark.parametrize(("code", "closed"), [(4200, Closed(4200, "why")), (None, Closed(1006, ""))])
async def test_receive_returns_the_close_code(
    server: TravisServer, session: aiohttp.ClientSession, code: int | None, closed: Closed
) -> None:
    socket = await opened(session, address(server))
    await socket.receive()
    await server.pusher.disconnect(code, "why")
    assert await socket.receive() == closed
    socket.queue("pusher:ping")
    await socket.flush()
    await socket.aclose()


async def test_a_message_that_is_too_large_ends_the_connection(
    server: TravisServer, session: aiohttp.ClientSession
) -> None:
    socket = await opened(session, address(server))
    await socket.receive()
    server.pusher.send_raw("x" * ((16 << 20) + 1))
    ended = await socket.receive()
    assert isinstance(ended, Closed)
    assert ended.code in {None, 1009}
    await socket.aclose()


async def test_connecting_to_what_is_no_websocket_raises_os_error(
    server: TravisServer, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(ConnectionError):
        await opened(session, address(server, path="/nothing"))
    with pytest.raises(OSError, match=r".*"):
        await opened(session, Address(key="k", host="127.0.0.1", port=1, path="", tls=False))


async def test_an_ipv6_address_is_connected_to(session: aiohttp.ClientSession) -> None:
    async with TravisServer() as server:
        relay = await asyncio.start_server(partial(relayed, server.port, ended := asyncio.Event()), "::1", 0)
        port = relay.sockets[0].getsockname()[1]
        socket = await opened(session, Address(key=server.pusher.key, host="[::1]", port=port, path="", tls=False))
        assert (await received(socket))["event"] == "pusher:connection_established"
        await socket.aclose()
        relay.close()
        await ended.wait()


async def relayed(port: int, ended: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on to a port of 127.0.0.1, and back."""
    inner, outer = await asyncio.open_connection("127.0.0.1", port)

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()
        await target.wait_closed()

    await asyncio.gather(pump(reader, outer), pump(inner, writer))
    ended.set()


async def test_pysher_is_imported_outside_of_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []
    turns = 0

    def slow(name: str) -> None:
        imported.append(threading.current_thread().name)
        time.sleep(0.05)

    monkeypatch.setattr("aiotravis.live.socket.importlib.import_module", slow)
    monkeypatch.setitem(sys.modules, "pysher", None)
    loading = asyncio.ensure_future(_import_pysher())
    while not loading.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert imported == ["aiotravis imports pysher"]
    assert turns > 5
    await until(lambda: all(one.name != imported[0] for one in threading.enumerate()))


async def test_bytes_are_noted_before_their_message_is_complete(session: aiohttp.ClientSession) -> None:
    async with TravisServer() as server, FaultProxy(server.port) as proxy:
        address = Address(key=server.pusher.key, host="127.0.0.1", port=proxy.port, path="", tls=False)
        socket = await opened(session, address)
        await socket.receive()
        receiving = asyncio.ensure_future(socket.receive())
        proxy.chunk, proxy.delay = 1000, 0.01
        server.pusher.send_raw("x" * 50_000)
        noted = set[float]()
        while not receiving.done():
            noted.add(socket.received_at)
            await asyncio.sleep(0)
        assert len(noted) > 3
        assert await receiving == b"x" * 50_000
        await socket.aclose()
