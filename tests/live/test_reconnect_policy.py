"""When to connect again."""

import itertools
import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from aiotravis.live.protocol import CloseAction
from aiotravis.live.reconnect_policy import ReconnectPolicy


def longest() -> float:
    return 1.0


def walk(policy: ReconnectPolicy, now: float, until: float, close_action: Callable[[], CloseAction]) -> list[float]:
    """Fail to connect, again and again, at once; give when."""
    attempts: list[float] = []
    while now < until:
        policy.attempt(now)
        attempts.append(now)
        policy.down(now)
        now += policy.delay(now, close_action())
    return attempts


def test_the_first_attempt_after_a_steady_connection_comes_within_a_second() -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=longest)
    walk(policy, 0.0, 100.0, lambda: CloseAction.SOON)
    policy.attempt(200.0)
    policy.up(200.0)
    policy.down(300.0)
    assert policy.delay(300.0, CloseAction.SOON) <= 1.0


def test_delays_double_to_the_cap_once_an_outage_is_no_longer_young() -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=longest)
    attempts = walk(policy, 0.0, 200.0, lambda: CloseAction.SOON)
    delays = [after - before for before, after in itertools.pairwise(attempts)]
    assert delays[:5] == [1.0, 2.0, 4.0, 4.5, 16.0]
    assert set(delays[5:]) == {30.0}


def test_over_capacity_asks_for_a_second_more() -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=lambda: 0.0)
    policy.attempt(0.0)
    policy.down(0.0)
    assert policy.delay(0.0, CloseAction.BACK_OFF) == 1.0


@given(st.integers(0, 2**32), st.floats(0.0, 10.0))
def test_an_outage_of_up_to_ten_seconds_is_over_within_five_more(seed: int, back: float) -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=random.Random(seed).random)
    policy.attempt(0.0)
    policy.up(0.0)
    policy.down(1000.0)
    now = 1000.0
    while now < 1000.0 + back:
        now += policy.delay(now, CloseAction.SOON)
        policy.attempt(now)
        policy.down(now)
    assert now <= 1000.0 + back + 5.0


@given(st.integers(0, 2**32), st.floats(0.0, 200.0))
def test_any_outage_is_over_within_thirty_seconds_more(seed: int, back: float) -> None:
    attempts = walk(
        ReconnectPolicy(1.0, 30.0, draw=random.Random(seed).random), 0.0, back + 60.0, lambda: CloseAction.SOON
    )
    assert min(now for now in attempts if now >= back) <= back + 30.0


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.001, 1.0]), st.floats(0.0, 6.0))
def test_no_server_makes_it_a_hammer(seed: int, luck: float, holds: float) -> None:
    """Whatever the server says, and however long it lets a connection stand: 10 in any 10 s, 60 in any 60 s."""
    draw = random.Random(seed)
    policy = ReconnectPolicy(1.0, 30.0, draw=lambda: draw.random() * luck)
    now, attempts = 0.0, list[float]()
    while now < 300.0:
        policy.attempt(now)
        attempts.append(now)
        if draw.random() < 0.8:
            policy.up(now)
            now += holds * draw.random()
        policy.down(now)
        now += policy.delay(now, draw.choice([CloseAction.SOON, CloseAction.BACK_OFF]))
    for place, start in enumerate(attempts):
        assert sum(start <= other < start + 10.0 for other in attempts[place:]) <= 10
        assert sum(start <= other < start + 60.0 for other in attempts[place:]) <= 60


def test_a_connection_that_does_not_hold_is_no_fresh_start() -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=longest)
    now, delays = 0.0, list[float]()
    for _ in range(4):
        policy.attempt(now)
        policy.up(now)
        now += 0.1
        policy.down(now)
        delays.append(policy.delay(now, CloseAction.SOON))
    assert delays == [1.0, 2.0, 4.0, 4.5]
