"""The waiting line."""

from aiotravis.rate_limits.line import Waiter, WaitingLine
from aiotravis.rate_limits.rules import Kind
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
