"""Values in pydantic's models: validated, serialized, described."""

import copy
import pickle
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import msgspec
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import aiotravis
from aiotravis import (
    Build,
    Commit,
    Job,
    Repository,
    RepositoryUpdate,
    Results,
    State,
    WatchStatus,
    errors,
    events,
    log_text,
    webhooks,
)
from aiotravis._async.handle import Handle
from aiotravis._values import Value
from aiotravis.web import SessionUser

JSON = b"""{
    "id": 7, "number": "3", "state": "simmering", "started_at": "2020-01-01T02:00:00+02:00", "config": {"env": ["A=1"]},
    "commit": {"id": 1, "sha": "abc", "committed_at": "2020-01-01T00:00:00Z"}, "job_ids": ["8"], "jobs": [{"id": 8}]
}"""


class Model(BaseModel):
    """A model of a user."""

    build: Build
    jobs: list[Job] = []
    state: State = State.CREATED
    states: dict[str, State] = {}
    repository: Repository | None = None
    results: Results[Build] = Results()
    event: events.Event | None = None


BUILD: Build = msgspec.json.decode(JSON.replace(b"02:00:00+02:00", b"00:00:00Z"), type=Build, strict=False)

MODEL = Model(
    build=BUILD,
    jobs=[Job(id=8, commit=Commit(id=1, committed_at=datetime(2020, 1, 1, tzinfo=UTC)))],
    state=State("simmering"),
    states={"master": State.PASSED},
    repository=Repository(id=2, slug="a/b"),
    results=Results([BUILD]),
    event=events.BuildFinished(build=BUILD, channel="repo-2"),
)


def test_values_stay_as_they_are_in_models() -> None:
    assert MODEL.build is BUILD
    assert MODEL.model_dump()["build"] is BUILD
    assert Model(**MODEL.model_dump()) == MODEL
    assert copy.deepcopy(MODEL) == MODEL
    assert pickle.loads(pickle.dumps(MODEL)) == MODEL
    assert MODEL.model_copy(update={"build": Build(id=8)}) != MODEL


def test_values_become_the_json_of_travis_and_back() -> None:
    text = MODEL.model_dump_json()
    assert MODEL.model_dump(mode="json")["build"] == BUILD.to_dict()
    again = Model.model_validate_json(text)
    assert again == MODEL
    assert (again.build.config, again.state.known) == ({"env": ["A=1"]}, False)
    assert isinstance(again.results, Results)
    assert Model.model_validate(MODEL.model_dump(mode="json")) == MODEL


def test_json_is_read_as_that_of_travis() -> None:
    build = TypeAdapter(Build).validate_json(JSON)
    assert build == BUILD
    assert build.started_at is not None
    assert build.started_at.tzinfo is UTC
    assert (build.job_ids, build.jobs[0].id) == ((8,), 8)
    later = {"id": 8, "commit": {"id": 1, "committed_at": "2020-01-01T02:00:00+02:00"}}
    commits = [job.commit for job in TypeAdapter(Build).validate_python({"id": 7, "jobs": [later]}).jobs]
    assert [commit.committed_at.tzinfo for commit in commits if commit and commit.committed_at] == [UTC]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"id": "x"}, "Expected `int`, got `str` - at `$.id`"),
        ({"id": 7, "jobs": [{"id": 0}]}, "Expected `int` >= 1 - at `$.jobs[0].id`"),
        ({}, "missing required field `id`"),
        (None, "Expected `object`, got `null`"),
        (object(), "unsupported"),
    ],
)
def test_what_is_no_value_is_a_validation_error(given: object, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Build).validate_python(given)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("number", "written"), [("1e999", None), ("1000000000000000000000000000000", 10**30), ("1e3", 1000.0)]
)
def test_odd_numbers_in_configurations_become_json(number: str, written: float | None) -> None:
    build = msgspec.json.decode(b'{"id":7,"config":{"n":%s}}' % number.encode(), type=Build)
    again = TypeAdapter(Build).validate_json(TypeAdapter(Build).dump_json(build))
    assert again.config == {"n": written}
    assert TypeAdapter(Build).validate_python(build.to_dict()).config == {"n": written}


def test_states_are_open() -> None:
    schema = TypeAdapter(State).json_schema()
    assert (schema["type"], schema["title"], "enum" in schema) == ("string", "State", False)
    assert {"passed", "started"} <= set(schema["examples"])
    assert TypeAdapter(State).validate_python("PASSED") is State.PASSED
    with pytest.raises(ValidationError):
        TypeAdapter(State).validate_python(7)


def test_schemas_refer_to_those_of_other_values() -> None:
    schema = Model.model_json_schema(mode="serialization")
    definitions = schema["$defs"]
    build = definitions["Build"]["properties"]
    assert schema["properties"]["build"] == {"$ref": "#/$defs/Build"}
    assert build["jobs"]["items"] == {"$ref": "#/$defs/Job"}
    # Older versions of msgspec have another order.
    assert {"$ref": "#/$defs/Commit"} in build["commit"]["anyOf"]
    assert {"type": "null"} in build["commit"]["anyOf"]
    assert build["state"]["$ref"] == "#/$defs/State"
    assert {"type": "string", "format": "date-time"} in build["started_at"]["anyOf"]
    # Raw JSON can be anything.
    assert set(build["config"]) == {"description"}
    assert build["number"]["description"].startswith('``"784"`` for a build')
    assert build["duration"]["description"].startswith("Seconds, the sum over the jobs")
    assert definitions["Build"]["description"] == "A build. Further attributes: `BuildOrJob`."
    assert Model.model_json_schema()["$defs"]["Build"]["required"] == ["id"]


def test_events_are_told_apart_by_their_names() -> None:
    several: list[events.Event] = [
        events.BuildStarted(build=BUILD),
        events.JobFinished(job=Job(id=8)),
        events.JobLog(job_id=8, content="text", number=3),
        events.UnknownEvent(name="job:retried", data={"id": 8}),
        events.Lagged(dropped=3),
        events.Reconnected(down=0.5),
    ]
    adapter = TypeAdapter(list[events.Event])
    assert adapter.validate_json(adapter.dump_json(several)) == several
    names = [event.to_dict()["event"] for event in several]
    assert names == ["build:started", "job:finished", "job:log", "unknown", "lagged", "reconnected"]
    assert msgspec.json.decode(several[1].to_json(), type=events.JobStarted | events.JobFinished) == several[1]
    two: TypeAdapter[object] = TypeAdapter(events.JobStarted | events.JobFinished)
    assert two.validate_json(two.dump_json(several[1])) == several[1]
    wire = {cls.__struct_config__.tag: cls for cls in events.EVENTS_BY_NAME.values()}
    assert wire == events.EVENTS_BY_NAME
    invalid: list[object] = [{"event": "no:such"}, {"id": 7}, [], object()]
    for given in invalid:
        with pytest.raises(ValidationError):
            TypeAdapter(events.Event).validate_python(given)
    event = TypeAdapter(events.JobFinished).json_schema(mode="serialization")
    assert event["properties"]["event"] == {"enum": ["job:finished"]}


def test_endings_of_logs_are_told_apart() -> None:
    several: list[log_text.Ending] = [
        log_text.ScriptEnded(code=1), log_text.Stalled(line=4), log_text.TimeLimit(), log_text.Unfinished()
    ]  # fmt: skip
    adapter = TypeAdapter(list[log_text.Ending])
    assert adapter.validate_json(adapter.dump_json(several)) == several
    assert several[2].to_dict()["ending"] == "time-limit"


def _public_values(*modules: ModuleType) -> Iterator[type[Value]]:
    for module in modules:
        for name in module.__all__:
            kind = getattr(module, name)
            if isinstance(kind, type) and issubclass(kind, Value):
                yield kind


def _sample(kind: Any) -> Any:
    """Return the simplest instance of a type."""
    if msgspec.inspect.is_struct_type(kind):
        required = [field for field in msgspec.structs.fields(kind) if field.required]
        return kind(**{field.name: _sample(field.type) for field in required})
    examples: list[Any] = [1, "x", 0.5, "passed", "connected", datetime(2020, 1, 1, tzinfo=UTC), (), {}]
    for example in examples:
        try:
            return msgspec.convert(example, kind)
        except msgspec.ValidationError:
            continue
    raise AssertionError(kind)


def test_every_public_value_is_described_as_it_is_written() -> None:
    kinds = set(_public_values(aiotravis, events, log_text, webhooks))
    assert len(kinds) > 60
    for kind in kinds - {events.Event, events.BuildEvent, events.JobEvent, events.Mark}:
        sample = _sample(kind)
        adapter = TypeAdapter(kind)
        assert adapter.validate_json(adapter.dump_json(sample)) == sample
        schema = adapter.json_schema(mode="serialization")
        assert sorted(schema["properties"]) == sorted(schema["required"]) == sorted(sample.to_dict())
        assert schema["title"] == kind.__name__


def test_errors_are_written_as_text_and_read_back_as_such() -> None:
    error = errors.NotFoundError("GET /repos/a/b answered 404", status=404, method="GET", path="/repos/a/b", remedy="")
    update = RepositoryUpdate(repo="a/b", builds=(BUILD,), error=error)
    adapter = TypeAdapter(RepositoryUpdate)
    text = adapter.dump_json(update)
    assert adapter.dump_python(update) is update
    assert msgspec.json.decode(text)["error"] == "NotFoundError: GET /repos/a/b answered 404"
    schema = adapter.json_schema(mode="serialization")
    assert schema["properties"]["error"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    again = adapter.validate_json(text)
    assert (again.repo, again.builds, type(again.error)) == ("a/b", (BUILD,), errors.TravisError)
    assert adapter.dump_json(again) == text
    with pytest.raises(ValidationError, match="Expected `str`"):
        adapter.validate_json(b'{"repo":"a/b","error":7}')
    assert WatchStatus(error=error).to_dict() == {"error": "NotFoundError: GET /repos/a/b answered 404"}


def test_results_of_downloads_and_sign_ins_are_values_too() -> None:
    values: list[Any] = [
        aiotravis.LogFile(job_id=7, path=Path("7.txt"), size=3, fresh=True),
        aiotravis.Unreadable(excerpt="{}", reason="no id"),
        SessionUser(id=1, login="sarah"),
    ]
    for value in values:
        adapter = TypeAdapter[Any](value.__class__)
        assert adapter.validate_json(adapter.dump_json(value)) == value
        assert adapter.json_schema(mode="serialization")["title"] == type(value).__name__
    failed = aiotravis.LogFile(job_id=7, error=OSError(28, "No space left on device"))
    assert failed.to_dict()["error"] == "OSError: [Errno 28] No space left on device"
    assert str(TypeAdapter(aiotravis.LogFile).validate_json(failed.to_json()).error) == failed.to_dict()["error"]


NO_VALUES = {
    "ApiResponse": "the bytes of a response",
    "ClientOptions": "arguments for type checkers",
    "LogText": "a reader of text that holds its state",
    "Outcome": "holds any value, or raises an error",
    "TravisError": "an exception",
}
"""Public classes that are no types of pydantic, beside those that hold connections, and why."""


def test_every_public_class_is_a_type_of_pydantic_or_says_why_not() -> None:
    public = {name: getattr(aiotravis, name) for name in aiotravis.__all__}
    classes: dict[str, Any] = {name: kind for name, kind in public.items() if isinstance(kind, type)}
    # Pydantic knows dataclasses itself.
    without = {
        name
        for name, kind in classes.items()
        if not hasattr(kind, "__get_pydantic_core_schema__")
        and not issubclass(kind, Handle | Enum)
        and not (is_dataclass(kind) and TypeAdapter[Any](cast("Any", kind)).json_schema())
    }
    assert without == NO_VALUES.keys()
