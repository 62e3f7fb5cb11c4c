"""One odd value takes nothing else with it: each field of each entity, in lists and alone."""

import json
import math
import pickle
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from aiotravis import Branch, Build, Cache, Commit, Job, Log, Repository, Request, Results, Stage, State, User, errors
from aiotravis._http import ApiRequest, ApiResponse
from aiotravis._http.dates import dates_to_utc
from aiotravis._http.lenient import LenientReader, exhaust
from aiotravis.resources._base import Entity
from aiotravis.resources._build_or_job import BuildOrJob, finish
from aiotravis.resources.accounts import Accounts
from aiotravis.resources.branches import Branches
from aiotravis.resources.builds import Builds
from aiotravis.resources.env_vars import EnvVars
from aiotravis.resources.jobs import Jobs
from aiotravis.resources.logs import Logs
from aiotravis.resources.repositories import Repositories
from aiotravis.resources.requests import Requests
from tests.samples import BUILD, COMMIT, JOB, JSON, Scripted

# fact 10.1: what was seen, and what may come.
WILD = [
    b"null", b"true", b"-1", b"1.5", b"1e300", b"1e400", b"9" * 400, b'""', b'"x"', b'"\\ud800"', b'"\xff"',
    b'"0001-01-01T00:00:00Z"', b'"0001-01-01T00:00:00"', b'"2014-04-08T00:17:34"', b'"2014-02-30T00:00:00Z"', b"[]",
    b'[null,1,"x"]', b"{}", b'{"name":"v1"}', b'{"id":null}', b'"' + b"9" * 5000 + b'"', b"[" * 50 + b"]" * 50,
]  # fmt: skip

REPOSITORY = b"""{"id":82,"slug":"a/b","description":"d","active":true,"last_build_id":1,"last_build_number":"784",
"last_build_state":"passed","last_build_duration":5,"last_build_started_at":"2014-04-08T00:17:34Z",
"last_build_finished_at":"2014-04-08T00:27:12Z","github_language":"Ruby"}"""

REQUEST = b"""{"id":4,"repository_id":82,"commit_id":5,"created_at":"2014-04-08T00:16:35Z","owner_id":1,
"owner_type":"User","event_type":"push","base_commit":null,"head_commit":"abc","result":"accepted","message":null,
"pull_request":false,"pull_request_title":null,"pull_request_number":null,"branch":"master","tag":null,"build_id":1}"""

LOG = b"""{"id":9,"job_id":2,"body":"text","removed_at":"2014-04-08 00:17:34 UTC","removed_by":"sarah"}"""


LISTS: dict[str, tuple[type[Entity], bytes, Callable[[Scripted], Awaitable[Results[Any]]]]] = {
    "builds": (Build, BUILD, lambda transport: Builds(transport).recent()),
    "jobs": (Job, JOB, lambda transport: Jobs(transport).list()),
    "repos": (Repository, REPOSITORY, lambda transport: Repositories(transport).list()),
    "requests": (Request, REQUEST, lambda transport: Requests(transport).list(82)),
}

SINGLE: dict[str, tuple[type[Entity], bytes, Callable[[Scripted], Awaitable[Any]]]] = {
    "build": (Build, BUILD, lambda transport: Builds(transport).get(1)),
    "job": (Job, JOB, lambda transport: Jobs(transport).get(2)),
    "repo": (Repository, REPOSITORY, lambda transport: Repositories(transport).get(82)),
    "request": (Request, REQUEST, lambda transport: Requests(transport).get(4)),
    "log": (Log, LOG, lambda transport: Logs(transport).get_by_id(9)),
}


def changed(sample: bytes, field: str, value: bytes) -> bytes:
    """Return an object with one field replaced: if a name occurs twice, the last value counts."""
    return sample.removesuffix(b"}") + b',"' + field.encode() + b'":' + value + b"}"


def numbered(sample: bytes, number: int) -> bytes:
    return changed(sample, "id", str(number).encode())


def use(entity: Entity) -> None:
    """Do with an entity what a caller does: nothing of it may raise."""
    repr(entity)
    hash(entity)
    assert isinstance(entity.to_dict(), dict)
    for name in dir(type(entity)):
        if isinstance(getattr(type(entity), name), property):
            getattr(entity, name)
    for name in entity.__struct_fields__:
        value = getattr(entity, name)
        if isinstance(value, datetime):
            assert value.tzinfo is not None
            assert value < datetime.now(UTC) or value.year > 2026


def same_but(entity: Entity, plain: Entity, field: str) -> bool:
    names = [one.name for one in msgspec.structs.fields(type(plain)) if one.encode_name != field]
    return all(getattr(entity, name) == getattr(plain, name) for name in names)


def fields(kind: type[Entity]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)]


@pytest.mark.parametrize("key", LISTS)
async def test_one_odd_value_leaves_24_records_and_all_other_fields_intact(key: str) -> None:
    kind, sample, call = LISTS[key]
    envelope = b'{"%s":[%%s],"commits":[%s]}' % (key.encode(), COMMIT)
    records = [numbered(sample, number) for number in range(1, 26)]
    plain = await call(Scripted(envelope % b",".join(records)))
    assert len(plain) == 25
    for field in fields(kind):
        for value in WILD:
            odd = [*records[:11], changed(records[11], field, value), *records[12:]]
            results = await call(Scripted(envelope % b",".join(odd)))
            assert [*results[:11], *results[-13:]] == [*plain[:11], *plain[12:]]
            if field == "id":
                assert len(results) + len(results.unreadable) == 25
                continue
            assert (len(results), results.unreadable) == (25, ())
            assert same_but(results[11], plain[11], field) or field == "commit_id"
            use(results[11])


@pytest.mark.parametrize("key", SINGLE)
async def test_one_odd_value_leaves_all_other_fields_of_a_record_intact(key: str) -> None:
    kind, sample, call = SINGLE[key]
    envelope = b'{"%s":%%s}' % key.encode()
    plain = await call(Scripted(envelope % sample))
    for field in fields(kind):
        for value in WILD:
            try:
                entity = await call(Scripted(envelope % changed(sample, field, value)))
            except (errors.DecodeError, errors.NotFoundError):
                assert field == "id"
                continue
            assert same_but(entity, plain, field)
            use(entity)


async def test_one_odd_value_of_a_commit_leaves_builds_and_commits_intact() -> None:
    builds, commits = [BUILD, changed(numbered(BUILD, 2), "commit_id", b"6")], [COMMIT, numbered(COMMIT, 6)]
    plain = await Builds(Scripted(b'{"builds":[%s],"commits":[%s]}' % (b",".join(builds), b",".join(commits)))).recent()
    assert plain[1].commit is not None
    for field in fields(Commit):
        for value in WILD:
            odd = [commits[0], changed(commits[1], field, value)]
            body = b'{"builds":[%s],"commits":[%s]}' % (b",".join(builds), b",".join(odd))
            results = await Builds(Scripted(body)).recent()
            assert results[0] == plain[0]
            assert same_but(results[1], plain[1], "commit")
            if field != "id":
                assert results[1].commit is not None
                assert same_but(results[1].commit, plain[1].commit, field)
                use(results[1].commit)


@pytest.mark.parametrize("key", LISTS)
async def test_records_that_are_no_records_are_listed_and_the_others_read(key: str) -> None:
    _, sample, call = LISTS[key]
    for value in WILD:
        body = b'{"%s":[%s,%s,%s]}' % (key.encode(), numbered(sample, 1), value, numbered(sample, 2))
        results = await call(Scripted(body))
        assert [one.id for one in results] == [1, 2]
        (unreadable,) = results.unreadable
        assert f"$.{key}[1]" in unreadable.reason
        assert len(unreadable.excerpt) <= 303


async def test_an_account_without_an_id_is_listed() -> None:
    body = b'{"accounts":[{"id":1,"login":"a"},{"login":"b"},{"id":3,"login":null}]}'
    accounts = await Accounts(Scripted(body)).list()
    assert [account.id for account in accounts] == [1, 3]
    assert accounts.unreadable[0].excerpt == '{"login":"b"}'
    assert accounts.unreadable[0].reason == "Object missing required field `id` - at `$.accounts[1]`"


async def test_batches_and_paginators_list_what_they_could_not_read() -> None:
    def respond(call: ApiRequest) -> bytes:
        if call.path == "/jobs":
            return b'{"jobs":[{"id":1,"number":3},{"id":null,"number":"7.1"}]}'
        if dict(call.query).get("after_number"):
            return b'{"builds":[]}'
        return b'{"builds":[{"id":1,"number":"2"},{"number":"1"}]}'

    transport = Scripted(respond)
    many = Jobs(transport).many([1, 2], missing_ok=True)
    assert [(job.id, job.number) async for job in many] == [(1, "3")]
    assert [one.excerpt for one in many.unreadable] == ['{"id":null,"number":"7.1"}']
    assert many.missing == (2,)
    with pytest.raises(errors.NotFoundError, match=r"1 records could not be read, see \.unreadable"):
        [job async for job in Jobs(transport).many([1, 2])]
    builds = Builds(transport).list(82)
    assert [build.id async for build in builds] == [1]
    assert [one.excerpt for one in builds.unreadable] == ['{"number":"1"}']


async def test_a_single_record_without_an_id_is_a_decode_error_that_repeats_no_token() -> None:
    response = ApiResponse(200, JSON, b'{"build":{"id":null,"number":"t0ken"}}', secrets=("t0ken",))
    with pytest.raises(errors.DecodeError, match=r"Expected `int`, got `null` - at `\$\.build\.id`") as info:
        await Builds(Scripted(response)).get(1)
    assert "t0ken" not in str(info.value)
    listed = ApiResponse(200, JSON, b'{"builds":[{"id":null,"number":"t0ken"}]}', secrets=("t0ken",))
    (unreadable,) = (await Builds(Scripted(listed)).recent()).unreadable
    assert unreadable.excerpt == '{"id":null,"number":"[token]"}'


@pytest.mark.parametrize(
    "odd",
    [
        '"number":null', '"number":3', '"job_ids":null', '"started_at":""', '"duration":1.5', '"id":null',
        '"finished_at":"2014-02-30T00:00:00Z"', '"state":null', '"pull_request":"maybe"',
    ],
)  # fmt: skip
async def test_a_strict_client_raises_instead(odd: str) -> None:
    body = b'{"builds":[{"id":1},{"id":2,%s}]}' % odd.encode()
    name = odd[1 : odd.index(":") - 1]
    with pytest.raises(errors.DecodeError, match=rf"GET /builds answered 200 .*at `\$\.builds\[1\]\.{name}`"):
        await Builds(Scripted(ApiResponse(200, JSON, body, strict=True))).recent()
    assert len(await Builds(Scripted(body)).recent()) == (1 if name == "id" else 2)


async def test_a_strict_client_names_text_that_is_none() -> None:
    response = ApiResponse(200, JSON, b'{"builds":[{"id":2,"number":"\\ud800"}]}', strict=True)
    with pytest.raises(errors.DecodeError, match="Text with what is no character"):
        await Builds(Scripted(response)).recent()


OFFSET_COMMIT = b'{"id":3,"sha":"abc","committed_at":"2014-04-08T02:17:34+02:00"}'

OFFSET_RECORD = (
    b'{"id":1,"commit_id":3,"started_at":"2014-04-08T02:17:34+02:00","finished_at":"2014-04-07T17:17:34-07:00"}'
)

AT = datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)

LISTED = b'{"%b":[%%b],"commits":[%%b],"x":[%%b]}'

READS: dict[str, tuple[bytes, Callable[[Scripted], Awaitable[object]]]] = {
    "builds.get": (b'{"build":%b,"commit":%b,"jobs":[%b]}', lambda sent: Builds(sent).get(1)),
    "builds.recent": (LISTED % b"builds", lambda sent: Builds(sent).recent()),
    "builds.list": (LISTED % b"builds", lambda sent: Builds(sent).list(1, limit=1).to_list()),
    "builds.many": (LISTED % b"builds", lambda sent: Builds(sent).many([1]).to_list()),
    "builds.last_per_branch": (
        b'{"builds":[%b],"commits":[%b],"x":[%b]}',
        lambda sent: Builds(sent).last_per_branch(1),
    ),
    "jobs.get": (b'{"job":%b,"commit":%b,"x":[%b]}', lambda sent: Jobs(sent).get(1)),
    "jobs.list": (LISTED % b"jobs", lambda sent: Jobs(sent).list()),
    "jobs.many": (LISTED % b"jobs", lambda sent: Jobs(sent).many([1]).to_list()),
    "branches.list": (LISTED % b"branches", lambda sent: Branches(sent).list(1)),
    "branches.get": (b'{"branch":%b,"commit":%b,"x":[%b]}', lambda sent: Branches(sent).get(1, "main")),
    "branches.many": (LISTED % b"branches", lambda sent: Branches(sent).many([1])),
    "requests.list": (LISTED % b"requests", lambda sent: Requests(sent).list(1)),
    "requests.get": (b'{"request":%b,"commit":%b,"x":[%b]}', lambda sent: Requests(sent).get(1)),
}


@pytest.mark.parametrize("read", READS)
async def test_every_call_returns_dates_in_utc_with_their_commits(read: str) -> None:
    body, call = READS[read]
    result = await call(Scripted(body % (OFFSET_RECORD, OFFSET_COMMIT, OFFSET_RECORD)))
    entities: list[object] = list(cast("tuple[object, ...]", result)) if isinstance(result, tuple | list) else [result]
    entities += [job for build in entities if isinstance(build, Build) for job in build.jobs]
    assert len(entities) == (2 if read == "builds.get" else 1)
    for entity in entities:
        assert isinstance(entity, BuildOrJob | Request)
        assert entity.commit is not None
        assert (entity.commit.committed_at, entity.commit.sha) == (AT, "abc")
        assert entity.commit.committed_at is not None
        assert entity.commit.committed_at.tzinfo is UTC
        if isinstance(entity, BuildOrJob):
            assert (entity.started_at, entity.finished_at) == (AT, AT.replace(hour=0))
            assert {date.tzinfo for date in (entity.started_at, entity.finished_at) if date} == {UTC}


async def test_dates_without_a_zone_are_utc_and_compare() -> None:
    body = b"""{"jobs":[
        {"id":1,"state":"passed","started_at":"2014-04-08T00:17:34","finished_at":"2014-04-08T00:27:12Z"},
        {"id":2,"state":"passed","started_at":"2014-04-08T00:17:34Z","finished_at":"0001-01-01T00:00:00"}]}"""
    first, second = await Jobs(Scripted(body)).list()
    assert first.started_at == second.started_at == datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)
    assert first.duration is not None
    assert first.duration.total_seconds() == 578
    assert second.finished_at is None
    assert second.duration is None
    assert second.state is State.PASSED


@pytest.mark.parametrize(
    ("date", "utc"),
    [
        ("2014-04-08T02:17:34+02:00", datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)),
        ("2014-04-07T17:17:34.500-07:00", datetime(2014, 4, 8, 0, 17, 34, 500_000, tzinfo=UTC)),
        ("2014-04-08T05:47:34+0530", datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)),
        ("2014-04-08T00:17:34+00:00", datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T01:00:00+14:00", None),
        # fact 10.1
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00-05:00", None),
    ],
)
@pytest.mark.parametrize("kind", [Build, Job, Commit, Repository, Request, User, Cache, Stage, Branch])
def test_every_date_is_in_utc_whatever_its_offset(kind: type[Entity], date: str, utc: datetime | None) -> None:
    names = [field.encode_name for field in msgspec.structs.fields(kind) if field.encode_name.endswith(("_at", "ied"))]
    text = json.dumps({"id": 1, "repository_id": 82, **dict.fromkeys(names, date)}).encode()
    assert names
    for entity in (msgspec.json.decode(text, type=kind), exhaust(LenientReader(kind, strict=True).read(text))):
        if isinstance(entity, BuildOrJob):
            finish([entity])
        elif isinstance(entity, Commit):
            dates_to_utc(entity, "committed_at")
        for name in names:
            assert getattr(entity, name) == utc
            assert getattr(entity, name) is None or getattr(entity, name).tzinfo is UTC
        assert pickle.loads(pickle.dumps(entity)) == entity


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("1e400", math.inf), ("-1e400", -math.inf), ("NaN", None), ("9" * 5000, "9" * 5000), ('"\\ud800"', "\ufffd"),
        ("18446744073709551616", 2**64), ('{"a":[1e400,2]}', {"a": [math.inf, 2]}),
    ],
)  # fmt: skip
async def test_a_configuration_with_an_odd_value_can_be_read(value: str, plain: object) -> None:
    body = f'{{"build":{{"id":1,"config":{{"odd":{value},"language":"ruby"}}}}}}'.encode()
    build = await Builds(Scripted(body)).get(1)
    assert build.config == build.to_dict()["config"] == {"odd": plain, "language": "ruby"}


NO_IDS = ["0", "-1", '""', '" "', "0.0", '"0"', '"-1"', "-1.5", "null"]


@pytest.mark.parametrize("value", NO_IDS)
@pytest.mark.parametrize("key", LISTS)
async def test_zero_negative_and_blank_ids_are_no_ids(key: str, value: str) -> None:
    kind, sample, call = LISTS[key]
    for field in fields(kind):
        if field != "id" and not field.endswith("_id"):
            continue
        odd = changed(numbered(sample, 2), field, value.encode())
        body = b'{"%s":[%s,%s]}' % (key.encode(), numbered(sample, 1), odd)
        results = await call(Scripted(body))
        if field == "id":
            assert [one.id for one in results] == [1]
            assert len(results.unreadable) == 1
        else:
            assert [one.id for one in results] == [1, 2]
            assert getattr(results[1], field) is None


async def test_zero_negative_and_blank_ids_in_a_list_are_left_out() -> None:
    build = await Builds(Scripted(b'{"build":{"id":1,"job_ids":[0,-1,""," ",null,"7",8]}}')).get(1)
    assert build.job_ids == (7, 8)


@pytest.mark.parametrize("value", ['""', '" "', "null"])
async def test_a_blank_id_of_a_variable_is_no_id(value: str) -> None:
    body = f'{{"env_vars":[{{"id":{value},"name":"A"}},{{"id":"5d4b","name":"B"}}]}}'.encode()
    results = await EnvVars(Scripted(body)).list(82)
    assert ([one.name for one in results], len(results.unreadable)) == (["B"], 1)


async def test_a_configuration_with_what_is_no_character_can_be_read() -> None:
    body = b'{"build":{"id":1,"config":{"script":"caf\xe9"}}}'
    build = await Builds(Scripted(body)).get(1)
    assert build.config == {"script": "caf\ufffd"}
    assert build.to_dict()["config"] == {"script": "caf\ufffd"}
