"""A body as it comes, to all of its bytes."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis._http.decompression import (
    SLICE,
    BodyReader,
    BodyTooLarge,
    MalformedBody,
    check_encodings,
    decompress_at_once,
)


def read(packed: bytes, encoding: str = "gzip", *, limit: int = 1 << 30, step: int = 1 << 16) -> bytes:
    body = BodyReader(encoding, limit)
    for start in range(0, len(packed), step):
        list(body.feed(packed[start : start + step]))
    return body.finish()


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "x-gzip", "GZIP ", "deflate", ""]), st.integers(1, 500))
def test_any_chunking_returns_all_bytes(text: bytes, encoding: str, step: int) -> None:
    kind = encoding.strip().lower()
    packed = text if not kind else zlib.compress(text) if kind == "deflate" else gzip.compress(text)
    assert read(packed, encoding, step=step) == text


@given(st.binary(min_size=1, max_size=500), st.data())
def test_a_truncated_gzip_body_is_malformed(text: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(text)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(MalformedBody):
        read(packed[:cut])


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.integers(1, 40))
def test_gzip_members_are_joined_and_padding_is_ignored(texts: list[bytes], step: int) -> None:
    packed = b"".join(gzip.compress(text) for text in texts)
    assert read(packed, step=step) == b"".join(texts)
    assert read(packed + bytes(100), step=step) == b"".join(texts)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_of_exactly_the_limit_passes_and_one_more_byte_is_too_large(encoding: str) -> None:
    text = b"0123456789\n" * 300_000
    packed = gzip.compress(text) if encoding else text
    assert read(packed, encoding, limit=len(text), step=SLICE) == text
    with pytest.raises(BodyTooLarge):
        read(packed, encoding, limit=len(text) - 1, step=SLICE)


def test_bytes_that_were_taken_are_not_returned_again() -> None:
    body = BodyReader("", 64 << 20)
    list(body.feed(b"a" * SLICE))
    list(body.feed(b"b" * 10))
    list(body.feed(b"c" * 10))
    assert body.pending == SLICE + 20
    assert body.take() == b"a" * SLICE + b"b" * 10 + b"c" * 10
    assert body.pending == 0
    list(body.feed(b"d"))
    assert body.finish() == b"d"


def test_a_truncated_second_member_is_malformed() -> None:
    with pytest.raises(MalformedBody):
        read(gzip.compress(b"a") + gzip.compress(b"b")[:-1])


@pytest.mark.parametrize("packed", [b"junk" * 10, gzip.compress(b"text")[:-8] + bytes(8)], ids=["junk", "checksum"])
def test_invalid_compressed_data_is_malformed(packed: bytes) -> None:
    with pytest.raises(MalformedBody):
        read(packed)


def test_a_decompression_bomb_stops_at_the_limit() -> None:
    packed = gzip.compress(bytes(50 << 20))
    feeding = BodyReader("gzip", 8 << 20).feed(packed)
    for _ in range((8 << 20) // SLICE):
        next(feeding)
    with pytest.raises(BodyTooLarge):
        next(feeding)


def test_compressed_bytes_count_towards_the_limit() -> None:
    with pytest.raises(BodyTooLarge):
        read(gzip.compress(b"") * 100, limit=1000)
    assert read(b"", "gzip") == b""


@pytest.mark.parametrize(("content", "transfer"), [("br", ""), ("gzip,gzip", ""), ("", "gzip, chunked"), ("zstd", "")])
def test_unrequested_encodings_are_malformed(content: str, transfer: str) -> None:
    with pytest.raises(MalformedBody):
        check_encodings(content, transfer)


@pytest.mark.parametrize(("content", "transfer"), [("", ""), ("Gzip", "Chunked"), ("identity", "identity")])
def test_requested_encodings_are_accepted(content: str, transfer: str) -> None:
    check_encodings(content, transfer)


@given(st.binary(max_size=500), st.data())
def test_a_small_whole_body_is_decompressed_at_once_and_any_other_is_not(text: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(text)
    assert decompress_at_once(packed, 1 << 20) == text
    assert decompress_at_once(packed[: data.draw(st.integers(0, len(packed) - 1))], 1 << 20) is None
    assert decompress_at_once(packed + packed, 1 << 20) is None
    assert decompress_at_once(b"{" + packed, 1 << 20) is None
    assert decompress_at_once(packed, len(packed) - 1) is None


def test_what_takes_several_steps_is_not_decompressed_at_once() -> None:
    assert decompress_at_once(gzip.compress(bytes(SLICE - 1)), 1 << 30) == bytes(SLICE - 1)
    assert decompress_at_once(gzip.compress(bytes(SLICE + 1)), 1 << 30) is None
