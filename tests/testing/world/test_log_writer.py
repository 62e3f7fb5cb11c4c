"""Logs as Travis wrote them: bytes of travis-build, travis-worker and worker (facts 6 and 10.3)."""

import random
import re

import pytest

from aiotravis.testing.world.log_writer import ERAS, STOPS, Era, LogWriter

START = r"travis_time:start:([0-9a-f]{8})\r\x1b\[0K\$ make\r\n"


def writer(era: Era = 2021, *, unended_timers: bool = True) -> LogWriter:
    return LogWriter(era, random.Random(1), unended_timers=unended_timers)


def test_a_fold_ends_in_carriage_return_and_clear() -> None:
    log = writer()
    with log.fold("install"):
        log.command("make", "made\n")
    assert log.text == "travis_fold:start:install\r\x1b[0K$ make\r\nmade\r\ntravis_fold:end:install\r\x1b[0K"


@pytest.mark.parametrize(
    ("era", "expected"),
    [
        (2013, r"\$ make\r\n"),
        (
            2017,
            START + r"travis_time:end:\1:start=(\d{19}),finish=(\d{19}),duration=(\d+)\r\x1b\[0K",
        ),
        (
            2019,
            START + r"travis_time:end:\1:start=(\d{19}),finish=(\d{19}),duration=(\d+),event=script\r\x1b\[0K",
        ),
    ],
)
def test_a_timed_command_looks_like_its_year(era: Era, expected: str) -> None:
    log = writer(era)
    log.command("make", event="script")
    found = re.fullmatch(expected, log.text)
    assert found is not None
    if era != 2013:
        assert int(found[3]) - int(found[2]) == int(found[4]) > 0


@pytest.mark.parametrize(("unended", "ends"), [(True, [1, 1]), (False, [1, 0])])
def test_a_timer_around_another_ends_under_the_identifier_of_that_one(*, unended: bool, ends: list[int]) -> None:
    log = writer(unended_timers=unended)
    log.start_timer()
    with log.fold("services"):
        log.command("sudo systemctl start docker", event="prepare")
    log.end_timer("services", milliseconds=3000)
    started = re.findall(r"travis_time:start:([0-9a-f]{8})\r", log.text)
    ended = re.findall(r"travis_time:end:([0-9a-f]{8}):", log.text)
    assert ended == [started[place] for place in ends]
    assert log.text.index("travis_time:start") < log.text.index("travis_fold:start") < log.text.index("event=prepare")
    assert log.text.index("event=prepare") < log.text.index("travis_fold:end") < log.text.index("event=services")


@pytest.mark.parametrize(
    ("era", "passed", "failed"),
    [
        (2013, '\r\nThe command "make" exited with 0.\r\n', '\r\nThe command "make" exited with 2.\r\n'),
        (
            2017,
            '\r\n\x1b[32;1mThe command "make" exited with 0.\x1b[0m\r\n',
            '\r\n\x1b[31;1mThe command "make" exited with 2.\x1b[0m\r\n',
        ),
        (
            2021,
            '\x1b[32;1mThe command "make" exited with 0.\x1b[0m\r\n',
            '\x1b[31;1mThe command "make" exited with 2.\x1b[0m\r\n',
        ),
    ],
)
def test_a_result_looks_like_its_year(era: Era, passed: str, failed: str) -> None:
    for code, expected in ((0, passed), (2, failed)):
        log = writer(era)
        log.result("make", code)
        assert log.text == expected


@pytest.mark.parametrize(
    ("era", "expected"),
    [
        (2013, '\r\n\x1b[33;1mThe command "make" failed and exited with 2 during install.\x1b[0m\r\n\r\n'),
        (2017, '\r\n\x1b[31;1mThe command "make" failed and exited with 2 during .\x1b[0m\r\n\r\n'),
        (2021, '\x1b[31;1mThe command "make" failed and exited with 2 during .\x1b[0m\r\n\r\n'),
    ],
)
def test_a_stop_looks_like_its_year(era: Era, expected: str) -> None:
    log = writer(era)
    log.stop("make", 2, "install")
    assert log.text == expected + "Your build has been stopped.\r\n"


def test_retries_are_those_of_travis_retry() -> None:
    red, reset = "\x1b[31;1m", "\x1b[0m"
    assert writer().retried("make", "no\n", failures=3) == (
        f'no\n\n{red}The command "eval make " failed. Retrying, 2 of 3.{reset}\n\n'
        f'no\n\n{red}The command "eval make " failed. Retrying, 3 of 3.{reset}\n\n'
        f'no\n\n{red}The command "eval make " failed 3 times.{reset}\n\n'
    )


def test_the_end_follows_an_empty_line() -> None:
    log = writer()
    log.done(1)
    assert log.text == "\r\nDone. Your build exited with 1.\r\n"


def test_workers_of_every_year_have_a_text_for_every_stop() -> None:
    for era in ERAS:
        assert set(STOPS[era]) == {"stalled", "time-limit", "log-limit", "canceled", "not-generated"}
        assert not any("\r" in text for text in STOPS[era].values())
    assert STOPS[2013]["time-limit"].startswith("\n\nI'm sorry but your test run exceeded 50.0 minutes. \n\n")
    assert STOPS[2017]["log-limit"].startswith("\n\nThe log length has exceeded the limit of 4 MB (this usually")
    assert STOPS[2021]["log-limit"] == "\n\nThe job exceeded the maximum log length, and has been terminated.\n\n"
    assert STOPS[2021]["not-generated"] == "An error occurred while generating the build script."
