"""Phases whose names become known after their lines."""

from aiotravis.log_text._records import PendingPhase, TimerRecord, phase_of_timer


def timer() -> TimerRecord:
    return TimerRecord(id="1", line=1, number=1)


def test_a_phase_has_its_own_name_or_a_default() -> None:
    assert PendingPhase().name is None
    assert PendingPhase(default="setup").name == "setup"
    assert PendingPhase(own="script", default="setup").name == "script"


def test_the_outermost_timer_that_has_ended_names_what_is_in_it() -> None:
    outer, middle = timer(), timer()
    middle.own, middle.around = "install", outer
    inner = PendingPhase(own="x", around=middle)
    assert (outer.name, middle.name, inner.name) == (None, "install", "x")
    middle.until = 2
    assert inner.name == "install"
    outer.own, outer.until = "script", 3
    assert (outer.name, middle.name, inner.name) == ("script", "script", "script")
    outer.own = None
    assert inner.name == "install"
    outer.default = "setup"
    assert inner.name == "setup"


def test_a_fold_names_a_phase_and_an_event_where_there_is_none() -> None:
    assert phase_of_timer("checkout", "git.checkout") == "git.checkout"
    assert phase_of_timer("show_system_info", "system_info") == "system_info"
    assert phase_of_timer("after_success", "deploy") == "deploy"
    assert phase_of_timer("setup", "rvm") == "rvm"
    assert phase_of_timer("install", None) == "install"
    assert phase_of_timer(None, "install") == "install"
    assert phase_of_timer(None, None) is None


def test_an_event_names_the_phase_in_a_fold_that_was_not_ended() -> None:
    assert phase_of_timer("script", "install") == "script"
    assert phase_of_timer("script", "rvm") == "script"
    assert phase_of_timer("before_script", "install") == "before_script"
