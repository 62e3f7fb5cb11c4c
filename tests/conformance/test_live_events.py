"""When which event is published: the first table of section 7.8 of the facts."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aiotravis.testing import Build
from tests.conformance.live import Scene, Socket, greeted, rows, shows, travis
from tests.conftest import TOKEN
from tests.raw import ask


async def listening(socket: Socket, scene: Scene, build: Build) -> None:
    await socket.listens(f"repo-{scene.public.id}", *(f"job-{job.id}" for job in build.jobs))


def created(scene: Scene) -> Build:
    return scene.public.build()


def untold(scene: Scene) -> Build:
    return scene.build()


def ended(scene: Scene) -> Build:
    return scene.build().start().finish()


def running(scene: Scene) -> Build:
    return scene.build().start()


def waiting(scene: Scene) -> Build:
    build = scene.build(jobs=2)
    build.jobs[0].start().finish()
    return build


# What there is, what happens to it, and what is told of it: names and states.
EMITTED: dict[str, tuple[Callable[[Scene], Build], Callable[[Build], object], list[tuple[str, str]]]] = {
    "build:created": (
        untold, lambda build: build.repository.build(), [("build:created", "created"), ("job:created", "created")],
    ),
    "build:created on restart": (
        ended, lambda build: build.restart(), [("build:created", "created"), ("job:created", "created")],
    ),
    "build:restarted is never on the wire": (
        ended, lambda build: build.jobs[0].restart(), [("build:created", "created"), ("job:created", "created")],
    ),
    "build:received is nobody's": (
        untold, lambda build: build.jobs[0].receive(), [("job:received", "received")],
    ),
    "build:started": (
        untold, lambda build: build.start(), [("job:started", "started"), ("build:started", "started")],
    ),
    "build:finished": (
        running, lambda build: build.finish("failed"), [("job:finished", "failed"), ("build:finished", "failed")],
    ),
    "build:canceled": (
        running, lambda build: build.cancel(), [("job:canceled", "canceled"), ("build:canceled", "canceled")],
    ),
    "job:created on requeue": (running, lambda build: build.jobs[0].requeue(), [("job:created", "created")]),
    "job:queued": (untold, lambda build: build.jobs[0].enqueue(), [("job:queued", "queued")]),
    "job:received": (untold, lambda build: build.jobs[0].receive(), [("job:received", "received")]),
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
async def test_what_happens_is_told_by_its_event(row: Any) -> None:
    make, happens, expected = row
    async with travis() as scene, greeted(scene.server) as socket:
        build = make(scene)
        await listening(socket, scene, build)
        happens(build)
        heard = [(frame["event"], json.loads(frame["data"])) for frame in await socket.heard()]
    assert [(event, data.get("build", data)["state"]) for event, data in heard] == expected


@pytest.mark.parametrize("kind", ["build", "job"])
@pytest.mark.parametrize("what", ["restart", "cancel"])
@shows("7.8", "restart and cancel over REST")
async def test_what_is_asked_for_over_rest_is_told(kind: str, what: str) -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        build = ended(scene) if what == "restart" else running(scene)
        await listening(socket, scene, build)
        number = build.id if kind == "build" else build.jobs[0].id
        answer = await ask(scene.server, f"/{kind}s/{number}/{what}", method="POST", token=TOKEN)
        assert answer.status in {202, 204}
        events = [event for _, event in await socket.events()]
    assert (
        events
        == {
            "restart": ["build:created", "job:created"],
            "cancel": ["job:canceled", "build:canceled"],
        }[what]
    )


@shows("7.8", "job:log")
async def test_a_log_part_goes_to_its_job_alone() -> None:
    async with travis() as scene, greeted(scene.server) as socket:
        build = scene.build(jobs=2).start()
        await listening(socket, scene, build)
        build.jobs[0].write("text")
        assert await socket.events() == [(f"job-{build.jobs[0].id}", "job:log")]


# Event, the channel that it is on, and a payload: what other services, and servers of long ago, publish.
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
async def test_what_others_publish_is_carried_as_it_is(row: tuple[str, str]) -> None:
    channel, payload = row
    async with travis() as scene, greeted(scene.server) as socket:
        await socket.listens(channel)
        scene.server.pusher.publish([channel], "any:name", payload)
        text = await socket.text()
    assert text == f'{{"event":"any:name","channel":"{channel}","data":{json.dumps(payload)}}}'
