"""Markers that a worker writes into a log."""

from datetime import UTC, datetime

import pytest

from aiotravis.log_text._markers import MARKER, Timing, read_timing

CLEAR = "\r\x1b[0K"

FOLDS = {
    f"travis_fold:start:git.checkout{CLEAR}": ("start", "git.checkout"),
    f"travis_fold:end:before_install.12{CLEAR}": ("end", "before_install.12"),
    f"travis_fold:start:package cache{CLEAR}": ("start", "package cache"),
    "travis_fold:start:a-b_c\r": ("start", "a-b_c"),
    "travis_fold:start:x\r\x1b[K": ("start", "x"),
    "travis_fold:end:x": ("end", "x"),
}


@pytest.mark.parametrize("text", FOLDS, ids=ascii)
def test_a_fold_has_a_kind_and_a_name(text: str) -> None:
    found = MARKER.fullmatch(text)
    assert found
    assert (found["fold"], found["name"]) == FOLDS[text]


def test_a_fold_name_ends_at_an_invalid_character() -> None:
    for text, end in (("a b\n", "a"), ("a b c", "a"), ("a<b", "a"), ("atravis_time:start:1", "a"), ("é", None)):
        found = MARKER.match(f"travis_fold:start:{text}")
        assert (found and found["name"]) == end


def test_a_timer_has_an_id_and_at_its_end_details() -> None:
    started = MARKER.fullmatch(f"travis_time:start:0a1b2c3d{CLEAR}")
    assert started
    assert (started["time"], started["id"], started["details"]) == ("start", "0a1b2c3d", None)
    ended = MARKER.fullmatch(f"travis_time:end:0a1b2c3d:start=1,finish=3,duration=2,event=script{CLEAR}")
    assert ended
    assert (ended["time"], ended["id"], ended["details"]) == (
        "end", "0a1b2c3d", "start=1,finish=3,duration=2,event=script",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["travis_fold:open:x", "travis_fold:start:", "travis_time:end::x", "fold:start:x", "travis_"]
)
def test_invalid_markers_are_text(text: str) -> None:
    assert not MARKER.search(text)


def test_times_are_read_in_nanoseconds() -> None:
    details = "start=1700000000123456789,finish=1700000002623456789,duration=2500000000,event=install"
    timing = read_timing("0a1b2c3d", details)
    assert timing == Timing(
        id="0a1b2c3d", start=1700000000123456789, finish=1700000002623456789, duration=2.5, event="install"
    )
    assert timing.started_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert timing.finished_at == datetime(2023, 11, 14, 22, 13, 22, 623456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("details", "duration"),
    [
        ("start=1,finish=3000000001,duration=3000000000", 3.0),
        ("start=1,finish=3000000001", 3.0),
        ("duration=0,event=", 0.0),
        ("start=5,finish=4", None),
        ("start=1,finish=2,duration=-1", 1e-9),
        ("duration=1.5", None),
        (f"duration={'9' * 5000}", None),
        ("duration=²", None),
        ("=,=,,", None),
        ("", None),
    ],
)
def test_invalid_times_are_ignored(details: str, duration: float | None) -> None:
    timing = read_timing("x", details)
    assert (timing.duration, timing.event) == (duration, None)


def test_the_largest_time_is_valid() -> None:
    timing = read_timing("x", f"start={'9' * 19}")
    assert timing.started_at is not None
    assert timing.started_at.year == 2286
    assert (timing.finish, timing.finished_at) == (None, None)


def test_details_end_where_a_message_begins_that_lost_its_newline() -> None:
    found = MARKER.match('travis_time:end:1:duration=1,event=scriptThe command "make" exited with 0.')
    assert found
    assert found["details"] == "duration=1,event=script"
