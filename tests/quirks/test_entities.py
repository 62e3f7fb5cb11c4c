"""Quirks of the fields of entities: numbers 10 to 17, and 50."""

import pickle
from datetime import timedelta
from typing import Any

import pytest

from aiotravis import Build, Repository, State, Travis, number_key
from aiotravis.testing import Repository as ServedRepository
from aiotravis.testing import TravisServer
from tests.conftest import TOKEN
from tests.quirks.served import BUILD, COMMIT, JOB, with_field


async def test_quirk_10_numbers_are_strings_and_sort_numerically(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    repository.history(30)
    made = repository.build(jobs=12)
    numbers = [build.number async for build in travis.builds.list(repository.id)]
    assert numbers == [str(number) for number in range(31, 0, -1)]
    jobs = (await travis.builds.get(made.id)).jobs
    assert [job.number for job in jobs] == [f"31.{place}" for place in range(1, 13)]
    assert sorted((job.number for job in reversed(jobs)), key=number_key)[-3:] == ["31.10", "31.11", "31.12"]
    # A page can be in the order of strings: 9 before 30.
    page = b",".join(BUILD % (number, number) for number in (9, 8, 10, 1))
    server.respond("GET", "/builds", body=b'{"builds":[' + page + b'],"commits":[]}')
    assert [build.number async for build in travis.builds.list(82)] == ["10", "9", "8", "1"]


@pytest.mark.parametrize(("sent", "number"), [(b"42", 42), (b'"42"', 42), (b"null", None), (None, None)])
async def test_quirk_11_a_pull_request_number_can_be_int_string_null_or_missing(
    server: TravisServer, travis: Travis, sent: bytes | None, number: int | None
) -> None:
    build = with_field(BUILD % (1, 784), "pull_request_number", sent)
    server.respond("GET", "/builds/1", body=b'{"build":' + build + b',"commit":' + COMMIT + b',"jobs":[]}')
    assert (await travis.builds.get(1)).pull_request_number == number
    request = with_field(b'{"id":3,"repository_id":82}', "pull_request_number", sent)
    server.respond("GET", "/requests/3", body=b'{"request":' + request + b"}")
    assert (await travis.requests.get(3)).pull_request_number == number


@pytest.mark.parametrize(
    ("sent", "active"),
    [(b"true", True), (b"false", False), (b'"true"', True), (b'"false"', False), (b"null", None), (None, None)],
)
async def test_quirk_12_active_can_be_bool_string_null_or_missing(
    server: TravisServer, travis: Travis, sent: bytes | None, active: bool | None
) -> None:
    repo = with_field(b'{"id":82,"slug":"travis-ci/travis.rb"}', "active", sent)
    server.respond("GET", "/repos/82", body=b'{"repo":' + repo + b"}")
    assert (await travis.repos.get(82)).active is active
    hook = with_field(b'{"id":82,"name":"travis.rb","owner_name":"travis-ci"}', "active", sent)
    server.respond("GET", "/hooks", body=b'{"hooks":[' + hook + b"]}")
    assert (await travis.hooks.list())[0].active is active


@pytest.mark.parametrize(
    ("sent", "state"), [(b'""', State.NEVER_BUILT), (b'"passed"', State.PASSED), (b"null", None), (None, None)]
)
async def test_quirk_13_the_state_of_the_last_build_can_be_empty(
    server: TravisServer, travis: Travis, sent: bytes | None, state: State | None
) -> None:
    repo = with_field(b'{"id":82,"slug":"travis-ci/travis.rb"}', "last_build_state", sent)
    server.respond("GET", "/repos/82", body=b'{"repo":' + repo + b"}")
    found = (await travis.repos.get(82)).last_build_state
    assert found == state
    assert found is None or (found.known, found.finished) == (True, found == State.PASSED)


@pytest.mark.parametrize(("sent", "tags"), [(b'"ruby,mac"', "ruby,mac"), (b'""', ""), (b"null", None), (None, None)])
async def test_quirk_14_tags_are_a_string(
    server: TravisServer, travis: Travis, sent: bytes | None, tags: str | None
) -> None:
    server.respond("GET", "/jobs/2", body=b'{"job":' + with_field(JOB % (2, 1), "tags", sent) + b"}")
    assert (await travis.jobs.get(2)).tags == tags


@pytest.mark.parametrize(
    ("sent", "config"),
    [
        (b'{"env":["A=1 B=2","C=[secure]"]}', {"env": ["A=1 B=2", "C=[secure]"]}),
        (b'{"env":{"global":["A=1"],"matrix":[["B=2"]]}}', {"env": {"global": ["A=1"], "matrix": [["B=2"]]}}),
        (b'{"env":"A=1 B=2","global_env":null}', {"env": "A=1 B=2", "global_env": None}),
        (b'{".result":"parse_error"}', {".result": "parse_error"}),
        (b"{}", {}),
        (b"null", {}),
        (None, {}),
    ],
)
async def test_quirk_15_a_configuration_can_have_any_shape(
    server: TravisServer, travis: Travis, sent: bytes | None, config: dict[str, Any]
) -> None:
    build, job = with_field(BUILD % (1, 784), "config", sent), with_field(JOB % (2, 1), "config", sent)
    server.respond("GET", "/builds/1", body=b'{"build":' + build + b',"jobs":[' + job + b"]}")
    found = await travis.builds.get(1)
    assert (found.config, found.jobs[0].config) == (config, config)
    assert pickle.loads(pickle.dumps(found)) == found


async def test_quirk_16_log_ids_are_sent_on_request_or_to_clients_named_travis(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    job = repository.build().jobs[0]
    assert (await travis.jobs.get(job.id)).log_id is None
    assert not server.requests[-1].headers["user-agent"].startswith("Travis")
    assert (await travis.jobs.get(job.id, include_log_id=True)).log_id == job.log.id
    assert server.requests[-1].path == f"/jobs/{job.id}?include_log_id=true"
    async with Travis(TOKEN, endpoint=server.endpoint, user_agent="TravisDashboard/1.0") as named:
        assert (await named.jobs.get(job.id)).log_id == job.log.id


@pytest.mark.parametrize(
    ("started", "finished", "duration"),
    [
        (b'"2014-04-08T00:17:34Z"', b'"2014-04-08T00:27:12Z"', timedelta(minutes=9, seconds=38)),
        (b'"2014-04-08T00:27:12Z"', b'"2014-04-08T00:17:34Z"', timedelta(0)),
        (b'"2014-04-08T00:17:34Z"', b"null", None),
        (b"null", b"null", None),
    ],
)
async def test_quirk_17_the_duration_of_a_job_is_computed(
    server: TravisServer, travis: Travis, started: bytes, finished: bytes, duration: timedelta | None
) -> None:
    job = with_field(with_field(JOB % (2, 1), "started_at", started), "finished_at", finished)
    server.respond("GET", "/jobs/2", body=b'{"job":' + job + b"}")
    assert b"duration" not in job
    assert (await travis.jobs.get(2)).duration == duration


async def test_quirk_50_unknown_fields_and_states_are_accepted(server: TravisServer, travis: Travis) -> None:
    state = b'"simmering"'
    build = with_field(with_field(BUILD % (1, 784), "state", state), "mood", b'{"deep":[1,null]}')
    job = with_field(with_field(JOB % (2, 1), "state", state), "mood", b'"good"')
    commit = with_field(COMMIT, "mood", b"null")
    server.respond(
        "GET",
        "/builds/1",
        body=b'{"build":' + build + b',"commit":' + commit + b',"jobs":[' + job + b'],"weather":{},"annotations":[]}',
    )
    found: Build = await travis.builds.get(1)
    for entity in (found, found.jobs[0]):
        assert (entity.state, entity.state.known, entity.finished, entity.passed) == ("simmering", False, False, False)
        assert entity.commit is not None
        assert entity.commit.subject == "Fix it"
    assert pickle.loads(pickle.dumps(found)).state is not None
    assert found.to_dict()["state"] == "simmering"
    repo = b'{"id":82,"slug":"a/b","last_build_state":"simmering","last_build_language":null,"mood":[]}'
    server.respond("GET", "/repos/82", body=b'{"repo":' + repo + b"}")
    repository: Repository = await travis.repos.get(82)
    assert (repository.slug, repository.last_build_state) == ("a/b", "simmering")


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (b"true", True),
        (b'"true"', "true"),
        (b"7", 7),
        (b"0.5", 0.5),
        (b"null", None),
        (b'["a"]', ["a"]),
        (b'{"a":1}', {"a": 1}),
    ],
)
async def test_quirk_50_unknown_settings_are_kept(
    server: TravisServer, travis: Travis, sent: bytes, value: object
) -> None:
    body = b'{"settings":{"build_pushes":true,"invented_tomorrow":' + sent + b"}}"
    server.respond("GET", "/repos/82/settings", body=body)
    server.respond("PATCH", "/repos/82/settings", body=body)
    expected = {"build_pushes": True, "invented_tomorrow": value}
    assert await travis.settings.get(82) == expected
    assert await travis.settings.update(82, build_pushes=True) == expected
