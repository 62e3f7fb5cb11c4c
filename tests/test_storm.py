"""A hundred calls at once through a server that drops, truncates, delays and redirects."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from aiotravis import Travis, errors
from aiotravis.resources.builds import Build
from tests.conftest import TOKEN

ANSWER = b'{"build":{"id":7,"number":"1","state":"passed"}}'


def reply(status: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [
        b"HTTP/1.1 " + status,
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *headers,
        b"",
        b"",
    ]
    return b"\r\n".join(lines) + body


class Storm:
    """Answers each request in some way, by seed; keeps the foreign host's requests."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.foreign: list[bytes] = []
        self.foreign_port = 0
        self.open = 0

    async def home(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(self.draw.choice([0.0, 0.0, 0.01]))
                how = self.draw.choices(
                    ["good", "drop", "cut", "503", "429", "away", "html", "junk"], [8, 1, 1, 1, 0, 1, 1, 1]
                )[0]
                if how == "drop":
                    writer.transport.abort()
                    return
                location = b"Location: http://127.0.0.1:%d/builds/7" % self.foreign_port
                told = {
                    "good": reply(b"200 OK", ANSWER),
                    "cut": reply(b"200 OK", ANSWER)[:-9],
                    "503": reply(b"503 Service Unavailable", b"<html>"),
                    "away": reply(b"302 Found", b"", location),
                    "html": reply(b"200 OK", b"<html>"),
                    "junk": b"nothing like HTTP\r\n\r\n",
                }[how]
                writer.write(told)
                await writer.drain()
                if how in {"cut", "junk"}:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def away(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.foreign.append(head)
                writer.write(reply(b"200 OK", ANSWER))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def storm(seed: int) -> AsyncGenerator[tuple[Storm, str]]:
    weather = Storm(seed)
    away = await asyncio.start_server(weather.away, "127.0.0.1", 0)
    home = await asyncio.start_server(weather.home, "127.0.0.1", 0)
    weather.foreign_port = away.sockets[0].getsockname()[1]
    async with away, home:
        yield weather, f"http://127.0.0.1:{home.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("seed", range(5))
async def test_every_call_ends_in_a_value_or_a_right_error_and_nothing_leaks(seed: int) -> None:
    async with storm(seed) as (weather, endpoint):
        before = len(asyncio.all_tasks())
        ended: list[Build | errors.TravisError] = []

        async def call() -> None:
            try:
                ended.append(await travis.builds.get(7))
            except errors.TravisError as error:
                ended.append(error)

        async with Travis(TOKEN, endpoint=endpoint) as travis:
            with anyio.fail_after(30):
                async with anyio.create_task_group() as group:
                    for _ in range(100):
                        group.start_soon(call)
        assert len(ended) == 100
        assert sum(isinstance(one, Build) for one in ended) > 50
        right = (Build, errors.RequestError, errors.ServerError, errors.DecodeError)
        assert [one for one in ended if not isinstance(one, right)] == []
        assert all(TOKEN not in str(one) for one in ended)
        assert weather.foreign
        assert not any(TOKEN.encode() in head or b"Authorization" in head for head in weather.foreign)
        with anyio.fail_after(5):
            while weather.open:  # noqa: ASYNC110 - the server's side of a connection tells nobody
                await anyio.sleep(0.001)
        assert len([task for task in asyncio.all_tasks() if not task.done()]) <= before + 1
