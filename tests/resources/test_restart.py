"""One restart: which states are of the run that it began, by what was known before, and by the clocks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from aiotravis import Build, Job, errors
from aiotravis.resources._restart import Restart, key_of, related_keys
from aiotravis.resources._runs import Restarts

MADE_AT = datetime(2026, 11, 27, 16, tzinfo=UTC)
DATE = "Fri, 27 Nov 2026 16:00:00 GMT"
START, END = "2026-11-27T15:59:00Z", "2026-11-27T15:59:58Z"
LATER, LATEST = "2026-11-27T16:00:05Z", "2026-11-27T16:00:30Z"

ENDED = {"state": "failed", "started_at": START, "finished_at": END}
NEVER_STARTED = {"state": "canceled", "started_at": None, "finished_at": END}
CREATED = {"state": "created", "started_at": None, "finished_at": None}
NEW = {"state": "passed", "started_at": LATER, "finished_at": LATEST}


def build(fields: dict[str, Any]) -> Build:
    return msgspec.json.decode(msgspec.json.encode({"id": 7, "job_ids": [8, 9], **fields}), type=Build)


def job(fields: dict[str, Any]) -> Job:
    return msgspec.json.decode(msgspec.json.encode({"id": 8, "build_id": 7, **fields}), type=Job)


def restart(date: str | None, *, wrong_by: float = 0.0, is_certain: bool = True) -> Restart:
    """Return a restart of build 7 at the time 0 of the loop's clock, by a client whose own clock may be wrong."""
    restarts = Restarts(60.0, clock=lambda: 0.0, utc_clock=lambda: MADE_AT + timedelta(seconds=wrong_by))
    restarts.record(("build", 7), date, is_certain=is_certain)
    (one,) = restarts.concerning(None, 0.0)
    return one


def test_builds_and_jobs_are_related_by_their_ids() -> None:
    assert key_of(build({})) == ("build", 7)
    assert key_of(job({})) == ("job", 8)
    assert set(related_keys(build({}))) >= {("build", 7), ("job", 8), ("job", 9)}
    assert set(related_keys(job({}))) >= {("job", 8), ("build", 7)}
    assert {kind for kind, _ in related_keys(job({"build_id": None}))} == {"job", "jobs of build"}


HOURS = timedelta(hours=5)


def http_date(offset: timedelta) -> str:
    return format_datetime(MADE_AT + offset, usegmt=True)


WRONG_DATES = [
    http_date(-HOURS), http_date(HOURS), http_date(-timedelta(seconds=40)), "Thu, 01 Jan 1970 00:00:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "yesterday",
    "", None,
]  # fmt: skip


@pytest.mark.parametrize("date", WRONG_DATES)
@pytest.mark.parametrize("old", [ENDED, NEVER_STARTED])
def test_a_wrong_date_of_the_server_makes_no_new_run(date: str | None, old: dict[str, Any]) -> None:
    one = restart(date)
    assert not one.accepts(build(old), 0.1)
    assert not one.accepts(job(old), 0.1)
    with pytest.raises(errors.RestartDropped):
        one.accepts(build(old), 60.0)
    assert one.accepts(build(NEW), 61.0)


@pytest.mark.parametrize("date", [DATE, None])
@pytest.mark.parametrize("wrong_by", [-18000.0, 18000.0])
def test_a_wrong_clock_of_the_client_makes_no_new_run(date: str | None, wrong_by: float) -> None:
    one = restart(date, wrong_by=wrong_by)
    assert not one.accepts(build(ENDED), 0.1)
    assert one.accepts(build(NEW), 31.0)


@pytest.mark.parametrize(("date", "is_new"), [(DATE, True), (None, True), (http_date(HOURS), False)])
def test_a_new_run_that_was_not_seen_before_its_end_is_told_by_the_clocks(date: str | None, is_new: bool) -> None:
    # Where the clocks disagree, it is waited for until the end of the patience.
    one = restart(date)
    assert one.accepts(build(NEW), 31.0) is is_new
    assert one.accepts(build(NEW), 60.0)


def test_dates_in_the_future_of_all_clocks_make_no_new_run() -> None:
    one = restart(DATE)
    future = {"started_at": "2026-11-27T16:08:20Z", "finished_at": "2026-11-27T16:10:00Z"}
    assert not one.accepts(build({"state": "passed", **future}), 0.1)
    # Whether that was the old run is not known for certain: it does not prove that the restart was dropped.
    assert one.accepts(build({"state": "passed", **future}), 60.0)
    # What runs has begun since: what was restarted had ended.
    assert one.accepts(job({"state": "started", "started_at": "2026-11-27T16:08:20Z"}), 5.0)


def test_a_run_of_which_no_time_is_known_is_waited_for_and_then_taken_as_it_is() -> None:
    one = restart(None)
    canceled = build({"state": "canceled"})
    assert not one.accepts(canceled, 0.1)
    assert one.accepts(canceled, 60.0)


def test_the_request_is_named() -> None:
    assert restart(DATE).shown == "POST /builds/7/restart"
