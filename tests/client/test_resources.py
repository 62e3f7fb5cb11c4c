"""What a client fetches from the embedded Travis through its resources."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aiotravis import State, Travis, errors
from aiotravis.testing import Repository, TravisServer


async def test_a_repository_by_id_slug_and_itself(travis: Travis, repository: Repository) -> None:
    repository.history(1)
    repo = await travis.repos.get("Travis-CI/travis.rb")
    assert (repo.owner_name, repo.name, repo.last_build_state) == ("travis-ci", "travis.rb", State.PASSED)
    assert await travis.repos.get(repo) == await travis.repos.get(repository.id) == repo


async def test_a_whole_history_with_commits_none_missed_none_doubled(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(120)
    numbers: list[int] = []
    async for build in travis.builds.list("travis-ci/travis.rb"):
        assert build.commit is not None
        assert build.commit.id == build.commit_id
        numbers.append(int(build.number))
        if len(numbers) == 30:
            repository.build()
    assert numbers == list(range(120, 0, -1))
    assert len(server.requests) <= 7


async def test_one_build_comes_with_its_jobs(travis: Travis, repository: Repository) -> None:
    made = repository.history(1, jobs=3)[0]
    build = await travis.builds.get(made.id)
    assert [job.number for job in build.jobs] == ["1.1", "1.2", "1.3"]
    assert build.commit is not None
    assert build.commit.branch_is_default
    assert build.config["language"] == "ruby"
    assert build.passed


async def test_many_builds_jobs_and_repositories_in_the_order_asked(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    builds = list(reversed(repository.history(130)))
    assert [build.id async for build in travis.builds.many(one.id for one in builds)] == [one.id for one in builds]
    jobs = [one.jobs[0].id for one in builds]
    assert [job.id async for job in travis.jobs.many(jobs)] == jobs
    assert [repo.slug async for repo in travis.repos.many([repository.id])] == ["travis-ci/travis.rb"]
    assert len(server.requests) == 5


async def test_a_job_comes_with_its_commit_and_its_log_id_on_request(travis: Travis, repository: Repository) -> None:
    made = repository.build().jobs[0]
    job = await travis.jobs.get(made.id)
    assert (job.commit and job.commit.sha, job.log_id) == (made.build.commit.sha, None)
    assert (await travis.jobs.get(made.id, include_log_id=True)).log_id == made.log.id
    assert [job.log_id async for job in travis.jobs.many([made.id], include_log_id=True)] == [made.log.id]


async def test_logs_as_text_as_parts_and_by_their_own_id(travis: Travis, repository: Repository) -> None:
    job = repository.build().jobs[0]
    for call in (travis.logs.text, travis.logs.get):
        with pytest.raises(errors.LogUnavailable):
            await call(job.id)
    job.write("größe\r\n")
    job.write("", final=True)
    assert await travis.logs.text(job.id) == "größe\r\n"
    assert (await travis.logs.get(job.id)).body == "größe\r\n"
    assert (await travis.logs.get_by_id(job.log.id)).job_id == job.id
    assert [(part.number, part.final) for part in await travis.logs.parts(job.id)] == [(0, False), (1, True)]
    assert [part.number for part in await travis.logs.parts(job.id, after=0)] == [1]


async def test_the_list_of_repositories(travis: Travis, repository: Repository) -> None:
    assert [repo.slug for repo in await travis.repos.list(owner_name="travis-ci", search="RB")] == [repository.slug]
    assert [repo.slug for repo in await travis.repos.list(member="sarah")] == [repository.slug]


async def test_a_repository_whose_name_looks_like_a_file_is_found(server: TravisServer, travis: Travis) -> None:
    server.world.repository("sarah/data.json", users=list(server.world.users.values()))
    assert (await travis.repos.get("sarah/data.json")).slug == "sarah/data.json"
    with pytest.raises(errors.NotFoundError, match=r"no/such\.json"):
        await travis.repos.get("no/such.json")


async def test_an_unknown_id_raises_not_found_with_the_request(travis: Travis) -> None:
    for call, path in (
        (travis.builds.get(9), "/builds/9"),
        (travis.jobs.get(9), "/jobs/9"),
        (travis.repos.get("no/such"), "/repos/no/such"),
        (travis.logs.text(9), "/jobs/9/log"),
        (travis.logs.parts(9), "/v3/job/9/log_parts"),
    ):
        with pytest.raises(errors.NotFoundError) as info:
            await call
        assert (info.value.path, info.value.status) == (path, 404)
        assert info.value.request_id


async def test_an_unknown_repository_looks_like_one_without_builds(travis: Travis) -> None:
    assert [build async for build in travis.builds.list("no/such")] == []


async def test_a_bad_token_raises_authentication_error_without_showing_it(server: TravisServer) -> None:
    async with Travis("a-wrong-token", endpoint=server.endpoint) as travis:
        with pytest.raises(errors.AuthenticationError, match="does not know this token") as info:
            await travis.users.me()
    assert "a-wrong-token" not in str(info.value)
    async with Travis(endpoint=server.endpoint) as travis:
        with pytest.raises(errors.AuthenticationError, match="Pass a token"):
            await travis.users.me()


async def test_a_web_page_in_place_of_json_asks_whether_the_endpoint_is_right(server: TravisServer) -> None:
    server.respond("GET", "/config", body=b"<!DOCTYPE html>", headers={"Content-Type": "text/html"})
    async with Travis(endpoint=server.endpoint) as travis:
        with pytest.raises(errors.DecodeError, match=r"a web page, not JSON\. Is the endpoint"):
            await travis.config.get()


async def test_invalid_arguments_are_never_sent(server: TravisServer, travis: Travis) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: travis.repos.get(""),
        lambda: travis.repos.get("no-slash"),
        lambda: travis.repos.get("a/b/c"),
        lambda: travis.builds.get(-1),
        lambda: travis.builds.get(True),
        lambda: travis.jobs.get(0),
        lambda: travis.logs.text(2**63),
        lambda: travis.logs.parts(1, after=-1),
        lambda: travis.repos.list(limit=51),
        lambda: travis.repos.list(search=" "),
        lambda: travis.pusher_auth.sign("", ["a"]),
    ]
    for call in calls:
        with pytest.raises(errors.UsageError):
            await call()
    no_ids: Any = "12"
    makes: list[Callable[[], object]] = [
        lambda: travis.builds.list("a b/c"),
        lambda: travis.builds.list(1, event_type="psuh"),
        lambda: travis.builds.list(1, after_number="x"),
        lambda: travis.builds.many(no_ids),
        lambda: travis.jobs.many([1, -2]),
        lambda: travis.follow_log(0),
        lambda: travis.events("nope"),
        lambda: travis.events(channels="repo-1"),
        lambda: travis.events(channels=["repo 1"]),
        lambda: travis.events(buffer=0),
    ]
    for make in makes:
        with pytest.raises(errors.UsageError):
            make()
    assert server.requests == []


def test_the_handshake_url_has_both_names_of_its_parameter() -> None:
    auth = Travis(endpoint="https://host/api").auth
    target = "redirect_uri=http%3A%2F%2Flocalhost%3A8080%2F&redirect_to=http%3A%2F%2Flocalhost%3A8080%2F"
    assert auth.handshake_url("http://localhost:8080/") == f"https://host/api/auth/handshake?{target}"
    assert auth.handshake_url("http://localhost:8080/", provider="a/b").startswith(
        "https://host/api/auth/handshake/a%2Fb?"
    )
    for wrong in ("", "localhost:8080", "ftp://host"):
        with pytest.raises(errors.UsageError):
            auth.handshake_url(wrong)
