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
        self._responses: dict[int, Sequence[S]] = {}
        self._missing: dict[int, None] = {}
        self._unreadable: list[Unreadable] = []
        self._missing_raised = False
        self._reporter = Reporter(progress, len(ids), waiting)

    @property
    def missing(self) -> tuple[int, ...]:
        """Ids that do not exist or are hidden from this token; complete once the iteration has ended."""
        return tuple(self._missing)

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Records without a readable id, so far. Their ids count as missing."""
        return tuple(self._unreadable)

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
            responses = await gather(lambda batch: self._fetch(list(dict.fromkeys(batch))), batches, self._responses)
        finally:
            self._reporter.stop()
        self._responses.clear()
        for batch, entities in zip(batches, responses, strict=True):
            self._batches.popleft()
            self._unreadable += unreadable_of(entities)
            found = {entity.id: entity for entity in entities}
            self._ready.extend(found[number] for number in batch if number in found)
            missing = [number for number in batch if number not in found]
            self._missing.update(dict.fromkeys(missing))
            self._reporter.advance(len(batch), len(missing))

    def _end(self) -> None:
        missing = self.missing
        if not missing or self._missing_ok or self._missing_raised:
            raise StopAsyncIteration
        self._missing_raised = True
        shown = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
        remedy = "Pass missing_ok=True to skip them."
        if self._unreadable:
            remedy = f"{len(self._unreadable)} records could not be read, see .unreadable. {remedy}"
        error = NotFoundError(
            f"GET {self._path} returned no entity for {len(missing)} of the ids: {shown}. "
            f"They do not exist or are hidden from this token. {remedy}",
            status=200,
            method="GET",
            path=self._path,
            remedy=remedy,
        )
        error.missing = missing
        raise error
