"""What is known of a followed log, without a server: events and snapshots in, parts and pauses out."""

from datetime import UTC, datetime

from aiotravis import Job, LogPart, LogReset, State, events
from aiotravis.follow_log.sources import Snapshot
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.follow_log.state import (
    IDLE_POLL_DELAY,
    MAX_IDLE_POLL_DELAY,
    MAX_LIVE_DELAY,
    MAX_POLL_DELAY,
    POLL_DELAY,
    LogState,
)

JOB = 7
STARTED = datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)


def log(number: int, content: str, *, final: bool = False, job: int = JOB) -> events.JobLog:
    return events.JobLog(job_id=job, number=number, content=content, final=final)


def job(state: State, started_at: datetime | None = STARTED) -> Job:
    return Job(id=JOB, state=state, started_at=started_at)


def begun() -> LogState:
    """Give what is known of a job that runs, looked at for long enough."""
    known = LogState(JOB)
    known.update_job(job(State.STARTED), 0.0)
    known.set_opened(0.0)
    return known


def whole(known: LogState, content: str) -> Snapshot:
    return Snapshot(text=SpooledText.of(content, known.delivered))


async def deliver_remainder(known: LogState) -> None:
    while known.remainder is not None:
        content = await known.remainder.read()
        known.deliver_text(content, last=known.remainder.exhausted)


def texts(known: LogState) -> list[str | None]:
    given = [part.content for part in known.ready]
    known.ready.clear()
    return given


def test_parts_are_ready_in_order_and_once() -> None:
    known = begun()
    for number in (0, 2, 0, 1):
        known.handle_event(log(number, str(number)), 10.0)
    assert texts(known) == ["0", "1", "2"]
    assert (known.last_number, known.delivered.length, known.complete) == (2, 3, False)
    known.handle_event(log(3, "", final=True), 10.0)
    assert known.complete


def test_the_log_of_another_job_is_not_taken() -> None:
    known = begun()
    known.handle_event(log(0, "x", job=8), 10.0)
    assert texts(known) == []
    assert not known.received_live


def test_a_hole_is_due_after_its_patience_however_much_still_comes() -> None:
    known = begun()
    known.handle_event(log(1, "b"), 10.0)
    known.handle_event(log(2, "c"), 10.0 + POLL_DELAY / 2)
    assert known.poll_delay(10.0 + POLL_DELAY / 2, live=True) == POLL_DELAY / 2
    assert not known.is_poll_due(10.0 + POLL_DELAY / 2)
    assert known.is_poll_due(10.0 + POLL_DELAY)
    assert known.missing == (0,)


def test_silence_is_looked_into_ever_more_rarely() -> None:
    known = begun()
    pauses: list[float] = []
    for _ in range(10):
        pauses.append(known.poll_delay(0.0, live=True))
        known.apply_poll(Snapshot(parts=()), pending=False, before=known.position)
    assert pauses[:3] == [IDLE_POLL_DELAY, 2 * IDLE_POLL_DELAY, 4 * IDLE_POLL_DELAY]
    assert pauses[-1] == MAX_IDLE_POLL_DELAY


def test_without_a_live_channel_it_looks_more_often_and_for_long_texts_less_so() -> None:
    known = begun()
    assert known.poll_delay(0.0, live=False) == POLL_DELAY
    known.apply_poll(whole(known, "x" * (3 << 20)), pending=False, before=known.position)
    assert known.poll_delay(0.0, live=False) == POLL_DELAY + 3.0
    for _ in range(10):
        known.apply_poll(whole(known, "x" * (3 << 20)), pending=False, before=known.position)
    assert known.poll_delay(0.0, live=False) == MAX_POLL_DELAY + 3.0


def test_a_job_that_is_created_anew_makes_what_was_given_void() -> None:
    known = begun()
    known.handle_event(log(0, "old"), 10.0)
    known.handle_event(events.JobCreated(job=job(State.CREATED, None)), 11.0)
    assert known.is_poll_due(11.0)
    # Until it is known which run they are of, parts are only a reason to look.
    known.handle_event(log(1, "older"), 11.0)
    old, reset = known.ready
    assert (old.content, type(reset)) == ("old", LogReset)
    assert (known.delivered.length, known.last_number, known.run_unknown) == (0, -1, True)


def test_a_creation_from_before_its_present_run_is_no_restart() -> None:
    known = begun()
    known.handle_event(log(0, "a"), 10.0)
    before = Job(id=JOB, state=State.CREATED, updated_at=STARTED)
    known.handle_event(events.JobCreated(job=before), 11.0)
    assert texts(known) == ["a"]
    assert known.needs_comparison


def test_a_run_that_began_at_another_time_is_another_one() -> None:
    known = begun()
    known.handle_event(log(0, "old"), 10.0)
    assert not known.update_job(job(State.PASSED), 11.0)
    assert known.job_ended
    assert known.update_job(job(State.STARTED, STARTED.replace(hour=5)), 12.0)
    assert (known.job_ended, known.run_unknown) == (False, True)


async def test_a_text_that_begins_otherwise_replaces_the_log_once_the_job_is_over() -> None:
    known = begun()
    known.merge(whole(known, "old text"))
    await deliver_remainder(known)
    known.merge(whole(known, "new"))
    assert texts(known) == ["old text"]
    known.job_ended = True
    known.merge(whole(known, "new"))
    await deliver_remainder(known)
    assert [(type(part).__name__, part.content) for part in known.ready] == [("LogReset", ""), ("LogPart", "new")]


def test_parts_that_come_early_leave_it_unsure() -> None:
    for late, unsure in ((0.0, True), (MAX_LIVE_DELAY, False)):
        known = begun()
        known.handle_event(log(0, "a"), late)
        assert known.needs_comparison is unsure


def test_what_is_behind_a_hole_is_given_at_the_end_and_the_hole_is_told() -> None:
    known = begun()
    known.apply_poll(Snapshot(parts=(LogPart(number=0, content="a"), LogPart(number=2, content="c"))), pending=False,
                 before=known.position)  # fmt: skip
    known.finish()
    assert texts(known) == ["a", "c"]
    assert (known.finished, known.gap, known.highest_listed) == (True, (1,), 2)
