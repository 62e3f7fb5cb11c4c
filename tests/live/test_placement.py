"""Opening feeds: one request for what many lack, cancelled openings that go on, optional feeds."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable

import anyio
import pytest

from aiotravis import Feed, Travis, errors, events
from aiotravis.live import placement
from aiotravis.testing import Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until


def paths(server: TravisServer) -> Counter[str]:
    return Counter(seen.path.partition("?")[0] for seen in server.requests)


async def test_two_hundred_feeds_opened_at_once_share_every_request(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    jobs = repository.build(jobs=5).jobs
    kinds: list[Callable[[], Feed]] = [
        lambda: travis.events(repository.slug), lambda: travis.events(repository.id), travis.events,
        lambda: travis.events(job=jobs[0].id), lambda: travis.events(job=[job.id for job in jobs]),
    ]  # fmt: skip
    feeds = [kinds[number % len(kinds)]() for number in range(200)]
    await asyncio.gather(*(feed.__aenter__() for feed in feeds))
    assert paths(server) == {"/config": 1, "/users": 1, f"/repos/{repository.slug}": 1, "/jobs": 1, "/pusher/auth": 1}
    assert server.pusher.opened == 1
    for feed in feeds:
        await feed.aclose()


async def test_a_feed_closed_while_many_are_placed_is_not_subscribed(
    server: TravisServer, travis: Travis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "PLACED_PER_TURN", 1)
    feeds = [travis.events(channels=[f"c-{number}"]) for number in range(50)]
    openings = [asyncio.ensure_future(feed.__aenter__()) for feed in feeds]
    while not travis.statistics().live.channels:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert travis.statistics().live.channels < 49
    await feeds[-1].aclose()
    outcomes = await asyncio.gather(*openings, return_exceptions=True)
    assert outcomes[:-1] == feeds[:-1]
    assert isinstance(outcomes[-1], errors.UsageError)
    assert set(travis._hub._dispatcher) == {f"c-{number}" for number in range(49)}
    for feed in feeds:
        await feed.aclose()


async def test_two_hundred_waits_for_commits_by_slug_read_the_repository_once(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = repository.build()
    build.start().finish()
    waits = (travis.wait_for_commit(repository.slug, build.commit.sha, until=lambda _: True) for _ in range(200))
    assert {one.id for one in await asyncio.gather(*waits)} == {build.id}
    counted = paths(server)
    assert (counted["/config"], counted["/users"], counted[f"/repos/{repository.slug}"]) == (1, 1, 1)


async def test_thirty_slugs_are_requested_at_the_same_time(server: TravisServer, travis: Travis) -> None:
    names = [server.world.repository(f"a/{number}").slug for number in range(30)]
    server.latency = 0.3
    began = asyncio.get_running_loop().time()
    async with travis.events(names) as feed:
        # One after the other, they take nine seconds.
        assert asyncio.get_running_loop().time() - began < 4.5
        assert len(feed.statistics().channels) == 31


@pytest.mark.parametrize("seconds", [0.0001, 0.0005, 0.003])
async def test_an_iteration_cancelled_while_the_feed_opens_loses_nothing(
    server: TravisServer, travis: Travis, repository: Repository, seconds: float
) -> None:
    feed = travis.events(repository.slug)
    attempts = 0
    while not feed.live:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(feed), seconds)
        # The opening goes on in between, however short each attempt is.
        await asyncio.sleep(0.001)
        attempts += 1
    assert attempts > 1
    repository.build()
    assert isinstance(await anext(feed), events.BuildCreated)
    assert server.pusher.opened == paths(server)["/config"] == 1
    await feed.aclose()


@pytest.mark.parametrize("how", ["wait_for", "scope", "task"])
async def test_a_cancelled_block_unsubscribes_and_can_be_entered_again(
    server: TravisServer, travis: Travis, repository: Repository, how: str
) -> None:
    feed = travis.events(repository.id)
    entering = asyncio.ensure_future(feed.__aenter__())
    if how == "wait_for":
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(entering, 0.0005)
    elif how == "scope":
        entering.cancel()
        with anyio.move_on_after(0):
            await feed.__aenter__()
    else:
        await asyncio.sleep(0)
        entering.cancel()
    await asyncio.gather(entering, return_exceptions=True)
    assert not travis._hub._has_work()
    async with feed:
        repository.build()
        assert isinstance(await anext(feed), events.BuildCreated)


async def test_a_feed_that_is_forgotten_while_it_opens_is_not_subscribed(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(travis.events(repository.slug)), 0.0005)
        # From Python 3.12 on, wait_for cancels this task itself, which keeps the error and its frames until it waits.
        await asyncio.sleep(0)
        gc.collect()
    assert not travis._hub._has_work()


async def test_closing_a_feed_that_is_being_opened_ends_the_opening(server: TravisServer, travis: Travis) -> None:
    server.latency = 30.0
    feed = travis.events(channels=["repo-1"])
    opening = asyncio.ensure_future(feed.__aenter__())
    await asyncio.sleep(0.01)
    await feed.aclose()
    with pytest.raises(errors.UsageError, match="closed while it was being opened"), anyio.fail_after(5):
        await opening
    server.latency = 0.0


async def test_a_failure_to_read_the_user_is_raised_by_each_feed_that_is_opening(
    server: TravisServer, repository: Repository
) -> None:
    server.respond("GET", "/users", status=403, body=b"no", headers={"Content-Type": "text/plain"}, times=1)
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
        feeds = [travis.events(repository.id) for _ in range(3)]
        for outcome in await asyncio.gather(*(feed.__aenter__() for feed in feeds), return_exceptions=True):
            assert isinstance(outcome, errors.PermissionDenied)
        async with travis.events(repository.id) as feed:
            assert feed.live


async def test_a_private_deployment_of_another_day_moves_all_feeds_to_its_channels() -> None:
    async with TravisServer() as server:
        user = server.world.user("sarah", token=TOKEN)
        repository = server.world.repository("a/b", users=[user])
        job = repository.build().jobs[0]
        async with (
            Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis,
            travis.events(repository.id, job.id) as feed,
        ):
            assert set(feed.statistics().channels) == {"private-user-201", "repo-82", f"job-{job.id}"}
            pusher = f'"key":"{server.pusher.key}","host":"127.0.0.1","port":{server.port},"scheme":"http"'
            server.respond("GET", "/config", body=f'{{"config":{{"pusher":{{{pusher},"secure":true}}}}}}'.encode())
            travis._hub._config_is_old = True
            await server.pusher.disconnect(1001)
            assert isinstance(await anext(feed), events.Reconnected)
            assert set(feed.statistics().channels) == {"private-user-201", f"private-job-{job.id}"}
    await until(lambda: not server.pusher.connections)


@pytest.mark.parametrize("pause", [0.0, 0.03])
@pytest.mark.parametrize("turns", [0, 1, 2, 4, 6, 8, 12])
async def test_a_feed_that_is_opened_again_while_its_first_opening_is_read_opens(
    server: TravisServer, travis: Travis, repository: Repository, turns: int, pause: float
) -> None:
    server.latency = 0.005
    feed = travis.events(repository.slug)
    for _ in range(3):
        entering = asyncio.ensure_future(feed.__aenter__())
        await asyncio.sleep(turns * 0.001)
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
        await asyncio.sleep(pause)
    with anyio.fail_after(5.0):
        async with feed:
            assert feed.live
