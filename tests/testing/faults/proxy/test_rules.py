"""What a misbehaving network does, as a value."""

from aiotravis.testing.faults.proxy.rules import Cut, Mode, Rules


def test_when_cleared_nothing_is_left_of_any_fault() -> None:
    rules = Rules(Mode.FROZEN, True, 1.0, 2, {True: bytes.upper}, {False: Cut(3, True)})
    rules.clear()
    assert rules == Rules()


def test_the_same_order_to_cut_given_again_is_another_one() -> None:
    first, again = Cut(5, True), Cut(5, True)
    assert first != again
    assert (first.count, first.reset) == (again.count, again.reset)
