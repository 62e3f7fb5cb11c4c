"""Answers that a test writes byte by byte, and a client that asks for them."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from aiotravis import Travis
from tests.conftest import TOKEN

CONFIG = b'{"config":{"host":"travis-ci.org"}}'


@asynccontextmanager
async def wire(answer: Callable[[bytes], bytes | None]) -> AsyncGenerator[str]:
    """Serve raw bytes for each request head, then close; None closes at once."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            told = answer(head)
            if told is not None:
                writer.write(told)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def client(endpoint: str, *, attempts: int = 1, max_response: int = 64 << 20, read_timeout: float = 30.0) -> Travis:
    return Travis(TOKEN, endpoint=endpoint, attempts=attempts, max_response=max_response, read_timeout=read_timeout)


def hasty(travis: Travis) -> None:
    """Let a client try again without delay."""
    travis._transport.config = dataclasses.replace(travis._transport.config, first_delay=0.0)
