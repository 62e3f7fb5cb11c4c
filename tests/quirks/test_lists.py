"""Quirks of lists, routes and parameters: numbers 18 to 22, 25, 28, 29, 44 and 46."""

import pytest

from aiotravis import Travis, errors
from aiotravis.testing import Repository as ServedRepository
from aiotravis.testing import TravisServer
from aiotravis.testing.world.repository_data import Request as ServedRequest
from tests.quirks.served import BUILD, COMMIT, JOB


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


async def test_quirk_19_repeated_commits_are_attached_by_id(
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


async def test_quirk_19_requests_can_have_no_commit(server: TravisServer, travis: Travis) -> None:
    body = b'{"requests":[{"id":4,"commit_id":5},{"id":3,"commit_id":null},{"id":2}],"commits":[' + COMMIT + b"]}"
    server.respond("GET", "/requests", body=body)
    assert [one.commit and one.commit.id for one in await travis.requests.list(82)] == [5, None, None]
    server.respond("GET", "/requests/3", body=b'{"request":{"id":3,"commit_id":null,"result":"rejected"}}')
    request = await travis.requests.get(3)
    assert (request.commit, request.rejected) == (None, True)


async def test_quirk_20_documented_keys_can_be_missing(server: TravisServer, travis: Travis) -> None:
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


async def test_quirk_21_many_ids_are_sent_as_each_route_expects_them(
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


async def test_quirk_22_all_is_sent_only_when_true(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    repository.readers.extend(server.world.users.values())
    assert [one.login for one in await travis.accounts.list(all=False)] == ["sarah"]
    assert await travis.hooks.list(all=False) == ()
    assert [one.login for one in await travis.accounts.list(all=True)] == ["sarah", "travis-ci"]
    assert [one.id for one in await travis.hooks.list(all=True)] == [repository.id]
    assert [seen.path for seen in server.requests] == ["/accounts", "/hooks", "/accounts?all=true", "/hooks?all=true"]


async def test_quirk_22_active_is_never_sent_and_read_from_the_repository(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    repository.active = False
    listed = await travis.repos.list(owner_name="travis-ci")
    assert [(one.slug, one.active) for one in listed] == [("travis-ci/travis.rb", False)]
    assert "active" not in server.requests[-1].path


async def test_quirk_25_env_vars_are_changed_by_repository_id_and_keep_their_values(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    created = await travis.env_vars.create(repository.id, "A", "secret")
    assert created.value is None
    with pytest.raises(errors.UsageError, match="would erase the value: pass value=") as info:
        await travis.env_vars.update(repository.id, created, public=True)
    assert info.value.argument == "value"
    assert repository.data.env_vars[0].value == "secret"
    assert (await travis.env_vars.update(repository.id, created, name="B")).value is None
    assert repository.data.env_vars[0].value == "secret"
    assert (await travis.env_vars.update(repository.id, created, value="new", public=True)).value == "new"
    assert (await travis.env_vars.delete(repository.id, created)).name == "B"
    path = f"/settings/env_vars/{created.id}?repository_id=82"
    assert [(seen.method, seen.path) for seen in server.requests] == [
        ("POST", "/settings/env_vars?repository_id=82"), ("PATCH", path), ("PATCH", path), ("DELETE", path),
    ]  # fmt: skip


async def test_quirk_28_limit_and_older_than_can_fail_and_are_not_sent_by_default(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    repository.data.requests += [ServedRequest(number, "push", "accepted", 1e9) for number in range(1, 4)]
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


async def test_quirk_29_a_request_is_fetched_past_caches(
    server: TravisServer, travis: Travis, repository: ServedRepository
) -> None:
    request = ServedRequest(7, "push", None, 1e9)
    repository.data.requests.append(request)
    assert (await travis.requests.get(7)).result is None
    request.result = "accepted"
    assert (await travis.requests.get(7)).accepted
    assert [seen.headers["cache-control"] for seen in server.requests] == ["no-cache", "no-cache"]


@pytest.mark.parametrize("ending", [".json", ".xml", ".png", ".txt", ".atom", ".svg", ".JSON"])
async def test_quirk_44_a_name_with_a_file_ending_never_ends_a_path(
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
    with pytest.raises(errors.UsageError, match=r"an ending that the server strips from paths\. Use list\(\)") as info:
        await travis.branches.get(served.id, f"release{ending}")
    assert info.value.argument == "branch"
    assert len(server.requests) == sent
    assert not any(seen.path.endswith(ending) for seen in server.requests if "?" not in seen.path)


async def test_quirk_46_a_user_and_an_organization_can_have_the_same_id(server: TravisServer, travis: Travis) -> None:
    body = b"""{"accounts":[{"id":267,"name":null,"login":"sarah","type":"user","repos_count":3},
        {"id":267,"name":null,"login":null,"type":"organization","repos_count":null}]}"""
    server.respond("GET", "/accounts", body=body)
    accounts = await travis.accounts.list()
    assert len(set(accounts)) == 2
    assert {(one.type, one.id): one.login for one in accounts} == {("user", 267): "sarah", ("organization", 267): None}


@pytest.mark.parametrize("ending", [".json", ".xml", ".png", ".txt", ".atom", ".svg", ".JSON"])
async def test_quirk_44_a_name_with_a_file_ending_is_found_without_a_token(ending: str) -> None:
    async with TravisServer() as server, Travis(endpoint=server.endpoint) as travis:
        slug = f"sarah/data{ending}"
        served = server.world.repository(slug)
        server.world.repository("sarah/data")
        served.build()
        assert (await travis.repos.get(slug)).id == served.id
        assert (await travis.repos.get(f"sarah/DATA{ending}")).id == served.id
        async with travis.events(slug) as feed:
            build = served.build()
            assert (await anext(feed)).channel == f"repo-{served.id}"
        build.finish()
        assert (await travis.wait_for_commit(slug, build.commit.sha)).id == build.id
        with pytest.raises(errors.NotFoundError, match=rf"returned no sarah/gone\{ending}"):
            await travis.repos.get(f"sarah/gone{ending}")
