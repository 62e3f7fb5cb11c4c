"""Logs and their parts, as values.

https://docs.travis-ci.com/api/#logs
"""

from datetime import datetime
from typing import Final

from aiotravis._http.dates import to_utc
from aiotravis._http.lenient import Id
from aiotravis.resources._base import Entity

__all__ = ["LAST", "Log", "LogPart"]

LAST: Final = 2147483647
"""Number of the notice that the server itself appends; numbers below it are not missing (fact 7.9)."""


class LogPart(Entity, frozen=True, kw_only=True):
    """A piece of a log.

    Attributes:
        number: Counts from 0. Also ``LAST``, and on old servers ``"7.1"``: the second piece of part 7.
        content: The text; None if only numbers were requested.
        final: Whether no higher number follows. Parts with lower numbers may still arrive.
    """

    # fact 9.34: numbers begin at 0, may be 2147483647, or have a dot.

    number: int | str
    content: str | None = None
    final: bool = False


class Log(Entity, frozen=True, kw_only=True):
    """A log as the server sent it: with a body, with parts, or with neither while nothing is written.

    Attributes:
        id: Id of the log, or None while there is none.
        job_id: Id of the job.
        body: The whole text, or None.
        parts: Parts in ascending order, or None if the server sent a body.
        removed_at: When the log was removed, as sent; see `removed`.
        removed_by: Name of the user who removed it.
    """

    id: Id | None = None
    job_id: Id | None = None
    body: str | None = None
    parts: tuple[LogPart, ...] | None = None
    removed_at: str | None = None
    removed_by: str | None = None

    @property
    def text(self) -> str:
        """The text of the body, or of all parts."""
        if self.body is not None:
            return self.body
        return "".join(part.content or "" for part in self.parts or ())

    @property
    def removed(self) -> datetime | None:
        """When the log was removed, in UTC; None if it was not, or if `removed_at` cannot be read."""
        if not self.removed_at:
            return None
        # fact 9.32: "2014-04-08 00:17:34 UTC", a format that no other date has.
        text = self.removed_at.removesuffix("UTC").strip()
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        return to_utc(when)
