"""How logs look: folded by phase, opened where they failed."""

import pytest

from aiotravis import Job, LogText
from aiotravis.cli._log_view import folded, line_record
from aiotravis.cli._output import Output
from aiotravis.testing import SAMPLE_LOGS
from aiotravis.testing.world.log_writer import ENDINGS, ERAS


def shown(name: str) -> str:
    output = Output(color="never")
    items = folded(LogText.parse(SAMPLE_LOGS[name]))
    texts = [output.joined(*one) if isinstance(one, tuple) else one.terminal(colour=False) for one in items]
    return "\n".join(text.rstrip() for text in texts)


def test_a_failed_script_is_open_and_the_rest_is_folded() -> None:
    text = shown("2021-failed")
    assert text.startswith(f"{'setup':60}     8.3 s  7 commands\n{'checkout':60}     2.1 s  3 commands\n")
    script = text[text.index("\nscript") :]
    assert script == (
        f"\n{'script':60}    52.5 s\n"
        f"{'  $ mvn test -B':60}    52.5 s  exited with 1\n"
        "[ERROR] Tests run: 12, Failures: 1, Errors: 0, Skipped: 0\n"
        "[INFO] BUILD FAILURE\n"
        f"{'after':60}     1.5 s\n"
        f"{'  $ bash <(curl -s https://codecov.io/bash)':60}     1.5 s\n"
        "\n"
        "Done. Your build exited with 1."
    )
    assert "Scanning for projects" not in text


def test_a_log_that_passed_has_no_output_but_its_end() -> None:
    lines = shown("2021-passed").splitlines()
    assert lines[-1] == "Done. Your build exited with 0."
    assert [line for line in lines[:-2] if not line[60:70].strip().endswith(" s") and "$" not in line] == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_log_names_what_stopped_it(era: int, ending: str) -> None:
    log = LogText.parse(SAMPLE_LOGS[f"{era}-{ending}"])
    text = shown(f"{era}-{ending}")
    if log.ending.line is not None:
        assert log.lines[log.ending.line - 1].text.rstrip() in text
    for command in log.failed_commands:
        assert f"exited with {command.exit_code}" in text
    if ending in {"stalled", "unfinished"}:
        assert "not finished" in text


@pytest.mark.parametrize("name", ["docker-error", "html-page"])
def test_what_travis_did_not_write_is_shown_as_it_is(name: str) -> None:
    assert shown(name) == SAMPLE_LOGS[name].removesuffix("\n")


def test_long_commands_are_cut_and_unsafe_ones_cleaned() -> None:
    log = LogText.parse(f'$ make {"x" * 100}\x1b]0;owned\x07\n\nThe command "make" exited with 1.\n')
    command = next(one for one in folded(log) if isinstance(one, tuple) and str(one[0]).find("make") > 0)
    text = Output(color="never").joined(*command)
    assert text.startswith("  $ make xxxx")
    assert "xxx... " in text
    assert "\x1b" not in text


def test_a_record_of_a_line_is_json_whatever_it_contains() -> None:
    line = LogText.parse("cut \ud83d\n").lines[0]
    assert line_record(Job(id=7, number="1.1"), line)["text"] == "cut ?"
