"""The state of a followed log, without a server: events and snapshots in, parts and delays out."""

from datetime import UTC, datetime
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
from aiotravis.follow_log.state import MAX_OLD_LOG, LogState

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


async def merge(state: LogState, content: str) -> None:
    text = SpooledText.of(content, state.delivered)
    await text.compare(state.received, state.held_texts)
    state.merge(Snapshot(text=text))


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
            state.apply_poll(Snapshot(parts=()), before=state.position, now=now)
            read_at.append(now)
    pauses = [after - before for before, after in pairwise(read_at)]
    assert IDLE_POLL_DELAY <= pauses[0] < pauses[1] < pauses[2]
    assert MAX_IDLE_POLL_DELAY <= pauses[-1] < MAX_IDLE_POLL_DELAY + 12.0


def test_polls_that_a_reconnect_causes_do_not_make_others_rarer() -> None:
    state = running()
    for turn in range(5):
        state.handle_event(events.Reconnected(down=1.0), 10.0 * turn)
        assert state.poll_delay(10.0 * turn, live=True) == POLL_DELAY
        state.apply_poll(Snapshot(parts=()), before=state.position, now=10.0 * turn)
    assert not state.needs_log(40.0 + IDLE_POLL_DELAY - 1, live=True)
    assert state.needs_log(40.0 + IDLE_POLL_DELAY, live=True)


def test_many_parts_behind_a_gap_lead_to_a_poll_at_once() -> None:
    state = running()
    for number in range(1, MAX_WAITING_PARTS + 1):
        assert not state.is_poll_due(10.0)
        state.handle_event(log(number, "x"), 10.0)
    assert state.is_poll_due(10.0)
    state.apply_poll(Snapshot(parts=()), before=state.position, now=10.0)
    state.handle_event(log(MAX_WAITING_PARTS + 1, "x"), 10.0)
    assert not state.is_poll_due(10.0)


def test_a_listing_shows_where_numbering_begins() -> None:
    state = running()
    state.handle_event(log(1, "a"), 10.0)
    assert texts(state) == []
    stored = Snapshot(parts=(LogPart(number=1, content="a"),))
    state.apply_poll(stored, before=state.position, now=10.0)
    state.handle_event(log(2, "b"), 12.0)
    assert texts(state) == ["a", "b"]
    state.handle_event(log(0, "first after all"), 12.0)
    assert texts(state) == ["", "first after all"]
    assert state.is_poll_due(12.0)


def test_a_listing_without_the_first_two_parts_does_not() -> None:
    state = running()
    state.apply_poll(Snapshot(parts=(LogPart(number=2, content="c"),)), before=state.position, now=10.0)
    assert (texts(state), state.missing) == ([], (0, 1))


def test_without_a_live_channel_polls_are_frequent_but_rarer_for_long_texts() -> None:
    state = running()
    assert state.poll_delay(0.0, live=False) == POLL_DELAY
    state.apply_poll(whole(state, "x" * (3 << 20)), before=state.position, now=10.0)
    assert state.poll_delay(0.0, live=False) == POLL_DELAY + 3.0
    for _ in range(10):
        state.apply_poll(whole(state, "x" * (3 << 20)), before=state.position, now=10.0)
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
    state.apply_poll(Snapshot(parts=()), before=state.position, now=10.0)
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
    state.update_job(job(State.STARTED, STARTED.replace(hour=5)), 12.0)
    assert state.runs == 2
    assert len(texts(state)) == 2


async def ended_with(*contents: str, stored: str, at: float = 10.0) -> tuple[LogState, str]:
    """Return the state and the text after parts came live, the job ended, and a text was read."""
    state = running()
    for number, content in enumerate(contents):
        state.handle_event(log(number, content), at)
    given = "".join(text or "" for text in texts(state))
    state.update_job(job(State.PASSED), 20.0)
    await merge(state, stored)
    await deliver_remainder(state)
    for part in state.ready:
        given = "" if isinstance(part, LogReset) else given + (part.content or "")
    return state, given


@pytest.mark.parametrize(
    ("stored", "text", "covered"),
    [
        ("part one, part two, part three", "part one, part two, part three", True),
        ("part one, part two, part three and more", "part one, part two, part three and more", True),
        ("note: part one, more, part two, part three", "note: part one, more, part two, part three", True),
        ("Log removed by Sven Fuchs", "Log removed by Sven Fuchs", True),
        ("part two, part three", "part one, part two, part three", False),
        ("part three and more", "part one, part two, part three", False),
        ("part one, part three", "part one, part two, part three", False),
        ("part two, part one, part three", "part one, part two, part three", False),
        ("part one, part tw\ufffd, part three", "part one, part two, part three", False),
        ("rt one, part t, part thre", "part one, part two, part three", False),
        ("part one, part two, ", "part one, part two, part three", False),
        ("The log was truncated. part three", "part one, part two, part three", False),
        ("another", "part one, part two, part three", False),
        ("\r\n", "part one, part two, part three", False),
        ("", "part one, part two, part three", False),
    ],
)
async def test_only_a_stored_text_that_has_all_that_came_replaces_it(stored: str, text: str, covered: bool) -> None:
    state, given = await ended_with("part one, ", "part two, ", "part three", stored=stored)
    assert given == text
    assert state.covered is covered


async def test_a_stored_text_that_lacks_a_held_part_is_not_used() -> None:
    state = running()
    state.handle_event(log(0, "one "), 10.0)
    state.handle_event(log(2, "three "), 10.0)
    state.update_job(job(State.PASSED), 20.0)
    await merge(state, "one two ")
    assert (state.remainder, state.covered, state.missing) == (None, False, (1,))


def test_a_different_start_time_means_another_run() -> None:
    state = running()
    state.handle_event(log(0, "old"), 10.0)
    state.update_job(job(State.PASSED), 11.0)
    assert (state.job_ended, state.runs) == (True, 1)
    state.update_job(job(State.STARTED, STARTED.replace(hour=5)), 12.0)
    assert state.runs == 2
    assert (state.job_ended, state.run_unknown) == (False, False)


async def test_a_text_is_replaced_only_after_the_end_by_one_that_has_all_of_it() -> None:
    state = running()
    await merge(state, "a text")
    await deliver_remainder(state)
    await merge(state, "note: a text")
    assert texts(state) == ["a text"]
    state.job_ended = True
    await merge(state, "a tex")
    assert texts(state) == []
    await merge(state, "note: a text")
    await deliver_remainder(state)
    assert texts(state) == ["", "note: a text"]


# Runs that have just begun --------------------------------------------------------------------------------------------


def restarted() -> LogState:
    """Return the state of a job that was restarted, and whose new run was seen to begin."""
    state = running()
    state.handle_event(log(0, "old"), 10.0)
    state.handle_event(created(), 11.0)
    state.handle_event(events.JobStarted(job=job(State.STARTED, STARTED.replace(hour=2))), 12.0)
    assert texts(state) == ["old", ""]
    return state


def created() -> events.JobCreated:
    return events.JobCreated(job=Job(id=JOB, state=State.CREATED, updated_at=STARTED.replace(hour=1)))


def test_live_parts_of_a_new_run_are_delivered_from_its_beginning() -> None:
    state = restarted()
    for number in range(3):
        state.handle_event(log(number, str(number)), 12.0)
    assert texts(state) == ["0", "1", "2"]


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("form", ["whole", "numbered", "goes on", "text"])
def test_a_log_read_within_seconds_of_a_restart_is_not_used(form: str, live: bool) -> None:
    state = restarted()
    if live:
        state.handle_event(log(0, "new"), 12.0)
    old = (LogPart(number=0, content="old"), LogPart(number=1, content="old", final=form == "numbered"))
    snapshot = Snapshot(parts=old)
    if form == "whole":
        snapshot = Snapshot(parts=(LogPart(number=0, content="oldold", final=True),))
    elif form == "text":
        snapshot = whole(state, "oldold")
    state.apply_poll(snapshot, before=state.position, now=12.0 + MAX_OLD_LOG - 1)
    assert texts(state) == ["new"] * live
    # Where nothing came, the log is read again soon.
    assert state.needs_log(18.0, live=True) is not live
    parts = (LogPart(number=0, content="new"), LogPart(number=1, content="b"))
    state.apply_poll(Snapshot(parts=parts), before=state.position, now=12.0 + MAX_OLD_LOG)
    assert texts(state) == ["new", "b"][live:]


def test_late_parts_of_the_old_run_are_replaced_by_those_of_the_new_one() -> None:
    state = restarted()
    for number, content in ((0, "new 0"), (1, "old 1"), (3, "old 3"), (1, "new 1"), (2, "new 2"), (3, "new 3")):
        state.handle_event(log(number, content), 12.0)
    delivered = texts(state)
    last_reset = max(place for place, content in enumerate(delivered) if content == "")
    assert delivered[last_reset + 1 :] == ["new 0", "new 1", "new 2", "new 3"]


def test_live_parts_contradict_a_log_that_was_read_just_after_the_start() -> None:
    state = LogState(JOB)
    state.update_job(job(State.STARTED, datetime.now(UTC)), 0.0)
    old = (LogPart(number=0, content="old 0"), LogPart(number=1, content="old 1"))
    state.apply_poll(Snapshot(parts=old), before=state.position, now=0.0)
    state.set_opened(0.0)
    for number in range(2):
        state.handle_event(log(number, f"new {number}"), 1.0)
    assert texts(state) == ["old 0", "old 1", "", "new 0", "new 1"]


def test_parts_that_arrive_before_the_job_is_seen_to_run_fill_only_gaps() -> None:
    state = running()
    state.handle_event(created(), 10.0)
    for number in (0, 7):
        state.handle_event(log(number, f"early {number}"), 10.0)
    assert state.is_poll_due(10.0)
    state.update_job(job(State.STARTED, STARTED.replace(hour=2)), 11.0)
    state.handle_event(log(1, "b"), 11.0)
    assert texts(state) == []
    state.end()
    assert texts(state) == ["early 0", "b"]


@pytest.mark.parametrize("mark", [events.Reconnected(down=1.0), events.Lagged(dropped=3)])
def test_after_a_gap_of_the_live_channel_parts_wait_until_the_job_was_read(mark: events.Event) -> None:
    state = running()
    state.handle_event(log(0, "a"), 10.0)
    state.handle_event(mark, 11.0)
    assert state.needs_log(11.0, live=True)
    state.handle_event(log(1, "b"), 11.0)
    assert texts(state) == ["a"]
    assert state.is_poll_due(11.0)
    state.update_job(job(State.STARTED), 11.0)
    assert texts(state) == ["b"]


def test_a_late_end_of_the_old_run_is_not_that_of_the_new_one() -> None:
    state = running()
    state.handle_event(log(0, "old"), 10.0)
    state.handle_event(created(), 11.0)
    state.handle_event(events.JobFinished(job=job(State.PASSED)), 12.0)
    assert (state.job_ended, state.run_unknown) == (False, True)
    assert state.is_poll_due(12.0)


def test_a_final_part_counts_once_the_job_has_ended_or_it_is_listed_for_a_while() -> None:
    state = running()
    state.apply_poll(Snapshot(parts=(LogPart(number=0, content="a", final=True),)), before=state.position, now=10.0)
    assert texts(state) == ["a"]
    assert [state.check_final(now, is_listed=True) for now in (10.0, 12.0, 16.0)] == [False] * 3
    state.handle_event(log(1, "b"), 17.0)
    assert (texts(state), state.complete, state.check_final(20.0, is_listed=True)) == (["b"], False, False)
    state.handle_event(log(2, "c", final=True), 21.0)
    assert [state.check_final(now, is_listed=False) for now in (21.0, 23.0, 27.0, 35.0, 45.0)] == [False] * 5
    assert [state.check_final(now, is_listed=True) for now in (55.0, 65.0, 75.0)] == [False, False, True]
    state.update_job(job(State.PASSED), 36.0)
    assert state.check_final(36.0, is_listed=False)


def test_parts_behind_a_gap_are_delivered_at_the_end() -> None:
    state = running()
    parts = (LogPart(number=0, content="a"), LogPart(number=2, content="c"))
    state.apply_poll(Snapshot(parts=parts), before=state.position, now=10.0)
    state.end()
    assert texts(state) == ["a", "c"]
    assert (state.finished, state.gap, state.highest_listed) == (True, (1,), 2)


@pytest.mark.parametrize("shown", [None, STARTED])
@pytest.mark.parametrize("state", [State.STARTED, State.PASSED, State.FAILED])
def test_a_date_that_cannot_be_read_is_not_another_run(state: State, shown: datetime | None) -> None:
    state_of_log = running()
    state_of_log.handle_event(log(0, "a"), 1.0)
    state_of_log.update_job(job(state, shown), 2.0)
    assert (state_of_log.runs, state_of_log.started_at, texts(state_of_log)) == (1, STARTED, ["a"])


def test_a_run_that_was_canceled_before_it_began_is_another_one() -> None:
    state = running()
    state.update_job(job(State.CANCELED, None), 2.0)
    assert state.runs == 2
