"""Answers that are large and right: whoever else is in the loop gets their turn while they are taken."""

import gzip
from collections.abc import Callable

import anyio

from tests.rest_faults.asking import PLAIN, TEXT, Ask, client, kept, kinds_of, log
from tests.rest_faults.turns import watched
from tests.wire import framed, wire


def builds() -> tuple[bytes, str]:
    """Give builds without end, nearly, as a list."""
    page = b'{"id":%d,"repository_id":1,"number":"%d","state":"passed","config":{"rvm":["3.4","3.3"]},"job_ids":[1,2]}'
    return b'{"builds":[' + b",".join([page % (n, n) for n in range(1, 60_000)]) + b"]}", "application/json"


LARGE: dict[str, tuple[Ask, Callable[[], tuple[bytes, str]]]] = {
    "builds": (lambda travis: travis.builds.recent(), builds),
}


@kinds_of(LARGE)
async def test_the_loop_turns_while_a_large_answer_is_taken(
    case: tuple[Ask, Callable[[], tuple[bytes, str]]],
) -> None:
    ask, make = case
    body, kind = make()
    turns_to_decode = len(body) >> 17
    # Packed, it takes a few turns to come, and one for each MiB to be unpacked: most are those of decoding.
    packed = gzip.compress(body)
    assert turns_to_decode > 50 > 2 * ((len(packed) >> 16) + (len(body) >> 20))
    answer = kept(framed(packed, "Content-Encoding: gzip", kind=kind))
    async with wire(answer) as server, client(server.endpoint) as travis, watched() as turns:
        with anyio.fail_after(60):
            assert await ask(travis)
    assert turns.count >= turns_to_decode


async def test_the_loop_turns_while_a_large_log_is_streamed() -> None:
    body = TEXT * 180_000
    answer = kept(framed(gzip.compress(body), "Content-Encoding: gzip", kind=PLAIN))
    async with wire(answer) as server, client(server.endpoint) as travis, watched() as turns:
        with anyio.fail_after(60):
            assert await log(travis) == body.decode()
    assert turns.count >= len(body) >> 20
    assert turns.longest < 0.05
