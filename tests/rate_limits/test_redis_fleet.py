"""What a process knows about Redis, and how it does without."""

import gc
import os

import pytest

from aiotravis.rate_limits.redis_fleet import Answer, Fleet, RedisUnavailable, fleet_of
from aiotravis.rate_limits.rules import Kind
from tests.rate_limits.model import READ, WRITE, Clock, join, limiter_at, taken, wait_of

AWAY = RedisUnavailable("Connection refused.", permanent=False)


def answer(
    *,
    allowed: int = 0,
    wait: float = 0.0,
    to_next: float = 60.0,
    pause: float = 0.0,
    ban: float = 0.0,
    clock: float = 1e9,
) -> Answer:
    return Answer(
        allowed=allowed, wait=wait, to_next=to_next, entered=False, post_wait=0.0, pause=pause, ban=ban, remedy="Wait.",
        probe=0.0, room=7, clock=clock,
    )  # fmt: skip


def test_nothing_is_sent_before_redis_was_asked_and_then_what_it_grants() -> None:
    clock = Clock()
    shared = limiter_at(clock)
    fleet = fleet_of(shared)
    assert fleet_of(shared) is fleet
    assert shared.try_acquire(READ) is None
    fleet.apply(answer(allowed=2, to_next=30.0), clock.now, 2)
    permits = [taken(shared, READ), taken(shared, READ)]
    assert shared.try_acquire(READ) is None
    assert fleet.in_flight() == len(permits)
    fleet.apply(answer(allowed=5, to_next=30.0), clock.now, 5)
    assert fleet.in_flight() == 7
    clock.now += 30
    assert fleet.in_flight() == 2
    assert shared.try_acquire(READ) is None


def test_reads_that_redis_refuses_wait_as_long_as_it_says() -> None:
    shared = limiter_at(Clock())
    fleet = fleet_of(shared)
    fleet.apply(answer(allowed=0, wait=20.0), 6000.0, 3)
    assert 20.0 <= wait_of(shared, READ) <= 20.1
    assert wait_of(shared, WRITE) == 0.0


def test_batches_grow_with_the_rate_and_shrink_with_it() -> None:
    fleet = fleet_of(shared := limiter_at(Clock()))
    wanted = [fleet.want(1, 6000.0 + 0.1 * number) for number in range(8)]
    assert wanted == [1, 2, 4, 8, 16, 25, 25, 25]
    assert [fleet.want(1, now) for now in (6006.0, 6100.0)] == [4, 1]
    assert (fleet.want(0, 6100.0), fleet.want(500, 6101.0)) == (0, 100)
    assert shared.windows.quota == 0


def test_without_redis_reads_keep_to_a_share_and_are_accounted_for_afterwards() -> None:
    clock = Clock()
    shared = limiter_at(clock, 100)
    fleet = fleet_of(shared)
    fleet.apply(answer(allowed=3), clock.now, 3)
    for _ in range(3):
        shared.release(taken(shared, READ))
    fleet.lose(AWAY)
    fleet.use_share(4)
    assert (fleet.problem, fleet.want(5, clock.now), fleet.spent()) == ("Connection refused.", 0, 0)
    for _ in range(20):
        shared.release(taken(shared, READ))
    assert shared.try_acquire(READ) is None
    assert fleet.spent() == 20
    clock.now += 60
    shared.release(taken(shared, READ))
    assert fleet.spent() == 1
    fleet.apply(answer(allowed=1), clock.now, 1)
    assert (fleet.problem, fleet.spent(), shared.windows.per_minute) == (None, 0, 100)
    taken(shared, READ)
    assert shared.try_acquire(READ) is None


def test_redis_is_tried_again_ever_more_seldom() -> None:
    clock = Clock()
    fleet = fleet_of(shared := limiter_at(clock))
    delays: list[float] = []
    for _ in range(6):
        fleet.lose(AWAY)
        delays.append(fleet.retry_at - clock.now)
    assert delays == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert fleet.away_since == clock.now
    fleet.apply(answer(), clock.now, 0)
    fleet.lose(RedisUnavailable("WRONGPASS", permanent=True))
    assert (fleet.permanent, fleet.retry_at - clock.now) == (True, 0.5)
    assert shared.waiting == 0


def test_pauses_and_bans_of_the_fleet_hold_in_this_process() -> None:
    clock = Clock()
    fleet = fleet_of(shared := limiter_at(clock))
    fleet.apply(answer(pause=20.0), clock.now, 0)
    assert shared.snapshot("redis").paused == 20.0
    fleet.apply(answer(ban=3600.0), clock.now, 0)
    assert shared.current_ban is not None
    assert (shared.current_ban.until, shared.current_ban.probe_at) == (clock.now + 3600, clock.now)
    fleet.apply(answer(), clock.now, 0)
    assert shared.current_ban is None


def test_low_priority_asks_for_less() -> None:
    fleet = fleet_of(shared := limiter_at(Clock(), 100))
    assert (fleet.cap(low=False), fleet.cap(low=True)) == (95, 85)
    waiter = join(shared, READ, low=True)
    assert shared.demand() == (1, True)
    shared.leave(waiter)
    assert shared.demand() == (0, False)


def test_a_fleet_is_forgotten_with_its_limiter_and_another_one_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = limiter_at(Clock())
    fleet = Fleet(shared)
    process = fleet.process
    assert fleet.process == process
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert fleet.process != process
    shared.windows.set_quota(5, 7000.0)
    shared.after_fork()
    assert shared.windows.quota == 0
    del shared
    gc.collect()
    with pytest.raises(ReferenceError):
        fleet.in_flight()
    assert Kind.READ.label == "read"


@pytest.mark.parametrize(
    ("step", "distrusted"), [(0.0, False), (4.0, False), (-4.0, False), (60.0, True), (-60.0, True)]
)
def test_a_clock_of_redis_that_was_set_is_noticed(step: float, distrusted: bool) -> None:
    clock = Clock()
    shared = limiter_at(clock)
    fleet = fleet_of(shared)
    fleet.apply(answer(clock=1e9), clock.now, 0)
    clock.now += 3600
    fleet.apply(answer(clock=1e9 + 3600 + step), clock.now, 0)
    assert fleet.distrusted is distrusted
