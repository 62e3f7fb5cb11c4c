"""Bodies that come slowly, in virtual time: one that trickles ends, one that comes at a fair rate is read."""

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from aiotravis import Travis, errors
from aiotravis._http import ApiRequest
from tests.autojump import run
from tests.conftest import TOKEN
from tests.wire import headed

LOG = ApiRequest("GET", "/jobs/7/log", accept="text/plain")

MEBI = 1 << 20


class Counter:
    """A sink that counts, and takes its time."""

    limit = 1 << 30

    def __init__(self, pause: float = 0.0) -> None:
        self.size = 0
        self._pause = pause

    async def begin(self) -> None:
        self.size = 0

    async def take(self, piece: bytes) -> None:
        self.size += len(piece)
        await asyncio.sleep(self._pause)


@asynccontextmanager
async def dripping(head: bytes, piece: bytes, every: float, times: int, end: bytes = b"") -> AsyncGenerator[str]:
    """Serve a piece again and again, with pauses; then close."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            for _ in range(times):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every)
            writer.write(end)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


FOR_EVER = 1 << 40

CHUNKED = headed("Transfer-Encoding: chunked", kind="text/plain")

STORED = b"\x00\xff\xff\x00\x00"
"""Head of a block of 64 kB that is not compressed."""

TRICKLES: dict[str, tuple[bytes, bytes, float]] = {
    "one byte a second, up to the end of the connection": (headed(kind="text/plain"), b"x", 1.0),
    "one byte a second of JSON": (headed(), b" ", 1.0),
    "one byte in 29 s": (headed(kind="text/plain"), b"x", 29.0),
    "of an announced length": (headed("Content-Length: 10000000", kind="text/plain"), b"x", 1.0),
    "of a small announced length": (headed("Content-Length: 1000"), b"x", 1.0),
    "in chunks": (CHUNKED, b"1\r\nx\r\n", 1.0),
    "in one chunk": (CHUNKED + b"ffffff\r\n", b"x", 1.0),
    "nothing but the extension of a chunk": (CHUNKED + b"5;", b"x", 1.0),
    "chunked, then trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"X-A: b\r\n", 1.0),
    "gzip": (headed("Content-Encoding: gzip", kind="text/plain") + gzip.compress(b"x")[:10] + STORED, b"x", 1.0),
    "an error": (headed(status="500 Oops", kind="text/plain"), b"x", 1.0),
    "a refusal": (headed(status="404 Not Found"), b"x", 1.0),
    "900 bytes a second": (headed(kind="text/plain"), b"x" * 4500, 5.0),
    "a megabyte at once, then a byte a second": (headed(kind="text/plain") + b"x" * 100_000, b"x", 1.0),
}  # fmt: skip


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("into", [True, False])
@pytest.mark.parametrize(("head", "piece", "every"), TRICKLES.values(), ids=TRICKLES.keys())
def test_a_body_that_trickles_ends(head: bytes, piece: bytes, every: float, into: bool, own: bool) -> None:
    async def main(clock: Callable[[], float]) -> None:
        async with (
            dripping(head, piece, every, FOR_EVER) as endpoint,
            aiohttp.ClientSession() as session,
            Travis(TOKEN, endpoint=endpoint, attempts=1, session=None if own else session) as travis,
        ):
            began = clock()
            with pytest.raises(errors.RequestTimeout, match="did not answer in time"):
                await travis._transport.send(LOG, Counter() if into else None)
            # The longest silence, and as much time as what came may take.
            assert clock() - began < 30 + 1.1 * len(head) / 1024 + (250 if len(piece) > 100 else 5)

    run(main)


SLOW: dict[str, tuple[bytes, bytes, float, int, int]] = {
    "100 MB of a log in 1,000 s, without a length": (headed(kind="text/plain"), b"x" * MEBI, 10.0, 100, 100 * MEBI),
    "100 kB of a log in 50 s, without a length": (headed(kind="text/plain"), b"x" * 2000, 1.0, 50, 100_000),
    "a log with a pause of 29 s": (headed(kind="text/plain"), b"x" * 40_000, 29.0, 5, 200_000),
    "of an announced length": (headed("Content-Length: 100000", kind="text/plain"), b"x" * 2000, 1.0, 50, 100_000),
    "in chunks": (CHUNKED, b"7d0\r\n" + b"x" * 2000 + b"\r\n", 1.0, 50, 100_000),
}


@pytest.mark.parametrize(("head", "piece", "every", "times", "size"), SLOW.values(), ids=SLOW.keys())
def test_a_slow_body_of_a_fair_rate_is_read(head: bytes, piece: bytes, every: float, times: int, size: int) -> None:
    async def main(clock: Callable[[], float]) -> None:
        end = b"0\r\n\r\n" if b"chunked" in head else b""
        async with (
            dripping(head, piece, every, times, end) as endpoint,
            Travis(TOKEN, endpoint=endpoint, attempts=1) as travis,
        ):
            sink, began = Counter(), clock()
            response = await travis._transport.send(LOG, sink)
            assert (response.status, sink.size) == (200, size)
            assert clock() - began > 40

    run(main)


def test_the_time_of_a_slow_disk_is_not_the_servers() -> None:
    async def main(clock: Callable[[], float]) -> None:
        async with (
            dripping(headed(kind="text/plain"), b"x" * (1 << 18), 0.1, 5) as endpoint,
            Travis(TOKEN, endpoint=endpoint, attempts=1, read_timeout=1.0) as travis,
        ):
            sink, began = Counter(pause=500.0), clock()
            await travis._transport.send(LOG, sink)
            assert sink.size == 5 << 18
            assert clock() - began > 2000

    run(main)


def test_read_timeout_is_the_time_that_a_trickle_has() -> None:
    async def main(clock: Callable[[], float]) -> None:
        async with (
            dripping(headed(kind="text/plain"), b"x", 1.0, FOR_EVER) as endpoint,
            Travis(TOKEN, endpoint=endpoint, attempts=1, read_timeout=3.0) as travis,
        ):
            began = clock()
            with pytest.raises(errors.RequestTimeout):
                await travis.logs.text(7)
            assert 2.9 < clock() - began < 4

    run(main)
