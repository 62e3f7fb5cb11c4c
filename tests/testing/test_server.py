"""The server itself: start, stop, what it notes, what it can be told to answer."""

import asyncio
import gzip
import time
from typing import Any

import aiohttp
import pytest

from aiotravis.testing import TravisServer, World
from tests.raw import ask


async def test_it_starts_within_a_tenth_of_a_second_and_frees_its_port() -> None:
    began = time.perf_counter()
    server = TravisServer()
    await server.start()
    assert time.perf_counter() - began < 0.5
    endpoint = server.endpoint
    await server.stop()
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        async with aiohttp.ClientSession() as session:
            await session.get(endpoint)


async def test_it_can_take_up_a_world_and_a_port() -> None:
    world = World()
    world.repository("a/b")
    async with TravisServer(world=world) as first:
        port = first.port
    second = TravisServer(world=world)
    await second.start(port)
    assert (await ask(second, "/repos/a/b")).status == 200
    await second.stop()


async def test_it_notes_every_request(server: TravisServer) -> None:
    await ask(server, "/pusher/auth?x=1", method="POST", json={"socket_id": "1.1", "channels": []})
    seen = server.requests[-1]
    assert (seen.method, seen.path, seen.status) == ("POST", "/pusher/auth?x=1", 200)
    assert seen.body == b'{"socket_id": "1.1", "channels": []}'
    assert seen.headers["content-type"] == "application/json"


async def test_it_answers_what_it_is_told_as_often_as_it_is_told(server: TravisServer) -> None:
    server.respond("GET", "/config", status=503, body=b"<html>", headers={"Content-Type": "text/html"}, times=2)
    server.respond("get", "/uptime", status=500, body=b"{}")
    statuses = [(await ask(server, "/config")).status for _ in range(3)]
    assert statuses == [503, 503, 200]
    for _ in range(3):
        answer = await ask(server, "/uptime")
        assert (answer.status, answer.content_type) == (500, "application/json")


async def test_it_packs_for_those_who_can_unpack_and_gives_request_ids(server: TravisServer) -> None:
    headers = {"Accept-Encoding": "gzip", "X-Request-ID": "mine"}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(f"{server.endpoint}/config", headers=headers) as answer,
    ):
        assert answer.headers["X-Request-ID"] == "mine"
        assert gzip.decompress(await answer.read()).startswith(b'{"config"')


async def test_it_can_be_late() -> None:
    async with TravisServer(latency=0.05) as server:
        began = time.perf_counter()
        await ask(server, "/")
        assert time.perf_counter() - began >= 0.05


async def test_stopping_ends_a_build_that_is_being_played() -> None:
    async with TravisServer() as server:
        task = server.play(server.world.repository("a/b").build(), speed=0.001)
        await asyncio.sleep(0)
    assert task.cancelled()


async def test_what_is_started_is_stopped_before_it_is_started_again(server: TravisServer) -> None:
    port = server.port
    with pytest.raises(RuntimeError, match="stop it first"):
        await server.start()
    await server.stop()
    await server.start(port)
    assert (await ask(server, "/config")).status == 200


async def test_a_port_that_is_taken_leaves_nothing_started(server: TravisServer) -> None:
    other = TravisServer()
    with pytest.raises(OSError, match=str(server.port)):
        await other.start(server.port)
    with pytest.raises(OverflowError):
        await other.start(70_000)
    await other.start()
    assert (await ask(other, "/config")).status == 200
    await other.stop()


@pytest.mark.parametrize("option", ["mode", "log_mode", "live_mode", "dialect"])
def test_a_word_that_it_does_not_know_is_told(option: str) -> None:
    options: dict[str, Any] = {option: "2012"}
    with pytest.raises(ValueError, match=f"^{option} must be one of .*, not '2012'"):
        TravisServer(**options)


async def test_an_answer_is_given_once_at_least(server: TravisServer) -> None:
    with pytest.raises(ValueError, match="times must be at least 1, not 0"):
        server.respond("GET", "/config", times=0)
