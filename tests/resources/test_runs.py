"""Runs of builds and jobs: what tells a new run from the one before, and the restarts that a client has made."""

from typing import Any

import msgspec
import pytest

from aiotravis import Build, BuildOrJob, Job, errors
from aiotravis.resources._runs import MAX_RESTART_AGE, MAX_RESTARTS, Restarts, Run, RunFilter

# Times as of fact 1.3, with milliseconds in events (fact 7.8).
BEFORE, START, END = "2026-11-27T15:50:00Z", "2026-11-27T15:59:00Z", "2026-11-27T15:59:58Z"
DATE = "Fri, 27 Nov 2026 16:00:00 GMT"
SOON, LATER, LATEST = "2026-11-27T16:00:00.250Z", "2026-11-27T16:00:05Z", "2026-11-27T16:00:30Z"

ENDED = {"state": "failed", "started_at": START, "finished_at": END}
NEVER_STARTED = {"state": "canceled", "started_at": None, "finished_at": END}
CREATED = {"state": "created", "started_at": None, "finished_at": None}


def build(fields: dict[str, Any] | None = None, **others: Any) -> Build:
    wire = {"id": 7, "number": "7", "job_ids": [8, 9], **(fields or {}), **others}
    return msgspec.json.decode(msgspec.json.encode(wire), type=Build)


def job(fields: dict[str, Any] | None = None, **others: Any) -> Job:
    wire = {"id": 8, "number": "7.1", "build_id": 7, **(fields or {}), **others}
    return msgspec.json.decode(msgspec.json.encode(wire), type=Job)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def restarts(clock: Clock) -> Restarts:
    return Restarts(60.0, clock=clock)


def run_filter(restarts: Restarts, *, of: BuildOrJob | None = None, after: BuildOrJob | None = None) -> RunFilter:
    kind = "job" if isinstance(of, Job) else "build"
    one = RunFilter(restarts, (kind, 7 if of is None else of.id), after)
    one.begin()
    return one


# Telling runs apart ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "value"),
    [
        (ENDED, CREATED),
        (ENDED, {"state": "queued"}),
        (ENDED, {"state": "started", "started_at": LATER}),
        (ENDED, {"state": "passed", "started_at": LATER, "finished_at": LATEST}),
        # Canceled before its new run has started.
        (ENDED, {"state": "canceled", "started_at": None, "finished_at": LATER}),
        ({"state": "started", "started_at": START}, CREATED),
        ({"state": "started", "started_at": START}, {"state": "started", "started_at": LATER}),
        (NEVER_STARTED, CREATED),
        (NEVER_STARTED, {"state": "passed", "started_at": LATER, "finished_at": LATEST}),
        (NEVER_STARTED, {"state": "canceled", "started_at": None, "finished_at": LATER}),
        (ENDED, {**CREATED, "updated_at": SOON}),
    ],
)
def test_a_run_is_before_another(held: dict[str, Any], value: dict[str, Any]) -> None:
    assert Run.of(build(held)).is_before(build(value))


@pytest.mark.parametrize(
    ("held", "value"),
    [
        (ENDED, ENDED),
        (NEVER_STARTED, NEVER_STARTED),
        (CREATED, {"state": "started", "started_at": START}),
        (CREATED, ENDED),
        (CREATED, NEVER_STARTED),
        ({"state": "started", "started_at": START}, ENDED),
        # fact 7.9: a created event that comes late, or again.
        (ENDED, {**CREATED, "updated_at": "2026-11-27T15:58:30.123Z"}),
        ({"state": "started", "started_at": START}, {**CREATED, "updated_at": "2026-11-27T15:58:30.123Z"}),
        # fact 10.1: a date that cannot be read is none.
        (ENDED, {**ENDED, "started_at": None}),
        (NEVER_STARTED, {**NEVER_STARTED, "finished_at": None}),
    ],
)
def test_a_run_is_not_before_itself(held: dict[str, Any], value: dict[str, Any]) -> None:
    assert not Run.of(build(held)).is_before(build(value))


# The client's own restarts --------------------------------------------------------------------------------------------


def test_without_a_restart_every_state_is_admitted(restarts: Restarts) -> None:
    assert run_filter(restarts).accepts(build(ENDED))
    assert not run_filter(restarts).needed


@pytest.mark.parametrize("old", [ENDED, NEVER_STARTED, {**ENDED, "finished_at": "2026-11-27T16:00:00Z"}])
@pytest.mark.parametrize("date", [DATE, None, "yesterday", "Fri, 27 Nov 2026 16:00:00 -0000"])
def test_the_old_run_is_kept_out_until_the_new_one_is_seen(
    restarts: Restarts, old: dict[str, Any], date: str | None
) -> None:
    restarts.record(("build", 7), date)
    one = run_filter(restarts)
    assert one.needed
    assert not one.accepts(build(old))
    assert (one.awaits_run, one.awaits_restart, one.poll_interval) == (True, True, 2.0)
    assert one.accepts(build(CREATED))
    assert (one.awaits_run, one.awaits_restart, one.poll_interval) == (False, False, None)
    assert one.accepts(build(state="passed", started_at=LATER, finished_at=LATEST))
    assert run_filter(restarts).accepts(build(state="passed", started_at=LATER, finished_at=LATEST))


@pytest.mark.parametrize(
    "new",
    [
        {"state": "passed", "started_at": LATER, "finished_at": LATEST},
        {"state": "canceled", "started_at": None, "finished_at": LATER},
        # fact 10.1: clocks differ, so a run may seem to end before it starts.
        {"state": "passed", "started_at": LATER, "finished_at": END},
        {"state": "started", "started_at": "2026-11-27T15:59:55Z"},
    ],
)
def test_a_new_run_is_accepted_at_the_first_look(restarts: Restarts, new: dict[str, Any]) -> None:
    restarts.record(("build", 7), DATE)
    assert run_filter(restarts).accepts(build(new))


def test_events_from_before_the_restart_are_kept_out(restarts: Restarts) -> None:
    restarts.record(("build", 7), DATE)
    one = run_filter(restarts)
    assert not one.accepts(build(CREATED, updated_at="2026-11-27T15:58:30.123Z"))
    assert not one.accepts(build(state="started", started_at=START, updated_at="2026-11-27T15:59:00.500Z"))
    assert one.accepts(build(CREATED, updated_at=SOON))


def test_the_old_run_as_read_before_tells_runs_of_one_second_apart(restarts: Restarts) -> None:
    second = "2026-11-27T16:00:00Z"
    new = {"state": "passed", "started_at": second, "finished_at": second}
    restarts.record(("build", 7), DATE)
    restarts.record_old_run(build(ENDED))
    assert run_filter(restarts).accepts(build(new))
    # Once the restart has had effect, what began in its second is new.
    assert run_filter(restarts, of=job()).accepts(job(new))


def test_a_builds_restart_concerns_its_jobs_and_a_jobs_restart_its_build(restarts: Restarts) -> None:
    restarts.record(("build", 7), DATE)
    assert not run_filter(restarts, of=job()).accepts(job(ENDED))
    assert run_filter(restarts, of=job()).accepts(job(ENDED, build_id=6))
    assert run_filter(restarts, of=job()).accepts(job(CREATED))
    # Another job of the build is still on its old run.
    assert not run_filter(restarts, of=job(id=9)).accepts(job(ENDED, id=9))
    restarts.record(("job", 12), DATE)
    assert not run_filter(restarts).accepts(build(ENDED, id=10, job_ids=[11, 12]))
    assert run_filter(restarts).accepts(job(ENDED, id=11, build_id=10))
    restarts.record(("job", 14), DATE, 13)
    assert not run_filter(restarts).accepts(build(ENDED, id=13, job_ids=[]))


def test_a_build_that_runs_while_its_job_is_restarted_is_on_its_old_run(restarts: Restarts, clock: Clock) -> None:
    restarts.record(("job", 8), DATE)
    one = run_filter(restarts)
    running = build(state="started", started_at=START)
    assert not one.accepts(running)
    assert not one.accepts(build(ENDED))
    assert one.accepts(build(CREATED))
    # Dropped: the build runs on.
    restarts.record(("job", 8), DATE)
    other = run_filter(restarts)
    assert not other.accepts(running)
    clock.now = 60.0
    assert other.accepts(running)
    assert other.accepts(build(ENDED))


def test_after_the_patience_the_restart_counts_as_dropped(restarts: Restarts, clock: Clock) -> None:
    restarts.record(("build", 7), DATE)
    before = run_filter(restarts)
    clock.now = 59.9
    assert not before.accepts(build(ENDED))
    clock.now = 60.0
    # It has not seen the build so far: the server did not answer for a while.
    with pytest.raises(errors.RestartDropped) as info:
        before.accepts(build(ENDED))
    assert str(info.value) == (
        "POST /builds/7/restart was accepted, but build 7 has not begun a new run within 60 s: Travis dropped the "
        "restart. Restart it again."
    )
    assert (info.value.build_id, info.value.job_id) == (7, None)
    later = run_filter(restarts)
    assert not later.needed
    assert later.accepts(build(ENDED))
    restarts.record(("job", 8), DATE)
    one = run_filter(restarts, of=job())
    clock.now = 200.0
    with pytest.raises(errors.RestartDropped, match=r"^POST /jobs/8/restart") as info:
        one.accepts(job(ENDED))
    assert (info.value.build_id, info.value.job_id) == (None, 8)


def test_a_second_restart_replaces_the_first(restarts: Restarts, clock: Clock) -> None:
    restarts.record(("build", 7), DATE)
    one = run_filter(restarts)
    clock.now = 50.0
    assert one.accepts(build(CREATED))
    restarts.record(("build", 7), "Fri, 27 Nov 2026 16:00:50 GMT")
    assert not one.accepts(build(state="passed", started_at=LATER, finished_at=LATEST))


def test_restarts_are_forgotten_in_time_and_bounded(restarts: Restarts, clock: Clock) -> None:
    for number in range(1, MAX_RESTARTS + 100):
        restarts.record(("job", number), DATE)
    assert len(restarts._restarts) <= MAX_RESTARTS + 2
    clock.now = 61.0 + MAX_RESTART_AGE
    restarts.record(("build", 7), DATE)
    assert list(restarts._restarts) == [("build", 7)]


# Restarts made elsewhere ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [ENDED, {"state": "started", "started_at": START}, CREATED])
def test_the_run_named_by_after_is_kept_out(restarts: Restarts, clock: Clock, after: dict[str, Any]) -> None:
    one = run_filter(restarts, after=build(after))
    assert one.needed
    assert not one.accepts(build(ENDED))
    clock.now = 1e6
    assert not one.accepts(build(ENDED))
    assert (one.awaits_run, one.awaits_restart) == (True, False)
    assert one.accepts(build(CREATED))
    assert one.accepts(build(state="passed", started_at=LATER, finished_at=LATEST))
    assert not one.needed


@pytest.mark.parametrize("after", [7, "7", build(id=8), job(id=7), job()])
def test_after_must_be_the_same_build_or_job(restarts: Restarts, after: Any) -> None:
    with pytest.raises(errors.UsageError, match="after must be a value of build 7") as info:
        run_filter(restarts, after=after)
    assert info.value.argument == "after"
