"""Answers that are no HTTP, not the value promised, or only odd."""

import gzip
import zlib

import anyio
import pytest

from aiotravis import errors
from tests.conftest import TOKEN
from tests.rest_faults.asking import (
    ASKS,
    JSON,
    PLAIN,
    RIGHT,
    SECONDS,
    TEXT,
    Ask,
    Cut,
    chunked,
    client,
    config,
    fails,
    good,
    kept,
    kinds_of,
    log,
    sign,
    zipped,
)
from tests.wire import LAST_CHUNK, Answer, End, chunks, framed, headed, wire


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
async def test_invalid_http_fails_after_three_reads_or_one_write(case: Cut, ask: Ask) -> None:
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
async def test_odd_but_valid_responses_are_accepted(case: Cut, ask: Ask) -> None:
    async with wire(case(*good(ask))) as server, client(server.endpoint) as travis:
        with anyio.fail_after(SECONDS):
            assert await ask(travis) == RIGHT[ask]
    assert len(server.heads) == 1


def shaped(value: bytes) -> bytes:
    return b'{"config":{"pusher":{"port":%b}},"channels":{"private-a":%b}}' % (value, value)


NOT_RIGHT: dict[str, bytes] = {
    "all bytes there are": bytes(range(256)),
    "UTF-16": JSON.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + JSON,
    "a million brackets": b"[" * 1_000_000,
    "a million brackets where a value is": shaped(b"[" * 500_000 + b"]" * 500_000),
    "a million braces": b'{"config":' * 100_000,
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
async def test_unexpected_json_is_a_decode_error_at_once(case: bytes, ask: Ask) -> None:
    assert await fails(ask, Answer(framed(case)), errors.DecodeError) == 1


ODD_VALUES: dict[str, tuple[bytes, bool]] = {
    "not UTF-8": (b'"\xff\xfe"', True),
    "half a surrogate": (b'"\\ud800"', True),
    "NaN": (b"NaN", False),
    "1e999": (b"1e999", False),
    "10,000 figures": (b"9" * 10_000, False),
}


@pytest.mark.parametrize(("value", "is_text"), ODD_VALUES.values(), ids=ODD_VALUES.keys())
async def test_an_odd_value_is_unknown_and_a_decode_error_of_a_strict_client(value: bytes, is_text: bool) -> None:
    answer = Answer(framed(shaped(value)))
    async with wire(answer) as server, client(server.endpoint) as travis:
        pusher = (await travis.config.get()).pusher
        assert pusher is not None
        assert pusher.port is None
    async with wire(answer) as server, client(server.endpoint) as travis:
        signatures = await travis.pusher_auth.sign("1.1", ["private-a"])
        assert set(signatures) == ({"private-a"} if is_text else set[str]())
    assert await fails(config, answer, errors.DecodeError, strict=True) == 1
    assert await fails(sign, answer, errors.DecodeError, strict=True) == 1


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
async def test_json_in_an_unrequested_encoding_raises_an_error(case: Answer, ask: Ask) -> None:
    requests = await fails(ask, case, errors.DecodeError, errors.RequestError)
    assert requests == 1 if ask is sign else requests <= 3


@kinds_of(UNASKED)
async def test_text_in_an_unrequested_encoding_raises_an_error(case: Answer) -> None:
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
async def test_any_refusal_is_raised_at_once(case: tuple[bytes, type[errors.ResponseError]], ask: Ask) -> None:
    sent, kind = case
    assert await fails(ask, kept(sent), kind) == 1
