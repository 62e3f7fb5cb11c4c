"""A hundred calls at once to a server that drops, truncates, delays and redirects."""

import asyncio
import dataclasses
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.resources.builds import Build
from tests.conftest import TOKEN

ANSWER = b'{"build":{"id":7,"number":"1","state":"passed"}}'


def http_response(status: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [
        b"HTTP/1.1 " + status,
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *headers,
        b"",
        b"",
    ]
    return b"\r\n".join(lines) + body


class StormyServer:
    """Answers every request at random, reproducibly by seed.

    Attributes:
        foreign: Requests that reached the other host, to which it redirects.
        open: Number of open connections.
    """

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.foreign: list[bytes] = []
        self.foreign_port = 0
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(self.draw.choice([0.0, 0.0, 0.01]))
                kind = self.draw.choices(
                    ["good", "drop", "cut", "503", "429", "redirect", "html", "junk"], [8, 1, 1, 1, 0, 1, 1, 1]
                )[0]
                if kind == "drop":
                    writer.transport.abort()
                    return
                location = b"Location: http://127.0.0.1:%d/builds/7" % self.foreign_port
                responses = {
                    "good": http_response(b"200 OK", ANSWER),
                    "cut": http_response(b"200 OK", ANSWER)[:-9],
                    "503": http_response(b"503 Service Unavailable", b"<html>"),
                    "redirect": http_response(b"302 Found", b"", location),
                    "html": http_response(b"200 OK", b"<html>"),
                    "junk": b"nothing like HTTP\r\n\r\n",
                }
                writer.write(responses[kind])
                await writer.drain()
                if kind in {"cut", "junk"}:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def serve_foreign(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.foreign.append(head)
                writer.write(http_response(b"200 OK", ANSWER))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def stormy_server(seed: int) -> AsyncGenerator[tuple[StormyServer, str]]:
    storm = StormyServer(seed)
    foreign = await asyncio.start_server(storm.serve_foreign, "127.0.0.1", 0)
    server = await asyncio.start_server(storm.serve, "127.0.0.1", 0)
    storm.foreign_port = foreign.sockets[0].getsockname()[1]
    async with foreign, server:
        yield storm, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("seed", range(5))
async def test_every_call_returns_or_raises_its_error_and_nothing_leaks(seed: int) -> None:
    async with stormy_server(seed) as (storm, endpoint):
        before = len(asyncio.all_tasks())
        ended: list[Build | errors.TravisError] = []

        async def call() -> None:
            try:
                ended.append(await travis.builds.get(7))
            except errors.TravisError as error:
                ended.append(error)

        async with Travis(TOKEN, endpoint=endpoint) as travis:
            travis._transport.config = dataclasses.replace(travis._transport.config, first_delay=0.01)
            with anyio.fail_after(30):
                async with anyio.create_task_group() as group:
                    for _ in range(100):
                        group.start_soon(call)
        assert len(ended) == 100
        assert sum(isinstance(one, Build) for one in ended) > 50
        right = (Build, errors.RequestError, errors.ServerError, errors.DecodeError)
        assert [one for one in ended if not isinstance(one, right)] == []
        assert all(TOKEN not in str(one) for one in ended)
        assert storm.foreign
        assert not any(TOKEN.encode() in head or b"Authorization" in head for head in storm.foreign)
        with anyio.fail_after(5):
            while storm.open:  # noqa: ASYNC110 - the server's side of a connection has no event
                await anyio.sleep(0.001)
        assert len([task for task in asyncio.all_tasks() if not task.done()]) <= before + 1
