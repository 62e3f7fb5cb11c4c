"""Delays before attempts to reconnect."""

import itertools
import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from aiotravis.live.protocol import CloseAction
from aiotravis.live.reconnect_policy import ReconnectPolicy


def no_jitter() -> float:
    return 1.0


def failing_attempts(
    policy: ReconnectPolicy, now: float, until: float, close_action: Callable[[], CloseAction]
) -> list[float]:
    """Return the times of attempts that all fail at once."""
    attempts: list[float] = []
    while now < until:
        policy.attempted(now)
        attempts.append(now)
        policy.disconnected(now)
        now += policy.next_delay(now, close_action())
    return attempts


def test_the_first_delay_after_a_stable_connection_is_at_most_a_second() -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=no_jitter)
    failing_attempts(policy, 0.0, 100.0, lambda: CloseAction.RECONNECT)
    policy.attempted(200.0)
    policy.connected(200.0)
    policy.disconnected(300.0)
    assert policy.next_delay(300.0, CloseAction.RECONNECT) <= 1.0


def test_delays_double_up_to_the_maximum_after_a_short_outage() -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=no_jitter)
    attempts = failing_attempts(policy, 0.0, 200.0, lambda: CloseAction.RECONNECT)
    delays = [after - before for before, after in itertools.pairwise(attempts)]
    assert delays[:5] == [1.0, 2.0, 4.0, 4.5, 16.0]
    assert set(delays[5:]) == {30.0}


def test_over_capacity_adds_a_second_to_the_delay() -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=lambda: 0.0)
    policy.attempted(0.0)
    policy.disconnected(0.0)
    assert policy.next_delay(0.0, CloseAction.BACK_OFF) == 1.0


@given(st.integers(0, 2**32), st.floats(0.0, 10.0))
def test_an_outage_of_up_to_ten_seconds_ends_within_five_more(seed: int, back: float) -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=random.Random(seed).random)
    policy.attempted(0.0)
    policy.connected(0.0)
    policy.disconnected(1000.0)
    now = 1000.0
    while now < 1000.0 + back:
        now += policy.next_delay(now, CloseAction.RECONNECT)
        policy.attempted(now)
        policy.disconnected(now)
    assert now <= 1000.0 + back + 5.0


@given(st.integers(0, 2**32), st.floats(0.0, 200.0))
def test_any_outage_ends_within_thirty_seconds_more(seed: int, back: float) -> None:
    attempts = failing_attempts(
        ReconnectPolicy(1.0, 30.0, draw=random.Random(seed).random), 0.0, back + 60.0, lambda: CloseAction.RECONNECT
    )
    assert min(now for now in attempts if now >= back) <= back + 30.0


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.001, 1.0]), st.floats(0.0, 6.0))
def test_no_server_makes_it_exceed_ten_attempts_in_ten_seconds(seed: int, jitter: float, duration: float) -> None:
    """However long the server keeps a connection: at most 10 attempts in any 10 s, 60 in any 60 s."""
    draw = random.Random(seed)
    policy = ReconnectPolicy(1.0, 30.0, draw=lambda: draw.random() * jitter)
    now, attempts = 0.0, list[float]()
    while now < 300.0:
        policy.attempted(now)
        attempts.append(now)
        if draw.random() < 0.8:
            policy.connected(now)
            now += duration * draw.random()
        policy.disconnected(now)
        now += policy.next_delay(now, draw.choice([CloseAction.RECONNECT, CloseAction.BACK_OFF]))
    for index, start in enumerate(attempts):
        assert sum(start <= other < start + 10.0 for other in attempts[index:]) <= 10
        assert sum(start <= other < start + 60.0 for other in attempts[index:]) <= 60


def test_a_connection_that_is_not_stable_does_not_reset_the_delay() -> None:
    policy = ReconnectPolicy(1.0, 30.0, draw=no_jitter)
    now, delays = 0.0, list[float]()
    for _ in range(4):
        policy.attempted(now)
        policy.connected(now)
        now += 0.1
        policy.disconnected(now)
        delays.append(policy.next_delay(now, CloseAction.RECONNECT))
    assert delays == [1.0, 2.0, 4.0, 4.5]
