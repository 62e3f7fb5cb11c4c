"""Results of stages and builds."""

import itertools

import pytest

from aiotravis.testing import Build, Job, Part, World
from aiotravis.testing.world.stages import TERMINAL, result_of


def build_of(jobs: int) -> Build:
    return World(clock=itertools.count(1000).__next__).repository("a/b").build(jobs=jobs)


@pytest.mark.parametrize(
    ("states", "allowed", "result"),
    [
        ([], [], "passed"),
        (["passed", "passed"], [], "passed"),
        (["passed", "failed"], [], "failed"),
        (["failed", "errored"], [], "errored"),
        (["errored", "canceled", "failed"], [], "canceled"),
        (["passed"], ["failed", "errored", "canceled"], "passed"),
        ([], ["failed"], "passed"),
    ],
)
def test_result_is_the_worst_state_of_the_required_jobs(states: list[str], allowed: list[str], result: str) -> None:
    count = len(states) + len(allowed)
    jobs = build_of(max(1, count)).jobs[:count]
    for job, state in zip(jobs, states + allowed, strict=True):
        job.state = state
    for job in jobs[len(states) :]:
        job.allow_failure = True
    assert result_of(jobs) == result


def test_stage_starts_with_its_first_job_and_finishes_with_its_last() -> None:
    build = build_of(3)
    stage = build.stage("Test", build.jobs[:2])
    first, second, _ = build.jobs
    assert (stage.number, stage.name, stage.state) == (1, "Test", "created")
    assert (stage.started_at, stage.finished_at, stage.ended) == (None, None, False)
    second.start()
    first.start()
    first.finish("failed")
    assert (stage.state, stage.started_at, stage.finished_at) == ("started", second.started_at, None)
    second.finish()
    assert (stage.state, stage.finished_at, stage.ended) == ("failed", second.finished_at, True)
    assert build.state == "started"


@pytest.mark.parametrize("state", sorted(TERMINAL - {"passed"}))
def test_stage_that_does_not_pass_cancels_later_stages(state: str) -> None:
    build = build_of(5)
    for name, jobs in (("Lint", build.jobs[:1]), ("Test", build.jobs[1:3]), ("Ship", build.jobs[3:])):
        build.stage(name, jobs)
    published: list[tuple[str, str, str]] = []

    def notify(event: str, about: Build | Job, part: Part | None) -> None:
        published.append((event, str(about.number), about.state))

    build.jobs[0].start().finish()
    build.jobs[1].start().finish(state)
    assert build.state == "started"
    build.world.notify = notify
    build.jobs[2].start().finish()
    assert published[1:] == [
        ("job:finished", "1.3", "passed"),
        ("job:finished", "1.4", "canceled"),
        ("job:finished", "1.5", "canceled"),
        ("build:canceled" if state == "canceled" else "build:finished", "1", state),
    ]
    assert [stage.state for stage in build.stages] == ["passed", state, "canceled"]


def test_build_passes_once_all_its_stages_have() -> None:
    build = build_of(2)
    stages = [build.stage("Test", build.jobs[:1]), build.stage("Ship", build.jobs[1:])]
    for job in build.jobs:
        assert build.state in {"created", "started"}
        job.start().finish()
    assert ([stage.number for stage in stages], build.state) == ([1, 2], "passed")
