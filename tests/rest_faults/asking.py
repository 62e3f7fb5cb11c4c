"""Three calls to a broken or hostile server, the right answer to each, and what has to hold when one fails."""

import dataclasses
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from aiotravis import Travis, errors
from tests.conftest import TOKEN
from tests.wire import Answer, End, framed, headed, wire

JSON = b'{"config":{"host":"travis-ci.org"},"channels":{"private-a":"key:signature"}}'
TEXT = b"travis_fold:start:git.checkout\r\n$ git clone\r\nDone. Your build exited with 0.\n"
PLAIN = "text/plain"

MEBI = 1 << 20

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
        travis._transport.config = dataclasses.replace(travis._transport.config, first_delay=0.0)
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


Cut = Callable[[bytes, str], Answer]


def zipped(body: bytes, kind: str) -> bytes:
    return framed(body, "Content-Encoding: gzip", kind=kind)


def kept(sent: bytes) -> Answer:
    """Give an answer whose frame is whole: the connection serves the next attempt too."""
    return Answer(sent, End.KEEP)


def chunked(kind: str, *headers: str) -> bytes:
    return headed("Transfer-Encoding: chunked", *headers, kind=kind)


def moved(to: str, *headers: str, status: int = 302) -> Answer:
    return kept(framed(b"", f"Location: {to}", *headers, status=f"{status} Moved"))


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
