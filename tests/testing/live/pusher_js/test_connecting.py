"""Stock pusher-js connects to the embedded Travis, stays, and comes back."""

import json
from functools import partial

import pytest

from aiotravis.testing import Build, Dialect, TravisServer, User
from tests.testing.live.pusher_js.asking import EACH, authorised, came
from tests.testing.live.pusher_js.driver import VERSION, PusherJs
from tests.waiting import until


@EACH
@pytest.mark.parametrize("options", [{}, {"pusher_path": "/live/path"}])
async def test_pusher_js_connects_to_what_the_config_names(server: TravisServer, client: PusherJs) -> None:
    socket_id = await client.connects(server)
    assert [(line["heard"], line["previous"]) for line in client.heard] == [("state", "connecting")]
    connection = server.pusher.connections[socket_id]
    query = connection.request.query
    assert (query["client"], query["version"], query["protocol"]) == ("js", VERSION, "7")
    await client.tell("disconnect")
    await client.hears("state", previous="connected", current="disconnected")
    await connection.ended.wait()
    assert not client.of("error")
    assert not server.pusher.connections


@EACH
async def test_a_wrong_key_is_4001_and_stops_pusher_js(server: TravisServer, client: PusherJs) -> None:
    await client.aim(server, key="wrong")
    await client.hears("state", previous="connecting", current="disconnected")
    await client.tell("reconnect")
    await client.hears("state", previous="connecting", current="disconnected")
    # Had it also come back by itself, there would be a third.
    await until(partial(came, server, 2))
    reason = {"type": "PusherError", "data": {"code": 4001, "message": "Could not find app by key wrong"}}
    assert [line["error"] for line in client.of("error")] == [{"type": "WebSocketError", "error": reason}] * 2
    assert server.pusher.opened == 0
    assert not client.of("state", current="connected")


@EACH
@pytest.mark.parametrize("options", [{"activity_timeout": 0}])
async def test_pusher_js_wants_to_be_told_the_activity_timeout_as_slanger_always_does(
    server: TravisServer, dialect: Dialect, client: PusherJs
) -> None:
    await client.aim(server)
    if dialect == "slanger":
        await client.is_connected()
    else:
        error = (await client.hears("error"))["error"]
        assert error == {"type": "HandshakeError", "error": "No activity timeout specified in handshake"}
        assert not client.of("state", current="connected")


@pytest.mark.parametrize(
    ("dialect", "code", "told"),
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
async def test_pusher_js_comes_back_with_fresh_signatures(
    server: TravisServer, client: PusherJs, build: Build, sarah: User, code: int | None, told: list[int]
) -> None:
    channel = f"private-user-{sarah.id}"
    first = await client.connects(server)
    await client.subscribes(channel)
    server.pusher.disconnect(code, "a reason")
    second = await client.is_connected()
    await client.is_subscribed(channel)
    assert first != second
    assert list(server.pusher.connections) == [second]
    assert authorised(server) == [{"socket_id": one, "channels": [channel]} for one in (first, second)]
    errors = [line["error"]["data"] for line in client.of("error") if line["error"]["type"] == "PusherError"]
    assert [error["code"] for error in errors] == told
    assert all(error["message"] == "a reason" for error in errors if error["code"] == code)
    build.start()
    await client.hears("event", channel=channel, event="build:started")
    assert server.pusher.opened == 2


@pytest.mark.parametrize("dialect", ["pusher", "soketi"])
@pytest.mark.parametrize("code", [4001, 4009, 4302])
async def test_pusher_js_stays_away_after_some_codes(server: TravisServer, client: PusherJs, code: int) -> None:
    await client.connects(server)
    server.pusher.disconnect(code, "stay away")
    error = (await client.hears("error"))["error"]
    assert error == {"type": "PusherError", "data": {"code": code, "message": "stay away"}}
    await client.hears("state", previous="connected", current="disconnected")
    await client.tell("reconnect")
    await client.is_connected()
    # Had it also come back by itself, there would be a third.
    assert server.pusher.opened == 2


@pytest.mark.parametrize("dialect", ["slanger"])
@pytest.mark.parametrize("code", [4001, 4009])
async def test_pusher_js_comes_back_to_a_slanger_that_does_not_want_it(
    server: TravisServer, client: PusherJs, code: int
) -> None:
    """An error frame is no reason to stay away, and the close frame behind it gives none."""
    await client.connects(server)
    server.pusher.disconnect(code, "stay away")
    error = (await client.hears("error"))["error"]
    assert error == {"type": "PusherError", "data": {"code": code, "message": "stay away"}}
    await client.is_connected()
    assert server.pusher.opened == 2


@EACH
@pytest.mark.parametrize(
    ("options", "told"), [({"activity_timeout": 0.05}, {}), ({"activity_timeout": 120}, {"activityTimeout": 50})]
)
async def test_pusher_js_pings_after_silence_and_stays(
    server: TravisServer, client: PusherJs, told: dict[str, int]
) -> None:
    await client.connects(server, **told)
    for _ in range(3):
        assert (await client.hears("message"))["event"] == "pusher:pong"
    assert [line["heard"] for line in client.heard] == ["state", "message", "message", "message"]
    assert server.pusher.opened == 1


@pytest.mark.parametrize("dialect", ["soketi"])
async def test_pusher_js_comes_back_when_it_was_closed_for_silence(server: TravisServer, client: PusherJs) -> None:
    """A Pusher pings in frames, which pusher-js answers: to soketi's WebSocket pings the answer is no frame."""
    await client.connects(server)
    # It counts from the next frame on: a greeting and its end in one breath would be no test of pusher-js.
    server.pusher.idle = 0.05
    await client.subscribes("repo-82")
    server.pusher.idle = 120
    error = (await client.hears("error"))["error"]
    assert error["data"] == {"code": 4201, "message": "Pong reply not received in time"}
    await client.is_connected()


@EACH
async def test_pusher_js_answers_the_servers_ping_and_is_told_nothing_for_it(
    server: TravisServer, client: PusherJs
) -> None:
    await client.connects(server)
    server.pusher.send_raw('{"event":"pusher:ping","data":"{}"}')
    await client.hears("message", event="pusher:ping")
    await client.subscribes("repo-82")
    incoming = [json.loads(frame.text)["event"] for frame in server.pusher.frames if frame.incoming]
    assert incoming == ["pusher:pong", "pusher:subscribe"]
    assert not client.of("error")


@EACH
async def test_a_client_event_is_an_error_to_pusher_and_nothing_to_slanger(
    server: TravisServer, dialect: Dialect, client: PusherJs
) -> None:
    await client.connects(server)
    await client.tell("send", event="client-hello", data={})
    await client.subscribes("repo-82")
    codes = [line["error"]["data"]["code"] for line in client.of("error")]
    assert codes == ([] if dialect == "slanger" else [4301])
    assert not client.of("state", previous="connected")
