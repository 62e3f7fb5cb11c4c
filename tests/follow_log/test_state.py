"""The state of a followed log, without a server: events and snapshots in, parts and delays out."""

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


def running() -> LogState:
    """Return the state of the log of a running job, opened long ago."""
    state = LogState(JOB)
    state.update_job(job(State.STARTED), 0.0)
    state.set_opened(0.0)
    return state


def whole(state: LogState, content: str) -> Snapshot:
    return Snapshot(text=SpooledText.of(content, state.delivered))


async def deliver_remainder(state: LogState) -> None:
    while state.remainder is not None:
        content = await state.remainder.read()
        state.deliver_text(content, last=state.remainder.exhausted)


def texts(state: LogState) -> list[str | None]:
    given = [part.content for part in state.ready]
    state.ready.clear()
    return given


def test_parts_are_ready_in_order_and_once() -> None:
    state = running()
    for number in (0, 2, 0, 1):
        state.handle_event(log(number, str(number)), 10.0)
    assert texts(state) == ["0", "1", "2"]
    assert (state.last_number, state.delivered.length, state.complete) == (2, 3, False)
    state.handle_event(log(3, "", final=True), 10.0)
    assert state.complete


def test_the_log_of_another_job_is_ignored() -> None:
    state = running()
    state.handle_event(log(0, "x", job=8), 10.0)
    assert texts(state) == []
    assert not state.received_live


def test_a_gap_leads_to_a_poll_even_if_parts_keep_arriving() -> None:
    state = running()
    state.handle_event(log(1, "b"), 10.0)
    state.handle_event(log(2, "c"), 10.0 + POLL_DELAY / 2)
    assert state.poll_delay(10.0 + POLL_DELAY / 2, live=True) == POLL_DELAY / 2
    assert not state.is_poll_due(10.0 + POLL_DELAY / 2)
    assert state.is_poll_due(10.0 + POLL_DELAY)
    assert state.missing == (0,)


def test_polls_in_silence_become_rarer() -> None:
    state = running()
    pauses: list[float] = []
    for _ in range(10):
        pauses.append(state.poll_delay(0.0, live=True))
        state.apply_poll(Snapshot(parts=()), pending=False, before=state.position)
    assert pauses[:3] == [IDLE_POLL_DELAY, 2 * IDLE_POLL_DELAY, 4 * IDLE_POLL_DELAY]
    assert pauses[-1] == MAX_IDLE_POLL_DELAY


def test_without_a_live_channel_polls_are_frequent_but_rarer_for_long_texts() -> None:
    state = running()
    assert state.poll_delay(0.0, live=False) == POLL_DELAY
    state.apply_poll(whole(state, "x" * (3 << 20)), pending=False, before=state.position)
    assert state.poll_delay(0.0, live=False) == POLL_DELAY + 3.0
    for _ in range(10):
        state.apply_poll(whole(state, "x" * (3 << 20)), pending=False, before=state.position)
    assert state.poll_delay(0.0, live=False) == MAX_POLL_DELAY + 3.0


def test_a_created_event_restarts_the_log() -> None:
    state = running()
    state.handle_event(log(0, "old"), 10.0)
    state.handle_event(events.JobCreated(job=job(State.CREATED, None)), 11.0)
    assert state.is_poll_due(11.0)
    # Until the run is known, parts only lead to a poll.
    state.handle_event(log(1, "older"), 11.0)
    old, reset = state.ready
    assert (old.content, type(reset)) == ("old", LogReset)
    assert (state.delivered.length, state.last_number, state.run_unknown) == (0, -1, True)


def test_a_created_event_older_than_the_run_is_no_restart() -> None:
    state = running()
    state.handle_event(log(0, "a"), 10.0)
    before = Job(id=JOB, state=State.CREATED, updated_at=STARTED)
    state.handle_event(events.JobCreated(job=before), 11.0)
    assert texts(state) == ["a"]
    assert state.needs_comparison


def test_a_different_start_time_means_another_run() -> None:
    state = running()
    state.handle_event(log(0, "old"), 10.0)
    assert not state.update_job(job(State.PASSED), 11.0)
    assert state.job_ended
    assert state.update_job(job(State.STARTED, STARTED.replace(hour=5)), 12.0)
    assert (state.job_ended, state.run_unknown) == (False, True)


async def test_a_text_that_begins_differently_replaces_the_log_of_an_ended_job() -> None:
    state = running()
    state.merge(whole(state, "old text"))
    await deliver_remainder(state)
    state.merge(whole(state, "new"))
    assert texts(state) == ["old text"]
    state.job_ended = True
    state.merge(whole(state, "new"))
    await deliver_remainder(state)
    assert [(type(part).__name__, part.content) for part in state.ready] == [("LogReset", ""), ("LogPart", "new")]


def test_parts_received_right_after_opening_need_comparison() -> None:
    for late, unsure in ((0.0, True), (MAX_LIVE_DELAY, False)):
        state = running()
        state.handle_event(log(0, "a"), late)
        assert state.needs_comparison is unsure


def test_parts_behind_a_gap_are_delivered_at_the_end() -> None:
    state = running()
    state.apply_poll(Snapshot(parts=(LogPart(number=0, content="a"), LogPart(number=2, content="c"))), pending=False,
                 before=state.position)  # fmt: skip
    state.finish()
    assert texts(state) == ["a", "c"]
    assert (state.finished, state.gap, state.highest_listed) == (True, (1,), 2)
