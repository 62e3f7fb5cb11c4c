"""Many entities by their ids, fetched in batches."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import Commit, Progress, errors
from aiotravis.bulk.batches import IDS_PER_REQUEST, MAX_CONCURRENT_REQUESTS, BatchIterator
from aiotravis.resources.builds import Builds
from tests.samples import Scripted


def many(
    ids: Sequence[int] | AsyncIterable[int], known: Iterable[int], *, missing_ok: bool = False
) -> tuple[BatchIterator[Commit], list[list[int]]]:
    requested: list[list[int]] = []
    existing = known if isinstance(known, range) else set(known)

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        requested.append(list(batch))
        return [Commit(id=number) for number in reversed(batch) if number in existing]

    return BatchIterator(fetch, ids, path="/things", missing_ok=missing_ok), requested


async def collect(entities: BatchIterator[Commit], seen: list[int]) -> None:
    """Append all ids, those before an error, too."""
    async for entity in entities:
        seen.append(entity.id)  # noqa: PERF401 - what came before the error counts


@given(st.lists(st.integers(1, 400), max_size=900))
async def test_entities_are_in_the_order_of_their_ids_with_100_ids_per_request(ids: list[int]) -> None:
    entities, requested = many(ids, range(1, 401))
    assert [entity.id async for entity in entities] == ids
    assert len(requested) == -(-len(ids) // IDS_PER_REQUEST)
    assert all(len(batch) == len(set(batch)) <= IDS_PER_REQUEST for batch in requested)


async def test_missing_ids_raise_once_after_all_entities() -> None:
    entities, _ = many([1, 7, 2, 7, 8], [1, 2])
    assert [(await anext(entities)).id for _ in range(2)] == [1, 2]
    with pytest.raises(errors.NotFoundError, match=r"no entity for 2 of the ids: 7, 8\.") as info:
        await anext(entities)
    assert info.value.missing == entities.missing == (7, 8)
    assert (info.value.status, info.value.method, info.value.path) == (200, "GET", "/things")
    assert [entity async for entity in entities] == []


async def test_with_missing_ok_missing_ids_are_only_listed() -> None:
    entities, _ = many(range(1, 40), [5], missing_ok=True)
    assert [entity.id async for entity in entities] == [5]
    assert len(entities.missing) == 38


async def test_a_long_list_of_missing_ids_is_shortened_in_the_message() -> None:
    with pytest.raises(errors.NotFoundError, match=r"1, 2, .*, 10, \.\.\.\. They"):
        await anext(many(range(1, 40), [])[0])


async def test_at_most_16_requests_run_at_once_and_none_before_it_is_needed() -> None:
    running, most, sent = 0, 0, 0

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        nonlocal running, most, sent
        sent += 1
        running += 1
        most = max(most, running)
        await anyio.lowlevel.checkpoint()
        running -= 1
        return [Commit(id=number) for number in batch]

    entities = BatchIterator(fetch, range(1, 100 * IDS_PER_REQUEST + 1), path="/things", missing_ok=False)
    assert sent == 0
    for taken, requests in ((1, 32), (3200, 32), (3201, 96), (9601, 100)):
        while entities._taken < taken:
            assert (await anext(entities)).id == entities._taken
        assert (most, sent) == (MAX_CONCURRENT_REQUESTS, requests)
    assert len([entity async for entity in entities]) == 399


async def test_a_slow_request_holds_up_none_of_those_after_it() -> None:
    requested, others = list[int](), asyncio.Event()

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        requested.append(batch[0])
        if batch[0] == 1:
            await others.wait()
        elif len(requested) == 30:
            others.set()
        return [Commit(id=number) for number in batch]

    entities = BatchIterator(fetch, range(1, 3001), path="/things", missing_ok=False)
    with anyio.fail_after(5):
        assert [entity.id async for entity in entities] == list(range(1, 3001))
    assert sorted(requested) == list(range(1, 3001, 100))


async def test_after_a_failure_iteration_repeats_the_failed_requests() -> None:
    fails = True

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        if fails and 150 in batch:
            raise errors.RequestTimeout("late", method="GET", path="/things")
        return [Commit(id=number) for number in batch]

    entities, seen = BatchIterator(fetch, range(1, 301), path="/things", missing_ok=False), list[int]()
    for _ in range(2):
        with pytest.raises(errors.RequestTimeout):
            await collect(entities, seen)
        assert seen == list(range(1, 101))
    fails = False
    await collect(entities, seen)
    assert seen == list(range(1, 301))


async def test_a_deadline_around_each_step_loses_no_request() -> None:
    requested: list[int] = []

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        requested.append(batch[0])
        if batch[0] in (101, 301) and requested.count(batch[0]) < 3:
            await anyio.sleep_forever()
        return [Commit(id=number) for number in batch]

    entities, seen = BatchIterator(fetch, range(1, 501), path="/things", missing_ok=False), list[int]()
    while len(seen) < 500:
        with anyio.move_on_after(0.01):
            seen.append((await anext(entities)).id)
    assert seen == list(range(1, 501))
    assert sorted(requested) == [1, 101, 101, 101, 201, 301, 301, 301, 401]


async def test_an_error_of_progress_loses_no_entity() -> None:
    def report(step: Progress) -> None:
        if step.done == 200:
            raise LookupError

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        return [Commit(id=number) for number in batch]

    entities = BatchIterator(fetch, range(1, 501), path="/things", missing_ok=False, progress=report)
    seen = list[int]()
    with pytest.raises(LookupError):
        await collect(entities, seen)
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 200
    await collect(entities, seen)
    assert seen == list(range(1, 501))


async def test_missing_ids_take_time_in_proportion_to_their_number() -> None:
    async def seconds(count: int) -> float:
        entities, _ = many(range(1, count + 1), [], missing_ok=True)
        began = time.process_time()
        assert await entities.to_list() == []
        assert len(entities.missing) == count
        return time.process_time() - began

    few, all_of_them = [min([await seconds(count) for _ in range(3)]) for count in (10_000, 100_000)]
    assert all_of_them <= 25 * few


async def test_entities_that_were_not_requested_are_dropped() -> None:
    async def fetch(batch: Sequence[int]) -> list[Commit]:
        return [Commit(id=9), *(Commit(id=number) for number in batch)]

    assert [entity.id async for entity in BatchIterator(fetch, [3, 1], path="/things", missing_ok=False)] == [3, 1]


async def test_an_id_missing_from_two_batches_is_listed_once() -> None:
    entities, _ = many([7, *range(100, 100 + IDS_PER_REQUEST), 7], range(100, 300), missing_ok=True)
    assert len([entity async for entity in entities]) == IDS_PER_REQUEST
    assert entities.missing == (7,)


async def test_progress_is_reported_after_every_batch() -> None:
    reported: list[Progress] = []

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        return [Commit(id=number) for number in batch if number != 7]

    entities = BatchIterator(
        fetch, range(1, 251), path="/things", missing_ok=True, progress=reported.append, waiting=lambda: 3
    )
    assert len([entity async for entity in entities]) == 249
    assert reported == [Progress(done=done, failed=1, total=250, waiting=3) for done in (100, 200, 250)]


# Ids from an async iterable -------------------------------------------------------------------------------------------


class Ids:
    """Ids one by one, each after a moment; fails at one of them."""

    def __init__(self, ids: Iterable[int], *, fails_at: int | None = None) -> None:
        self._ids = iter(ids)
        self._fails_at = fails_at

    def __aiter__(self) -> "Ids":
        return self

    async def __anext__(self) -> int:
        await anyio.lowlevel.checkpoint()
        number = next(self._ids, None)
        if number is None:
            raise StopAsyncIteration
        if number == self._fails_at:
            raise LookupError(number)
        return number


async def generated(ids: Iterable[int]) -> AsyncGenerator[int]:
    for number in ids:
        await anyio.sleep(0.001)
        yield number


@given(st.lists(st.integers(1, 400), max_size=900))
async def test_ids_may_come_from_an_async_iterable(ids: list[int]) -> None:
    entities, requested = many(Ids(ids), range(1, 401))
    assert [entity.id async for entity in entities] == ids
    assert len(requested) == -(-len(ids) // IDS_PER_REQUEST)


async def test_ids_of_an_async_iterable_are_read_as_they_are_needed() -> None:
    read: list[int] = []

    class Recorded(Ids):
        async def __anext__(self) -> int:
            read.append(await super().__anext__())
            return read[-1]

    entities, requested = many(Recorded(range(1, 10**9)), range(1, 10**9))
    for taken, requests in ((1, 1), (100, 1), (101, 4), (401, 13), (1301, 40), (4001, 104)):
        while entities._taken < taken:
            await anext(entities)
        assert (len(requested), len(read)) == (requests, requests * IDS_PER_REQUEST)


async def test_an_error_of_the_ids_is_raised_after_the_entities_before_it() -> None:
    entities, _ = many(Ids(range(1, 300), fails_at=250), range(1, 300))
    assert [(await anext(entities)).id for _ in range(249)] == list(range(1, 250))
    for _ in range(2):
        with pytest.raises(LookupError):
            await anext(entities)


async def test_a_value_that_is_no_id_is_raised_after_the_entities_before_it() -> None:
    entities = Builds(Scripted(b'{"builds":[{"id":1},{"id":2}]}')).many(Ids([1, 2, 0]))
    assert [(await anext(entities)).id for _ in range(2)] == [1, 2]
    for _ in range(2):
        with pytest.raises(errors.UsageError, match="builds must be a positive id"):
            await anext(entities)


async def test_a_step_cancelled_while_ids_are_read_loses_none() -> None:
    entities, seen = many(Ids(range(1, 301)), range(1, 301))[0], list[int]()
    while len(seen) < 300:
        with anyio.move_on_after(0.0005):
            seen.append((await anext(entities)).id)
    assert seen == list(range(1, 301))


async def test_a_generator_that_a_cancelled_step_has_closed_is_no_normal_end() -> None:
    entities = many(generated(range(1, 301)), range(1, 301))[0]
    for _ in range(100):
        await anext(entities)
    with anyio.move_on_after(0.01) as scope:
        await anext(entities)
    assert scope.cancelled_caught
    seen: list[int] = []
    for _ in range(2):
        with pytest.raises(errors.UsageError, match="async generator of ids was closed"):
            await collect(entities, seen)
    assert seen == list(range(101, 101 + len(seen)))


async def test_a_source_that_somebody_else_cancelled_is_an_error() -> None:
    class Cancelled(Ids):
        async def __anext__(self) -> int:
            task = asyncio.ensure_future(anyio.sleep_forever())
            asyncio.get_running_loop().call_soon(task.cancel)
            await task
            return 1

    with pytest.raises(errors.TravisError, match="cancelled from outside"):
        await many(Cancelled([1]), [1])[0].to_list()


async def test_progress_has_no_total_while_ids_come_from_an_async_iterable() -> None:
    reported: list[Progress] = []

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        return [Commit(id=number) for number in batch]

    entities = BatchIterator(fetch, Ids(range(1, 251)), path="/things", missing_ok=True, progress=reported.append)
    assert len(await entities.to_list()) == 250
    assert [(step.done, step.total) for step in reported] == [(100, None), (200, None), (250, None)]


# Sharing --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tasks", [2, 3, 20])
async def test_tasks_that_share_a_batch_iterator_get_each_entity_once(tasks: int) -> None:
    async def fetch(batch: Sequence[int]) -> list[Commit]:
        await anyio.lowlevel.checkpoint()
        return [Commit(id=number) for number in batch for _ in range(2)]

    entities, seen = BatchIterator(fetch, range(1, 2001), path="/things", missing_ok=False), list[int]()

    async def iterate() -> None:
        async for entity in entities:
            seen.append(entity.id)

    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(iterate)
    assert seen == list(range(1, 2001))
    with pytest.raises(errors.UsageError, match="iterated to its end"):
        await entities.to_list()
