"""The counts of one identity."""

from aiotravis.rate_limits.rules import Kind, Rules
from aiotravis.rate_limits.windows import ASK_AGAIN, Windows

RULES = Rules(per_minute=100)


def test_a_quota_bounds_reads_until_it_expires() -> None:
    windows = Windows(RULES, 0.0)
    windows.quota, windows.quota_until = 2, 6050.0
    permits = [windows.admit(Kind.READ, 6000.0) for _ in range(2)]
    assert windows.wait(Kind.READ, 6000.0) == ASK_AGAIN
    assert windows.wait(Kind.POST, 6000.0) <= 0
    windows.undo(permits[0], 6000.0)
    assert windows.wait(Kind.READ, 6049.0) <= 0
    assert windows.wait(Kind.READ, 6050.0) == ASK_AGAIN


def test_undoing_or_releasing_twice_counts_once() -> None:
    windows = Windows(RULES, 0.0)
    one, other = windows.admit(Kind.POST, 6000.0), windows.admit(Kind.SIGN_IN, 6000.0)
    assert windows.room(6000.0) == (98, 38)
    for _ in range(2):
        windows.undo(one, 6000.0)
        windows.release(other, 6000.0)
    assert (windows.room(6000.0), windows.in_flight) == ((99, 39), 0)
    assert windows.wait(Kind.SIGN_IN, 6000.0) == RULES.sign_in_window


def test_a_request_undone_in_the_next_minute_leaves_its_count_there() -> None:
    windows = Windows(RULES, 0.0)
    permit = windows.admit(Kind.READ, 6059.0)
    windows.roll(6060.0)
    assert windows.used == 1
    windows.undo(permit, 6060.0)
    assert (windows.used, windows.in_flight) == (1, 0)


def test_a_smaller_share_holds_at_once() -> None:
    windows = Windows(RULES, 0.0)
    for _ in range(5):
        windows.admit(Kind.POST, 6000.0)
    windows.per_minute, windows.max_posts = 5, 5
    assert windows.wait(Kind.READ, 6010.0) == 50.0
    assert windows.wait(Kind.POST, 6010.0) == 1.0
    assert windows.room(6010.0) == (0, 0)
