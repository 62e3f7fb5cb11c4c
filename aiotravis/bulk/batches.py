"""Many entities by their ids, fetched in batches."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from aiotravis._http import Unreadable, unreadable_of
from aiotravis.bulk.gather import gather
from aiotravis.bulk.iteration import EntityIterator
from aiotravis.bulk.progress import Progress, Reporter
from aiotravis.errors import NotFoundError

__all__ = ["BatchIterator"]


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> int: ...


S = TypeVar("S", bound=Identified)

IDS_PER_REQUEST: Final = 100
"""Keeps the URL under 2 kB, which every proxy accepts."""

MAX_CONCURRENT_REQUESTS: Final = 16


class BatchIterator(EntityIterator[S]):
    """Async iterator over entities in the order of their ids: ``async for build in travis.builds.many(ids)``.

    Sends up to 16 requests of 100 ids each at the same time, only while the next entity is awaited: breaking off
    leaves no task behind. An id that occurs twice is sent once and yields its entity twice. After an error, iterate on
    to repeat the failed requests.

    Attributes:
        missing: Ids that do not exist or are hidden from this token; complete once the iteration has ended.
        unreadable: Records without a readable id, so far. Their ids count as missing.

    Raises:
        NotFoundError: After the last entity, once: some ids are missing, and ``missing_ok`` is not set.
        UsageError: When iterated again after its end.
    """

    def __init__(
        self,
        fetch: Callable[[Sequence[int]], Awaitable[Sequence[S]]],
        ids: Sequence[int],
        *,
        path: str,
        missing_ok: bool,
        progress: Callable[[Progress], None] | None = None,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__()
        self._fetch = fetch
        self._batches = deque(ids[start : start + IDS_PER_REQUEST] for start in range(0, len(ids), IDS_PER_REQUEST))
        self._path = path
        self._missing_ok = missing_ok
        self._ready: deque[S] = deque()
        self._missing_raised = False
        self._reporter = Reporter(progress, len(ids), waiting)
        self.missing: tuple[int, ...] = ()
        self.unreadable: tuple[Unreadable, ...] = ()

    async def _next(self) -> S:
        while not self._ready:
            if not self._batches:
                self._end()
            await self._fetch_more()
        return self._ready.popleft()

    async def _fetch_more(self) -> None:
        batches = [self._batches[index] for index in range(min(MAX_CONCURRENT_REQUESTS, len(self._batches)))]
        self._reporter.start()
        try:
            responses = await gather(lambda batch: self._fetch(list(dict.fromkeys(batch))), batches)
        finally:
            self._reporter.stop()
        for batch, entities in zip(batches, responses, strict=True):
            self._batches.popleft()
            self.unreadable += unreadable_of(entities)
            found = {entity.id: entity for entity in entities}
            self._ready.extend(found[number] for number in batch if number in found)
            missing = [number for number in batch if number not in found]
            self.missing = tuple(dict.fromkeys((*self.missing, *missing)))
            self._reporter.advance(len(batch), len(missing))

    def _end(self) -> None:
        if not self.missing or self._missing_ok or self._missing_raised:
            raise StopAsyncIteration
        self._missing_raised = True
        shown = ", ".join(map(str, self.missing[:10])) + (", ..." if len(self.missing) > 10 else "")
        remedy = "Pass missing_ok=True to skip them."
        if self.unreadable:
            remedy = f"{len(self.unreadable)} records could not be read, see .unreadable. {remedy}"
        error = NotFoundError(
            f"GET {self._path} returned no entity for {len(self.missing)} of the ids: {shown}. "
            f"They do not exist or are hidden from this token. {remedy}",
            status=200,
            method="GET",
            path=self._path,
            remedy=remedy,
        )
        error.missing = self.missing
        raise error
