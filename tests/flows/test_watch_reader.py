"""What is read for a watch: in batches, lists only where builds may be missing, failures where they belong."""

import logging
from collections.abc import Callable
from types import NoneType
from typing import Any, cast

import pytest

from aiotravis import Travis, errors
from aiotravis.flows.repository_state import RepositoryState
from aiotravis.flows.watch_reader import WatchReader
from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.waiting import ignored

pytestmark = pytest.mark.instant


@pytest.fixture
def repositories(server: TravisServer) -> list[Repository]:
    (user,) = server.world.users.values()
    found = [server.world.repository(f"a/{n}", users=[user]) for n in range(3)]
    for one in found:
        one.history(4, jobs=2)
    return found


class Reading:
    """A reader with its states, and the requests of each reading."""

    def __init__(self, server: TravisServer, travis: Travis, repos: list[Any], changed: Callable[..., None]) -> None:
        self._server = server
        self.states = [RepositoryState(repo, last=3, jobs=True) for repo in repos]
        self.reader = WatchReader(travis.repos, travis.builds, travis.jobs, changed, last=3, batched=True)

    async def __call__(self, *, whole: bool = False) -> list[str]:
        before = len(self._server.requests)
        await self.reader.reconcile(self.states, whole=whole)
        return sorted(
            ("ids " if "ids" in seen.path else "") + seen.path.partition("?")[0]
            for seen in self._server.requests[before:]
        )


@pytest.fixture
async def reading(server: TravisServer, repositories: list[Repository]) -> Any:
    async with Travis(TOKEN, endpoint=server.endpoint, attempts=1) as travis:
        yield Reading(server, travis, [one.id for one in repositories], ignored)


FIRST = ["/builds", "/builds", "/builds", "ids /jobs", "ids /repos"]


async def test_at_rest_only_the_repositories_are_compared(reading: Reading) -> None:
    assert await reading() == FIRST
    assert await reading() == ["ids /repos"]
    assert await reading(whole=True) == ["ids /builds", "ids /repos"]


async def test_what_runs_is_read_by_ids(reading: Reading, repositories: list[Repository]) -> None:
    build = repositories[1].build(jobs=2).start()
    await reading()
    build.jobs[0].finish()
    assert await reading() == ["ids /builds", "ids /jobs", "ids /repos"]
    assert [job.finished for job in reading.states[1].show().builds[0].jobs] == [True, False]


async def test_a_list_is_read_only_where_a_repository_tells_of_another_build(
    reading: Reading, repositories: list[Repository]
) -> None:
    await reading()
    repositories[2].build()
    assert await reading() == ["/builds", "ids /jobs", "ids /repos"]
    # fact 3.13: after the restart of an older build, the repository mixes two.
    repositories[0].builds[0].restart()
    assert await reading() == ["/builds", "ids /builds", "ids /jobs", "ids /repos"]
    assert await reading() == ["ids /builds", "ids /jobs", "ids /repos"]


async def test_a_deleted_build_is_found_and_an_older_one_takes_its_place(
    reading: Reading, repositories: list[Repository]
) -> None:
    await reading()
    gone = repositories[0].builds[-2]
    repositories[0].forget(gone)
    await reading(whole=True)
    assert [build.number for build in reading.states[0].show().builds] == ["4", "2", "1"]


async def test_a_failure_of_everything_is_raised_and_one_of_a_repository_is_its_own(
    server: TravisServer, reading: Reading
) -> None:
    server.faults.rest("*", times=1).status(503)
    with pytest.raises(errors.ServerError):
        await reading()
    assert [state.error for state in reading.states] == [None] * 3
    server.faults.rest("/builds", times=1).status(500)
    await reading()
    assert sum(isinstance(state.error, errors.ServerError) for state in reading.states) == 1
    await reading()
    assert [state.error for state in reading.states] == [None] * 3
    assert all(len(state.show().builds) == 3 for state in reading.states)


async def test_without_the_right_to_batches_each_is_read_by_itself(server: TravisServer, reading: Reading) -> None:
    server.respond("GET", "/repos", status=403, body=b"insufficient access")
    found = await reading()
    assert len([path for path in found if path.startswith("/repos/")]) == 3
    assert all(state.complete for state in reading.states)


@pytest.mark.parametrize("route", ["/repos", "/builds", "/jobs"])
async def test_one_unreadable_record_takes_nothing_back(
    server: TravisServer, reading: Reading, repositories: list[Repository], route: str
) -> None:
    repositories[0].build(jobs=2).start()
    await reading()
    before = [state.show().builds for state in reading.states]
    server.respond("GET", route, body=b'{"%b":[{"id":"x"}]}' % route[1:].encode(), times=1)
    await reading(whole=True)
    assert [state.show().builds for state in reading.states] == before


async def test_a_build_that_makes_travis_fail_waits_for_the_next_comparison(
    reading: Reading, repositories: list[Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("aiotravis.testing"), "disabled", True)
    odd, newest = repositories[0].builds[1], repositories[0].builds[3]
    odd.restart()
    newest.restart()
    repositories[1].builds[3].restart()
    await reading()
    odd.finished_at = cast("Any", "what no serializer takes")
    repositories[1].builds[3].start()
    await reading()
    first, second, _ = reading.states
    assert [type(state.error) for state in reading.states] == [errors.ServerError, NoneType, NoneType]
    assert [state.due for state in reading.states] == [[], [], []]
    assert [state.show().builds[0].state for state in (first, second)] == ["created", "started"]
    odd.finished_at = None
    odd.start()
    await reading()
    assert [state.error for state in reading.states] == [None] * 3
    assert [build.state for build in first.show().builds] == ["created", "passed", "started"]
