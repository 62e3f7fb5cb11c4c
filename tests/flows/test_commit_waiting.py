"""Waiting for a commit: from its hash to the build that Travis makes of it, or the reason why there is none."""

from functools import partial
from typing import Any

import anyio
import pytest

from aiotravis import Build, Commit, LiveState, Request, Travis, errors
from aiotravis.flows import commit_waiting
from aiotravis.flows.commit_waiting import CommitSearch
from aiotravis.testing import Repository, TravisServer
from aiotravis.testing.world.repository_data import Request as WorldRequest
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

SHA = "a214c21f9ce4ab4c2af7bc1c3ae5e4ba4fd2fc0c"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_waiting, "FIRST_POLL", 0.01)
    monkeypatch.setattr(commit_waiting, "MAX_POLL", 0.02)
    monkeypatch.setattr(commit_waiting, "MAX_AGE", 0.0)


def make_request(number: int, result: str | None, *, event_type: str = "push", **fields: Any) -> Request:
    commit = Commit(id=1, sha=fields.pop("sha", SHA))
    return Request(id=number, event_type=event_type, result=result, commit=commit, **fields)


def reads(server: TravisServer) -> int:
    return sum(seen.path.startswith("/requests") for seen in server.requests)


# Recognising a build --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sha", [SHA, SHA.upper(), SHA[:7]])
def test_a_hash_may_be_shortened_and_in_either_case(sha: str) -> None:
    assert CommitSearch(82, sha, None, 1).find_requested_build([make_request(1, "accepted", build_id=7)]) == 7


@pytest.mark.parametrize("sha", ["", SHA[:6], "g" * 40, SHA * 2, 12])
def test_an_invalid_hash_raises_usage_error(sha: Any) -> None:
    with pytest.raises(errors.UsageError, match="sha must be 7 to 64 hexadecimal digits"):
        CommitSearch(82, sha, None, 1)


@pytest.mark.parametrize("seconds", [-1, float("nan"), True])
def test_an_invalid_appear_within_raises_usage_error(seconds: float) -> None:
    with pytest.raises(errors.UsageError, match="appear_within must be a finite number of seconds"):
        CommitSearch(82, SHA, None, seconds)


def test_the_build_of_the_push_is_preferred() -> None:
    search = CommitSearch(82, SHA, None, 1)
    pull = make_request(3, "accepted", event_type="pull_request", build_id=9, sha="b" * 40, head_commit=SHA)
    push = make_request(2, "accepted", build_id=8)
    assert search.find_requested_build([pull, push]) == 8
    assert search.find_requested_build([pull]) == 9
    assert CommitSearch(82, SHA, "pull_request", 1).find_requested_build([pull, push]) == 9
    assert CommitSearch(82, SHA, "cron", 1).find_requested_build([pull, push]) is None
    commit = Commit(id=1, sha=SHA)
    builds = [Build(id=5, event_type="api", commit=commit), Build(id=4, event_type="push", commit=commit), Build(id=3)]
    assert search.find_build(builds) == 4
    assert CommitSearch(82, "b" * 40, None, 1).find_build(builds) is None


def test_a_rejection_is_raised_once_no_undecided_request_is_left() -> None:
    search = CommitSearch("travis-ci/travis.rb", SHA, None, 1)
    rejected = make_request(4, "rejected", message="branch not included")
    assert search.find_requested_build([rejected, make_request(3, None)]) is None
    with pytest.raises(errors.CommitNotBuilt) as info:
        search.find_requested_build([rejected, make_request(3, "rejected", event_type="cron")])
    assert str(info.value) == (
        "Travis rejected commit a214c21f9c of travis-ci/travis.rb (push: branch not included; cron: no reason given)."
    )
    assert (info.value.sha, info.value.request_id, info.value.reason) == (SHA, 4, "branch not included")


def test_the_timeout_error_says_what_travis_knows_of_the_commit() -> None:
    search = CommitSearch(82, SHA, None, 300)
    message = "No build of commit a214c21f9c of 82 appeared within 300 s"
    search.find_requested_build([])
    assert str(search.timeout_error()).startswith(f"{message}. Travis has no request for it: ")
    search.find_requested_build([make_request(3, None)])
    assert str(search.timeout_error()) == f"{message}; Travis has request 3 for it, not decided yet."
    search.find_requested_build([make_request(3, "accepted")])
    assert str(search.timeout_error()) == f"{message}; Travis has request 3 for it, accepted."
    assert (search.timeout_error().request_id, search.timeout_error().reason) == (3, None)


# Waiting --------------------------------------------------------------------------------------------------------------


async def test_a_commit_that_is_already_built_is_found_among_the_newest_builds(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.start()
    build.finish("failed")
    found = await travis.wait_for_commit("travis-ci/travis.rb", build.commit.sha)
    assert (found.id, found.state, found.commit and found.commit.sha) == (build.id, "failed", build.commit.sha)
    assert reads(server) == 0


async def test_a_later_commit_is_found_by_an_event(
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
        await until(lambda: reads(server) >= 3)
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
            await until(lambda: reads(server) >= 2)
            requests.append(WorldRequest(1, "pull_request", None, 1e9, head_commit=SHA))
            before = reads(server)
            await until(lambda: reads(server) > before + 1)
            requests[0].result, requests[0].build_id = "accepted", build.id


async def test_a_rejection_ends_the_wait(server: TravisServer, travis: Travis, repository: Repository) -> None:
    requests = repository.data.requests
    requests.append(WorldRequest(1, "push", "rejected", 1e9, message="[skip ci]", head_commit=SHA))
    with pytest.raises(errors.CommitNotBuilt, match=r"push: \[skip ci\]"):
        await travis.wait_for_commit("travis-ci/travis.rb", SHA)


async def test_a_commit_without_a_build_in_time_raises_commit_not_built(travis: Travis, repository: Repository) -> None:
    with pytest.raises(errors.CommitNotBuilt, match="appeared within 0"):
        await travis.wait_for_commit(repository.id, SHA, appear_within=0.05)


async def test_an_unknown_repository_raises_not_found(travis: Travis) -> None:
    with pytest.raises(errors.NotFoundError):
        await travis.wait_for_commit("nobody/nothing", SHA)
    with pytest.raises(errors.NotFoundError):
        await travis.wait_for_commit(999, SHA)
    with pytest.raises(errors.UsageError, match="event_type"):
        await travis.wait_for_commit(999, SHA, event_type="pul_request")


async def test_transient_failures_are_retried_up_to_a_limit(
    server: TravisServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_waiting, "MAX_FAILURES", 3)
    build = repository.build(quiet=True)
    requests = repository.data.requests
    requests.append(WorldRequest(1, "push", "accepted", 1e9, build_id=build.id, head_commit=SHA))
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, attempts=1) as travis:
        server.respond("GET", "/requests", status=503, times=2)
        assert (await travis.wait_for_commit(repository.id, SHA, until=lambda _: True)).id == build.id
        server.respond("GET", "/requests", status=503, times=3)
        with pytest.raises(errors.ServerError):
            await travis.wait_for_commit(repository.id, SHA)


async def test_transient_failures_are_counted_in_a_row(
    server: TravisServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_waiting, "MAX_FAILURES", 2)
    build = repository.build(quiet=True)
    request = WorldRequest(1, "push", "accepted", 1e9, build_id=build.id, head_commit=SHA)
    client = Travis(TOKEN, endpoint=server.endpoint, live=HASTY, attempts=1)
    async with client as travis, anyio.create_task_group() as group:

        async def wait() -> None:
            found = await travis.wait_for_commit(repository.id, SHA, until=lambda _: True)
            assert found.id == build.id

        def enough(least: int) -> bool:
            return reads(server) >= least

        group.start_soon(wait)
        for number in range(1, 4):
            server.respond("GET", "/requests", status=503, times=1)
            await until(partial(enough, 3 * number))
        repository.data.requests.append(request)


async def test_a_lost_connection_makes_the_requests_be_read_again(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_waiting, "FIRST_POLL", 1000.0)
    monkeypatch.setattr(commit_waiting, "MAX_POLL", 1000.0)
    build = repository.build(quiet=True)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found = await travis.wait_for_commit(repository.id, SHA, until=lambda _: True)
            assert found.id == build.id

        group.start_soon(wait)
        await until(lambda: reads(server) == 1)
        request = WorldRequest(1, "push", "accepted", 1e9, build_id=build.id, head_commit=SHA)
        repository.data.requests.append(request)
        monkeypatch.setattr(commit_waiting, "FIRST_POLL", 0.0)
        await server.pusher.disconnect(4200)


async def test_the_requests_are_still_read_after_the_live_channel_has_ended(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build(quiet=True)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found = await travis.wait_for_commit(repository.id, SHA, until=lambda _: True)
            assert found.id == build.id

        group.start_soon(wait)
        # The requests are first read once the feed is open.
        await until(lambda: reads(server) >= 1)
        # The app does not exist: the live channel ends for good.
        await server.pusher.disconnect(4001)
        await until(lambda: travis.live.state == LiveState.UNAVAILABLE)
        before = reads(server)
        await until(lambda: reads(server) > before + 1)
        request = WorldRequest(1, "push", "accepted", 1e9, build_id=build.id, head_commit=SHA)
        repository.data.requests.append(request)


async def test_many_waits_for_one_repository_share_their_reads(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_waiting, "FIRST_POLL", 1000.0)
    monkeypatch.setattr(commit_waiting, "MAX_POLL", 1000.0)
    travis._commit_waiting._requests._max_age = 60.0
    travis._commit_waiting._newest_builds._max_age = 60.0
    build = repository.build(quiet=True)
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(travis.wait_for_commit, repository.id, "b" * 40)
        await until(lambda: reads(server) == 1)
        await server.pusher.wait_occupied("repo-82")
        await anyio.wait_all_tasks_blocked()
        build.commit.sha = "b" * 40
        build.emit("build:created")
        build.start()
        build.finish("passed")
    assert reads(server) == 1
    assert server.pusher.opened == 1
