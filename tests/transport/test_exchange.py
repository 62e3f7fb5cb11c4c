"""One attempt: how long it may take, and how much of it is our own."""

import asyncio
import sys
from pathlib import Path
from types import FrameType

import aiohttp
import pytest

import aiotravis
from aiotravis import Travis, errors
from aiotravis._async.deadlines import current_deadline
from aiotravis.testing import Repository, TravisServer
from tests import wire as held
from tests.transport.answers import CONFIG, client, whole, wire

MAX_CALLS = 45
"""Calls and resumptions of our own functions for one request: each costs a hundred times an instruction of C."""


OURS = str(Path(aiotravis.__file__).parent)


async def test_fetching_a_build_takes_few_calls_of_our_own(travis: Travis, repository: Repository) -> None:
    first, build = repository.history(2)
    await travis.builds.get(first.id)
    calls: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(OURS) and not name.startswith(f"{OURS}/testing/"):
            calls.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        await travis.builds.get(build.id)
    finally:
        sys.setprofile(before)
    assert len(calls) <= MAX_CALLS, "\n".join(calls)


async def test_a_proxy_that_never_connects_is_given_up() -> None:
    async with (
        held.wire(held.Answer(end=held.End.HOLD)) as proxy,
        Travis(
            endpoint="https://api.invalid", proxy=proxy.endpoint, attempts=1, connect_timeout=0.05, read_timeout=0.05
        ) as travis,
    ):
        with pytest.raises(errors.RequestTimeout, match="did not answer in time through the proxy"):
            await travis.config.get()


async def test_the_time_to_answer_begins_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = aiohttp.TCPConnector._create_connection

    async def slowly(*args: object) -> object:
        await asyncio.sleep(0.2)
        return await connect(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", slowly)
    async with wire(lambda head: whole(CONFIG)) as endpoint, client(endpoint, read_timeout=0.1) as travis:
        assert (await travis.config.get()).host == "travis-ci.org"


async def test_a_middleware_may_send_the_request_from_another_task() -> None:
    async def elsewhere(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        return await asyncio.ensure_future(handler(request))

    async with (
        held.wire(held.Answer(end=held.End.HOLD)) as server,
        Travis(endpoint=server.endpoint, middlewares=[elsewhere], attempts=1, read_timeout=0.05) as travis,
    ):
        with pytest.raises(errors.RequestTimeout):
            await travis.config.get()


async def test_a_middleware_may_send_a_request_of_its_own(server: TravisServer) -> None:
    inner = Travis(endpoint=server.endpoint)

    async def ask_first(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        outer = current_deadline.get()
        await inner.config.get()
        assert current_deadline.get() is outer is not None
        return await handler(request)

    async with inner, Travis(endpoint=server.endpoint, middlewares=[ask_first]) as travis:
        assert (await travis.config.get()).host == "travis-ci.org"
    assert len(server.requests) == 2
