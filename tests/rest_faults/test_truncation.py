"""Answers that are cut: none of them may pass for whole."""

import gzip
import itertools
import zlib
from collections.abc import Callable

import pytest

from aiotravis import errors
from tests.rest_faults.asking import (
    JSON,
    PLAIN,
    READS,
    RIGHT,
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
async def test_a_truncated_response_is_retried_and_never_accepted(case: Cut, ask: Ask) -> None:
    assert await fails(ask, case(*good(ask)), errors.RequestError) == 3


@kinds_of(CUTS)
async def test_a_truncated_response_to_a_write_is_not_retried(case: Cut) -> None:
    assert await fails(sign, case(*good(sign)), errors.RequestError) == 1


@READS
@kinds_of(CUTS)
async def test_after_a_truncated_response_the_next_attempt_succeeds(case: Cut, ask: Ask) -> None:
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
async def test_a_response_cut_at_any_byte_is_truncated(case: Callable[[bytes, str], bytes], ask: Ask, end: End) -> None:
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


@pytest.mark.parametrize("ending", [End.CLOSE, End.RESET])
async def test_undelimited_json_cut_at_any_byte_is_truncated(ending: End) -> None:
    for end in range(len(JSON)):
        assert await fails(config, Answer(headed() + JSON[:end], ending), errors.TruncatedError) == 3


async def test_after_truncated_undelimited_json_the_next_attempt_succeeds() -> None:
    answers = iter([Answer(headed() + JSON[:-1]), Answer(headed() + JSON[:9])])
    async with wire(lambda head: next(answers, Answer(headed() + JSON))) as server, client(server.endpoint) as travis:
        assert await config(travis) == "travis-ci.org"
    assert len(server.heads) == 3


async def test_truncated_undelimited_json_of_a_write_is_not_retried() -> None:
    for end in range(1, len(JSON)):
        assert await fails(sign, Answer(headed() + JSON[:end]), errors.TruncatedError) == 1


@pytest.mark.parametrize("body", [b'{"config":}', b'{"config":{}}}', b"no JSON", b"<html>", b"[1,]"])
async def test_malformed_undelimited_json_is_not_retried(body: bytes) -> None:
    for ask in (config, sign):
        assert await fails(ask, Answer(headed() + body), errors.DecodeError) == 1


@pytest.mark.parametrize("headers", [("Content-Length: 0",), ("Content-Encoding: gzip", "Content-Length: 0")])
async def test_an_empty_body_is_a_decode_error(headers: tuple[str, ...]) -> None:
    for ask in (config, sign):
        assert await fails(ask, Answer(headed(*headers)), errors.DecodeError) == 1


async def test_an_empty_undelimited_body_is_a_complete_answer_to_a_write() -> None:
    assert await fails(sign, Answer(headed()), errors.DecodeError) == 1
    async with wire(Answer(headed())) as server, client(server.endpoint) as travis:
        await travis.logs.remove(7)
        assert (await travis.request("HEAD", "/config")).body == b""
    assert len(server.heads) == 2


async def test_undelimited_text_is_read_until_two_readings_agree() -> None:
    """A cut cannot be seen there; whoever needs to know asks for the answer itself, which tells."""
    async with wire(Answer(headed(kind=PLAIN) + TEXT[:30])) as server, client(server.endpoint) as travis:
        assert await travis.logs.text(7) == TEXT[:30].decode()
        assert not (await travis.request("GET", "/jobs/7/log", accept=PLAIN)).delimited
    assert len(server.heads) == 3


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


async def test_all_members_of_a_gzip_body_are_decompressed() -> None:
    answer = kept(zipped(gzip.compress(TEXT[:30]) + gzip.compress(TEXT[30:]), PLAIN))
    async with wire(answer) as server, client(server.endpoint) as travis:
        assert await travis.logs.text(7) == TEXT.decode()


async def test_an_undelimited_response_is_marked_as_such() -> None:
    answer = Answer(headed("Transfer-Encoding: identity", kind=PLAIN) + TEXT[:30])
    async with wire(answer) as server, client(server.endpoint) as travis:
        assert not (await travis.request("GET", "/jobs/7/log", accept=PLAIN)).delimited
