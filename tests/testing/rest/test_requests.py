"""Routes of requests, in raw bytes."""

from aiotravis.testing import Repository, Request, TravisServer
from tests.raw import ask


async def test_older_than_fixes_the_page_size_and_unknown_repository_is_404(
    server: TravisServer, repository: Repository
) -> None:
    repository.data.requests += [Request(n, "push", None, 1e9) for n in range(1, 40)]
    listed = (await ask(server, "/requests?repository_id=82&older_than=30&limit=3")).json
    assert [one["id"] for one in listed["requests"]] == list(range(29, 4, -1))
    single = await ask(server, "/requests/1")
    assert list(single.json) == ["request"]
    unknown = await ask(server, "/requests")
    assert (unknown.status, unknown.json) == (404, {"error": "Repository could not be found"})


async def test_single_request_has_owner_commit_and_build_if_any(server: TravisServer, repository: Repository) -> None:
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
