"""The waiting line."""

import pytest

from aiotravis.rate_limits.line import Turn, Waiter, WaitingLine
from aiotravis.rate_limits.rules import ANONYMOUS, AUTHENTICATED, Kind, Rules
from tests.rate_limits.model import READ


def _waiter(line: WaitingLine, place: int, kind: Kind = Kind.READ, *, low: bool = False) -> Waiter:
    waiter = Waiter((low, place, line.number()), READ, kind, True, lambda: True)
    line.add(waiter)
    return waiter


def test_priority_comes_before_place_and_place_before_arrival() -> None:
    line = WaitingLine()
    low, third, second, first = _waiter(line, 1, low=True), _waiter(line, 3), _waiter(line, 2), _waiter(line, 2)
    assert [line.next(lambda _: True) for _ in range(5)] == [second, first, third, low, None]


def test_a_kind_that_may_not_go_keeps_the_others_not_back() -> None:
    line = WaitingLine()
    post, read = _waiter(line, 1, Kind.POST), _waiter(line, 2)
    assert line.next(lambda waiter: waiter.kind is Kind.READ) is read
    assert line.next(lambda waiter: waiter.kind is Kind.READ) is None
    assert (len(line), list(line)) == (1, [post])


def test_calls_that_give_up_leave_nothing_behind() -> None:
    line = WaitingLine()
    kept = _waiter(line, 0)
    for place in range(1, 10_000):
        waiter = _waiter(line, place)
        line.discard(waiter)
        line.discard(waiter)
    assert sum(len(lane) for lane in line._lanes.values()) < 100
    assert line.next(lambda _: True) is kept


def test_the_first_call_of_a_kind_is_known() -> None:
    line = WaitingLine()
    assert (line.first(Kind.READ), line.count(Kind.READ)) == (None, 0)
    second, first = _waiter(line, 2), _waiter(line, 1)
    assert (line.first(Kind.READ), line.count(Kind.READ), line.first(Kind.POST)) == (first, 2, None)
    line.discard(first)
    assert line.first(Kind.READ) is second


@pytest.mark.parametrize(("rules", "size"), [(AUTHENTICATED, 42), (ANONYMOUS, 11), (Rules(per_minute=3), 10)])
def test_a_turn_lets_as_many_go_in_a_second_as_use_up_the_limit(rules: Rules, size: int) -> None:
    turn = Turn(rules)
    for now in (100.0, 101.0):
        turn.renew(now)
        assert turn.left == size
        turn.left = 0
        turn.renew(now + 0.9)
        assert turn.left == 0
    for _ in range(100):
        turn.give_back()
    assert turn.left == size
