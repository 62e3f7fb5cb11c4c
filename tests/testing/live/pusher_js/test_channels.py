"""Stock pusher-js hears events on channels of the embedded Travis."""

import json

from aiotravis.testing import Build, Dialect, TravisServer, User
from tests.testing.live.pusher_js.asking import EACH
from tests.testing.live.pusher_js.driver import PusherJs

TEXTS = [
    '"quotes" and \\ back\\slashes',
    "\x1b[31mred\x1b[0m\r\n\t\x00",
    "naïve ☃ 漢字 🚀",
    "\u2028 </script> \ud83d",
    '{"looks": "like JSON"}',
    "",
]


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
