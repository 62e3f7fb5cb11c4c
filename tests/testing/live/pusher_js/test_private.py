"""Stock pusher-js subscribes to private channels of the embedded Travis."""

import pytest

from aiotravis.testing import Build, Dialect, TravisServer, User
from tests.testing.live.pusher_js.asking import EACH, authorised
from tests.testing.live.pusher_js.driver import PusherJs


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
