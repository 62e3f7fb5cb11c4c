"""The embedded live channel in each dialect, over a real WebSocket."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from aiotravis.testing import Dialect, PusherApp, RecordedFrame
from tests.testing.pusher_apps import (
    KEY,
    connect_greeted,
    exchange_frames,
    make_app,
    open_websocket,
    receive_frame,
    serve_app,
)
from tests.waiting import until

EACH = pytest.mark.parametrize("dialect", ["pusher", "slanger", "soketi"])


async def subscribe(websocket: aiohttp.ClientWebSocketResponse, channel: str, **more: object) -> dict[str, Any]:
    return await exchange_frames(websocket, "pusher:subscribe", {"channel": channel, **more})


@EACH
@pytest.mark.parametrize("prefix", ["", "/live/path"])
async def test_the_first_frame_has_data_in_a_json_string(dialect: Dialect, prefix: str) -> None:
    app = make_app(dialect=dialect, activity_timeout=30)
    async with serve_app(app, prefix) as port, open_websocket(port, path=f"{prefix}/app/{KEY}") as websocket:
        frame = await receive_frame(websocket)
        assert frame["event"] == "pusher:connection_established"
        data = json.loads(frame["data"])
        assert data["activity_timeout"] == 30
        assert list(app.connections) == [data["socket_id"]]
        assert all(part.isdecimal() for part in data["socket_id"].split("."))
        assert app.opened == 1


async def test_slanger_reads_the_key_from_the_second_word_of_the_path() -> None:
    app = PusherApp(key="ab-cd", secret="a-secret", dialect="slanger")
    async with serve_app(app) as port, open_websocket(port, path="/app/ab-cd") as websocket:
        error = json.loads((await receive_frame(websocket))["data"])
        assert error == {"code": 4001, "message": "Could not find app by key ab"}
        app.key = "ab"
    async with serve_app(app) as port, open_websocket(port, path="/app/ab-cd") as websocket:
        assert (await receive_frame(websocket))["event"] == "pusher:connection_established"


async def test_no_activity_timeout_is_announced_to_an_old_protocol() -> None:
    async with serve_app(make_app()) as port, open_websocket(port, "protocol=6") as websocket:
        assert list(json.loads((await receive_frame(websocket))["data"])) == ["socket_id"]


@pytest.mark.parametrize(
    ("query", "key", "code"),
    [
        ("protocol=7", "wrong", 4001),
        ("", "wrong", 4001),
        ("protocol=3", KEY, 4007),
        ("protocol=x", KEY, 4006),
        ("", KEY, 4008),
        (f"protocol={'7' * 5000}", KEY, 4007),
    ],
)
async def test_pusher_rejects_a_connection_with_a_close_code(query: str, key: str, code: int) -> None:
    app = make_app()
    async with serve_app(app) as port, open_websocket(port, query, path=f"/app/{key}") as websocket:
        message = await websocket.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, code)
        assert message.extra
        assert (app.opened, dict(app.connections)) == (0, {})


@pytest.mark.parametrize(
    ("query", "key", "code"), [("protocol=7", "wrong", 4001), ("protocol=2", KEY, 4007), ("", KEY, 4007)]
)
async def test_slanger_rejects_with_an_error_frame_and_a_close_without_code(query: str, key: str, code: int) -> None:
    app = make_app(dialect="slanger")
    async with serve_app(app) as port, open_websocket(port, query, path=f"/app/{key}") as websocket:
        frame = await receive_frame(websocket)
        assert frame["event"] == "pusher:error"
        assert json.loads(frame["data"])["code"] == code
        message = await websocket.receive(timeout=5)
        # aiohttp's way to say that there was no code.
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 0)
        assert (app.opened, dict(app.connections)) == (0, {})


async def test_frames_of_a_rejected_client_are_ignored() -> None:
    app = make_app()
    async with serve_app(app) as port, open_websocket(port, path="/app/wrong", autoclose=False) as websocket:
        assert (await websocket.receive(timeout=5)).data == 4001
        await websocket.send_json({"event": "pusher:subscribe", "data": {"channel": "repo-1"}})
        await until(lambda: any(frame.incoming for frame in app.frames))
        assert not any("succeeded" in frame.text for frame in app.frames)


@EACH
@pytest.mark.parametrize("data", [{}, "{}", "", None])
async def test_a_ping_is_answered_by_a_pong(dialect: Dialect, data: object) -> None:
    async with connect_greeted(make_app(dialect=dialect)) as websocket:
        pong = await exchange_frames(websocket, "pusher:ping", data)
        assert pong == {"event": "pusher:pong", "data": "{}" if dialect == "slanger" else {}}


@EACH
async def test_a_subscriber_receives_events_until_it_unsubscribes(dialect: Dialect) -> None:
    app = make_app(dialect=dialect)
    async with connect_greeted(app) as websocket:
        succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": "repo-82"}
        assert await subscribe(websocket, "repo-82") == succeeded | ({} if dialect == "soketi" else {"data": "{}"})
        assert [connection.channels for connection in app.connections.values()] == [{"repo-82"}]
        app.publish(["repo-82", "repo-83"], "job:started", '{"id": 1}')
        assert await receive_frame(websocket) == {"event": "job:started", "channel": "repo-82", "data": '{"id": 1}'}
        await websocket.send_json({"event": "pusher:unsubscribe", "data": {"channel": "repo-82"}})
        assert (await exchange_frames(websocket, "pusher:ping", {}))["event"] == "pusher:pong"
        assert not app.occupied("repo-82")
        app.publish(["repo-82"], "job:started", "{}")
        assert (await exchange_frames(websocket, "pusher:ping", {}))["event"] == "pusher:pong"


async def test_data_may_be_json_in_a_string() -> None:
    async with connect_greeted(make_app()) as websocket:
        answer = await exchange_frames(websocket, "pusher:subscribe", '{"channel": "repo-1"}')
        assert answer["event"] == "pusher_internal:subscription_succeeded"


async def test_many_events_arrive_in_order_on_every_socket_and_channel() -> None:
    app = make_app()
    async with serve_app(app) as port, open_websocket(port) as first, open_websocket(port) as second:
        for websocket in (first, second):
            await receive_frame(websocket)
            await subscribe(websocket, "repo-1")
        await subscribe(second, "user-1")
        for number in range(1000):
            app.publish(["repo-1", "user-1"], "job:log", json.dumps(number))
        assert [json.loads((await receive_frame(first))["data"]) for _ in range(1000)] == list(range(1000))
        frames = [await receive_frame(second) for _ in range(2000)]
        assert [(frame["channel"], json.loads(frame["data"])) for frame in frames] == [
            (channel, number) for number in range(1000) for channel in ("repo-1", "user-1")
        ]


async def test_only_soketi_confirms_a_duplicate_subscription() -> None:
    async with connect_greeted(make_app(dialect="soketi")) as websocket:
        assert await subscribe(websocket, "repo-82") == await subscribe(websocket, "repo-82")
    told = {"code": None, "message": "Existing subscription to repo-82"}
    for dialect, data in (("pusher", told), ("slanger", json.dumps(told, separators=(",", ":")))):
        async with connect_greeted(make_app(dialect=dialect)) as websocket:
            await subscribe(websocket, "repo-82")
            assert await subscribe(websocket, "repo-82") == {"event": "pusher:error", "data": data}


@EACH
async def test_a_private_channel_needs_a_valid_signature(dialect: Dialect) -> None:
    app = make_app(dialect=dialect)
    async with connect_greeted(app) as websocket:
        (socket_id,) = app.connections
        refused = await subscribe(websocket, "private-user-1", auth="wrong")
        assert refused["event"] == ("pusher:error" if dialect == "slanger" else "pusher:subscription_error")
        assert not app.occupied("private-user-1")
        other = app.sign("1.1", "private-user-1")
        assert (await subscribe(websocket, "private-user-1", auth=other))["event"] == refused["event"]
        good = app.sign(socket_id, "private-user-1")
        assert (await subscribe(websocket, "private-user-1", auth=good))["event"].endswith("subscription_succeeded")


@EACH
@pytest.mark.parametrize("more", [{}, {"auth": None}])
async def test_only_slanger_accepts_a_subscription_without_a_signature(
    dialect: Dialect, more: dict[str, object]
) -> None:
    app = make_app(dialect=dialect)
    async with connect_greeted(app) as websocket:
        await subscribe(websocket, "private-user-1", **more)
        assert app.occupied("private-user-1") == (dialect == "slanger")


def test_a_signature_is_the_key_and_a_hash() -> None:
    app = PusherApp(key="278d425bdf160c739803", secret="7ad3773142a6692b25b8")
    # The example of Pusher's own documentation.
    signature = "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    assert app.sign("1234.1234", "private-foobar") == signature


@EACH
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 5001),
        ("", 5001),
        ("[" * 100_000, 500),
        ("[]", 500),
        ("3", 500),
        ("null", 500),
        ("{}", 500),
        ('{"event":3}', 500),
        ('{"event":"pusher:subscribe"}', 500),
        ('{"event":"pusher:subscribe","data":[]}', 500),
        ('{"event":"pusher:subscribe","data":{"channel":3}}', 500),
        ('{"event":"pusher:subscribe","data":"{"}', 5001),
        ('{"event":"pusher:unsubscribe","data":{}}', 500),
    ],
)
async def test_a_malformed_frame_is_an_error_and_does_not_end_the_connection(
    dialect: Dialect, frame: str, code: int
) -> None:
    async with connect_greeted(make_app(dialect=dialect)) as websocket:
        await websocket.send_str(frame)
        error = await receive_frame(websocket)
        assert error["event"] == "pusher:error"
        data = json.loads(error["data"]) if dialect == "slanger" else error["data"]
        assert data["code"] == (code if dialect == "slanger" else None)
        assert (await exchange_frames(websocket, "pusher:ping", {}))["event"] == "pusher:pong"


@EACH
async def test_unknown_events_of_a_client_are_ignored(dialect: Dialect) -> None:
    async with connect_greeted(make_app(dialect=dialect)) as websocket:
        await websocket.send_bytes(b"\x00")
        await websocket.send_json({"event": "pusher:pong", "data": ""})
        await websocket.send_json({"event": "pusher:unheard-of"})
        await websocket.send_json({"event": "pusher:unsubscribe", "data": {"channel": "never-heard-of"}})
        assert (await exchange_frames(websocket, "pusher:ping", {}))["event"] == "pusher:pong"


async def test_a_lone_surrogate_in_a_channel_name_is_accepted() -> None:
    async with connect_greeted(make_app()) as websocket:
        answer = await subscribe(websocket, "private-\ud800", auth="wrong")
        assert (answer["event"], answer["channel"]) == ("pusher:subscription_error", "private-\ud800")


async def test_invalid_utf8_closes_the_connection_with_1007() -> None:
    app = make_app()
    async with connect_greeted(app) as websocket:
        await websocket.send_frame(b"\xff", aiohttp.WSMsgType.TEXT)
        assert (await websocket.receive(timeout=5)).data == aiohttp.WSCloseCode.INVALID_TEXT
    assert not app.connections


@pytest.mark.parametrize("dialect", ["pusher", "soketi"])
async def test_client_events_are_an_error(dialect: Dialect) -> None:
    async with connect_greeted(make_app(dialect=dialect)) as websocket:
        assert (await exchange_frames(websocket, "client-hello", {}))["data"]["code"] == 4301


async def test_slanger_does_not_answer_client_events() -> None:
    async with connect_greeted(make_app(dialect="slanger")) as websocket:
        await websocket.send_json({"event": "client-hello", "data": {}})
        assert (await exchange_frames(websocket, "pusher:ping", {}))["event"] == "pusher:pong"


async def test_connections_are_rejected_while_reject_with_is_set() -> None:
    app = make_app()
    app.reject_with = 4100, "Over capacity"
    async with serve_app(app) as port:
        async with open_websocket(port) as websocket:
            message = await websocket.receive(timeout=5)
            assert (message.data, message.extra) == (4100, "Over capacity")
        app.reject_with = None
        async with open_websocket(port) as websocket:
            assert (await receive_frame(websocket))["event"] == "pusher:connection_established"
    assert app.opened == 1


@EACH
async def test_error_sends_an_error_and_keeps_the_connection(dialect: Dialect) -> None:
    app = make_app(dialect=dialect)
    async with connect_greeted(app) as websocket:
        app.error(4302, "Slow down")
        data = (await receive_frame(websocket))["data"]
        assert (json.loads(data) if dialect == "slanger" else data) == {"code": 4302, "message": "Slow down"}
        assert (await exchange_frames(websocket, "pusher:ping", {}))["event"] == "pusher:pong"


async def test_a_channel_is_occupied_from_its_first_to_its_last_subscriber() -> None:
    now = 1000.0
    app = make_app(clock=lambda: now)
    async with serve_app(app) as port, open_websocket(port) as first, open_websocket(port) as second:
        for websocket in (first, second):
            await receive_frame(websocket)
            await subscribe(websocket, "repo-1")
            now += 1
        assert (app.occupied_since("repo-1"), app.occupied_since("repo-2")) == (1000.0, None)
        assert app.subscription_counts == {"repo-1": 2}
        app.disconnect(4200)
        assert (app.occupied("repo-1"), app.occupied_since("repo-1"), app.subscription_counts) == (False, None, {})


async def test_disconnect_sends_published_events_first_without_being_awaited() -> None:
    app = make_app()
    async with connect_greeted(app) as websocket:
        await subscribe(websocket, "repo-1")
        app.publish(["repo-1"], "job:started", "{}")
        closing = app.disconnect(4200, "restart")
        assert not app.connections
        assert not app.occupied("repo-1")
        app.publish(["repo-1"], "job:finished", "{}")
        assert (await receive_frame(websocket))["event"] == "job:started"
        message = await websocket.receive(timeout=5)
        assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, 4200, "restart")
        await closing


@pytest.mark.parametrize(("dialect", "code"), [("pusher", 1001), ("slanger", 1001), ("soketi", 4200)])
async def test_a_server_that_shuts_down_sends_its_close_code(dialect: Dialect, code: int) -> None:
    app = make_app(dialect=dialect)
    async with connect_greeted(app) as websocket:
        closing = asyncio.ensure_future(app.close())
        if dialect == "soketi":
            assert (await receive_frame(websocket))["data"]["code"] == 4200
        assert (await websocket.receive(timeout=5)).data == code
        await closing


async def test_disconnect_without_a_code_sends_no_close_frame() -> None:
    app = make_app()
    async with connect_greeted(app) as websocket:
        await app.disconnect()
        message = await websocket.receive(timeout=5)
        assert message.type is not aiohttp.WSMsgType.CLOSE
        assert websocket.close_code == 1006
        assert not app.connections


async def test_send_raw_sends_malformed_frames() -> None:
    app = make_app()
    async with connect_greeted(app) as websocket:
        app.send_raw("nonsense")
        app.send_raw(b"\xff")
        assert await websocket.receive_str(timeout=5) == "nonsense"
        assert await websocket.receive_bytes(timeout=5) == b"\xff"
        assert list(app.frames)[1:] == [RecordedFrame(False, "nonsense"), RecordedFrame(False, "\\xff")]


async def test_soketi_pings_an_idle_client_and_closes_whatever_it_answers() -> None:
    app = make_app(idle=0.05, dialect="soketi")
    async with serve_app(app) as port, open_websocket(port, autoping=False) as websocket:
        await receive_frame(websocket)
        message = await websocket.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.PING
        await websocket.pong()
        assert (await receive_frame(websocket))["data"] == {"code": 4201, "message": "Pong reply not received in time"}
        assert (await websocket.receive(timeout=5)).data == 4201


async def test_pusher_sends_pusher_ping_to_an_idle_client_and_then_closes() -> None:
    async with serve_app(make_app(idle=0.5)) as port, open_websocket(port) as websocket:
        await receive_frame(websocket)
        for _ in range(2):
            assert await receive_frame(websocket) == {"event": "pusher:ping", "data": "{}"}
            await websocket.send_json({"event": "pusher:pong", "data": {}})
        assert (await receive_frame(websocket))["event"] == "pusher:ping"
        assert (await websocket.receive(timeout=5)).data == 4201


async def test_a_client_that_sends_frames_is_not_idle() -> None:
    app = make_app(idle=0.3)
    loop = asyncio.get_running_loop()
    async with connect_greeted(app) as websocket:
        started = loop.time()
        while loop.time() < started + 0.45:
            assert (await exchange_frames(websocket, "pusher:ping", {}))["event"] == "pusher:pong"
        assert app.connections


@pytest.mark.parametrize(
    "options", [{"idle": None}, {"dialect": "soketi", "idle": None}, {"dialect": "slanger", "idle": 0.01}]
)
async def test_an_idle_client_stays_connected_without_an_idle_limit(options: dict[str, Any]) -> None:
    app = make_app(**options)
    async with connect_greeted(app) as websocket:
        with pytest.raises(TimeoutError):
            await websocket.receive(timeout=0.05)
        assert app.connections


async def test_wait_occupied_waits_for_a_subscriber() -> None:
    app = make_app()
    with pytest.raises(TimeoutError):
        await app.wait_occupied("repo-1", timeout=0.01)
    async with connect_greeted(app) as websocket:
        waiting = [asyncio.ensure_future(app.wait_occupied("repo-1")) for _ in range(2)]
        await subscribe(websocket, "repo-2")
        assert not any(waiter.done() for waiter in waiting)
        await subscribe(websocket, "repo-1")
        await asyncio.gather(*waiting)
        await app.wait_occupied("repo-1", timeout=0)


async def test_frames_are_recorded_with_their_direction() -> None:
    app = make_app()
    async with connect_greeted(app) as websocket:
        await exchange_frames(websocket, "pusher:ping", {})
        assert [(frame.incoming, json.loads(frame.text)["event"]) for frame in app.frames] == [
            (False, "pusher:connection_established"),
            (True, "pusher:ping"),
            (False, "pusher:pong"),
        ]


@pytest.mark.parametrize("by", ["the app", "the application", "the client"])
async def test_closing_releases_everything(by: str) -> None:
    app = make_app()
    tasks = asyncio.all_tasks()
    async with serve_app(app) as port, open_websocket(port) as websocket:
        await receive_frame(websocket)
        (connection,) = app.connections.values()
        if by == "the client":
            await websocket.close()
            await connection.ended.wait()
        else:
            closed = asyncio.ensure_future(websocket.receive(timeout=5))
            if by == "the app":
                await app.close()
                assert (await closed).data == 1001
            else:
                closed.cancel()
    await until(lambda: asyncio.all_tasks() <= tasks)
    assert not app.connections
