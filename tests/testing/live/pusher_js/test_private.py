"""Stock pusher-js subscribes to private channels of the embedded Travis."""

import pytest

from aiotravis.testing import Build, Dialect, TravisServer, User
from tests.testing.live.pusher_js.asking import EACH, authorization_requests
from tests.testing.live.pusher_js.driver import PusherJs


@EACH
@pytest.mark.parametrize("options", [{"secure": True}])
async def test_a_secure_travis_publishes_on_private_channels_only(
    server: TravisServer, client: PusherJs, build: Build, sarah: User
) -> None:
    (job,) = build.jobs
    user_channel, log_channel = f"private-user-{sarah.id}", f"private-job-{job.id}"
    socket_id = await client.connect(server)
    for channel in (f"repo-{build.repository.id}", f"job-{job.id}", user_channel, log_channel):
        await client.subscribe(channel)
    assert authorization_requests(server) == [
        {"socket_id": socket_id, "channels": [user_channel]},
        {"socket_id": socket_id, "channels": [log_channel]},
    ]
    job.start()
    job.write("text", final=True)
    build.finish()
    await client.expect("event", event="build:finished")
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
    await client.connect(server)
    await client.send("subscribe", channel=channel)
    refused = await client.expect("event", channel=channel)
    assert refused["event"] == "pusher:subscription_error"
    assert refused["data"] == {"type": "AuthError", "error": f"{channel} was not signed"}
    assert not server.pusher.occupied(channel)


@EACH
async def test_a_signature_made_with_the_secret_is_accepted(
    server: TravisServer, client: PusherJs, sarah: User
) -> None:
    await client.connect(server, authorize={"secret": server.pusher.secret})
    await client.subscribe(f"private-user-{sarah.id}")
    assert not client.matching("error")


@EACH
async def test_a_wrong_signature_is_refused_as_the_dialect_does(
    server: TravisServer, dialect: Dialect, client: PusherJs, sarah: User
) -> None:
    channel, wrong = f"private-user-{sarah.id}", server.pusher.sign("1.1", f"private-user-{sarah.id}")
    socket_id = await client.connect(server, authorize={"signature": wrong})
    await client.send("subscribe", channel=channel)
    if dialect == "slanger":
        (message,) = (await client.expect("error"))["error"]["data"].values()
        expected = f"Invalid signature: Expected HMAC SHA256 hex digest of {socket_id}:{channel}, but got {wrong}"
        assert message == expected
    else:
        error = await client.expect("event", channel=channel)
        assert error["event"] == "pusher:subscription_error"
        assert (error["data"]["type"], error["data"]["status"]) == ("AuthError", 401)
    assert not server.pusher.occupied(channel)
    await client.subscribe("repo-82")
    assert not client.matching("state", previous="connected")
    assert not client.matching("event", channel=channel, event="pusher:subscription_succeeded")


@EACH
async def test_only_slanger_accepts_a_private_channel_without_a_signature(
    server: TravisServer, dialect: Dialect, client: PusherJs, sarah: User
) -> None:
    channel = f"private-user-{sarah.id}"
    await client.connect(server, authorize={})
    await client.send("subscribe", channel=channel)
    answer = (await client.expect("event", channel=channel))["event"]
    assert answer == ("pusher:subscription_succeeded" if dialect == "slanger" else "pusher:subscription_error")
