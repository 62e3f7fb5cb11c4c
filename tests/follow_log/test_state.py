"""The state of a followed log, without a server: events and snapshots in, parts and delays out."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from aiotravis import Job, LogPart, LogReset, State, events
from aiotravis.follow_log.poll_schedule import (
    IDLE_POLL_DELAY,
    MAX_IDLE_POLL_DELAY,
    MAX_POLL_DELAY,
    MAX_WAITING_PARTS,
    POLL_DELAY,
)
from aiotravis.follow_log.sources import Snapshot
from aiotravis.follow_log.spooled_text import SpooledText
from aiotravis.follow_log.state import MAX_LIVE_DELAY, LogState

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


def test_the_log_of_a_silent_job_is_read_ever_more_rarely_and_the_job_always() -> None:
    state = running()
    now, read_at = 0.0, [0.0]
    while now < 3000:
        assert state.poll_delay(now, live=True, idle=12.0) == 12.0
        now += 12.0
        if state.needs_log(now, live=True):
            state.apply_poll(Snapshot(parts=()), pending=False, before=state.position, now=now)
            read_at.append(now)
    pauses = [after - before for before, after in pairwise(read_at)]
    assert IDLE_POLL_DELAY <= pauses[0] < pauses[1] < pauses[2]
    assert MAX_IDLE_POLL_DELAY <= pauses[-1] < MAX_IDLE_POLL_DELAY + 12.0


def test_polls_that_a_reconnect_causes_do_not_make_others_rarer() -> None:
    state = running()
    for turn in range(5):
        state.handle_event(events.Reconnected(down=1.0), 10.0 * turn)
        assert state.poll_delay(10.0 * turn, live=True) == POLL_DELAY
        state.apply_poll(Snapshot(parts=()), pending=False, before=state.position, now=10.0 * turn)
    assert not state.needs_log(40.0 + IDLE_POLL_DELAY - 1, live=True)
    assert state.needs_log(40.0 + IDLE_POLL_DELAY, live=True)


def test_many_parts_behind_a_gap_lead_to_a_poll_at_once() -> None:
    state = running()
    for number in range(1, MAX_WAITING_PARTS + 1):
        assert not state.is_poll_due(10.0)
        state.handle_event(log(number, "x"), 10.0)
    assert state.is_poll_due(10.0)
    state.apply_poll(Snapshot(parts=()), pending=False, before=state.position, now=10.0)
    state.handle_event(log(MAX_WAITING_PARTS + 1, "x"), 10.0)
    assert not state.is_poll_due(10.0)


def test_a_listing_shows_where_numbering_begins() -> None:
    state = running()
    state.handle_event(log(1, "a"), 10.0)
    assert texts(state) == []
    stored = Snapshot(parts=(LogPart(number=1, content="a"),))
    state.apply_poll(stored, pending=False, before=state.position)
    state.handle_event(log(2, "b"), 12.0)
    assert texts(state) == ["a", "b"]
    state.handle_event(log(0, "first after all"), 12.0)
    assert texts(state) == ["", "first after all"]
    assert state.is_poll_due(12.0)


def test_a_listing_without_the_first_two_parts_does_not() -> None:
    state = running()
    state.apply_poll(Snapshot(parts=(LogPart(number=2, content="c"),)), pending=False, before=state.position)
    assert (texts(state), state.missing) == ([], (0, 1))


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
    created = Job(id=JOB, state=State.CREATED, updated_at=STARTED.replace(hour=1))
    state.handle_event(events.JobCreated(job=created), 11.0)
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


def test_a_repeated_created_event_is_no_restart() -> None:
    state = LogState(JOB)
    created = events.JobCreated(job=Job(id=JOB, state=State.CREATED, updated_at=STARTED.replace(hour=1)))
    state.handle_event(created, 0.0)
    state.update_job(job(State.STARTED, None), 0.0)
    state.apply_poll(Snapshot(parts=()), pending=False, before=state.position)
    state.handle_event(log(0, "a"), 1.0)
    for late in (False, True):
        state.handle_event(events.JobCreated(job=created.job, late=late), 20.0)
    assert texts(state) == ["a"]


@pytest.mark.parametrize(
    ("now", "resets"),
    [(job(State.STARTED), 0), (job(State.CREATED, None), 1), (job(State.STARTED, STARTED.replace(hour=5)), 1)],
)
def test_a_created_event_without_time_is_judged_by_the_state_of_the_job(now: Job, resets: int) -> None:
    state = running()
    state.handle_event(log(0, "a"), 10.0)
    state.handle_event(events.JobCreated(job=job(State.CREATED, None)), 11.0)
    assert state.is_poll_due(11.0)
    assert texts(state) == ["a"]
    state.update_job(now, 11.0)
    assert len(texts(state)) == resets


def test_an_event_of_another_run_leads_to_a_poll() -> None:
    state = running()
    state.handle_event(log(0, "old"), 10.0)
    state.handle_event(events.JobStarted(job=job(State.STARTED, STARTED.replace(hour=5))), 11.0)
    assert state.is_poll_due(11.0)
    assert state.update_job(job(State.STARTED, STARTED.replace(hour=5)), 12.0)
    assert len(texts(state)) == 2


async def ended_with(*contents: str, stored: str, at: float = 10.0) -> tuple[LogState, str]:
    """Return the state and the text after parts came live, the job ended, and a text was read."""
    state = running()
    for number, content in enumerate(contents):
        state.handle_event(log(number, content), at)
    given = "".join(text or "" for text in texts(state))
    state.update_job(job(State.PASSED), 20.0)
    snapshot = whole(state, stored)
    assert snapshot.text is not None
    await snapshot.text.compare(state.held_texts)
    state.merge_whole(snapshot)
    await deliver_remainder(state)
    for part in state.ready:
        given = "" if isinstance(part, LogReset) else given + (part.content or "")
    return state, given


@pytest.mark.parametrize("at", [1.0, 10.0])
@pytest.mark.parametrize(
    ("stored", "text", "covered"),
    [
        ("part one, part two, part three", "part one, part two, part three", True),
        ("part one, part two, part three and more", "part one, part two, part three and more", True),
        ("part two, part three", "part one, part two, part three", True),
        ("wo, part three", "part one, part two, part three", True),
        ("part three and more", "part one, part two, part three and more", True),
        ("one, part two, part three and more", "part one, part two, part three and more", True),
        ("part one, part three", "part one, part two, part three", True),
        ("part one, part two, ", "part one, part two, part three", False),
        ("part o", "part one, part two, part three", False),
        ("part one, Canceled.", "part one, part two, part threeCanceled.", True),
        ("", "part one, part two, part three", False),
    ],
)
async def test_a_stored_text_that_lacks_parts_takes_nothing_back(
    stored: str, text: str, covered: bool, at: float
) -> None:
    state, given = await ended_with("part one, ", "part two, ", "part three", stored=stored, at=at)
    assert given == text
    assert state.covered is covered


async def test_a_stored_text_that_lacks_a_held_part_is_not_used() -> None:
    state = running()
    state.handle_event(log(0, "one "), 10.0)
    state.handle_event(log(2, "three "), 10.0)
    state.update_job(job(State.PASSED), 20.0)
    snapshot = whole(state, "one two ")
    assert snapshot.text is not None
    await snapshot.text.compare(state.held_texts)
    state.merge_whole(snapshot)
    assert (state.remainder, state.covered, state.missing) == (None, False, (1,))


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


@pytest.mark.parametrize(
    ("started_ago", "received_at", "doubtful"),
    [
        (None, MAX_LIVE_DELAY, True),
        (0.0, 0.0, True),
        (50.0, MAX_LIVE_DELAY - 1, True),
        # The clock of this machine is behind.
        (-50.0, 0.0, True),
        (0.0, MAX_LIVE_DELAY, False),
        (70.0, 0.0, False),
        (86400.0, 0.0, False),
    ],
)
def test_only_live_parts_that_may_be_of_the_run_before_need_comparison(
    started_ago: float | None, received_at: float, doubtful: bool
) -> None:
    started_at = None if started_ago is None else datetime.now(UTC) - timedelta(seconds=started_ago)
    state = LogState(JOB)
    state.update_job(job(State.STARTED, started_at), 0.0)
    state.set_opened(0.0)
    state.handle_event(log(0, "a"), received_at)
    assert state.needs_comparison is doubtful
    assert not state.waits_for_comparison


@pytest.mark.parametrize("mark", [events.Reconnected(down=1.0), events.Lagged(dropped=3)])
def test_a_gap_of_the_live_channel_needs_a_poll_but_no_comparison(mark: events.Event) -> None:
    state = running()
    state.handle_event(log(0, "a"), 10.0)
    state.handle_event(mark, 11.0)
    assert state.needs_log(11.0, live=True)
    assert not state.needs_comparison


def test_parts_behind_a_gap_are_delivered_at_the_end() -> None:
    state = running()
    state.apply_poll(Snapshot(parts=(LogPart(number=0, content="a"), LogPart(number=2, content="c"))), pending=False,
                 before=state.position)  # fmt: skip
    state.finish()
    assert texts(state) == ["a", "c"]
    assert (state.finished, state.gap, state.highest_listed) == (True, (1,), 2)


@pytest.mark.parametrize("updated_at", [None, STARTED])
def test_the_first_created_event_takes_nothing_back_without_a_look_at_the_job(updated_at: datetime | None) -> None:
    state = LogState(JOB)
    state.update_job(job(State.CREATED, None), 0.0)
    state.set_opened(0.0)
    state.handle_event(log(0, "a"), 10.0)
    state.handle_event(events.JobCreated(job=Job(id=JOB, state=State.CREATED, updated_at=updated_at)), 11.0)
    assert state.is_poll_due(11.0)
    assert not state.update_job(job(State.STARTED), 12.0)
    assert texts(state) == ["a"]
    assert state.waits_for_comparison


@pytest.mark.parametrize("mark", [events.Reconnected(down=1.0), events.Lagged(dropped=3)])
def test_a_gap_before_the_start_of_the_run_is_known_waits_for_the_stored_log(mark: events.Event) -> None:
    state = LogState(JOB)
    state.update_job(job(State.CREATED, None), 0.0)
    state.set_opened(0.0)
    state.handle_event(mark, 10.0)
    assert not state.waits_for_comparison
    state.handle_event(log(0, "a"), 11.0)
    state.handle_event(mark, 12.0)
    assert state.waits_for_comparison
