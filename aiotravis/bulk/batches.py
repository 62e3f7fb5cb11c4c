"""Many entities by their ids: batched, several batches at once, in the order asked."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from aiotravis.bulk.gather import concurrently
from aiotravis.bulk.progress import Progress, Reporter
from aiotravis.errors import NotFoundError

__all__ = ["BatchIterator"]


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> int: ...


S = TypeVar("S", bound=Identified)

BATCH: Final = 100
"""Ids in one request: its URL stays under 2 kB, which every proxy takes."""

AT_ONCE: Final = 16


class BatchIterator(Generic[S]):
    """What comes of asking for many ids: ``async for entity in travis.builds.many(ids)``.

    Holds no task between two items: batches are fetched while the next item is waited for.

    Attributes:
        missing: Ids that the server did not know, or hid; complete once the iteration has ended.
    """

    def __init__(
        self,
        fetch: Callable[[Sequence[int]], Awaitable[Iterable[S]]],
        ids: Sequence[int],
        *,
        path: str,
        missing_ok: bool,
        progress: Callable[[Progress], None] | None = None,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        self._fetch = fetch
        self._batches = deque(ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
        self._path = path
        self._missing_ok = missing_ok
        self._ready: deque[S] = deque()
        self._told = False
        self._reporter = Reporter(progress, len(ids), waiting)
        self.missing: tuple[int, ...] = ()

    def __aiter__(self) -> "BatchIterator[S]":
        return self

    async def __anext__(self) -> S:
        """Give the next entity.

        Raises:
            NotFoundError: After all others were given: the server did not know some of the ids, see ``.missing``.
        """
        while not self._ready:
            if not self._batches:
                self._end()
            await self._turn()
        return self._ready.popleft()

    async def _turn(self) -> None:
        batches = [self._batches[place] for place in range(min(AT_ONCE, len(self._batches)))]
        # An id that was asked for twice is sent once and given twice.
        self._reporter.start()
        try:
            answers = await concurrently(lambda batch: self._fetch(list(dict.fromkeys(batch))), batches)
        finally:
            self._reporter.stop()
        for batch, answer in zip(batches, answers, strict=True):
            self._batches.popleft()
            found = {entity.id: entity for entity in answer}
            self._ready.extend(found[number] for number in batch if number in found)
            unknown = dict.fromkeys(number for number in batch if number not in found)
            self.missing = tuple({**dict.fromkeys(self.missing), **unknown})
            self._reporter.advance(len(batch), sum(number in unknown for number in batch))

    def _end(self) -> None:
        if self.missing and not self._missing_ok and not self._told:
            self._told = True
            shown = ", ".join(map(str, self.missing[:10])) + (", ..." if len(self.missing) > 10 else "")
            error = NotFoundError(
                f"GET {self._path} left out {len(self.missing)} of the ids asked for: {shown}. "
                "They do not exist, or are hidden from this token; pass missing_ok=True to go without them.",
                status=200,
                method="GET",
                path=self._path,
                remedy="Pass missing_ok=True to go without them.",
            )
            error.missing = self.missing
            raise error
        raise StopAsyncIteration
