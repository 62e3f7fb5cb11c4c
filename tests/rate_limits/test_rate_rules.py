"""The server never counts above a limit and never bans, whatever a program does: real sockets, virtual time."""

import os
import random
from collections.abc import Callable

import anyio
import pytest

from aiotravis import errors
from aiotravis._async.lifetime import ClientLifetime
from aiotravis._http import ApiRequest
from aiotravis._transport import AiohttpTransport, ConnectionPool, Identity, TransportConfig
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.memory import MemoryLimiter
from aiotravis.rate_limits.protocol import Limiter
from aiotravis.rate_limits.rules import ANONYMOUS, AUTHENTICATED
from aiotravis.testing import TravisServer
from tests.autojump import run

TOKEN = "a-token"

READ = ApiRequest("GET", "/config")
WRITE = ApiRequest(
    "POST", "/lint", body=b'{"content":"language: ruby"}', headers=(("Content-Type", "application/json"),)
)
SIGN_IN = ApiRequest("POST", "/auth/github", body=b"{}", headers=(("Content-Type", "application/json"),))


def _transport(server: TravisServer, token: str | None, limiter: Limiter) -> AiohttpTransport:
    config, lifetime = TransportConfig(connect_timeout=1e6, read_timeout=1e6), ClientLifetime()
    pool = ConnectionPool(server.endpoint, "test", config, lifetime)
    return AiohttpTransport(pool, Identity(token, "application/json", limiter, lifetime, pool.memory), config)


CASES = int(os.environ.get("AIOTRAVIS_RATE_CASES", "2"))
"""Random programs of an anonymous client; half as many with a token, which take four times as many calls."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("authenticated", "cases"), [(False, CASES), (True, max(1, CASES // 2))])
def test_concurrent_calls_are_never_throttled_or_banned(authenticated: bool, cases: int) -> None:
    for _ in range(cases):
        seed = random.randrange(2**32)
        print("seed", seed)
        _run_program(seed, authenticated=authenticated)


def _run_program(seed: int, *, authenticated: bool) -> None:
    """Run concurrent calls of two clients, more than the server allows in a window; check what the server counted."""
    draw = random.Random(seed)

    async def program(clock: Callable[[], float]) -> None:
        async with TravisServer(rate_rules=True, clock=clock, latency=draw.choice([0.0, 0.05, 3.0])) as server:
            server.world.user("sarah", token=TOKEN)
            token = TOKEN if authenticated else None
            rules = AUTHENTICATED if authenticated else ANONYMOUS
            limiter = MemoryLimiter(RateLimiter(rules, clock=clock, offset=0.0, wall=clock))
            clients = [_transport(server, token, limiter) for _ in range(2)]
            # More reads than fit into a minute, more writes than fit into half a minute.
            calls = (
                [READ] * (2100 if authenticated else 560)
                + [WRITE] * draw.randint(0, 90)
                + [SIGN_IN] * draw.randint(0, 3)
            )
            draw.shuffle(calls)
            wanted = len(calls)

            async def work() -> None:
                while calls:
                    await draw.choice(clients).send(calls.pop())
                    if draw.random() < 0.02:
                        await anyio.sleep(draw.choice([0.01, 1.0, 20.0]))

            async with anyio.create_task_group() as group:
                for _ in range(draw.choice([1, 8, 40])):
                    group.start_soon(work)
            for client in clients:
                await client.lifetime.aclose()
            assert server.rates is not None
            assert server.rates.banned == {}
            assert server.rates.requests.highest <= (2000 if authenticated else 500)
            assert server.rates.posts.highest < 50
            assert server.rates.sign_ins.highest < 2
            assert {seen.status for seen in server.requests} <= {200, 422}
            assert len(server.requests) == wanted

    run(program, start=draw.randint(10**9, 2 * 10**9) + draw.random() * 300)


def test_without_the_limiter_the_same_calls_are_banned() -> None:
    """The server enforces its rules: the tests above pass because of the limiter."""

    async def program(clock: Callable[[], float]) -> None:
        async with TravisServer(rate_rules=True, clock=clock) as server:
            client = _transport(
                server, None, MemoryLimiter(RateLimiter(ANONYMOUS, clock=clock, offset=0.0, wall=clock), limited=False)
            )
            for _ in range(50):
                assert (await client.send(WRITE)).status == 200
            assert (await client.send(WRITE)).status == 403
            with pytest.raises(errors.BannedError):
                await client.send(READ)
            await client.lifetime.aclose()

    run(program, start=1.5e9)
