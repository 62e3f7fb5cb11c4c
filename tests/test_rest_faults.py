"""What a broken or hostile server can do to REST: cut, flood, redirect, talk nonsense; none of it may pass for right.

Every failure is an error of our tree, reads are tried three times, a write goes out once, no secret comes to light, and
no connection or task is left (`wire` looks after that).
"""

import asyncio
import contextlib
import dataclasses
import gzip
import itertools
import logging
import time
import traceback
import tracemalloc
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest
from yarl import URL

from aiotravis import Travis, errors
from aiotravis._http import Call
from aiotravis._http.redirecting import redirected
from aiotravis.resources.config import GET as CONFIG
from tests.conftest import TOKEN
from tests.wire import LAST_CHUNK, Answer, End, certified, chunks, framed, headed, wire

JSON = b'{"config":{"host":"travis-ci.org"},"channels":{"private-a":"key:signature"}}'
TEXT = b"travis_fold:start:git.checkout\r\n$ git clone\r\nDone. Your build exited with 0.\n"
PLAIN = "text/plain"

SECONDS = 5.0
"""In which every one of these calls has to end, its further attempts included."""

Ask = Callable[[Travis], Awaitable[object]]


async def config(travis: Travis) -> object:
    return (await travis.config.get()).host


async def log(travis: Travis) -> object:
    return await travis.logs.text(7)


async def sign(travis: Travis) -> object:
    return await travis.pusher_auth.sign("1.1", ["private-a"])


RIGHT: dict[Ask, object] = {config: "travis-ci.org", log: TEXT.decode(), sign: {"private-a": "key:signature"}}

ASKS = pytest.mark.parametrize("ask", [config, log, sign])
READS = pytest.mark.parametrize("ask", [config, log])


def good(ask: Ask) -> tuple[bytes, str]:
    """Give the right body for a call, and its content type."""
    return (TEXT, PLAIN) if ask is log else (JSON, "application/json")


@asynccontextmanager
async def client(endpoint: str, **settings: Any) -> AsyncGenerator[Travis]:
    """Give a client that tries again without delay."""
    async with Travis(TOKEN, endpoint=endpoint, **settings) as travis:
        travis._transport.connecting = dataclasses.replace(travis._transport.connecting, first_delay=0.0)
        yield travis


async def fails(ask: Ask, answer: Answer, *kinds: type[errors.TravisError], **settings: Any) -> int:
    """Ask, be sure that it ends in an error of such a kind, and give how many requests the server saw."""
    async with wire(answer) as server, client(server.endpoint, **settings) as travis:
        with pytest.raises(kinds) as info, anyio.fail_after(SECONDS):
            await ask(travis)
        assert TOKEN not in str(info.value)
    return len(server.heads)


def kinds_of(cases: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


# Truncation -----------------------------------------------------------------------------------------------------------

Cut = Callable[[bytes, str], Answer]


def zipped(body: bytes, kind: str) -> bytes:
    return framed(body, "Content-Encoding: gzip", kind=kind)


def kept(sent: bytes) -> Answer:
    """Give an answer whose frame is whole: the connection serves the next attempt too."""
    return Answer(sent, End.KEEP)


def chunked(kind: str, *headers: str) -> bytes:
    return headed("Transfer-Encoding: chunked", *headers, kind=kind)


CUTS: dict[str, Cut] = {
    "length, end": lambda body, kind: Answer(framed(body, kind=kind)[:-9]),
    "length, reset": lambda body, kind: Answer(framed(body, kind=kind)[:-9], End.RESET),
    "length, nothing of the body": lambda body, kind: Answer(headed("Content-Length: 1", kind=kind)),
    "length too long by one": lambda body, kind: Answer(headed(f"Content-Length: {len(body) + 1}", kind=kind) + body),
    "length beyond all memory": lambda body, kind: Answer(headed(f"Content-Length: {2**62}", kind=kind) + body),
    "in a chunk": lambda body, kind: Answer(chunked(kind) + chunks(body)[:-9]),
    "in a chunk, reset": lambda body, kind: Answer(chunked(kind) + chunks(body)[:-9], End.RESET),
    "in a chunk's size": lambda body, kind: Answer(chunked(kind) + chunks(body) + b"1"),
    "after a chunk's size": lambda body, kind: Answer(chunked(kind) + chunks(body) + b"10\r\n"),
    "no last chunk": lambda body, kind: Answer(chunked(kind) + chunks(body)),
    "gzip, with the length of what is left": lambda body, kind: kept(zipped(gzip.compress(body)[:-12], kind)),
    "gzip, in whole chunks, without its trailer": lambda body, kind: kept(
        chunked(kind, "Content-Encoding: gzip") + chunks(gzip.compress(body)[:-8]) + LAST_CHUNK
    ),
    "gzip, wrong checksum": lambda body, kind: kept(zipped(gzip.compress(body)[:-8] + b"\0" * 8, kind)),
    "gzip, wrong length": lambda body, kind: kept(zipped(gzip.compress(body)[:-4] + b"\0" * 4, kind)),
    "gzip, up to the end of the connection": lambda body, kind: Answer(
        headed("Content-Encoding: gzip", kind=kind) + gzip.compress(body)[:-1]
    ),
    "gzip, header alone": lambda body, kind: kept(zipped(gzip.compress(body)[:10], kind)),
    "deflate": lambda body, kind: kept(framed(zlib.compress(body)[:-5], "Content-Encoding: deflate", kind=kind)),
    "deflate, wrong checksum": lambda body, kind: kept(
        framed(zlib.compress(body)[:-4] + b"\0" * 4, "Content-Encoding: deflate", kind=kind)
    ),
    "in a header": lambda body, kind: Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Ty"),
    "in the status line": lambda body, kind: Answer(b"HTTP/1.1 20", End.RESET),
}


@READS
@kinds_of(CUTS)
async def test_a_truncated_answer_is_asked_for_again_and_never_taken_for_whole(case: Cut, ask: Ask) -> None:
    assert await fails(ask, case(*good(ask)), errors.RequestError) == 3


@kinds_of(CUTS)
async def test_a_truncated_answer_to_a_write_is_not_asked_for_again(case: Cut) -> None:
    assert await fails(sign, case(*good(sign)), errors.RequestError) == 1


@READS
@kinds_of(CUTS)
async def test_after_a_truncated_answer_the_next_attempt_succeeds(case: Cut, ask: Ask) -> None:
    body, kind = good(ask)
    answers = iter([case(body, kind), case(body, kind)])
    whole = kept(framed(body, kind=kind))
    async with wire(lambda head: next(answers, whole)) as server, client(server.endpoint) as travis:
        assert await ask(travis) == RIGHT[ask]
    assert len(server.heads) == 3


WHOLE: dict[str, Callable[[bytes, str], bytes]] = {
    "length": lambda body, kind: framed(body, kind=kind),
    "chunks": lambda body, kind: chunked(kind) + chunks(body[:20], body[20:]) + LAST_CHUNK,
    "gzip": lambda body, kind: zipped(gzip.compress(body), kind),
    "gzip in chunks": lambda body, kind: (
        chunked(kind, "Content-Encoding: gzip") + chunks(*(bytes([byte]) for byte in gzip.compress(body))) + LAST_CHUNK
    ),
}


@READS
@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
@kinds_of(WHOLE)
async def test_a_cut_at_any_byte_is_noticed(case: Callable[[bytes, str], bytes], ask: Ask, end: End) -> None:
    whole = case(*good(ask))
    cut = itertools.count()
    async with (
        wire(lambda head: Answer(whole[: next(cut)], end)) as server,
        client(server.endpoint, attempts=1) as travis,
    ):
        for _ in whole:
            with pytest.raises(errors.RequestError):
                await ask(travis)
        assert await ask(travis) == RIGHT[ask]


async def test_json_up_to_the_end_of_the_connection_tells_by_itself_that_it_is_cut() -> None:
    head = headed()
    for end in range(len(JSON)):
        assert await fails(config, Answer(head + JSON[:end]), errors.DecodeError) == 1


@pytest.mark.parametrize("headers", [(), ("Content-Length: 0",), ("Content-Encoding: gzip", "Content-Length: 0")])
async def test_nothing_is_not_json(headers: tuple[str, ...]) -> None:
    for ask in (config, sign):
        assert await fails(ask, Answer(headed(*headers)), errors.DecodeError) == 1


async def test_text_up_to_the_end_of_the_connection_is_taken_as_it_comes() -> None:
    """A cut cannot be seen there; whoever needs to know asks for the answer itself, which tells."""
    async with wire(Answer(headed(kind=PLAIN) + TEXT[:30])) as server, client(server.endpoint) as travis:
        assert await travis.logs.text(7) == TEXT[:30].decode()
        assert not (await travis.request("GET", "/jobs/7/log", accept=PLAIN)).delimited
    assert len(server.heads) == 2


UNSEEN: dict[str, Answer] = {
    "reset, no length": Answer(headed(kind=PLAIN) + TEXT[:30], End.RESET),
    "gzip, second member left out": kept(zipped(gzip.compress(TEXT[:30]) + gzip.compress(TEXT[30:])[:-9], PLAIN)),
    "a part that nobody asked for": kept(
        framed(TEXT[:30], f"Content-Range: bytes 0-29/{len(TEXT)}", status="206 Partial Content", kind=PLAIN)
    ),
}


@kinds_of(UNSEEN)
async def test_a_truncated_text_is_never_taken_for_whole(case: Answer) -> None:
    await fails(log, case, errors.TravisError)


async def test_all_members_of_a_gzip_are_unpacked() -> None:
    answer = kept(zipped(gzip.compress(TEXT[:30]) + gzip.compress(TEXT[30:]), PLAIN))
    async with wire(answer) as server, client(server.endpoint) as travis:
        assert await travis.logs.text(7) == TEXT.decode()


async def test_an_end_that_no_chunk_announces_is_told_as_such() -> None:
    answer = Answer(headed("Transfer-Encoding: identity", kind=PLAIN) + TEXT[:30])
    async with wire(answer) as server, client(server.endpoint) as travis:
        assert not (await travis.request("GET", "/jobs/7/log", accept=PLAIN)).delimited


# Bombs and floods -----------------------------------------------------------------------------------------------------

MEBI = 1 << 20


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


class Turns:
    """Counts the turns of the event loop, and the longest."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0

    async def watch(self) -> None:
        # In time of this thread: a machine that gives its processor to others must not look like a loop held up.
        began = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest = max(self.longest, now - began)
            self.count += 1
            began = now


@asynccontextmanager
async def watched() -> AsyncGenerator[Turns]:
    turns = Turns()
    task = asyncio.create_task(turns.watch())
    try:
        yield turns
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@kinds_of(FLOODS)
async def test_a_flood_is_stopped_at_the_limit_and_the_loop_turns_meanwhile(case: Callable[[], Answer]) -> None:
    async with wire(case()) as server, client(server.endpoint) as travis, watched() as turns:
        with pytest.raises(errors.TooLargeError, match="larger than 67108864 bytes"), anyio.fail_after(SECONDS):
            await log(travis)
    assert len(server.heads) == 1
    assert turns.count > 64
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
            await log(travis)
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
async def test_a_head_without_end_is_given_up(case: Answer, ask: Ask, memory: Callable[[], int]) -> None:
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
async def test_bytes_without_end_that_say_nothing_are_given_up(case: Answer) -> None:
    impatient = {"connect_timeout": 0.1, "read_timeout": 0.1, "max_response": MEBI}
    async with wire(case) as server, client(server.endpoint, **impatient) as travis:
        raised: errors.TravisError | None = None
        with anyio.fail_after(SECONDS):
            try:
                await log(travis)
            except errors.TravisError as error:
                raised = error
        assert raised is not None


async def test_a_server_that_wants_to_be_left_alone_for_years_is_not_waited_for() -> None:
    answer = kept(framed(b"", "Retry-After: 99999999", status="429 Too Many Requests"))
    async with wire(answer) as server, client(server.endpoint) as travis:
        with pytest.raises(errors.RateLimited), anyio.fail_after(0.5):
            await config(travis)


# Wrong answers --------------------------------------------------------------------------------------------------------


def with_headers(*headers: str) -> Cut:
    return lambda body, kind: kept(framed(body, *headers, kind=kind))


def with_body_as(head: str, frame: bytes) -> Cut:
    return lambda body, kind: Answer(headed(head, kind=kind) + frame.replace(b"BODY", body))


NOT_HTTP: dict[str, Cut] = {
    "nothing": lambda body, kind: Answer(),
    "reset at once": lambda body, kind: Answer(end=End.RESET),
    "all bytes there are": lambda body, kind: Answer(bytes(range(256)) * 4),
    "zeros": lambda body, kind: Answer(bytes(5000)),
    "another protocol": lambda body, kind: Answer(b"220 mail.example.org ESMTP ready\r\n"),
    "a TLS alert": lambda body, kind: Answer(b"\x15\x03\x01\x00\x02\x02\x46"),
    "HTTP/2 settings": lambda body, kind: Answer(b"\0\0\x12\x04\0\0\0\0\0" + bytes(18)),
    "HTTP/0.9": lambda body, kind: Answer(body),
    "HTTP/2 in words": lambda body, kind: Answer(framed(body, kind=kind).replace(b"HTTP/1.1", b"HTTP/2", 1)),
    "HTTP/9.9": lambda body, kind: Answer(framed(body, kind=kind).replace(b"1.1", b"9.9", 1)),
    "a misspelt protocol": lambda body, kind: Answer(framed(body, kind=kind).replace(b"HTTP", b"HTP", 1)),
    "a status in words": lambda body, kind: Answer(framed(body, status="two hundred", kind=kind)),
    "a status of four figures": lambda body, kind: Answer(framed(body, status="1000 OK", kind=kind)),
    "a status line of 100 kB": lambda body, kind: Answer(framed(body, status="200 " + "O" * 100_000, kind=kind)),
    "an interim answer and no other": lambda body, kind: Answer(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a header of 100 kB": with_headers("X-Long: " + "a" * 100_000),
    "10,000 headers": with_headers(*(f"X-{number}: a" for number in range(10_000))),
    "NUL in a header": with_headers("X-Null: a\0b"),
    "NUL in a header's name": with_headers("X-N\0ull: a"),
    "a space in a header's name": with_headers("X Y: a"),
    "a header without a colon": with_headers("X-Colon"),
    "a header without a name": with_headers(": a"),
    "a bare CR in a header": with_headers("X-A: b\rX-C: d"),
    "two lengths": with_headers("Content-Length: 2"),
    "a negative length": with_body_as("Content-Length: -1", b"BODY"),
    "a length in words": with_body_as("Content-Length: some", b"BODY"),
    "a length with a sign": with_body_as("Content-Length: +76", b"BODY"),
    "a length of 30 figures": with_body_as("Content-Length: " + "9" * 30, b"BODY"),
    "a length and chunks": with_body_as("Content-Length: 3\r\nTransfer-Encoding: chunked", b"4c\r\nBODY\r\n0\r\n\r\n"),
    "a chunk's size in words": with_body_as("Transfer-Encoding: chunked", b"many\r\nBODY"),
    "a negative size of a chunk": with_body_as("Transfer-Encoding: chunked", b"-4c\r\nBODY"),
    "a chunk's size with 0x": with_body_as("Transfer-Encoding: chunked", b"0x4c\r\nBODY\r\n0\r\n\r\n"),
    "a chunk's size of 40 figures": with_body_as("Transfer-Encoding: chunked", b"f" * 40 + b"\r\nBODY"),
    "a chunk longer than its size": with_body_as("Transfer-Encoding: chunked", b"5\r\nBODY\r\n0\r\n\r\n"),
    "204 with a body": lambda body, kind: Answer(framed(body, status="204 No Content", kind=kind)),
    "304 with a body": lambda body, kind: Answer(framed(body, status="304 Not Modified", kind=kind)),
    "said to be gzip": with_headers("Content-Encoding: gzip"),
    "deflate without its header": lambda body, kind: kept(
        framed(zlib.compress(body)[2:-4], "Content-Encoding: deflate", kind=kind)
    ),
}


@ASKS
@kinds_of(NOT_HTTP)
async def test_what_is_not_http_is_told_as_such_after_three_reads_or_one_write(case: Cut, ask: Ask) -> None:
    assert await fails(ask, case(*good(ask)), errors.RequestError) == (1 if ask is sign else 3)


ODD_BUT_RIGHT: dict[str, Cut] = {
    "interim answers before it": lambda body, kind: kept(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + framed(body, kind=kind)
    ),
    "10,000 interim answers": lambda body, kind: kept(
        b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000 + framed(body, kind=kind)
    ),
    "no reason": lambda body, kind: kept(framed(body, status="200", kind=kind)),
    "a folded header": with_headers("X-A: b\r\n c"),
    "bytes above ASCII in a header": lambda body, kind: kept(
        framed(body, "X-A: b", kind=kind).replace(b": b", b": \xff", 1)
    ),
    "junk for cookies": with_headers('Set-Cookie: ;;;=\x7e; "', "Set-Cookie: a=" + "b" * 5000, "Set-Cookie: " + TOKEN),
    "an unknown charset": lambda body, kind: kept(framed(body, kind=f"{kind}; charset=no-such")),
    "a charset that it is not in": lambda body, kind: kept(framed(body, kind=f"{kind}; charset=utf-16")),
    "another type as well": with_headers("X-Pad: a", "Content-Type: text/plain"),
    "the identity encoding": with_headers("Content-Encoding: identity"),
    "a Retry-After": with_headers("Retry-After: 99999999"),
    "chunks with extensions and trailers": lambda body, kind: kept(
        chunked(kind) + b"%x;a=b\r\n%b\r\n0;c\r\nX-Trailer: d\r\n\r\n" % (len(body), body)
    ),
    "a second answer behind it": lambda body, kind: kept(framed(body, kind=kind) + framed(b"[]")),
    "junk behind the gzip": lambda body, kind: kept(zipped(gzip.compress(body) + b"\0\0\0", kind)),
}


@ASKS
@kinds_of(ODD_BUT_RIGHT)
async def test_what_is_only_odd_gives_the_right_value(case: Cut, ask: Ask) -> None:
    async with wire(case(*good(ask))) as server, client(server.endpoint) as travis:
        with anyio.fail_after(SECONDS):
            assert await ask(travis) == RIGHT[ask]
    assert len(server.heads) == 1


def shaped(value: bytes) -> bytes:
    return b'{"config":{"pusher":{"port":%b}},"channels":{"private-a":%b}}' % (value, value)


NOT_RIGHT: dict[str, bytes] = {
    "all bytes there are": bytes(range(256)),
    "not UTF-8": shaped(b'"\xff\xfe"'),
    "half a surrogate": shaped(b'"\\ud800"'),
    "UTF-16": JSON.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + JSON,
    "a million brackets": b"[" * 1_000_000,
    "a million brackets where a value is": shaped(b"[" * 500_000 + b"]" * 500_000),
    "a million braces": b'{"config":' * 100_000,
    "1e999": shaped(b"1e999"),
    "10,000 figures": shaped(b"9" * 10_000),
    "NaN": shaped(b"NaN"),
    "more after it": JSON + b"x",
    "it twice": JSON + JSON,
    "nothing but null": b"null",
    "an empty list": b"[]",
    "a string": b'"OK"',
    "a web page": b"<!DOCTYPE html><title>Sign in</title>",
    "NULs": bytes(5000),
    "gzip that nobody told of": gzip.compress(JSON),
}


@pytest.mark.parametrize("ask", [config, sign])
@kinds_of(NOT_RIGHT)
async def test_what_is_not_the_json_promised_is_told_as_such_at_once(case: bytes, ask: Ask) -> None:
    assert await fails(ask, Answer(framed(case)), errors.DecodeError) == 1


UNASKED: dict[str, Answer] = {
    "br": kept(framed(b"\x8b\x24\x80" + TEXT + b"\x03", "Content-Encoding: br", kind=PLAIN)),
    "zstd": kept(framed(b"\x28\xb5\x2f\xfd" + TEXT, "Content-Encoding: zstd", kind=PLAIN)),
    "gzip twice": kept(framed(gzip.compress(gzip.compress(TEXT)), "Content-Encoding: gzip, gzip", kind=PLAIN)),
    "gzip for transfer": kept(
        headed("Transfer-Encoding: gzip, chunked", kind=PLAIN) + chunks(gzip.compress(TEXT)) + LAST_CHUNK
    ),
}


@pytest.mark.parametrize("ask", [config, sign])
@kinds_of(UNASKED)
async def test_an_encoding_that_nobody_asked_for_is_no_json(case: Answer, ask: Ask) -> None:
    requests = await fails(ask, case, errors.DecodeError, errors.RequestError)
    assert requests == 1 if ask is sign else requests <= 3


@kinds_of(UNASKED)
async def test_an_encoding_that_nobody_asked_for_is_no_text(case: Answer) -> None:
    await fails(log, case, errors.TravisError)


REFUSALS: dict[str, tuple[bytes, type[errors.ResponseError]]] = {
    "switching protocols": (headed("Upgrade: websocket", status="101 Switching Protocols"), errors.ResponseError),
    "a status below all": (framed(JSON, status="099 Low"), errors.ResponseError),
    "a status above all": (framed(JSON, status="999 High"), errors.ServerError),
    "several choices": (framed(b"", "Location: /x", status="300 Multiple Choices"), errors.ResponseError),
    "elsewhere, but not where": (framed(b"", status="302 Found"), errors.ResponseError),
    "elsewhere, at nothing": (framed(b"", "Location: ", status="307 Temporary Redirect"), errors.ResponseError),
    "not modified": (headed(status="304 Not Modified"), errors.ResponseError),
    "a teapot": (framed(b"\0\x1b[31m\r\n" * 99, status="418 I'm a teapot"), errors.ResponseError),
    "nested to death": (framed(b"[" * 1_000_000, status="500 Oops"), errors.ServerError),
    "not UTF-8": (framed(b'{"error":"\xff"}', status="404 Not Found"), errors.NotFoundError),
    "flash of wrong types": (
        framed(b'{"flash":[{"error":5},7,null,{"error":"so"}]}', status="400 Bad Request"),
        errors.RefusedError,
    ),
    "fields of wrong types": (
        framed(b'{"errors":[1,null,{"field":[[]],"code":1e999}]}', status="422 Unprocessable"),
        errors.ValidationError,
    ),
    "an error that is a number": (framed(b'{"error":1e5}', status="403 Forbidden"), errors.PermissionDenied),
}


@ASKS
@kinds_of(REFUSALS)
async def test_a_refusal_of_any_form_is_told_at_once(case: tuple[bytes, type[errors.ResponseError]], ask: Ask) -> None:
    sent, kind = case
    assert await fails(ask, kept(sent), kind) == 1


# Redirects ------------------------------------------------------------------------------------------------------------


def moved(to: str, *headers: str, status: int = 302) -> Answer:
    return kept(framed(b"", f"Location: {to}", *headers, status=f"{status} Moved"))


STATUSES = pytest.mark.parametrize("status", [301, 302, 303, 307, 308])

LOCATIONS = [
    "#x", "/%zz%", "/a b", "/\xff", "?" * 5000, "http:///x", "http://[::1", "http://a..b/", "http://a%00b/",
    "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://127.0.0.1:1/\x01",
    "http://user:password@127.0.0.1:1/", "http://xn--a\xad.invalid/", "http://" + "a" * 300 + "/",
    "http://127.0.0.1:1\\@[/", "javascript:alert(1)", "file:///etc/passwd", "ws://127.0.0.1:1/", "//", "\\\\", "%",
]  # fmt: skip


@ASKS
@pytest.mark.parametrize("location", LOCATIONS)
async def test_a_location_of_any_form_ends_in_an_error(location: str, ask: Ask) -> None:
    requests = await fails(ask, moved(location), errors.RequestError)
    assert requests == 1 if ask is sign else requests <= 6


AWKWARD = ["", "api.home", "evil", ":81", "@", "/", "\\", "?", "#", "\t", "%40", "\uff20"]


def test_the_origin_that_is_judged_is_the_one_that_is_asked() -> None:
    """Two readings of one address would send the token to one host in the belief that it is another."""
    home = "http://api.home:81"
    judged = {True: 0, False: 0}
    for pieces in itertools.product(AWKWARD, repeat=4):
        with contextlib.suppress(errors.RedirectError, ValueError):
            location = f"//{''.join(pieces)}"
            hop = redirected(Call("GET", "/x"), f"{home}/x", location, home=home, signed=True, hops=0)
            asked = URL(hop.url, encoded=True)
            at_home = (asked.scheme, (asked.host or "").lower(), asked.port) == ("http", "api.home", 81)
            assert at_home is not hop.foreign, location
            judged[at_home] += 1
    assert min(judged.values()) > 99


def names(head: bytes) -> set[str]:
    return {line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:] if line}


HARMLESS = {"host", "accept", "accept-encoding", "user-agent"}


@STATUSES
async def test_nothing_of_ones_own_goes_to_another_origin_and_all_of_it_comes_home_again(status: int) -> None:
    """Home, away, further away, home: same host everywhere, so that only the port tells them apart."""
    jar = aiohttp.CookieJar(unsafe=True)
    jar.update_cookies({"mine": "a-cookie"}, URL("http://127.0.0.1/"))

    def answer(head: bytes) -> Answer:
        if b"/back" in head:
            return kept(framed(TEXT, kind=PLAIN))
        return moved(f"{away.endpoint}/1", "Set-Cookie: theirs=crumb; Path=/", status=status)

    async with (
        wire(answer) as home,
        wire(lambda head: moved(f"{home.endpoint}/back", "Set-Cookie: more=crumb", status=status)) as further,
        wire(lambda head: moved(f"{further.endpoint}/2", "Set-Cookie: other=crumb", status=status)) as away,
        aiohttp.ClientSession(headers={"X-Session": "mine"}, cookie_jar=jar) as session,
        client(home.endpoint, session=session) as travis,
    ):
        reply = await travis.request("GET", "/jobs/7/log", headers={"X-Call": "mine", "Cookie": "call=mine"})
        assert reply.body == TEXT
    assert [names(head) for head in (*away.heads, *further.heads)] == [HARMLESS, HARMLESS]
    first, back = home.heads
    assert names(first) >= {"authorization", "x-session", "x-call", "cookie"}
    assert names(back) >= {"authorization", "x-session", "x-call", "cookie"}


async def test_a_password_of_the_session_does_not_leave_the_origin_either() -> None:
    with pytest.deprecated_call():
        session = aiohttp.ClientSession(auth=aiohttp.BasicAuth("sarah", "password"))
    async with (
        wire(kept(framed(TEXT, kind=PLAIN))) as away,
        wire(lambda head: moved(away.endpoint)) as home,
        session,
        Travis(endpoint=home.endpoint, session=session) as travis,
    ):
        assert await log(travis) == TEXT.decode()
    assert b"Authorization: Basic" in home.heads[0]
    assert names(away.heads[0]) == HARMLESS


async def test_cookies_that_a_server_sets_are_never_sent_back() -> None:
    answer = kept(framed(TEXT, "Set-Cookie: theirs=crumb; Path=/", kind=PLAIN))
    async with wire(answer) as server, client(server.endpoint) as travis:
        await log(travis)
        await log(travis)
    assert not any("cookie" in names(head) for head in server.heads)


async def test_from_tls_no_redirect_leads_to_plain_text(tmp_path: Path) -> None:
    served, trusted = certified(tmp_path)
    async with (
        wire(kept(framed(TEXT, kind=PLAIN))) as plain,
        wire(lambda head: moved(f"{plain.endpoint}/1?signature=5ecret"), tls=served) as home,
        client(home.endpoint, ssl=trusted) as travis,
    ):
        with pytest.raises(errors.RedirectError, match="from TLS to plain text") as info:
            await log(travis)
        assert info.value.location == f"{plain.endpoint}/1"
        assert "5ecret" not in told(info.value)
    assert (len(home.heads), plain.heads) == (1, [])


@STATUSES
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_sent_once_whatever_redirect_it_meets(method: str, status: int) -> None:
    async with (
        wire(kept(framed(JSON))) as away,
        wire(lambda head: moved(away.endpoint if b"/away" in head else "/elsewhere", status=status)) as home,
        client(home.endpoint) as travis,
    ):
        for path in ("/away", "/within"):
            with pytest.raises(errors.RedirectError, match="a write is never repeated elsewhere"):
                await travis.request(method, path, json={"secret": "5ecret"})
    assert (len(home.heads), away.heads) == (2, [])


# Secrets --------------------------------------------------------------------------------------------------------------

SECRET = "5ecret"


def told(error: BaseException) -> str:
    """Give all that an error and those behind it tell: as text, as repr, in their attributes, in a traceback."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in chain:
            chain.append(one)
            waiting += [one.__cause__, one.__context__]
    each = [f"{one} {one!r} {one.args!r} {vars(one)!r}" for one in chain]
    return "\n".join([*each, *traceback.format_exception(error)])


async def spoken(case: Answer, ask: Ask, logged: pytest.LogCaptureFixture) -> str:
    """Give everything that becomes known when a call fails."""
    logged.set_level(logging.DEBUG)
    silent = case.end is End.HOLD
    async with (
        wire(case) as server,
        client(server.endpoint, read_timeout=0.1 if silent else 5.0, max_response=MEBI) as travis,
    ):
        with pytest.raises(errors.TravisError) as info:
            await ask(travis)
        return told(info.value) + repr(travis) + repr(travis._transport) + logged.text


async def with_secrets(travis: Travis) -> object:
    """Send secrets in the query and in a header, and read a shape out of the answer."""
    call = CONFIG.call(query=[("access_token", SECRET)], headers=[("X-Secret", SECRET)])
    return CONFIG.read(call, await travis._transport.send(call))


async def sign_in(travis: Travis) -> object:
    return await travis.auth.github(SECRET)


ECHO = f"{TOKEN} {SECRET}".encode()

ECHOES: dict[str, Answer] = {
    "refused": kept(framed(b'{"error":"%b"}' % ECHO, status="403 Forbidden")),
    "failed": kept(framed(b"<p>" + ECHO, status="500 Oops")),
    "in another shape": kept(framed(b'{"config":"%b"}' % ECHO)),
}

SPOKEN: dict[str, Answer] = {
    "nothing": Answer(),
    "cut": Answer(framed(JSON)[:-9]),
    "garbled": kept(framed(JSON, "Content-Encoding: gzip")),
    "too large": kept(framed(bytes(2 * MEBI))),
    "silent": Answer(end=End.HOLD),
    "elsewhere, in circles": moved(f"/x?access_token={SECRET}&token={TOKEN}"),
    "elsewhere, at nobody's": moved(f"http://127.0.0.1:1/?signature={SECRET}"),
    "elsewhere, at no address": moved(f"http://[::1/?signature={SECRET}"),
    "elsewhere, at port 0": moved(f"http://127.0.0.1:0/?signature={SECRET}"),
    "elsewhere, with a user": moved(f"http://user:{SECRET}@127.0.0.1:1/"),
}

BROKEN: dict[str, Answer] = {
    "a misspelt protocol": Answer(b"HTP/1.1 200 OK\r\n\r\n"),
    "two lengths": Answer(framed(JSON, "Content-Length: 2")),
    "a chunk's size in words": Answer(headed("Transfer-Encoding: chunked") + b"many\r\n"),
}


@pytest.mark.parametrize("ask", [with_secrets, sign_in])
@kinds_of(SPOKEN)
async def test_no_secret_is_told_by_error_log_or_repr(case: Answer, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    everything = await spoken(case, ask, caplog)
    assert TOKEN not in everything
    assert SECRET not in everything


@kinds_of(ECHOES)
async def test_a_server_that_repeats_secrets_is_not_quoted(case: Answer, caplog: pytest.LogCaptureFixture) -> None:
    everything = await spoken(case, with_secrets, caplog)
    assert "[token] [token]" in everything
    assert TOKEN not in everything
    assert SECRET not in everything


@pytest.mark.parametrize("ask", [with_secrets, sign_in])
@kinds_of(BROKEN)
async def test_no_secret_is_told_by_what_is_behind_an_error(
    case: Answer, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    everything = await spoken(case, ask, caplog)
    assert TOKEN not in everything
    assert SECRET not in everything


async def test_no_secret_is_told_by_what_is_behind_a_body_that_is_not_utf_8(caplog: pytest.LogCaptureFixture) -> None:
    case = kept(framed(b'{"config":{"host":"%b\xff"}}' % ECHO))
    everything = await spoken(case, with_secrets, caplog)
    assert TOKEN not in everything
    assert SECRET not in everything


@kinds_of(ECHOES)
async def test_a_server_that_repeats_a_github_token_is_not_quoted(
    case: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    assert SECRET not in await spoken(case, sign_in, caplog)
