"""What a client is doing, in numbers."""

import asyncio
import json

import anyio

from aiotravis import Statistics, Travis
from aiotravis.testing import Repository, TravisServer
from tests.conftest import HASTY, TOKEN
from tests.waiting import until


async def test_statistics_count_feeds_and_waiters_and_become_json(travis: Travis, repository: Repository) -> None:
    build = repository.build()
    async with travis.events(repository.id), anyio.create_task_group() as group:
        group.start_soon(travis.wait_for_build, build.id)
        await until(lambda: travis.statistics().live.feeds == 2)
        statistics = travis.statistics()
        assert isinstance(statistics, Statistics)
        assert (statistics.waiters, statistics.waiting_for_limits) == (1, 0)
        assert statistics.live == travis.live.statistics()
        plain = json.loads(json.dumps(statistics.to_dict()))
        assert (plain["live"]["state"], plain["live"]["feeds"], plain["waiters"]) == ("connected", 2, 1)
        assert plain["live"] == travis.live.statistics().to_dict()
        async with travis.with_options(attempts=1).follow_log(build.jobs[0].id):
            group.start_soon(travis.wait_for_commit, repository.id, "0123456789")
            await until(lambda: travis.statistics().followers == 1 and travis.statistics().waiters == 2)
        assert travis.statistics().followers == 0
        group.cancel_scope.cancel()
    assert travis.statistics().waiters == 0


async def test_requests_are_counted_for_each_identity_with_their_attempts(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.respond("GET", "/config", status=503, times=1)
    nobody = travis.with_options(token=None)
    await travis.with_options(attempts=2).config.get()
    await nobody.config.get()
    counts = [(one.requests, one.not_modified, one.bytes_saved) for one in (travis.statistics(), nobody.statistics())]
    assert counts == [(2, 0, 0), (1, 0, 0)]
    plain = travis.statistics().to_dict()
    assert (plain["requests"], plain["not_modified"], plain["bytes_saved"]) == (2, 0, 0)


async def test_what_is_kept_is_counted(server: TravisServer, travis: Travis, repository: Repository) -> None:
    assert (travis.statistics().cached, travis.statistics().cached_bytes) == (0, 0)
    await travis.repos.get(repository.id)
    assert travis.statistics().cached == 1
    assert travis.statistics().cached_bytes >= 3500


async def test_requests_that_wait_for_the_limits_are_counted(server: TravisServer) -> None:
    token = f"{TOKEN}-of-its-own"
    server.world.user("anja", token=token)
    async with Travis(token, endpoint=server.endpoint, live=HASTY, rate_limits=True) as travis:
        travis._transport.limiter.pause(30.0)
        waiting = [asyncio.ensure_future(travis.users.me()) for _ in range(3)]
        await until(lambda: travis.statistics().waiting_for_limits == 3)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert travis.statistics().waiting_for_limits == 0
