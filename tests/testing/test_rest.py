"""The REST routes of the embedded Travis, byte for byte against the API's facts."""

import aiohttp
import pytest

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask

BUILD_KEYS = [
    "id", "repository_id", "commit_id", "number", "event_type", "pull_request", "pull_request_title",
    "pull_request_number", "config", "state", "started_at", "finished_at", "duration", "job_ids",
]  # fmt: skip


async def test_root_and_uptime_answer_as_travis_does(server: TravisServer) -> None:
    assert (await ask(server, "/")).json == {"hello": "world"}
    uptime = await ask(server, "/uptime")
    assert (uptime.body, uptime.content_type) == (b"OK", "application/json")


async def test_config_names_the_live_channel_and_github(server: TravisServer) -> None:
    config = (await ask(server, "/config")).json["config"]
    assert config["pusher"] == {
        "key": "5df8ac576dcccf4fd076", "host": "127.0.0.1", "port": server.port, "scheme": "http",
    }  # fmt: skip
    assert config["github"]["api_url"] == server.github_url


async def test_config_of_a_private_deployment_says_so_in_both_words() -> None:
    async with TravisServer(secure=True, pusher_path="slanger") as server:
        pusher = (await ask(server, "/config")).json["config"]["pusher"]
        assert (pusher["secure"], pusher["private"], pusher["path"]) == (True, True, "/slanger")


async def test_config_without_a_live_channel_has_no_pusher_block() -> None:
    async with TravisServer(pusher_key=None) as server:
        assert "pusher" not in (await ask(server, "/config")).json["config"]


async def test_a_list_of_builds_carries_commits_and_no_jobs(server: TravisServer, repository: Repository) -> None:
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
async def test_a_list_of_builds_is_narrowed(
    server: TravisServer, repository: Repository, query: str, numbers: list[str]
) -> None:
    repository.history(30)
    repository.build(event_type="pull_request", message="A change")
    answer = await ask(server, f"/builds?{query}", token=TOKEN)
    assert [build["number"] for build in answer.json["builds"]][: len(numbers) or None] == numbers


async def test_a_list_of_builds_without_a_question_is_empty_for_strangers(
    server: TravisServer, repository: Repository
) -> None:
    repository.history(2)
    assert (await ask(server, "/builds")).json == {"builds": [], "commits": []}


async def test_builds_by_ids_are_split_at_commas(server: TravisServer, repository: Repository) -> None:
    builds = repository.history(3)
    by_comma = await ask(server, f"/builds?ids={builds[0].id},{builds[2].id},77,x")
    assert [build["id"] for build in by_comma.json["builds"]] == [builds[0].id, builds[2].id]
    by_array = await ask(server, f"/builds?ids[]={builds[1].id}")
    assert [build["id"] for build in by_array.json["builds"]] == [builds[1].id]


async def test_builds_of_a_slug_and_one_of_them(server: TravisServer, repository: Repository) -> None:
    build = repository.history(2)[0]
    answer = await ask(server, "/repos/travis-ci/travis.rb/builds")
    assert [one["number"] for one in answer.json["builds"]] == ["2", "1"]
    assert (await ask(server, f"/repos/travis-ci/travis.rb/builds/{build.id}")).json["build"]["id"] == build.id
    assert (await ask(server, "/repos/no/such/builds")).json == {"builds": [], "commits": []}


async def test_one_build_carries_commit_and_jobs_without_slug(server: TravisServer, repository: Repository) -> None:
    build = repository.build(jobs=2)
    answer = (await ask(server, f"/builds/{build.id}")).json
    assert set(answer) == {"build", "commit", "jobs"}
    assert answer["commit"]["branch_is_default"] is True
    assert [job["number"] for job in answer["jobs"]] == ["1.1", "1.2"]
    assert "repository_slug" not in answer["jobs"][0]
    assert "stage_id" not in answer["jobs"][0]


@pytest.mark.parametrize("path", ["/builds/999", "/builds/x", "/repos/999", "/repos/no/such", "/nothing"])
async def test_what_does_not_exist_is_a_file_not_found(server: TravisServer, path: str) -> None:
    answer = await ask(server, path)
    assert (answer.status, answer.content_type, answer.body) == (404, "application/json", b'{"file":"not found"}')


async def test_an_unknown_job_answers_404_with_an_error_object(server: TravisServer) -> None:
    answer = await ask(server, "/jobs/42")
    assert (answer.status, answer.json) == (404, {"error": {"message": "The job(42) couldn't be found"}})


async def test_a_job_tells_its_log_id_only_when_asked(server: TravisServer, repository: Repository) -> None:
    job = repository.build().jobs[0]
    plain = (await ask(server, f"/jobs/{job.id}")).json["job"]
    assert "log_id" not in plain
    assert plain["repository_slug"] == "travis-ci/travis.rb"
    assert (await ask(server, f"/jobs/{job.id}?include_log_id=1")).json["job"]["log_id"] == job.log.id
    by_agent = await ask(server, f"/jobs/{job.id}", headers={"User-Agent": "Travis/1.0"})
    assert by_agent.json["job"]["log_id"] == job.log.id


async def test_jobs_by_ids_are_not_split_at_commas(server: TravisServer, repository: Repository) -> None:
    first, second = repository.build(jobs=2).jobs
    trap = await ask(server, f"/jobs?ids={first.id},{second.id}")
    assert [job["id"] for job in trap.json["jobs"]] == [first.id]
    both = (await ask(server, f"/jobs?ids[]={first.id}&ids[]={second.id}&ids[]=7")).json
    assert [job["id"] for job in both["jobs"]] == [first.id, second.id]
    assert [commit["id"] for commit in both["commits"]] == [first.build.commit.id] * 2


async def test_jobs_by_state_by_queue_and_all_that_are_due(server: TravisServer, repository: Repository) -> None:
    first, second = repository.build(jobs=2).jobs
    first.start()
    first.finish("failed")
    for query, ids in (("state=failed", [first.id]), ("queue=builds.gce", [first.id, second.id]), ("", [second.id])):
        assert [job["id"] for job in (await ask(server, f"/jobs?{query}")).json["jobs"]] == ids


async def test_repositories_by_id_slug_owner_and_question(server: TravisServer, repository: Repository) -> None:
    other = server.world.repository("sarah/notes", users=repository.users)
    other.active = False
    by_id = (await ask(server, f"/repos/{repository.id}")).json["repo"]
    assert by_id == (await ask(server, "/repos/Travis-CI/Travis.rb")).json["repo"]
    assert by_id["last_build_state"] == ""
    questions = {
        "/repos": ["travis-ci/travis.rb"],
        "/repos?limit=0": ["travis-ci/travis.rb"],
        "/repos?limit=1&search=S": ["travis-ci/travis.rb"],
        "/repos/sarah": ["sarah/notes"],
        "/repos?owner_name=sarah": ["sarah/notes"],
        "/repos?slug=sarah/notes": ["sarah/notes"],
        "/repos?search=otes": ["sarah/notes"],
        "/repos?member=nobody": [],
        f"/repos?ids={repository.id},{other.id}": ["travis-ci/travis.rb", "sarah/notes"],
    }
    for question, slugs in questions.items():
        answer = await ask(server, question, token=TOKEN)
        assert [repo["slug"] for repo in answer.json["repos"]] == slugs, question


async def test_a_list_of_repositories_needs_a_token_on_org(server: TravisServer) -> None:
    for path in ("/repos", "/repos/", "/repos?owner_name=sarah"):
        answer = await ask(server, path)
        assert (answer.status, answer.body) == (403, b"")
    newer = await ask(server, "/repos", accept="application/vnd.travis-ci.2.1+json")
    assert (newer.status, newer.body) == (401, b"")
    assert (await ask(server, "/repos/sarah")).json == {"repos": []}


@pytest.mark.parametrize("path", ["/builds", "/jobs", "/users"])
async def test_a_collection_may_end_in_a_slash(server: TravisServer, path: str) -> None:
    assert (await ask(server, f"{path}/", token=TOKEN)).body == (await ask(server, path, token=TOKEN)).body


async def test_a_route_asked_with_another_verb_is_a_file_not_found(server: TravisServer) -> None:
    answer = await ask(server, "/builds", method="DELETE")
    assert (answer.status, answer.body) == (404, b'{"file":"not found"}')
    assert (server.requests[-1].method, server.requests[-1].status) == ("DELETE", 404)


async def test_users_is_the_one_of_the_token(server: TravisServer) -> None:
    for path in ("/users", "/users/", "/users/201"):
        user = (await ask(server, path, token=TOKEN)).json["user"]
        assert (user["login"], user["channels"]) == ("sarah", ["private-user-201"])
    assert (await ask(server, "/users/7", token=TOKEN)).status == 404


async def test_pusher_auth_leaves_out_what_the_caller_may_not_hear(
    server: TravisServer, repository: Repository
) -> None:
    hidden = server.world.repository("other/secret", private=True).build().jobs[0]
    job = repository.build().jobs[0]
    names = [
        "private-user-201", "private-user-1", "private-repo-82", "private-repo-83", f"private-job-{job.id}",
        f"private-job-{hidden.id}", "private-what-1", "private-job-x", "repo-82",
    ]  # fmt: skip
    body = {"socket_id": "8123.1", "channels": names}
    signed = (await ask(server, "/pusher/auth", method="POST", token=TOKEN, json=body)).json["channels"]
    assert list(signed) == ["private-user-201", "private-repo-82", f"private-job-{job.id}", "repo-82"]
    assert signed["repo-82"] == server.pusher.sign("8123.1", "repo-82")
    anonymous = (await ask(server, "/pusher/auth", method="POST", json=body)).json["channels"]
    assert list(anonymous) == [f"private-job-{job.id}", "repo-82"]
    broken = await ask(server, "/pusher/auth", method="POST", json={"socket_id": "8123.1"})
    assert (broken.status, broken.body) == (500, b"Sorry, we experienced an error.\n")
    malformed = await ask(server, "/pusher/auth", method="POST", json={"socket_id": "x", "channels": []})
    assert malformed.status == 500


async def test_pusher_auth_reads_forms_and_refuses_what_is_no_json(server: TravisServer) -> None:
    url = f"{server.endpoint}/pusher/auth"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data={"socket_id": "8123.1", "channels[]": "repo-82"}) as answer:
            assert await answer.json() == {"channels": {"repo-82": server.pusher.sign("8123.1", "repo-82")}}
        async with session.post(url, data=b"{", headers={"Content-Type": "application/json"}) as answer:
            assert (answer.status, await answer.read()) == (400, b'{"error":"Failed to parse body as JSON"}')
