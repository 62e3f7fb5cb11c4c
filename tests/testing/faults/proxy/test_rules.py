"""The faults of a network, as a value."""

from aiotravis.testing.faults.proxy.rules import Cut, Mode, Rules


def test_clear_ends_every_fault() -> None:
    rules = Rules(Mode.FROZEN, True, 1.0, 2, {True: bytes.upper}, {False: Cut(3, True)})
    rules.clear()
    assert rules == Rules()


def test_equal_cuts_are_different_orders() -> None:
    first, again = Cut(5, True), Cut(5, True)
    assert first != again
    assert (first.count, first.reset) == (again.count, again.reset)
