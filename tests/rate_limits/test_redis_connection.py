"""The verbs of the fleet's limits, on a real Redis."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiotravis.errors import UsageError
from aiotravis.rate_limits import redis_scripts
from aiotravis.rate_limits.redis_connection import RedisConnection
from aiotravis.rate_limits.redis_fleet import Answer, RedisUnavailable
from aiotravis.rate_limits.redis_limits import RedisLimits
from aiotravis.rate_limits.rules import AUTHENTICATED, LEASE, Kind, Rules
from aiotravis.testing.rest.rate_rules import RateRules, WindowCounter
from tests.rate_limits.model import Clock
from tests.rate_limits.redis_server import RedisServer, free_port, needs_redis, running_redis

pytestmark = needs_redis

SHORT = Rules(per_minute=100, minute=1.0, post_window=0.6, sign_in_window=1.2)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(autouse=True)
def emptied(redis: RedisServer) -> None:
    redis.command("FLUSHALL")
    redis.trust()


@contextlib.asynccontextmanager
async def connected(url: str, rules: Rules = AUTHENTICATED) -> AsyncGenerator[RedisConnection]:
    connection = RedisConnection(RedisLimits(url, processes=2), "me", rules)
    try:
        yield connection
    finally:
        await connection.aclose()


@pytest.fixture
async def one(redis: RedisServer) -> AsyncGenerator[RedisConnection]:
    async with connected(redis.url) as connection:
        yield connection


async def reads(
    connection: RedisConnection, want: int, process: str = "p", *, in_flight: int = 0, cap: int = 95
) -> Answer:
    return await connection.acquire(process, want=want, in_flight=in_flight, cap=cap, max_posts=40)


async def post(connection: RedisConnection, entry: str, kind: Kind = Kind.POST, cap: int = 1900) -> Answer:
    return await connection.acquire("p", kind=kind, entry=entry, cap=cap, max_posts=40)


async def test_reads_are_granted_up_to_the_limit_of_all_processes(one: RedisConnection) -> None:
    first = await reads(one, 60)
    second = await reads(one, 60, "q")
    if first.to_next < second.to_next:  # The minute has changed in between.
        return
    assert (first.allowed, first.wait, first.room) == (60, 0.0, 35)
    assert (second.allowed, second.room) == (35, 0)
    assert second.wait == second.to_next <= 60


async def test_minutes_are_those_of_the_epoch(one: RedisConnection) -> None:
    answer = await reads(one, 1)
    assert answer.to_next == pytest.approx(60 - time.time() % 60, abs=0.5)


async def test_the_clock_of_travis_moves_the_minutes(one: RedisConnection) -> None:
    await one.pause(0.0, time.time() + 20)
    answer = await reads(one, 1)
    assert answer.to_next == pytest.approx(60 - (time.time() + 20) % 60, abs=0.5)
    await one.pause(0.0, time.time() + 21)
    assert (await reads(one, 1)).to_next == pytest.approx(answer.to_next, abs=0.5)


async def test_what_is_in_flight_counts_in_the_next_minute(redis: RedisServer) -> None:
    async with connected(redis.url, SHORT) as one:
        await reads(one, 40, "p")
        answer = await reads(one, 20, "q", in_flight=5)
        await anyio.sleep(answer.to_next)
        assert (await reads(one, 100, "r")).allowed == 95 - 40 - 25
        await one.release("p", 0, [], [])
        answer = await reads(one, 1, "q", in_flight=0)
        assert answer.allowed == 0
        await anyio.sleep(answer.to_next)
        assert (await reads(one, 100, "r", in_flight=30)).allowed == 95 - 30


async def test_posts_count_in_every_window_of_any_alignment(one: RedisConnection) -> None:
    for number in range(40):
        assert (await post(one, str(number))).entered
    refused = await post(one, "x")
    assert (refused.entered, refused.post_wait) == (False, 1.0)
    await one.release("p", 0, [str(number) for number in range(39)], ["39"])
    assert (await post(one, "y")).entered
    refused = await post(one, "x")
    assert not refused.entered
    assert 31 < refused.post_wait <= 32


async def test_one_sign_in_is_allowed(one: RedisConnection) -> None:
    assert (await post(one, "s", Kind.SIGN_IN)).entered
    assert (await post(one, "t", Kind.SIGN_IN)).post_wait == 1.0
    await one.release("p", 0, ["s"], [])
    assert (await post(one, "t", Kind.SIGN_IN)).post_wait == pytest.approx(302, abs=1)
    assert (await post(one, "t")).entered


async def test_a_post_is_a_request_of_its_minute(one: RedisConnection) -> None:
    assert not (await post(one, "x", cap=0)).entered


async def test_a_post_whose_process_died_counts_until_its_lease_ends(one: RedisConnection, redis: RedisServer) -> None:
    await post(one, "x")
    score = float(redis.command("ZSCORE", "aiotravis:{me}:posts", "x").split(b"\r\n")[1])
    assert score / 1000 - time.time() == pytest.approx(LEASE, abs=1)


async def test_pauses_and_bans_hold_for_reads_and_posts(one: RedisConnection) -> None:
    await one.pause(20.0, None)
    answer = await reads(one, 1)
    assert answer.allowed == 0
    assert answer.wait == pytest.approx(20, abs=0.5)
    assert not (await post(one, "x")).entered
    await one.pause(0.0, None)
    await one.ban(100.0, "Wait.")
    answer = await reads(one, 1)
    assert (answer.allowed, answer.remedy) == (0, "Wait.")
    assert answer.ban == pytest.approx(100, abs=0.5)
    assert answer.probe == pytest.approx(300, abs=0.5)
    assert not (await post(one, "x")).entered
    assert not await one.claim_probe()
    await one.lift()
    assert (await reads(one, 1)).allowed == 1
    assert await one.claim_probe()
    assert not await one.claim_probe()


async def test_no_key_stays_for_ever_and_all_have_one_hash_tag(one: RedisConnection, redis: RedisServer) -> None:
    await post(one, "x", Kind.SIGN_IN)
    await reads(one, 1)
    keys = {key for key in redis.command("KEYS", "*").decode().split("\r\n") if key.startswith("aiotravis")}
    assert keys == {f"aiotravis:{{me}}:{key}" for key in ("state", "posts", "sign_ins", "leases")} | {"aiotravis:epoch"}
    for key in keys - {"aiotravis:epoch"}:
        assert int(redis.command("TTL", key)[1:]) > 3600


async def test_a_new_identity_need_not_wait_if_redis_has_its_memory(one: RedisConnection) -> None:
    assert (await reads(one, 5)).allowed == 5


async def test_a_redis_that_lost_its_memory_counts_as_full(one: RedisConnection, redis: RedisServer) -> None:
    await reads(one, 5)
    redis.command("FLUSHALL")
    answer = await one.acquire("p", want=1, cap=95, kind=Kind.SIGN_IN, entry="x", max_posts=40)
    assert (answer.allowed, answer.entered) == (0, False)
    assert answer.wait == pytest.approx(60, abs=0.5)
    assert answer.post_wait == pytest.approx(302, abs=0.5)


async def test_a_redis_whose_clock_was_set_counts_as_full(one: RedisConnection, redis: RedisServer) -> None:
    """Its entries are of an hour ago, or of an hour to come."""
    await post(one, "x")
    redis.command("ZADD", "aiotravis:{me}:posts", str((time.time() + 3600) * 1000), "of the future")
    redis.command("HSET", "aiotravis:{me}:state", "pause", str(int((time.time() + 3600) * 1000)))
    await one.distrust()
    assert redis.command("ZCARD", "aiotravis:{me}:posts") == b":1\r\n"
    answer = await one.acquire("p", want=1, cap=95, kind=Kind.POST, entry="y", max_posts=40)
    assert (answer.allowed, answer.entered, answer.pause) == (0, False, 0.0)
    assert answer.wait == pytest.approx(60, abs=0.5)


async def test_a_connection_that_redis_closed_is_opened_again(one: RedisConnection, redis: RedisServer) -> None:
    await reads(one, 5)
    redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert (await reads(one, 5)).allowed == 5


@pytest.mark.parametrize("saved", [False, True])
async def test_a_redis_that_was_started_again_counts_as_full(tmp_path: Path, saved: bool) -> None:
    with running_redis(tmp_path) as server:
        async with connected(server.url) as one:
            await reads(one, 5)
            if saved:
                server.command("SAVE")
            server.stop()
            with pytest.raises(RedisUnavailable) as info:
                await reads(one, 5)
            assert not info.value.permanent
            server.start()
            answer = await reads(one, 5)
            assert answer.allowed == 0
            assert answer.wait == pytest.approx(60, abs=0.5)


async def test_a_wrong_password_is_permanent_and_not_shown(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        server.command("CONFIG", "SET", "requirepass", "right")
        for user in ("", ":wrong-secret@"):
            async with connected(server.url.replace("//", f"//{user}")) as one:
                with pytest.raises(RedisUnavailable, match=r"(?i)auth|pass") as info:
                    await reads(one, 1)
                assert info.value.permanent
                assert "wrong-secret" not in str(info.value)
        async with connected(server.url.replace("//", "//:right@")) as one:
            assert (await reads(one, 1)).allowed == 1


@pytest.mark.parametrize(
    ("reply", "permanent"),
    [
        (b"-ERR unknown command 'EVALSHA'\r\n", True),
        (b"-NOPERM this user has no permissions\r\n", True),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True),
        (b":7\r\n", True),
        (b"*1\r\n:7\r\n", True),
        (b"*2\r\n*0\r\n$1\r\nx\r\n", True),
        (b"-LOADING Redis is loading the dataset in memory\r\n", False),
        (b"-BUSY Redis is busy running a script.\r\n", False),
        (b"-READONLY You can't write against a read only replica.\r\n", False),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", False),
        (b"", False),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_peer_that_does_not_do_as_redis_does_is_an_error(reply: bytes, permanent: bool) -> None:
    """Whatever it answers to the first command, it answers to all."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while reply and (commands := await reader.read(1 << 16)):
                # Several commands may arrive together.
                writer.write(reply * (b"\r\n" + commands).count(b"\r\n*"))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # With protocol 2, redis-py sends nothing before the first command.
    async with server, connected(f"redis://127.0.0.1:{port}/0?protocol=2") as one:
        with pytest.raises(RedisUnavailable) as info, anyio.fail_after(30):
            await reads(one, 1)
    assert info.value.permanent is permanent


async def test_a_redis_that_is_not_there_or_silent_is_an_error_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(f"redis://127.0.0.1:{free_port()}") as one:
        with pytest.raises(RedisUnavailable, match=r"refused|failed"):
            await reads(one, 1)
    monkeypatch.setattr("aiotravis.rate_limits.redis_connection.TIMEOUT", 0.2)
    with running_redis(tmp_path) as server:
        server.hang(True)
        try:
            async with connected(server.url) as one:
                with pytest.raises(RedisUnavailable), anyio.fail_after(5):
                    await reads(one, 1)
        finally:
            server.hang(False)


async def test_no_interleaving_of_processes_exceeds_a_limit(redis: RedisServer) -> None:
    """Four processes with short windows; the server counts requests as they arrive, by its own aligned windows."""
    reads_seen, posts_seen = WindowCounter(1), WindowCounter(1)
    rules = Rules(per_minute=60, minute=1.0, post_window=1.1, sign_in_window=2.0)
    stop = time.monotonic() + 4

    async def process(name: str) -> None:
        draw, in_flight = random.Random(name), 0

        async def send(counter: WindowCounter, entry: str | None) -> None:
            nonlocal in_flight
            await anyio.sleep(draw.random() * draw.choice([0.01, 0.3]))
            counter.add("me", time.time())
            await anyio.sleep(draw.random() * draw.choice([0.01, 0.3]))
            in_flight -= 1
            if entry is not None:
                await connection.release(name, in_flight, [entry], [])

        async with connected(redis.url, rules) as connection, anyio.create_task_group() as group:
            for number in range(10_000):
                entry = f"{name}{number}"
                answer = await connection.acquire(
                    name, in_flight=in_flight, want=draw.randint(1, 5), cap=60, kind=Kind.POST, entry=entry, max_posts=7
                )
                in_flight += answer.allowed + answer.entered
                for _ in range(answer.allowed):
                    group.start_soon(send, reads_seen, None)
                if answer.entered:
                    group.start_soon(send, posts_seen, entry)
                if time.monotonic() > stop:
                    return
                await anyio.sleep(draw.random() * 0.05)

    async with anyio.create_task_group() as group:
        for name in "abcd":
            group.start_soon(process, name)
    assert 20 < reads_seen.highest <= 60
    assert 3 < posts_seen.highest <= 7


class Fleet:
    """Processes on a Redis whose clock is set by hand, and what arrives at the server when."""

    def __init__(self, server: RedisServer, seed: int) -> None:
        self.server, self.draw, self.now = server, random.Random(seed), 6000.0
        self.arrivals: list[tuple[float, str]] = []
        self._connections = [RedisConnection(RedisLimits(server.url, processes=4), "me", AUTHENTICATED) for _ in "1234"]
        self._names = list("abcd")
        self._in_flight: list[tuple[float, int, str, str]] = []
        self._entries = itertools.count()

    async def wait(self, seconds: float) -> None:
        self.now += seconds
        while self._in_flight and self._in_flight[0][0] <= self.now:
            _, number, name, entry = self._in_flight.pop(0)
            if name == self._names[number]:  # Else it was killed.
                await self._release(number, [entry] if entry else [])
        self.server.command("SET", "clock", str(int(self.now * 1000)))

    async def step(self) -> None:
        number = self.draw.randrange(4)
        connection, name, entry = self._connections[number], self._names[number], str(next(self._entries))
        kind = self.draw.choices([None, Kind.POST, Kind.SIGN_IN], [10, 20, 1])[0]
        want = self.draw.choice([1, 20, 100]) if kind is None else 0
        answer = await connection.acquire(
            name, in_flight=self._count(number), want=want, cap=1900, kind=kind, entry=entry, max_posts=40
        )
        for _ in range(answer.allowed):
            self._send("GET", number, "")
        if answer.entered and kind is not None:
            self._send("SIGN_IN" if kind is Kind.SIGN_IN else "POST", number, entry)
        self._in_flight.sort()
        wait = answer.wait if kind is None else answer.post_wait
        await self.wait(
            min(wait, self.draw.choice([0.5, 40.0])) + self.draw.random() * self.draw.choice([0.001, 0.1, 1])
        )
        if self.draw.random() < 0.02:
            self._names[number] += "x"
        if self.draw.random() < 0.005:
            self.server.command("FLUSHALL")
            await self.wait(0)

    async def aclose(self) -> None:
        for connection in self._connections:
            await connection.aclose()

    def _send(self, what: str, number: int, entry: str) -> None:
        there = self.now + self.draw.random() * self.draw.choice([0.01, 3])
        self.arrivals.append((there, what))
        answered = there + self.draw.random() * self.draw.choice([0.01, 3])
        self._in_flight.append((answered, number, self._names[number], entry))

    def _count(self, number: int) -> int:
        return sum(one[2] == self._names[number] for one in self._in_flight)

    async def _release(self, number: int, settled: list[str]) -> None:
        await self._connections[number].release(self._names[number], self._count(number), settled, [])


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_no_interleaving_of_processes_is_banned_or_throttled(
    seed: int, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes ask, send, settle and die, and Redis loses its memory, in any order; the server counts arrivals."""
    by_hand = "{math.floor(redis.call('GET', 'clock') / 1000), redis.call('GET', 'clock') % 1000 * 1000}"
    for verb in ("ACQUIRE", "EPOCH", "RELEASE"):
        text: str = getattr(redis_scripts, verb)
        monkeypatch.setattr(redis_scripts, verb, text.replace("redis.call('TIME')", by_hand))

    async def main() -> list[tuple[float, str]]:
        redis.command("FLUSHALL")
        redis.trust()
        fleet = Fleet(redis, seed)
        await fleet.wait(0)
        for _ in range(250):
            await fleet.step()
        await fleet.aclose()
        return fleet.arrivals

    arrived, arrivals = Clock(), sorted(asyncio.run(main()))
    rules = RateRules(arrived)
    for there, what in arrivals:
        arrived.now = there
        path, method = ("/auth/github", "POST") if what == "SIGN_IN" else ("/x", what)
        rules.check(method=method, path=path, token="t", address="1")
    assert rules.banned == {}
    assert rules.requests.highest <= AUTHENTICATED.per_minute
    assert rules.posts.highest <= AUTHENTICATED.max_posts


@pytest.mark.parametrize(
    "options",
    ["db=x", "socket_timeout=soon", "foo=1", "processes=8", "protocol=9", "password=secret&bar=2"],
)
def test_options_that_redis_does_not_take_are_usage_errors(options: str) -> None:
    with pytest.raises(UsageError, match="url has options that redis-py refuses: ") as caught:
        RedisConnection(RedisLimits(f"redis://:secret@127.0.0.1/0?{options}", processes=2), "me", AUTHENTICATED)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("options", ["decode_responses=False", "encoding=utf-16", "protocol=3", "client_name=me"])
async def test_options_of_the_url_do_not_change_what_answers_are(redis: RedisServer, options: str) -> None:
    async with connected(f"{redis.url}?{options}") as connection:
        await connection.ban(60, "Wait.")
        answer = await reads(connection, 1)
        assert (answer.allowed, answer.remedy) == (0, "Wait.")
