"""Answers that are large and right: whoever else is in the loop gets their turn while they are taken."""

import gzip
from collections.abc import Callable

import anyio
import pytest

from tests.rest_faults.asking import MEBI, PLAIN, TEXT, Ask, client, kept, kinds_of, log, zipped
from tests.rest_faults.turns import watched
from tests.wire import framed, wire


def builds() -> tuple[bytes, str]:
    """Give builds without end, nearly, as a list."""
    page = b'{"id":%d,"repository_id":1,"number":"%d","state":"passed","config":{"rvm":["3.4","3.3"]},"job_ids":[1,2]}'
    return b'{"builds":[' + b",".join([page % (n, n) for n in range(1, 60_000)]) + b"]}", "application/json"


def log_as_json() -> tuple[bytes, str]:
    return b'{"log":{"id":1,"job_id":7,"body":"%b"}}' % (
        TEXT.replace(b"\r\n", b"\\r\\n")[:-1] * 180_000
    ), "application/json"


LARGE: dict[str, tuple[Ask, Callable[[], tuple[bytes, str]]]] = {
    "builds": (lambda travis: travis.builds.recent(), builds),
    "a log": (log, lambda: (TEXT * 180_000, PLAIN)),
    "a log as JSON": (log, log_as_json),
}


@pytest.mark.parametrize("packed", [False, True], ids=["bare", "gzip"])
@kinds_of(LARGE)
async def test_the_loop_turns_while_a_large_answer_is_taken(
    case: tuple[Ask, Callable[[], tuple[bytes, str]]], packed: bool
) -> None:
    ask, make = case
    body, kind = make()
    assert len(body) > 6 * MEBI
    answer = kept(zipped(gzip.compress(body, 1), kind) if packed else framed(body, kind=kind))
    async with wire(answer) as server, client(server.endpoint) as travis, watched() as turns:
        with anyio.fail_after(60):
            assert await ask(travis)
    assert turns.count > len(body) >> 17
    assert turns.longest < 0.05
