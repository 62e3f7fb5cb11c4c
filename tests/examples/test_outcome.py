"""How jobs ended, as the status above their logs says it."""

import pytest

from aiotravis import LogText
from aiotravis.testing import SAMPLE_LOGS
from examples.outcome import outcome

KINDS = {"passed": "good", "canceled": "gone"}

BREAK = "\r\x1b[0K"


def state_of(ending: str) -> str:
    return ending if ending in {"passed", "failed", "canceled"} else "errored"


@pytest.mark.parametrize("name", [name for name in SAMPLE_LOGS if name[:4].isdecimal() and "saved" not in name])
def test_each_ending_has_its_kind_and_the_lines_that_failed(name: str) -> None:
    ending = name.partition("-")[2]
    log = LogText.parse(SAMPLE_LOGS[name])
    found = outcome([(100, log)], state_of(ending))
    assert found["kind"] == KINDS.get(ending, "bad")
    line, last = found["line"], found["last"]
    if ending in {"passed", "unfinished"}:
        assert (line, last) == (None, None)
    elif ending in {"failed", "setup-failed"}:
        assert isinstance(line, int)
        assert isinstance(last, int)
        assert log.lines[line - 101].text.startswith("$ ")
        assert last > line
    else:
        assert line == last == 100 + (log.ending.line or 0)


def commands(*results: tuple[str, int], code: int) -> LogText:
    ran = "".join(
        f"travis_time:start:{name}{BREAK}$ {name}\nprinted\ntravis_time:end:{name}:start=0,finish=1,duration=1{BREAK}\n"
        f'The command "{name}" exited with {result}.\n'
        for name, result in results
    )
    return LogText.parse(f"travis_fold:start:worker_info{BREAK}w\n{ran}\nDone. Your build exited with {code}.\n")


def test_the_first_of_several_failed_commands_is_told() -> None:
    log = commands(("make", 0), ("make test", 2), ("make more", 3), code=1)
    found = outcome([(0, log)], "failed")
    assert found["text"] == "exit code 1 · make test exited with 2"
    assert found["line"] == log.failed_commands[0].line


def test_a_command_that_failed_in_an_earlier_piece_of_a_long_log_is_found() -> None:
    first = commands(("make test", 2), code=1)
    second = LogText.parse("more\nDone. Your build exited with 1.\n")
    assert outcome([(0, first), (5000, second)], "failed")["line"] == first.failed_commands[0].line


def test_a_passed_job_has_no_failure_whatever_its_commands_returned() -> None:
    found = outcome([(0, commands(("make", 0), ("upload", 1), code=0))], "passed")
    assert (found["kind"], found["text"], found["line"]) == ("good", "exit code 0", None)


def test_a_failed_command_of_a_running_job_is_told_before_its_end() -> None:
    log = LogText()
    log.feed(
        'travis_fold:start:a\r\x1b[0Kx\ntravis_fold:end:a\r\x1b[0K\n$ make\nThe command "make" exited with 2.\nmore\n'
    )
    found = outcome([(0, log)], "started")
    assert (found["kind"], found["line"]) == ("open", log.failed_commands[0].line)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("passed", "good"),
        ("failed", "bad"),
        ("errored", "bad"),
        ("canceled", "gone"),
        ("started", "open"),
        ("?", "open"),
    ],
)
def test_the_state_decides_where_the_log_does_not_tell(state: str, kind: str) -> None:
    for text in ("", "<html>", SAMPLE_LOGS["2019-unfinished"]):
        assert outcome([(0, LogText.parse(text))], state)["kind"] == kind


def test_a_command_cannot_turn_the_text_of_the_status_round_or_fill_the_page() -> None:
    text = str(outcome([(0, commands((f"make \u202e{'x' * 1000}", 2), code=1))], "failed")["text"])
    assert "<U+202E>" in text
    assert len(text) < 200
