"""Waiting for a commit: from its hash to the build that Travis makes of it, or the reason why there is none."""

from collections.abc import AsyncGenerator
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
    assert search.find_build(builds) == builds[1]
    assert CommitSearch(82, "b" * 40, None, 1).find_build(builds) is None


def test_the_builds_of_a_branch_and_of_a_tag_are_told_apart() -> None:
    # fact 10.1: both are built as push. In the build of a tag, the branch is the name of the tag, too (fact 3.8).
    of_tag = Build(id=5, event_type="push", commit=Commit(id=2, sha=SHA, branch="v1", tag="v1"))
    of_branch = Build(id=4, event_type="push", commit=Commit(id=1, sha=SHA, branch="master"))
    of_namesake = Build(id=3, event_type="push", commit=Commit(id=3, sha=SHA, branch="v1"))
    builds = [of_tag, of_branch, of_namesake, Build(id=2)]
    for ref, build in (({"branch": "master"}, of_branch), ({"tag": "v1"}, of_tag), ({"branch": "v1"}, of_namesake)):
        search = CommitSearch(82, SHA, None, 1, **ref)
        assert search.find_build(builds) is build
        requests = [
            make_request(one.id, "approved", build_id=one.id, branch=one.commit.branch, tag=one.commit.tag)
            for one in builds
            if one.commit is not None
        ]
        assert search.find_requested_build(requests) == build.id
    assert CommitSearch(82, SHA, None, 1, branch="v2").find_build(builds) is None


@pytest.mark.parametrize(
    ("ref", "argument"), [({"branch": ""}, "branch"), ({"tag": " "}, "tag"), ({"branch": "a", "tag": "b"}, "tag")]
)
def test_an_invalid_branch_or_tag_raises_usage_error(ref: dict[str, Any], argument: str) -> None:
    with pytest.raises(errors.UsageError) as info:
        CommitSearch(82, SHA, None, 1, **ref)
    assert info.value.argument == argument


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
    search.find_requested_build([make_request(1, "accepted", sha="b" * 40)])
    search.builds_searched = [Build(id=5, number="12"), Build(id=4, number="11")]
    assert str(search.timeout_error()) == (
        f"{message}. It is not among the newest 2 builds (down to number 11) and 1 requests: was it pushed, and is the "
        "repository enabled on Travis?"
    )
    for by_ref, wanted in (({"branch": "master"}, "branch 'master'"), ({"tag": "v1"}, "tag 'v1'")):
        found = CommitSearch("a/b", SHA, "push", 300, **by_ref).timeout_error()
        assert str(found).startswith(
            f"No build of commit a214c21f9c of a/b for {wanted} appeared within 300 s. It is not among the newest 0 "
            "push builds and 0 requests: "
        )
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
    assert found.commit is not None
    assert (await travis.wait_for_commit(repository.id, found.commit)).id == build.id
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
    travis._commit_waiting._histories._max_age = 60.0
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


# Searching further back -----------------------------------------------------------------------------------------------


def shas(repository: Repository, *numbers: int) -> None:
    """Let the builds of these numbers be of the commit; all others are of commits of their own."""
    for number in numbers:
        repository.builds[number - 1].commit.sha = SHA


@pytest.mark.parametrize("age", [25, 26, 100, 326, 999])
@pytest.mark.parametrize("within", [0.0, 300.0])
async def test_an_old_commit_is_found(travis: Travis, repository: Repository, age: int, within: float) -> None:
    repository.history(1000)
    shas(repository, 1000 - age)
    found = await travis.wait_for_commit(repository.id, SHA, appear_within=within)
    assert found.number == str(1000 - age)


async def test_a_commit_that_is_too_old_raises_an_error_that_says_how_far_was_searched(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(1010)
    shas(repository, 10)
    with pytest.raises(
        errors.CommitNotBuilt, match=r"among the newest 1000 builds \(down to number 11\) and 0 requests"
    ):
        await travis.wait_for_commit(repository.id, SHA, appear_within=0.0)
    # A page has 24 builds that are new: its lowest number is requested again (fact 10.1).
    assert sum(seen.path.startswith("/builds") for seen in server.requests) <= 43


async def test_the_older_build_of_a_push_is_preferred_to_its_pull_request(
    travis: Travis, repository: Repository
) -> None:
    repository.history(60)
    shas(repository, 34, 35)
    repository.builds[34].event_type = "pull_request"
    assert (await travis.wait_for_commit(repository.id, SHA)).number == "34"
    shas(repository, 36)
    repository.builds[35].event_type = "pull_request"
    # The push is on the next page.
    repository.builds[33].commit.sha = "b" * 40
    repository.builds[34].commit.sha = "b" * 40
    assert (await travis.wait_for_commit(repository.id, SHA)).number == "36"


async def test_an_old_rejection_is_found_unless_the_server_refuses_the_limit(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    requests = repository.data.requests
    requests.append(WorldRequest(1, "push", "rejected", 1e9, message="[skip ci]", head_commit=SHA))
    requests += [WorldRequest(n, "push", "rejected", 1e9, head_commit="b" * 40) for n in range(2, 80)]
    with pytest.raises(errors.CommitNotBuilt, match=r"\[skip ci\]"):
        await travis.wait_for_commit(repository.id, SHA)
    server.switches.requests_fail = True
    travis._commit_waiting._requests._flights.clear()
    with pytest.raises(errors.CommitNotBuilt, match="and 25 requests"):
        await travis.wait_for_commit(repository.id, SHA, appear_within=0.0)


async def test_a_new_rejection_does_not_hide_an_older_build(travis: Travis, repository: Repository) -> None:
    repository.history(60)
    shas(repository, 20)
    rejected = WorldRequest(1, "pull_request", "rejected", 1e9, message="no", head_commit=SHA)
    repository.data.requests.append(rejected)
    assert (await travis.wait_for_commit(repository.id, SHA)).number == "20"


async def test_old_builds_that_cannot_be_read_do_not_end_the_wait(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = travis._commit_waiting._builds.list

    async def broken(*args: Any, **options: Any) -> AsyncGenerator[Build]:
        async for build in read(*args, **options):
            if build.number == "30":
                raise errors.DecodeError("odd", status=200, method="GET", path="/builds", excerpt="")
            yield build

    monkeypatch.setattr(travis._commit_waiting._builds, "list", broken)
    repository.history(60)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            assert (await travis.wait_for_commit(repository.id, SHA, until=lambda _: True)).number == "61"

        group.start_soon(wait)
        await until(lambda: reads(server) >= 6)
        request = WorldRequest(1, "push", "accepted", 1e9, build_id=repository.build(quiet=True).id, head_commit=SHA)
        repository.data.requests.append(request)


@pytest.mark.parametrize(("branch", "tag", "number"), [("master", None, "61"), (None, "v1", "62")])
async def test_the_build_of_a_branch_or_tag_is_found_once_it_appears(
    server: TravisServer, travis: Travis, repository: Repository, branch: str | None, tag: str | None, number: str
) -> None:
    repository.history(60)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found = await travis.wait_for_commit(repository.id, SHA, until=lambda _: True, branch=branch, tag=tag)
            assert found.number == number

        group.start_soon(wait)
        await until(lambda: reads(server) >= 2)
        for name, pushed_tag in (("master", None), ("v1", "v1")):
            build = repository.build(branch=name, quiet=True)
            build.commit.sha, build.commit.tag = SHA, pushed_tag
            build.emit("build:created")
