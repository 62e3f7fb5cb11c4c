"""Limits shared by the processes of a fleet."""

import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import anyio
import pytest

from aiotravis import errors
from aiotravis._http import ApiRequest
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.redis_limiter import RedisLimiter
from aiotravis.rate_limits.redis_limits import RedisLimits
from aiotravis.rate_limits.redis_scripts import ACQUIRE
from aiotravis.rate_limits.rules import AUTHENTICATED, Rules
from aiotravis.rate_limits.windows import Permit
from tests.rate_limits.model import READ, SIGN_IN, WRITE
from tests.rate_limits.redis_server import RedisServer, free_port, needs_redis, running_redis

pytestmark = needs_redis

FEW = Rules(per_minute=100)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(server: RedisServer) -> RedisServer:
    server.command("FLUSHALL")
    server.trust()
    return server


class Process:
    """What a process of its own would have: a limiter, with clients."""

    def __init__(self, url: str, rules: Rules = AUTHENTICATED, *, processes: int = 4, max_outage: float = 0.3) -> None:
        self.shared = RateLimiter(rules)
        self._limits = RedisLimits(url, processes=processes, max_outage=max_outage)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncGenerator[RedisLimiter]:
        limiter = RedisLimiter(self.shared, self._limits, "me")
        try:
            yield limiter
        finally:
            await limiter.aclose()
            assert not limiter._task.running


async def permit_of(limiter: RedisLimiter, request: ApiRequest = READ, *, low: bool = False) -> Permit:
    return limiter.try_acquire(request, low=low) or await limiter.acquire(request, low=low, max_wait=0.5)


async def sent(limiter: RedisLimiter, request: ApiRequest = READ) -> None:
    limiter.release(await permit_of(limiter, request))


async def reported(limiter: RedisLimiter) -> None:
    while limiter._has_work():
        await anyio.lowlevel.checkpoint()


def banned() -> errors.BannedError:
    return errors.BannedError("banned", status=403, method="GET", path="/x", remedy="Wait.")


async def test_reads_of_all_processes_count_together_and_come_in_batches(redis: RedisServer) -> None:
    one, other = Process(redis.url, FEW), Process(redis.url, FEW)
    count = 0
    async with one.client() as a, other.client() as b:
        with contextlib.suppress(errors.RateLimited):
            while count < 300:
                await sent((a, b)[count % 2])
                count += 1
        assert (a.snapshot().room or 0) < 25
        assert a.snapshot().store == "redis"
    if count > 95:  # The minute has changed in between.
        return
    assert count >= 85


async def test_posts_of_all_processes_count_together(redis: RedisServer) -> None:
    one, other = Process(redis.url), Process(redis.url)
    async with one.client() as a, other.client() as b:
        for number in range(AUTHENTICATED.max_posts):
            await sent((a, b)[number % 2], WRITE)
        await reported(a)
        await reported(b)
        with pytest.raises(errors.RateLimited) as info:
            await permit_of(b, WRITE)
        assert info.value.retry_after is not None
        assert 25 < info.value.retry_after < 33


async def test_one_sign_in_is_allowed_in_the_fleet(redis: RedisServer) -> None:
    async with Process(redis.url).client() as a, Process(redis.url).client() as b:
        await sent(a, SIGN_IN)
        await reported(a)
        with pytest.raises(errors.RateLimited) as info:
            await permit_of(b, SIGN_IN)
        assert (info.value.retry_after or 0) > 295


async def test_clients_of_one_process_use_what_earlier_ones_have_left(redis: RedisServer) -> None:
    process = Process(redis.url)
    for _ in range(20):
        async with process.client() as limiter:
            await sent(limiter)
    async with Process(redis.url).client() as other:
        await sent(other)
        assert other.snapshot().room is not None
        assert (other.snapshot().room or 0) > 1900 - 20 - 60


async def test_a_thousand_calls_at_once_take_few_round_trips(redis: RedisServer) -> None:
    async with Process(redis.url).client() as limiter:
        before = int(redis.command("INFO", "stats").split(b"total_commands_processed:")[1].split(b"\r\n")[0])

        async def call() -> None:
            limiter.release(limiter.try_acquire(READ) or await limiter.acquire(READ))

        async with anyio.create_task_group() as group:
            for _ in range(1000):
                group.start_soon(call)
        after = int(redis.command("INFO", "stats").split(b"total_commands_processed:")[1].split(b"\r\n")[0])
        # Each script calls up to a dozen commands.
        assert (after - before) / 12 < 100


async def test_pauses_and_bans_reach_the_fleet_and_a_probe_lifts_them(redis: RedisServer) -> None:
    async with Process(redis.url).client() as a, Process(redis.url).client() as b:
        a.pause(20.0)
        await reported(a)
        with pytest.raises(errors.RateLimited):
            await permit_of(b)
        assert b.snapshot().paused == pytest.approx(20, abs=1)
        a.ban(banned())
        await reported(a)
        async with Process(redis.url).client() as c:
            with pytest.raises(errors.BannedError, match="was not sent"):
                await permit_of(c)
            assert c.snapshot().banned_until is not None
            redis.command("HSET", "aiotravis:{me}:state", "probe", "0", "pause", "0")
        async with Process(redis.url).client() as c:
            with pytest.raises(errors.BannedError):
                await permit_of(c, WRITE)
            permit = await permit_of(c)
            assert permit.probe
            with pytest.raises(errors.BannedError):
                await permit_of(c)
            c.release(permit, answered=True)
            await reported(c)
        async with Process(redis.url).client() as d:
            await sent(d)


async def test_of_two_processes_one_probes(redis: RedisServer) -> None:
    async with Process(redis.url).client() as a:
        a.ban(banned())
        await reported(a)
    redis.command("HSET", "aiotravis:{me}:state", "probe", "0")
    processes = [Process(redis.url) for _ in range(2)]
    async with processes[0].client() as a, processes[1].client() as b:
        for limiter in (a, b):
            with pytest.raises(errors.BannedError):
                await permit_of(limiter, WRITE)
        assert (await permit_of(a)).probe
        with pytest.raises(errors.BannedError):
            await permit_of(b)


async def test_low_priority_leaves_a_tenth_to_the_fleet(redis: RedisServer) -> None:
    async with Process(redis.url).client() as limiter:
        for _ in range(36):
            limiter.release(await permit_of(limiter, WRITE, low=True))
        with pytest.raises(errors.RateLimited):
            await permit_of(limiter, WRITE, low=True)
        await sent(limiter, WRITE)


async def test_without_redis_reads_go_on_and_posts_fail_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aiotravis.limits")
    async with Process(f"redis://127.0.0.1:{free_port()}", FEW, processes=5).client() as limiter:
        for _ in range(19):
            await sent(limiter)
        with pytest.raises(errors.RateLimited):
            await permit_of(limiter)
        assert limiter.snapshot().problem is not None
        started = time.monotonic()
        with pytest.raises(errors.LimitsUnavailable, match="POST /x was not sent: the rate limits in Redis") as info:
            await limiter.acquire(WRITE)
        assert time.monotonic() - started < 2
        assert info.value.unsent
    assert len([record for record in caplog.records if "Redis is away" in record.getMessage()]) == 1


async def test_posts_wait_for_a_redis_that_comes_back(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with Process(server.url, max_outage=20).client() as limiter:
            await sent(limiter)
            server.hang(True)
            server.stop()
            async with anyio.create_task_group() as group:
                group.start_soon(sent_patiently, limiter)
                while limiter.snapshot().problem is None:
                    await anyio.lowlevel.checkpoint()
                await sent(limiter)
                server.start()
                server.trust()
            assert limiter.snapshot().problem is None


async def sent_patiently(limiter: RedisLimiter, request: ApiRequest = WRITE) -> None:
    limiter.release(await limiter.acquire(request))


async def test_reads_do_not_wait_for_a_redis_that_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiotravis.rate_limits.redis_connection.TIMEOUT", 0.3)
    with running_redis(tmp_path) as server:
        async with Process(server.url).client() as limiter:
            await sent(limiter)
            server.hang(True)
            try:
                async with anyio.create_task_group() as group:
                    for _ in range(50):
                        group.start_soon(sent, limiter)
                started = time.monotonic()
                for _ in range(100):
                    await sent(limiter)
                # If each waited, it would take half a minute.
                assert time.monotonic() - started < 3
            finally:
                server.hang(False)


async def test_a_wrong_password_fails_at_once(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        server.command("CONFIG", "SET", "requirepass", "right")
        async with Process(server.url.replace("//", "//:wrong-secret@"), max_outage=60).client() as limiter:
            with pytest.raises(errors.LimitsUnavailable, match=r"(?i)pass|auth") as info, anyio.fail_after(5):
                await limiter.acquire(WRITE)
            assert "wrong-secret" not in str(info.value)
            await sent(limiter)


async def test_redis_is_told_that_its_clock_was_set(redis: RedisServer) -> None:
    async with Process(redis.url).client() as limiter:
        await sent(limiter, WRITE)
        limiter._fleet._offset = 0.0
        await sent(limiter, WRITE)
        with pytest.raises(errors.RateLimited) as info:
            await permit_of(limiter, WRITE)
        assert 55 < (info.value.retry_after or 0) < 61


async def test_a_cancelled_post_takes_no_room(redis: RedisServer) -> None:
    async with Process(redis.url).client() as limiter:
        await sent(limiter)
        for _ in range(60):
            async with anyio.create_task_group() as group:
                group.start_soon(limiter.acquire, WRITE)
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            await reported(limiter)
        assert limiter.waiting == limiter.shared.windows.in_flight == 0
    assert redis.command("ZCARD", "aiotravis:{me}:posts") == b":0\r\n"


async def test_closing_settles_what_was_sent(redis: RedisServer) -> None:
    async with Process(redis.url).client() as limiter:
        limiter.release(await permit_of(limiter, WRITE))
    score = redis.command("ZRANGE", "aiotravis:{me}:posts", "0", "-1", "WITHSCORES").split(b"\r\n")[-2]
    assert float(score) / 1000 <= time.time() + 1


async def test_closing_does_not_wait_for_a_redis_that_is_silent(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with Process(server.url).client() as limiter:
            permit = await permit_of(limiter, WRITE)
            server.hang(True)
            limiter.release(permit)
            started = time.monotonic()
            await limiter.aclose()
            assert time.monotonic() - started < 1.0
            server.hang(False)


async def test_an_unexpected_failure_is_an_outage_and_ends_no_task(redis: RedisServer) -> None:
    async def broken(**_: object) -> object:
        raise KeyError("unexpected")

    async with Process(redis.url).client() as limiter:
        await sent(limiter)
        limiter._redis._scripts[ACQUIRE] = broken
        with pytest.raises(errors.LimitsUnavailable), anyio.fail_after(5):
            await limiter.acquire(WRITE)
        await sent(limiter)


@pytest.mark.parametrize("request_", [READ, WRITE], ids=["read", "post"])
async def test_a_call_does_not_wait_for_a_silent_redis_longer_than_it_may(tmp_path: Path, request_: ApiRequest) -> None:
    with running_redis(tmp_path) as server:
        async with Process(server.url).client() as limiter:
            await sent(limiter, WRITE)
            server.hang(True)
            try:
                started = time.monotonic()
                with pytest.raises(errors.RateLimited, match=r"within max_wait=0\.3 s"):
                    await limiter.acquire(request_, max_wait=0.3)
                assert time.monotonic() - started < 1.5
                assert limiter.waiting == 0
            finally:
                server.hang(False)


async def test_a_thousand_calls_without_flows_are_sent_without_a_pause(redis: RedisServer) -> None:
    started = time.monotonic()
    async with Process(redis.url).client() as limiter, anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(sent_patiently, limiter, READ)
    assert time.monotonic() - started < 15
