"""Stock pusher-js under Node as an independent client of the embedded Travis; skipped where there is no Node.

| Call | What it returns here |
|---|---|
| ``new Pusher(key, {wsHost, wsPort, wsPath})`` | ``connected``, with a ``socket_id``, at what ``GET /config`` names |
| the same with a wrong key | error 4001, ``disconnected``; it stays away |
| the same, no activity time-out announced | ``HandshakeError``, but from Slanger, which always announces one |
| ``subscribe(channel)`` | ``pusher:subscription_succeeded``, then events and log parts, in order |
| ``subscribe(private channel)``, signed by ``POST /pusher/auth`` | the same; refused: ``subscription_error`` |
| ..., signed with the secret | the same |
| ..., signed for another socket | ``subscription_error`` 401; from Slanger an error without a code |
| ..., not signed | ``subscription_error`` 401; Slanger lets it in |
| ``unsubscribe(channel)`` | nothing more comes on the wire |
| ``send_event("pusher:subscribe")`` a second time | error, existing subscription; from soketi a confirmation |
| ``send_event("client-...")`` | error 4301; from Slanger nothing |
| ``disconnect()``, ``connect()`` | ``disconnected``; ``connected`` |
| a close with 4100, 4200, 1001, or none | comes back by itself, with fresh signatures |
| a close with 4001, 4009, 4302 | stays away, but from Slanger, whose close frames have no code |
| silence | ``pusher:ping``, answered by a ``pusher:pong``; 4201 after more of it, and it comes back |
| ``pusher:ping`` of the server | ``pusher:pong`` |
"""

import json
import os
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aiotravis.testing import Build, Dialect, Repository, TravisServer, User
from tests.testing.pusher_js.driver import VERSION, PusherJs, installed, launched
from tests.waiting import until

EACH = pytest.mark.parametrize("dialect", ["pusher", "slanger", "soketi"])
TEXTS = [
    '"quotes" and \\ back\\slashes',
    "\x1b[31mred\x1b[0m\r\n\t\x00",
    "naïve ☃ 漢字 🚀",
    "\u2028 </script> \ud83d",
    '{"looks": "like JSON"}',
    "",
]


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Node script with pusher-js beside it, installed once for all workers."""
    base = tmp_path_factory.getbasetemp()
    return installed(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture
async def client(script: Path) -> AsyncGenerator[PusherJs]:
    async with launched(script) as client:
        yield client


@pytest.fixture
def dialect() -> Dialect:
    return "pusher"


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def server(dialect: Dialect, options: dict[str, Any]) -> AsyncGenerator[TravisServer]:
    async with TravisServer(dialect=dialect, **options) as server:
        yield server


@pytest.fixture
def sarah(server: TravisServer) -> User:
    return server.world.user("sarah", token="a-token-that-must-not-leak")


@pytest.fixture
def repository(server: TravisServer, sarah: User) -> Repository:
    return server.world.repository("travis-ci/travis.rb", users=[sarah])


@pytest.fixture
def build(repository: Repository) -> Build:
    return repository.build(quiet=True)


def came(server: TravisServer, times: int) -> bool:
    """Whether so many sockets have come and gone."""
    return sum("/app/" in seen.path for seen in server.requests) == times


def authorised(server: TravisServer) -> list[dict[str, Any]]:
    """What was asked of ``POST /pusher/auth``."""
    return [json.loads(seen.body) for seen in server.requests if (seen.method, seen.path) == ("POST", "/pusher/auth")]


# Connecting -----------------------------------------------------------------------------------------------------------


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


# Channels and events --------------------------------------------------------------------------------------------------


@EACH
async def test_builds_come_on_the_repository_and_logs_on_the_job(
    server: TravisServer, client: PusherJs, build: Build
) -> None:
    (job,) = build.jobs
    repo_channel, job_channel = f"repo-{build.repository.id}", f"job-{job.id}"
    await client.connects(server)
    await client.subscribes(repo_channel)
    await client.subscribes(job_channel)
    job.start()
    job.write("first\n")
    job.write("", final=True)
    build.finish()
    finished = await client.hears("event", event="build:finished")
    assert client.events() == [
        (repo_channel, "job:started"),
        (repo_channel, "build:started"),
        (job_channel, "job:log"),
        (job_channel, "job:log"),
        (repo_channel, "job:finished"),
        (repo_channel, "build:finished"),
    ]
    assert finished["data"]["build"]["id"] == build.id
    assert finished["data"]["build"]["state"] == "passed"
    assert client.of("event", event="job:started")[0]["data"]["state"] == "started"
    assert [line["data"] for line in client.of("event", event="job:log")] == [
        {"id": job.id, "_log": "first\n", "number": 0, "final": False},
        {"id": job.id, "_log": "", "number": 1, "final": True},
    ]
    assert not client.of("error")


@EACH
async def test_what_pusher_js_gives_as_an_object_travels_as_a_string(
    server: TravisServer, client: PusherJs, build: Build
) -> None:
    (job,) = build.jobs
    await client.connects(server)
    await client.subscribes(f"job-{job.id}")
    job.write("text")
    heard = await client.hears("event", event="job:log")
    sent = json.loads(server.pusher.frames[-1].text)
    assert isinstance(sent["data"], str)
    assert json.loads(sent["data"]) == heard["data"] == {"id": job.id, "_log": "text", "number": 0, "final": False}


@EACH
async def test_every_text_arrives_as_it_was_and_in_order(server: TravisServer, client: PusherJs, build: Build) -> None:
    (job,) = build.jobs
    await client.connects(server)
    await client.subscribes(f"job-{job.id}")
    for text in TEXTS * 50:
        job.write(text)
    server.pusher.publish([f"job-{job.id}"], "job:log", json.dumps({"_log": TEXTS[2]}, ensure_ascii=False))
    job.write("", final=True)
    while not (await client.hears("event", event="job:log"))["data"].get("final"):
        pass
    assert [line["data"]["_log"] for line in client.of("event", event="job:log")] == [*TEXTS * 50, TEXTS[2], ""]


@EACH
async def test_an_event_comes_once_per_channel_with_the_same_payload(
    server: TravisServer, client: PusherJs, build: Build, sarah: User
) -> None:
    channels = [f"private-user-{sarah.id}", f"repo-{build.repository.id}"]
    await client.connects(server)
    for channel in channels:
        await client.subscribes(channel)
    build.start()
    for _ in channels:
        await client.hears("event", event="build:started")
    for event in ("job:started", "build:started"):
        heard = client.of("event", event=event)
        assert [line["channel"] for line in heard] == channels
        assert heard[0]["data"] == heard[1]["data"]


@EACH
async def test_an_unsubscribed_channel_falls_silent_on_the_wire(
    server: TravisServer, client: PusherJs, build: Build
) -> None:
    left, kept = f"repo-{build.repository.id}", f"job-{build.jobs[0].id}"
    await client.connects(server)
    await client.subscribes(left)
    await client.tell("unsubscribe", channel=left)
    await client.subscribes(kept)
    assert not server.pusher.occupied(left)
    # What the server still sent would show here, though not among the events: pusher-js drops it later on.
    server.pusher.publish([left, kept], "build:started", "{}")
    await client.hears("message", event="build:started", channel=kept)
    assert not client.of("message", event="build:started", channel=left)
    await client.subscribes(left)
    build.start()
    await client.hears("event", event="build:started", channel=left)
    assert not client.of("error")


@EACH
async def test_a_second_subscription_is_fine_with_soketi_alone(
    server: TravisServer, dialect: Dialect, client: PusherJs
) -> None:
    await client.connects(server)
    await client.subscribes("repo-82")
    await client.tell("send", event="pusher:subscribe", data={"channel": "repo-82", "auth": ""})
    if dialect == "soketi":
        await client.is_subscribed("repo-82")
    else:
        error = (await client.hears("error"))["error"]
        expected = {"code": None, "message": "Existing subscription to repo-82"}
        assert error == {"type": "PusherError", "data": expected}
    await client.subscribes("repo-83")
    assert not client.of("state", previous="connected")


# Private channels -----------------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("options", [{"secure": True}])
async def test_a_secure_travis_is_heard_on_private_channels_only(
    server: TravisServer, client: PusherJs, build: Build, sarah: User
) -> None:
    (job,) = build.jobs
    user_channel, log_channel = f"private-user-{sarah.id}", f"private-job-{job.id}"
    socket_id = await client.connects(server)
    for channel in (f"repo-{build.repository.id}", f"job-{job.id}", user_channel, log_channel):
        await client.subscribes(channel)
    assert authorised(server) == [
        {"socket_id": socket_id, "channels": [user_channel]},
        {"socket_id": socket_id, "channels": [log_channel]},
    ]
    job.start()
    job.write("text", final=True)
    build.finish()
    await client.hears("event", event="build:finished")
    assert client.events() == [
        (user_channel, "job:started"),
        (user_channel, "build:started"),
        (log_channel, "job:log"),
        (user_channel, "job:finished"),
        (user_channel, "build:finished"),
    ]


@EACH
async def test_another_users_channel_is_not_signed(server: TravisServer, client: PusherJs, sarah: User) -> None:
    channel = f"private-user-{sarah.id + 1}"
    await client.connects(server)
    await client.tell("subscribe", channel=channel)
    refused = await client.hears("event", channel=channel)
    assert refused["event"] == "pusher:subscription_error"
    assert refused["data"] == {"type": "AuthError", "error": f"{channel} was not signed"}
    assert not server.pusher.occupied(channel)


@EACH
async def test_a_signature_made_elsewhere_with_the_secret_is_good(
    server: TravisServer, client: PusherJs, sarah: User
) -> None:
    await client.connects(server, authorize={"secret": server.pusher.secret})
    await client.subscribes(f"private-user-{sarah.id}")
    assert not client.of("error")


@EACH
async def test_a_wrong_signature_is_refused_in_the_manner_of_the_dialect(
    server: TravisServer, dialect: Dialect, client: PusherJs, sarah: User
) -> None:
    channel, wrong = f"private-user-{sarah.id}", server.pusher.sign("1.1", f"private-user-{sarah.id}")
    socket_id = await client.connects(server, authorize={"signature": wrong})
    await client.tell("subscribe", channel=channel)
    if dialect == "slanger":
        (message,) = (await client.hears("error"))["error"]["data"].values()
        expected = f"Invalid signature: Expected HMAC SHA256 hex digest of {socket_id}:{channel}, but got {wrong}"
        assert message == expected
    else:
        error = await client.hears("event", channel=channel)
        assert error["event"] == "pusher:subscription_error"
        assert (error["data"]["type"], error["data"]["status"]) == ("AuthError", 401)
    assert not server.pusher.occupied(channel)
    await client.subscribes("repo-82")
    assert not client.of("state", previous="connected")
    assert not client.of("event", channel=channel, event="pusher:subscription_succeeded")


@EACH
async def test_only_slanger_lets_pusher_js_in_without_a_signature(
    server: TravisServer, dialect: Dialect, client: PusherJs, sarah: User
) -> None:
    channel = f"private-user-{sarah.id}"
    await client.connects(server, authorize={})
    await client.tell("subscribe", channel=channel)
    answer = (await client.hears("event", channel=channel))["event"]
    assert answer == ("pusher:subscription_succeeded" if dialect == "slanger" else "pusher:subscription_error")


# Losing the connection ------------------------------------------------------------------------------------------------


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


# Keeping it -----------------------------------------------------------------------------------------------------------


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


async def test_pusher_js_comes_back_when_it_was_closed_for_silence(server: TravisServer, client: PusherJs) -> None:
    server.pusher.idle = 0.05
    await client.connects(server)
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
