"""Which events are published when: the first table of section 7.8 of the facts."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aiotravis.testing import Build
from tests.conformance.live import Scene, Socket, connect, covers, rows, travis
from tests.conftest import TOKEN
from tests.raw import ask


async def subscribe_to_build(socket: Socket, scene: Scene, build: Build) -> None:
    await socket.subscribe_all(f"repo-{scene.public.id}", *(f"job-{job.id}" for job in build.jobs))


def created(scene: Scene) -> Build:
    return scene.public.build()


def quiet_build(scene: Scene) -> Build:
    return scene.build()


def ended(scene: Scene) -> Build:
    return scene.build().start().finish()


def running(scene: Scene) -> Build:
    return scene.build().start()


def waiting(scene: Scene) -> Build:
    build = scene.build(jobs=2)
    build.jobs[0].start().finish()
    return build


# A build, a change of it, and the events: names and states.
EMITTED: dict[str, tuple[Callable[[Scene], Build], Callable[[Build], object], list[tuple[str, str]]]] = {
    "build:created": (
        quiet_build, lambda build: build.repository.build(), [("build:created", "created"), ("job:created", "created")],
    ),
    "build:created on restart": (
        ended, lambda build: build.restart(), [("build:created", "created"), ("job:created", "created")],
    ),
    "build:restarted is never on the wire": (
        ended, lambda build: build.jobs[0].restart(), [("build:created", "created"), ("job:created", "created")],
    ),
    "build:received is nobody's": (
        quiet_build, lambda build: build.jobs[0].receive(), [("job:received", "received")],
    ),
    "build:started": (
        quiet_build, lambda build: build.start(), [("job:started", "started"), ("build:started", "started")],
    ),
    "build:finished": (
        running, lambda build: build.finish("failed"), [("job:finished", "failed"), ("build:finished", "failed")],
    ),
    "build:canceled": (
        running, lambda build: build.cancel(), [("job:canceled", "canceled"), ("build:canceled", "canceled")],
    ),
    "job:created on requeue": (running, lambda build: build.jobs[0].requeue(), [("job:created", "created")]),
    "job:queued": (quiet_build, lambda build: build.jobs[0].enqueue(), [("job:queued", "queued")]),
    "job:received": (quiet_build, lambda build: build.jobs[0].receive(), [("job:received", "received")]),
    "job:started": (waiting, lambda build: build.jobs[1].start(), [("job:started", "started")]),
    "job:finished": (waiting, lambda build: build.jobs[1].start().conclude("errored", "job:finished"), [
        ("job:started", "started"), ("job:finished", "errored"),
    ]),
    "job:canceled": (lambda scene: scene.build(jobs=2), lambda build: build.jobs[0].cancel(), [
        ("job:canceled", "canceled"),
    ]),
    "job:restarted and job:requeued are never on the wire": (
        lambda scene: scene.build(jobs=2).finish(), lambda build: build.jobs[1].restart(), [
            ("build:created", "created"), ("job:created", "created"),
        ],
    ),
}  # fmt: skip


@rows("7.8", EMITTED)
async def test_each_change_publishes_its_event(row: Any) -> None:
    make, happens, expected = row
    async with travis() as scene, connect(scene.server) as socket:
        build = make(scene)
        await subscribe_to_build(socket, scene, build)
        happens(build)
        received = [(frame["event"], json.loads(frame["data"])) for frame in await socket.received()]
    assert [(event, data.get("build", data)["state"]) for event, data in received] == expected


@pytest.mark.parametrize("kind", ["build", "job"])
@pytest.mark.parametrize("what", ["restart", "cancel"])
@covers("7.8", "restart and cancel over REST")
async def test_restart_and_cancel_over_rest_publish_events(kind: str, what: str) -> None:
    async with travis() as scene, connect(scene.server) as socket:
        build = ended(scene) if what == "restart" else running(scene)
        await subscribe_to_build(socket, scene, build)
        number = build.id if kind == "build" else build.jobs[0].id
        answer = await ask(scene.server, f"/{kind}s/{number}/{what}", method="POST", token=TOKEN)
        assert answer.status in {202, 204}
        if what == "restart":
            assert await socket.events() == []
            for _ in range(2):
                await ask(scene.server, f"/builds/{build.id}", token=TOKEN)
        events = [event for _, event in await socket.events()]
    assert (
        events
        == {
            "restart": ["build:created", "job:created"],
            "cancel": ["job:canceled", "build:canceled"],
        }[what]
    )


@covers("7.8", "job:log")
async def test_a_log_part_is_published_on_the_channel_of_its_job_only() -> None:
    async with travis() as scene, connect(scene.server) as socket:
        build = scene.build(jobs=2).start()
        await subscribe_to_build(socket, scene, build)
        build.jobs[0].write("text")
        assert await socket.events() == [(f"job-{build.jobs[0].id}", "job:log")]


# Event and channel of what other services and old servers publish.
OTHERS = {
    "build:received": ("repo-82", '{"build":{"id":500,"state":"received"}}'),
    "annotation:created": ("repo-82", '{"annotation":{"id":1}}'),
    "annotation:updated": ("repo-82", '{"id":1}'),
    "worker:added": ("workers", '{"id":1,"host":"h","name":"n","state":"ready","payload":{}}'),
    "worker:updated": ("workers", '{"id":1,"host":"h","name":"n","state":"working","payload":{}}'),
    "worker:removed": ("workers", '{"id":1,"host":"h","name":"n","state":"stopped","payload":{}}'),
    "repository:migration": ("private-user-201", '{"repositoryId":82,"status":"migrated"}'),
    "branch:created": ("repo-82", '{"repository_id":82,"branch":"master"}'),
    "user:logout": ("private-user-201", "{}"),
    "unknown events": ("repo-82", '"no object"'),
}


@rows("7.8", {f"{name} can be published": value for name, value in OTHERS.items()})
async def test_events_of_other_services_are_published_unchanged(row: tuple[str, str]) -> None:
    channel, payload = row
    async with travis() as scene, connect(scene.server) as socket:
        await socket.subscribe_all(channel)
        scene.server.pusher.publish([channel], "any:name", payload)
        text = await socket.text()
    assert text == f'{{"event":"any:name","channel":"{channel}","data":{json.dumps(payload)}}}'
