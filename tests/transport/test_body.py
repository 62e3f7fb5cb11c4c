"""Bodies: whole, unpacked, within the limit."""

import gzip
import json
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import errors
from aiotravis._transport.body import is_delimited, is_truncated_json
from tests.transport.answers import CONFIG, client, hasty, whole, wire


@pytest.mark.parametrize("packed", [False, True])
async def test_a_response_above_the_limit_is_too_large(packed: bool) -> None:
    body = b'{"config":' + b" " * 3_000_000 + b"{}}"
    sent = whole(gzip.compress(body), "Content-Encoding: gzip") if packed else whole(body)
    async with wire(lambda head: sent) as endpoint, client(endpoint, max_response=2_000_000) as travis:
        with pytest.raises(errors.TooLargeError, match="larger than 2000000 bytes") as info:
            await travis.config.get()
        assert info.value.limit == 2_000_000
    async with wire(lambda head: sent) as endpoint, client(endpoint) as travis:
        assert (await travis.config.get()).host is None


async def test_deflate_is_decompressed() -> None:
    sent = whole(zlib.compress(CONFIG), "Content-Encoding: deflate")
    async with wire(lambda head: sent) as endpoint, client(endpoint) as travis:
        assert (await travis.config.get()).host == "travis-ci.org"


@pytest.mark.parametrize(
    ("headers", "announced"),
    [
        ({"content-length": "2"}, True),
        ({"transfer-encoding": "Chunked"}, True),
        ({"transfer-encoding": "identity"}, False),
        ({}, False),
    ],
)
def test_a_body_is_delimited_by_its_length_or_by_chunks(headers: dict[str, str], announced: bool) -> None:
    assert is_delimited(headers) is announced


async def test_json_cut_by_the_end_of_the_connection_is_requested_again() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    answers = [head + CONFIG[:-1], head, head + CONFIG]
    async with wire(lambda _: answers.pop(0)) as endpoint, client(endpoint, attempts=3) as travis:
        hasty(travis)
        assert (await travis.config.get()).host == "travis-ci.org"
    assert answers == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
).map(lambda value: {"value": value})


@given(values, st.booleans(), st.data())
def test_every_beginning_of_json_is_truncated_and_the_whole_is_not(
    value: object, ascii_only: bool, data: st.DataObject
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert not is_truncated_json(body)
    assert is_truncated_json(body[: data.draw(st.integers(0, len(body) - 1))])


@pytest.mark.parametrize(
    "body", [b"[1,]", b'{"a"}', b"{}}", b"no JSON", b"<html>", b'{"a":}', b"[1 2]", b"[" * 100_000]
)
def test_malformed_json_is_not_truncated_json(body: bytes) -> None:
    assert not is_truncated_json(body)
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        msgspec.json.decode(body)
