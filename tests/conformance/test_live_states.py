"""States of jobs and builds, over REST and in events: section 8 of the facts."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aiotravis.testing import Build
from tests.conformance.live import Scene, connect, covers, rows, travis
from tests.conftest import TOKEN
from tests.raw import ask


async def read(scene: Scene, path: str) -> Any:
    return (await ask(scene.server, path, token=TOKEN)).json


async def states(scene: Scene, build: Build) -> tuple[str, list[str]]:
    """Return the state of a build and the states of its jobs."""
    answer = await read(scene, f"/builds/{build.id}")
    return answer["build"]["state"], [job["state"] for job in answer["jobs"]]


# A change of a build with one job, and the states of build and job.
STEPS: dict[str, tuple[Callable[[Build], object], str, str]] = {
    "created": (lambda build: build, "created", "created"),
    "queued": (lambda build: build.jobs[0].enqueue(), "created", "queued"),
    "received": (lambda build: build.jobs[0].enqueue().receive(), "created", "received"),
    "started": (lambda build: build.start(), "started", "started"),
    "passed": (lambda build: build.start().finish("passed"), "passed", "passed"),
    "failed": (lambda build: build.start().finish("failed"), "failed", "failed"),
    "errored": (lambda build: build.start().finish("errored"), "errored", "errored"),
    "canceled": (lambda build: build.start().cancel(), "canceled", "canceled"),
    "canceled before it starts": (lambda build: build.jobs[0].enqueue().cancel(), "canceled", "canceled"),
}


@rows("8", STEPS)
async def test_each_action_leads_to_its_state(row: tuple[Callable[[Build], object], str, str]) -> None:
    step, of_build, of_job = row
    async with travis() as scene, connect(scene.server) as socket:
        await socket.subscribe_all("repo-82")
        build = scene.build()
        step(build)
        assert await states(scene, build) == (of_build, [of_job])
        last = {"build": "created", "job": "created"}
        for data in await socket.payloads():
            last["build" if "build" in data else "job"] = data.get("build", data)["state"]
        assert last == {"build": of_build, "job": of_job}


@covers("8", "never built")
async def test_the_state_of_a_repository_without_builds_is_empty() -> None:
    async with travis() as scene:
        assert (await read(scene, "/repos/82"))["repo"]["last_build_state"] == ""


# States of jobs that may not fail, states of those that may, state of the build.
RESULTS: dict[str, tuple[list[str], list[str], str]] = {
    "none": ([], ["failed"], "passed"),
    "all passed": (["passed", "passed"], ["errored"], "passed"),
    "any canceled": (["errored", "canceled", "failed"], [], "canceled"),
    "any errored": (["passed", "failed", "errored"], [], "errored"),
    "any failed": (["passed", "failed"], ["canceled"], "failed"),
}


@rows("8", {f"build result, {name}": row for name, row in RESULTS.items()})
async def test_the_result_of_a_build_follows_from_jobs_that_may_not_fail(row: tuple[list[str], list[str], str]) -> None:
    required, allowed, result = row
    async with travis() as scene, connect(scene.server) as socket:
        await socket.subscribe_all("repo-82")
        build = scene.build(jobs=len(required) + len(allowed))
        for job in build.jobs[len(required) :]:
            job.allow_failure = True
        for job, state in zip(build.jobs, required + allowed, strict=True):
            job.start().finish(state)
        assert (await states(scene, build))[0] == result
        last = (await socket.received())[-1]
    assert (last["event"], json.loads(last["data"])["build"]["state"]) == (
        "build:canceled" if result == "canceled" else "build:finished", result,
    )  # fmt: skip


@pytest.mark.parametrize("state", ["failed", "errored", "canceled"])
@covers("8", "build result, with stages")
async def test_the_first_stage_that_did_not_pass_decides(state: str) -> None:
    async with travis() as scene:
        build = scene.build(jobs=3)
        for name, job in zip(("Lint", "Test", "Ship"), build.jobs, strict=True):
            build.stage(name, [job])
        build.jobs[0].start().finish()
        assert await states(scene, build) == ("started", ["passed", "created", "created"])
        build.jobs[1].start().finish(state)
        assert await states(scene, build) == (state, ["passed", state, "canceled"])


@pytest.mark.parametrize("fast", [True, False])
@covers("8", "fast_finish")
async def test_fast_finish_ends_a_build_before_jobs_that_may_fail(fast: bool) -> None:
    async with travis() as scene:
        build = scene.build(jobs=2)
        build.fast_finish, build.jobs[1].allow_failure = fast, True
        build.start().jobs[0].finish()
        assert await states(scene, build) == ("passed" if fast else "started", ["passed", "started"])


@covers("8", "build duration", "restart of a build", "restart: numbers, ids and commit are unchanged")
async def test_a_restart_resets_everything_but_numbers_ids_and_commit() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene:
        build = scene.build(jobs=2).start().write("text\n")
        now += 10
        build.jobs[0].finish()
        now += 20
        build.jobs[1].finish("failed")
        before = await read(scene, f"/builds/{build.id}")
        assert (before["build"]["duration"], before["build"]["finished_at"]) == (40, "2014-05-13T16:53:50Z")
        assert (await read(scene, "/repos/82"))["repo"]["last_build_duration"] == 40
        answer = await ask(scene.server, f"/builds/{build.id}/restart", method="POST", token=TOKEN)
        assert answer.status == 202
        assert await read(scene, f"/builds/{build.id}") == before
        after = await read(scene, f"/builds/{build.id}")
        repo = (await read(scene, "/repos/82"))["repo"]
        logs = [(await read(scene, f"/jobs/{job.id}/log"))["log"]["body"] for job in build.jobs]
    times = {"state": "created", "started_at": None, "finished_at": None}
    assert after["build"] == before["build"] | times | {"duration": None}
    assert after["jobs"] == [job | times for job in before["jobs"]]
    assert after["commit"] == before["commit"]
    assert [repo[f"last_build_{name}"] for name in (*times, "duration")] == ["created", None, None, None]
    assert logs == [None, None]


@covers("8", "restart of a job")
async def test_restarting_a_job_resets_its_build_and_no_other_job() -> None:
    async with travis() as scene:
        build = scene.build(jobs=2).start().finish()
        await ask(scene.server, f"/jobs/{build.jobs[0].id}/restart", method="POST", token=TOKEN)
        assert await states(scene, build) == ("passed", ["passed", "passed"])
        assert await states(scene, build) == ("created", ["created", "passed"])


@pytest.mark.parametrize("kind", ["builds", "jobs"])
@covers("8", "restart only when terminal", "restart only with a valid config")
async def test_a_restart_needs_a_terminal_state_and_a_valid_config(kind: str) -> None:
    async with travis() as scene:
        running, unreadable = scene.build().start(), scene.build().start().finish("errored")
        unreadable.config[".result"] = "parse_error"
        for build in (running, unreadable):
            before = await states(scene, build)
            number = build.id if kind == "builds" else build.jobs[0].id
            answer = await ask(scene.server, f"/{kind}/{number}/restart", method="POST", token=TOKEN)
            assert (answer.status, answer.json["result"]) == (400, False)
            assert await states(scene, build) == before


@covers("8", "requeue", "requeue, 50 times and 6 h")
async def test_a_requeue_resets_a_job_up_to_50_times_within_6_hours() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene:
        build = scene.build().start().write("text\n")
        job = build.jobs[0].requeue()
        found = (await read(scene, f"/jobs/{job.id}"))["job"]
        assert [found[name] for name in ("state", "started_at", "finished_at")] == ["created", None, None]
        assert (await read(scene, f"/jobs/{job.id}/log"))["log"]["body"] is None
        for _ in range(49):
            job.start().requeue()
        assert await states(scene, build) == ("created", ["created"])
        now += 6 * 3600 + 1
        job.start().requeue()
        assert await states(scene, build) == ("errored", ["errored"])


@covers("8", "cancel")
async def test_a_build_is_canceled_with_its_last_job() -> None:
    async with travis(clock=lambda: 1_400_000_000.0) as scene:
        build = scene.build(jobs=2).start()
        for number, expected in ((0, "started"), (1, "canceled")):
            path = f"/jobs/{build.jobs[number].id}/cancel"
            assert (await ask(scene.server, path, method="POST", token=TOKEN)).status == 204
            assert (await states(scene, build))[0] == expected
        answer = await read(scene, f"/builds/{build.id}")
    assert (
        {job["finished_at"] for job in answer["jobs"]} == {answer["build"]["finished_at"]} == {"2014-05-13T16:53:20Z"}
    )
