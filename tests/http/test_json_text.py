"""JSON with what is no character in it."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis._http.json_text import DECODE_ERRORS, MAX_REPAIRS, decode_any, repaired


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\ud800"', "\ufffd"),
        (rb'"\udc00\ud800x"', "\ufffd\ufffdx"),
        (rb'"\uD83D\uDE00\ud83d"', "\U0001f600\ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\ud800\\\ud800"', "\\ud800\\\ufffd"),
        (b'"caf\xe9"', "caf\ufffd"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b'{"\xff":"\\ud800"}', {"\ufffd": "\ufffd"}),
    ],
)
def test_what_is_no_character_is_replaced(text: bytes, value: object) -> None:
    assert decode_any(text) == value


@given(st.text(st.characters()))
def test_text_is_left_alone_and_half_surrogates_are_replaced(text: str) -> None:
    body = json.dumps(text).encode()
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert decode_any(body) == whole
    if whole == text:
        assert repaired(body) == body


@pytest.mark.parametrize("text", [b"", b"OK", b"{", b"[" * 5000])
def test_what_is_no_json_is_an_error(text: bytes) -> None:
    with pytest.raises(DECODE_ERRORS):
        decode_any(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'[NaN,"NaN",-Infinity]', [None, "NaN", None]), (b"[1e400]", [math.inf]), (b"9" * 5000, "9" * 5000),
        (b'{"a\\"NaN":Infinity}', {'a"NaN': None}),
    ],
)  # fmt: skip
def test_numbers_that_json_does_not_have_leave_the_rest(text: bytes, value: object) -> None:
    assert decode_any(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"", b"ok", b"[nan]", b"[1,]", b'\xef\xbb\xbf{"a":1e400}', '{"a":1e400}'.encode("utf-16"), b"[" * 100_000,
        b'"NaN' + b'\\"' * 1_000_000,
    ],
    ids=["empty", "a word", "small letters", "a comma", "a byte order mark", "UTF-16", "too deep", "no end"],
)  # fmt: skip
def test_what_is_no_json_stays_an_error_of_decoding_and_takes_no_time(text: bytes) -> None:
    with pytest.raises(DECODE_ERRORS):
        decode_any(text)


PIECES = {
    "NaN": (b"NaN", None), "Infinity": (b"-Infinity", None), "high": (rb'"\ud800"', "\ufffd"),
    "low": (rb'"a\udfffb"', "a\ufffdb"),
}  # fmt: skip


@pytest.mark.parametrize("name", PIECES)
def test_what_has_too_many_pieces_that_are_no_json_is_none(name: str) -> None:
    piece, value = PIECES[name]
    some = MAX_REPAIRS // 2 - 1
    assert decode_any(b"[%s]" % b",".join([piece] * some)) == [value] * some
    with pytest.raises(DECODE_ERRORS):
        decode_any(b"[%s]" % b",".join([piece] * (MAX_REPAIRS + 1)))


@given(st.lists(st.sampled_from(['"', '\\"', "\\", "NaN", "-Infinity", "-", "N", "I", "Na", "1", ","]), max_size=20))
def test_only_what_stands_outside_of_texts_is_no_number(pieces: list[str]) -> None:
    text = "".join(pieces)
    outside = re.sub(r'("(?:[^"\\]|\\.)*+"?)|-?(?:NaN|Infinity)', lambda match: match[1] or "null", text)
    assert repaired(text.encode()) in {text.encode(), outside.encode()}
    if text != outside:
        assert repaired(text.encode()) == outside.encode()
