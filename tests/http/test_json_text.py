"""JSON text by its strings and brackets: places where it may be cut, ends that are missing."""

import json
from collections.abc import Generator
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis._http import json_text
from aiotravis._http.json_text import cut_short, end_of_characters, end_of_items, end_of_space

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def written(value: object, ascii_only: bool, indent: int | None) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()


TEXTS = st.builds(
    written,
    VALUES.map(lambda value: [value]) | st.dictionaries(st.text(), VALUES, min_size=1),
    st.booleans(),
    st.sampled_from([None, 1]),
)
STRETCHES = st.integers(2, 64)


def end_of(steps: Generator[None, None, bool]) -> bool:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return bool(done.value)


@given(TEXTS, STRETCHES, st.data())
def test_a_text_that_is_cut_anywhere_is_cut_short_and_a_whole_one_is_not(
    text: bytes, stretch: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(text) - 1))
    with patch.object(json_text, "STRETCH", stretch):
        assert end_of(cut_short(text[:cut]))
        assert not end_of(cut_short(text))
        assert not end_of(cut_short(text + b"\r\n"))


@pytest.mark.parametrize("text", [b"no JSON", b"<html>", b'{"a":}', b"[1,]", b'{"a" 1}', b"[1}", b"]", b'"x"', b"12"])
def test_what_is_wrong_in_another_way_is_not_cut_short(text: bytes) -> None:
    assert not end_of(cut_short(text))


@pytest.mark.parametrize("text", [b'"x', b'"x\\', b'"x\\"', b'["x\\', b'{"a":"\\\\', b" \n", b""])
def test_a_string_without_its_end_is_cut_short(text: bytes) -> None:
    with patch.object(json_text, "STRETCH", 2):
        assert end_of(cut_short(text))


def test_others_get_their_turn_at_every_stretch() -> None:
    long, many = b'"' + b"x" * json_text.STRETCH * 8 + b'"', b"[]," * json_text.BRACKETS * 8
    assert len(list(cut_short(b"[" + long + b"]"))) >= 8
    assert len(list(cut_short(b"[" + many + b"0]"))) >= 16


@given(st.lists(VALUES, min_size=1), STRETCHES)
def test_a_list_is_cut_only_between_its_items(values: list[object], stretch: int) -> None:
    inside = json.dumps(values)[1:].encode()
    place, found = 0, list[object]()
    with patch.object(json_text, "STRETCH", stretch):
        while True:
            end, closed = end_of_items(inside, place)
            if closed:
                found += msgspec.json.decode(b"[" + inside[place:end] + b"]")
                assert inside[end:] == b"]"
                break
            if end == place:
                # The next item is longer than a stretch: look further at once.
                with patch.object(json_text, "STRETCH", len(inside)):
                    end, closed = end_of_items(inside, place)
                found += msgspec.json.decode(b"[" + inside[place : end - (not closed)] + b"]")
                if closed:
                    break
            else:
                found += msgspec.json.decode(b"[" + inside[place : end - 1] + b"]")
            place = end
    assert found == values


@given(st.text(), st.booleans(), STRETCHES)
def test_a_string_is_cut_only_between_its_characters(value: str, ascii_only: bool, stretch: int) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    place, found = 1, ""
    # A pair of surrogates is the longest character there is.
    with patch.object(json_text, "STRETCH", stretch + 11):
        while text[place : place + 1] != b'"':
            end = end_of_characters(text, place)
            assert end > place
            found += msgspec.json.decode(b'"' + text[place:end] + b'"')
            place = end
    assert found == value


def test_space_is_passed_over() -> None:
    assert end_of_space(b"a \t\r\n b", 1) == 6
    assert end_of_space(b"a", 1) == 1
