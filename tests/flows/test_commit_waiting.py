"""Waiting for a commit: from its sha to the build that Travis made of it, or why there is none."""

from typing import Any

import anyio
import pytest

from aiotravis import Build, Commit, Request, Travis, errors
from aiotravis.flows import commit_waiting
from aiotravis.flows.commit_waiting import Search
from aiotravis.testing import Repository, TravisServer
from aiotravis.testing.world.repository_data import Request as Reached
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

SHA = "a214c21f9ce4ab4c2af7bc1c3ae5e4ba4fd2fc0c"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_waiting, "FIRST_LOOK", 0.01)
    monkeypatch.setattr(commit_waiting, "LONGEST_LOOK", 0.02)
    monkeypatch.setattr(commit_waiting, "FRESH", 0.0)


def reached(number: int, result: str | None, *, event_type: str = "push", **fields: Any) -> Request:
    commit = Commit(id=1, sha=fields.pop("sha", SHA))
    return Request(id=number, event_type=event_type, result=result, commit=commit, **fields)


def looks(server: TravisServer) -> int:
    return sum(seen.path.startswith("/requests") for seen in server.requests)


# What is looked for ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sha", [SHA, SHA.upper(), SHA[:7]])
def test_a_sha_may_be_shortened_and_of_either_case(sha: str) -> None:
    assert Search(82, sha, None, 1).among_requests([reached(1, "accepted", build_id=7)]) == 7


@pytest.mark.parametrize("sha", ["", SHA[:6], "g" * 40, SHA * 2, 12])
def test_what_is_no_sha_is_told_at_once(sha: Any) -> None:
    with pytest.raises(errors.UsageError, match="sha must be 7 to 64 hexadecimal digits"):
        Search(82, sha, None, 1)


@pytest.mark.parametrize("patience", [-1, float("nan"), True])
def test_what_is_no_patience_is_told_at_once(patience: float) -> None:
    with pytest.raises(errors.UsageError, match="appear_within must be seconds"):
        Search(82, SHA, None, patience)


def test_the_build_of_the_push_is_taken_before_any_other() -> None:
    search = Search(82, SHA, None, 1)
    pull = reached(3, "accepted", event_type="pull_request", build_id=9, sha="b" * 40, head_commit=SHA)
    push = reached(2, "accepted", build_id=8)
    assert search.among_requests([pull, push]) == 8
    assert search.among_requests([pull]) == 9
    assert Search(82, SHA, "pull_request", 1).among_requests([pull, push]) == 9
    assert Search(82, SHA, "cron", 1).among_requests([pull, push]) is None
    commit = Commit(id=1, sha=SHA)
    builds = [Build(id=5, event_type="api", commit=commit), Build(id=4, event_type="push", commit=commit), Build(id=3)]
    assert search.among_builds(builds) == 4
    assert Search(82, "b" * 40, None, 1).among_builds(builds) is None


def test_a_rejection_is_told_once_nothing_is_left_to_hope_for() -> None:
    search = Search("travis-ci/travis.rb", SHA, None, 1)
    rejected = reached(4, "rejected", message="branch not included")
    assert search.among_requests([rejected, reached(3, None)]) is None
    with pytest.raises(errors.CommitNotBuilt) as info:
        search.among_requests([rejected, reached(3, "rejected", event_type="cron")])
    assert str(info.value) == (
        "Travis rejected commit a214c21f9c of travis-ci/travis.rb (push: branch not included; cron: no reason given)."
    )
    assert (info.value.sha, info.value.request_id, info.value.reason) == (SHA, 4, "branch not included")


def test_what_never_appears_is_told_with_what_is_known() -> None:
    search = Search(82, SHA, None, 300)
    search.among_requests([])
    assert "No build of commit a214c21f9c of 82 has appeared within 300 s. Travis has no request" in str(search.never())
    search.among_requests([reached(3, None)])
    assert str(search.never()).endswith("within 300 s; Travis has request 3 about it, not decided on.")
    search.among_requests([reached(3, "accepted")])
    assert str(search.never()).endswith("within 300 s; Travis has request 3 about it, accepted.")
    assert (search.never().request_id, search.never().reason) == (3, None)


# Waiting --------------------------------------------------------------------------------------------------------------


async def test_a_commit_that_was_built_is_found_among_the_newest_builds(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.start()
    build.finish("failed")
    found = await travis.wait_for_commit("travis-ci/travis.rb", build.commit.sha)
    assert (found.id, found.state, found.commit and found.commit.sha) == (build.id, "failed", build.commit.sha)
    assert looks(server) == 0


async def test_a_commit_that_is_yet_to_come_is_heard_of(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    sha = "b" * 40
    found: list[Build] = []
    build = repository.build(quiet=True)
    repository.builds.clear()
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found.append(await travis.wait_for_commit(repository.id, sha))

        group.start_soon(wait)
        await until(lambda: looks(server) >= 3)
        repository.builds.append(build)
        build.commit.sha = sha
        build.emit("build:created")
        build.start()
        build.finish("passed")
    assert [(one.id, one.passed) for one in found] == [(build.id, True)]


@pytest.mark.parametrize("key", ["5df8ac576dcccf4fd076", None])
async def test_a_pull_request_is_found_by_its_head_with_and_without_a_live_channel(key: str | None) -> None:
    async with TravisServer(pusher_key=key) as server, Travis(endpoint=server.endpoint, live=HASTY) as travis:
        repository = server.world.repository("travis-ci/travis.rb")
        build = repository.build(event_type="pull_request")
        build.start()
        build.finish("passed")
        requests = repository.data.requests
        async with anyio.create_task_group() as group:

            async def wait() -> None:
                repo = await travis.repos.get(repository.id)
                found = await travis.wait_for_commit(repo, SHA, event_type="pull_request")
                assert found.id == build.id

            group.start_soon(wait)
            await until(lambda: looks(server) >= 2)
            requests.append(Reached(1, "pull_request", None, 1e9, head_commit=SHA))
            before = looks(server)
            await until(lambda: looks(server) > before + 1)
            requests[0].result, requests[0].build_id = "accepted", build.id


async def test_a_rejection_ends_the_wait(server: TravisServer, travis: Travis, repository: Repository) -> None:
    requests = repository.data.requests
    requests.append(Reached(1, "push", "rejected", 1e9, message="[skip ci]", head_commit=SHA))
    with pytest.raises(errors.CommitNotBuilt, match=r"push: \[skip ci\]"):
        await travis.wait_for_commit("travis-ci/travis.rb", SHA)


async def test_a_commit_that_never_appears_is_told(travis: Travis, repository: Repository) -> None:
    with pytest.raises(errors.CommitNotBuilt, match="has appeared within 0"):
        await travis.wait_for_commit(repository.id, SHA, appear_within=0.05)


async def test_an_unknown_repository_is_told(travis: Travis) -> None:
    with pytest.raises(errors.NotFoundError):
        await travis.wait_for_commit("nobody/nothing", SHA)
    with pytest.raises(errors.NotFoundError):
        await travis.wait_for_commit(999, SHA)
    with pytest.raises(errors.UsageError, match="event_type"):
        await travis.wait_for_commit(999, SHA, event_type="pul_request")


async def test_failures_in_passing_are_waited_out_until_they_last(
    server: TravisServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_waiting, "MAX_FAILURES", 3)
    build = repository.build(quiet=True)
    requests = repository.data.requests
    requests.append(Reached(1, "push", "accepted", 1e9, build_id=build.id, head_commit=SHA))
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, attempts=1) as travis:
        server.respond("GET", "/requests", status=503, times=2)
        assert (await travis.wait_for_commit(repository.id, SHA, until=lambda _: True)).id == build.id
        server.respond("GET", "/requests", status=503, times=3)
        with pytest.raises(errors.ServerError):
            await travis.wait_for_commit(repository.id, SHA)


async def test_a_lost_connection_is_a_reason_to_look(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_waiting, "FIRST_LOOK", 1000.0)
    monkeypatch.setattr(commit_waiting, "LONGEST_LOOK", 1000.0)
    build = repository.build(quiet=True)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found = await travis.wait_for_commit(repository.id, SHA, until=lambda _: True)
            assert found.id == build.id

        group.start_soon(wait)
        await until(lambda: looks(server) == 1)
        request = Reached(1, "push", "accepted", 1e9, build_id=build.id, head_commit=SHA)
        repository.data.requests.append(request)
        monkeypatch.setattr(commit_waiting, "FIRST_LOOK", 0.0)
        await server.pusher.disconnect(4200)


async def test_many_who_wait_for_a_repository_share_their_looks(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_waiting, "FIRST_LOOK", 1000.0)
    monkeypatch.setattr(commit_waiting, "LONGEST_LOOK", 1000.0)
    travis._commit_waiting._requests._fresh = 60.0
    travis._commit_waiting._newest_builds._fresh = 60.0
    build = repository.build(quiet=True)
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(travis.wait_for_commit, repository.id, "b" * 40)
        await until(lambda: looks(server) == 1)
        await server.pusher.wait_occupied("repo-82")
        await anyio.wait_all_tasks_blocked()
        build.commit.sha = "b" * 40
        build.emit("build:created")
        build.start()
        build.finish("passed")
    assert looks(server) == 1
    assert server.pusher.opened == 1
