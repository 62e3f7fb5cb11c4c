"""Answers without end, or that unpack to more than there is room for."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import anyio
import pytest

from aiotravis import errors
from tests.rest_faults.asking import (
    ASKS,
    MEBI,
    PLAIN,
    SECONDS,
    TEXT,
    Ask,
    chunked,
    client,
    config,
    fails,
    kept,
    kinds_of,
    sign,
    zipped,
)
from tests.rest_faults.turns import watched
from tests.wire import Answer, End, chunks, framed, headed, wire


def blocks(size: int) -> tuple[bytes, bytes]:
    """Give the beginning of a gzip, and a block that stands for itself: it can be sent again and again."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    first, block = (packer.compress(bytes(size)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first, block


def bomb() -> Answer:
    first, block = blocks(MEBI)
    packed = first + block * 1023
    assert len(packed) < 1.1 * MEBI
    return kept(zipped(packed, PLAIN))


def endless_gzip() -> Answer:
    first, block = blocks(100_000)
    return Answer(headed("Content-Encoding: gzip", kind=PLAIN) + first, End.FOR_EVER, block)


FLOODS: dict[str, Callable[[], Answer]] = {
    "1 MB of gzip for 1 GB": bomb,
    "gzip without end": endless_gzip,
    "up to the end of the connection, which never comes": lambda: Answer(headed(kind=PLAIN), End.FOR_EVER, TEXT * 999),
    "chunks without end": lambda: Answer(chunked(PLAIN), End.FOR_EVER, chunks(TEXT * 999)),
    "length of 1 TB": lambda: Answer(headed(f"Content-Length: {1 << 40}", kind=PLAIN), End.FOR_EVER, TEXT * 999),
}


@kinds_of(FLOODS)
async def test_a_flood_is_stopped_at_the_limit_while_the_loop_runs(case: Callable[[], Answer]) -> None:
    async with wire(case()) as server, client(server.endpoint) as travis, watched() as turns:
        with pytest.raises(errors.TooLargeError, match="larger than 16777216 bytes"), anyio.fail_after(SECONDS):
            await travis.request("GET", "/jobs/7/log", accept=PLAIN)
    assert len(server.heads) == 1
    assert turns.count > 16
    assert turns.longest < 0.05


@pytest.fixture
def memory() -> Iterator[Callable[[], int]]:
    """Tell the most memory held since the beginning of the test, in bytes."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@kinds_of(FLOODS)
async def test_a_flood_takes_no_more_memory_than_the_limit(
    case: Callable[[], Answer], memory: Callable[[], int]
) -> None:
    async with wire(case()) as server, client(server.endpoint, max_response=8 * MEBI) as travis:
        tracemalloc.reset_peak()
        with pytest.raises(errors.TooLargeError), anyio.fail_after(SECONDS):
            await travis.request("GET", "/jobs/7/log", accept=PLAIN)
        assert memory() < 16 * MEBI


HEADS: dict[str, Answer] = {
    "headers": Answer(b"HTTP/1.1 200 OK\r\n", End.FOR_EVER, b"X-More: of it\r\n" * 99),
    "one header": Answer(b"HTTP/1.1 200 OK\r\nX-More: ", End.FOR_EVER, b"of it" * 999),
    "a header's name": Answer(b"HTTP/1.1 200 OK\r\n", End.FOR_EVER, b"More" * 999),
    "a status line": Answer(b"HTTP/1.1 200 ", End.FOR_EVER, b"OK" * 999),
    "trailers": Answer(headed("Transfer-Encoding: chunked") + b"0\r\n", End.FOR_EVER, b"X-More: of it\r\n" * 99),
}


@ASKS
@kinds_of(HEADS)
async def test_an_endless_head_raises_an_error(case: Answer, ask: Ask, memory: Callable[[], int]) -> None:
    assert await fails(ask, case, errors.RequestError) == (1 if ask is sign else 3)
    assert memory() < 2 * MEBI


STALLS: dict[str, Answer] = {
    "interim answers": Answer(end=End.FOR_EVER, more=b"HTTP/1.1 102 Processing\r\n\r\n" * 99),
    "empty lines": Answer(end=End.FOR_EVER, more=b"\r\n" * 999),
    "a chunk's size": Answer(chunked(PLAIN), End.FOR_EVER, b"0" * 999),
    "a chunk's extension": Answer(chunked(PLAIN) + b"5;", End.FOR_EVER, b"more" * 999),
    "one trailer": Answer(chunked(PLAIN) + b"0\r\nX-More: ", End.FOR_EVER, b"of it" * 999),
    "gzip that holds nothing": Answer(
        headed("Content-Encoding: gzip", kind=PLAIN) + b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        End.FOR_EVER,
        b"\0\0\0\xff\xff" * 999,
    ),
    "gzip after its end": Answer(headed("Content-Encoding: gzip"), End.FOR_EVER, gzip.compress(b"") * 99),
}


@kinds_of(STALLS)
async def test_endless_meaningless_bytes_raise_an_error(case: Answer) -> None:
    impatient = {"connect_timeout": 0.1, "read_timeout": 0.1, "max_response": MEBI}
    async with wire(case) as server, client(server.endpoint, **impatient) as travis:
        raised: errors.TravisError | None = None
        with anyio.fail_after(SECONDS):
            try:
                await travis.logs.get(7)
            except errors.TravisError as error:
                raised = error
        assert raised is not None


async def test_a_retry_after_of_years_is_not_waited_for() -> None:
    answer = kept(framed(b"", "Retry-After: 99999999", status="429 Too Many Requests"))
    async with wire(answer) as server, client(server.endpoint) as travis:
        with pytest.raises(errors.RateLimited), anyio.fail_after(5):
            await config(travis)
