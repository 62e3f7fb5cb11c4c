"""`Travis.watch` over HTTP and the live channel: snapshots, changes, what is gone, and stories with faults."""

import asyncio
import os
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest

from aiotravis import LiveOptions, RepositoryUpdate, Travis, Watch, WatchStatus, errors
from aiotravis.flows import watcher
from aiotravis.testing import Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

STORIES = int(os.environ.get("AIOTRAVIS_WATCH_HTTP_STORIES", "24"))

pytestmark = pytest.mark.instant


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "READ_DELAY", 0.02)
    monkeypatch.setattr(watcher, "COMPARE_DELAY", 0.002)
    monkeypatch.setattr(watcher, "FIRST_RETRY", 0.02)
    monkeypatch.setattr(watcher, "MAX_RETRY", 0.1)
    monkeypatch.setattr(watcher, "RETRY_INTERVAL", 0.1)
    monkeypatch.setattr("aiotravis.flows.tracked.SETTLING", 0.0)


def shown(update: RepositoryUpdate) -> list[tuple[Any, ...]]:
    return [
        (int(one.number), str(one.state), [(job.number, str(job.state)) for job in one.jobs]) for one in update.builds
    ]


def truth(repository: Repository, last: int = 8) -> list[tuple[Any, ...]]:
    return [
        (one.number, one.state, [(job.number, job.state) for job in one.jobs])
        for one in list(reversed(repository.builds))[:last]
    ]


class Consumer:
    """Keeps what a watch has yielded last."""

    def __init__(self, watch: Watch, pause: Callable[[], float] = lambda: 0.0) -> None:
        self._watch = watch
        self._pause = pause
        self.items: list[RepositoryUpdate | WatchStatus] = []
        self.last: dict[int | str, RepositoryUpdate] = {}
        self._task = asyncio.ensure_future(self._consume())

    async def _consume(self) -> None:
        async for item in self._watch:
            self.items.append(item)
            if isinstance(item, RepositoryUpdate):
                self.last[item.repo] = item
            await anyio.sleep(self._pause())

    def shows(self, repository: Repository, repo: int | str | None = None, last: int = 8) -> bool:
        update = self.last.get(repository.id if repo is None else repo)
        return update is not None and update.error is None and shown(update) == truth(repository, last)

    async def until_shown(self, *repositories: Repository, seconds: float = 5.0) -> None:
        await until(lambda: all(self.shows(one) for one in repositories), seconds)

    @property
    def statuses(self) -> list[errors.TravisError | None]:
        return [item.error for item in self.items if isinstance(item, WatchStatus)]

    def stop(self) -> None:
        self._task.cancel()


async def live(server: TravisServer, watch: Watch) -> None:
    """Wait until the events are received, and everything was compared since."""
    receivers = watch._watcher._receivers
    await until(lambda: bool(receivers) and all(one.opened and one.feed.live for one in receivers))
    await quiet(watch)


async def quiet(watch: Watch) -> None:
    """Wait until nothing is left to read."""
    await until(lambda: not (watch._watcher._to_compare or watch._watcher._due))
    await anyio.sleep(0.05)
    await until(lambda: not (watch._watcher._to_compare or watch._watcher._due))


def paths(server: TravisServer) -> list[str]:
    return [re.sub(r"ids(%5B%5D|\[\])?=[^&]*(&ids(%5B%5D|\[\])?=[^&]*)*", "ids=...", one.path) for one in server.requests]


# The snapshot ---------------------------------------------------------------------------------------------------------


async def test_a_snapshot_has_the_newest_builds_with_commits_and_jobs(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(12, jobs=3)
    async with travis.watch(repository.slug) as watch:
        update = await anext(watch)
        assert isinstance(update, RepositoryUpdate)
        assert shown(update) == truth(repository)
        assert update.changed == tuple(build.id for build in update.builds)
        assert (update.repo, update.error) == (repository.slug, None)
        assert update.repository is not None
        assert update.repository.id == repository.id
        assert all(build.commit is not None and build.commit.subject for build in update.builds)
        assert all(job.config for build in update.builds for job in build.jobs)
        assert watch.state == [watch.state[0]]
        assert watch.state[0].builds == update.builds


async def test_each_repository_is_listed_once_and_the_rest_is_read_in_batches(
    server: TravisServer, travis: Travis
) -> None:
    user = server.world.user("sarah", token=TOKEN)
    repositories = [server.world.repository(f"a/{n}", users=[user]) for n in range(40)]
    for one in repositories:
        one.history(3, jobs=2)
    async with travis.watch([one.id for one in repositories]) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(*repositories)
        await live(server, watch)
        consumer.stop()
    seen = paths(server)
    assert sum(path.startswith("/builds?repository_id=") for path in seen) == 40
    assert sum(path.startswith("/jobs") for path in seen) == 6
    assert server.pusher.opened == 1
    # The repositories twice: now, and once their events are received.
    assert sum(path.startswith("/repos") for path in seen) <= 3


async def test_without_jobs_none_are_read(server: TravisServer, travis: Travis, repository: Repository) -> None:
    repository.history(3, jobs=2)
    async with travis.watch(repository.id, jobs=False, last=2) as watch:
        update = await anext(watch)
        await live(server, watch)
        repository.build().start().finish()
        await until(lambda: watch.state[0].builds[0].passed)
    assert isinstance(update, RepositoryUpdate)
    assert [(build.jobs, len(build.job_ids)) for build in update.builds] == [((), 2), ((), 2)]
    assert not [path for path in paths(server) if path.startswith("/jobs")]


async def test_without_repositories_everything_of_the_user_is_watched(server: TravisServer, travis: Travis) -> None:
    user = server.world.user("sarah", token=TOKEN)
    mine = [server.world.repository(f"a/{n}", users=[user]) for n in range(3)]
    server.world.repository("b/foreign").history(1)
    mine[0].history(2)
    async with travis.watch() as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(*mine)
        await live(server, watch)
        new = server.world.repository("a/new", users=[user])
        new.build()
        await consumer.until_shown(*mine, new)
        watch.remove(mine[1])  # type: ignore[arg-type]
        consumer.stop()
    assert set(consumer.last) == {one.id for one in [*mine, new]}
    # What was never built is not listed.
    assert sum(path.startswith("/builds?repository_id=") for path in paths(server)) == 2
