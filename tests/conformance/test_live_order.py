"""Order, gaps and repeats of events: section 7.9 of the facts."""

import json
import math

import pytest

from aiotravis.testing import Job, play
from tests.conformance.live import Scene, Socket, connect, covers, travis

SEQUENCE = [
    "build:created", "job:created", "job:queued", "job:received", "job:started", "build:started", "job:log",
    "job:finished", "build:finished",
]  # fmt: skip


async def subscribed_job(scene: Scene, socket: Socket) -> Job:
    """Return a running job, subscribed to all of its channels."""
    job = scene.build().start().jobs[0]
    await socket.subscribe_all(f"job-{job.id}", f"repo-{scene.public.id}")
    return job


async def logs(socket: Socket) -> list[tuple[int, str, bool]]:
    parts = [json.loads(frame["data"]) for frame in await socket.received() if frame["event"] == "job:log"]
    return [(part["number"], part["_log"], part["final"]) for part in parts]


@covers("7.9", "typical one-job sequence")
async def test_events_of_a_build_with_one_job_have_the_typical_order() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        await socket.subscribe_all(f"repo-{scene.public.id}")
        build = scene.public.build()
        await socket.websocket.send_str(
            json.dumps({"event": "pusher:subscribe", "data": {"channel": f"job-{build.jobs[0].id}"}})
        )
        await scene.server.pusher.wait_occupied(f"job-{build.jobs[0].id}")
        await play(build, speed=math.inf)
        frames = [frame for frame in await socket.received() if not frame["event"].startswith("pusher")]
    names = [frame["event"] for frame in frames]
    assert list(dict.fromkeys(names)) == SEQUENCE
    assert [name for name in names if name != "job:log"] == [name for name in SEQUENCE if name != "job:log"]
    parts = [json.loads(frame["data"]) for frame in frames if frame["event"] == "job:log"]
    assert [part["number"] for part in parts] == list(range(len(parts)))
    assert [part["final"] for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1]["_log"] == ""


@pytest.mark.parametrize("fault", ["late", "duplicate", "drop"])
@covers("7.9", "any order", "occasional repeats", "parts after job:finished")
async def test_events_may_be_reordered_repeated_or_lost(fault: str) -> None:
    async with travis() as scene, connect(scene.server) as socket:
        job = await subscribed_job(scene, socket)
        rule = scene.server.faults.live("job:log", times=1)
        {"late": lambda: rule.late(0.001), "duplicate": rule.duplicate, "drop": rule.drop}[fault]()
        job.write("one")
        job.write("two", final=True)
        job.finish()
        if fault == "late":
            frames = [json.loads(await socket.text()) for _ in range(4)]
        else:
            frames = await socket.received()
    names = [frame["event"] for frame in frames]
    parts = [json.loads(frame["data"])["number"] for frame in frames if frame["event"] == "job:log"]
    assert parts == {"late": [1, 0], "duplicate": [0, 0, 1], "drop": [1]}[fault]
    assert names[-1] == ("job:log" if fault == "late" else "build:finished")


@covers("7.9", "part numbers start at 0 and rise by 1", "the last part is empty with final true")
async def test_log_parts_are_numbered_from_0_for_each_job() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        build = scene.build(jobs=2).start()
        await socket.subscribe_all(*(f"job-{job.id}" for job in build.jobs))
        build.write("a").write("b").write("", final=True)
        parts = await socket.payloads()
    for job in build.jobs:
        own = [(part["number"], part["_log"], part["final"]) for part in parts if part["id"] == job.id]
        assert own == [(0, "a", False), (1, "b", False), (2, "", True)]


@covers("7.9", "auto-cancel notice")
async def test_auto_cancel_appends_a_notice_with_the_highest_number() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        job = await subscribed_job(scene, socket)
        job.write("text")
        job.auto_cancel("Superseded.")
        received = await socket.received()
    assert [frame["event"] for frame in received] == ["job:log", "job:log", "job:canceled", "build:canceled"]
    assert json.loads(received[1]["data"]) == {
        "id": job.id, "_log": "Superseded.", "number": 2147483647, "final": True,
    }  # fmt: skip


@covers("7.9", "published only to occupied channels", "the flag expires after 6 h")
async def test_log_parts_stop_after_six_hours_until_a_new_subscription() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene, connect(scene.server) as socket:
        job = scene.build().start().jobs[0]
        channel = f"job-{job.id}"
        job.write("nobody listens yet")
        await socket.subscribe_all(channel)
        now += 6 * 3600
        job.write("just in time")
        # Another subscriber does not renew the flag: the channel was occupied all the time.
        async with connect(scene.server) as other:
            await other.subscribe_all(channel)
            now += 1
            job.write("nobody hears it")
            assert (await logs(socket), await logs(other)) == ([(1, "just in time", False)], [])
        await socket.websocket.send_str(json.dumps({"event": "pusher:unsubscribe", "data": {"channel": channel}}))
        assert await socket.received() == []
        assert not scene.server.pusher.occupied(channel)
        await socket.subscribe_all(channel)
        job.write("heard again", final=True)
        assert await logs(socket) == [(3, "heard again", True)]
        assert job.log.text == "nobody listens yetjust in timenobody hears itheard again"


@covers("7.9", "a job cancelled before it starts")
async def test_a_job_that_never_ran_has_no_log_part() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        (job,) = scene.build().jobs
        await socket.subscribe_all(f"job-{job.id}", "repo-82")
        job.enqueue().cancel()
        assert [event for _, event in await socket.events()] == ["job:queued", "job:canceled", "build:canceled"]


@pytest.mark.parametrize("whole", [True, False])
@covers("7.9", "restart")
async def test_a_restart_sends_created_and_numbers_parts_from_0(whole: bool) -> None:
    async with travis() as scene, connect(scene.server) as socket:
        job = await subscribed_job(scene, socket)
        job.write("first run")
        job.finish("failed")
        await socket.received()
        (job.build if whole else job).restart()
        job.start()
        job.write("second run")
        received = await socket.received()
    assert [frame["event"] for frame in received] == [
        "build:created", "job:created", "job:started", "build:started", "job:log",
    ]  # fmt: skip
    build, created = (json.loads(frame["data"]) for frame in received[:2])
    assert [build["build"][name] for name in ("state", "duration", "started_at", "finished_at")] == [
        "created", None, None, None,
    ]  # fmt: skip
    assert [created[name] for name in ("state", "started_at", "finished_at")] == ["created", None, None]
    part = json.loads(received[-1]["data"])
    assert (part["number"], part["_log"]) == (0, "second run")


@covers("7.9", "requeue")
async def test_a_requeue_sends_an_event_of_the_job_only() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        job = await subscribed_job(scene, socket)
        job.write("first run")
        await socket.received()
        job.requeue()
        assert job.build.state == "created"
        job.start()
        assert [event for _, event in await socket.events()] == ["job:created", "job:started", "build:started"]
        job.write("second run")
        assert await logs(socket) == [(0, "second run", False)]


@covers("7.9", "updated_at")
async def test_updated_at_rises_with_each_event() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene, connect(scene.server) as socket:
        await socket.subscribe_all("repo-82")
        build = scene.build()
        build.jobs[0].receive()
        now += 0.001
        build.start()
        received, started, of_build = await socket.payloads()
    assert (received["updated_at"], started["updated_at"]) == ("2014-05-13T16:53:20.000Z", "2014-05-13T16:53:20.001Z")
    assert of_build["build"]["updated_at"] == started["updated_at"]


@covers("7.9", "event name is not the outcome: later stages", "event name is not the outcome: failed resets")
async def test_the_name_of_an_event_does_not_imply_the_state() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene, connect(scene.server) as socket:
        await socket.subscribe_all("repo-82")
        build = scene.build(jobs=2)
        build.stage("Test", build.jobs[:1])
        build.stage("Ship", build.jobs[1:])
        build.jobs[0].start().finish("failed")
        frames = [
            (frame["event"], data.get("number"), data["state"])
            for frame in await socket.received()
            if "number" in (data := json.loads(frame["data"]))
        ]
        assert frames == [
            ("job:started", "1.1", "started"), ("job:finished", "1.1", "failed"), ("job:finished", "1.2", "canceled"),
        ]  # fmt: skip
        other = scene.build().jobs[0]
        for _ in range(50):
            other.start().requeue()
        now += 7 * 3600
        await socket.received()
        other.start().requeue()
        last = [(frame["event"], json.loads(frame["data"]).get("state")) for frame in await socket.received()]
        assert last[-2] == ("job:finished", "errored")


@covers("7.9", "build:started and build:finished beside their jobs'")
async def test_a_build_starts_with_its_first_job_and_finishes_with_its_last() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        await socket.subscribe_all("repo-82")
        first, second = scene.build(jobs=2).jobs
        first.start()
        second.start()
        first.finish()
        second.finish()
        assert [event for _, event in await socket.events()] == [
            "job:started", "build:started", "job:started", "job:finished", "job:finished", "build:finished",
        ]  # fmt: skip


@covers("7.9", "two channels, same event")
async def test_an_event_on_two_channels_has_the_same_name_id_and_time() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        await socket.subscribe_all(f"private-user-{scene.sarah.id}", "repo-82")
        scene.build().start()
        frames = await socket.received()
    assert len(frames) == 4
    assert len({frame["channel"] for frame in frames}) == 2
    assert len({(frame["event"], frame["data"]) for frame in frames}) == 2
