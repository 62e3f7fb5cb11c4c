"""Lines of a log, whatever ends them."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.log_text import _newlines
from aiotravis.log_text._newlines import MAX_UNDECIDED, LineCutter


def lines(*parts: str) -> list[str]:
    cutter = LineCutter()
    cut: list[str] = []
    for whole in [*(cutter.add(part) for part in parts), cutter.close()]:
        if whole:
            assert whole[0] == whole[-1] == "\n"
            cut += whole[1:-1].split("\n")
    assert cutter.rest == ""
    return cut


def test_lines_end_with_a_line_feed() -> None:
    assert lines("a\rb\nc\r\nd") == ["a\rb", "c\r", "d"]
    assert lines("a", "b\n", "\n", "c") == ["ab", "", "c"]
    assert lines("") == []
    assert lines("10%\r20%") == ["10%\r20%"], "nothing of Travis"


@pytest.mark.parametrize("begin", ["travis_fold:start:a\r\x1b[0K", "travis_time:start:1\r", "x\r$ cd x\r"])
def test_lines_of_a_log_without_line_feeds_end_with_a_carriage_return(begin: str) -> None:
    text = f"{begin}a\rb\r\rc"
    expected = re.split(r"\r(?!\x1b)", text)
    assert lines(text) == expected
    assert lines(*text) == expected
    assert lines(f"{text}\n") == [f"{text}"], "it has one"
    assert lines("travis_fold:start:a\r\x1b[0K") == ["travis_fold:start:a\r\x1b[0K"], "the marker's own"


def test_the_first_characters_decide_what_ends_a_line() -> None:
    begin = "travis_fold:start:a\rb\r"
    fill = "x" * (MAX_UNDECIDED - len(begin) - 1)
    assert len(lines(f"{begin}{fill}\nc\rd")) == 2
    returns = [*f"{begin}{fill}".split("\r"), "c", "d"]
    returns[2] += "y"
    assert lines(f"{begin}{fill}y\nc\rd") == returns, "both end a line then"
    assert lines(f"{begin}{fill}y", "\nc\r", "\n", "d") == returns
    assert lines(f"{begin}{fill}y\r\nc\r\nd") == returns


def test_the_beginning_of_a_line_is_its_rest() -> None:
    cutter = LineCutter()
    assert cutter.add("a\nb") == "\na\n"
    cutter.add("c")
    assert (cutter.rest, cutter.rest) == ("bc", "bc")


texts = st.lists(
    st.sampled_from(("\r", "\n", "\r\n", "travis_fold:start:a", "\r$ x", "ab", "c", "\r\x1b[0K", "\x1b[K"))
).map("".join)


@given(texts, st.lists(st.integers(0, 60)), st.integers(1, 40))
def test_lines_do_not_depend_on_where_the_text_is_cut(text: str, places: list[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_newlines, "MAX_UNDECIDED", most)
        cuts = sorted({0, len(text), *(place for place in places if place < len(text))})
        whole = lines(text)
        assert lines(*(text[start:stop] for start, stop in pairwise(cuts))) == whole
        assert lines(*text) == whole
        assert "".join(whole).replace("\r", "") == text.replace("\n", "").replace("\r", "")
