"""How jobs and builds pass from state to state, as REST and events tell it: section 8 of the facts."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aiotravis.testing import Build
from tests.conformance.live import Scene, greeted, rows, shows, travis
from tests.conftest import TOKEN
from tests.raw import ask


async def told(scene: Scene, path: str) -> Any:
    return (await ask(scene.server, path, token=TOKEN)).json


async def states(scene: Scene, build: Build) -> tuple[str, list[str]]:
    """Give the state of a build and of its jobs."""
    answer = await told(scene, f"/builds/{build.id}")
    return answer["build"]["state"], [job["state"] for job in answer["jobs"]]


# What happens to a build of one job, and the states of build and job.
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
async def test_a_step_leads_to_a_state(row: tuple[Callable[[Build], object], str, str]) -> None:
    step, of_build, of_job = row
    async with travis() as scene, greeted(scene.server) as socket:
        await socket.listens("repo-82")
        build = scene.build()
        step(build)
        assert await states(scene, build) == (of_build, [of_job])
        last = {"build": "created", "job": "created"}
        for data in await socket.payloads():
            last["build" if "build" in data else "job"] = data.get("build", data)["state"]
        assert last == {"build": of_build, "job": of_job}


@shows("8", "never built")
async def test_what_was_never_built_has_an_empty_state() -> None:
    async with travis() as scene:
        assert (await told(scene, "/repos/82"))["repo"]["last_build_state"] == ""


# How jobs end that count, how those end that are allowed to fail, and what the build is then.
RESULTS: dict[str, tuple[list[str], list[str], str]] = {
    "none": ([], ["failed"], "passed"),
    "all passed": (["passed", "passed"], ["errored"], "passed"),
    "any canceled": (["errored", "canceled", "failed"], [], "canceled"),
    "any errored": (["passed", "failed", "errored"], [], "errored"),
    "any failed": (["passed", "failed"], ["canceled"], "failed"),
}


@rows("8", {f"build result, {name}": row for name, row in RESULTS.items()})
async def test_the_result_follows_from_the_jobs_that_count(row: tuple[list[str], list[str], str]) -> None:
    required, allowed, result = row
    async with travis() as scene, greeted(scene.server) as socket:
        await socket.listens("repo-82")
        build = scene.build(jobs=len(required) + len(allowed))
        for job in build.jobs[len(required) :]:
            job.allow_failure = True
        for job, state in zip(build.jobs, required + allowed, strict=True):
            job.start().finish(state)
        assert (await states(scene, build))[0] == result
        last = (await socket.heard())[-1]
    assert (last["event"], json.loads(last["data"])["build"]["state"]) == (
        "build:canceled" if result == "canceled" else "build:finished", result,
    )  # fmt: skip


@pytest.mark.parametrize("state", ["failed", "errored", "canceled"])
@shows("8", "build result, with stages")
async def test_with_stages_the_first_that_did_not_pass_decides(state: str) -> None:
    async with travis() as scene:
        build = scene.build(jobs=3)
        for name, job in zip(("Lint", "Test", "Ship"), build.jobs, strict=True):
            build.stage(name, [job])
        build.jobs[0].start().finish()
        assert await states(scene, build) == ("started", ["passed", "created", "created"])
        build.jobs[1].start().finish(state)
        assert await states(scene, build) == (state, ["passed", state, "canceled"])


@pytest.mark.parametrize("fast", [True, False])
@shows("8", "fast_finish")
async def test_in_a_hurry_a_build_ends_while_jobs_that_may_fail_still_run(fast: bool) -> None:
    async with travis() as scene:
        build = scene.build(jobs=2)
        build.fast_finish, build.jobs[1].allow_failure = fast, True
        build.start().jobs[0].finish()
        assert await states(scene, build) == ("passed" if fast else "started", ["passed", "started"])


@shows("8", "build duration", "restart of a build", "restart: numbers, ids and commit are unchanged")
async def test_a_restart_sets_back_all_but_numbers_ids_and_commit() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene:
        build = scene.build(jobs=2).start().write("text\n")
        now += 10
        build.jobs[0].finish()
        now += 20
        build.jobs[1].finish("failed")
        before = await told(scene, f"/builds/{build.id}")
        assert (before["build"]["duration"], before["build"]["finished_at"]) == (40, "2014-05-13T16:53:50Z")
        assert (await told(scene, "/repos/82"))["repo"]["last_build_duration"] == 40
        answer = await ask(scene.server, f"/builds/{build.id}/restart", method="POST", token=TOKEN)
        assert answer.status == 202
        after = await told(scene, f"/builds/{build.id}")
        repo = (await told(scene, "/repos/82"))["repo"]
        logs = [(await told(scene, f"/jobs/{job.id}/log"))["log"]["body"] for job in build.jobs]
    times = {"state": "created", "started_at": None, "finished_at": None}
    assert after["build"] == before["build"] | times | {"duration": None}
    assert after["jobs"] == [job | times for job in before["jobs"]]
    assert after["commit"] == before["commit"]
    assert [repo[f"last_build_{name}"] for name in (*times, "duration")] == ["created", None, None, None]
    assert logs == [None, None]


@shows("8", "restart of a job")
async def test_restarting_one_job_sets_back_its_build_and_leaves_the_others() -> None:
    async with travis() as scene:
        build = scene.build(jobs=2).start().finish()
        await ask(scene.server, f"/jobs/{build.jobs[0].id}/restart", method="POST", token=TOKEN)
        assert await states(scene, build) == ("created", ["created", "passed"])


@pytest.mark.parametrize("kind", ["builds", "jobs"])
@shows("8", "restart only when terminal", "restart only with a valid config")
async def test_only_what_has_ended_and_could_be_read_is_restarted(kind: str) -> None:
    async with travis() as scene:
        running, unreadable = scene.build().start(), scene.build().start().finish("errored")
        unreadable.config[".result"] = "parse_error"
        for build in (running, unreadable):
            before = await states(scene, build)
            number = build.id if kind == "builds" else build.jobs[0].id
            answer = await ask(scene.server, f"/{kind}/{number}/restart", method="POST", token=TOKEN)
            assert (answer.status, answer.json["result"]) == (400, False)
            assert await states(scene, build) == before


@shows("8", "requeue", "requeue, 50 times and 6 h")
async def test_a_worker_gives_a_job_back_as_a_restart_does_until_it_has_done_so_for_too_long() -> None:
    now = 1_400_000_000.0
    async with travis(clock=lambda: now) as scene:
        build = scene.build().start().write("text\n")
        job = build.jobs[0].requeue()
        found = (await told(scene, f"/jobs/{job.id}"))["job"]
        assert [found[name] for name in ("state", "started_at", "finished_at")] == ["created", None, None]
        assert (await told(scene, f"/jobs/{job.id}/log"))["log"]["body"] is None
        for _ in range(49):
            job.start().requeue()
        assert await states(scene, build) == ("created", ["created"])
        now += 6 * 3600 + 1
        job.start().requeue()
        assert await states(scene, build) == ("errored", ["errored"])


@shows("8", "cancel")
async def test_a_build_is_canceled_when_its_last_job_is() -> None:
    async with travis(clock=lambda: 1_400_000_000.0) as scene:
        build = scene.build(jobs=2).start()
        for number, expected in ((0, "started"), (1, "canceled")):
            path = f"/jobs/{build.jobs[number].id}/cancel"
            assert (await ask(scene.server, path, method="POST", token=TOKEN)).status == 204
            assert (await states(scene, build))[0] == expected
        answer = await told(scene, f"/builds/{build.id}")
    assert (
        {job["finished_at"] for job in answer["jobs"]} == {answer["build"]["finished_at"]} == {"2014-05-13T16:53:20Z"}
    )
