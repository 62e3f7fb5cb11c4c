"""A list in descending numbers, its pages fetched ahead of the reader."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from aiotravis.bulk.gather import concurrently
from aiotravis.errors import DecodeError

__all__ = ["Paginator", "number_key"]


PAGE: Final = 25

MOST_AHEAD: Final = 48


class Numbered(Protocol):
    """Anything with a build number."""

    @property
    def number(self) -> str: ...


R = TypeVar("R", bound=Numbered)


class Paginator(Generic[R]):
    """A history, newest first: ``async for build in travis.builds.list(repo)``.

    A page is what lies below a number. Numbers of a repository are dense, so the pages after the next can be asked for
    at the same time, and checked afterwards: where two overlap, the second of each entity is left out; where a hole
    opens, the walk goes back to its edge. One page first, then 3, 9, 27 at once, so breaking off early costs little.
    New builds have higher numbers and move nothing.

    Holds no task between two items.
    """

    def __init__(self, fetch: Callable[[int | None], Awaitable[Sequence[R]]], *, after: int | None) -> None:
        self._fetch = fetch
        self._cursor = after
        self._ready: deque[R] = deque()
        self._ahead = 1
        self._stride = PAGE
        self._ended = False

    def __aiter__(self) -> "Paginator[R]":
        return self

    async def __anext__(self) -> R:
        while not self._ready:
            if self._ended:
                raise StopAsyncIteration
            await self._turn()
        return self._ready.popleft()

    async def _turn(self) -> None:
        cursors = self._cursors()
        pages = await concurrently(self._fetch, cursors)
        spans: list[int] = []
        for cursor, page in zip(cursors, pages, strict=True):
            if cursor is not None and self._cursor is not None and cursor < self._cursor:
                break  # A hole: what lies between is not in any page. Ask again from its upper edge.
            if cursor is not None and any(number_key(entity.number)[0] >= cursor for entity in page):
                raise _ignored(cursor)
            lowest = self._take(page)
            if self._ended:
                break
            if cursor is not None:
                spans.append(cursor - lowest)
        if spans:
            self._stride = max(1, min(spans))
        self._ahead = min(MOST_AHEAD, self._ahead * 3)

    def _cursors(self) -> list[int | None]:
        if self._cursor is None:
            return [None]
        ahead = (self._cursor - self._stride * place for place in range(self._ahead))
        return [self._cursor, *(cursor for cursor in ahead if 1 < cursor < self._cursor)]

    def _take(self, page: Sequence[R]) -> int:
        """Keep what is new of a page, newest first, and tell its lowest number."""
        if not page:
            self._ended = True
            return 0
        numbered = sorted(((number_key(entity.number), entity) for entity in page), key=_by_number, reverse=True)
        self._ready.extend(entity for number, entity in numbered if self._cursor is None or number[0] < self._cursor)
        lowest = numbered[-1][0][0]
        self._cursor = lowest if self._cursor is None else min(self._cursor, lowest)
        self._ended = self._cursor <= 1
        return lowest


def _ignored(cursor: int) -> DecodeError:
    message = f"The server was asked for what lies below number {cursor}, and answered with what does not."
    return DecodeError(message, status=200, method="GET", path=f"?after_number={cursor}", excerpt="")


def _by_number(pair: tuple[tuple[int, ...], Numbered]) -> tuple[int, ...]:
    return pair[0]


def number_key(number: str) -> tuple[int, ...]:
    """Return the sort key of a build or job number: ``"784.10"`` comes after ``"784.9"``.

    Args:
        number: As Travis sends it; what is no number in it sorts before all that is.
    """
    return tuple(int(piece) if piece.isdecimal() else -1 for piece in number.split("."))
