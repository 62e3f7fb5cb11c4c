"""Dates: aware, in UTC, and none where a server sends one for none. No I/O."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

__all__ = ["FIRST_DATE", "Timestamp", "dates_to_utc", "to_utc"]

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware date. The decoder refuses dates without a zone, at no cost; `LenientReader` then reads them as UTC."""

FIRST_DATE: Final = datetime(2, 1, 1, tzinfo=UTC)
"""The first date that is one. fact 10.1: some servers send the first of January of the year 1 for none."""


def dates_to_utc(value: msgspec.Struct, *fields: str) -> None:
    """Convert dates of a new struct to UTC; one that is out of range there, or before `FIRST_DATE`, becomes None."""
    for field in fields:
        date: datetime | None = getattr(value, field)
        if date is not None and (date.tzinfo is not UTC or date < FIRST_DATE):
            msgspec.structs.force_setattr(value, field, to_utc(date))


def to_utc(moment: datetime) -> datetime | None:
    """Return a moment in UTC, which one without a zone is in; None if UTC has no such date, or before `FIRST_DATE`."""
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment >= FIRST_DATE else None
