"""Records that do not fit their type: what is good in them is read."""

import json
import logging
from collections.abc import Generator
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis._http import lenient, unreadable_of
from aiotravis._http.dates import Timestamp
from aiotravis._http.json_text import DECODE_ERRORS
from aiotravis._http.lenient import LenientReader, UnreadableValue, exhaust, unreadable_counts


class Color(StrEnum):
    RED = "red"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    name: str = ""


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    name: str = ""
    tag: str | None = None
    size: int | None = None
    part_id: int | None = None
    number: int | str = 0
    ids: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()
    color: Color = Color.RED
    at: Timestamp | None = None
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    active: bool | None = None
    other: dict[str, int] = {}
    raw: msgspec.Raw = msgspec.Raw(b"{}")


class Things(msgspec.Struct, frozen=True, kw_only=True):
    things: tuple[Thing, ...]


@pytest.fixture(autouse=True)
def _counts() -> Generator[None]:
    unreadable_counts.clear()
    yield
    unreadable_counts.clear()


def read(text: str | bytes, *, strict: bool = False) -> Thing:
    body = text if isinstance(text, bytes) else text.encode()
    return exhaust(LenientReader(Thing, strict=strict).read(body))


ZERO = datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("name", "null", ""),
        ("name", "3", "3"),
        ("name", "3.0", "3"),
        ("name", "3.5", "3.5"),
        ("name", "true", ""),
        ("name", "[]", ""),
        ("name", '{"name":"v1"}', "v1"),
        ("name", '{"name":{}}', ""),
        ("name", '"\\ud800x"', "\ufffdx"),
        ("name", '"\\udc00\\ud83d\\ude00\\\\ud800"', "\ufffd\U0001f600\\ud800"),
        ("tag", '{"name":"v1","href":"/v3"}', "v1"),
        ("tag", "{}", None),
        ("size", "1.5", 1),
        ("size", '"1.5"', 1),
        ("size", '"x"', None),
        ("size", "1e300", None),
        ("size", "1e400", None),
        ("size", "true", None),
        ("part_id", "1.5", None),
        ("part_id", "7.0", 7),
        ("number", "7.1", "7.1"),
        ("number", "null", 0),
        ("ids", "null", ()),
        ("ids", '[1,null,"3",4.5,{}]', (1, 3)),
        ("ids", "7", ()),
        ("names", '["a",null]', frozenset({"a"})),
        ("color", "null", Color.RED),
        ("color", '"blue"', Color.RED),
        ("color", '{"name":"red"}', Color.RED),
        ("at", '""', None),
        ("at", '"0001-01-01T00:00:00"', None),
        ("at", '"0001-01-01T00:00:00 UTC"', None),
        ("at", '"2014-04-08T00:17:34"', ZERO),
        ("at", '"2014-04-08 00:17:34"', ZERO),
        # fact 9.32
        ("at", '"2014-04-08 00:17:34 UTC"', ZERO),
        ("at", '"2014-04-08T02:17:34+02:00"', ZERO),
        ("at", "1396916254", ZERO),
        ("at", '"2014-02-30T00:00:00Z"', None),
        ("at", "1e18", None),
        ("at", "{}", None),
        ("part", "[]", None),
        ("part", '{"name":"x"}', None),
        ("part", '{"id":1,"name":null}', Part(id=1)),
        ("parts", '[{"id":1},{"name":"x"},null,{"id":"2"}]', (Part(id=1), Part(id=2))),
        ("parts", "{}", ()),
        ("active", '"true"', True),
        ("active", '"perhaps"', None),
        ("other", '{"a":1,"b":null,"c":1e400,"d":"4","e":{}}', {"a": 1, "d": 4}),
        ("other", '{"a":NaN,"b":2}', {"b": 2}),
        ("other", "[]", {}),
        ("raw", "null", msgspec.Raw(b"null")),
    ],
)
def test_a_field_is_read_takes_its_default_and_leaves_the_others_alone(
    field: str, value: str, expected: object
) -> None:
    others = {"id": 7, "name": "n", "tag": "t", "size": 5}
    pairs = [f'"{name}":{msgspec.json.encode(other).decode()}' for name, other in others.items() if name != field]
    thing = read("{" + ",".join([*pairs, f'"{field}":{value}']) + "}")
    assert getattr(thing, field) == expected
    for name, other in others.items():
        assert name == field or getattr(thing, name) == other


@pytest.mark.parametrize("text", ['{"name":"x"}', '{"id":null}', '{"id":1.5}', '{"id":true}', '{"id":{}}', "[]", "7"])
def test_a_record_without_a_readable_id_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableValue, match=r" - at `\$"):
        read(text)
    reader = LenientReader(Things)
    things = exhaust(reader.read(f'{{"things":[{{"id":1}},{text},{{"id":2}}]}}'.encode())).things
    assert [thing.id for thing in things] == [1, 2]
    (unreadable,) = unreadable_of(things)
    assert unreadable.excerpt == text
    assert "things[1]" in unreadable.reason
    assert reader.unreadable == {"Things.things"}


def test_each_field_is_logged_once_without_its_value_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "aiotravis.rest"):
        for _ in range(3):
            read('{"id":1,"name":["s3cret"],"tag":{"no":"s3cret"}}')
    name, tag = (record.message for record in caplog.records)
    assert name == (
        "Thing.name could not be read as declared: Expected `str`, got `array` - at `$.name`. This is logged once."
    )
    assert "Thing.tag" in tag
    assert "s3cret" not in name + tag
    assert unreadable_counts == {"Thing.name": 3, "Thing.tag": 3}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('"name":null', r"got `null` - at `\$\.things\[1\]\.name`"),
        ('"name":3', r"at `\$\.things\[1\]\.name`"),
        ('"size":1.5', r"at `\$\.things\[1\]\.size`"),
        ('"at":""', r"at `\$\.things\[1\]\.at`"),
        ('"tag":{"name":"v1"}', r"at `\$\.things\[1\]\.tag`"),
        ('"ids":[1,null]', r"at `\$\.things\[1\]\.ids\[1\]`"),
        ('"parts":[{}]', r"required field `id` - at `\$\.things\[1\]\.parts\[0\]`"),
        ('"other":{"a":null}', r"at `\$\.things\[1\]\.other"),
        ('"id":null', r"at `\$\.things\[1\]\.id`"),
    ],
)
def test_strict_reading_names_field_and_record(value: str, reason: str) -> None:
    body = f'{{"things":[{{"id":1}},{{"id":2,{value}}}]}}'.encode()
    with pytest.raises(UnreadableValue, match=reason):
        exhaust(LenientReader(Things, strict=True).read(body))


def test_a_date_without_a_zone_is_utc_also_where_reading_is_strict() -> None:
    assert read('{"id":1,"at":"2014-04-08T00:17:34"}', strict=True).at == ZERO


def test_a_zero_date_inside_a_text_is_text() -> None:
    thing = read('{"id":1,"name":"0001-01-01T00:00:00Z, said the log"}')
    assert thing.name == "0001-01-01T00:00:00Z, said the log"
    assert not unreadable_counts


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    assert read(b'{"id":1,"name":"caf\xe9"}').name == "caf\ufffd"


def test_text_that_had_to_be_repaired_is_counted_and_refused_where_reading_is_strict() -> None:
    for body in (b'{"id":1,"name":"caf\xe9"}', b'{"id":1,"name":"\\ud800"}'):
        reader = LenientReader(Thing)
        exhaust(reader.read(body))
        assert reader.unreadable == {"Thing"}
        with pytest.raises(UnreadableValue, match="Text with what is no character"):
            read(body, strict=True)
    assert unreadable_counts == {"Thing": 2}


@pytest.mark.parametrize("text", ["", "OK", "{", '{"id":1', "[1,]", "<html>", "[" * 5000])
def test_what_is_no_json_raises_the_error_of_the_decoder(text: str) -> None:
    with pytest.raises(DECODE_ERRORS):
        read(text)


def test_others_get_their_turn_among_many_records() -> None:
    body = b'{"things":[' + b",".join([b'{"id":1,"name":null}'] * 500) + b"]}"
    steps = LenientReader(Things).read(body)
    assert sum(1 for _ in steps) == 500 // lenient.RECORDS_PER_STEP - 1


def test_a_list_with_too_much_that_is_odd_is_given_up_and_what_surrounds_it_is_not() -> None:
    odd = '{"id":1,"size":"x"}'
    reader = LenientReader(Things, max_odd=20)
    # The response, its list, and two for each record: itself, and its field.
    assert exhaust(reader.read(f'{{"things":[{",".join([odd] * 9)}]}}'.encode())).things == (Thing(id=1),) * 9
    reader = LenientReader(Things, max_odd=20)
    with pytest.raises(UnreadableValue, match=r"Too much that is not as declared - at `\$\.things`"):
        exhaust(reader.read(f'{{"things":[{",".join([odd] * 100)}]}}'.encode()))
    thing = f'{{"id":1,"name":"a","ids":[{",".join(["{}"] * 100)}],"tag":"t"}}'
    assert exhaust(LenientReader(Thing, max_odd=20).read(thing.encode())) == Thing(id=1, name="a", tag="t")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.sampled_from(["1", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*Thing.__struct_fields__]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*Thing.__struct_fields__]), JSON))
def test_whatever_comes_is_read_or_unreadable(value: dict[str, object]) -> None:
    try:
        thing = read(json.dumps(value))
    except (UnreadableValue, msgspec.DecodeError):
        return
    assert isinstance(thing, Thing)
    assert isinstance(thing.name, str)
    assert thing.at is None or thing.at.tzinfo is not None
    assert all(isinstance(number, int) for number in thing.ids)
