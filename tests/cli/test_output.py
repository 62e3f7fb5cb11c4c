"""Data on standard output, notices on standard error, and a terminal that nothing can control."""

import io
import json
import sys
from pathlib import Path

import pytest

from aiotravis.cli._output import Output, OutputClosed, Styled, error_text, single_line

EVIL = "a\x1b]0;title\x07b\x1b[2Jc\x9bd\u202e e\r\nf"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def screens(monkeypatch: pytest.MonkeyPatch) -> tuple[Screen, Screen]:
    """Make terminals of the outputs; in the test itself, since pytest replaces them after the fixtures."""
    out, err = Screen(), Screen()
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    return out, err


def test_text_of_others_is_one_line_that_controls_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = screens(monkeypatch)
    output = Output()
    output.line("x ", Styled(EVIL, "red"), EVIL)
    output.notice(EVIL)
    output.error(EVIL)
    for text in (out.getvalue().replace("\x1b[31m", "").replace("\x1b[0m", ""), single_line(EVIL)):
        assert not set(text.rstrip("\n")) & set("\x1b\x07\x9b\u202e\r\n")
    assert "\x1b]" not in err.getvalue()
    assert "\x9b" not in err.getvalue()


def test_colours_are_for_terminals_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    screens(monkeypatch)
    red = Styled("x", "red")
    assert Output().styled(red) == "\x1b[31mx\x1b[0m"
    assert Output(color="never").styled(red) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Output().styled(red) == "x"
    assert Output(color="always").styled(red) == "\x1b[31mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert Output().styled(red) == "x"
    monkeypatch.delenv("TERM")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert Output().styled(red) == "x"


def test_quiet_prints_errors_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = screens(monkeypatch)
    output = Output(quiet=True, color="never")
    with output.status("working") as status:
        status.update("more")
        output.notice("a notice")
        output.error("an error")
    assert (out.getvalue(), err.getvalue()) == ("", "aiotravis: an error\n")


def test_the_status_line_makes_room_for_output_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = screens(monkeypatch)
    output = Output(color="never")
    with output.status("reading") as status:
        output.line("data")
        status.update("more\x1b[2J\nand more")
        status.update("more\x1b[2J\nand more")
        output.notice("a notice")
    clear, more = "\r\x1b[2K", "\r\x1b[2Kmore and more"
    assert out.getvalue() == "data\n"
    assert err.getvalue() == (f"{clear}reading{clear}{clear}reading{more}{clear}aiotravis: a notice\n{more}{clear}")


def test_records_are_lines_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = screens(monkeypatch)
    Output(json=True).record({"a": EVIL})
    line = out.getvalue()
    assert line.count("\n") == 1
    assert json.loads(line) == {"a": EVIL}
    assert not set(line) & set("\x1b\x07\x9b\u202e\r")


def test_characters_that_the_output_cannot_show_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))
    Output().line("caf\u00e9 \u2713 \udc80")
    assert written.getvalue() == b"caf? ? ?\n"


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_closed_outputs_end_the_command_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(sys, "stderr", Closed())
    output = Output()
    output.notice("nobody reads it")
    with pytest.raises(OutputClosed):
        output.line("x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="No space left"), Path("/dev/full").open("w") as full:  # noqa: PT012
        monkeypatch.setattr(sys, "stdout", full)
        Output().line("x")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device"), "it: No space left on device"),
        (OSError(9, "Bad file descriptor"), "it: Bad file descriptor"),
        (PermissionError(13, "Permission denied", "/a b"), "/a b: Permission denied"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (OSError("odd"), "odd"),
        (ValueError("no file"), "no file"),
    ],
)
def test_the_error_of_a_file_names_it(error: Exception, text: str) -> None:
    assert error_text(error, "it") == text


def test_a_stream_that_is_missing_or_closed_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert not Output().terminal
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    assert not Output().terminal
