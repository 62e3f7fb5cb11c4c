"""Many entities by their ids, fetched in batches."""

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar, cast

from aiotravis._http import Unreadable, unreadable_of
from aiotravis.bulk.gather import foreign_cancellation, gather
from aiotravis.bulk.iteration import EntityIterator
from aiotravis.bulk.progress import Progress, Reporter
from aiotravis.errors import NotFoundError, UsageError

__all__ = ["BatchIterator"]


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> int: ...


S = TypeVar("S", bound=Identified)

IDS_PER_REQUEST: Final = 100
"""Keeps the URL under 2 kB, which every proxy accepts."""

MAX_CONCURRENT_REQUESTS: Final = 16

FIRST_BATCHES_AHEAD: Final = 32
MAX_BATCHES_AHEAD: Final = 64
"""Requests of the first step and of a later one. A step waits for its slowest request, which more of them outweigh."""


class BatchIterator(EntityIterator[S]):
    """Async iterator over entities in the order of their ids: ``async for build in travis.builds.many(ids)``.

    Sends up to 16 requests of 100 ids each at the same time, only while the next entity is awaited: breaking off
    leaves no task behind. A step that finds no entity left sends the next 64 requests, the first one 32. Ids that come
    from an async iterable are read in hundreds, for 1 request first, then for 3, 9, 27 and 64. An id that occurs twice
    is sent once and yields its entity twice. An error of a request is raised after the entities before it: iterate on
    to repeat the failed requests.

    Raises:
        NotFoundError: After the last entity, once: some ids are missing, and ``missing_ok`` is not set.
        UsageError: When iterated again after its end. After the entities before it: something in an async iterable is
            no id, or a step was cancelled while it waited for an async generator, which ends that.
        Exception: After the entities before it: the async iterable raised it.
    """

    def __init__(
        self,
        fetch: Callable[[Sequence[int]], Awaitable[Sequence[S]]],
        ids: Sequence[int] | AsyncIterable[object],
        *,
        path: str,
        missing_ok: bool,
        to_id: Callable[[object], int] = lambda value: cast("int", value),
        progress: Callable[[Progress], None] | None = None,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__()
        self._fetch = fetch
        known = () if isinstance(ids, AsyncIterable) else ids
        self._source: AsyncIterator[object] | None = aiter(ids) if isinstance(ids, AsyncIterable) else None
        self._source_error: Exception | None = None
        self._to_id = to_id
        self._next_batch: list[int] = []
        self._batches_ahead = 1 if self._source else FIRST_BATCHES_AHEAD
        self._batches = deque(known[start : start + IDS_PER_REQUEST] for start in range(0, len(known), IDS_PER_REQUEST))
        self._path = path
        self._missing_ok = missing_ok
        # The responses that wait for the response to an earlier batch, by their place among the batches.
        self._responses: dict[int, Sequence[S]] = {}
        self._taken_batches = 0
        self._failure: Exception | None = None
        self._missing: dict[int, None] = {}
        self._unreadable: list[Unreadable] = []
        self._missing_raised = False
        self._reporter = Reporter(progress, None if self._source else len(known), waiting)

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
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            await self._read_ids()
            if not self._batches:
                self._end()
            await self._fetch_more()
        return self._ready.popleft()

    async def _read_ids(self) -> None:
        """Read ids for the next requests, if they come from an async iterable and have not ended."""
        while self._source is not None and len(self._batches) < self._batches_ahead:
            try:
                self._next_batch.append(self._to_id(await anext(self._source)))
            except StopAsyncIteration:
                self._end_source()
            except asyncio.CancelledError as exc:
                if inspect.isasyncgen(self._source) and self._source.ag_frame is None:
                    # The cancellation has closed it, so its next step would pass for its normal end.
                    message = "The async generator of ids was closed when a step that waited for it was cancelled."
                    self._source_error = UsageError(f"{message} Set one deadline for the whole iteration.")
                    self._end_source()
                self._source_error = foreign_cancellation(exc)
                self._end_source()
            except Exception as exc:  # noqa: BLE001 - raised after the entities before it
                self._source_error = exc
                self._end_source()
            else:
                if len(self._next_batch) == IDS_PER_REQUEST:
                    self._add_batch()

    def _end_source(self) -> None:
        self._source = None
        self._add_batch()

    def _add_batch(self) -> None:
        if self._next_batch:
            self._batches.append(self._next_batch)
            self._next_batch = []

    async def _fetch_more(self) -> None:
        ahead = range(self._taken_batches, self._taken_batches + min(self._batches_ahead, len(self._batches)))
        self._reporter.start()
        try:
            await gather(
                self._fetch_batch,
                [place for place in ahead if place not in self._responses],
                at_once=MAX_CONCURRENT_REQUESTS,
            )
        except Exception as exc:  # noqa: BLE001 - raised after the entities before it
            self._failure = exc
        else:
            self._batches_ahead = min(MAX_BATCHES_AHEAD, self._batches_ahead * 3)
        finally:
            self._reporter.stop()

    async def _fetch_batch(self, place: int) -> None:
        """Fetch a batch, and take the responses to which no earlier one is missing."""
        batch = self._batches[place - self._taken_batches]
        self._responses[place] = await self._fetch(list(dict.fromkeys(batch)))
        while self._taken_batches in self._responses:
            batch, entities = self._batches.popleft(), self._responses.pop(self._taken_batches)
            self._taken_batches += 1
            self._unreadable += unreadable_of(entities)
            found = {entity.id: entity for entity in entities}
            self._ready.extend(found[number] for number in batch if number in found)
            missing = [number for number in batch if number not in found]
            self._missing.update(dict.fromkeys(missing))
            self._reporter.advance(len(batch), len(missing))

    def _end(self) -> None:
        if self._source_error is not None:
            raise self._source_error
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
