"""The routes about what repositories have, in raw bytes."""

from aiotravis.testing import Repository, TravisServer
from aiotravis.testing.world.repository_data import Request
from tests.conftest import TOKEN
from tests.raw import ask


async def test_caches_are_forbidden_with_an_empty_object(server: TravisServer, repository: Repository) -> None:
    repository.readers += repository.users
    answer = await ask(server, "/repos/travis-ci/travis.rb/caches", token=TOKEN)
    assert (answer.status, answer.body) == (403, b"{}")


async def test_requests_are_good_for_a_year_and_pages_for_25(server: TravisServer, repository: Repository) -> None:
    repository.data.requests += [Request(n, "push", None, 1e9) for n in range(1, 40)]
    listed = (await ask(server, "/requests?repository_id=82&older_than=30&limit=3")).json
    assert [one["id"] for one in listed["requests"]] == list(range(29, 4, -1))
    single = await ask(server, "/requests/1")
    assert list(single.json) == ["request"]
    unknown = await ask(server, "/requests")
    assert (unknown.status, unknown.json) == (404, {"error": "Repository could not be found"})


async def test_a_request_tells_its_owner_and_its_commit(server: TravisServer, repository: Repository) -> None:
    build = repository.build(event_type="pull_request")
    repository.data.requests += [
        Request(1, "pull_request", "accepted", 1e9, commit_id=build.commit.id, build_id=build.id),
        Request(2, "push", None, 1e9, owned=False),
    ]
    first, second = [(await ask(server, f"/requests/{number}")).json for number in (1, 2)]
    owner = (first["request"]["owner_type"], first["request"]["owner_id"])
    assert (owner, first["commit"]["pull_request_number"]) == (("Organization", 201), build.pull_request_number)
    assert second["request"]["owner_type"] is None
    assert ("build_id" in second["request"], "commit" in second) == (False, False)


async def test_where_nothing_is_cached_rights_do_not_matter(server: TravisServer, repository: Repository) -> None:
    repository.readers += repository.users
    server.switches.caching = False
    assert (await ask(server, "/repos/82/caches", token=TOKEN)).json == {"caches": []}
