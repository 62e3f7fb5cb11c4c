"""Timers: which are open, and what they measured."""

from aiotravis.log_text import Timing
from aiotravis.log_text._records import CommandRecord, FoldRecord, PendingPhase, TimerRecord
from aiotravis.log_text._timers import MAX_OPEN, Timers


def started(*ids: str) -> Timers:
    timers = Timers()
    for number, id in enumerate(ids, 1):
        timers.start(id, number, number, None)
    return timers


def end(timers: Timers, id: str, number: int, name: str, start: int = 0) -> None:
    timer = timers.find(id, start)
    assert timer is not None
    timer.own, timer.timing = timer.own or name, Timing(id=id, start=start)
    timers.end(timer, number, 1)


def measured(timers: Timers) -> list[tuple[str, str | None, bool]]:
    return [(one.id, one.phase, one.outermost) for one in timers.timings()]


def depth(timer: TimerRecord) -> int:
    return 0 if timer.around is None else 1 + depth(timer.around)


def test_a_timer_in_one_that_has_ended_is_part_of_it() -> None:
    timers = started("a", "b", "c")
    end(timers, "c", 4, "z")
    end(timers, "b", 5, "x")
    assert measured(timers) == [("c", "x", False), ("b", "x", True)]
    end(timers, "a", 6, "y")
    assert measured(timers) == [("c", "y", False), ("b", "y", False), ("a", "y", True)]


def test_timers_that_overlap_count_once() -> None:
    timers = started("a", "b")
    end(timers, "a", 3, "x")
    assert not timers.open
    end(timers, "b", 4, "y")
    timers.start("c", 1, 5, None)
    end(timers, "c", 6, "z")
    assert measured(timers) == [("a", "x", True), ("b", "x", False), ("c", "z", True)]


def test_a_timer_that_ends_again_measured_all_since_its_start() -> None:
    timers = started("a")
    end(timers, "a", 2, "x")
    timers.start("b", 8, 3, None)
    end(timers, "b", 4, "y")
    assert timers.find("a", 5) is None, "another start"
    assert timers.find("c", 0) is None
    end(timers, "a", 5, "z")
    assert measured(timers) == [("a", "x", False), ("b", "y", False), ("a", "x", True)]
    end(timers, "a", 6, "z")
    assert measured(timers)[2:] == [("a", "x", False), ("a", "x", True)]
    assert [one.line for one in timers.timings()] == [1, 8, 1, 1]


def test_a_timer_that_is_not_open_may_end_later() -> None:
    fold = FoldRecord(("a",), PendingPhase("install"), 1)
    timers = Timers()
    timers.drop([timers.start("a", 3, 1, fold)])
    timers.start("b", 4, 2, None)
    end(timers, "b", 3, "y")
    end(timers, "a", 4, "x")
    assert measured(timers) == [("b", "y", False), ("a", "x", True)]


def test_ends_without_a_start_take_no_memory_for_long() -> None:
    timers = Timers()
    for number in range(100):
        timers.end(TimerRecord(id=f"{number}", line=1, number=number, timing=Timing(id="")), number, 1)
    assert timers.find("0", None) is None
    assert timers.find("99", None) is not None


def test_open_timers_are_bounded_and_what_is_in_them_too() -> None:
    timers = Timers()
    for number in range(1000):
        timer = timers.start(f"{number}", 1, number, None)
        assert depth(timer) < MAX_OPEN
    assert list(timers.open) == [f"{number}" for number in range(992, 1000)]
    assert timers.find("991", None) is not None, "one of the latest"
    assert timers.find("100", None) is None


def test_phases_stay_shallow_however_timers_are_repeated() -> None:
    timers = Timers()
    timer = timers.start("a", 1, 0, None)
    for number in range(1000):
        timer = timers.start("ab"[number % 2], 1, number, None)
    assert timer.around is not None
    assert timer.around.around is None
    for number in range(1000, 2000):
        timer = timers.start(f"{number}", 1, number, None)
        end(timers, f"{number - 1}" if number > 1000 else "a", number, "x")
    assert depth(timer) <= MAX_OPEN


def test_dropped_timers_are_not_around_anything() -> None:
    timers = Timers()
    fold = FoldRecord(("a",), PendingPhase("install"), 1)
    outer = timers.start("a", 1, 0, None)
    inner = timers.start("b", 1, 1, fold)
    inner.command = CommandRecord("x", inner, 1)
    timers.running = inner
    assert timers.of_command is inner
    assert timers.around(None) is inner
    timers.drop([inner])
    assert list(timers.open) == ["a"]
    assert [timers.running, timers.of_command] == [None, None]
    assert timers.around(None) is outer
    assert timers.around(fold) is None


def test_the_first_fold_in_a_timer_of_a_stage_is_remembered() -> None:
    timers = Timers()
    timers.contain(None, "x")
    timer = timers.start("a", 1, 0, None)
    timers.contain(None, "services")
    timers.contain(None, "other")
    assert timer.first_fold == "services"
