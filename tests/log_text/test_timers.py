"""Timers: which are open, and what they measured."""

from aiotravis.log_text._commands import CommandRecord
from aiotravis.log_text._markers import Timing
from aiotravis.log_text._phases import PendingPhase
from aiotravis.log_text._timers import MAX_OPEN, FoldRecord, Timers


def timing(id: str, start: int = 0) -> Timing:
    return Timing(id=id, start=start, duration=1.0)


def outermost(timers: Timers) -> list[tuple[str, bool]]:
    return [(one.id, one.outermost) for one in timers.timings()]


def test_a_timer_in_one_that_has_ended_is_part_of_it() -> None:
    timers = Timers()
    for number, id in enumerate("abc"):
        timers.start(id, 1, number, None)
    timers.end(timing("c"), None, 3)
    timers.end(timing("b"), "x", 4)
    assert outermost(timers) == [("c", False), ("b", True)]
    assert [one.phase for one in timers.timings()] == ["x", "x"]
    timers.end(timing("a"), "y", 5)
    assert outermost(timers) == [("c", False), ("b", False), ("a", True)]
    assert [one.phase for one in timers.timings()] == ["y", "y", "y"]


def test_timers_that_overlap_count_once() -> None:
    timers = Timers()
    timers.start("a", 1, 0, None)
    timers.start("b", 1, 1, None)
    timers.end(timing("a"), "x", 2)
    timers.end(timing("b"), "y", 3)
    timers.start("c", 1, 4, None)
    timers.end(timing("c"), "z", 5)
    assert outermost(timers) == [("a", True), ("b", False), ("c", True)]
    assert [one.phase for one in timers.timings()] == ["x", "x", "z"]


def test_a_timer_that_ends_again_measured_all_since_its_start() -> None:
    timers = Timers()
    timers.start("a", 7, 0, None)
    timers.end(timing("a"), "x", 1)
    timers.start("b", 8, 2, None)
    timers.end(timing("b"), "y", 3)
    assert timers.end_again(timing("a", 5), 4) is None, "another start"
    assert timers.end_again(timing("c"), 4) is None
    assert timers.end_again(timing("a"), 4) == 7
    assert outermost(timers) == [("a", False), ("b", False), ("a", True)]
    assert timers.end_again(timing("a"), 5) == 7
    assert outermost(timers)[2:] == [("a", False), ("a", True)]


def test_open_timers_are_bounded_and_what_is_in_them_too() -> None:
    timers = Timers()
    timer = timers.start("x", 1, 0, None)
    for number in range(1000):
        timer = timers.start(f"{number}", 1, number, None)
    assert list(timers.open) == [f"{number}" for number in range(1000 - MAX_OPEN, 1000)]
    depth, around = 0, timer.phase.around
    while around is not None:
        depth, around = depth + 1, around.around
    assert depth == MAX_OPEN - 1


def test_phases_stay_shallow_however_timers_are_repeated() -> None:
    timers = Timers()
    timer = timers.start("a", 1, 0, None)
    for number in range(1000):
        timer = timers.start("ab"[number % 2], 1, number, None)
    assert timer.phase.around is not None
    assert timer.phase.around.around is None
    for number in range(1000, 2000):
        timer = timers.start(f"{number}", 1, number, None)
        timers.end(timing(f"{number - 1}" if number > 1000 else "a"), None, number)
    depth, around = 0, timer.phase.around
    while around is not None:
        depth, around = depth + 1, around.around
    assert depth <= MAX_OPEN


def test_a_fold_that_ends_drops_the_timers_in_it() -> None:
    timers = Timers()
    fold = FoldRecord(("a",), PendingPhase("install"), 1)
    outer = timers.start("a", 1, 0, None)
    inner = timers.start("b", 1, 1, fold)
    inner.command = CommandRecord("x", inner.phase, 1)
    timers.running = inner
    assert timers.of_command is inner
    assert timers.around(None) is inner.phase
    assert timers.drop_in(fold) == [inner]
    assert list(timers.open) == ["a"]
    assert [timers.running, timers.of_command] == [None, None]
    assert timers.around(None) is outer.phase
    assert timers.around(fold) is None


def test_the_first_fold_in_a_timer_of_a_stage_is_remembered() -> None:
    timers = Timers()
    timers.contain(None, "x")
    timer = timers.start("a", 1, 0, None)
    timers.contain(None, "services")
    timers.contain(None, "other")
    assert timer.first_fold == "services"
