"""Repositories, builds and jobs of the embedded Travis: what follows from what."""

import pytest

from aiotravis.testing import Build, Job, Part, World
from aiotravis.testing.world.payloads import build_json, repository_json


@pytest.fixture
def world() -> World:
    clock = iter(range(1_700_000_000, 1_800_000_000, 10))
    return World(clock=lambda: float(next(clock)))


@pytest.fixture
def seen(world: World) -> list[tuple[str, int]]:
    events: list[tuple[str, int]] = []

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        events.append((event, about.id))

    world.notify = notify
    return events


def test_a_build_goes_its_way_with_its_jobs(world: World, seen: list[tuple[str, int]]) -> None:
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
    assert seen == [
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
def test_the_outcome_follows_from_the_jobs_that_count(world: World, states: list[str], outcome: str) -> None:
    build = world.repository("a/b").build(jobs=3)
    build.jobs[2].allow_failure = True
    build.jobs[2].finish("failed")
    for job, state in zip(build.jobs, states, strict=False):
        job.finish(state)
    assert build.state == outcome


def test_cancel_and_restart_move_everything(world: World, seen: list[tuple[str, int]]) -> None:
    build = world.repository("a/b").build(jobs=2)
    build.start()
    build.start()
    build.jobs[0].write("text")
    build.cancel()
    assert {job.state for job in build.jobs} == {build.state} == {"canceled"}
    seen.clear()
    build.restart()
    assert {job.state for job in build.jobs} == {build.state} == {"created"}
    assert build.jobs[0].log.text == ""
    assert (build.started_at, build.finished_at, build.duration) == (None, None, None)
    assert [event for event, _ in seen] == ["build:created", "job:created", "job:created"]


def test_a_job_is_canceled_by_itself_and_only_once(world: World, seen: list[tuple[str, int]]) -> None:
    build = world.repository("a/b").build(jobs=2)
    seen.clear()
    build.receive()
    build.receive()
    build.jobs[0].cancel()
    build.jobs[0].cancel()
    assert [event for event, _ in seen] == ["job:received", "job:received", "job:canceled"]
    assert (build.jobs[0].state, build.state) == ("canceled", "created")


def test_a_finished_build_ends_every_job(world: World) -> None:
    build = world.repository("a/b").build(jobs=2)
    build.jobs[0].finish("failed")
    build.finish()
    assert [job.state for job in build.jobs] == ["failed", "passed"]


def test_history_is_finished_and_silent(world: World, seen: list[tuple[str, int]]) -> None:
    builds = world.repository("a/b").history(5, jobs=2)
    assert [build.state for build in builds] == ["passed"] * 4 + ["failed"]
    assert builds[0].jobs[0].log.text == "$ rake\npassed\n"
    assert seen == []


def test_a_pull_request_has_a_number_and_a_title(world: World) -> None:
    build = world.repository("a/b").build(event_type="pull_request", message="Fix it")
    assert (build.pull_request_number, build.pull_request_title) == (1, "Fix it")


def test_a_build_is_told_in_a_line(world: World) -> None:
    build = world.repository("a/b").build(jobs=3).start().write("$ rake\n").write("", final=True).finish("failed")
    assert (build.state, [job.state for job in build.jobs]) == ("failed", ["failed"] * 3)
    assert [job.log.text for job in build.jobs] == ["$ rake\n"] * 3
    assert build.write("too late").jobs[0].log.text == "$ rake\n"
    job = build.restart().jobs[0].enqueue().receive().start().finish().restart().cancel()
    assert (job.state, build.receive().cancel().state) == ("canceled", "canceled")


def test_a_restarted_build_mixes_with_the_last_until_it_begins(world: World) -> None:
    repository = world.repository("a/b")
    first, second = repository.build(), repository.build()
    first.start().finish()
    second.start().finish("failed")

    def shown() -> tuple[object, object]:
        fields = repository_json(repository)
        return fields["last_build_number"], fields["last_build_state"]

    assert shown() == ("2", "failed")
    first.restart()
    assert shown() == ("2", "created")
    first.start()
    assert shown() == ("1", "started")
    third = repository.build()
    assert shown() == ("3", "created")
    repository.forget(third)
    assert shown() == ("2", "failed")


def test_a_job_that_its_worker_gives_back_begins_anew_and_nothing_is_told_of_the_build(
    world: World, seen: list[tuple[str, int]]
) -> None:
    build = world.repository("a/b").build().start().write("text")
    seen.clear()
    job = build.jobs[0].requeue()
    assert (job.state, job.started_at, job.log.parts, build.state, build.started_at) == (
        "created",
        None,
        [],
        "created",
        None,
    )
    assert [event for event, _ in seen] == ["job:created"]
    assert job.write("anew").number == 0


@pytest.mark.parametrize(
    ("times", "hours", "state"), [(50, 7, "created"), (51, 7, "errored"), (51, 5, "created"), (99, 1, "created")]
)
def test_a_job_that_is_given_back_too_often_for_too_long_is_errored(times: int, hours: int, state: str) -> None:
    now = 0.0
    world = World(clock=lambda: now)
    told: list[str] = []
    build = world.repository("a/b").build().start()
    for _ in range(times - 1):
        build.jobs[0].requeue().start()
    now = hours * 3600.0
    world.notify = lambda event, about, part: told.append(event)
    build.jobs[0].requeue()
    assert (build.jobs[0].state, build.state) == (state, state)
    assert told == (["job:finished", "build:finished"] if state == "errored" else ["job:created"])


def test_a_newer_build_cancels_with_a_notice_at_the_very_end_of_the_log(
    world: World, seen: list[tuple[str, int]]
) -> None:
    build = world.repository("a/b").build().start().write("text")
    seen.clear()
    job = build.jobs[0].auto_cancel("Superseded.")
    assert job.log.parts[-1] == Part(2_147_483_647, "Superseded.", True)
    assert (job.state, build.state, job.log.text) == ("canceled", "canceled", "textSuperseded.")
    assert [event for event, _ in seen] == ["job:log", "job:canceled", "build:canceled"]
    assert len(job.auto_cancel().log.parts) == 2


def test_a_build_in_a_hurry_ends_with_its_required_jobs(world: World, seen: list[tuple[str, int]]) -> None:
    for hurry in (False, True):
        build = world.repository("a/b").build(jobs=2)
        build.fast_finish, build.jobs[1].allow_failure = hurry, True
        build.start()
        build.jobs[0].finish()
        assert build.state == ("passed" if hurry else "started")
        seen.clear()
        build.jobs[1].finish("failed")
        assert build.state == "passed"
        assert [event for event, _ in seen] == ["job:finished"] + ["build:finished"] * (not hurry)


def test_a_number_is_given_once_even_if_its_build_is_forgotten(world: World) -> None:
    repository = world.repository("a/b")
    first, second = repository.build(), repository.build()
    repository.forget(first)
    assert [build.number for build in (second, repository.build(), repository.build())] == [2, 3, 4]


def test_a_build_has_a_job(world: World) -> None:
    with pytest.raises(ValueError, match="at least one job, not 0"):
        world.repository("a/b").build(jobs=0)
    assert world.builds == {}
    assert world.repository("a/b").build().number == 1


def test_a_duration_counts_from_any_time_even_the_epoch() -> None:
    now = iter(range(0, 1000, 10))
    job = World(clock=lambda: float(next(now))).repository("a/b").build(quiet=True).jobs[0]
    job.started_at, job.finished_at = 0.0, 7.5
    assert job.duration == 7


def test_a_log_begun_anew_is_in_no_archive(world: World) -> None:
    job = world.repository("a/b").build().jobs[0].start()
    job.write("one", final=True)
    job.finish().log.archived = True
    assert not job.restart().log.archived
    assert job.log.text == ""


def test_the_last_change_of_what_has_been_is_its_end(world: World) -> None:
    for build in world.repository("a/b").history(3, jobs=2):
        assert {job.updated_at for job in build.jobs} == {build.updated_at} == {build.finished_at}
