"""Stock pusher-js connects to the embedded Travis, stays connected, and reconnects."""

import json
from functools import partial

import pytest

from aiotravis.testing import Build, Dialect, TravisServer, User
from tests.testing.live.pusher_js.asking import EACH, authorization_requests, sockets_closed
from tests.testing.live.pusher_js.driver import VERSION, PusherJs
from tests.waiting import until


@EACH
@pytest.mark.parametrize("options", [{}, {"pusher_path": "/live/path"}])
async def test_pusher_js_connects_to_the_server_in_the_configuration(server: TravisServer, client: PusherJs) -> None:
    socket_id = await client.connect(server)
    assert [(line["report"], line["previous"]) for line in client.reports] == [("state", "connecting")]
    connection = server.pusher.connections[socket_id]
    query = connection.request.query
    assert (query["client"], query["version"], query["protocol"]) == ("js", VERSION, "7")
    await client.send("disconnect")
    await client.expect("state", previous="connected", current="disconnected")
    await connection.ended.wait()
    assert not client.matching("error")
    assert not server.pusher.connections


@EACH
async def test_a_wrong_key_is_4001_and_pusher_js_does_not_reconnect(server: TravisServer, client: PusherJs) -> None:
    await client.start_connecting(server, key="wrong")
    await client.expect("state", previous="connecting", current="disconnected")
    await client.send("reconnect")
    await client.expect("state", previous="connecting", current="disconnected")
    # A reconnect of its own would be a third socket.
    await until(partial(sockets_closed, server, 2))
    reason = {"type": "PusherError", "data": {"code": 4001, "message": "Could not find app by key wrong"}}
    assert [line["error"] for line in client.matching("error")] == [{"type": "WebSocketError", "error": reason}] * 2
    assert server.pusher.opened == 0
    assert not client.matching("state", current="connected")


@EACH
@pytest.mark.parametrize("options", [{"activity_timeout": 0}])
async def test_pusher_js_needs_an_activity_timeout_and_slanger_always_has_one(
    server: TravisServer, dialect: Dialect, client: PusherJs
) -> None:
    await client.start_connecting(server)
    if dialect == "slanger":
        await client.wait_connected()
    else:
        error = (await client.expect("error"))["error"]
        assert error == {"type": "HandshakeError", "error": "No activity timeout specified in handshake"}
        assert not client.matching("state", current="connected")


@pytest.mark.parametrize(
    ("dialect", "code", "codes"),
    [
        ("soketi", 4200, [4200, 4200]),
        ("pusher", 4200, [4200]),
        ("slanger", 4200, [4200]),
        ("pusher", 4100, [4100]),
        ("slanger", 4100, [4100]),
        ("pusher", 1001, []),
        ("pusher", None, [1006]),
    ],
)
async def test_pusher_js_reconnects_with_new_signatures(
    server: TravisServer, client: PusherJs, build: Build, sarah: User, code: int | None, codes: list[int]
) -> None:
    channel = f"private-user-{sarah.id}"
    first = await client.connect(server)
    await client.subscribe(channel)
    server.pusher.disconnect(code, "a reason")
    second = await client.wait_connected()
    await client.wait_subscribed(channel)
    assert first != second
    assert list(server.pusher.connections) == [second]
    assert authorization_requests(server) == [{"socket_id": one, "channels": [channel]} for one in (first, second)]
    errors = [line["error"]["data"] for line in client.matching("error") if line["error"]["type"] == "PusherError"]
    assert [error["code"] for error in errors] == codes
    assert all(error["message"] == "a reason" for error in errors if error["code"] == code)
    build.start()
    await client.expect("event", channel=channel, event="build:started")
    assert server.pusher.opened == 2


@pytest.mark.parametrize("dialect", ["pusher", "soketi"])
@pytest.mark.parametrize("code", [4001, 4009, 4302])
async def test_pusher_js_does_not_reconnect_after_some_codes(server: TravisServer, client: PusherJs, code: int) -> None:
    await client.connect(server)
    server.pusher.disconnect(code, "stay away")
    error = (await client.expect("error"))["error"]
    assert error == {"type": "PusherError", "data": {"code": code, "message": "stay away"}}
    await client.expect("state", previous="connected", current="disconnected")
    await client.send("reconnect")
    await client.wait_connected()
    # A reconnect of its own would be a third socket.
    assert server.pusher.opened == 2


@pytest.mark.parametrize("dialect", ["slanger"])
@pytest.mark.parametrize("code", [4001, 4009])
async def test_pusher_js_reconnects_to_slanger_after_a_fatal_error(
    server: TravisServer, client: PusherJs, code: int
) -> None:
    """pusher-js ignores the code of an error frame, and the close frame after it has none."""
    await client.connect(server)
    server.pusher.disconnect(code, "stay away")
    error = (await client.expect("error"))["error"]
    assert error == {"type": "PusherError", "data": {"code": code, "message": "stay away"}}
    await client.wait_connected()
    assert server.pusher.opened == 2


@EACH
@pytest.mark.parametrize(
    ("options", "codes"), [({"activity_timeout": 0.05}, {}), ({"activity_timeout": 120}, {"activityTimeout": 50})]
)
async def test_pusher_js_pings_when_idle_and_stays_connected(
    server: TravisServer, client: PusherJs, codes: dict[str, int]
) -> None:
    await client.connect(server, **codes)
    for _ in range(3):
        assert (await client.expect("message"))["event"] == "pusher:pong"
    assert [line["report"] for line in client.reports] == ["state", "message", "message", "message"]
    assert server.pusher.opened == 1


@pytest.mark.parametrize("dialect", ["soketi"])
async def test_pusher_js_reconnects_when_it_was_closed_as_idle(server: TravisServer, client: PusherJs) -> None:
    """Pings of soketi are those of the WebSocket protocol, whose pongs do not count as activity."""
    await client.connect(server)
    # Applies from the next frame on, so that pusher-js is connected first.
    server.pusher.idle = 0.05
    await client.subscribe("repo-82")
    server.pusher.idle = 120
    error = (await client.expect("error"))["error"]
    assert error["data"] == {"code": 4201, "message": "Pong reply not received in time"}
    await client.wait_connected()


@EACH
async def test_pusher_js_answers_the_ping_of_the_server(server: TravisServer, client: PusherJs) -> None:
    await client.connect(server)
    server.pusher.send_raw('{"event":"pusher:ping","data":"{}"}')
    await client.expect("message", event="pusher:ping")
    await client.subscribe("repo-82")
    incoming = [json.loads(frame.text)["event"] for frame in server.pusher.frames if frame.incoming]
    assert incoming == ["pusher:pong", "pusher:subscribe"]
    assert not client.matching("error")


@EACH
async def test_a_client_event_is_an_error_except_on_slanger(
    server: TravisServer, dialect: Dialect, client: PusherJs
) -> None:
    await client.connect(server)
    await client.send("send", event="client-hello", data={})
    await client.subscribe("repo-82")
    codes = [line["error"]["data"]["code"] for line in client.matching("error")]
    assert codes == ([] if dialect == "slanger" else [4301])
    assert not client.matching("state", previous="connected")
