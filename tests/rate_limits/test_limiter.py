"""The limits of one identity, against a model of the server's counting."""

import logging
import random
import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiotravis import errors
from aiotravis._http import ApiRequest
from aiotravis.rate_limits.limiter import RateLimiter
from aiotravis.rate_limits.rules import ANONYMOUS, AUTHENTICATED, MAX_BAN, PROBE_INTERVAL, Rules
from aiotravis.rate_limits.windows import Permit
from aiotravis.testing.rest.rate_rules import RateRules
from tests.rate_limits.model import READ, SIGN_IN, WRITE, Clock, join, limiter_at, taken, wait_of

RULES = Rules(per_minute=2000)


def test_each_minute_has_its_own_limit() -> None:
    clock = Clock()
    limiter = limiter_at(clock, 3)
    for _ in range(3):
        limiter.release(taken(limiter, READ))
    clock.now += 13
    assert wait_of(limiter, READ) == 47.0
    limits = limiter.snapshot("memory")
    assert (limits.room, limits.posts, limits.next_window, limits.waiting) == (0, 0, 47.0, 0)
    clock.now += 47
    taken(limiter, READ)


def test_requests_in_flight_count_in_the_next_minute_too() -> None:
    clock = Clock()
    limiter = limiter_at(clock, 3)
    tickets = [taken(limiter, READ) for _ in range(3)]
    clock.now += 60
    assert wait_of(limiter, READ) == 60.0
    for permit in tickets:
        limiter.release(permit)
    limiter.release(tickets[0])
    assert wait_of(limiter, READ) == 60.0


def test_posts_are_limited_in_every_window_of_any_alignment() -> None:
    clock = Clock(6029.0)
    limiter = limiter_at(clock)
    for _ in range(RULES.max_posts):
        limiter.release(taken(limiter, WRITE))
    assert limiter.snapshot("memory").posts == 0
    clock.now += 2
    assert wait_of(limiter, WRITE) == RULES.post_window - 2
    taken(limiter, READ)
    clock.now += RULES.post_window - 2
    tickets = [taken(limiter, WRITE) for _ in range(RULES.max_posts)]
    assert wait_of(limiter, WRITE) == 1.0
    assert len(tickets) == RULES.max_posts


def test_only_one_sign_in_is_allowed_in_five_minutes() -> None:
    clock = Clock()
    limiter = limiter_at(clock)
    permit = taken(limiter, SIGN_IN)
    assert wait_of(limiter, SIGN_IN) == 1.0
    limiter.release(permit)
    assert wait_of(limiter, SIGN_IN) == RULES.sign_in_window
    clock.now += RULES.sign_in_window
    taken(limiter, SIGN_IN)


def test_badges_are_exempt() -> None:
    limiter = limiter_at(Clock(), 1)
    taken(limiter, READ)
    for path in ("/a/b.png", "/a/b.svg"):
        limiter.release(taken(limiter, ApiRequest("GET", path)))


@pytest.mark.parametrize(("retry_after", "wait"), [(None, 50.0), (0.0, 1.0), (7.0, 7.0), (1e9, 60.0)])
@pytest.mark.parametrize("limited", [True, False])
def test_a_429_pauses_the_identity(retry_after: float | None, wait: float, limited: bool) -> None:
    clock = Clock(6010.0)
    limiter = limiter_at(clock)
    limiter.pause(retry_after)
    assert wait_of(limiter, READ, limited=limited) == wait
    assert limiter.snapshot("memory").paused == wait
    assert limiter.snapshot("memory").room == 0
    clock.now += wait
    taken(limiter, READ)


def ban(lifted_at: datetime | None) -> errors.BannedError:
    error = errors.BannedError("banned", status=403, method="GET", path="/x", remedy="Wait.")
    error.lifted_at = lifted_at
    return error


def test_a_ban_wakes_waiters_and_holds_until_it_ends() -> None:
    clock = Clock()
    limiter = limiter_at(clock, 0)
    woken: list[bool] = []

    def wake() -> bool:
        woken.append(True)
        return True

    waiter = limiter.join(READ, wake)
    assert limiter.snapshot("memory").waiting == limiter.waiting == 1
    lifted = datetime.fromtimestamp(clock.now + 3600, UTC)
    limiter.ban(ban(lifted))
    assert woken == [True]
    with pytest.raises(errors.BannedError, match="GET /x was not sent") as info:
        limiter.poll(waiter)
    assert info.value.lifted_at == limiter.snapshot("memory").banned_until == lifted
    limiter.leave(waiter)
    clock.now += 3600
    assert limiter.snapshot("memory").banned_until is None
    taken(limiter, READ, limited=False)


def test_a_ban_without_an_end_lasts_as_long_as_the_longest() -> None:
    clock = Clock()
    limiter = limiter_at(clock)
    limiter.ban(ban(None))
    clock.now += MAX_BAN - 1
    with pytest.raises(errors.BannedError):
        taken(limiter, READ)
    clock.now += 1
    taken(limiter, READ)


def test_a_shared_ban_is_probed_by_one_read_every_few_minutes() -> None:
    clock = Clock()
    limiter = limiter_at(clock)
    limiter.ban(ban(None), probes=True)
    clock.now += PROBE_INTERVAL
    with pytest.raises(errors.BannedError):
        taken(limiter, WRITE)
    assert taken(limiter, READ).probe
    with pytest.raises(errors.BannedError):
        taken(limiter, READ)
    clock.now += PROBE_INTERVAL
    waiter = join(limiter, READ)
    assert limiter.poll(waiter) is None
    assert waiter.permit is not None
    assert waiter.permit.probe
    limiter.set_ban(None, "a request was answered")
    assert not taken(limiter, READ).probe


def test_clocks_that_are_set_change_neither_pause_nor_ban() -> None:
    """Only the wall clock can be set; the limiter asks it once for each ban."""
    clock, wall = Clock(), Clock(1e9)
    limiter = RateLimiter(RULES, clock=clock, offset=0.0, wall=wall)
    limiter.pause(None)
    limiter.ban(ban(datetime.fromtimestamp(wall.now + 3600, UTC)))
    for jump in (-1e6, 3e6, -2e6):
        wall.now += jump
        with pytest.raises(errors.BannedError):
            taken(limiter, READ)
        assert limiter.snapshot("memory").paused == 60.0
    clock.now += 3600
    taken(limiter, READ)


def test_a_429_tells_where_the_minutes_of_the_server_begin() -> None:
    clock = Clock(6010.0)
    limiter = limiter_at(clock)
    limiter.pause(None, 1000.0 * 60 + 45)
    assert limiter.snapshot("memory").paused == limiter.snapshot("memory").next_window == 15.0
    limiter.pause(None, 1000.0 * 60 + 46)
    assert limiter.snapshot("memory").next_window == 15.0


def test_requests_without_limits_are_sent_at_once_and_count_all_the_same() -> None:
    limiter = limiter_at(Clock())
    for _ in range(1500):
        taken(limiter, WRITE, limited=False)
    assert (limiter.snapshot("none").room, limiter.snapshot("none").posts) == (None, None)
    assert (limiter.snapshot("memory").room, limiter.snapshot("memory").posts) == (500, 0)
    assert wait_of(limiter, WRITE) == 1.0


def test_calls_with_low_priority_leave_a_tenth_to_others_and_wait_for_them() -> None:
    clock = Clock()
    limiter = limiter_at(clock, 10)
    for _ in range(9):
        limiter.release(taken(limiter, READ, low=True))
    low = join(limiter, READ, place=1, low=True)
    assert limiter.poll(low) == 60.0
    assert limiter.snapshot("memory").waiting_low == 1
    normal = join(limiter, READ, place=2)
    assert limiter.poll(normal) is None
    later = join(limiter, READ, place=3)
    assert limiter.poll(later) == 60.0
    limiter.leave(normal)
    assert later.permit is not None
    clock.now += 60
    assert limiter.poll(low) is None


def test_posts_with_low_priority_leave_a_tenth_of_the_posts_to_others() -> None:
    limiter = limiter_at(Clock())
    for _ in range(36):
        taken(limiter, WRITE, low=True)
    assert limiter.try_acquire(WRITE, low=True) is None
    taken(limiter, WRITE)


def test_whoever_came_first_goes_first_within_a_priority() -> None:
    clock = Clock()
    limiter = limiter_at(clock, 2)
    for _ in range(2):
        limiter.release(taken(limiter, READ))
    waiters = [join(limiter, READ, place=place) for place in (5, 3, 9, 3, 1)]
    assert limiter.poll(waiters[2]) == 60.0
    clock.now += 60
    assert limiter.poll(waiters[2]) == 60.0
    assert [waiter.permit is not None for waiter in waiters] == [False, True, False, False, True]


def test_posts_that_wait_keep_no_read_back() -> None:
    limiter = limiter_at(Clock())
    for _ in range(RULES.max_posts):
        limiter.release(taken(limiter, WRITE))
    post = join(limiter, WRITE)
    assert limiter.poll(post) == RULES.post_window
    assert limiter.snapshot("memory").waiting_posts == 1
    assert wait_of(limiter, READ) == 0.0


def test_a_call_that_gives_up_passes_its_permit_on() -> None:
    clock = Clock()
    limiter = limiter_at(clock, 1)
    limiter.release(taken(limiter, READ))
    first, second = join(limiter, READ), join(limiter, READ)
    clock.now += 60
    assert limiter.poll(first) is None
    limiter.leave(first)
    assert second.permit is not None


def test_a_call_whose_event_loop_is_closed_takes_no_room() -> None:
    clock = Clock()
    limiter = limiter_at(clock, 1)
    limiter.release(taken(limiter, READ))
    limiter.join(READ, lambda: False)
    alive = join(limiter, READ)
    clock.now += 60
    assert limiter.poll(alive) is None


def test_a_permit_that_a_store_refuses_is_withdrawn_and_the_call_waits() -> None:
    clock = Clock()
    limiter = limiter_at(clock)
    waiter = join(limiter, WRITE)
    assert limiter.poll(waiter) is None
    limiter.refuse(waiter, 7.0)
    assert limiter.snapshot("memory").posts == RULES.max_posts
    assert limiter.poll(waiter) == 7.0
    assert wait_of(limiter, READ) == 0.0
    clock.now += 7
    assert limiter.poll(waiter) is None


def test_a_pause_of_another_process_lasts_a_minute_at_most() -> None:
    limiter = limiter_at(Clock())
    limiter.pause_until(1e9, "another process was throttled")
    assert limiter.snapshot("memory").paused == 60.0


def test_pauses_and_bans_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aiotravis.limits")
    limiter = limiter_at(Clock(6010.0))
    for _ in range(3):
        limiter.pause(None)
    for _ in range(3):
        limiter.ban(ban(datetime.fromtimestamp(6010 + 3600, UTC)))
    limiter.set_ban(None, "a request was answered")
    assert [record.getMessage() for record in caplog.records] == [
        "Travis: all calls pause for 50.0 s (429 Too Many Requests)",
        "Travis: banned for 3600 s, until 1970-01-01 02:40:10+00:00 (403 Forbidden)",
        "Travis: the ban is lifted (a request was answered)",
    ]


def test_nothing_is_worth_remembering_once_every_window_is_over() -> None:
    clock = Clock()
    limiter = limiter_at(clock)
    assert limiter.idle()
    limiter.release(taken(limiter, SIGN_IN))
    for seconds, idle in ((61, False), (240, False), (1, True)):
        clock.now += seconds
        assert limiter.idle() is idle
    limiter.pause(5.0)
    assert not limiter.idle()
    clock.now += 5
    limiter.ban(ban(None))
    assert not limiter.idle()
    clock.now += MAX_BAN
    assert limiter.idle()
    waiter = join(limiter, READ)
    assert not limiter.idle()
    limiter.leave(waiter)


def test_a_forked_process_counts_what_its_parent_has_in_flight_as_sent() -> None:
    clock = Clock()
    limiter = limiter_at(clock)
    permits = [taken(limiter, WRITE) for _ in range(10)]
    join(limiter, READ)
    limiter.after_fork()
    assert (limiter.waiting, limiter.snapshot("memory").posts) == (0, 30)
    assert len(permits) == 10
    clock.now += RULES.post_window
    assert limiter.snapshot("memory").posts == 40


def test_ten_thousand_waiters_cost_no_more_than_their_number() -> None:
    clock = Clock()
    limiter = limiter_at(clock, 0)
    seconds: list[float] = []
    for count in (2_000, 10_000):
        waiters = [join(limiter, READ, place=place) for place in range(count)]
        started = time.process_time()
        for waiter in waiters:
            limiter.poll(waiter)
        for waiter in waiters:
            limiter.leave(waiter)
        seconds.append(time.process_time() - started)
    assert seconds[1] < 25 * seconds[0]
    assert limiter.waiting == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 300), st.booleans())
def test_no_sequence_of_requests_is_throttled_or_banned(seed: int, skew: float, authenticated: bool) -> None:
    """Requests arrive at any moment between sending and answer, before a server whose clock may be another one."""
    draw = random.Random(seed)
    clock = Clock(6000.0 + draw.random() * 60)
    arrival = Clock()
    # Reads are counted by the client's own minutes: a skewed clock can cost a 429, which passes. A ban must not happen.
    rules = RateRules(lambda: arrival.now + skew)
    exact = RateRules(lambda: arrival.now)
    limiter = limiter_at(clock, (AUTHENTICATED if authenticated else ANONYMOUS).per_minute)
    token = "t" if authenticated else None
    flying: list[tuple[float, float, Permit]] = []
    statuses: set[int | None] = set()
    sent = 0

    def land(until: float) -> None:
        flying.sort(key=lambda one: one[1])
        while flying and flying[0][1] <= until:
            _, landing, permit = flying.pop(0)
            clock.now = max(clock.now, landing)
            limiter.release(permit)

    arrivals: list[tuple[float, ApiRequest]] = []
    while sent < 1500:
        request = draw.choices([READ, WRITE, SIGN_IN], [30, 10, 1])[0]
        answer = limiter.try_acquire(request)
        if answer is not None:
            sent += 1
            there = clock.now + draw.random() * draw.choice([0.01, 3])
            arrivals.append((there, request))
            flying.append((there, there + draw.random() * draw.choice([0.01, 3]), answer))
        else:
            clock.now += min(wait_of(limiter, request), draw.choice([0.5, 60.0]))
        if draw.random() < 0.1:
            clock.now += draw.random() * draw.choice([0.001, 0.5, 5])
        land(clock.now)
    for there, request in sorted(arrivals, key=lambda one: one[0]):
        arrival.now = there
        statuses.add(exact.check(method=request.method, path=request.path, token=token, address="1"))
        rules.check(method=request.method, path=request.path, token=token, address="1")
    assert statuses == {None}
    assert rules.banned == exact.banned == {}


def test_the_wait_for_room_is_logged_once_for_all_that_wait(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aiotravis.limits")
    limiter = limiter_at(Clock(6010.0))
    while limiter.try_acquire(READ) is not None:
        pass
    for _ in range(3):
        limiter.join(READ, lambda: True)
    (line,) = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(r"Travis: calls wait \d+\.\d s for room in the published limits", line)
