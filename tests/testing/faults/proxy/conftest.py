"""A proxy in front of an echo server, and one in front of a server whose connections the test handles."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

from aiotravis.testing import FaultProxy
from tests.testing.faults.proxy.streams import (
    FarServer,
)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while block := await reader.read(1 << 16):
            writer.write(block)
            await writer.drain()
    writer.close()


@pytest.fixture
async def echo() -> AsyncGenerator[int]:
    """Port of a server that echoes every byte, and ends a connection when its client does."""
    async with await asyncio.start_server(_echo, "127.0.0.1", 0, backlog=1024) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def proxy(echo: int) -> AsyncGenerator[FaultProxy]:
    async with FaultProxy(echo) as proxy:
        yield proxy


@pytest.fixture
async def far() -> AsyncGenerator[FarServer]:
    far = FarServer()
    async with await asyncio.start_server(far.accept, "127.0.0.1", 0) as server:
        far.port = server.sockets[0].getsockname()[1]
        yield far


@pytest.fixture
async def far_proxy(far: FarServer) -> AsyncGenerator[FaultProxy]:
    async with FaultProxy(far.port) as proxy:
        yield proxy
