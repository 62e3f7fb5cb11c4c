"""How far a history has been read, and the text in which that is stored."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import Build
from aiotravis.bulk.cursor import (
    OVERLAP,
    Boundary,
    Cursor,
    Newest,
    Position,
    decode_cursor,
    encode_cursor,
)
from aiotravis.errors import UsageError

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)

ids = st.integers(1, 2**63 - 1)
boundaries = st.builds(
    Boundary,
    number=st.integers(-1, 2**31 - 1),
    id=ids,
    max_id=st.none() | ids,
    seen=st.lists(ids, max_size=30).map(tuple),
    since=st.none() | st.datetimes(timezones=st.just(UTC)),
)
positions = st.builds(
    Position,
    known=st.none() | boundaries,
    gap_top=st.none() | st.integers(0, 2**31),
    gap_taken=st.lists(ids, max_size=3).map(tuple),
    gap_bottom=st.none() | boundaries,
    pending=st.lists(ids, max_size=300).map(tuple),
)
cursors = st.builds(
    Cursor, site=st.text(), repository_id=st.none() | ids, slug=st.none() | st.text(), position=positions
)


@given(cursors)
def test_a_cursor_survives_its_text(cursor: Cursor) -> None:
    text = encode_cursor(cursor)
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text
    assert decode_cursor(text) == decode_cursor(f"{text}\n") == cursor


def test_a_usual_cursor_is_short() -> None:
    seen = tuple(range(900_000_000, 900_000_000 + OVERLAP))
    known = Boundary(number=1234, max_id=900_000_000, seen=seen)
    cursor = Cursor(
        site="https://api.travis-ci.com", repository_id=1, slug="owner/name", position=Position(known=known)
    )
    assert len(encode_cursor(cursor)) < 500


TEXT = encode_cursor(Cursor(site="https://a", position=Position(pending=(7, 8))))


def sealed(value: object) -> str:
    payload = json.dumps(value).encode()
    return "v1." + urlsafe_b64encode(crc32(payload).to_bytes(4, "big") + payload).decode()


@pytest.mark.parametrize(
    "text",
    [
        *(TEXT[:length] for length in range(len(TEXT))),
        *(TEXT[:place] + ("A" if TEXT[place] != "A" else "B") + TEXT[place + 1 :] for place in range(len(TEXT))),
        TEXT.lower(),
        TEXT[1:],
        "é" + TEXT,
        TEXT + "é",
        "v2" + TEXT[2:],
        "784",
        None,
        784,
        TEXT.encode(),
        NOON,
        sealed([]),
        sealed({}),
        sealed({"site": 7}),
        sealed({"site": "", "position": {"pending": [0]}}),
        sealed({"site": "", "position": {"pending": [2**63]}}),
        sealed({"site": "", "position": {"known": {"number": -2}}}),
        sealed({"site": "", "position": {"known": {"since": "2026-11-27T12:00:00"}}}),
        sealed({"site": "", "position": {"gap_top": "x"}}),
    ],
)
def test_a_damaged_cursor_is_refused(text: Any) -> None:
    with pytest.raises(UsageError, match="cursor is damaged, or none") as info:
        decode_cursor(text)
    assert info.value.argument == "cursor"


@pytest.mark.parametrize(
    ("boundary", "number", "build_id", "old"),
    [
        (Boundary(number=7), 7, 1, True),
        (Boundary(number=7), 8, 1, False),
        (Boundary(number=7), 7, 2**62, True),
        (Boundary(number=7), -1, 1, False),
        (Boundary(number=7, id=5), 7, 5, True),
        (Boundary(number=7, id=5), 7, 6, False),
        (Boundary(number=7, id=5), 6, 6, True),
        (Boundary(number=7, max_id=5), 7, 5, True),
        (Boundary(number=7, max_id=5), 1, 6, False),
        (Boundary(number=7, max_id=5), -1, 5, True),
        (Boundary(number=7, max_id=5), -1, 6, False),
        (Boundary(), 0, 1, False),
    ],
)
def test_what_is_old_by_number_and_id(boundary: Boundary, number: int, build_id: int, old: bool) -> None:
    assert boundary.is_old(number, Build(id=build_id)) is old


@pytest.mark.parametrize(
    ("started_at", "old"),
    [
        (None, False),
        (NOON, False),
        (NOON.replace(second=1), False),
        (NOON.replace(hour=11), True),
        (datetime(2010, 1, 1, tzinfo=UTC), True),
        (datetime(1970, 1, 1, tzinfo=UTC), False),
    ],
)
def test_what_is_old_by_its_start(started_at: datetime | None, old: bool) -> None:
    assert Boundary(since=NOON).is_old(7, Build(id=1, started_at=started_at)) is old


def test_the_known_part_begins_below_the_newest_numbers() -> None:
    newest = Newest(None)
    assert newest.boundary() is None
    for number in range(100, 50, -1):
        newest.add(number, 1000 + number)
    seen = tuple(range(1100, 1100 - OVERLAP, -1))
    assert newest.boundary() == Boundary(number=100 - OVERLAP, max_id=1100, seen=seen)


def test_what_was_known_stays_known_without_anything_new() -> None:
    known = Boundary(number=88, max_id=7, seen=(5, 6))
    newest = Newest(known)
    newest.add(90, 5, new=False)
    newest.end_at(80)
    assert newest.boundary() is known
    newest.add(89, 8)
    assert newest.boundary() == Boundary(number=88, max_id=8, seen=(5, 8))
