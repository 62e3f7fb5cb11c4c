"""A list in descending numbers, its pages fetched ahead of the reader."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from aiotravis._http import Unreadable, unreadable_of
from aiotravis.bulk.gather import gather
from aiotravis.errors import DecodeError

__all__ = ["Paginator", "number_key"]

PAGE_SIZE: Final = 25
"""Entities in a page of the API."""

MAX_PAGES_AHEAD: Final = 48
"""Pages requested at the same time."""


class Numbered(Protocol):
    """Anything with a build number."""

    @property
    def number(self) -> str: ...


R = TypeVar("R", bound=Numbered)


class Paginator(Generic[R]):
    """Async iterator over a history, newest first: ``async for build in travis.builds.list(repo)``.

    Requests 1 page first, then 3, 9, 27 and 48 at the same time, only while the next entity is awaited: breaking off
    early costs little and leaves no task behind. Entities created during the iteration are not included. After an
    error, iterate on to repeat the failed requests.

    Attributes:
        unreadable: Records without a readable id, in the pages fetched so far.

    Raises:
        RequestError, ResponseError: While iterating: a page could not be fetched.
        DecodeError: While iterating: a page could not be read, or the server ignored ``after_number``.
    """

    # A page holds what is below a number. Numbers are dense, so the cursors of the pages after the next are estimated
    # from the numbers that a page spans. Where pages overlap, repeated entities are skipped; where the estimate leaves
    # a gap, the later pages are dropped and the walk continues from its upper edge.

    def __init__(self, fetch: Callable[[int | None], Awaitable[Sequence[R]]], *, after: int | None) -> None:
        self._fetch = fetch
        self._cursor = after
        self._ready: deque[R] = deque()
        self._pages_ahead = 1
        self._page_span = PAGE_SIZE
        self._ended = False
        self.unreadable: tuple[Unreadable, ...] = ()

    def __aiter__(self) -> "Paginator[R]":
        return self

    async def __anext__(self) -> R:
        while not self._ready:
            if self._ended:
                raise StopAsyncIteration
            await self._fetch_more()
        return self._ready.popleft()

    async def _fetch_more(self) -> None:
        cursors = self._cursors()
        pages = await gather(self._fetch, cursors)
        self.unreadable += tuple(one for page in pages for one in unreadable_of(page))
        spans: list[int] = []
        for cursor, page in zip(cursors, pages, strict=True):
            if cursor is not None and self._cursor is not None and cursor < self._cursor:
                break  # A gap: no page holds the numbers in between.
            if cursor is not None and any(number_key(entity.number)[0] >= cursor for entity in page):
                message = f"The server ignored after_number={cursor}: it sent entities with higher numbers."
                raise DecodeError(message, status=200, method="GET", path=f"?after_number={cursor}", excerpt="")
            lowest = self._add_page(page)
            if self._ended:
                break
            if cursor is not None:
                spans.append(cursor - lowest)
        if spans:
            self._page_span = max(1, min(spans))
        self._pages_ahead = min(MAX_PAGES_AHEAD, self._pages_ahead * 3)

    def _cursors(self) -> list[int | None]:
        if self._cursor is None:
            return [None]
        ahead = (self._cursor - self._page_span * index for index in range(self._pages_ahead))
        return [self._cursor, *(cursor for cursor in ahead if 1 < cursor < self._cursor)]

    def _add_page(self, page: Sequence[R]) -> int:
        """Keep the entities of a page that are new, newest first, and return its lowest number."""
        if not page:
            self._ended = True
            return 0
        # fact 9.10: numbers are strings, and a page may be in the order of strings.
        numbered = sorted(((number_key(entity.number), entity) for entity in page), key=lambda it: it[0], reverse=True)
        self._ready.extend(entity for number, entity in numbered if self._cursor is None or number[0] < self._cursor)
        lowest = numbered[-1][0][0]
        self._cursor = lowest if self._cursor is None else min(self._cursor, lowest)
        self._ended = self._cursor <= 1
        return lowest


def number_key(number: str) -> tuple[int, ...]:
    """Return the sort key of a build or job number: ``"784.10"`` comes after ``"784.9"``.

    Args:
        number: As Travis sends it. Pieces that are not numeric sort first.
    """
    return tuple(int(piece) if piece.isdecimal() else -1 for piece in number.split("."))
