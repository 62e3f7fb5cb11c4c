"""How far a history has been read, and the text in which that is stored. No I/O."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Final, Protocol
from zlib import crc32

import msgspec

from aiotravis.bulk.page_reader import END, MAX_NUMBER
from aiotravis.errors import UsageError

__all__ = ["Boundary", "Cursor", "Newest", "Position", "decode_cursor", "encode_cursor"]

OVERLAP: Final = 12
"""Numbers below the highest that are compared by id: builds come late, and share numbers (fact 10.1)."""

MAX_ID: Final = 2**63 - 1

FIRST_START: Final = datetime(2010, 1, 1, tzinfo=UTC)
"""Travis is younger than this: an earlier start is an odd date (fact 10.1)."""

PREFIX: Final = "v1."

Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Number = Annotated[int, msgspec.Meta(ge=END, le=MAX_NUMBER)]
UtcTime = Annotated[datetime, msgspec.Meta(tz=True)]


class Started(Protocol):
    """Anything with an id and the start of its run."""

    @property
    def id(self) -> int: ...

    @property
    def started_at(self) -> datetime | None: ...


class Boundary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the known part of a history begins: what is not above it is known, or not wanted.

    Attributes:
        number: Known are the numbers below it, and those of the number itself up to `id`.
        id: See `number`.
        max_id: Highest known id. What has a higher one is new, whatever its number. None if it is not known.
        seen: Known ids above the rest.
        since: Instead of a number: known is what started earlier.
    """

    number: Number = END
    id: Id = MAX_ID
    max_id: Id | None = None
    seen: tuple[Id, ...] = ()
    since: UtcTime | None = None

    def is_old(self, number: int, entity: Started) -> bool:
        """Return whether an entity lies below it.

        Args:
            number: Its number; negative if it has none that can be read.
            entity: The entity.
        """
        if self.since is not None:
            return entity.started_at is not None and FIRST_START <= entity.started_at < self.since
        if self.max_id is not None and entity.id > self.max_id:
            return False
        if number < 0:
            return self.max_id is not None
        return (number, entity.id) <= (self.number, self.id)


class Newest:
    """What is known of the newest entities of a history, while it is read.

    Args:
        before: What was known before.
    """

    def __init__(self, before: Boundary | None) -> None:
        self._before = before
        self._number = END if before is None else before.number
        self._max_id = 0 if before is None else before.max_id or 0
        self._numbers: dict[int, int] = {}
        self._changed = False

    def __contains__(self, entity_id: int) -> bool:
        return entity_id in self._numbers

    def resume(self) -> None:
        """Go on with what was known before, instead of what the history shows."""
        if self._before is not None:
            self._numbers = dict.fromkeys(self._before.seen, MAX_NUMBER)

    def add(self, number: int, entity_id: int, *, new: bool = True) -> None:
        """Add an entity.

        Args:
            number: Its number; negative if it has none that can be read.
            entity_id: Its id.
            new: Whether it was not known before.
        """
        if new:
            self._changed = True
            if entity_id > self._max_id:
                self._max_id = entity_id
            if number - OVERLAP > self._number:
                self._number = number - OVERLAP
        if number > self._number:
            self._numbers[entity_id] = number

    def end_at(self, number: int) -> None:
        """Add everything up to a number: the history was read down to it."""
        self._number = max(self._number, number)

    def boundary(self) -> Boundary | None:
        """Return what is known now."""
        if not self._changed:
            return self._before
        seen = tuple(entity_id for entity_id, number in self._numbers.items() if number > self._number)
        return Boundary(number=self._number, max_id=self._max_id, seen=seen)


class Position(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a history has been read.

    Attributes:
        known: What is known of its newest part; None for nothing.
        gap_top: Below this number, it has not been read on; None if there is no gap.
        gap_taken: Ids that were taken of the number just below `gap_top`.
        gap_bottom: Where the gap ends; None at the end of the history.
        pending: Ids of those that had not ended.
    """

    known: Boundary | None = None
    gap_top: Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER + 1)] | None = None
    gap_taken: tuple[Id, ...] = ()
    gap_bottom: Boundary | None = None
    pending: tuple[Id, ...] = ()


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A position in the history of one repository.

    Attributes:
        site: The site.
        repository_id: Id of the repository, if it is known.
        slug: Its slug in lower case, if it is known.
        event_type: The filter, or None.
        position: The position.
    """

    site: str
    repository_id: Id | None = None
    slug: str | None = None
    event_type: str | None = None
    position: Position = Position()


def encode_cursor(cursor: Cursor) -> str:
    """Return a cursor as ASCII text without spaces."""
    payload = msgspec.json.encode(cursor)
    return PREFIX + urlsafe_b64encode(crc32(payload).to_bytes(4, "big") + payload).decode("ascii")


def decode_cursor(text: object) -> Cursor:
    """Return the cursor in a text.

    Raises:
        UsageError: It is damaged, or none.
    """
    try:
        if not isinstance(text, str) or not text.strip().startswith(PREFIX):
            raise ValueError
        data = urlsafe_b64decode(text.strip().removeprefix(PREFIX).encode("ascii"))
        if crc32(data[4:]).to_bytes(4, "big") != data[:4]:
            raise ValueError
        return msgspec.json.decode(data[4:], type=Cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as exc:
        message = "cursor is damaged, or none: pass the whole text that .cursor of builds.list() has returned."
        raise UsageError(message, argument="cursor") from (None if type(exc) is ValueError else exc)
