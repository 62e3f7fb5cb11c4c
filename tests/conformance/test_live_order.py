"""What comes in which order, what is missing and what comes twice: section 7.9 of the facts."""

import json
import math

import pytest

from aiotravis.testing import Job, play
from tests.conformance.live import Scene, Socket, greeted, shows, travis

SEQUENCE = [
    "build:created", "job:created", "job:queued", "job:received", "job:started", "build:started", "job:log",
    "job:finished", "build:finished",
]  # fmt: skip


async def listening(scene: Scene, socket: Socket) -> Job:
    """Make a job that runs, and listen to all there is of it."""
    job = scene.build().start().jobs[0]
    await socket.listens(f"job-{job.id}", f"repo-{scene.public.id}")
    return job


async def logs(socket: Socket) -> list[tuple[int, str, bool]]:
    parts = [json.loads(frame["data"]) for frame in await socket.heard() if frame["event"] == "job:log"]
    return [(part["number"], part["_log"], part["final"]) for part in parts]


@shows("7.9", "typical one-job sequence")
async def test_a_build_of_one_job_is_told_in_the_typical_order() -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        await socket.listens(f"repo-{scene.public.id}")
        build = scene.public.build()
        await socket.websocket.send_str(
            json.dumps({"event": "pusher:subscribe", "data": {"channel": f"job-{build.jobs[0].id}"}})
        )
        await scene.server.pusher.wait_occupied(f"job-{build.jobs[0].id}")
        await play(build, speed=math.inf)
        frames = [frame for frame in await socket.heard() if not frame["event"].startswith("pusher")]
    names = [frame["event"] for frame in frames]
    assert list(dict.fromkeys(names)) == SEQUENCE
    assert [name for name in names if name != "job:log"] == [name for name in SEQUENCE if name != "job:log"]
    parts = [json.loads(frame["data"]) for frame in frames if frame["event"] == "job:log"]
    assert [part["number"] for part in parts] == list(range(len(parts)))
    assert [part["final"] for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1]["_log"] == ""


@pytest.mark.parametrize("fault", ["late", "duplicate", "drop"])
@shows("7.9", "any order", "occasional repeats", "parts after job:finished")
async def test_events_may_overtake_each_other_come_twice_or_not_at_all(fault: str) -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        job = await listening(scene, socket)
        rule = scene.server.faults.live("job:log", times=1)
        {"late": lambda: rule.late(0.001), "duplicate": rule.duplicate, "drop": rule.drop}[fault]()
        job.write("one")
        job.write("two", final=True)
        job.finish()
        if fault == "late":
            told = [json.loads(await socket.text()) for _ in range(4)]
        else:
            told = await socket.heard()
    names = [frame["event"] for frame in told]
    parts = [json.loads(frame["data"])["number"] for frame in told if frame["event"] == "job:log"]
    assert parts == {"late": [1, 0], "duplicate": [0, 0, 1], "drop": [1]}[fault]
    assert names[-1] == ("job:log" if fault == "late" else "build:finished")


@shows("7.9", "part numbers start at 0 and rise by 1", "the last part is empty with final true")
async def test_parts_are_counted_from_zero_for_each_job() -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        build = scene.build(jobs=2).start()
        await socket.listens(*(f"job-{job.id}" for job in build.jobs))
        build.write("a").write("b").write("", final=True)
        parts = await socket.payloads()
    for job in build.jobs:
        own = [(part["number"], part["_log"], part["final"]) for part in parts if part["id"] == job.id]
        assert own == [(0, "a", False), (1, "b", False), (2, "", True)]


@shows("7.9", "auto-cancel notice")
async def test_a_newer_build_leaves_a_notice_with_the_highest_number() -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        job = await listening(scene, socket)
        job.write("text")
        job.auto_cancel("Superseded.")
        heard = await socket.heard()
    assert [frame["event"] for frame in heard] == ["job:log", "job:log", "job:canceled", "build:canceled"]
    assert json.loads(heard[1]["data"]) == {
        "id": job.id, "_log": "Superseded.", "number": 2147483647, "final": True,
    }  # fmt: skip


@shows("7.9", "published only to occupied channels", "the flag expires after 6 h")
async def test_a_log_that_is_open_for_six_hours_falls_silent_until_somebody_comes_anew() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene, greeted(scene.server) as socket:
        job = scene.build().start().jobs[0]
        channel = f"job-{job.id}"
        job.write("nobody listens yet")
        await socket.listens(channel)
        now += 6 * 3600
        job.write("just in time")
        # Another listener does not renew it: the channel was occupied all the time.
        async with greeted(scene.server) as other:
            await other.listens(channel)
            now += 1
            job.write("nobody hears it")
            assert (await logs(socket), await logs(other)) == ([(1, "just in time", False)], [])
        await socket.websocket.send_str(json.dumps({"event": "pusher:unsubscribe", "data": {"channel": channel}}))
        assert await socket.heard() == []
        assert not scene.server.pusher.occupied(channel)
        await socket.listens(channel)
        job.write("heard again", final=True)
        assert await logs(socket) == [(3, "heard again", True)]
        assert job.log.text == "nobody listens yetjust in timenobody hears itheard again"


@shows("7.9", "a job cancelled before it starts")
async def test_a_job_that_never_ran_has_neither_parts_nor_an_end_of_them() -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        (job,) = scene.build().jobs
        await socket.listens(f"job-{job.id}", "repo-82")
        job.enqueue().cancel()
        assert [event for _, event in await socket.events()] == ["job:queued", "job:canceled", "build:canceled"]


@pytest.mark.parametrize("whole", [True, False])
@shows("7.9", "restart")
async def test_a_restart_is_a_creation_and_counts_parts_anew(whole: bool) -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        job = await listening(scene, socket)
        job.write("first run")
        job.finish("failed")
        await socket.heard()
        (job.build if whole else job).restart()
        job.start()
        job.write("second run")
        heard = await socket.heard()
    assert [frame["event"] for frame in heard] == [
        "build:created", "job:created", "job:started", "build:started", "job:log",
    ]  # fmt: skip
    build, created = (json.loads(frame["data"]) for frame in heard[:2])
    assert [build["build"][name] for name in ("state", "duration", "started_at", "finished_at")] == [
        "created", None, None, None,
    ]  # fmt: skip
    assert [created[name] for name in ("state", "started_at", "finished_at")] == ["created", None, None]
    part = json.loads(heard[-1]["data"])
    assert (part["number"], part["_log"]) == (0, "second run")


@shows("7.9", "requeue")
async def test_a_requeue_is_told_of_the_job_alone_though_the_build_goes_back() -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        job = await listening(scene, socket)
        job.write("first run")
        await socket.heard()
        job.requeue()
        assert job.build.state == "created"
        job.start()
        assert [event for _, event in await socket.events()] == ["job:created", "job:started", "build:started"]
        job.write("second run")
        assert await logs(socket) == [(0, "second run", False)]


@shows("7.9", "updated_at")
async def test_later_is_told_by_updated_at() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene, greeted(scene.server) as socket:
        await socket.listens("repo-82")
        build = scene.build()
        build.jobs[0].receive()
        now += 0.001
        build.start()
        received, started, of_build = await socket.payloads()
    assert (received["updated_at"], started["updated_at"]) == ("2014-05-13T16:53:20.000Z", "2014-05-13T16:53:20.001Z")
    assert of_build["build"]["updated_at"] == started["updated_at"]


@shows("7.9", "event name is not the outcome: later stages", "event name is not the outcome: failed resets")
async def test_the_name_of_an_event_does_not_tell_the_outcome() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene, greeted(scene.server) as socket:
        await socket.listens("repo-82")
        build = scene.build(jobs=2)
        build.stage("Test", build.jobs[:1])
        build.stage("Ship", build.jobs[1:])
        build.jobs[0].start().finish("failed")
        told = [
            (frame["event"], data.get("number"), data["state"])
            for frame in await socket.heard()
            if "number" in (data := json.loads(frame["data"]))
        ]
        assert told == [
            ("job:started", "1.1", "started"), ("job:finished", "1.1", "failed"), ("job:finished", "1.2", "canceled"),
        ]  # fmt: skip
        other = scene.build().jobs[0]
        for _ in range(50):
            other.start().requeue()
        now += 7 * 3600
        await socket.heard()
        other.start().requeue()
        last = [(frame["event"], json.loads(frame["data"]).get("state")) for frame in await socket.heard()]
        assert last[-2] == ("job:finished", "errored")


@shows("7.9", "build:started and build:finished beside their jobs'")
async def test_a_build_starts_with_its_first_job_and_ends_with_its_last() -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        await socket.listens("repo-82")
        first, second = scene.build(jobs=2).jobs
        first.start()
        second.start()
        first.finish()
        second.finish()
        assert [event for _, event in await socket.events()] == [
            "job:started", "build:started", "job:started", "job:finished", "job:finished", "build:finished",
        ]  # fmt: skip


@shows("7.9", "two channels, same event")
async def test_what_comes_on_two_channels_is_known_by_name_id_and_time() -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        await socket.listens(f"private-user-{scene.sarah.id}", "repo-82")
        scene.build().start()
        frames = await socket.heard()
    assert len(frames) == 4
    assert len({frame["channel"] for frame in frames}) == 2
    assert len({(frame["event"], frame["data"]) for frame in frames}) == 2
