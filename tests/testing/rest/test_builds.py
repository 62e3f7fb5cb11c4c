"""Builds and branches, in raw bytes."""

import pytest

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask

BUILD_KEYS = [
    "id", "repository_id", "commit_id", "number", "event_type", "pull_request", "pull_request_title",
    "pull_request_number", "config", "state", "started_at", "finished_at", "duration", "job_ids",
]  # fmt: skip


async def test_builds_list_has_commits_but_no_jobs(server: TravisServer, repository: Repository) -> None:
    repository.history(30)
    answer = await ask(server, f"/builds?repository_id={repository.id}")
    assert answer.content_type == "application/json;charset=utf-8"
    assert set(answer.json) == {"builds", "commits"}
    assert [build["number"] for build in answer.json["builds"]] == [str(n) for n in range(30, 5, -1)]
    assert list(answer.json["builds"][0]) == BUILD_KEYS
    assert {build["commit_id"] for build in answer.json["builds"]} == {c["id"] for c in answer.json["commits"]}


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("slug=TRAVIS-CI/travis.RB&after_number=4", ["3", "2", "1"]),
        ("repository_id=82&number=3", ["3"]),
        ("repository_id=82&event_type=pull_request", ["31"]),
        ("slug=no/such", []),
        ("repository_id=999", []),
        ("", ["30", "29"]),
    ],
)
async def test_builds_list_can_be_filtered(
    server: TravisServer, repository: Repository, query: str, numbers: list[str]
) -> None:
    repository.history(30)
    repository.build(event_type="pull_request", message="A change")
    answer = await ask(server, f"/builds?{query}", token=TOKEN)
    assert [build["number"] for build in answer.json["builds"]][: len(numbers) or None] == numbers


async def test_builds_list_without_parameters_is_empty_for_anonymous_requests(
    server: TravisServer, repository: Repository
) -> None:
    repository.history(2)
    assert (await ask(server, "/builds")).json == {"builds": [], "commits": []}


async def test_ids_of_builds_are_split_at_commas(server: TravisServer, repository: Repository) -> None:
    builds = repository.history(3)
    by_comma = await ask(server, f"/builds?ids={builds[0].id},{builds[2].id},77,x")
    assert [build["id"] for build in by_comma.json["builds"]] == [builds[0].id, builds[2].id]
    by_array = await ask(server, f"/builds?ids[]={builds[1].id}")
    assert [build["id"] for build in by_array.json["builds"]] == [builds[1].id]


async def test_builds_are_served_below_the_slug(server: TravisServer, repository: Repository) -> None:
    build = repository.history(2)[0]
    answer = await ask(server, "/repos/travis-ci/travis.rb/builds")
    assert [one["number"] for one in answer.json["builds"]] == ["2", "1"]
    assert (await ask(server, f"/repos/travis-ci/travis.rb/builds/{build.id}")).json["build"]["id"] == build.id
    assert (await ask(server, "/repos/no/such/builds")).json == {"builds": [], "commits": []}


async def test_single_build_has_its_commit_and_jobs_without_slug(server: TravisServer, repository: Repository) -> None:
    build = repository.build(jobs=2)
    answer = (await ask(server, f"/builds/{build.id}")).json
    assert set(answer) == {"build", "commit", "jobs"}
    assert answer["commit"]["branch_is_default"] is True
    assert [job["number"] for job in answer["jobs"]] == ["1.1", "1.2"]
    assert "repository_slug" not in answer["jobs"][0]
    assert "stage_id" not in answer["jobs"][0]


async def test_branch_is_a_build_without_three_keys(server: TravisServer, repository: Repository) -> None:
    build = repository.build(branch="a/b")
    repository.build(branch="a/b", event_type="pull_request")
    for path in ("/repos/82/branches/a/b", "/repos/travis-ci/travis.rb/branches/a%2Fb"):
        answer = (await ask(server, path)).json
        assert (answer["branch"]["id"], answer["commit"]["branch"]) == (build.id, "a/b")
        assert not {"event_type", "pull_request_title", "pull_request_number"} & set(answer["branch"])
        assert "tag" not in answer["commit"]
    listed = (await ask(server, "/repos/82/branches")).json
    assert [one["id"] for one in listed["branches"]] == [build.id]
    assert (await ask(server, "/branches?slug=no/such")).json == {"branches": [], "commits": []}
    assert (await ask(server, "/repos/82/branches/gone")).status == 404
