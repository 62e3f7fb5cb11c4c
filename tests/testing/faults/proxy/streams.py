"""Plain asyncio clients of a proxy and a plain asyncio server behind it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator

from aiotravis.testing import FaultProxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HUGE = 32 << 20
"""More bytes than all buffers of the system on the way can hold."""


class FarServer:
    """A server whose connections the test handles."""

    def __init__(self) -> None:
        self.port = 0
        self.accepted_streams: asyncio.Queue[Streams] = asyncio.Queue()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.accepted_streams.put((reader, writer))


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
async def both(proxy: FaultProxy, far: FarServer) -> AsyncGenerator[tuple[Streams, Streams]]:
    """Both ends of one connection through the proxy."""
    async with connected(proxy) as near, closing(await far.accepted_streams.get()) as there:
        near[1].write(b"a")
        there[1].write(b"b")
        assert await there[0].readexactly(1) + await near[0].readexactly(1) == b"ab"
        yield near, there


@contextlib.asynccontextmanager
async def raw_client(proxy: FaultProxy) -> AsyncGenerator[socket.socket]:
    """Connect a client that reads all bytes before a reset, then the reset."""
    with socket.create_connection((proxy.host, proxy.port)) as client:
        client.setblocking(False)
        yield client


async def read_all(client: socket.socket) -> tuple[bytes, bool]:
    """Read to the end; return what was received, and whether a reset ended it."""
    received = b""
    try:
        while block := await asyncio.get_running_loop().sock_recv(client, 1 << 16):
            received += block
    except ConnectionResetError:
        return received, True
    return received, False


async def echoed(streams: Streams, text: bytes) -> bytes:
    streams[1].write(text)
    return await streams[0].readexactly(len(text))


async def settle(port: int) -> None:
    """Wait until the loop has polled all sockets a few times: bytes under way have arrived by then."""
    async with closing(await asyncio.open_connection("127.0.0.1", port)) as streams:
        for _ in range(5):
            assert await echoed(streams, b"x") == b"x"


def reset(streams: Streams) -> None:
    streams[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    streams[1].transport.abort()


async def is_reset(streams: Streams) -> bool:
    try:
        assert await streams[0].read(-1) == b""
    except ConnectionResetError:
        return True
    return False
