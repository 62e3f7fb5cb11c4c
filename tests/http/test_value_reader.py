"""Reading a value of one type as far as it can be read."""

import msgspec
import pytest

from aiotravis._http.dates import Timestamp
from aiotravis._http.json_text import DECODE_ERRORS
from aiotravis._http.lenient import Id, UnreadableValue
from aiotravis._http.value_reader import ValueReader


class Value(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    text: str = ""
    at: Timestamp | None = None


read = ValueReader(Value)


def test_a_value_as_declared_is_read_and_nothing_is_reported() -> None:
    unreadable: set[str] = set()
    assert read(b'{"id":1,"text":"a","other":[]}', unreadable) == Value(id=1, text="a")
    assert read('{"id":"1","text":"a"}', unreadable) == Value(id=1, text="a")
    assert unreadable == set()


def test_a_field_that_cannot_be_read_takes_its_default_and_is_reported() -> None:
    unreadable: set[str] = set()
    assert read('{"id":1,"text":[1],"at":"soon"}', unreadable) == Value(id=1)
    assert unreadable == {"Value.text", "Value.at"}


@pytest.mark.parametrize("text", [b"{}", b'{"id":0}', b"[]", b"{", b"[" * 100_000, b"\xff"])
def test_a_value_without_its_id_is_unreadable(text: bytes) -> None:
    with pytest.raises((UnreadableValue, *DECODE_ERRORS)):
        read(text, set())
