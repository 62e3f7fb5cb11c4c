"""Jobs of the embedded Travis: states, events, logs."""

import pytest

from aiotravis.testing import Part, World


def test_job_is_canceled_alone_and_only_once(world: World, events: list[tuple[str, int]]) -> None:
    build = world.repository("a/b").build(jobs=2)
    events.clear()
    build.receive()
    build.receive()
    build.jobs[0].cancel()
    build.jobs[0].cancel()
    assert [event for event, _ in events] == ["job:received", "job:received", "job:canceled"]
    assert (build.jobs[0].state, build.state) == ("canceled", "created")


def test_dates_of_jobs_are_of_the_clock_of_their_worker() -> None:
    world = World(clock=lambda: 100.0)
    world.worker_clock_offset = 3.0
    ran, never_ran = world.repository("a/b").build(jobs=2).jobs
    ran.start().finish()
    never_ran.cancel()
    assert (ran.started_at, ran.finished_at, ran.updated_at) == (103.0, 103.0, 100.0)
    assert (never_ran.started_at, never_ran.finished_at) == (None, 100.0)
    assert (ran.build.started_at, ran.build.finished_at) == (103.0, 103.0)


def test_requeue_resets_job_and_build_and_publishes_the_job_only(world: World, events: list[tuple[str, int]]) -> None:
    build = world.repository("a/b").build().start().write("text")
    events.clear()
    job = build.jobs[0].requeue()
    assert (job.state, job.started_at, job.log.parts, build.state, build.started_at) == (
        "created",
        None,
        [],
        "created",
        None,
    )
    assert [event for event, _ in events] == ["job:created"]
    assert job.write("again").number == 0


@pytest.mark.parametrize(
    ("times", "hours", "state"), [(50, 7, "created"), (51, 7, "errored"), (51, 5, "created"), (99, 1, "created")]
)
def test_job_requeued_too_often_for_too_long_is_errored(times: int, hours: int, state: str) -> None:
    now = 0.0
    world = World(clock=lambda: now)
    published: list[str] = []
    build = world.repository("a/b").build().start()
    for _ in range(times - 1):
        build.jobs[0].requeue().start()
    now = hours * 3600.0
    world.notify = lambda event, about, part: published.append(event)
    build.jobs[0].requeue()
    assert (build.jobs[0].state, build.state) == (state, state)
    assert published == (["job:finished", "build:finished"] if state == "errored" else ["job:created"])


def test_auto_cancel_ends_the_log_with_a_notice_of_the_highest_number(
    world: World, events: list[tuple[str, int]]
) -> None:
    build = world.repository("a/b").build().start().write("text")
    events.clear()
    job = build.jobs[0].auto_cancel("Superseded.")
    assert job.log.parts[-1] == Part(2_147_483_647, "Superseded.", True)
    assert (job.state, build.state, job.log.text) == ("canceled", "canceled", "textSuperseded.")
    assert [event for event, _ in events] == ["job:log", "job:canceled", "build:canceled"]
    assert len(job.auto_cancel().log.parts) == 2


def test_duration_may_count_from_the_epoch() -> None:
    now = iter(range(0, 1000, 10))
    job = World(clock=lambda: float(next(now))).repository("a/b").build(quiet=True).jobs[0]
    job.started_at, job.finished_at = 0.0, 7.5
    assert job.duration == 7


def test_restarted_job_has_an_empty_log_that_is_not_archived(world: World) -> None:
    job = world.repository("a/b").build().jobs[0].start()
    job.write("one", final=True)
    job.finish().log.archived = True
    assert not job.restart().log.archived
    assert job.log.text == ""


@pytest.mark.parametrize(("state", "reads"), [("passed", 2), ("canceled", 2), ("received", 0)])
def test_end_of_a_started_job_begins_the_storing_of_its_log(world: World, state: str, reads: int) -> None:
    world.unavailable_log_reads = 2
    job = world.repository("a/b").build().jobs[0]
    job.start().finish(state)
    assert (job.log.unavailable_reads, job.log.is_unavailable) == (reads, reads > 0)
    job.restart()
    assert job.log.unavailable_reads == 0
    assert world.repository("a/b").build().jobs[0].finish(state).log.unavailable_reads == 0
