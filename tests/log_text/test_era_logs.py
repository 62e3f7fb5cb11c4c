"""Logs of several years, languages and endings say what they were made to say, whole and in any cuts."""

import os
import random
from typing import Any

import pytest

from aiotravis import LogText
from tests.log_text.era_logs import ENDINGS, ERAS, LANGUAGES, EraLog, era_log

CASES = int(os.environ.get("AIOTRAVIS_LOG_TEXT_CASES", "500"))
"""Logs that are tried."""

CHUNKS = 10


def said(log: LogText) -> dict[str, Any]:
    return {
        "ending": log.ending,
        "exit code": log.exit_code,
        "lines": len(log.lines),
        "commands": [(one.text, one.phase, _ms(one.duration), one.exit_code, one.finished) for one in log.commands],
        "failed": [one.text for one in log.failed_commands],
        "attempts": {
            one.text: [(attempt.number, attempt.of, attempt.failed) for attempt in one.attempts]
            for one in log.commands
            if one.attempts
        },
        "phases": {name: _ms(phase.duration) for name, phase in log.phases.items()},
        "groups": {name: _ms(group.duration) for name, group in log.groups.items()},
    }


def expected(made: EraLog) -> dict[str, Any]:
    return {
        "ending": made.ending,
        "exit code": made.exit_code,
        "lines": made.lines,
        "commands": [(text, phase, _ms(duration), code, done) for text, phase, duration, code, done in made.commands],
        "failed": [text for text, _, _, code, _ in made.commands if code],
        "attempts": made.attempts,
        "phases": {name: _ms(duration) for name, duration in made.phases.items()},
        "groups": {name: _ms(duration) for name, duration in made.groups.items()},
    }


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def in_parts(text: str, rng: random.Random) -> LogText:
    log = LogText()
    place = 0
    while place < len(text):
        size = rng.choice([1, 7, 80, 1000])
        log.feed(text[place : place + size])
        place += size
        if rng.random() < 0.02:
            assert log.ending is not None
            assert log.commands is not None
    log.close()
    return log


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_logs_say_what_they_were_made_to_say(chunk: int) -> None:
    for seed in range(chunk, CASES, CHUNKS):
        made = era_log(seed)
        assert said(LogText.parse(made.text)) == expected(made), f"seed {seed}"
        assert said(in_parts(made.text, random.Random(seed))) == expected(made), f"seed {seed}, in parts"


def test_all_eras_languages_and_endings_are_tried() -> None:
    made = [era_log(seed) for seed in range(500)]
    assert {(log.year, log.kind) for log in made if log.kind != "other"} == {
        (year, kind) for year in ERAS for kind in ENDINGS if kind != "other"
    }
    assert {(log.language, log.kind) for log in made if log.kind != "other"} >= {
        (language, kind) for language in LANGUAGES for kind in ("passed", "failed", "setup")
    }
