"""The restarts that a client has made, and what a call that waits for a new run lets in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from aiotravis import Build, BuildOrJob, Job, errors
from aiotravis._http.lenient import LenientReader, exhaust
from aiotravis.resources._runs import MAX_RESTART_AGE, MAX_RESTARTS, UNREAD_PATIENCE, Restarts, RunFilter

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


def lenient(fields: dict[str, Any]) -> Build:
    """Return a build as the client reads it: what cannot be read takes its default."""
    return exhaust(LenientReader(Build).read(msgspec.json.encode({"id": 7, "job_ids": [8, 9], **fields})))


def job(fields: dict[str, Any] | None = None, **others: Any) -> Job:
    wire = {"id": 8, "number": "7.1", "build_id": 7, **(fields or {}), **others}
    return msgspec.json.decode(msgspec.json.encode(wire), type=Job)


class Clock:
    """The loop's clock, and beside it the client's, which may be wrong by some seconds."""

    now = 0.0
    wrong_by = 0.0

    def __call__(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return datetime(2026, 11, 27, 16, tzinfo=UTC) + timedelta(seconds=self.now + self.wrong_by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def restarts(clock: Clock) -> Restarts:
    return Restarts(60.0, clock=clock, utc_clock=clock.utc)


def run_filter(restarts: Restarts, *, of: BuildOrJob | None = None, after: BuildOrJob | None = None) -> RunFilter:
    kind = "job" if isinstance(of, Job) else "build"
    one = RunFilter(restarts, (kind, 7 if of is None else of.id), after)
    one.begin()
    return one


# The client's own restarts --------------------------------------------------------------------------------------------


def test_without_a_restart_every_state_is_admitted(restarts: Restarts) -> None:
    assert run_filter(restarts).accepts(build(ENDED))
    assert not run_filter(restarts).needed


@pytest.mark.parametrize("old", [ENDED, NEVER_STARTED, {**ENDED, "finished_at": "2026-11-27T16:00:00Z"}])
@pytest.mark.parametrize("date", [DATE, None, "yesterday", "Fri, 27 Nov 2026 16:00:00 -0000"])
def test_the_old_run_is_kept_out_until_the_new_one_is_seen(
    restarts: Restarts, clock: Clock, old: dict[str, Any], date: str | None
) -> None:
    restarts.record(("build", 7), date)
    one = run_filter(restarts)
    assert one.needed
    assert not one.accepts(build(old))
    assert (one.awaits_run, one.awaits_restart, one.poll_interval) == (True, True, 2.0)
    clock.now = 2.0
    assert one.accepts(build(CREATED))
    assert (one.awaits_run, one.awaits_restart) == (False, False)
    clock.now = 30.0
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
    assert not one.accepts(build(ENDED))
    assert not one.accepts(build(CREATED, updated_at="2026-11-27T15:58:30.123Z"), is_event=True)
    running = build(state="started", started_at=START, updated_at="2026-11-27T15:59:00.500Z")
    assert not one.accepts(running, is_event=True)
    assert one.accepts(build(CREATED, updated_at=SOON), is_event=True)
    assert not one.accepts(running, is_event=True)


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
    assert run_filter(restarts, of=job(id=5)).accepts(job(ENDED, id=5, build_id=6))
    assert run_filter(restarts, of=job()).accepts(job(CREATED))
    # Another job of the build is still on its old run.
    assert not run_filter(restarts, of=job(id=9)).accepts(job(ENDED, id=9))
    restarts.record(("job", 12), DATE)
    assert not run_filter(restarts).accepts(build(ENDED, id=10, job_ids=[11, 12]))
    assert run_filter(restarts, of=job(id=11)).accepts(job(ENDED, id=11, build_id=10))
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


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        (7, "int"), ("7" * 500, "str"), (["x" * 500], "list"), (build(id=8, number="8" * 500), "build 8"),
        (job(id=7), "job 7"), (job(), "job 8"),
    ],
)  # fmt: skip
def test_after_must_be_the_same_build_or_job(restarts: Restarts, after: Any, shown: str) -> None:
    with pytest.raises(errors.UsageError) as info:
        run_filter(restarts, after=after)
    assert str(info.value) == f"after must be a value of build 7: the run to get past; not {shown}."
    assert info.value.argument == "after"


# Late and repeated events ---------------------------------------------------------------------------------------------

NEW = {"state": "passed", "started_at": LATER, "finished_at": LATEST}
AGAIN = [
    {}, {"updated_at": None}, {"updated_at": "yesterday"}, {"updated_at": END}, {"updated_at": LATEST},
    {"started_at": None, "finished_at": None}, {"started_at": None, "finished_at": None, "updated_at": LATEST},
    {"started_at": "", "finished_at": "0001-01-01T00:00:00"}, {"state": "persisted", "updated_at": LATEST},
    {"state": None, "updated_at": LATEST},
]  # fmt: skip


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("by_after", [False, True])
@pytest.mark.parametrize("seen", [CREATED, {"state": "started", "started_at": LATER}])
def test_the_end_of_the_old_run_that_is_told_again_is_kept_out(
    restarts: Restarts, clock: Clock, again: dict[str, Any], by_after: bool, seen: dict[str, Any]
) -> None:
    if not by_after:
        restarts.record(("build", 7), DATE)
    one = run_filter(restarts, after=build(ENDED) if by_after else None)
    assert not one.accepts(build(ENDED))
    clock.now = 10.0
    assert one.accepts(build(seen, updated_at=SOON), is_event=True)
    assert not one.accepts(lenient(ENDED | again), is_event=True)
    # A read decides. It can still be of the old run (fact 10.1).
    assert not one.accepts(build(ENDED))
    assert one.accepts(build(seen))
    clock.now = 31.0
    assert one.accepts(build(NEW, updated_at=LATEST), is_event=True)


@pytest.mark.parametrize("end", ["2026-11-27T16:00:03Z", "2026-11-27T16:05:00Z", "9999-12-31T00:00:00Z"])
@pytest.mark.parametrize("by_after", [False, True])
def test_an_old_run_that_ends_in_the_future_hides_no_new_one(
    restarts: Restarts, clock: Clock, end: str, by_after: bool
) -> None:
    old = {**ENDED, "finished_at": end}
    if not by_after:
        restarts.record(("build", 7), DATE)
    one = run_filter(restarts, after=build(old) if by_after else None)
    assert not one.accepts(build(old))
    clock.now = 2.0
    # The clock of the worker is ahead, so the event cannot decide; the read after it does.
    assert not one.accepts(build(CREATED, updated_at=SOON), is_event=True)
    assert one.poll_interval == 2.0
    assert not one.accepts(build(old))
    assert one.accepts(build(CREATED))
    clock.now = 31.0
    assert one.accepts(build(NEW))


def test_an_event_without_the_ids_of_its_build_is_of_the_restart_of_that(restarts: Restarts) -> None:
    restarts.record(("build", 7), DATE)
    one = run_filter(restarts, of=job())
    assert not one.accepts(job(ENDED))
    assert not one.accepts(job(ENDED, build_id=None), is_event=True)


# What was known before ------------------------------------------------------------------------------------------------


def test_the_value_that_was_restarted_tells_the_old_run(restarts: Restarts, clock: Clock) -> None:
    second = "2026-11-27T16:00:00Z"
    old = build(ENDED, jobs=[{"id": 8, **ENDED}, {"id": 9, **ENDED}])
    restarts.record(("build", 7), DATE, old=old)
    assert run_filter(restarts).accepts(build(state="passed", started_at=second, finished_at=second))
    assert run_filter(restarts, of=job()).accepts(job(state="passed", started_at=second, finished_at=second))
    restarts.record(("build", 7), None, old=old)
    assert not run_filter(restarts).accepts(build(ENDED))
    assert not run_filter(restarts, of=job(id=9)).accepts(job(ENDED, id=9))


def test_a_value_from_long_before_does_not_make_the_last_run_new(restarts: Restarts, clock: Clock) -> None:
    long_before = build(state="passed", started_at="2026-11-27T10:00:00Z", finished_at="2026-11-27T10:05:00Z")
    last = {**ENDED, "started_at": BEFORE}
    restarts.record(("build", 7), DATE, old=long_before)
    one = run_filter(restarts)
    assert not one.accepts(build(last))
    assert not one.accepts(build(last))
    assert one.accepts(build(CREATED))
    # What had not begun, or still ran, when it was seen.
    restarts.record(("build", 7), DATE, old=build(CREATED))
    assert not run_filter(restarts).accepts(build(ENDED))
    restarts.record(("build", 7), DATE, old=build(state="started", started_at=START))
    assert not run_filter(restarts).accepts(build(ENDED))


# Restarts whose response was lost -------------------------------------------------------------------------------------


def test_a_restart_that_may_have_been_made_is_waited_for_and_never_counts_as_dropped(
    restarts: Restarts, clock: Clock
) -> None:
    restarts.record(("build", 7), None, is_certain=False)
    one, other = run_filter(restarts), run_filter(restarts)
    assert not one.accepts(build(ENDED))
    clock.now = 2.0
    assert one.accepts(build(CREATED))
    clock.now = 31.0
    restarts.record(("build", 7), None, is_certain=False)
    assert not other.accepts(build(NEW))
    clock.now = 91.0
    assert other.accepts(build(NEW))


# Reads between events -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_after", [False, True])
def test_a_new_run_is_polled_until_an_event_of_it_or_the_end_of_the_patience(
    restarts: Restarts, clock: Clock, by_after: bool
) -> None:
    if not by_after:
        restarts.record(("build", 7), DATE)
    one, other = (run_filter(restarts, after=build(ENDED) if by_after else None) for _ in range(2))
    for each in (one, other):
        assert not each.accepts(build(ENDED))
        clock.now = 5.0
        assert each.accepts(build(CREATED))
        assert each.poll_interval == 2.0
    assert one.accepts(build(state="started", started_at=LATER, updated_at=LATER), is_event=True)
    assert (one.poll_interval, other.poll_interval) == (None, 2.0)
    clock.now = 60.0
    assert other.poll_interval is None
    assert run_filter(restarts).poll_interval is None


WHERE = {"method": "GET", "path": "/builds?ids=7"}
ODD_ANSWERS = [
    errors.DecodeError("A web page.", status=200, excerpt="<html>", **WHERE),
    errors.NotFoundError("Missing.", status=404, **WHERE),
    errors.AuthenticationError("Who?", status=401, **WHERE),
    errors.PermissionDenied("No.", status=403, **WHERE),
    errors.ResponseError("Odd.", status=418, **WHERE),
    errors.ServerError("Down.", status=503, **WHERE),
    errors.RequestError("Lost.", **WHERE),
    errors.RateLimited("Slow down.", status=429, **WHERE),
]


@pytest.mark.parametrize("error", ODD_ANSWERS)
@pytest.mark.parametrize("read", [False, True])
def test_odd_answers_are_outlasted_for_the_patience_and_then_name_the_restart(
    restarts: Restarts, clock: Clock, error: errors.TravisError, read: bool
) -> None:
    restarts.record(("build", 7), DATE)
    one = run_filter(restarts)
    assert not read or not one.accepts(build(ENDED))
    clock.now = 59.9
    assert one.tolerates(error)
    clock.now = 60.0
    assert not one.tolerates(error)
    explained = one.explained(error)
    assert type(explained) is type(error)
    assert str(explained) == f"{error} POST /builds/7/restart was accepted before: check before you repeat it."
    assert explained.__dict__ == error.__dict__
    restarts.record(("build", 7), None, is_certain=False)
    assert str(run_filter(restarts).explained(error)).endswith(
        "may have been carried out before: check before you repeat it."
    )


def test_bans_and_wrong_calls_are_not_outlasted(restarts: Restarts) -> None:
    restarts.record(("build", 7), DATE)
    one = run_filter(restarts)
    assert not one.tolerates(errors.BannedError("Stop.", status=403, **WHERE))
    assert not one.tolerates(errors.UsageError("Closed."))


def test_errors_of_other_reads_are_left_alone(restarts: Restarts, clock: Clock) -> None:
    missing = errors.NotFoundError("Missing.", status=404, **WHERE)
    assert not run_filter(restarts).tolerates(missing)
    assert run_filter(restarts).explained(missing) is missing
    # Before the first read it is not known of which build a job is.
    restarts.record(("build", 7), DATE)
    one = run_filter(restarts, of=job(id=99))
    assert one.tolerates(missing)
    clock.now = UNREAD_PATIENCE
    assert not one.tolerates(missing)
    assert one.explained(missing) is missing
    other = run_filter(restarts, of=job(id=99))
    assert other.accepts(job(ENDED, id=99, build_id=98))
    assert not other.tolerates(missing)
    # A restart that was made elsewhere.
    after = run_filter(restarts, of=job(id=99), after=job(ENDED, id=99))
    assert after.tolerates(missing)
    assert after.explained(missing) is missing
