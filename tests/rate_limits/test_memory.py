"""The limits that all clients of a process share."""

import asyncio
import gc
import itertools
import os
import threading
from collections.abc import Callable, Iterator

import anyio
import pytest

from aiotravis import errors
from aiotravis.rate_limits import memory
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.memory import MemoryLimiter, shared_limiter
from aiotravis.rate_limits.rules import Rules
from tests.autojump import run
from tests.rate_limits.model import READ, WRITE, Clock, limiter_at

COM = "https://api.travis-ci.com"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    memory._kept.clear()


def test_clients_of_one_identity_share_a_limiter() -> None:
    one = shared_limiter(COM, "t", limited=True)
    assert shared_limiter("https://API.travis-ci.com:443", "t", limited=False) is one
    others = [
        shared_limiter("https://b", "t", limited=True),
        shared_limiter(COM, "u", limited=True),
        shared_limiter(COM, None, limited=True),
        shared_limiter(COM, "t", limited=True, scope="redis"),
    ]
    assert len({id(other) for other in [one, *others]}) == 5


def test_counts_and_bans_outlive_clients_and_event_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiotravis.rate_limits.clock.seconds", Clock())

    async def post() -> None:
        limiter = MemoryLimiter(shared_limiter(COM, "t", limited=True))
        permit = limiter.try_acquire(WRITE)
        assert permit is not None
        limiter.release(permit)

    for number in range(40):
        asyncio.run(post())
        if number % 10 == 0:
            gc.collect()
    limiter = MemoryLimiter(shared_limiter(COM, "t", limited=True))
    assert limiter.snapshot().posts == 0
    limiter.ban(errors.BannedError("banned", status=403, method="GET", path="/x"))
    del limiter
    gc.collect()
    with pytest.raises(errors.BannedError):
        shared_limiter(COM, "t", limited=True).try_acquire(READ)


def test_a_thousand_tokens_are_forgotten_once_their_windows_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("aiotravis.rate_limits.clock.seconds", clock)
    for number in range(1000):
        limiter = shared_limiter(COM, str(number), limited=True)
        permit = limiter.try_acquire(READ)
        assert permit is not None
        limiter.release(permit)
        clock.now += 1.0
    assert len(memory._kept) < 200


def test_servers_without_limits_are_forgotten_with_their_last_client() -> None:
    limiter = shared_limiter("http://127.0.0.1:4242", "t", limited=False)
    limiter.ban(errors.BannedError("banned", status=403, method="GET", path="/x"))
    del limiter
    gc.collect()
    assert shared_limiter("http://127.0.0.1:4242", "t", limited=False).current_ban is None


def test_a_call_waits_for_the_next_minute_and_not_longer() -> None:
    async def program(clock: Callable[[], float]) -> None:
        limiter = MemoryLimiter(RateLimiter(Rules(per_minute=1), clock=clock, offset=0.0))
        started = clock()
        for minutes in range(3):
            permit = limiter.try_acquire(READ) or await limiter.acquire(READ)
            limiter.release(permit)
            assert minutes * 60 - 1 < clock() - started < minutes * 60 + 1

    run(program, start=6e8, settling=0)


def test_a_thousand_flows_finish_one_after_the_other() -> None:
    """Three requests each, with room for 300 in a minute: 300 flows end in every third minute, the first ones first."""
    ended: list[tuple[float, int]] = []

    async def program(clock: Callable[[], float]) -> None:
        limiter = MemoryLimiter(RateLimiter(Rules(per_minute=300), clock=clock, offset=0.0))

        async def flow(number: int) -> None:
            for _ in range(3):
                permit = limiter.try_acquire(READ) or await limiter.acquire(READ)
                await anyio.sleep(0.2)
                limiter.release(permit)
            ended.append((clock() - 6e8, number))

        async with anyio.create_task_group() as group:
            for number in range(1000):
                group.start_soon(flow, number)

    run(program, start=6e8, settling=0)
    assert max(abs(place - number) for place, (_, number) in enumerate(ended)) < 300
    assert [when // 180 for when, _ in ended[:900:300]] == [0, 1, 2]


def test_a_call_that_would_wait_longer_than_it_wants_fails_at_once() -> None:
    async def program(clock: Callable[[], float]) -> None:
        limiter = MemoryLimiter(RateLimiter(Rules(per_minute=1), clock=clock, offset=0.0))
        permit = limiter.try_acquire(READ)
        assert permit is not None
        limiter.release(permit)
        with pytest.raises(
            errors.RateLimited, match=r"GET /x was not sent: .* within max_wait=30 s, .* after 60 s"
        ) as info:
            await limiter.acquire(READ, max_wait=30)
        assert info.value.retry_after is not None
        assert 59 < info.value.retry_after <= 60
        assert clock() < 6e8 + 1
        assert limiter.waiting == 0
        limiter.release(await limiter.acquire(READ, max_wait=61))

    run(program, start=6e8, settling=0)


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    limiter = MemoryLimiter(limiter_at(Clock(), 1))
    permit = limiter.try_acquire(READ)
    assert permit is not None
    with anyio.move_on_after(0.01):
        await limiter.acquire(READ)
    assert limiter.waiting == 0
    limiter.release(permit)
    assert limiter.shared.windows.in_flight == 0


async def test_a_call_cancelled_while_it_gets_its_permit_gives_it_back() -> None:
    clock = Clock()
    limiter = MemoryLimiter(limiter_at(clock, 1))
    first = limiter.try_acquire(READ)
    assert first is not None
    limiter.release(first)
    async with anyio.create_task_group() as group:
        group.start_soon(limiter.acquire, READ)
        while not limiter.waiting:
            await anyio.lowlevel.checkpoint()
        clock.now += 60
        limiter.shared.release(first)
        group.cancel_scope.cancel()
    assert limiter.shared.windows.in_flight == 0
    assert limiter.try_acquire(READ) is not None


def test_calls_of_other_threads_are_woken() -> None:
    shared = limiter_at(Clock(), 2000)
    permits = [shared.try_acquire(WRITE) for _ in range(40)]
    done = threading.Event()

    async def call() -> None:
        await MemoryLimiter(shared).acquire(WRITE)
        done.set()

    thread = threading.Thread(target=asyncio.run, args=(call(),))
    thread.start()
    while not shared.waiting:
        pass
    assert permits[0] is not None
    shared.windows.undo(permits[0], 6000.0)
    shared.wake_all()
    thread.join(10)
    assert done.is_set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_can_use_the_limits_that_another_thread_held() -> None:
    limiter = shared_limiter(COM, "forked", limited=True)
    with limiter.lock:
        pid = os.fork()
        if pid == 0:
            os._exit(0 if limiter.try_acquire(READ) is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


async def test_a_probe_that_is_answered_lifts_the_ban() -> None:
    clock = Clock()
    limiter = MemoryLimiter(limiter_at(clock))
    limiter.shared.ban(errors.BannedError("banned", status=403, method="GET", path="/x"), probes=True)
    clock.now += 300
    permit = limiter.try_acquire(READ)
    assert permit is not None
    limiter.release(permit, answered=True)
    assert limiter.snapshot().banned_until is None


@pytest.mark.parametrize(
    ("flows", "reads", "latency", "behind"), [(100, 80, 0.05, 70), (1000, 9, 0.05, 70), (1000, 9, 2.0, 250)]
)
def test_flows_under_the_limits_are_done_one_after_the_other(
    flows: int, reads: int, latency: float, behind: int
) -> None:
    done: list[int] = []
    late: list[int] = []

    async def main(clock: Callable[[], float]) -> None:
        limiter = MemoryLimiter(RateLimiter(Rules(per_minute=2000), clock=clock, offset=0.0))
        sent = itertools.count(1)

        async def flow(number: int) -> None:
            for _ in range(reads):
                permit = limiter.try_acquire(READ) or await limiter.acquire(READ)
                if next(sent) == flows * reads * 3 // 4:
                    late.append(len(done))
                await asyncio.sleep(latency)
                limiter.release(permit)
            done.append(number)

        await asyncio.gather(*(flow(number) for number in range(flows)))
        # As soon as if they all went at once: the limit is used up in each minute.
        assert clock() < flows * reads // 2000 * 60 + latency * reads + 10

    run(main, settling=0)
    assert sorted(done) == list(range(flows))
    assert max(abs(number - rank) for rank, number in enumerate(done)) <= behind
    assert late[0] > 0.25 * flows


@pytest.mark.parametrize("per_minute", [500, 2000])
def test_reads_that_are_never_answered_do_not_keep_others_back(per_minute: int) -> None:
    async def main(clock: Callable[[], float]) -> None:
        limiter = MemoryLimiter(RateLimiter(Rules(per_minute=per_minute), clock=clock, offset=0.0))
        for _ in range(per_minute):
            permit = limiter.try_acquire(READ)
            assert permit is not None
            limiter.release(permit)
        await asyncio.gather(*(limiter.acquire(READ) for _ in range(per_minute)))
        assert 60 < clock() < 120, clock()

    run(main, settling=0)


def test_a_call_behind_others_waits_no_longer_than_it_may() -> None:
    async def main(clock: Callable[[], float]) -> None:
        limiter = MemoryLimiter(RateLimiter(Rules(per_minute=60), clock=clock, offset=0.0))

        async def send(max_wait: float | None = None) -> None:
            permit = limiter.try_acquire(READ) or await limiter.acquire(READ, max_wait=max_wait)
            await asyncio.sleep(5)
            limiter.release(permit)

        async with anyio.create_task_group() as group:
            for _ in range(60 + 40):
                group.start_soon(send)
            await asyncio.sleep(60.1)
            for max_wait in (0.5, 0.0):
                started = clock()
                with pytest.raises(errors.RateLimited):
                    await send(max_wait)
                assert max_wait - 0.1 < clock() - started < max_wait + 0.1
            await send(5)
            assert clock() < 70

    run(main, settling=0)
