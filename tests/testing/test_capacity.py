"""A thousand connections to the embedded Travis at once."""

import asyncio
import json
import resource
from collections.abc import Generator

import pytest

from aiotravis.testing import TravisServer
from tests.testing.pusher_apps import KEY
from tests.waiting import until

SOCKETS = 1000


@pytest.fixture(autouse=True)
def raise_file_limit() -> Generator[None]:
    """Allow this process the open files for both ends of every connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * SOCKETS + 500
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"this needs {needed} open files, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_sockets(server: TravisServer, head: str) -> list[Stream]:
    """Open the sockets, and send a request on each."""
    streams: list[Stream] = []
    for _ in range(SOCKETS):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head.encode())
        streams.append((reader, writer))
    return streams


async def test_a_thousand_connections_at_once_are_answered() -> None:
    async with TravisServer() as server:
        server.faults.rest("/config").freeze()
        streams = await open_sockets(server, "GET /config HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: len(server.faults.made) == SOCKETS, seconds=20)
        server.faults.clear()
        for reader, writer in streams:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            writer.close()


def frame(event: str, channel: str) -> bytes:
    """Return a text frame as a client sends it, masked with zeros."""
    text = json.dumps({"event": event, "data": {"channel": channel}}).encode()
    assert len(text) < 126
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text


async def test_a_thousand_sockets_at_once_receive_an_event() -> None:
    head = (
        f"GET /app/{KEY}?protocol=7 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with TravisServer() as server:
        streams = await open_sockets(server, head)
        for reader, writer in streams:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            writer.write(frame("pusher:subscribe", "repo-1"))
        await until(lambda: server.pusher.subscription_counts.get("repo-1") == SOCKETS, seconds=20)
        server.pusher.publish(["repo-1"], "build:started", "the news")
        for reader, writer in streams:
            await reader.readuntil(b"the news")
            writer.close()
        await until(lambda: not server.pusher.connections, seconds=20)
