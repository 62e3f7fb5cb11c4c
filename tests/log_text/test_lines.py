"""The lines of a log, stored as text."""

import pytest

from aiotravis.log_text._lines import BLOCK_SIZE, Line, Lines
from aiotravis.log_text._records import PendingPhase
from aiotravis.log_text._styles import DEFAULT_STYLE, Style

RED = Style(foreground=1)


@pytest.fixture
def lines() -> Lines:
    lines = Lines()
    lines._append("one\ntwo\x1b[31m\n", 2)
    lines._folds, lines._phase = ("a", "b"), PendingPhase("install")
    lines._append("three\n", 1)
    lines._append("four\x1b[0m\n", 1)
    lines._apply_style("\x1b[1m")
    lines._append("five\n", 1)
    return lines


def test_lines_have_number_folds_phase_and_style(lines: Lines) -> None:
    assert list(lines) == [
        Line(number=1, raw="one"),
        Line(number=2, raw="two\x1b[31m"),
        Line(number=3, raw="three", folds=("a", "b"), phase="install", style=RED),
        Line(number=4, raw="four\x1b[0m", folds=("a", "b"), phase="install", style=RED),
        Line(number=5, raw="five", folds=("a", "b"), phase="install", style=Style(bold=True)),
    ]


def test_lines_are_a_sequence(lines: Lines) -> None:
    every = list(lines)
    assert len(lines) == 5
    assert [lines[place] for place in range(-5, 5)] == every * 2
    for place in range(-7, 8):
        for stop in range(-7, 8):
            for step in (1, 2, -1):
                assert list(lines[place:stop:step]) == every[place:stop:step]
    for place in (5, -6):
        with pytest.raises(IndexError):
            lines[place]
    assert list(reversed(lines)) == every[::-1]
    assert every[2] in lines
    assert Lines()[:] == ()
    assert list(Lines()) == []


def test_an_index_sees_lines_appended_later() -> None:
    lines = Lines()
    lines._append("one\n", 1)
    assert lines[0].raw == "one"
    lines._append("two\n", 1)
    assert lines[1].raw == "two"


def test_a_phase_may_become_known_later() -> None:
    phase = PendingPhase()
    lines = Lines()
    lines._folds, lines._phase = (), phase
    lines._append("x\n", 1)
    assert lines[0].phase is None
    phase.own = "script"
    assert lines[0].phase == "script"


def test_a_duration_belongs_to_the_line_its_timer_starts_at() -> None:
    lines = Lines()
    lines._append("x\n", 1)
    lines._set_duration(1, 2.5)
    lines._set_duration(2, 3.5)
    lines._append("y\n", 1)
    assert [line.duration for line in lines] == [2.5, None], "a timer without output has no line"


def test_a_block_has_a_maximum_size() -> None:
    lines = Lines()
    for _ in range(5):
        lines._append("x" * (BLOCK_SIZE // 2) + "\n", 1)
    lines._append("x" * BLOCK_SIZE * 3 + "\n", 1)
    lines._append("\x1b[31mend\n", 1)
    assert [len(line.raw) // (BLOCK_SIZE // 2) for line in lines] == [1, 1, 1, 1, 1, 6, 0]
    assert lines[-1].text == "end"
    assert lines.visible_text().endswith("\nend\n")


def test_a_line_is_text_spans_or_safe_for_a_terminal() -> None:
    line = Line(number=1, raw="\x1b]0;x\x0710%\r20% \x1b[1mdone\r", style=RED)
    assert line.text == "20% done"
    assert [(span.text, span.style) for span in line.spans] == [
        ("20% ", RED), ("done", Style(foreground=1, bold=True)),
    ]  # fmt: skip
    assert line.terminal() == "\x1b[31m20% \x1b[0m\x1b[1;31mdone\x1b[0m"
    assert line.terminal(colour=False) == "20% done"
    assert Line(number=1, raw="x").style == DEFAULT_STYLE
