"""Builds of the embedded Travis: how their state follows from their jobs."""

import pytest

from aiotravis.testing import World
from aiotravis.testing.world.payloads import build_json


def test_build_state_and_events_follow_from_its_jobs(world: World, events: list[tuple[str, int]]) -> None:
    build = world.repository("a/b").build(jobs=2)
    first, second = build.jobs
    first.enqueue()
    first.receive()
    first.start()
    assert (build.state, build.started_at) == ("started", first.started_at)
    first.write("a")
    first.finish()
    assert build_json(build)["duration"] is None
    second.start()
    second.finish("failed")
    assert (build.state, build_json(build)["duration"]) == ("failed", first.duration + second.duration)
    assert events == [
        ("build:created", build.id), ("job:created", first.id), ("job:created", second.id), ("job:queued", first.id),
        ("job:received", first.id), ("job:started", first.id), ("build:started", build.id), ("job:log", first.id),
        ("job:finished", first.id), ("job:started", second.id), ("job:finished", second.id),
        ("build:finished", build.id),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        (["passed", "passed"], "passed"), (["passed", "failed"], "failed"), (["errored", "failed"], "errored"),
        (["canceled", "errored"], "canceled"),
    ],
)  # fmt: skip
def test_build_result_ignores_jobs_that_are_allowed_to_fail(world: World, states: list[str], outcome: str) -> None:
    build = world.repository("a/b").build(jobs=3)
    build.jobs[2].allow_failure = True
    build.jobs[2].finish("failed")
    for job, state in zip(build.jobs, states, strict=False):
        job.finish(state)
    assert build.state == outcome


def test_builds_can_share_a_number_and_are_kept_in_the_order_of_numbers(world: World) -> None:
    repository = world.repository("a/b")
    first, second, fifth = repository.build(), repository.build(), repository.build(number=5)
    again = repository.build(number=1, event_type="pull_request")
    assert repository.builds == [first, again, second, fifth]
    assert repository.last_build is fifth
    assert (again.number, again.jobs[0].number, repository.build().number) == (1, "1.1", 6)
    with pytest.raises(ValueError, match="numbers of builds begin at 1, not 0"):
        repository.build(number=0)


def test_cancel_and_restart_apply_to_every_job(world: World, events: list[tuple[str, int]]) -> None:
    build = world.repository("a/b").build(jobs=2)
    build.start()
    build.start()
    build.jobs[0].write("text")
    build.cancel()
    assert {job.state for job in build.jobs} == {build.state} == {"canceled"}
    events.clear()
    build.restart()
    assert {job.state for job in build.jobs} == {build.state} == {"created"}
    assert build.jobs[0].log.text == ""
    assert (build.started_at, build.finished_at, build.duration) == (None, None, None)
    assert [event for event, _ in events] == ["build:created", "job:created", "job:created"]


def test_finishing_a_build_keeps_jobs_that_have_finished(world: World) -> None:
    build = world.repository("a/b").build(jobs=2)
    build.jobs[0].finish("failed")
    build.finish()
    assert [job.state for job in build.jobs] == ["failed", "passed"]


def test_methods_of_builds_and_jobs_can_be_chained(world: World) -> None:
    build = world.repository("a/b").build(jobs=3).start().write("$ rake\n").write("", final=True).finish("failed")
    assert (build.state, [job.state for job in build.jobs]) == ("failed", ["failed"] * 3)
    assert [job.log.text for job in build.jobs] == ["$ rake\n"] * 3
    assert build.write("ignored").jobs[0].log.text == "$ rake\n"
    job = build.restart().jobs[0].enqueue().receive().start().finish().restart().cancel()
    assert (job.state, build.receive().cancel().state) == ("canceled", "canceled")


def test_fast_finish_waits_for_required_jobs_only(world: World, events: list[tuple[str, int]]) -> None:
    for fast_finish in (False, True):
        build = world.repository("a/b").build(jobs=2)
        build.fast_finish, build.jobs[1].allow_failure = fast_finish, True
        build.start()
        build.jobs[0].finish()
        assert build.state == ("passed" if fast_finish else "started")
        events.clear()
        build.jobs[1].finish("failed")
        assert build.state == "passed"
        assert [event for event, _ in events] == ["job:finished"] + ["build:finished"] * (not fast_finish)


def test_builds_may_share_a_number(world: World) -> None:
    repository = world.repository("a/b")
    numbers = [repository.build(number=number).number for number in (None, 5, 5, None)]
    assert numbers == [1, 5, 5, 6]
    assert [build.jobs[0].number for build in repository.builds] == ["1.1", "5.1", "5.1", "6.1"]
    for number in (0, -1):
        with pytest.raises(ValueError, match=f"numbers of builds begin at 1, not {number}"):
            repository.build(number=number)
    assert repository.build(number=5).number == 5
    assert repository.build().number == 7


def test_requeue_replaces_a_queued_restart(world: World, events: list[tuple[str, int]]) -> None:
    build = world.repository("a/b").build().start().finish()
    build.queue_restart(build)
    build.queue_restart(build.jobs[0])
    build.jobs[0].requeue().start().finish()
    events.clear()
    build.run_queued_restarts()
    assert (build.state, events) == ("passed", [])
