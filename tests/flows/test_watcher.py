"""When a watch reads: at long intervals, and when something makes it doubt; it never stops."""

from types import NoneType
from typing import Any

import anyio
import pytest

from aiotravis import RepositoryUpdate, Travis, TravisError, WatchStatus, errors
from aiotravis.flows import tracked, watcher
from aiotravis.testing import Repository, TravisServer
from tests.flows.test_watch import Consumer, live, paths, quiet
from tests.waiting import until

pytestmark = pytest.mark.instant


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "READ_DELAY", 0.02)
    monkeypatch.setattr(watcher, "RETRY_INTERVAL", 0.05)
    monkeypatch.setattr(tracked, "SETTLING", 0.0)


async def test_what_no_event_told_is_found_at_the_next_interval(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "RECONCILE_INTERVAL", 0.2)
    repository.history(2, jobs=2)
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        server.faults.live("*").drop()
        repository.build(jobs=2).start().jobs[0].finish()
        repository.builds[0].restart()
        await consumer.until_shown(repository)
        repository.forget(repository.builds[1])
        await consumer.until_shown(repository)
        consumer.stop()


async def test_at_rest_nothing_is_read_and_nothing_is_yielded(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.history(2)
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        requests, items = len(server.requests), len(consumer.items)
        assert items == 1
        await anyio.sleep(0.2)
        assert (len(server.requests), len(consumer.items)) == (requests, items)
        await server.pusher.disconnect(1001)
        await until(lambda: len(server.requests) > requests and paths(server)[-1].startswith("/repos?"))
        await quiet(watch)
        assert len(consumer.items) == items
        consumer.stop()


async def test_the_end_of_a_build_is_confirmed_by_one_read_of_it_and_its_jobs(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await until(lambda: repository.id in consumer.last)
        await live(server, watch)
        build = repository.build(jobs=3).start()
        await consumer.until_shown(repository)
        await quiet(watch)
        server.faults.live("job:*").drop()
        requests = len(server.requests)
        build.finish()
        await consumer.until_shown(repository)
        await quiet(watch)
        assert len(server.requests) == requests + 2
        consumer.stop()


async def test_an_error_of_our_own_is_told_and_the_watch_goes_on(
    travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    repository.history(1)
    watch = travis.watch(repository.id)
    reconcile = watch._watcher._reader.reconcile
    monkeypatch.setattr(watch._watcher._reader, "reconcile", fail)
    async with watch:
        status = await anext(watch)
        assert isinstance(status, WatchStatus)
        assert type(status.error) is TravisError
        monkeypatch.setattr(watch._watcher._reader, "reconcile", reconcile)
        items = [await anext(watch), await anext(watch)]
        assert {type(item) for item in items} == {RepositoryUpdate, WatchStatus}


async def test_a_feed_that_ends_with_an_error_is_opened_again(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "MAX_RETRY", 0.01)
    repository.history(1)
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        (receiver,) = watch._watcher._receivers
        receiver.feed._subscription.end(TravisError("gone"))
        await until(lambda: watch._watcher._receivers not in ([], [receiver]))
        await live(server, watch)
        repository.build()
        await consumer.until_shown(repository)
        consumer.stop()


async def test_an_event_that_has_no_state_makes_the_build_be_read(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await live(server, watch)
        server.faults.live("*").drop()
        build.start().finish()
        server.faults.clear()
        payload = f'{{"build":{{"id":{build.id}}},"_no_full_payload":true}}'
        server.pusher.publish([f"repo-{repository.id}"], "build:finished", payload)
        await consumer.until_shown(repository)
        consumer.stop()


async def test_a_failure_that_lasts_is_told_once(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(watcher, "MAX_RETRY", 0.01)
    repository.history(2)
    # Each answer has a request id of its own, which is in the message.
    server.respond("GET", "/repos", status=500, body=b"{}", times=6)
    async with travis.watch(repository.id) as watch:
        consumer = Consumer(watch)
        await consumer.until_shown(repository)
        await until(lambda: watch.error is None and len(consumer.statuses) == 2)
        consumer.stop()
    assert [type(error) for error in consumer.statuses] == [errors.ServerError, NoneType]
