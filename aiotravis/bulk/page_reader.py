"""The pages of a list in descending numbers, fetched ahead of the reader."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Final, Generic, Literal, Protocol, TypeVar, cast

from aiotravis._http import Unreadable, unreadable_of
from aiotravis.bulk.gather import gather
from aiotravis.errors import DecodeError, UsageError

__all__ = ["END", "MAX_DIGITS", "MAX_NUMBER", "NumberFilter", "PageReader", "build_number", "number_key"]

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

MIN_PAGE_SIZE: Final = 10
"""Entities in a page that could be full on a server with smaller pages."""

END: Final = -1
"""Cursor below all numbers."""

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


class PageReader(Generic[R]):
    """Reads a history page by page, newest first.

    Args:
        fetch: Fetches a page, or all entities of a number.
        after: Read what has a lower number; None for everything.
        down_to: Number down to which the history is wanted. It may be read on; pages below are not fetched ahead.
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
        down_to: int = END,
    ) -> None:
        self._fetch = fetch
        self._cursor = after
        self._down_to = down_to
        self._ready: list[R] = []
        self._ranges: list[_Range[R]] = []
        self._crowded: dict[int, Sequence[Entry[R]]] = {}
        self._short: dict[int, tuple[int, Sequence[Entry[R]], int]] = {}
        self._pending: dict[int, R] = {}
        self._seen: set[int] = set()
        self._page_size = PAGE_SIZE
        self._number_obeyed = False
        self._probe: int | None = None
        self._highest = self._first_length = 0
        self._pages_ahead = 1
        self._page_span = ENTITIES_PER_PAGE
        self._requests = 0
        self._pages: dict[int, Sequence[R]] = {}
        self._unreadable: list[Unreadable] = []
        self._error: DecodeError | None = None
        self._ended = False

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Records without a readable id, in the pages fetched so far."""
        return tuple(self._unreadable)

    @property
    def leftovers(self) -> Sequence[R]:
        """What the pages fetched so far hold and was not returned: older, or of a number that has no place. By id."""
        return [self._pending[entity_id] for entity_id in sorted(self._pending)]

    async def read(self, wanted: int | None = None) -> Sequence[R]:
        """Return the next entities that follow without a gap; none at the end.

        What has no place in the history by its number comes last.

        Args:
            wanted: How many are wanted at most; no pages are fetched ahead for more.

        Raises:
            TravisError: A page could not be fetched or read. Call it again to repeat what has failed.
            DecodeError: Once, after all that could be read: no number leads past a page.
        """
        while not self._ready:
            if self._ended:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                break
            await self._fetch_more(wanted)
        ready, self._ready = self._ready, []
        return ready

    async def _fetch_more(self, wanted: int | None) -> None:
        filters = self._next_filters(wanted)
        pages = await gather(self._fetch, filters, self._pages)
        self._pages.clear()
        self._requests += len(filters)
        self._unreadable += [record for page in pages for record in unreadable_of(page)]
        try:
            spans = [self._add(number_filter, page) for number_filter, page in zip(filters, pages, strict=True)]
        finally:
            self._deliver()
        if full_spans := sorted(span for span in spans if span):
            # Rather below the middle: an overlap of pages costs less than a gap between them.
            self._page_span = full_spans[len(full_spans) // 4]
        ahead = {entry[1] for known in self._ranges for entry in known.entries}
        necessary = (len(self._seen) + len(ahead - self._seen)) / ENTITIES_PER_PAGE
        if self._requests - necessary <= MAX_WASTE_PAGES + MAX_WASTE * necessary:
            self._pages_ahead = min(MAX_PAGES_AHEAD, self._pages_ahead * 3)
        else:
            self._pages_ahead = max(1, len(filters) // 3)

    def _next_filters(self, wanted: int | None) -> list[NumberFilter | None]:
        if self._cursor is None:
            return [None]
        count = self._pages_ahead if self._cursor < MAX_NUMBER else 1
        if wanted is not None:
            count = min(count, -(-wanted // ENTITIES_PER_PAGE))
        if self._down_to > END:
            count = min(count, max(1, -(-(self._cursor - self._down_to) // ENTITIES_PER_PAGE)))
        filters: list[NumberFilter | None] = [] if self._probe is None else [("number", self._probe)]
        position = self._cursor
        while position > END and len(filters) < count:
            known = self._range_below(position)
            if known is not None:
                position = known.floor
            elif position - 1 in self._crowded:
                position -= 1
                filters.append(("number", position))
            elif position > 1 or position == self._cursor:
                filters.append(("after_number", position))
                position -= self._page_span
            else:
                break
        return filters

    def _range_below(self, position: int) -> _Range[R] | None:
        return next((known for known in self._ranges if known.floor < position <= known.top), None)

    def _add(self, number_filter: NumberFilter | None, page: Sequence[R]) -> int:
        """Keep the entities of a page, and return how many numbers it spans; 0 if it is not a typical full page."""
        entries = self._entries(number_filter, page)
        # A record that could not be read counts: the page is full all the same.
        length = len(page) + len(unreadable_of(page))
        if number_filter is None:
            # Travis lists builds without a number first: only a number leads past a page of them.
            self._cursor = entries[0][0] + 1 if entries else MAX_NUMBER if length else END
            if length >= PAGE_SIZE and not entries:
                self._error = _decode_error(number_filter, "No number of the first page can be read.")
            return self._add_page(self._cursor, entries, length) if entries else 0
        name, value = number_filter
        if name == "number":
            self._add_number(value, entries, length)
            return 0
        if entries and value in self._short:
            # A page follows one of less than 25: pages of this server are smaller, and that one may be cut off, too.
            self._reopen(value)
        if length >= self._page_size and not entries:
            self._error = _decode_error(number_filter, f"No number below {value} can be read.")
        return self._add_page(value, entries, length)

    def _add_number(self, number: int, entries: Sequence[Entry[R]], length: int) -> None:
        self._ranges.append(_Range(number + 1, number, _newest_first([*self._crowded.pop(number, ()), *entries])))
        self._probe = None
        like_a_page = length in (PAGE_SIZE, self._page_size) and (len(entries) < length or number >= self._highest)
        if like_a_page and not self._number_obeyed:
            # May be the first page of a server that ignores number=: another number tells.
            self._probe = number - 1 if number else MAX_NUMBER
        self._number_obeyed = True

    def _add_page(self, top: int, entries: Sequence[Entry[R]], length: int) -> int:
        full = length >= self._page_size and bool(entries)
        self._highest = max(self._highest, entries[0][0] if entries else 0)
        lowest = entries[-1][0] if entries else END
        if full or (lowest in (0, 1) and length >= MIN_PAGE_SIZE):
            lowest = _edge([entry[0] for entry in entries])
        # Number 0 does not exist, but builds can have it: only a full page hides any below 1.
        floor = lowest + 1 if full else lowest if lowest > 1 else END
        edge = [entry for entry in entries if entry[0] == lowest]
        if full and (len(edge) >= MIN_CROWDED or floor == top):
            self._crowded[lowest] = edge
        elif not full and floor > END:
            self._short[floor] = (top, entries, length)
        if floor < top:
            self._ranges.append(_Range(top, floor, [entry for entry in entries if entry[0] >= floor]))
        return top - floor if full and lowest not in self._crowded else 0

    def _reopen(self, floor: int) -> None:
        """Continue a page that was taken for the last one as one that is cut off."""
        top, entries, length = self._short.pop(floor)
        self._page_size = min(self._page_size, length)
        self._ranges = [known for known in self._ranges if known.floor != floor or known.top != top]
        self._cursor = max(self._cursor or END, top)
        self._add_page(top, entries, length)

    def _entries(self, number_filter: NumberFilter | None, page: Sequence[R]) -> list[Entry[R]]:
        """Return the entities of a page that have a number, newest first.

        Raises:
            DecodeError: The server ignored the filter.
        """
        entries = [(build_number(entity.number), entity.id, entity) for entity in page]
        # fact 9.10: numbers are strings, and a page may be in the order of strings.
        entries = _newest_first(entry for entry in entries if entry[0] >= 0)
        if number_filter is not None:
            name, value = number_filter
            lowest = value if name == "number" else 0
            fitting = [entry for entry in entries if lowest <= entry[0] < value + (name == "number")]
            # One odd value takes nothing else with it (fact 10.1). That the server obeyed is proved by the others, or
            # by a page shorter than the first, which a server that ignores filters sends again.
            if 2 * len(fitting) < len(entries) and len(page) >= self._first_length:
                message = f"The server ignored {name}={value}: it sent entities of other numbers."
                raise _decode_error(number_filter, message)
            entries = fitting
        self._first_length = self._first_length or len(page)
        # Whatever no range yields is yielded at the end.
        self._pending.update((entity.id, entity) for entity in page if entity.id not in self._seen)
        return entries

    def _deliver(self) -> None:
        """Make everything ready that follows without a gap."""
        cursor = self._cursor
        if cursor is None or self._probe is not None:
            return
        while (known := self._range_below(cursor)) is not None:
            for _, entity_id, entity in known.entries:
                self._yield(entity_id, entity)
            cursor = known.floor
        self._cursor = cursor
        self._ranges = [known for known in self._ranges if known.floor < cursor]
        if cursor == END and not self._ended:
            self._ended = True
            for entity_id, entity in sorted(self._pending.items(), reverse=True):
                self._yield(entity_id, entity)

    def _yield(self, entity_id: int, entity: R) -> None:
        self._pending.pop(entity_id, None)
        if entity_id not in self._seen:
            self._seen.add(entity_id)
            self._ready.append(entity)


def _edge(numbers: Sequence[int]) -> int:
    """Return the number from which a page is continued: its lowest, or the one above a gap near its end.

    What is below a gap may be an odd value (fact 10.1): continued there, the page would lose all between. Where the gap
    is real, the next page has what is below it again.
    """
    gaps = [upper - lower for upper, lower in pairwise(numbers)]
    half = len(numbers) // 2
    usual = max(1, 2 * sorted(gaps[:half])[half // 2]) if half else 1
    for upper, gap in zip(numbers[half - 1 :], gaps[half - 1 :], strict=False) if half else ():
        if gap > usual:
            return upper
    return numbers[-2] if gaps and gaps[-1] > 1 else numbers[-1]


def _newest_first(entries: Iterable[Entry[R]]) -> list[Entry[R]]:
    unique = {entry[1]: entry for entry in entries}
    return sorted(unique.values(), key=itemgetter(0, 1), reverse=True)


def _decode_error(number_filter: NumberFilter | None, message: str) -> DecodeError:
    path = "" if number_filter is None else f"?{number_filter[0]}={number_filter[1]}"
    if "ignored" not in message:
        message += " What the server has after this page cannot be requested."
    return DecodeError(message, status=200, method="GET", path=path, excerpt="")


def number_key(number: str) -> tuple[int, ...]:
    """Return the sort key of a build or job number: ``"784.10"`` comes after ``"784.9"``.

    Args:
        number: As Travis sends it. Pieces that are not numeric sort first.

    Raises:
        UsageError: It is not a string.
    """
    if not isinstance(cast("object", number), str):
        message = f"number must be a string, as Travis sends it, not {type(number).__name__}."
        raise UsageError(message, argument="number")
    # fact 9.10: numbers are strings; spaces around them do not count.
    pieces = (piece.strip() for piece in number.split("."))
    return tuple(int(piece) if piece.isdecimal() and len(piece) <= MAX_DIGITS else -1 for piece in pieces)


def build_number(number: str) -> int:
    """Return the number of a build; -1 if Travis could not have stored it: then it cannot be requested."""
    if number.isdecimal() and len(number) < len(str(MAX_NUMBER)):
        return int(number)
    first, *others = number_key(number)
    return -1 if others or first > MAX_NUMBER else first
