"""The live channel of the embedded Travis, in both dialects, frame by frame."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from aiotravis.testing import Dialect, PusherApp, TravisServer

BOTH: tuple[Dialect, ...] = ("pusher", "slanger")


@asynccontextmanager
async def socket(
    server: TravisServer, query: str = "protocol=7", key: str | None = None
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    url = f"ws://{server.host}:{server.port}/app/{key or server.pusher.key}?{query}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as websocket:
        yield websocket


async def said(websocket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await websocket.receive_str(timeout=5))
    return frame


async def subscribe(
    websocket: aiohttp.ClientWebSocketResponse, channel: str, auth: str | None = None
) -> dict[str, Any]:
    data = {"channel": channel} if auth is None else {"channel": channel, "auth": auth}
    await websocket.send_json({"event": "pusher:subscribe", "data": data})
    return await said(websocket)


@pytest.mark.parametrize("dialect", BOTH)
async def test_it_greets_with_a_json_string(dialect: Dialect) -> None:
    async with TravisServer(dialect=dialect, activity_timeout=30) as server, socket(server) as websocket:
        frame = await said(websocket)
        assert frame["event"] == "pusher:connection_established"
        data = json.loads(frame["data"])
        assert data["activity_timeout"] == 30
        assert data["socket_id"] in server.pusher.connections


async def test_it_may_say_nothing_of_activity() -> None:
    async with TravisServer(activity_timeout=None) as server, socket(server) as websocket:
        assert list(json.loads((await said(websocket))["data"])) == ["socket_id"]


@pytest.mark.parametrize(
    ("query", "key", "code"), [("protocol=7", "wrong", 4001), ("protocol=3", None, 4007), ("", None, 4008)]
)
async def test_pusher_refuses_with_a_close_code(server: TravisServer, query: str, key: str | None, code: int) -> None:
    async with socket(server, query, key) as websocket:
        message = await websocket.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, code)


@pytest.mark.parametrize(("query", "key", "code"), [("protocol=7", "wrong", 4001), ("protocol=2", None, 4007)])
async def test_slanger_refuses_with_an_error_frame(query: str, key: str | None, code: int) -> None:
    async with TravisServer(dialect="slanger") as server, socket(server, query, key) as websocket:
        frame = await said(websocket)
        assert frame["event"] == "pusher:error"
        assert json.loads(frame["data"])["code"] == code
        message = await websocket.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data < 4000


@pytest.mark.parametrize("dialect", BOTH)
async def test_it_answers_a_ping(dialect: Dialect) -> None:
    async with TravisServer(dialect=dialect) as server, socket(server) as websocket:
        await said(websocket)
        await websocket.send_json({"event": "pusher:ping", "data": {}})
        assert await said(websocket) == {"event": "pusher:pong", "data": "{}" if dialect == "slanger" else {}}


@pytest.mark.parametrize("dialect", BOTH)
async def test_a_subscriber_hears_until_it_unsubscribes(dialect: Dialect) -> None:
    async with TravisServer(dialect=dialect) as server, socket(server) as websocket:
        await said(websocket)
        succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": "repo-82"}
        assert await subscribe(websocket, "repo-82") == succeeded | ({"data": "{}"} if dialect == "slanger" else {})
        server.pusher.publish(["repo-82", "repo-83"], "job:started", '{"id": 1}')
        assert await said(websocket) == {"event": "job:started", "channel": "repo-82", "data": '{"id": 1}'}
        await websocket.send_json({"event": "pusher:unsubscribe", "data": {"channel": "repo-82"}})
        await websocket.send_json({"event": "pusher:ping", "data": {}})
        await said(websocket)
        assert not server.pusher.occupied("repo-82")
        server.pusher.publish(["repo-82"], "job:started", "{}")
        await websocket.send_json({"event": "pusher:ping", "data": {}})
        assert (await said(websocket))["event"] == "pusher:pong"


async def test_a_second_subscription_is_fine_with_pusher_and_an_error_with_slanger() -> None:
    async with TravisServer() as server, socket(server) as websocket:
        await said(websocket)
        assert await subscribe(websocket, "repo-82") == await subscribe(websocket, "repo-82")
    async with TravisServer(dialect="slanger") as server, socket(server) as websocket:
        await said(websocket)
        await subscribe(websocket, "repo-82")
        error = json.loads((await subscribe(websocket, "repo-82"))["data"])
        assert error == {"code": None, "message": "Existing subscription to repo-82"}


@pytest.mark.parametrize("dialect", BOTH)
async def test_private_channels_want_a_signature(dialect: Dialect) -> None:
    async with TravisServer(dialect=dialect) as server, socket(server) as websocket:
        socket_id = json.loads((await said(websocket))["data"])["socket_id"]
        refused = await subscribe(websocket, "private-user-1", "wrong")
        if dialect == "slanger":
            assert refused["event"] == "pusher:error"
            assert list(json.loads(refused["data"])) == ["message"]
            assert (await subscribe(websocket, "private-user-2"))["event"].endswith("succeeded")
        else:
            assert (refused["event"], refused["channel"]) == ("pusher:subscription_error", "private-user-1")
            assert (refused["data"]["type"], refused["data"]["status"]) == ("AuthError", 401)
            assert (await subscribe(websocket, "private-user-2"))["event"] == "pusher:subscription_error"
        good = server.pusher.sign(socket_id, "private-user-1")
        assert (await subscribe(websocket, "private-user-1", good))["event"].endswith("subscription_succeeded")


def test_a_signature_is_the_key_and_a_hash() -> None:
    app = PusherApp(key="278d425bdf160c739803", secret="7ad3773142a6692b25b8")
    # The example of Pusher's own documentation.
    signature = "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    assert app.sign("1234.1234", "private-foobar") == signature


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("frame", ["{", "[]", "3", "{}", '{"event":3}', '{"event":"unheard-of"}', "null"])
async def test_a_malformed_frame_does_not_end_the_connection(dialect: Dialect, frame: str) -> None:
    async with TravisServer(dialect=dialect) as server, socket(server) as websocket:
        await said(websocket)
        await websocket.send_str(frame)
        await websocket.send_bytes(b"\x00")
        await websocket.send_json({"event": "pusher:ping"})
        answers = [await said(websocket)]
        if answers[0]["event"] == "pusher:error":
            answers.append(await said(websocket))
        assert answers[-1]["event"] == "pusher:pong"


async def test_client_events_are_not_enabled(server: TravisServer) -> None:
    async with socket(server) as websocket:
        await said(websocket)
        await websocket.send_json({"event": "client-hello", "data": {}})
        assert (await said(websocket))["data"]["code"] == 4301


async def test_it_can_be_made_to_close_to_cut_and_to_talk_nonsense(server: TravisServer) -> None:
    async with socket(server) as websocket:
        await said(websocket)
        server.pusher.send_raw("nonsense")
        server.pusher.send_raw(b"\xff")
        assert await websocket.receive_str(timeout=5) == "nonsense"
        assert await websocket.receive_bytes(timeout=5) == b"\xff"
        await server.pusher.disconnect(4200, "restart")
        message = await websocket.receive(timeout=5)
        assert (message.data, message.extra) == (4200, "restart")
    async with socket(server) as websocket:
        await said(websocket)
        await server.pusher.disconnect()
        await websocket.receive(timeout=5)
        assert websocket.close_code == 1006


async def test_an_idle_client_is_closed_by_a_strict_pusher(server: TravisServer) -> None:
    server.pusher.idle = 0.02
    async with socket(server) as websocket:
        await said(websocket)
        assert (await websocket.receive(timeout=5)).data == 4201


async def test_one_can_wait_for_a_listener(server: TravisServer) -> None:
    with pytest.raises(TimeoutError):
        await server.pusher.wait_occupied("repo-1", timeout=0.01)
    async with socket(server) as websocket:
        await said(websocket)
        await websocket.send_json({"event": "pusher:subscribe", "data": {"channel": "repo-1"}})
        await server.pusher.wait_occupied("repo-1")
    incoming = [frame for frame in server.pusher.frames if frame.incoming]
    assert "pusher:subscribe" in incoming[0].text
