"""How long a log is waited for: from the end of its job on, whatever the clocks say."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from aiotravis import Job, State
from aiotravis.follow_log import log_timeout
from aiotravis.follow_log.log_timeout import LogTimeout


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_timeout, "time", SimpleNamespace(time=NOW.timestamp))


ABSURD = datetime(1, 1, 1, tzinfo=UTC)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def ended(ago: float | None) -> Job:
    return Job(id=7, state=State.PASSED, finished_at=None if ago is None else NOW - timedelta(seconds=ago))


def seen(job: Job, *, before: Job | None = None) -> LogTimeout:
    timeout = LogTimeout(60.0)
    if before is not None:
        timeout.update(before, 0.0)
    timeout.update(job, 100.0)
    return timeout


@pytest.mark.parametrize(
    ("ago", "ends_at", "long_ago"),
    [(0, 160, False), (20, 140, False), (60, 100, False), (3599, 40 - 3539, False), (3601, 40 - 3541, True),
     (-500, 160, False), (None, 160, False)],
)  # fmt: skip
def test_the_wait_is_counted_from_the_end_of_the_job(ago: float | None, ends_at: float, long_ago: bool) -> None:
    timeout = seen(ended(ago))
    assert timeout.long_ago is long_ago
    assert timeout.ends_at is not None
    assert timeout.is_over(100.0) is (ends_at <= 100)
    if ends_at > 100:
        assert timeout.ends_at == ends_at


@pytest.mark.parametrize("ago", [0, 7200, -7200])
def test_a_job_that_was_seen_to_end_has_ended_now_whatever_the_clocks_say(ago: float) -> None:
    timeout = seen(ended(ago), before=Job(id=7, state=State.STARTED))
    assert (timeout.ends_at, timeout.long_ago) == (160.0, False)


def test_a_log_may_grow_for_some_seconds_after_the_end_of_its_job() -> None:
    timeout = seen(ended(2))
    assert [timeout.may_grow(now) for now in (100.0, 102.9, 103.1)] == [True, True, False]
    assert not seen(ended(11)).may_grow(100.0)
    assert LogTimeout(0.0).may_grow(100.0)
    impatient = LogTimeout(0.5)
    impatient.update(ended(0), 100.0)
    assert [impatient.may_grow(now) for now in (100.4, 100.6)] == [True, False]


def test_the_first_sight_of_the_end_counts() -> None:
    timeout = seen(ended(0))
    timeout.update(ended(0), 150.0)
    assert timeout.ends_at == 160.0


def test_a_restart_begins_anew() -> None:
    timeout = seen(ended(7200))
    timeout.update(Job(id=7, state=State.CREATED), 101.0)
    assert not timeout.is_over(1e9)
    timeout.update(ended(0), 500.0)
    assert (timeout.ends_at, timeout.long_ago) == (560.0, False)


@pytest.mark.parametrize("ended_at", [ABSURD, NOW - timedelta(days=20_000), NOW - timedelta(hours=3)])
def test_an_end_before_the_start_or_before_travis_says_nothing(ended_at: datetime) -> None:
    timeout = seen(Job(id=7, state=State.PASSED, started_at=NOW - timedelta(hours=2), finished_at=ended_at))
    assert (timeout.ends_at, timeout.long_ago) == (160.0, False)


@pytest.mark.parametrize("absurd", [ABSURD, ABSURD.replace(tzinfo=None)])
def test_an_absurd_date_is_no_error(absurd: datetime) -> None:
    assert seen(Job(id=7, state=State.PASSED, finished_at=absurd)).ends_at is not None
