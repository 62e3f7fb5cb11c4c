"""Quirks of entities: numbers 10 to 22, 25, 28, 29, 44, 46 and 50."""

import pickle
from datetime import timedelta
from typing import Any

import pytest

from aiotravis import Build, Repository, State, Travis, errors, number_key
from aiotravis.testing import Repository as ServedRepository
from aiotravis.testing import TravisServer
from aiotravis.testing.belongings import Request as ServedRequest
from tests.conftest import TOKEN

COMMIT = b"""{"id":5,"sha":"a214c21f9ce4ab4c2af7bc1c3ae5e4ba4fd2fc0c","branch":"master","message":"Fix it",
"committed_at":"2014-04-08T00:16:35Z","author_name":"Konstantin","author_email":null,"committer_name":"Konstantin",
"committer_email":null,"compare_url":null}"""

BUILD = b"""{"id":%d,"repository_id":82,"commit_id":5,"number":"%d","pull_request":false,"pull_request_title":null,
"pull_request_number":null,"config":{},"state":"passed","started_at":"2014-04-08T00:17:34Z",
"finished_at":"2014-04-08T00:27:12Z","duration":1231,"job_ids":[2,3]}"""

JOB = b"""{"id":%d,"repository_id":82,"build_id":1,"commit_id":5,"number":"784.%d","config":{},"state":"passed",
"started_at":"2014-04-08T00:17:34Z","finished_at":"2014-04-08T00:27:12Z","queue":null,"allow_failure":null,
"tags":null}"""


def with_field(sample: bytes, name: str, value: bytes | None) -> bytes:
    """Put one more field into an object; a name that comes twice counts as it came last."""
    return sample if value is None else sample.removesuffix(b"}") + f',"{name}":'.encode() + value + b"}"


async def test_quirk_10_numbers_are_strings_that_sort_as_numbers(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    repository.history(30)
    made = repository.build(jobs=12)
    numbers = [build.number async for build in travis.builds.list(repository.id)]
    assert numbers == [str(number) for number in range(31, 0, -1)]
    jobs = (await travis.builds.get(made.id)).jobs
    assert [job.number for job in jobs] == [f"31.{place}" for place in range(1, 13)]
    assert sorted((job.number for job in reversed(jobs)), key=number_key)[-3:] == ["31.10", "31.11", "31.12"]
    # A page may come in the order of its strings: 9 before 30.
    page = b",".join(BUILD % (number, number) for number in (9, 8, 10, 1))
    server.respond("GET", "/builds", body=b'{"builds":[' + page + b'],"commits":[]}')
    assert [build.number async for build in travis.builds.list(82)] == ["10", "9", "8", "1"]


@pytest.mark.parametrize(("sent", "number"), [(b"42", 42), (b'"42"', 42), (b"null", None), (None, None)])
async def test_quirk_11_a_pull_request_number_is_an_int_a_string_null_or_missing(
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
async def test_quirk_12_active_may_be_a_bool_a_string_null_or_missing(
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
async def test_quirk_13_the_last_builds_state_may_be_empty(
    server: TravisServer, travis: Travis, sent: bytes | None, state: State | None
) -> None:
    repo = with_field(b'{"id":82,"slug":"travis-ci/travis.rb"}', "last_build_state", sent)
    server.respond("GET", "/repos/82", body=b'{"repo":' + repo + b"}")
    found = (await travis.repos.get(82)).last_build_state
    assert found == state
    assert found is None or (found.known, found.finished) == (True, found == State.PASSED)


@pytest.mark.parametrize(("sent", "tags"), [(b'"ruby,mac"', "ruby,mac"), (b'""', ""), (b"null", None), (None, None)])
async def test_quirk_14_tags_are_one_string(
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
async def test_quirk_15_a_configuration_is_whatever_it_is(
    server: TravisServer, travis: Travis, sent: bytes | None, config: dict[str, Any]
) -> None:
    build, job = with_field(BUILD % (1, 784), "config", sent), with_field(JOB % (2, 1), "config", sent)
    server.respond("GET", "/builds/1", body=b'{"build":' + build + b',"jobs":[' + job + b"]}")
    found = await travis.builds.get(1)
    assert (found.config, found.jobs[0].config) == (config, config)
    assert pickle.loads(pickle.dumps(found)) == found


async def test_quirk_16_log_ids_come_on_request_or_to_clients_named_travis(
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
async def test_quirk_17_a_jobs_duration_is_computed(
    server: TravisServer, travis: Travis, started: bytes, finished: bytes, duration: timedelta | None
) -> None:
    job = with_field(with_field(JOB % (2, 1), "started_at", started), "finished_at", finished)
    server.respond("GET", "/jobs/2", body=b'{"job":' + job + b"}")
    assert b"duration" not in job
    assert (await travis.jobs.get(2)).duration == duration


async def test_quirk_18_branches_get_their_names_from_their_commits(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    for branch in ("master", "feature/x", "v1.0"):
        repository.build(branch=branch).finish()
    assert {(one.name, one.number) for one in await travis.branches.list(repository.id)} == {
        ("master", "1"), ("feature/x", "2"), ("v1.0", "3"),
    }  # fmt: skip
    assert (await travis.branches.get(repository.id, "feature/x")).name == "feature/x"
    server.respond("GET", "/repos/82/branches", body=b'{"branches":[' + BUILD % (1, 784) + b'],"commits":[]}')
    assert [(one.id, one.name) for one in await travis.branches.list(repository.id)] == [(1, None)]


async def test_quirk_19_repeated_commits_are_joined_by_id(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    first, second = repository.build(jobs=2), repository.build()
    ids = [job.id for job in (*second.jobs, *first.jobs)]
    jobs = [job async for job in travis.jobs.many(ids)]
    assert [job.commit and job.commit.sha for job in jobs] == [second.commit.sha, first.commit.sha, first.commit.sha]
    listed = [build async for build in travis.builds.list(repository.id)]
    assert [build.commit and build.commit.sha for build in listed] == [second.commit.sha, first.commit.sha]
    twice = b'{"builds":[' + BUILD % (1, 1) + b'],"commits":[' + COMMIT + b"," + COMMIT + b"]}"
    server.respond("GET", "/builds", body=twice)
    assert [build.commit and build.commit.id async for build in travis.builds.list(82)] == [5]


async def test_quirk_19_requests_may_have_no_commit(server: TravisServer, travis: Travis) -> None:
    body = b'{"requests":[{"id":4,"commit_id":5},{"id":3,"commit_id":null},{"id":2}],"commits":[' + COMMIT + b"]}"
    server.respond("GET", "/requests", body=body)
    assert [one.commit and one.commit.id for one in await travis.requests.list(82)] == [5, None, None]
    server.respond("GET", "/requests/3", body=b'{"request":{"id":3,"commit_id":null,"result":"rejected"}}')
    one = await travis.requests.get(3)
    assert (one.commit, one.rejected) == (None, True)


async def test_quirk_20_keys_that_the_documentation_shows_may_be_missing(server: TravisServer, travis: Travis) -> None:
    server.respond("GET", "/builds", body=b'{"builds":[' + BUILD % (1, 1) + b"]}")
    server.respond("GET", "/builds/1", body=b'{"build":' + BUILD % (1, 1) + b"}")
    server.respond("GET", "/jobs", body=b'{"jobs":[' + JOB % (2, 1) + b"]}")
    server.respond("GET", "/jobs/2", body=b'{"job":' + JOB % (2, 1) + b"}")
    server.respond("GET", "/repos/82/branches", body=b'{"branches":[' + BUILD % (1, 1) + b"]}")
    server.respond("GET", "/requests", body=b'{"requests":[{"id":4,"commit_id":5}]}')
    listed = [build async for build in travis.builds.list(82)]
    assert [(build.id, build.commit, build.jobs) for build in listed] == [(1, None, ())]
    build = await travis.builds.get(1)
    assert (build.id, build.commit, build.jobs, build.job_ids) == (1, None, (), (2, 3))
    assert [(job.id, job.commit) for job in await travis.jobs.list()] == [(2, None)]
    assert (await travis.jobs.get(2)).commit is None
    assert [one.commit for one in await travis.branches.list(82)] == [None]
    assert [one.commit for one in await travis.requests.list(82)] == [None]


async def test_quirk_21_many_ids_travel_as_each_route_wants_them(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    other = server.world.repository("sarah/notes")
    first, second = repository.build(), other.build()
    assert [one.id async for one in travis.builds.many([second.id, first.id])] == [second.id, first.id]
    jobs = [second.jobs[0].id, first.jobs[0].id]
    assert [one.id async for one in travis.jobs.many(jobs)] == jobs
    assert [one.id async for one in travis.repos.many([other.id, repository.id])] == [other.id, repository.id]
    assert len(await travis.branches.many([first.id, second.id])) == 2
    assert [seen.path.replace("%2C", ",").replace("%5B%5D", "[]") for seen in server.requests] == [
        f"/builds?ids={second.id},{first.id}",
        f"/jobs?ids[]={jobs[0]}&ids[]={jobs[1]}",
        f"/repos?ids={other.id},{repository.id}",
        f"/branches?ids[]={first.id}&ids[]={second.id}",
    ]


async def test_quirk_22_to_say_no_is_to_say_nothing(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    repository.readers.extend(server.world.users.values())
    assert [one.login for one in await travis.accounts.list(all=False)] == ["sarah"]
    assert await travis.hooks.list(all=False) == ()
    assert [one.login for one in await travis.accounts.list(all=True)] == ["sarah", "travis-ci"]
    assert [one.id for one in await travis.hooks.list(all=True)] == [repository.id]
    assert [seen.path for seen in server.requests] == ["/accounts", "/hooks", "/accounts?all=true", "/hooks?all=true"]


async def test_quirk_22_active_is_never_asked_for_and_told_by_the_value(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    repository.active = False
    listed = await travis.repos.list(owner_name="travis-ci")
    assert [(one.slug, one.active) for one in listed] == [("travis-ci/travis.rb", False)]
    assert "active" not in server.requests[-1].path


async def test_quirk_25_variables_are_changed_with_the_repositorys_id_and_keep_their_values(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    made = await travis.env_vars.create(repository.id, "A", "secret")
    assert made.value is None
    with pytest.raises(errors.UsageError, match="would erase the value: pass value=") as info:
        await travis.env_vars.update(repository.id, made, public=True)
    assert info.value.argument == "value"
    assert repository.belongings.env_vars[0].value == "secret"
    assert (await travis.env_vars.update(repository.id, made, name="B")).value is None
    assert repository.belongings.env_vars[0].value == "secret"
    assert (await travis.env_vars.update(repository.id, made, value="new", public=True)).value == "new"
    assert (await travis.env_vars.delete(repository.id, made)).name == "B"
    one = f"/settings/env_vars/{made.id}?repository_id=82"
    assert [(seen.method, seen.path) for seen in server.requests] == [
        ("POST", "/settings/env_vars?repository_id=82"), ("PATCH", one), ("PATCH", one), ("DELETE", one),
    ]  # fmt: skip


async def test_quirk_28_a_server_that_fails_on_limits_is_told_as_such_and_works_without(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    repository.belongings.requests += [ServedRequest(number, "push", "accepted", 1e9) for number in range(1, 4)]
    sorry = b"Sorry, we experienced an error.\n"
    queries: list[dict[str, int]] = [{"limit": 2}, {"older_than": 3}]
    for query in queries:
        server.respond("GET", "/requests", status=500, body=sorry, headers={"Content-Type": "text/plain"}, times=1)
        name, value = next(iter(query.items()))
        with pytest.raises(errors.ServerError, match=rf"GET /requests\?repository_id=82&{name}={value} answered 500"):
            await travis.requests.list(82, **query)
    assert [one.id for one in await travis.requests.list(82)] == [3, 2, 1]
    assert [seen.path for seen in server.requests][-1] == "/requests?repository_id=82"
    assert len(server.requests) == 3


async def test_quirk_29_a_request_is_asked_for_anew_although_it_is_called_good_for_a_year(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    request = ServedRequest(7, "push", None, 1e9)
    repository.belongings.requests.append(request)
    assert (await travis.requests.get(7)).result is None
    request.result = "accepted"
    assert (await travis.requests.get(7)).accepted
    assert [seen.headers["cache-control"] for seen in server.requests] == ["no-cache", "no-cache"]


@pytest.mark.parametrize("ending", [".json", ".xml", ".png", ".txt", ".atom", ".svg", ".JSON"])
async def test_quirk_44_a_name_that_looks_like_a_file_is_never_the_end_of_a_path(
    server: TravisServer, travis: Travis, ending: str
) -> None:
    slug = f"sarah/data{ending}"
    served = server.world.repository(slug, users=list(server.world.users.values()))
    build = served.build()
    assert (await travis.repos.get(slug)).id == served.id
    assert server.requests[-1].path == f"/repos?slug=sarah%2Fdata{ending}"
    assert [one.id async for one in travis.builds.list(slug)] == [build.id]
    assert server.requests[-1].path == f"/builds?slug=sarah%2Fdata{ending}"
    assert [one.id for one in await travis.branches.list(slug)] == [build.id]
    sent = len(server.requests)
    with pytest.raises(errors.UsageError, match=r"takes the ending off\. Look for it in list\(\)") as info:
        await travis.branches.get(served.id, f"release{ending}")
    assert info.value.argument == "branch"
    assert len(server.requests) == sent
    assert not any(seen.path.endswith(ending) for seen in server.requests if "?" not in seen.path)


async def test_quirk_46_accounts_of_one_id_are_two_accounts(server: TravisServer, travis: Travis) -> None:
    body = b"""{"accounts":[{"id":267,"name":null,"login":"sarah","type":"user","repos_count":3},
        {"id":267,"name":null,"login":null,"type":"organization","repos_count":null}]}"""
    server.respond("GET", "/accounts", body=body)
    accounts = await travis.accounts.list()
    assert len(set(accounts)) == 2
    assert {(one.type, one.id): one.login for one in accounts} == {("user", 267): "sarah", ("organization", 267): None}


async def test_quirk_50_unknown_fields_and_states_do_no_harm(server: TravisServer, travis: Travis) -> None:
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
    for one in (found, found.jobs[0]):
        assert (one.state, one.state.known, one.finished, one.passed) == ("simmering", False, False, False)
        assert one.commit is not None
        assert one.commit.subject == "Fix it"
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
async def test_quirk_50_unknown_settings_are_kept_as_they_are(
    server: TravisServer, travis: Travis, sent: bytes, value: object
) -> None:
    body = b'{"settings":{"build_pushes":true,"invented_tomorrow":' + sent + b"}}"
    server.respond("GET", "/repos/82/settings", body=body)
    server.respond("PATCH", "/repos/82/settings", body=body)
    expected = {"build_pushes": True, "invented_tomorrow": value}
    assert await travis.settings.get(82) == expected
    assert await travis.settings.update(82, build_pushes=True) == expected
