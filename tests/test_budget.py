"""The rate rules as budgets, against a model of the server's counting."""

import gc
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiotravis import errors
from aiotravis._budget import (
    ANONYMOUS,
    POST_WINDOW,
    POSTS,
    SIGN_IN_WINDOW,
    SIGNED,
    Budget,
    Ticket,
    budget_for,
    rules_apply,
)
from aiotravis._http import Call
from aiotravis.testing.rates import RateRules

READ, WRITE, SIGN_IN = Call("GET", "/x"), Call("POST", "/x"), Call("POST", "/auth/github")


class Clock:
    def __init__(self, now: float = 6000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def taken(budget: Budget, call: Call) -> Ticket:
    ticket = budget.take(call)
    assert isinstance(ticket, Ticket)
    return ticket


def test_a_minute_has_so_much_room_and_the_next_as_much_again() -> None:
    clock = Clock()
    budget = Budget(3, clock=clock)
    for _ in range(3):
        budget.done(taken(budget, READ))
    clock.now += 13
    assert budget.take(READ) == 47.0
    limits = budget.limits()
    assert (limits.room, limits.posts, limits.next_window, limits.waiting) == (0, 0, 47.0, 0)
    clock.now += 47
    taken(budget, READ)


def test_what_is_under_way_counts_in_the_next_minute_too() -> None:
    clock = Clock()
    budget = Budget(3, clock=clock)
    tickets = [taken(budget, READ) for _ in range(3)]
    clock.now += 60
    assert budget.take(READ) == 60.0
    for ticket in tickets:
        budget.done(ticket)
    budget.done(tickets[0])
    assert budget.take(READ) == 60.0


def test_posts_have_a_window_of_any_alignment() -> None:
    clock = Clock(6029.0)
    budget = Budget(2000, clock=clock)
    for _ in range(POSTS):
        budget.done(taken(budget, WRITE))
    assert budget.limits().posts == 0
    clock.now += 2
    assert budget.take(WRITE) == POST_WINDOW - 2
    taken(budget, READ)
    clock.now += POST_WINDOW - 2
    tickets = [taken(budget, WRITE) for _ in range(POSTS)]
    assert budget.take(WRITE) == 1.0
    assert len(tickets) == POSTS


def test_one_signs_in_once_in_five_minutes() -> None:
    clock = Clock()
    budget = Budget(2000, clock=clock)
    ticket = taken(budget, SIGN_IN)
    assert budget.take(SIGN_IN) == 1.0
    budget.done(ticket)
    assert budget.take(SIGN_IN) == SIGN_IN_WINDOW
    clock.now += SIGN_IN_WINDOW
    taken(budget, SIGN_IN)


def test_badges_are_exempt() -> None:
    budget = Budget(1, clock=Clock())
    taken(budget, READ)
    for path in ("/a/b.png", "/a/b.svg"):
        budget.done(taken(budget, Call("GET", path)))


@pytest.mark.parametrize(("retry_after", "wait"), [(None, 50.0), (7.0, 7.0)])
@pytest.mark.parametrize("per_minute", [2000, None])
def test_a_429_pauses_the_identity(retry_after: float | None, wait: float, per_minute: int | None) -> None:
    clock = Clock(6010.0)
    budget = Budget(per_minute, clock=clock)
    budget.throttled(retry_after)
    assert budget.take(READ) == wait
    assert budget.limits().paused == wait
    assert budget.limits().room == 0
    clock.now += wait
    taken(budget, READ)


def ban(lifted_at: datetime | None) -> errors.BannedError:
    error = errors.BannedError("banned", status=403, method="GET", path="/x", remedy="Wait.")
    error.lifted_at = lifted_at
    return error


def test_a_ban_wakes_what_waits_and_holds_until_it_is_lifted() -> None:
    clock = Clock()
    budget = Budget(2000, clock=clock)
    woken: list[bool] = []

    def wake() -> None:
        woken.append(True)

    budget.wait_with(wake)
    assert budget.limits().waiting == 1
    lifted = datetime.fromtimestamp(clock.now + 3600, UTC)
    budget.banned(ban(lifted))
    assert woken == [True]
    with pytest.raises(errors.BannedError, match="GET /x was not sent") as info:
        budget.take(READ)
    assert info.value.lifted_at == budget.limits().banned_until == lifted
    budget.stop_waiting(wake)
    clock.now += 3600
    taken(budget, READ)
    budget.banned(ban(None))
    clock.now += 10**6
    with pytest.raises(errors.BannedError):
        budget.take(READ)


def test_without_rules_there_is_room_for_all() -> None:
    budget = Budget(None, clock=Clock())
    for _ in range(5000):
        taken(budget, WRITE)
    assert (budget.limits().room, budget.limits().posts) == (None, None)


def test_clients_of_one_identity_share_a_budget_and_others_do_not() -> None:
    one = budget_for("https://a", "t", limited=True)
    assert budget_for("https://a", "t", limited=True) is one
    for other in (
        budget_for("https://b", "t", limited=True),
        budget_for("https://a", "u", limited=True),
        budget_for("https://a", None, limited=True),
        budget_for("https://a", "t", limited=False),
    ):
        assert other is not one
    taken(one, READ)
    del one
    gc.collect()
    assert budget_for("https://a", "t", limited=True).limits().room == 2000


@pytest.mark.parametrize(
    ("endpoint", "apply"),
    [
        ("https://api.travis-ci.com", True), ("https://api.travis-ci.org", True), ("https://mirror.example.org", True),
        ("https://travis.example.org/api", False), ("http://127.0.0.1:5000", False), ("http://localhost:1", False),
        ("http://[::1]:1", False),
    ],
)  # fmt: skip
def test_rules_apply_to_travis_and_its_mirrors(endpoint: str, apply: bool) -> None:
    assert rules_apply(endpoint) is apply


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 300), st.booleans())
def test_whatever_a_program_does_the_server_never_throttles_and_never_bans(
    seed: int, skew: float, signed: bool
) -> None:
    """Requests arrive at any moment between sending and answer, before a server whose clock may be another one."""
    draw = random.Random(seed)
    clock = Clock(6000.0 + draw.random() * 60)
    arrival = Clock()
    # Reads are counted by the client's own minutes: a skewed clock can cost a 429, which passes. A ban must not happen.
    rules = RateRules(lambda: arrival.now + skew)
    exact = RateRules(lambda: arrival.now)
    budget = Budget(SIGNED if signed else ANONYMOUS, clock=clock)
    token = "t" if signed else None
    flying: list[tuple[float, float, Ticket]] = []
    statuses: set[int | None] = set()
    sent = 0

    def land(until: float) -> None:
        flying.sort(key=lambda one: one[1])
        while flying and flying[0][1] <= until:
            _, landing, ticket = flying.pop(0)
            clock.now = max(clock.now, landing)
            budget.done(ticket)

    arrivals: list[tuple[float, Call]] = []
    while sent < 1500:
        call = draw.choices([READ, WRITE, SIGN_IN], [30, 10, 1])[0]
        answer = budget.take(call)
        if isinstance(answer, Ticket):
            sent += 1
            there = clock.now + draw.random() * draw.choice([0.01, 3])
            arrivals.append((there, call))
            flying.append((there, there + draw.random() * draw.choice([0.01, 3]), answer))
        else:
            clock.now += min(answer, draw.choice([0.5, 60.0]))
        if draw.random() < 0.1:
            clock.now += draw.random() * draw.choice([0.001, 0.5, 5])
        land(clock.now)
    for there, call in sorted(arrivals, key=lambda one: one[0]):
        arrival.now = there
        statuses.add(exact.judge(method=call.method, path=call.path, token=token, address="1"))
        rules.judge(method=call.method, path=call.path, token=token, address="1")
    assert statuses == {None}
    assert rules.banned == exact.banned == {}
