"""The rate rules as budgets, against a model of the server's counting."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiotravis import errors
from aiotravis._http import ApiRequest
from aiotravis.rate_limits.limiter import (
    ANONYMOUS,
    AUTHENTICATED,
    MAX_POSTS,
    POST_WINDOW,
    SIGN_IN_WINDOW,
    Permit,
    RateLimiter,
)
from aiotravis.testing.rest.rate_rules import RateRules

READ, WRITE, SIGN_IN = ApiRequest("GET", "/x"), ApiRequest("POST", "/x"), ApiRequest("POST", "/auth/github")


class Clock:
    def __init__(self, now: float = 6000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def taken(limiter: RateLimiter, request: ApiRequest) -> Permit:
    permit = limiter.try_acquire(request)
    assert isinstance(permit, Permit)
    return permit


def test_each_minute_has_its_own_limit() -> None:
    clock = Clock()
    limiter = RateLimiter(3, clock=clock)
    for _ in range(3):
        limiter.release(taken(limiter, READ))
    clock.now += 13
    assert limiter.try_acquire(READ) == 47.0
    limits = limiter.snapshot()
    assert (limits.room, limits.posts, limits.next_window, limits.waiting) == (0, 0, 47.0, 0)
    clock.now += 47
    taken(limiter, READ)


def test_requests_in_flight_count_in_the_next_minute_too() -> None:
    clock = Clock()
    limiter = RateLimiter(3, clock=clock)
    tickets = [taken(limiter, READ) for _ in range(3)]
    clock.now += 60
    assert limiter.try_acquire(READ) == 60.0
    for permit in tickets:
        limiter.release(permit)
    limiter.release(tickets[0])
    assert limiter.try_acquire(READ) == 60.0


def test_posts_are_limited_in_every_window_of_any_alignment() -> None:
    clock = Clock(6029.0)
    limiter = RateLimiter(2000, clock=clock)
    for _ in range(MAX_POSTS):
        limiter.release(taken(limiter, WRITE))
    assert limiter.snapshot().posts == 0
    clock.now += 2
    assert limiter.try_acquire(WRITE) == POST_WINDOW - 2
    taken(limiter, READ)
    clock.now += POST_WINDOW - 2
    tickets = [taken(limiter, WRITE) for _ in range(MAX_POSTS)]
    assert limiter.try_acquire(WRITE) == 1.0
    assert len(tickets) == MAX_POSTS


def test_only_one_sign_in_is_allowed_in_five_minutes() -> None:
    clock = Clock()
    limiter = RateLimiter(2000, clock=clock)
    permit = taken(limiter, SIGN_IN)
    assert limiter.try_acquire(SIGN_IN) == 1.0
    limiter.release(permit)
    assert limiter.try_acquire(SIGN_IN) == SIGN_IN_WINDOW
    clock.now += SIGN_IN_WINDOW
    taken(limiter, SIGN_IN)


def test_badges_are_exempt() -> None:
    limiter = RateLimiter(1, clock=Clock())
    taken(limiter, READ)
    for path in ("/a/b.png", "/a/b.svg"):
        limiter.release(taken(limiter, ApiRequest("GET", path)))


@pytest.mark.parametrize(("retry_after", "wait"), [(None, 50.0), (7.0, 7.0)])
@pytest.mark.parametrize("per_minute", [2000, None])
def test_a_429_pauses_the_identity(retry_after: float | None, wait: float, per_minute: int | None) -> None:
    clock = Clock(6010.0)
    limiter = RateLimiter(per_minute, clock=clock)
    limiter.pause(retry_after)
    assert limiter.try_acquire(READ) == wait
    assert limiter.snapshot().paused == wait
    assert limiter.snapshot().room == 0
    clock.now += wait
    taken(limiter, READ)


def ban(lifted_at: datetime | None) -> errors.BannedError:
    error = errors.BannedError("banned", status=403, method="GET", path="/x", remedy="Wait.")
    error.lifted_at = lifted_at
    return error


def test_a_ban_wakes_waiters_and_holds_until_it_ends() -> None:
    clock = Clock()
    limiter = RateLimiter(2000, clock=clock)
    woken: list[bool] = []

    def wake() -> None:
        woken.append(True)

    limiter.add_waiter(wake)
    assert limiter.snapshot().waiting == 1
    lifted = datetime.fromtimestamp(clock.now + 3600, UTC)
    limiter.ban(ban(lifted))
    assert woken == [True]
    with pytest.raises(errors.BannedError, match="GET /x was not sent") as info:
        limiter.try_acquire(READ)
    assert info.value.lifted_at == limiter.snapshot().banned_until == lifted
    limiter.remove_waiter(wake)
    clock.now += 3600
    taken(limiter, READ)
    limiter.ban(ban(None))
    clock.now += 10**6
    with pytest.raises(errors.BannedError):
        limiter.try_acquire(READ)


def test_without_limits_every_request_may_be_sent() -> None:
    limiter = RateLimiter(None, clock=Clock())
    for _ in range(5000):
        taken(limiter, WRITE)
    assert (limiter.snapshot().room, limiter.snapshot().posts) == (None, None)


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
    limiter = RateLimiter(AUTHENTICATED if authenticated else ANONYMOUS, clock=clock)
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
        if isinstance(answer, Permit):
            sent += 1
            there = clock.now + draw.random() * draw.choice([0.01, 3])
            arrivals.append((there, request))
            flying.append((there, there + draw.random() * draw.choice([0.01, 3]), answer))
        else:
            clock.now += min(answer, draw.choice([0.5, 60.0]))
        if draw.random() < 0.1:
            clock.now += draw.random() * draw.choice([0.001, 0.5, 5])
        land(clock.now)
    for there, request in sorted(arrivals, key=lambda one: one[0]):
        arrival.now = there
        statuses.add(exact.check(method=request.method, path=request.path, token=token, address="1"))
        rules.check(method=request.method, path=request.path, token=token, address="1")
    assert statuses == {None}
    assert rules.banned == exact.banned == {}
