"""Which run a state is of: reads and events, with dates of every kind."""

import itertools
from typing import Any

import msgspec
import pytest

from aiotravis import Build, Job
from aiotravis._http.lenient import LenientReader, exhaust
from aiotravis.resources._build_or_job import finish
from aiotravis.resources._run_order import Run, RunOrder

# Times as of fact 1.3, with milliseconds in events (fact 7.8).
START, END = "2026-11-27T15:59:00Z", "2026-11-27T15:59:58Z"
EARLIER_START, EARLIER_END = "2026-11-27T14:00:00Z", "2026-11-27T14:05:00Z"
NEXT_START, NEXT_END = "2026-11-27T16:00:05Z", "2026-11-27T16:00:30Z"
AT_CREATION, DURING, SOON, AT_NEXT_END = (
    "2026-11-27T15:58:30.123Z", "2026-11-27T15:59:30.500Z", "2026-11-27T16:00:01.250Z", "2026-11-27T16:00:30.700Z",
)  # fmt: skip
# fact 10.1: dates that cannot be read, or that no job can have.
YEAR_1, YEAR_1970, YEAR_9999 = "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T00:00:00Z"

ENDED = {"state": "failed", "started_at": START, "finished_at": END}
RUNNING = {"state": "started", "started_at": START, "finished_at": None}
CREATED = {"state": "created", "started_at": None, "finished_at": None}
NEVER_STARTED = {"state": "canceled", "started_at": None, "finished_at": END}
WITHOUT_TIMES = {"state": "canceled", "started_at": None, "finished_at": None}
NEXT_RUNNING = {"state": "started", "started_at": NEXT_START, "finished_at": None}
NEXT_ENDED = {"state": "passed", "started_at": NEXT_START, "finished_at": NEXT_END}
NEXT_CANCELED = {"state": "canceled", "started_at": None, "finished_at": NEXT_END}
EARLIER = {"state": "passed", "started_at": EARLIER_START, "finished_at": EARLIER_END}

EQUAL, LATER, UNKNOWN, IS_EARLIER = RunOrder.EQUAL, RunOrder.LATER, RunOrder.UNKNOWN, RunOrder.EARLIER


def build(fields: dict[str, Any], **others: Any) -> Build:
    """Return a build as the client reads it: what cannot be read takes its default."""
    return finish([exhaust(LenientReader(Build).read(msgspec.json.encode({"id": 7, **fields, **others})))])[0]


READS = [
    # The old run had ended.
    (ENDED, ENDED, EQUAL),
    (ENDED, CREATED, LATER),
    (ENDED, {"state": "queued"}, LATER),
    (ENDED, {"state": "received"}, LATER),
    (ENDED, NEXT_RUNNING, LATER),
    (ENDED, NEXT_ENDED, LATER),
    (ENDED, NEXT_CANCELED, LATER),
    (ENDED, {**NEXT_ENDED, "finished_at": EARLIER_END}, LATER),
    (ENDED, {**NEXT_ENDED, "finished_at": END}, LATER),
    (ENDED, {**ENDED, "started_at": EARLIER_START}, LATER),
    (ENDED, WITHOUT_TIMES, LATER),
    (ENDED, RUNNING, EQUAL),
    # Its times are still shown while its state has changed already.
    (ENDED, {**ENDED, "state": "created"}, EQUAL),
    (ENDED, {**ENDED, "state": None, "started_at": ""}, EQUAL),
    # Dates that cannot be read.
    (ENDED, {**ENDED, "started_at": None}, EQUAL),
    (ENDED, {**ENDED, "started_at": YEAR_1}, EQUAL),
    (ENDED, {**ENDED, "finished_at": ""}, EQUAL),
    (ENDED, {**ENDED, "finished_at": YEAR_1970}, EQUAL),
    (ENDED, {**ENDED, "started_at": "", "finished_at": YEAR_1}, UNKNOWN),
    (ENDED, {**ENDED, "started_at": ""} | {"finished_at": NEXT_END}, UNKNOWN),
    (ENDED, {"state": "started", "started_at": ""}, LATER),
    (ENDED, {"state": "persisted"}, UNKNOWN),
    (ENDED, {"state": "", "started_at": START}, EQUAL),
    (ENDED, {**NEXT_RUNNING, "state": "persisted"}, LATER),
    ({**ENDED, "finished_at": YEAR_9999}, CREATED, LATER),
    ({**ENDED, "finished_at": YEAR_9999}, {**NEXT_ENDED, "finished_at": YEAR_9999}, LATER),
    ({**ENDED, "finished_at": None}, NEXT_ENDED, LATER),
    ({**ENDED, "started_at": YEAR_9999}, NEXT_ENDED, LATER),
    ({**ENDED, "started_at": ""}, ENDED, LATER),
    ({"state": "canceled", "started_at": START, "finished_at": END}, WITHOUT_TIMES, UNKNOWN),
    # It ran.
    (RUNNING, RUNNING, EQUAL),
    (RUNNING, ENDED, EQUAL),
    (RUNNING, CREATED, LATER),
    (RUNNING, NEXT_RUNNING, LATER),
    (RUNNING, NEXT_ENDED, LATER),
    (RUNNING, {"state": "started", "started_at": ""}, UNKNOWN),
    (RUNNING, {**ENDED, "started_at": ""}, UNKNOWN),
    (RUNNING, NEXT_CANCELED, LATER),
    # It had not begun. From null to a first value is the same run.
    (CREATED, CREATED, EQUAL),
    (CREATED, RUNNING, EQUAL),
    (CREATED, ENDED, EQUAL),
    (CREATED, NEVER_STARTED, EQUAL),
    (CREATED, WITHOUT_TIMES, EQUAL),
    # It ended without having begun.
    (NEVER_STARTED, NEVER_STARTED, EQUAL),
    (NEVER_STARTED, CREATED, LATER),
    (NEVER_STARTED, NEXT_RUNNING, LATER),
    (NEVER_STARTED, NEXT_ENDED, LATER),
    (NEVER_STARTED, NEXT_CANCELED, LATER),
    (NEVER_STARTED, WITHOUT_TIMES, UNKNOWN),
    (WITHOUT_TIMES, WITHOUT_TIMES, EQUAL),
    (WITHOUT_TIMES, NEVER_STARTED, UNKNOWN),
    (WITHOUT_TIMES, {**WITHOUT_TIMES, "state": "errored"}, LATER),
    (WITHOUT_TIMES, CREATED, LATER),
    (WITHOUT_TIMES, NEXT_ENDED, LATER),
]


@pytest.mark.parametrize(("held", "value", "order"), READS)
def test_a_state_that_was_read_is_of(held: dict[str, Any], value: dict[str, Any], order: RunOrder) -> None:
    assert Run.of(build(held)).order_of(build(value), is_event=False) is order


EVENTS = [
    # fact 7.9: created, from before the old run, while it ran, and from after it.
    (ENDED, {**CREATED, "updated_at": AT_CREATION}, UNKNOWN),
    (ENDED, {**CREATED, "updated_at": DURING}, UNKNOWN),
    (ENDED, {**CREATED, "updated_at": SOON}, LATER),
    (ENDED, {**CREATED, "updated_at": ""}, UNKNOWN),
    (ENDED, {**CREATED, "updated_at": YEAR_1970}, UNKNOWN),
    (ENDED, CREATED, UNKNOWN),
    (ENDED, {"state": "queued", "updated_at": SOON}, LATER),
    (RUNNING, {**CREATED, "updated_at": AT_CREATION}, UNKNOWN),
    (RUNNING, {**CREATED, "updated_at": SOON}, LATER),
    # The end of the old run, late or again.
    (ENDED, ENDED, EQUAL),
    (ENDED, {**ENDED, "updated_at": SOON}, EQUAL),
    (ENDED, {**ENDED, "updated_at": YEAR_1970}, EQUAL),
    (ENDED, {**ENDED, "started_at": None, "updated_at": SOON}, EQUAL),
    (ENDED, {"state": "failed", "updated_at": SOON}, UNKNOWN),
    (ENDED, {**RUNNING, "updated_at": SOON}, EQUAL),
    # Another run.
    (ENDED, {**NEXT_RUNNING, "updated_at": NEXT_START}, LATER),
    (ENDED, NEXT_RUNNING, UNKNOWN),
    (ENDED, {**NEXT_ENDED, "updated_at": AT_NEXT_END}, LATER),
    (ENDED, NEXT_ENDED, UNKNOWN),
    (ENDED, {**NEXT_CANCELED, "updated_at": AT_NEXT_END}, UNKNOWN),
    (ENDED, {**EARLIER, "updated_at": EARLIER_END}, UNKNOWN),
    (ENDED, {**EARLIER, "updated_at": SOON}, UNKNOWN),
    (ENDED, {"state": "started", "updated_at": SOON}, UNKNOWN),
    (ENDED, {"state": "persisted", "updated_at": SOON}, UNKNOWN),
    (RUNNING, {**ENDED, "updated_at": END}, EQUAL),
    (RUNNING, {**NEXT_ENDED, "updated_at": AT_NEXT_END}, LATER),
    (RUNNING, {**EARLIER, "updated_at": AT_NEXT_END}, UNKNOWN),
    # fact 10.1: the clock of a worker can be ahead, its dates can be absurd.
    ({**ENDED, "finished_at": "2026-11-27T16:00:03Z"}, {**CREATED, "updated_at": SOON}, UNKNOWN),
    ({**ENDED, "finished_at": YEAR_9999}, {**CREATED, "updated_at": SOON}, UNKNOWN),
    ({**ENDED, "finished_at": YEAR_1970}, {**CREATED, "updated_at": SOON}, LATER),
    ({**ENDED, "started_at": YEAR_1970}, {**NEXT_RUNNING, "updated_at": NEXT_START}, LATER),
    ({**ENDED, "started_at": YEAR_1970, "finished_at": YEAR_1970}, {**CREATED, "updated_at": SOON}, UNKNOWN),
    # An event that is older than another one of this run.
    ({**ENDED, "updated_at": SOON}, {**CREATED, "updated_at": END}, IS_EARLIER),
    ({**ENDED, "updated_at": SOON}, {**NEXT_ENDED, "updated_at": END}, IS_EARLIER),
    ({**ENDED, "updated_at": SOON}, {**CREATED, "updated_at": AT_NEXT_END}, LATER),
    # The old run had not begun.
    (CREATED, {**CREATED, "updated_at": SOON}, EQUAL),
    (CREATED, {**NEXT_RUNNING, "updated_at": NEXT_START}, EQUAL),
    (CREATED, NEXT_RUNNING, UNKNOWN),
    (CREATED, {**ENDED, "updated_at": END}, UNKNOWN),
    (CREATED, {**NEVER_STARTED, "updated_at": SOON}, UNKNOWN),
    (NEVER_STARTED, {**CREATED, "updated_at": AT_CREATION}, UNKNOWN),
    (NEVER_STARTED, {**CREATED, "updated_at": SOON}, LATER),
    (NEVER_STARTED, {**NEXT_ENDED, "updated_at": AT_NEXT_END}, LATER),
    (NEVER_STARTED, {**NEVER_STARTED, "updated_at": AT_NEXT_END}, EQUAL),
    (WITHOUT_TIMES, {**CREATED, "updated_at": SOON}, UNKNOWN),
]


@pytest.mark.parametrize(("held", "value", "order"), EVENTS)
def test_a_state_that_an_event_told_of_is_of(held: dict[str, Any], value: dict[str, Any], order: RunOrder) -> None:
    assert Run.of(build(held)).order_of(build(value), is_event=True) is order


OLD_RUNS = [ENDED, RUNNING, CREATED, NEVER_STARTED, WITHOUT_TIMES, {**ENDED, "finished_at": YEAR_9999}]
STATES = ["created", "queued", "started", "passed", "failed", "canceled", "errored", "persisted", ""]
DATES = [None, YEAR_1970, YEAR_9999, START, END, EARLIER_START, NEXT_START]
UPDATES = [None, YEAR_1970, YEAR_9999, AT_CREATION, DURING, SOON]


@pytest.mark.parametrize("held", OLD_RUNS)
def test_all_combinations_of_dates_keep_the_rules(held: dict[str, Any]) -> None:
    old = Run.of(build(held))
    for state, started_at, finished_at in itertools.product(STATES, DATES, DATES):
        read = build({"state": state, "started_at": started_at, "finished_at": finished_at})
        by_read = old.order_of(read, is_event=False)
        assert by_read is not IS_EARLIER
        if started_at is not None and old.started_at is not None:
            # Two starts that are known decide.
            assert by_read is (EQUAL if read.started_at == old.started_at else LATER)
        if read.pending and started_at is None and finished_at is None and (old.state.finished or old.started_at):
            assert by_read is LATER
        for updated_at in UPDATES:
            event = build({"state": state, "started_at": started_at, "finished_at": finished_at}, updated_at=updated_at)
            by_event = old.order_of(event, is_event=True)
            if event.started_at is not None and event.started_at == old.started_at:
                assert by_event is EQUAL
            elif updated_at in {None, YEAR_1970}:
                assert by_event in {EQUAL, UNKNOWN}
            if by_event is LATER:
                # What an event decides, a read of the same state decides alike.
                assert by_read is LATER


def test_a_job_is_compared_as_a_build_is() -> None:
    job = msgspec.json.decode(b'{"id":8,"state":"created","started_at":null}', type=Job)
    assert Run.of(build(ENDED)).order_of(job, is_event=False) is LATER


def test_what_is_known_of_a_run_is_not_taken_back() -> None:
    run = Run.of(build(CREATED)).with_state(build(RUNNING, updated_at=DURING)).with_state(build(ENDED))
    assert run.with_state(build(RUNNING, updated_at=AT_CREATION)) == run
    assert run.with_state(build(ENDED, finished_at=None)) == run
    assert (run.state, run.started_at, run.finished_at) == ("failed", build(ENDED).started_at, build(ENDED).finished_at)
    assert run.updated_at == build({}, updated_at=DURING).updated_at
