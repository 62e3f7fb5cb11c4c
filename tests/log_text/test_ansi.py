"""Control sequences in one line of a log."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiotravis.log_text import _ansi
from aiotravis.log_text._ansi import Span, safe_for_terminal, spans, visible_lines, visible_text
from aiotravis.log_text._styles import DEFAULT_STYLE, Style, style_after
from tests.log_text.log_pieces import cells_of, lines, logs, shown_by_terminal

RED = Style(foreground=1)

SHOWN = {
    "10%\r20%\r100%": "100%",
    "100%\r 50": " 50",
    "Receiving: 99%\r\x1b[KDone": "Done",
    "text\r": "text",
    "text\r\r": "text",
    "text\r\x1b[0m": "text",
    "text\r\x1b[0m\r": "text",
    "one\r\r\rtwo": "two",
    "abcdef\rabc\rx": "x",
    "\x1b[31ma\x1b[0m\bX": "X",
    "ab\x1b[1;1Gc": "abc",
    "|\b/\b-": "-",
    "|\b/\b-\b\\\b|": "|",
    "\x1b[31m|\b/\b\x1b[0m-\b\\": "\\",
    "a\b\b\r\bX\x9c\x07": "X",
    "ab\b\b\b\bX": "Xb",
    "pass\b \bX": "pasX",
    "old\x1b[1000Dnew": "new",
    "abc\x1b[2Kd": "d",
    "abc\x1b[2Kde\b\bX": "Xe",
    "abc\x1b[2D\x1b[Kx": "ax",
    "abc\x1b[2Gx": "axc",
    "abc\x1b[Gx": "xbc",
    "a\x1b[99999Cb": "ab",
    "abc\x1b[2J\x1b[Hd": "abcd",
    "abc\x1b[1Kd": "abcd",
    "\x1b[?25l\x1b(B\x1bM\x1b[6n\x1b[?7hx\x1b[5;1H": "x",
    "\x1b]0;title\x07x": "x",
    "\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\": "link",
    "\x1b]52;c;ZXZpbA==\x07": "",
    "\x1bPq#0\x1b\\\x1b_x\x9c\x1b^x\x07\x1bXx\x9c\x90x\x9c\x9dx\x9c": "",
    "\x1b]0;unended": "0;unended",
    "\x9d0;unended \x1b[1mx": "0;unended x",
    "a\x1b[31": "a",
    "a\x1b": "a",
    "a\x1b[": "a",
    "nul\x00bel\x07del\x7fnel\x85\x0b\x0c": "nulbeldelnel",
    "tab\tés 💎": "tab\tés 💎",
    "\ud800\r\udfff": "\udfff",
}


@pytest.mark.parametrize("line", SHOWN, ids=ascii)
def test_visible_text_is_what_a_terminal_shows(line: str) -> None:
    assert visible_text(line) == SHOWN[line]
    assert shown_by_terminal(line) == SHOWN[line], "the terminal of the other tests"


# What the website shows of a line with carriage returns, where a terminal would leave the rest of a longer text.
CLEARED = {
    "  Unzipping, revision 4 (96%)\r    Installed, revision 4": "    Installed, revision 4",
    "longer text\r\rx": "x",
    "longer text\r\x1b[1mx": "x",
    "longer text\rx\r\x1b[0m\r": "x",
    "longer text\r\x1b[3Cx": "x",
    "longer text\r\bx": "x",
    "longer text\r\x1b[K": "",
    "longer text\r\x1b[5C\x1b[K": "longe",
    "longer text\r ": " ",
    "longer text\r\t": "\t",
    "longer text\r\x1b]0;title\x07": "longer text",
    "longer text\r\x1b]0;x": "0;x",
    "longer text\rab\x1b[1Dc\r": "ac",
    "longer text\x1b[1000D123": "123ger text",
}


@pytest.mark.parametrize("line", CLEARED, ids=ascii)
def test_what_is_printed_after_a_carriage_return_clears_the_line(line: str) -> None:
    assert visible_text(line) == visible_lines(line) == CLEARED[line]
    assert "".join(span.text for span in spans(line)) == shown_by_terminal(line) == CLEARED[line]
    assert safe_for_terminal(line, colour=False) == CLEARED[line]


moves = st.lists(
    st.sampled_from(
        ("a", "bc", "def", " ", "\b", "\b\b\b", "\x1b[K", "\x1b[0K", "\x1b[2D", "\x1b[31m", "\x1b[0m", "\x1b[?25l")
    )
).map("".join)


@given(moves)
def test_moves_and_erasing_show_what_a_terminal_emulator_shows(line: str) -> None:
    pyte = pytest.importorskip("pyte")
    screen = pyte.Screen(200, 2)
    pyte.Stream(screen).feed(line)
    assert visible_text(line).rstrip() == screen.display[0].rstrip()


def test_spans_are_split_where_the_style_changes() -> None:
    assert spans("a\x1b[31mb\x1b[31mc\x1b[0m\x1b[md") == (
        Span(text="a", style=DEFAULT_STYLE),
        Span(text="bc", style=RED),
        Span(text="d", style=DEFAULT_STYLE),
    )
    assert spans("x", RED) == (Span(text="x", style=RED),)
    assert spans("\x1b[31m") == ()
    assert spans("") == ()


def test_overwritten_text_has_the_style_written_last() -> None:
    assert spans("\x1b[31mabcd\r\x1b[0mxy") == (Span(text="xy", style=DEFAULT_STYLE),)
    assert spans("\x1b[31mab\r\x1b[Kc") == (Span(text="c", style=RED),)
    assert spans("\x1b[31mab\r\x1b[K", RED) == ()


@given(lines)
def test_any_line_shows_what_a_simple_terminal_shows(line: str) -> None:
    assert visible_text(line) == shown_by_terminal(line)
    cut = spans(line)
    assert "".join(span.text for span in cut) == shown_by_terminal(line)
    assert all(span.text for span in cut)
    assert all(one.style != other.style for one, other in pairwise(cut))


@given(st.lists(lines, max_size=5), st.integers(1, 9))
@example(["\x1b]0;title\x1b\\x\x1b]0;title\x07y\x9dtitle\x9cz\x1b[31m\x1b"], 1)
def test_visible_text_does_not_depend_on_the_chunk_size(several: list[str], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ansi, "CHUNK", size)
        assert visible_lines("\n".join(several)) == "\n".join(map(shown_by_terminal, several))
        assert [visible_text(line) for line in several] == [shown_by_terminal(line) for line in several]


@given(lines)
def test_each_character_has_the_style_it_was_written_in(line: str) -> None:
    shown = [(character, span.style) for span in spans(line, RED) for character in span.text]
    assert shown == [(character, style_after(line[:place], RED)) for character, place in cells_of(line)]


@given(st.lists(lines, max_size=5))
def test_many_lines_show_the_same_as_each_of_them(several: list[str]) -> None:
    assert visible_lines("\n".join(several)) == "\n".join(map(shown_by_terminal, several))


@given(lines)
def test_style_after_a_line_is_that_of_text_appended_to_it(line: str) -> None:
    # A sequence that is cut by the end of the line would take the letter for its end.
    after = spans(f"{line}\x18\r\x1b[KX")
    assert after[-1] == Span(text="X", style=style_after(line, DEFAULT_STYLE))


HARMLESS = re.compile("(?:[^\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\x1b\\[[0-9;]+m)*")
SGR = re.compile(r"\x1b\[[0-9;]+m")


@given(st.one_of(lines, logs, st.text(), st.text(alphabet="\x1b\x9b\x9d\x90[];:?0m38\x07\\\r\b\nKPX^_\ud800a\u202e")))
@example("\x1b]0;x\x07\x1b[31mred\nstill\x1b[8mhidden")
def test_safe_text_contains_no_sequences_but_colours(text: str) -> None:
    safe = safe_for_terminal(text)
    assert HARMLESS.fullmatch(safe)
    assert all(not line.count("\x1b") or line.rindex("\x1b") == line.rfind("\x1b[0m") for line in safe.split("\n"))
    colourless = safe_for_terminal(text, colour=False)
    assert "\x1b" not in colourless
    assert SGR.sub("", safe) == colourless
    assert safe.count("\n") == text.count("\n")
    safe.encode()
    assert safe_for_terminal(safe) == safe, "safe text stays as it is"


def test_characters_that_change_direction_are_shown_by_number() -> None:
    assert safe_for_terminal("a\u202eb\u2066c\ud800") == "a<U+202E>b<U+2066>c\ufffd"


def test_colours_last_over_lines_and_are_reset_at_each_end() -> None:
    assert safe_for_terminal("\x1b[31mone\ntwo\x1b[0m\nthree") == "\x1b[31mone\x1b[0m\n\x1b[31mtwo\x1b[0m\nthree"
    assert safe_for_terminal("\x1b[31mone\x1b[0m", colour=False) == "one"


@pytest.mark.parametrize(
    "piece",
    [
        "\r",
        "\rx",
        "a\b",
        "\x1b]0;",
        "\x1b[",
        "\x1b[1;",
        "\x9d",
        "\x1bP",
        "\x1b ",
        "1;",
        "\x1b[K",
        "\x1b[2Kx",
        "\x1b[1Kx",
    ],
)
def test_a_long_hostile_line_is_read_quickly(piece: str) -> None:
    line = "x" * 400_000 + "\x1b[" + piece * (400_000 // len(piece))
    assert len(visible_text(line)) <= len(line)
    assert sum(len(span.text) for span in spans(line)) <= len(line)
