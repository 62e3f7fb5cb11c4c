"""When the server is polled for a followed log."""

import pytest

from aiotravis import Job, State
from aiotravis.follow_log.log_timeout import LogTimeout
from aiotravis.follow_log.poll_schedule import MAX_POLL_DELAY, MAX_WAITING_PARTS, POLL_DELAY, PollSchedule


def test_polls_for_what_is_missing_become_rarer_until_something_changes() -> None:
    schedule = PollSchedule(LogTimeout())
    delays: list[float] = []
    for _ in range(5):
        delays.append(schedule.delay(0.0, as_text=False, length=0))
        schedule.add_poll(0.0, advanced=False, ended=True)
    assert delays == [POLL_DELAY, 2 * POLL_DELAY, 4 * POLL_DELAY, MAX_POLL_DELAY, MAX_POLL_DELAY]
    schedule.speed_up()
    assert schedule.delay(0.0, as_text=False, length=0) == POLL_DELAY


def test_the_last_poll_is_at_the_end_of_the_wait() -> None:
    timeout = LogTimeout(60.0)
    timeout.update(Job(id=7, state=State.STARTED), 0.0)
    timeout.update(Job(id=7, state=State.PASSED), 0.0)
    schedule = PollSchedule(timeout)
    for _ in range(9):
        schedule.add_poll(0.0, advanced=False, ended=True)
    assert schedule.delay(55.0, as_text=False, length=0) == 5.0
    schedule.clear()
    assert schedule.delay(59.5, as_text=False, length=0) == POLL_DELAY


@pytest.mark.parametrize("as_text", [False, True])
def test_the_time_of_a_poll_is_not_put_off_and_a_requested_one_is_due_at_once(as_text: bool) -> None:
    schedule = PollSchedule(LogTimeout())
    assert schedule.delay(10.0, as_text=as_text, length=0) == POLL_DELAY
    assert schedule.delay(11.0, as_text=as_text, length=0) == POLL_DELAY - 1.0
    schedule.request(11.0)
    assert schedule.is_due(11.0)


def test_a_gap_is_polled_for_at_once_if_many_parts_wait() -> None:
    schedule = PollSchedule(LogTimeout())
    schedule.add_gap(10.0, 1, is_new=True)
    assert not schedule.is_due(10.0)
    schedule.add_gap(10.0, MAX_WAITING_PARTS, is_new=False)
    assert schedule.is_due(10.0)
