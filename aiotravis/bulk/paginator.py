"""A list in descending numbers, its pages fetched ahead of the reader."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Generic, Literal, Protocol, TypeVar

from aiotravis._http import Unreadable, unreadable_of
from aiotravis.bulk.gather import gather
from aiotravis.bulk.iteration import EntityIterator
from aiotravis.errors import DecodeError

__all__ = ["NumberFilter", "Paginator", "number_key"]

PAGE_SIZE: Final = 25
"""Entities in a full page of the API (fact 4). Any more that share the lowest number of a full page are cut off."""

ENTITIES_PER_PAGE: Final = PAGE_SIZE - 1
"""New entities in a full page of unique numbers: its lowest number is asked for again."""

MIN_CROWDED: Final = 13
"""Entities of its lowest number in a full page from which on that number is requested by itself."""

MAX_PAGES_AHEAD: Final = 48
"""Pages requested at the same time."""

MAX_WASTE_PAGES: Final = 3
MAX_WASTE: Final = 0.2
"""Unnecessary requests, and share of the necessary ones to add to them, before fewer pages are requested ahead."""

MAX_NUMBER: Final = 2**31 - 1
"""Largest number that Travis stores."""

MAX_DIGITS: Final = 18
"""Digits in a piece of a number; what has more is no number."""

NumberFilter = tuple[Literal["after_number", "number"], int]


class Numbered(Protocol):
    """Anything with an id and a build number."""

    @property
    def id(self) -> int: ...

    @property
    def number(self) -> str: ...


R = TypeVar("R", bound=Numbered)


Entry = tuple[int, int, R]
"""Number, id, and the entity."""


@dataclass(frozen=True, slots=True)
class _Range(Generic[R]):
    """All entities with numbers from ``floor`` to below ``top``, newest first."""

    top: int
    floor: int
    entries: Sequence[Entry[R]]


class Paginator(EntityIterator[R]):
    """Async iterator over a history, newest first: ``async for build in travis.builds.list(repo)``.

    Sorted by number, then by id, both descending; entities whose number cannot be read come last. Requests 1 page
    first, then up to 3, 9, 27 and 48 at the same time, only while the next entity is awaited: breaking off early costs
    little and leaves no task behind. Entities created during the iteration are not included, unless they share the
    number of one that is still to come. After an error, iterate on to repeat the failed requests.

    Attributes:
        unreadable: Records without a readable id, in the pages fetched so far.

    Raises:
        RequestError, ResponseError: While iterating: a page could not be fetched.
        DecodeError: While iterating: a page could not be read, or the server ignored ``after_number``.
        UsageError: When awaited: use ``async for``, `to_list` or `first`. When iterated again after its end.
    """

    # fact 10.1: numbers are not unique, and a full page may hold only some entities of its lowest number. So the next
    # page starts with that number again; a number that could fill a page is requested with number=, which is not paged
    # (fact 4).
    #
    # The cursors of the pages after the next are estimated from the numbers that a page spans. Where the estimate
    # leaves a gap, the ranges below are kept until the gap is filled.

    def __init__(
        self,
        fetch: Callable[[NumberFilter | None], Awaitable[Sequence[R]]],
        *,
        after: int | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        self._fetch = fetch
        self._cursor = after
        self._remaining = limit
        self._ready: deque[R] = deque()
        self._ranges: list[_Range[R]] = []
        self._crowded: dict[int, Sequence[Entry[R]]] = {}
        self._unnumbered: dict[int, R] = {}
        self._pages_ahead = 1
        self._page_span = ENTITIES_PER_PAGE
        self._requests = 0
        self._delivered = 0
        self._error: DecodeError | None = None
        self._ended = False
        self.unreadable: tuple[Unreadable, ...] = ()

    async def _next(self) -> R:
        if self._remaining == 0:
            raise StopAsyncIteration
        while not self._ready:
            if self._ended:
                error, self._error = self._error, None
                raise error or StopAsyncIteration
            await self._fetch_more()
        if self._remaining is not None:
            self._remaining -= 1
        return self._ready.popleft()

    async def _fetch_more(self) -> None:
        filters = self._next_filters()
        pages = await gather(self._fetch, filters)
        self._requests += len(filters)
        self.unreadable += tuple(record for page in pages for record in unreadable_of(page))
        try:
            spans = [self._add(number_filter, page) for number_filter, page in zip(filters, pages, strict=True)]
        finally:
            self._deliver()
        if full_spans := sorted(span for span in spans if span):
            # Rather below the middle: an overlap of pages costs less than a gap between them.
            self._page_span = full_spans[len(full_spans) // 4]
        held = self._delivered + len({entry[1] for known in self._ranges for entry in known.entries})
        necessary = held / ENTITIES_PER_PAGE
        if self._requests - necessary <= MAX_WASTE_PAGES + MAX_WASTE * necessary:
            self._pages_ahead = min(MAX_PAGES_AHEAD, self._pages_ahead * 3)
        else:
            self._pages_ahead = max(1, len(filters) // 3)

    def _next_filters(self) -> list[NumberFilter | None]:
        if self._cursor is None:
            return [None]
        count = self._pages_ahead if self._cursor < MAX_NUMBER else 1
        if self._remaining is not None:
            count = min(count, -(-self._remaining // ENTITIES_PER_PAGE))
        filters: list[NumberFilter | None] = []
        position = self._cursor
        while position > 1 and len(filters) < count:
            known = self._range_below(position)
            if known is not None:
                position = known.floor
            elif position - 1 in self._crowded:
                position -= 1
                filters.append(("number", position))
            else:
                filters.append(("after_number", position))
                position -= self._page_span
        return filters

    def _range_below(self, position: int) -> _Range[R] | None:
        return next((known for known in self._ranges if known.floor < position <= known.top), None)

    def _add(self, number_filter: NumberFilter | None, page: Sequence[R]) -> int:
        """Keep the entities of a page, and return how many numbers it spans; 0 if it is not a typical full page."""
        entries = self._entries(page)
        # A record that could not be read counts: the page is full all the same.
        length = len(page) + len(unreadable_of(page))
        if number_filter is None:
            # Travis lists builds without a number first: only a number leads past a page of them.
            self._cursor = entries[0][0] + 1 if entries else MAX_NUMBER if length else 1
            return self._add_page(self._cursor, entries, length) if entries else 0
        name, value = number_filter
        if any(entry[0] >= value if name == "after_number" else entry[0] != value for entry in entries):
            raise _decode_error(number_filter, f"The server ignored {name}={value}: it sent entities of other numbers.")
        if name == "number":
            same = _newest_first([*self._crowded.pop(value, ()), *entries])
            self._ranges.append(_Range(value + 1, value, same))
            return 0
        if length >= PAGE_SIZE and not entries:
            message = f"No number below {value} can be read: the entities after a page cannot be requested."
            self._error = _decode_error(number_filter, message)
        return self._add_page(value, entries, length)

    def _add_page(self, top: int, entries: Sequence[Entry[R]], length: int) -> int:
        lowest = entries[-1][0] if entries else 0
        full = length >= PAGE_SIZE and lowest > 0
        floor = lowest + 1 if full else lowest
        complete = [entry for entry in entries if entry[0] >= floor]
        if full and (len(entries) - len(complete) >= MIN_CROWDED or floor == top):
            self._crowded[lowest] = entries[len(complete) :]
        if floor < top:
            self._ranges.append(_Range(top, floor, complete))
        return top - floor if full and lowest not in self._crowded else 0

    def _entries(self, page: Sequence[R]) -> list[Entry[R]]:
        """Return the entities of a page that have a number, newest first, and keep the others for the end."""
        entries = [(number_key(entity.number)[0], entity.id, entity) for entity in page]
        self._unnumbered.update((number_id, entity) for number, number_id, entity in entries if number < 0)
        # fact 9.10: numbers are strings, and a page may be in the order of strings.
        return _newest_first(entry for entry in entries if entry[0] >= 0)

    def _deliver(self) -> None:
        """Make everything ready that follows without a gap."""
        cursor = self._cursor
        if cursor is None:
            return
        while (known := self._range_below(cursor)) is not None:
            entities = [entity for number, _, entity in known.entries if number < cursor]
            self._ready.extend(entities)
            self._delivered += len(entities)
            cursor = known.floor
        self._cursor = cursor
        self._ranges = [known for known in self._ranges if known.floor < cursor]
        if cursor <= 1 and not self._ended:
            self._ended = True
            self._ready.extend(self._unnumbered[key] for key in sorted(self._unnumbered, reverse=True))


def _newest_first(entries: Iterable[Entry[R]]) -> list[Entry[R]]:
    unique = {entry[1]: entry for entry in entries}
    return sorted(unique.values(), key=itemgetter(0, 1), reverse=True)


def _decode_error(number_filter: NumberFilter, message: str) -> DecodeError:
    name, value = number_filter
    return DecodeError(message, status=200, method="GET", path=f"?{name}={value}", excerpt="")


def number_key(number: str) -> tuple[int, ...]:
    """Return the sort key of a build or job number: ``"784.10"`` comes after ``"784.9"``.

    Args:
        number: As Travis sends it. Pieces that are not numeric sort first.
    """
    return tuple(int(piece) if piece.isdecimal() and len(piece) <= MAX_DIGITS else -1 for piece in number.split("."))
