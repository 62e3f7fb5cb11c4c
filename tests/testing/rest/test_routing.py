"""Routing of suffixes, slashes at the end, and version 3."""

import pytest

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/builds/7.json", {"file"}), ("/repos/travis-ci/travis.rb", {"repo"}), ("/repos/82.json", {"slug"}),
        ("/repos/travis-ci/travis.rb.json", {"slug"}), ("/users.json", {"login"}), ("/users/", {"user"}),
        ("/v3/builds", {"@type"}), ("/builds//", {"file"}), ("//", {"file"}),
    ],
)  # fmt: skip
async def test_path_finds_its_route(server: TravisServer, repository: Repository, path: str, keys: set[str]) -> None:
    answer = await ask(server, path, token=TOKEN)
    assert keys <= set(answer.json)


@pytest.mark.parametrize("path", ["/repos/82/branches/a%2Fb.json", "/repos/82/branches/a/b.json"])
async def test_slashes_in_branches_are_kept_as_sent(server: TravisServer, repository: Repository, path: str) -> None:
    build = repository.build(branch="a/b")
    assert (await ask(server, path)).json["id"] == build.id


async def test_query_is_kept_as_sent(server: TravisServer, repository: Repository) -> None:
    repository.slug = "travis-ci/a+b"
    assert (await ask(server, "/repos.json?slug=travis-ci/a%2Bb", token=TOKEN)).json[0]["id"] == repository.id
    assert (await ask(server, "/repos.json?slug=travis-ci/a+b", token=TOKEN)).json == []


async def test_prefix_of_enterprise_is_not_part_of_the_path() -> None:
    async with TravisServer(mode="enterprise") as server:
        user = server.world.user("sarah", token=TOKEN)
        job = server.world.repository("a/b", users=[user]).build().jobs[0]
        job.write("text")
        assert (await ask(server, f"/jobs/{job.id}.json", token=TOKEN)).json["id"] == job.id
        assert (await ask(server, "/jobs/", token=TOKEN)).status == 200
        v3 = {"Travis-API-Version": "3"}
        assert (await ask(server, f"/job/{job.id}/log_parts", token=TOKEN, headers=v3)).json["@type"] == "log_parts"
        assert (await ask(server, "/a/b.svg", token=TOKEN)).status == 200
