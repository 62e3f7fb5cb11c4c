from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from aiotravis._http.dates import FIRST_DATE, Timestamp, dates_to_utc, to_utc

AT = datetime(2014, 4, 8, 0, 17, 34, tzinfo=UTC)


class Value(msgspec.Struct, frozen=True, kw_only=True):
    at: Timestamp | None = None


@pytest.mark.parametrize(
    ("moment", "utc"),
    [
        (AT, AT),
        (datetime(2014, 4, 8, 0, 17, 34), AT),  # noqa: DTZ001 - without a zone it is UTC
        (datetime(2014, 4, 8, 2, 17, 34, tzinfo=timezone(timedelta(hours=2))), AT),
        (FIRST_DATE, FIRST_DATE),
        # fact 10.1: what some servers send for none, and what UTC has no date for.
        (datetime(1, 1, 1, tzinfo=UTC), None),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))), None),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14))), None),
    ],
)
def test_a_moment_is_in_utc_or_none(moment: datetime, utc: datetime | None) -> None:
    converted = to_utc(moment)
    assert converted == utc
    assert converted is None or converted.tzinfo is UTC
    value = Value(at=moment)
    dates_to_utc(value, "at")
    assert value.at == (utc if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
