"""One build or job: which states are taken, which are older, and which only a read can tell."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aiotravis import Build, Commit, Job, Stage, State
from aiotravis.flows.tracked import Tracked, TrackedBuild


def at(second: float) -> datetime:
    return datetime.fromtimestamp(1_700_000_000 + second, UTC)


def build(state: str, started: float | None = None, finished: float | None = None, told: float | None = None) -> Build:
    return Build(
        id=1, number="7", state=State(state), job_ids=(2, 3), commit=Commit(id=5, tag=None if told else "v1"),
        started_at=None if started is None else at(started), finished_at=None if finished is None else at(finished),
        updated_at=None if told is None else at(told),
    )  # fmt: skip


CREATED = build("created")
STARTED = build("started", 10)
PASSED = build("passed", 10, 20)

TAKEN, SAME_OR_OLDER, IN_DOUBT = True, False, None


@pytest.mark.parametrize(
    ("held", "event", "expected"),
    [
        (CREATED, build("started", 10, told=10.2), TAKEN),
        (CREATED, build("canceled", None, 12, told=12.0), TAKEN),
        (STARTED, build("passed", 10, 20, told=20.5), TAKEN),
        (STARTED, build("passed", 10, 20), TAKEN),
        (PASSED, build("passed", 10, 20, told=20.5), SAME_OR_OLDER),
        (PASSED, build("started", 10, told=10.2), SAME_OR_OLDER),
        # fact 10.1: a restart is known by its time; without one, or in the second of the end, only a read can tell.
        (PASSED, build("created", told=30.0), TAKEN),
        (PASSED, build("created", told=20.9), IN_DOUBT),
        (PASSED, build("created"), IN_DOUBT),
        (build("canceled", None, 12), build("canceled", 12, 12, told=12.5), IN_DOUBT),
        (PASSED, build("created", told=5.0), IN_DOUBT),
        (STARTED, build("started", 40, told=40.0), TAKEN),
        (STARTED, build("started", 9, told=9.0), IN_DOUBT),
        (CREATED, build("sleeping", told=10.5), IN_DOUBT),
        (build("sleeping"), build("started", 10, told=10.5), IN_DOUBT),
        (CREATED, build("passed", 10, 20, told=20.5), IN_DOUBT),
        # fact 10.1: dates can be absurd.
        (build("passed", 10, 9e9), build("created", told=30.0), IN_DOUBT),
        (build("passed", -6e10, 2.5e11), build("created", told=30.0), IN_DOUBT),
    ],
)
def test_an_event_after_a_read_is_taken_only_if_newer(held: Build, event: Build, expected: bool | None) -> None:
    tracked = Tracked(held, read_at=100.0)
    assert tracked.apply_event(event, 101.0) is expected
    taken = (event if expected else held).state
    assert (tracked.value.state, tracked.value.started_at) == (taken, (event if expected else held).started_at)


def test_an_event_after_an_event_is_taken_if_its_time_is_later() -> None:
    tracked = Tracked(build("started", 10, told=10.0), event_at=1.0)
    assert tracked.apply_event(build("created", told=9.0), 2.0) is False
    assert tracked.apply_event(build("created", told=10.5), 3.0) is True
    assert tracked.apply_event(build("started", 10, told=10.0), 4.0) is False
    assert tracked.apply_event(build("started", 11, told=11.0), 5.0) is True


def test_an_event_changes_only_what_a_run_changes() -> None:
    job = Job(id=2, number="7.1", tags="", stage_id=4, commit=Commit(id=5, tag="v1"), queue="builds.gce")
    tracked = Tracked(job, read_at=0.0)
    event = Job(
        id=2, state=State.STARTED, started_at=at(1), updated_at=at(1), repository_private=True, log_id=9,
        stage=Stage(id=4), commit=Commit(id=5), queue="builds.linux",
    )  # fmt: skip
    tracked.apply_event(event, 1.0)
    value = tracked.value
    assert (value.state, value.started_at, value.queue) == ("started", at(1), "builds.linux")
    assert (value.tags, value.stage_id, value.commit, value.number) == ("", 4, job.commit, "7.1")
    assert (value.updated_at, value.stage, value.repository_private, value.log_id) == (None, None, None, None)


def test_an_event_without_jobs_does_not_take_them_away() -> None:
    tracked = Tracked(STARTED, read_at=0.0)
    event: Any = Build(id=1, state=State.PASSED, started_at=at(10), finished_at=at(20), updated_at=at(20))
    assert tracked.apply_event(event, 1.0)
    assert tracked.value.job_ids == (2, 3)


def test_a_read_that_may_be_of_before_the_last_event_is_in_doubt() -> None:
    tracked = Tracked(CREATED, read_at=0.0)
    tracked.apply_event(build("started", 10, told=10.0), 5.0)
    reads = (CREATED, 4.9), (CREATED, 5.2), (build("started", 10), 4.9), (PASSED, 6.0)
    assert [tracked.apply_read(value, read_at) for value, read_at in reads] == [None, None, False, True]


def test_a_late_event_of_a_former_run_is_in_doubt() -> None:
    tracked = Tracked(build("canceled", None, 12), read_at=0.0)
    tracked.apply_read(CREATED, 1.0)
    # Another late one, which fits to what is known, proves nothing.
    assert tracked.apply_event(build("created", told=2.0), 1.5) is False
    assert tracked.apply_event(build("canceled", None, 12, told=12.2), 2.0) is None
    assert tracked.value.pending


def test_a_read_without_a_commit_keeps_the_one_that_is_known() -> None:
    tracked = Tracked(STARTED, read_at=0.0)
    read = Build(id=1, number="7", state=State.STARTED, started_at=at(10), job_ids=(2, 3))
    assert tracked.apply_read(read, 1.0) is False
    assert tracked.value.commit == STARTED.commit


def test_a_build_has_ended_with_all_its_jobs() -> None:
    tracked = TrackedBuild(Tracked(PASSED, read_at=0.0))
    before = tracked.finished
    tracked.jobs[3] = Tracked(Job(id=3, state=State.STARTED), 0.0)
    tracked.jobs[2] = Tracked(Job(id=2, state=State.PASSED), 0.0)
    assert (before, tracked.finished) == (True, False)
    assert [job.id for job in tracked.show().jobs] == [2, 3]
