"""`Travis.watch` over HTTP and the live channel: snapshots, changes, what is gone, and stories with faults."""

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

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
    monkeypatch.setattr(watcher, "POLL_INTERVAL", 0.2)
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
    return [one.path for one in server.requests]


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
    assert sum(path.startswith("/jobs") for path in seen) == 3
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
        consumer.stop()
    assert set(consumer.last) == {one.id for one in [*mine, new]}
    # What was never built is not listed.
    assert sum(path.startswith("/builds?repository_id=") for path in paths(server)) == 2


async def test_without_a_token_each_repository_is_read_by_itself(
    server: TravisServer, stranger: Travis, repository: Repository
) -> None:
    repository.history(2)
    with pytest.raises(errors.UsageError, match="name the repositories"):
        stranger.watch()
    async with stranger.watch(repository.slug) as watch:
        consumer = Consumer(watch)
        await until(lambda: consumer.shows(repository, repository.slug))
        await live(server, watch)
        repository.build().start()
        await until(lambda: consumer.shows(repository, repository.slug))
        consumer.stop()
    assert not [path for path in paths(server) if path.startswith("/repos?")]


@pytest.mark.parametrize("repos", [7.5, [None], "no-slug", ["a/b", 0], b"a/b", True])
async def test_what_names_no_repository_is_refused_at_once(travis: Travis, repos: Any) -> None:
    with pytest.raises(errors.UsageError) as caught:
        travis.watch(repos)
    assert caught.value.argument == "repos"
    async with travis.watch([]) as watch:
        for change in (watch.add, watch.remove):
            with pytest.raises(errors.UsageError):
                change(repos)
        assert watch.state == []


@pytest.mark.parametrize("arguments", [{"last": 0}, {"last": "8"}, {"last": 1.5}, {"jobs": 1}, {"jobs": None}])
def test_other_arguments_are_checked_at_once(arguments: dict[str, Any]) -> None:
    with pytest.raises(errors.UsageError) as caught:
        Travis("t").watch("a/b", **arguments)
    assert caught.value.argument in arguments


# Changes --------------------------------------------------------------------------------------------------------------


async def test_what_changes_is_told_in_the_newest_state_only(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(3)
    async with travis.watch(repository.id) as watch:
        await anext(watch)
        await live(server, watch)
        while watch._pending:
            await anext(watch)
        build = repository.build(jobs=2)
        build.start()
        build.finish("failed")
        await until(lambda: bool(watch.state[0].builds[0].finished))
        await quiet(watch)
        update = await anext(watch)
        assert isinstance(update, RepositoryUpdate)
        assert (shown(update), update.changed) == (truth(repository), (build.id,))
        assert not watch._pending


async def test_a_restart_and_a_requeue_show_the_new_run(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build(jobs=2).start().finish("failed")
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        build.restart()
        await consumer.until_shown(repository)
        build.start()
        build.jobs[0].requeue()
        await consumer.until_shown(repository)
        build.jobs[0].start()
        build.finish()
        await consumer.until_shown(repository)
        build.jobs[1].restart()
        await consumer.until_shown(repository)
        consumer.stop()


async def test_repositories_come_and_go_while_it_runs(server: TravisServer, travis: Travis) -> None:
    user = server.world.user("sarah", token=TOKEN)
    one, two = (server.world.repository(f"a/{name}", users=[user]) for name in ("one", "two"))
    one.history(1)
    two.history(1)
    async with travis.watch(one.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(one)
        watch.add([two.id, "A/Two", one.id])
        await consumer.until_shown(two)
        await until(lambda: consumer.shows(two, "A/Two"))
        await live(server, watch)
        assert [update.repo for update in watch.state] == [one.id, two.id, "A/Two"]
        watch.remove("a/two")
        watch.remove([4711, "x/y"])
        assert [update.repo for update in watch.state] == [one.id]
        before = len(consumer.items)
        two.build().start()
        one.build().start()
        await consumer.until_shown(one)
        await quiet(watch)
        assert {item.repo for item in consumer.items[before:] if isinstance(item, RepositoryUpdate)} == {one.id}
        await until(lambda: len(watch._watcher._receivers) == 1)
        consumer.stop()


# What goes wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repo", ["no/such", 4711, "no/such.json"])
async def test_an_unknown_repository_is_told_of_and_the_others_go_on(
    server: TravisServer, travis: Travis, repository: Repository, repo: int | str
) -> None:
    repository.history(1)
    async with travis.watch([repo, repository.id]) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await until(lambda: repo in consumer.last)
        assert isinstance(consumer.last[repo].error, errors.NotFoundError)
        await live(server, watch)
        repository.build()
        await consumer.until_shown(repository)
        assert [item for item in consumer.items if isinstance(item, WatchStatus)] == []
        assert sum(isinstance(item, RepositoryUpdate) and item.repo == repo for item in consumer.items) == 1
        consumer.stop()


async def test_a_repository_that_is_hidden_keeps_what_was_known_and_may_come_back(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(2)
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        users, repository.users, repository.private = repository.users, [], True
        await server.pusher.disconnect(1001)
        await until(lambda: consumer.last[repository.id].error is not None)
        assert isinstance(consumer.last[repository.id].error, errors.NotFoundError)
        assert shown(consumer.last[repository.id]) == truth(repository)
        repository.users = users
        await consumer.until_shown(repository)
        consumer.stop()


async def test_a_repository_that_is_renamed_goes_on_under_its_id(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(1)
    before = repository.slug
    async with travis.watch(before) as watch:
        consumer = Consumer(watch)
        await until(lambda: before in consumer.last)
        await live(server, watch)
        repository.slug = "new/name"
        repository.build()
        await until(lambda: consumer.shows(repository, before))
        update = consumer.last[before]
        assert update.repository is not None
        assert update.repository.slug == "new/name"
        watch.remove("new/name")
        assert watch.state == []
        consumer.stop()


async def test_one_repository_whose_list_fails_is_told_of_alone(server: TravisServer, travis: Travis) -> None:
    user = server.world.user("sarah", token=TOKEN)
    good, bad = (server.world.repository(f"a/{name}", users=[user]) for name in ("good", "bad"))
    good.history(1)
    bad.history(1)
    server.respond("GET", "/builds", status=500, body=b"no", times=2)
    async with travis.with_options(attempts=1).watch([good.id, bad.id], last=3) as watch:
        consumer = Consumer(watch)
        await until(lambda: len(consumer.last) == 2)
        assert all(isinstance(update.error, errors.ServerError) for update in consumer.last.values())
        await consumer.until_shown(good, bad)
        assert consumer.statuses == []
        consumer.stop()


async def test_a_revoked_token_is_told_of_once_and_the_watch_goes_on(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(1)
    (user,) = server.world.users.values()
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        user.token = "another"
        await server.pusher.disconnect(1001)
        await until(lambda: watch.error is not None)
        assert isinstance(watch.error, errors.AuthenticationError)
        await anyio.sleep(0.3)
        user.token = TOKEN
        await until(lambda: watch.error is None)
        repository.build()
        await consumer.until_shown(repository)
        assert [type(error) for error in consumer.statuses] == [errors.AuthenticationError, type(None)]
        consumer.stop()


@pytest.mark.parametrize("body", [b'{"builds":[]}', b'{"builds":null}', b'{"builds":[{"id":"x"}]}', b"<html>", b"{"])
async def test_one_odd_answer_takes_nothing_back(
    server: TravisServer, travis: Travis, repository: Repository, body: bytes
) -> None:
    repository.history(2)
    build = repository.build().start()
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        server.respond("GET", "/builds", body=body, times=1)
        before = len(consumer.items)
        await server.pusher.disconnect(1001)
        await until(lambda: len([one for one in paths(server) if one.startswith("/builds?ids")]) > 1)
        await quiet(watch)
        build.finish()
        await consumer.until_shown(repository)
        counts = [len(item.builds) for item in consumer.items[before:] if isinstance(item, RepositoryUpdate)]
        assert set(counts) <= {3}
        consumer.stop()


async def test_without_a_live_channel_it_polls_and_uses_it_once_it_is_there(
    server: TravisServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "POLL_INTERVAL", 0.05)
    monkeypatch.setattr("aiotravis.live.hub.OPTIONAL_PATIENCE", 0.05)
    monkeypatch.setattr("aiotravis.live.placement.MAX_RETRY", 0.1)
    repository.history(1)
    server.faults.rest("/config").status(503)
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, attempts=1) as travis:
        watch = travis.watch(repository.id)
        async with watch:
            consumer = Consumer(watch)
            await consumer.until_shown(repository)
            repository.build(quiet=True)
            await consumer.until_shown(repository)
            assert server.pusher.opened == 0
            server.faults.clear()
            await live(server, watch)
            monkeypatch.setattr(watcher, "POLL_INTERVAL", 1000.0)
            repository.build().start()
            await consumer.until_shown(repository)
            consumer.stop()


async def test_an_error_in_the_handling_of_an_event_makes_the_repository_be_read(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    repository.history(1)
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        monkeypatch.setattr("aiotravis.flows.repository_state.RepositoryState.apply_event", fail)
        repository.build().start()
        await consumer.until_shown(repository)
        consumer.stop()


# Its life -------------------------------------------------------------------------------------------------------------


async def test_it_is_iterated_within_its_block_and_leaves_nothing_behind(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(1)
    watch = travis.watch(repository.id)
    with pytest.raises(errors.UsageError, match="async with"):
        await anext(watch)
    with pytest.raises(errors.UsageError, match="cannot be awaited"):
        await watch  # type: ignore[misc]
    async with watch:
        await anext(watch)
        with pytest.raises(errors.UsageError, match="used before"):
            await watch.__aenter__()
    with pytest.raises(errors.UsageError, match="was left"):
        await anext(watch)
    assert not watch._task.running
    assert watch._watcher._receivers == []
    assert repr(watch) == "<Watch closed, 1 repositories>"


async def test_closing_the_client_ends_the_iteration_with_an_error(
    server: TravisServer, repository: Repository
) -> None:
    repository.history(1)
    travis = Travis(TOKEN, endpoint=server.endpoint)
    async with travis.watch(repository.id) as watch:
        await anext(watch)

        async def close() -> None:
            await anyio.sleep(0.01)
            await travis.aclose()

        closing = asyncio.ensure_future(close())
        with pytest.raises(errors.UsageError, match="client was closed"):
            async for _ in watch:
                pass
        await closing
    with pytest.raises(errors.UsageError, match="closed"):
        async with travis.watch(repository.id):
            pass


async def test_tasks_may_share_a_watch_and_a_cancelled_step_loses_nothing(server: TravisServer, travis: Travis) -> None:
    user = server.world.user("sarah", token=TOKEN)
    repositories = [server.world.repository(f"a/{n}", users=[user]) for n in range(6)]
    seen: list[int | str] = []

    async def take(watch: Watch) -> None:
        while len(seen) < 6:
            with anyio.move_on_after(0.001):
                item = await anext(watch)
                assert isinstance(item, RepositoryUpdate)
                seen.append(item.repo)

    async with travis.watch([one.id for one in repositories]) as watch, anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(take, watch)
    assert sorted(map(int, seen)) == [one.id for one in repositories]


# Stories --------------------------------------------------------------------------------------------------------------


class World:
    """Lets something happen to repositories, and to everything on the way to the client."""

    def __init__(self, server: TravisServer, draw: random.Random, repositories: Sequence[Repository]) -> None:
        self._server = server
        self._draw = draw
        self._repositories = repositories

    async def happen(self) -> None:
        draw, server = self._draw, self._server
        repository = draw.choice(self._repositories)
        builds = repository.builds[-5:]
        chance = draw.random()
        if chance < 0.15 or not builds:
            repository.build(
                jobs=draw.randint(1, 3), number=repository.builds[-1].number if chance < 0.02 and builds else None
            )
            return
        build = draw.choice(builds)
        job = draw.choice(build.jobs)
        if chance < 0.6:
            following = {"created": job.enqueue, "queued": job.receive, "received": job.start}
            if job.state == "started":
                job.finish(draw.choice(("passed", "failed", "errored", "canceled")))
            elif job.state in following:
                following[job.state]()
        elif chance < 0.65:
            build.cancel()
        elif chance < 0.72 and build.state in {"passed", "failed", "errored", "canceled"}:
            build.restart() if chance < 0.69 else job.restart()
        elif chance < 0.74 and job.state == "started":
            job.requeue()
        elif chance < 0.75 and len(repository.builds) > 1:
            repository.forget(build)
        elif chance < 0.8:
            server.pusher.disconnect(draw.choice([None, 1006, 4200]))
        elif chance < 0.82:
            server.faults.rest("*", times=draw.randint(1, 4)).status(draw.choice((500, 503)))
        elif chance < 0.86:
            fault = server.faults.live(times=draw.randint(1, 5))
            draw.choice((fault.drop, fault.duplicate, lambda: fault.late(0.02)))()
        else:
            await anyio.sleep(draw.choice((0.0, 0.001, 0.01)))


@pytest.mark.parametrize("seed", range(STORIES))
async def test_at_rest_what_was_yielded_last_is_the_truth(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    monkeypatch.setattr(watcher, "RECONCILE_INTERVAL", 0.3)
    async with TravisServer(instant=True) as server:
        user = server.world.user("sarah", token=TOKEN)
        repositories = [server.world.repository(f"a/{n}", users=[user]) for n in range(draw.choice((1, 3, 10)))]
        for one in repositories:
            one.history(draw.choice((0, 2, 6)), jobs=2)
        world = World(server, draw, repositories)
        options = LiveOptions(reconnect_delay=0.005, max_reconnect_delay=0.01)
        async with Travis(TOKEN, endpoint=server.endpoint, live=options, attempts=1) as travis:
            watch = travis.watch([draw.choice((one.id, one.slug)) for one in repositories], last=5)
            async with watch:
                consumer = Consumer(watch, lambda: draw.choice((0.0, 0.001, 0.05)))
                for _ in range(draw.choice((10, 60, 200))):
                    await world.happen()
                server.faults.clear()

                def rests() -> bool:
                    return all(
                        any(consumer.shows(one, name, last=5) for name in (one.id, one.slug)) for one in repositories
                    )

                await until(rests, 10.0)
                consumer.stop()


async def test_a_repository_that_makes_travis_fail_fails_alone(
    server: TravisServer, travis: Travis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("aiotravis.testing"), "disabled", True)
    good, bad = server.world.repository("a/good"), server.world.repository("a/bad")
    for repository in (good, bad):
        repository.history(3)
    odd = bad.builds[-1]
    time, odd.started_at = odd.started_at, cast("Any", "what no serializer takes")
    async with travis.watch([good.id, bad.id]) as watch:
        consumer = Consumer(watch)
        await until(lambda: len(consumer.last) == 2)
        assert isinstance(consumer.last[bad.id].error, errors.ServerError)
        assert consumer.shows(good)
        good.build()
        await consumer.until_shown(good)
        assert watch.error is None
        odd.started_at = time
        await consumer.until_shown(good, bad)
        consumer.stop()


async def test_repositories_may_come_from_an_async_iterable(travis: Travis, repository: Repository) -> None:
    async def failing() -> AsyncIterator[int]:
        yield repository.id
        raise KeyError

    async with travis.watch(travis.repos.many([repository.id])) as watch:
        update = await anext(watch)
        assert isinstance(update, RepositoryUpdate)
        with pytest.raises(errors.UsageError, match="must not be an async iterable: pass"):
            watch.add(failing())  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        async with travis.watch(failing()):
            pass
    with pytest.raises(errors.UsageError, match="repo must not be an async iterable: pass") as info:
        travis.events(failing())  # type: ignore[arg-type]
    assert info.value.argument == "repo"
