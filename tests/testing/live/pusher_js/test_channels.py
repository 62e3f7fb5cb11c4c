"""Stock pusher-js receives events on channels of the embedded Travis."""

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
async def test_builds_are_on_the_channel_of_the_repository_and_logs_on_that_of_the_job(
    server: TravisServer, client: PusherJs, build: Build
) -> None:
    (job,) = build.jobs
    repo_channel, job_channel = f"repo-{build.repository.id}", f"job-{job.id}"
    await client.connect(server)
    await client.subscribe(repo_channel)
    await client.subscribe(job_channel)
    job.start()
    job.write("first\n")
    job.write("", final=True)
    build.finish()
    finished = await client.expect("event", event="build:finished")
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
    assert client.matching("event", event="job:started")[0]["data"]["state"] == "started"
    assert [line["data"] for line in client.matching("event", event="job:log")] == [
        {"id": job.id, "_log": "first\n", "number": 0, "final": False},
        {"id": job.id, "_log": "", "number": 1, "final": True},
    ]
    assert not client.matching("error")


@EACH
async def test_data_is_sent_as_a_string_and_decoded_by_pusher_js(
    server: TravisServer, client: PusherJs, build: Build
) -> None:
    (job,) = build.jobs
    await client.connect(server)
    await client.subscribe(f"job-{job.id}")
    job.write("text")
    received = await client.expect("event", event="job:log")
    sent = json.loads(server.pusher.frames[-1].text)
    assert isinstance(sent["data"], str)
    assert json.loads(sent["data"]) == received["data"] == {"id": job.id, "_log": "text", "number": 0, "final": False}


@EACH
async def test_every_text_arrives_unchanged_and_in_order(server: TravisServer, client: PusherJs, build: Build) -> None:
    (job,) = build.jobs
    await client.connect(server)
    await client.subscribe(f"job-{job.id}")
    for text in TEXTS * 50:
        job.write(text)
    server.pusher.publish([f"job-{job.id}"], "job:log", json.dumps({"_log": TEXTS[2]}, ensure_ascii=False))
    job.write("", final=True)
    while not (await client.expect("event", event="job:log"))["data"].get("final"):
        pass
    assert [line["data"]["_log"] for line in client.matching("event", event="job:log")] == [*TEXTS * 50, TEXTS[2], ""]


@EACH
async def test_an_event_arrives_once_per_channel_with_the_same_payload(
    server: TravisServer, client: PusherJs, build: Build, sarah: User
) -> None:
    channels = [f"private-user-{sarah.id}", f"repo-{build.repository.id}"]
    await client.connect(server)
    for channel in channels:
        await client.subscribe(channel)
    build.start()
    for _ in channels:
        await client.expect("event", event="build:started")
    for event in ("job:started", "build:started"):
        received = client.matching("event", event=event)
        assert [line["channel"] for line in received] == channels
        assert received[0]["data"] == received[1]["data"]


@EACH
async def test_nothing_is_sent_for_a_channel_after_unsubscribing(
    server: TravisServer, client: PusherJs, build: Build
) -> None:
    left, kept = f"repo-{build.repository.id}", f"job-{build.jobs[0].id}"
    await client.connect(server)
    await client.subscribe(left)
    await client.send("unsubscribe", channel=left)
    await client.subscribe(kept)
    assert not server.pusher.occupied(left)
    # What the server still sent would show here, though not among the events: pusher-js drops it later on.
    server.pusher.publish([left, kept], "build:started", "{}")
    await client.expect("message", event="build:started", channel=kept)
    assert not client.matching("message", event="build:started", channel=left)
    await client.subscribe(left)
    build.start()
    await client.expect("event", event="build:started", channel=left)
    assert not client.matching("error")


@EACH
async def test_only_soketi_confirms_a_second_subscription(
    server: TravisServer, dialect: Dialect, client: PusherJs
) -> None:
    await client.connect(server)
    await client.subscribe("repo-82")
    await client.send("send", event="pusher:subscribe", data={"channel": "repo-82", "auth": ""})
    if dialect == "soketi":
        await client.wait_subscribed("repo-82")
    else:
        error = (await client.expect("error"))["error"]
        expected = {"code": None, "message": "Existing subscription to repo-82"}
        assert error == {"type": "PusherError", "data": expected}
    await client.subscribe("repo-83")
    assert not client.matching("state", previous="connected")
