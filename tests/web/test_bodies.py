"""Bodies that a server of the user's reads: bounded in size and in time, beyond what the application allows."""

import asyncio
import io
from collections.abc import AsyncGenerator

import aiohttp
import pytest
from aiohttp import web

from aiotravis.web._bodies import read_body

MAX_BYTES = 3 << 20
"""More than the ``client_max_size`` of aiohttp."""


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    async def count(request: web.Request) -> web.Response:
        seconds = float(request.query.get("seconds", "30"))
        return web.Response(text=str(len(await read_body(request, MAX_BYTES, seconds))))

    app = web.Application()
    app.router.add_post("/", count)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def pieces(*, ends: bool) -> AsyncGenerator[bytes]:
    yield b"one "
    yield b"two"
    if not ends:
        await asyncio.Event().wait()


@pytest.mark.parametrize("size", [0, 1, MAX_BYTES])
async def test_a_body_is_read_up_to_its_limit(url: str, size: int) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, data=io.BytesIO(b"a" * size)) as response:
        assert (response.status, await response.text()) == (200, str(size))


async def test_a_body_in_pieces_is_read_to_its_end(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, data=pieces(ends=True)) as response:
        assert (response.status, await response.text()) == (200, "7")


async def test_a_body_beyond_the_limit_and_one_that_does_not_end_are_refused(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=io.BytesIO(b"a" * (MAX_BYTES + 1))) as response:
            assert response.status == 413
        async with session.post(f"{url}?seconds=0.05", data=pieces(ends=False)) as response:
            assert response.status == 408


async def test_a_body_that_cannot_be_decompressed_is_refused_as_the_senders_fault(url: str) -> None:
    for coding in ("gzip", "deflate", "br"):
        headers = {"Content-Encoding": coding}
        async with aiohttp.ClientSession() as session, session.post(url, data=b"no gzip", headers=headers) as response:
            assert response.status == 400, coding
