"""Large JSON: decoded up to the limit, refused above it."""

import gzip

import pytest

from aiotravis import errors
from tests.rest_faults.asking import client, kept
from tests.rest_faults.turns import watched
from tests.wire import Answer, framed, headed, wire

LIMIT = 16 << 20

COUNT = 140_000

BUILD = b'{"id":%d,"repository_id":1,"number":"%d","state":"passed","config":{"rvm":["3.4","3.3"]},"job_ids":[1,2]}'


def builds(size: int) -> bytes:
    """Return a list of builds of exactly this many bytes."""
    items = b",".join(BUILD % (number, number) for number in range(1, COUNT + 1))
    body = b'{"builds":[%b]}' % items
    return body + b" " * (size - len(body))


@pytest.mark.parametrize("compressed", [False, True])
async def test_json_of_exactly_the_limit_is_decoded(compressed: bool) -> None:
    body = builds(LIMIT)
    assert len(body) == LIMIT
    sent = framed(gzip.compress(body, 1), "Content-Encoding: gzip") if compressed else framed(body)
    async with wire(kept(sent)) as server, client(server.endpoint) as travis, watched() as turns:
        found = await travis.builds.recent()
    assert [build.id for build in found] == list(range(1, COUNT + 1))
    # Receiving and decompressing give other tasks their turn; only decoding does not.
    assert turns.count > LIMIT >> 20


@pytest.mark.parametrize("compressed", [False, True])
async def test_json_of_one_byte_more_is_refused(compressed: bool) -> None:
    body = builds(LIMIT + 1)
    sent = framed(gzip.compress(body, 1), "Content-Encoding: gzip") if compressed else framed(body)
    async with wire(kept(sent)) as server, client(server.endpoint) as travis:
        with pytest.raises(errors.TooLargeError, match=f"larger than {LIMIT} bytes. Raise max_response=") as caught:
            await travis.builds.recent()
        assert caught.value.limit == LIMIT
    assert len(server.heads) == 1


DEEP = {
    "arrays": b"[" * 6_000_000,
    "objects": b'{"a":' * 200_000,
    "arrays in a list": b'{"builds":' + b"[" * 1_000_000,
    "arrays in a field": b'{"builds":[{"id":1,"state":' + b"[" * 1_000_000,
    "arrays in what is not read": b'{"builds":[],"x":' + b"[" * 1_000_000,
    "arrays that end": b'{"builds":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "arrays after bytes that are no text": b"\xff" + b"[" * 1_000_000,
}


@pytest.mark.parametrize("delimited", [True, False])
@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP.keys())
async def test_json_of_any_depth_is_a_decode_error_at_once(body: bytes, delimited: bool) -> None:
    answer = kept(framed(body)) if delimited else Answer(headed() + body)
    async with wire(answer) as server, client(server.endpoint, attempts=1) as travis, watched() as turns:
        # Without a length, what is cut and what is too deep look alike.
        with pytest.raises(errors.DecodeError if delimited else errors.TravisError):
            await travis.builds.recent()
    assert turns.longest < 0.15


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP.keys())
async def test_an_error_of_any_depth_is_an_error_at_once(body: bytes) -> None:
    answer = kept(framed(body, status="422 No"))
    async with wire(answer) as server, client(server.endpoint, attempts=1) as travis, watched() as turns:
        with pytest.raises(errors.ValidationError):
            await travis.builds.recent()
    assert turns.longest < 0.15
