"""Logs as values."""

from datetime import UTC, datetime

import pytest

from aiotravis import Log, LogPart


def test_the_text_is_that_of_the_body_or_of_all_parts() -> None:
    assert Log(body="all", parts=(LogPart(number=0, content="part"),)).text == "all"
    assert Log(parts=(LogPart(number=0, content="a"), LogPart(number=1), LogPart(number=2, content="b"))).text == "ab"
    assert Log().text == ""


@pytest.mark.parametrize(
    ("sent", "when"),
    [
        # fact 9.32
        ("2014-04-08 00:17:34 UTC", datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)),
        ("2014-04-08T00:17:34Z", datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)),
        ("2014-04-08T02:17:34+02:00", datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)),
        # fact 10.1: dates can be absurd; this one has no UTC.
        ("0001-01-01T00:00:00+02:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_the_time_of_a_removal_is_read_if_it_can_be(sent: str | None, when: datetime | None) -> None:
    removed = Log(removed_at=sent).removed
    assert removed == when
    assert removed is None or removed.tzinfo is UTC
