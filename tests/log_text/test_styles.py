"""Styles, and the SGR sequences that set them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.log_text._styles import DEFAULT_STYLE, Style, apply_sgr, style_after

MEANINGS = {
    "31": Style(foreground=1),
    "97": Style(foreground=15),
    "44": Style(background=4),
    "100": Style(background=8),
    "38;5;200": Style(foreground=200),
    "48;5;7": Style(background=7),
    "38;2;1;2;3": Style(foreground=(1, 2, 3)),
    "48:2::1:2:3": Style(background=(1, 2, 3)),
    "38:2:1:2:3": Style(foreground=(1, 2, 3)),
    "38:5:9": Style(foreground=9),
    "1;2;3": Style(bold=True, faint=True, italic=True),
    "4;7;9": Style(underline=True, reverse=True, strike=True),
    "4:3": Style(underline=True),
    "4;4:0": DEFAULT_STYLE,
    "32;1": Style(foreground=2, bold=True),
    "31;39": DEFAULT_STYLE,
    "41;49": DEFAULT_STYLE,
    "1;2;22": DEFAULT_STYLE,
    "1;0;3": Style(italic=True),
    "1;;3": Style(italic=True),
    "1;": DEFAULT_STYLE,
    "": DEFAULT_STYLE,
    "38;5;200;1": Style(foreground=200, bold=True),
    "38;2;1;2;3;1": Style(foreground=(1, 2, 3), bold=True),
    "38;5": DEFAULT_STYLE,
    "38": DEFAULT_STYLE,
    "38;5;256": DEFAULT_STYLE,
    "38;2;1;2;999;1": Style(bold=True),
    "38;9;1": Style(bold=True),
    "1;5;8;53;99999": Style(bold=True),
    ">4;1": DEFAULT_STYLE,
    "?1": DEFAULT_STYLE,
    "1" * 5000: DEFAULT_STYLE,
    "1;" * 5000 + "1": Style(bold=True),
}


@pytest.mark.parametrize("values", MEANINGS, ids=lambda values: values[:20])
def test_sgr_parameters_are_applied_as_by_a_terminal(values: str) -> None:
    assert apply_sgr(DEFAULT_STYLE, values) == MEANINGS[values]


colours = st.none() | st.integers(0, 255) | st.tuples(*[st.integers(0, 255)] * 3)
styles = st.builds(
    Style,
    foreground=colours,
    background=colours,
    **{name: st.booleans() for name in ("bold", "faint", "italic", "underline", "reverse", "strike")},
)


@given(styles)
def test_the_sgr_of_a_style_sets_that_style(style: Style) -> None:
    assert apply_sgr(DEFAULT_STYLE, style.sgr) == style
    assert (style.sgr == "") is (style == DEFAULT_STYLE)


def test_a_style_lasts_until_it_is_changed() -> None:
    red = Style(foreground=1)
    assert style_after("\x1b[31mred\n\x1b[2K", DEFAULT_STYLE) == red
    assert style_after("still", red) == red
    assert style_after("\x1b[1m\x1b[0m\x9b32m\x1b[>4;1m", red) == Style(foreground=2)
    assert style_after("\x1b[1mx\x1b[my", red) == DEFAULT_STYLE


@given(st.lists(st.sampled_from(["\x1b[31m", "\x1b[0m", "\x1b[m", "\x9b1m", "x", "\x1b", "[", "3", "m", "\x1b[0;4m"])))
def test_style_after_a_text_is_that_after_its_pieces(pieces: list[str]) -> None:
    text = "".join(pieces)
    whole = style_after(text, DEFAULT_STYLE)
    # The last reset is where reading begins: it must not matter.
    assert whole == style_after(text.replace("\x1b[0m", "\x1b[00m").replace("\x1b[m", "\x1b[00m"), DEFAULT_STYLE)
