"""TravisServer: start, stop, recorded requests, fixed responses."""

import asyncio
import gzip
import time
from typing import Any

import aiohttp
import anyio
import pytest

from aiotravis.testing import TravisServer, World
from tests.raw import ask


async def test_server_starts_fast_and_frees_its_port_when_stopped() -> None:
    began = time.process_time()
    server = TravisServer()
    with anyio.fail_after(5):
        await server.start()
    assert time.process_time() - began < 0.5
    endpoint = server.endpoint
    await server.stop()
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        async with aiohttp.ClientSession() as session:
            await session.get(endpoint)


async def test_server_can_continue_a_world_on_a_given_port() -> None:
    world = World()
    world.repository("a/b")
    async with TravisServer(world=world) as first:
        port = first.port
    second = TravisServer(world=world)
    await second.start(port)
    assert (await ask(second, "/repos/a/b")).status == 200
    await second.stop()


async def test_server_records_requests(server: TravisServer) -> None:
    await ask(server, "/pusher/auth?x=1", method="POST", json={"socket_id": "1.1", "channels": []})
    seen = server.requests[-1]
    assert (seen.method, seen.path, seen.status) == ("POST", "/pusher/auth?x=1", 200)
    assert seen.body == b'{"socket_id": "1.1", "channels": []}'
    assert seen.headers["content-type"] == "application/json"


async def test_respond_answers_the_given_number_of_times(server: TravisServer) -> None:
    server.respond("GET", "/config", status=503, body=b"<html>", headers={"Content-Type": "text/html"}, times=2)
    server.respond("get", "/uptime", status=500, body=b"{}")
    statuses = [(await ask(server, "/config")).status for _ in range(3)]
    assert statuses == [503, 503, 200]
    for _ in range(3):
        answer = await ask(server, "/uptime")
        assert (answer.status, answer.content_type) == (500, "application/json")


async def test_server_compresses_on_request_and_echoes_request_ids(server: TravisServer) -> None:
    headers = {"Accept-Encoding": "gzip", "X-Request-ID": "mine"}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(f"{server.endpoint}/config", headers=headers) as answer,
    ):
        assert answer.headers["X-Request-ID"] == "mine"
        assert gzip.decompress(await answer.read()).startswith(b'{"config"')


async def test_latency_delays_responses() -> None:
    async with TravisServer(latency=0.05) as server:
        began = time.perf_counter()
        await ask(server, "/")
        assert time.perf_counter() - began >= 0.05


async def test_stopping_cancels_a_played_build() -> None:
    async with TravisServer() as server:
        task = server.play(server.world.repository("a/b").build(), speed=0.001)
        await asyncio.sleep(0)
    assert task.cancelled()


async def test_running_server_refuses_to_start_again(server: TravisServer) -> None:
    port = server.port
    with pytest.raises(RuntimeError, match="stop it before you start it again"):
        await server.start()
    await server.stop()
    await server.start(port)
    assert (await ask(server, "/config")).status == 200


async def test_failed_start_leaves_the_server_stopped(server: TravisServer) -> None:
    other = TravisServer()
    with pytest.raises(OSError, match=str(server.port)):
        await other.start(server.port)
    with pytest.raises(OverflowError):
        await other.start(70_000)
    await other.start()
    assert (await ask(other, "/config")).status == 200
    await other.stop()


@pytest.mark.parametrize("option", ["mode", "log_mode", "live_mode", "dialect"])
def test_unknown_option_value_is_refused_with_the_known_ones(option: str) -> None:
    options: dict[str, Any] = {option: "2012"}
    with pytest.raises(ValueError, match=f"^{option} must be one of .*, not '2012'"):
        TravisServer(**options)


async def test_respond_refuses_less_than_once(server: TravisServer) -> None:
    with pytest.raises(ValueError, match="times must be at least 1, not 0"):
        server.respond("GET", "/config", times=0)


@pytest.mark.parametrize(("max_records", "kept"), [(3, 3), (None, 8)])
async def test_requests_frames_faults_and_archive_reads_are_recorded_up_to_a_number(
    max_records: int | None, kept: int
) -> None:
    async with TravisServer(max_records=max_records) as server:
        server.faults.rest("/uptime").status(503)
        server.faults.live("job:*").drop()
        async with aiohttp.ClientSession() as session:
            url = f"ws://{server.host}:{server.port}/app/5df8ac576dcccf4fd076?protocol=7"
            async with session.ws_connect(url) as websocket:
                await websocket.receive()
                for number in range(8):
                    await ask(server, f"/uptime?n={number}")
                    await ask(server, f"/jobs/{number}/log.txt", endpoint=server.archive_url)
                    await websocket.send_str('{"event":"pusher:ping","data":{}}')
                    await websocket.receive()
        own = [seen.path for seen in server.requests if seen.path.startswith("/uptime")]
        assert own == [f"/uptime?n={number}" for number in range(8 - len(own), 8)]
        # One is that of the WebSocket.
        assert len(server.requests) == (max_records or 9)
        assert len(server.faults.made) == len(server.archive.headers_seen) == kept
        assert len(server.pusher.frames) == (kept if max_records else 17)


def test_by_default_a_hundred_thousand_records_are_kept() -> None:
    server = TravisServer()
    assert (server.max_records, server.pusher.frames.maxlen, server.faults.made.maxlen) == (100_000,) * 3
    with pytest.raises(ValueError, match="max_records must be at least 1, not 0"):
        TravisServer(max_records=0)
