"""Payloads of the live channel, from their wire form to classes."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import Build, Job, State, events
from aiotravis.live.decoding import read_event
from aiotravis.live.protocol import Message

JOB = """{"id":501,"repository_id":82,"repository_slug":"a/b","repository_private":false,"build_id":500,"commit_id":5,
"number":"784.1","state":"canceled","queue":"builds.gce","allow_failure":false,"updated_at":"2026-01-01T00:00:00.250Z",
"started_at":null,"finished_at":null,"stage":{"id":3,"build_id":500,"number":1,"name":"Test","state":"started",
"started_at":null,"finished_at":null},"commit":{"id":5,"sha":"abc","branch":"master"}}"""

BUILD = """{"repository":{"id":82,"slug":"a/b","description":null,"private":false,"last_build_id":500,"active":true,
"current_build_id":500,"default_branch":{"name":"master","last_build_id":500}},
"commit":{"id":5,"sha":"abc","branch":"master","message":"Fix"},
"build":{"id":500,"repository_id":82,"commit_id":5,"number":"784","pull_request":false,"pull_request_title":null,
"pull_request_number":null,"state":"passed","started_at":"2026-01-01T00:00:00Z","finished_at":null,"duration":null,
"job_ids":[501],"event_type":"push","updated_at":"2026-01-01T00:00:00.250Z","created_by":null,"commit":"abc",
"branch":"master","message":"Fix"},"stages":[{"id":3,"name":"Test"}]}"""

JOBS = {
    "job:created": events.JobCreated, "job:queued": events.JobQueued, "job:received": events.JobReceived,
    "job:started": events.JobStarted, "job:finished": events.JobFinished, "job:canceled": events.JobCanceled,
}  # fmt: skip
BUILDS = {
    "build:created": events.BuildCreated, "build:received": events.BuildReceived, "build:started": events.BuildStarted,
    "build:finished": events.BuildFinished, "build:canceled": events.BuildCanceled,
}  # fmt: skip


def decoded(name: str, channel: str | None, data: object) -> events.Event:
    return read_event(Message(event=name, channel=channel, data=data))


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("data", [JOB, json.loads(JOB), f'{{"job":{JOB}}}'])
def test_a_job_event_carries_its_job(name: str, data: object) -> None:
    event = decoded(name, "repo-82", data)
    assert isinstance(event, JOBS[name])
    assert isinstance(event, events.JobEvent)
    assert (event.channel, event.complete, event.job.state) == ("repo-82", True, State.CANCELED)
    assert event.job.updated_at == datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
    assert event.job.commit is not None
    assert event.job.stage is not None
    assert event.job.stage.name == "Test"


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("data", [BUILD, json.loads(BUILD)])
def test_a_build_event_carries_build_commit_repository_and_stages(name: str, data: object) -> None:
    event = decoded(name, "repo-82", data)
    assert isinstance(event, BUILDS[name])
    assert isinstance(event, events.BuildEvent)
    assert event.build.commit is not None
    assert (event.build.commit.sha, event.build.job_ids, event.build.state) == ("abc", (501,), State.PASSED)
    assert event.repository is not None
    assert (event.repository.slug, event.repository.private, len(event.stages)) == ("a/b", False, 1)


def test_a_build_event_of_an_old_server_has_no_stages() -> None:
    event = decoded("build:started", None, '{"build":{"id":1},"repository":{"id":2}}')
    assert isinstance(event, events.BuildStarted)
    assert (event.stages, event.build.commit) == ((), None)


def test_dates_of_events_with_an_offset_are_utc() -> None:
    at, moment = "2014-04-08T02:17:34+02:00", datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)
    commit = {"id": 3, "committed_at": at}
    job = decoded("job:finished", None, json.dumps({"id": 1, "finished_at": at, "commit": commit}))
    build = decoded("build:finished", None, json.dumps({"build": {"id": 1, "finished_at": at}, "commit": commit}))
    assert isinstance(job, events.JobEvent)
    assert isinstance(build, events.BuildEvent)
    for value in (job.job, build.build):
        assert value.commit is not None
        for date in (value.finished_at, value.commit.committed_at):
            assert date is not None
            assert (date, date.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(("number", "read"), [("3", 3), ("2147483647", 2147483647), ('"7.1"', "7.1")])
def test_a_log_part_keeps_its_number(number: str, read: int | str) -> None:
    data = f'{{"id":501,"_log":"$ make\\n","number":{number},"final":true,"build_id":1,"repository_id":2}}'
    for form in (data, json.loads(data)):
        assert decoded("job:log", "job-501", form) == events.JobLog(
            channel="job-501", job_id=501, content="$ make\n", number=read, final=True
        )


def test_an_event_without_a_payload_has_ids_alone_and_is_incomplete() -> None:
    job = decoded("job:started", None, '{"id":501,"build_id":500,"_no_full_payload":true}')
    assert isinstance(job, events.JobStarted)
    assert (job.job.id, job.job.build_id, job.complete) == (501, 500, False)
    build = decoded("build:started", None, {"build": {"id": 500}, "_no_full_payload": True})
    assert isinstance(build, events.BuildStarted)
    assert (build.build.id, build.complete) == (500, False)


@pytest.mark.parametrize(
    ("name", "data", "kept"),
    [
        ("annotation:created", '{"annotation":{}}', {"annotation": {}}),
        ("annotation:updated", '{"id":1,"job_id":501}', {"id": 1, "job_id": 501}),
        ("worker:added", '{"id":1,"host":"h","name":"n","state":"ready","payload":{}}',
         {"id": 1, "host": "h", "name": "n", "state": "ready", "payload": {}}),
        ("worker:updated", "[]", []),
        ("worker:removed", "null", None),
        ("repository:migration", '{"repositoryId":82,"status":"migrated"}', {"repositoryId": 82, "status": "migrated"}),
        ("branch:created", '{"repository_id":82,"branch":"master"}', {"repository_id": 82, "branch": "master"}),
        ("job:restarted", '{"id":501}', {"id": 501}),
        ("build:restarted", {"build": {"id": 500}}, {"build": {"id": 500}}),
        ("", "", ""),
        ("job:started", '{"id":1', '{"id":1'),
        ("job:started", "\ud800", "\ud800"),
        ("job:started", 1 << 64, 1 << 64),
        ("job:started", None, None),
        ("user:logout", None, None),
        ("branch:updated", "no JSON", "no JSON"),
        ("job:log", "{", "{"),
        ("job:log", '{"id":"x"}', {"id": "x"}),
        ("job:started", "[]", []),
        ("job:started", '{"job":{}}', {"job": {}}),
        ("build:started", '{"id":1}', {"id": 1}),
        ("build:started", '{"build":{"id":"no"}}', {"build": {"id": "no"}}),
        ("build:started", '{"build":3}', {"build": 3}),
    ],
)  # fmt: skip
def test_an_unknown_or_unreadable_event_keeps_its_data(name: str, data: object, kept: object) -> None:
    assert decoded(name, "c", data) == events.UnknownEvent(channel="c", name=name, data=kept)


@given(
    st.sampled_from([*JOBS, *BUILDS, "job:log", "x"]),
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["id", "build", "job", "commit", "_log"]), inner)
        ),
        max_leaves=8,
    ),
)
def test_no_payload_raises(name: str, data: Any) -> None:
    assert isinstance(decoded(name, None, data), events.Event)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("name", ["job:log", "job:started", "build:started", "odd"])
@pytest.mark.parametrize("data", [nested(100_000), f'{{"id":1,"build":{{"id":1,"x":{nested(100_000)}}}}}', "9" * 5000])
def test_data_that_is_too_deep_or_too_big_to_decode_is_kept_as_text(name: str, data: str) -> None:
    assert decoded(name, None, data) == events.UnknownEvent(name=name, data=data)


NASTY = [
    "null", "true", "-0.0", "1.5", "1e18", "-1e18", "1e300", "9" * 400, f'"{"9" * 5000}"', '""', '"x"', '"nan"', '"0"',
    '"\\u0000"', '"2026-02-30T00:00:00Z"', '"9999-12-31T23:59:59-23:59"', "[]", "[null]", "{}", '{"id":null}',
]  # fmt: skip


HALF = r"\ud800"


@pytest.mark.parametrize(
    "data",
    [
        "[" + "NaN," * 1_500_000 + "1]",
        f'{{"id":1,"_log":"{HALF * 1_000_000}","number":0}}',
        f'{{"id":1,"commit":{{"id":1,"message":"{HALF * 1_000_000}"}}}}',
        '{"build":{"id":1,"duration":-Infinity},"stages":[' + "-Infinity," * 500_000 + "1]}",
    ],
    ids=["NaN", "log", "message", "Infinity"],
)
@pytest.mark.parametrize("name", ["job:log", "job:started", "build:started", "odd"])
def test_megabytes_that_are_no_json_are_soon_given_up(name: str, data: str) -> None:
    assert decoded(name, None, data) == events.UnknownEvent(name=name, data=data)


@pytest.mark.parametrize("stage", ['{"id":"x"}', "{}", "null", '{"id":1,"number":"x"}', '{"id":1,"started_at":[]}'])
def test_thousands_of_odd_stages_cost_the_stages_alone(stage: str) -> None:
    unreadable = 0

    def count() -> None:
        nonlocal unreadable
        unreadable += 1

    data = f'{{"build":{{"id":500,"state":"passed"}},"stages":[{",".join([stage] * 500_000)}]}}'
    event = read_event(Message(event="build:finished", data=data), count)
    assert isinstance(event, events.BuildFinished)
    assert (event.build.id, event.build.passed, event.stages, unreadable) == (500, True, (), 1)


@pytest.mark.parametrize("value", NASTY)
def test_an_event_with_a_readable_id_keeps_its_class_whatever_a_field_holds(value: str) -> None:
    for field in (*msgspec.structs.fields(Job), *msgspec.structs.fields(Build)):
        if field.name == "id":
            continue
        for name, data in (
            ("job:finished", f'{{"id":1,"{field.encode_name}":{value},"build_id":7}}'),
            ("build:finished", f'{{"build":{{"id":1,"{field.encode_name}":{value},"event_type":"push"}}}}'),
        ):
            event = decoded(name, "c", data)
            assert isinstance(event, events.JobFinished | events.BuildFinished)
            if isinstance(event, events.JobFinished):
                assert event.job.id == 1
                assert field.name == "build_id" or event.job.build_id == 7
            else:
                assert event.build.id == 1
                assert field.name == "event_type" or event.build.event_type == "push"
            assert event.updated_at is None or event.updated_at.tzinfo is not None
    for part in ("repository", "commit", "stages", "unknown"):
        event = decoded("build:finished", "c", f'{{"build":{{"id":1}},"{part}":{value}}}')
        assert isinstance(event, events.BuildFinished)
        assert event.build.id == 1


@pytest.mark.parametrize(
    ("updated_at", "read", "reported"),
    [
        ("0001-01-01T00:00:00", None, True),
        # fact 10.1: what some servers send for none.
        ("0001-01-01T00:00:00Z", None, False),
        ("0001-01-01T00:00:00.000Z", None, False),
        ("yesterday", None, True),
        ("", None, True),
        # fact 10.1: a date without a zone is UTC.
        ("2026-01-01T00:00:00.250", datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC), False),
        ("2026-01-01 00:00:00 UTC", datetime(2026, 1, 1, tzinfo=UTC), False),
    ],
)
def test_an_odd_date_of_an_event_is_unknown_or_utc(updated_at: str, read: datetime | None, reported: bool) -> None:
    counted: list[None] = []
    for name, data in (
        ("job:started", f'{{"id":1,"updated_at":"{updated_at}"}}'),
        ("job:started", f'{{"job":{{"id":1,"updated_at":"{updated_at}"}}}}'),
        ("build:started", f'{{"build":{{"id":1,"updated_at":"{updated_at}"}}}}'),
    ):
        event = read_event(Message(event=name, channel="c", data=data), lambda: counted.append(None))
        assert isinstance(event, events.JobStarted | events.BuildStarted)
        assert (event.updated_at, event.complete) == (read, True)
    assert len(counted) == 3 * reported


@pytest.mark.parametrize("state", ["null", "7", "[]", '{"is":"passed"}'])
def test_an_event_without_a_readable_state_is_incomplete(state: str) -> None:
    for name, data in (
        ("job:finished", f'{{"id":1,"state":{state}}}'),
        ("build:finished", f'{{"build":{{"id":1,"state":{state}}}}}'),
    ):
        event = decoded(name, "c", data)
        assert isinstance(event, events.JobFinished | events.BuildFinished)
        assert not event.complete


def test_a_log_part_is_read_as_far_as_its_text_and_number_can_be() -> None:
    part = decoded("job:log", "c", '{"id":"501","_log":"\\ud800 \\ud83d\\ude00\\n","number":7.1,"final":null}')
    assert part == events.JobLog(channel="c", job_id=501, content="\ufffd \U0001f600\n", number="7.1", final=False)
    for odd in ('"number":null', '"number":[]', '"number":{}', '"_log":[]', '"id":1.5', '"id":null'):
        # Its place or its text is unknown: REST has it.
        event = decoded("job:log", "c", f'{{"id":501,"_log":"x","number":1,{odd}}}')
        assert isinstance(event, events.UnknownEvent)


@pytest.mark.parametrize("final", [True, False])
def test_a_log_part_without_a_text_keeps_its_place_and_its_end(final: bool) -> None:
    for number, read in (("7", 7), ('"7.1"', "7.1"), ("7.1", "7.1")):
        data = f'{{"id":"501","_log":null,"number":{number},"final":{str(final).lower()}}}'
        event = decoded("job:log", "job-501", data)
        assert event == events.JobLog(channel="job-501", job_id=501, content="", number=read, final=final)


@pytest.mark.parametrize("value", ["0", "-1", '""', '" "', '"0"', "0.0", "9223372036854775808", f"1{'0' * 30}"])
def test_zero_negative_blank_and_huge_ids_of_events_are_no_ids(value: str) -> None:
    for name, data in (
        ("job:log", f'{{"id":{value},"_log":"x","number":0}}'),
        ("job:started", f'{{"id":{value},"state":"started"}}'),
        ("build:started", f'{{"build":{{"id":{value},"state":"started"}}}}'),
    ):
        assert isinstance(decoded(name, "c", data), events.UnknownEvent)
    event = decoded("job:started", "c", f'{{"id":1,"repository_id":{value},"build_id":{value}}}')
    assert isinstance(event, events.JobStarted)
    assert (event.job.repository_id, event.job.build_id) == (None, None)


def test_every_event_can_be_hashed_whatever_it_holds() -> None:
    for name in (*JOBS, *BUILDS, "job:log", "worker:updated"):
        for data in ('{"id":1,"build":{"id":1},"config":{"a":[1]},"number":0}', "[{}]", '{"a":{}}', None, "x"):
            event = decoded(name, "c", data)
            assert len({event, decoded(name, "c", data)}) == 1


def test_a_commit_message_that_contains_no_full_payload_leaves_the_event_complete() -> None:
    event = decoded("job:started", None, '{"id":1,"commit":{"id":5,"message":"Handle _no_full_payload"}}')
    assert isinstance(event, events.JobStarted)
    assert event.complete


def test_a_build_event_may_carry_a_configuration_as_a_job_event_may() -> None:
    job = decoded("job:started", None, '{"id":1,"config":{"language":"ruby"}}')
    assert isinstance(job, events.JobStarted)
    assert job.job.config == {"language": "ruby"}
    build = decoded("build:started", None, '{"build":{"id":1,"config":{"language":"ruby"}}}')
    assert isinstance(build, events.BuildStarted)
    assert build.build.config == {"language": "ruby"}
