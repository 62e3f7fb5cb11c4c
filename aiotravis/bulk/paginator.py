"""A history that is iterated newest first, and continued later with what is new."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from aiotravis._http import Unreadable
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.cursor import Boundary, Newest, Position
from aiotravis.bulk.iteration import EntityIterator
from aiotravis.bulk.page_reader import END, NumberFilter, PageReader, build_number
from aiotravis.bulk.progress import Progress, Reporter

__all__ = ["Paginator"]


class Run(Protocol):
    """Anything with an id and a build number that runs and ends."""

    @property
    def id(self) -> int: ...

    @property
    def number(self) -> str: ...

    @property
    def started_at(self) -> datetime | None: ...

    @property
    def finished(self) -> bool: ...


R = TypeVar("R", bound=Run)


@dataclass(slots=True, eq=False)
class _Stretch(Generic[R]):
    """A part of the history that is read: from the newest entity, or from below a number, down to what is known."""

    reader: PageReader[R]
    bottom: Boundary | None
    ended: bool = False


class Paginator(EntityIterator[R]):
    """Async iterator over a history, newest first: ``async for build in travis.builds.list(repo)``.

    Sorted by number, then by id, both descending; entities whose number cannot be read, or does not fit the place in
    the history where the server has it, come last. Requests 1 page
    first, then up to 3, 9, 27 and 48 at the same time, only while the next entity is awaited: breaking off early costs
    little and leaves no task behind. Entities created during the iteration are not included, unless they share the
    number of one that is still to come. After an error, iterate on to repeat the failed requests.

    With a cursor, it yields first the entities that had not ended before and have ended now, then the rest of an
    iteration that was broken off, then what is new.

    Raises:
        RequestError, ResponseError: While iterating: a page could not be fetched.
        DecodeError: While iterating: a page could not be read, or the server ignored ``after_number`` or ``number``.
            After all that could be read: no number leads past a page.
        UsageError: When awaited: use ``async for``, `to_list` or `first`. When iterated again after its end.
    """

    def __init__(
        self,
        fetch: Callable[[NumberFilter | None], Awaitable[Sequence[R]]],
        *,
        after: int | None = None,
        limit: int | None = None,
        position: Position | None = None,
        fetch_many: Callable[[Sequence[int]], BatchIterator[R]] | None = None,
        encode: Callable[[Position], str] = repr,
        progress: Callable[[Progress], None] | None = None,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__()
        position = Position() if position is None else position
        self._fetch = fetch
        self._after = after
        self._remaining = limit
        self._encode = encode
        self._reporter = Reporter(progress, limit, waiting)
        self._read_ahead: deque[tuple[int, R]] = deque()
        self._unreadable: list[Unreadable] = []
        self._pending = dict.fromkeys(position.pending)
        self._batches = fetch_many(position.pending) if fetch_many is not None and position.pending else None
        self._missing: tuple[int, ...] = ()
        self._newest = Newest(position.known)
        self._gap_top, self._gap_bottom = position.gap_top, position.gap_bottom
        self._gap_taken = set(position.gap_taken)
        self._stretch: _Stretch[R] | None = None
        self._top_begun = False
        self._cursor_before = ""
        if self._gap_top is not None:
            self._newest.resume()

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Records without a readable id, in the pages fetched so far."""
        current = () if self._stretch is None else self._stretch.reader.unreadable
        return (*self._unreadable, *current)

    @property
    def cursor(self) -> str:
        """The place up to which entities were taken, as text to store: ``builds.list(repo, cursor=...)`` goes on there.

        Each entity comes at least once, and those that had not ended come again once they have; after an iteration that
        was broken off, some may come twice. Read it when what was taken is stored.
        """
        if self._ready:
            return self._cursor_before
        return self._encode(
            Position(
                known=self._newest.boundary(),
                gap_top=self._gap_top,
                gap_taken=tuple(self._gap_taken),
                gap_bottom=self._gap_bottom,
                pending=tuple(self._pending),
            )
        )

    async def to_list(self, limit: int | None = None) -> list[R]:
        """Return all entities that have not been iterated yet. If it fails or is cancelled, none of them are lost.

        Args:
            limit: Return at most this many; the others remain to be iterated.

        Raises:
            UsageError: It has been iterated to its end before.
            TravisError: As the iteration does.
        """
        before = self.cursor
        try:
            return await super().to_list(limit)
        except BaseException:
            self._cursor_before = before
            raise

    async def _next(self) -> R:
        if self._remaining == 0:
            raise StopAsyncIteration
        while not self._read_ahead:
            self._reporter.start()
            try:
                await self._read()
            finally:
                self._reporter.stop()
        if self._remaining is not None:
            self._remaining -= 1
        number, entity = self._read_ahead.popleft()
        if not entity.finished:
            self._pending[entity.id] = None
        elif self._pending:
            self._pending.pop(entity.id, None)
        if self._stretch is not None:
            self._newest.add(number, entity.id)
            if number >= 0:
                # Others may share the number.
                if self._gap_top != number + 1:
                    self._gap_top = number + 1
                    self._gap_taken.clear()
                self._gap_taken.add(entity.id)
        return entity

    async def _read(self) -> None:
        """Read on, once everything that was read before is taken.

        Raises:
            StopAsyncIteration: There is no more.
        """
        if self._batches is not None:
            await self._read_pending(self._batches)
        elif self._stretch is None:
            self._begin_stretch()
        elif self._stretch.ended:
            self._unreadable += self._stretch.reader.unreadable
            self._stretch = self._gap_top = self._gap_bottom = None
            self._gap_taken.clear()
        else:
            await self._read_stretch(self._stretch)

    async def _read_pending(self, batches: BatchIterator[R]) -> None:
        """Read the next of those that had not ended."""
        entity = await anext(batches, None)
        if entity is None:
            # A record without a readable id may be one of the missing ones.
            self._missing = () if batches.unreadable else batches.missing
            self._batches = None
        elif entity.finished:
            self._add([(build_number(entity.number), entity)])

    def _begin_stretch(self) -> None:
        after = self._gap_top
        if after is None:
            if self._top_begun:
                raise StopAsyncIteration
            self._top_begun = True
            self._gap_bottom = self._newest.boundary()
            self._newest = Newest(self._gap_bottom)
            after = self._after
        bottom = self._gap_bottom
        reader = PageReader(self._fetch, after=after, down_to=END if bottom is None else bottom.number)
        self._stretch = _Stretch(reader, bottom)

    async def _read_stretch(self, stretch: _Stretch[R]) -> None:
        entities = await stretch.reader.read(self._remaining)
        if entities:
            # They were deleted. While nothing else is there, either, the repository may be hidden (fact 9.4).
            for entity_id in self._missing:
                self._pending.pop(entity_id, None)
            self._missing = ()
        bottom, new = stretch.bottom, list[tuple[int, R]]()
        stretch.ended = not entities
        for entity in entities:
            number = build_number(entity.number)
            is_old = bottom is not None and bottom.is_old(number, entity)
            if bottom is not None and is_old and number >= 0:
                stretch.ended = True
                self._newest.end_at(number)
                new += self._misplaced(stretch.reader, bottom, entity.id)
                break
            seen = () if bottom is None else bottom.seen
            if is_old or entity.id in seen or entity.id in self._newest or entity.id in self._gap_taken:
                self._newest.add(number, entity.id, new=False)
            else:
                new.append((number, entity))
        self._add(new)

    def _misplaced(self, reader: PageReader[R], bottom: Boundary, end: int) -> Sequence[tuple[int, R]]:
        """Return what is new in the pages that were read, but has a number that is odd, or none (fact 10.1)."""
        return [
            (number, entity)
            for entity in reader.leftovers
            if not bottom.is_old(number := build_number(entity.number), entity)
            and entity.id not in bottom.seen
            and (bottom.max_id is not None or (number < 0 and entity.id > end))
        ]

    def _add(self, entities: Sequence[tuple[int, R]]) -> None:
        self._read_ahead.extend(entities)
        if entities:
            self._reporter.advance(len(entities) if self._remaining is None else min(len(entities), self._remaining), 0)
