"""Logs that were saved without control characters, lack ends of timers, or contain several runs."""

import pytest

from aiotravis import LogText
from aiotravis.log_text import ScriptEnded, Unfinished
from tests.log_text.test_real_logs import MAKE, WHOLE, C, durations, fold, timed

STRIPPED = WHOLE.replace("\r", "").replace("\x1b", "")


@pytest.mark.parametrize("text", [STRIPPED, STRIPPED.replace("[0K", "").replace("[31;1m", "").replace("[0m", "")])
def test_a_log_without_control_characters_has_the_same_commands(text: str) -> None:
    log, whole = LogText.parse(text), LogText.parse(WHOLE)
    assert log.commands == whole.commands
    assert (durations(log), log.folds, log.ending) == (durations(whole), whole.folds, whole.ending)


GLUED = {
    "travis_fold:start:worker_infoWorker information": ("worker_info", "Worker information"),
    "travis_fold:start:system_infoBuild system": ("system_info", "Build system"),
    "travis_fold:start:install.1Using /home": ("install.1", "Using /home"),
    "travis_fold:start:apt[0KInstalling": ("apt", "Installing"),
    "travis_fold:start:git.checkout$ git clone x": ("git.checkout", "$ git clone x"),
    "travis_fold:start:myFold": ("myFold", None),
    "travis_fold:start:R-dependencies": ("R-dependencies", None),
}


@pytest.mark.parametrize("text", GLUED)
def test_a_fold_name_does_not_run_into_the_text(text: str) -> None:
    log = LogText.parse(f"{text}\nx\n")
    name, shown = GLUED[text]
    assert [fold.name for fold in log.folds] == [name]
    assert [line.text for line in log.lines] == ([shown] if shown else []) + ["x"]


@pytest.mark.parametrize(
    ("details", "rest"),
    [("", "Setting environment"), ("", "gimme version"), ("", "$ make"), (",event=env", "Setting environment"),
     (",event=script", 'The command "x" exited with 0.'), ("", 'The command "x" exited with 0.')],
)  # fmt: skip
def test_the_end_of_a_timer_does_not_run_into_the_text(details: str, rest: str) -> None:
    end = f"travis_time:end:0a:start=1,finish=3,duration=2{details}{rest}"
    log = LogText.parse(f"travis_time:start:0aSetting up\n{end}\n")
    assert [line.text for line in log.lines] == ["Setting up", rest]
    assert [(one.duration, one.event) for one in log.timings] == [(2e-9, details[7:] or None)]


# Ends that are lost or late -------------------------------------------------------------------------------------------

LOST = {
    "the next timed command": timed(2, "make", 2, "script"),
    "a fold of a stage": fold("install", timed(2, "pip install x", 2)),
    "the end of a fold": f"travis_fold:end:rvm{C}",
    "more timers than are open": "".join(f"travis_time:start:9{n}{C}\r\n" for n in range(20)),
}


@pytest.mark.parametrize("follows", LOST.values(), ids=LOST)
def test_a_command_whose_end_is_lost_swallows_no_commands(follows: str) -> None:
    begin = f"travis_fold:start:rvm{C}" if "end:rvm" in follows else ""
    text = f"{begin}travis_time:start:1{C}$ rvm use 2.6\r\nUsing\r\n$ ruby --version\r\nruby 2.6\r\n$ cd x\r\n"
    before = LogText.parse(text)
    assert [one.text for one in before.commands] == ["rvm use 2.6"], "what follows may be its output"
    log = LogText.parse(text + follows)
    assert [(one.text, one.duration, one.line, one.last_line, one.finished) for one in log.commands[:3]] == [
        ("rvm use 2.6", None, 1, 2, True), ("ruby --version", None, 3, 4, True), ("cd x", None, 5, 5, True),
    ]  # fmt: skip
    assert {one.phase for one in log.commands[:3]} == {"rvm" if begin else "setup"}
    ended = LogText.parse(text + timed(2, "make", 2, "script") + f"travis_time:end:1:duration=9000000000{C}")
    assert [(one.text, one.duration) for one in ended.commands] == [("rvm use 2.6", 9.0), ("make", 2.0)], "it came"


@pytest.mark.parametrize("between", ["", "\r\n", f"travis_time:start:8{C}\r\n", fold("before_script", "x\r\n")])
def test_a_timer_that_ends_after_its_fold_gives_its_command_a_duration(between: str) -> None:
    end = f"travis_time:end:7:start=0,finish=1,duration=3000000000,event=install{C}"
    begin = f"travis_fold:start:install{C}travis_time:start:7{C}$ pip install x\r\nout\r\ntravis_fold:end:install{C}"
    log = LogText.parse(begin + between + end + MAKE)
    assert [(one.text, one.phase, one.duration, one.last_line) for one in log.commands] == [
        ("pip install x", "install", 3.0, 2), ("make", "script", 2.0, len(log.lines)),
    ]  # fmt: skip
    assert (log.phases["install"].duration, log.lines[0].duration) == (3.0, 3.0)
    nested = LogText.parse(begin + MAKE + end)
    assert [one.duration for one in nested.commands] == [3.0, 2.0]
    assert [(one.id, one.outermost) for one in nested.timings] == [("00000002", False), ("7", True)]


# Several runs in one log ----------------------------------------------------------------------------------------------

RUN = "Using worker: worker-linux-1\r\n\r\n" + fold("git.1", "$ git clone x\r\n") + "$ rvm use 2.0\r\n"

RAN = RUN + fold("install", "$ bundle install\r\n") + "$ rake\r\n"

RUNS = {
    "passed": 'The command "rake" exited with 0.\r\n\r\nDone. Your build exited with 0.\r\n',
    "stalled": "\r\n\r\nNo output has been received in the last 10 minutes, this\r\n\r\n",
    "broken off": "",
    "canceled": "\r\n\r\nDone: Job Cancelled\r\n",
}


@pytest.mark.parametrize("end", RUNS.values(), ids=RUNS)
def test_a_job_that_is_run_again_in_the_same_log_begins_again(end: str) -> None:
    log = LogText.parse(RAN + end + RUN)
    assert (log.ending, log.exit_code) == (Unfinished(), None)
    phases_of_run = ["git", "setup", "install", "script"]
    assert [one.phase for one in log.commands] == [*phases_of_run, "git", "setup"]
    failed = 'The command "rake" exited with 1.\r\n\r\nDone. Your build exited with 1.\r\n'
    again = LogText.parse(RAN + end + RAN + failed)
    assert (again.ending, again.exit_code) == (ScriptEnded(code=1, line=len(again.lines)), 1)
    assert [(one.phase, one.exit_code) for one in again.commands[-4:]] == list(
        zip(phases_of_run, [None, None, None, 1], strict=True)
    )


def test_a_new_run_may_have_no_folds() -> None:
    log = LogText.parse(RAN + RUNS["passed"] + "Using worker: worker-linux-1\r\n$ git clone x\r\n")
    assert (log.ending, log.commands[-1].phase) == (Unfinished(), "setup")
