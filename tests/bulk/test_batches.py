"""Many entities by their ids."""

from collections.abc import Iterable, Sequence

import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import Commit, Progress, errors
from aiotravis.bulk.batches import AT_ONCE, BATCH, BatchIterator


def many(
    ids: Sequence[int], known: Iterable[int], *, missing_ok: bool = False
) -> tuple[BatchIterator[Commit], list[list[int]]]:
    asked: list[list[int]] = []
    there = set(known)

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        asked.append(list(batch))
        return [Commit(id=number) for number in reversed(batch) if number in there]

    return BatchIterator(fetch, ids, path="/things", missing_ok=missing_ok), asked


@given(st.lists(st.integers(1, 400), max_size=900))
async def test_each_id_is_given_in_the_order_asked_in_few_requests(ids: list[int]) -> None:
    things, asked = many(ids, range(1, 401))
    assert [thing.id async for thing in things] == ids
    assert len(asked) == -(-len(ids) // BATCH)
    assert all(len(batch) == len(set(batch)) <= BATCH for batch in asked)


async def test_unknown_ids_are_told_after_all_the_rest() -> None:
    things, _ = many([1, 7, 2, 7, 8], [1, 2])
    assert [(await anext(things)).id for _ in range(2)] == [1, 2]
    with pytest.raises(errors.NotFoundError, match=r"left out 2 of the ids asked for: 7, 8\.") as info:
        await anext(things)
    assert info.value.missing == things.missing == (7, 8)
    assert (info.value.status, info.value.method, info.value.path) == (200, "GET", "/things")
    assert [thing async for thing in things] == []


async def test_unknown_ids_may_be_left_to_a_look() -> None:
    things, _ = many(range(1, 40), [5], missing_ok=True)
    assert [thing.id async for thing in things] == [5]
    assert len(things.missing) == 38


async def test_a_long_list_of_unknown_ids_is_cut_in_the_message() -> None:
    with pytest.raises(errors.NotFoundError, match=r"1, 2, .*, 10, \.\.\.\. They"):
        await anext(many(range(1, 40), [])[0])


async def test_no_more_than_sixteen_batches_travel_at_once_and_none_before_it_is_needed() -> None:
    travelling, most, asked = 0, 0, 0

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        nonlocal travelling, most, asked
        asked += 1
        travelling += 1
        most = max(most, travelling)
        await anyio.lowlevel.checkpoint()
        travelling -= 1
        return [Commit(id=number) for number in batch]

    things = BatchIterator(fetch, range(1, 20 * BATCH + 1), path="/things", missing_ok=False)
    assert asked == 0
    assert (await anext(things)).id == 1
    assert (most, asked) == (AT_ONCE, AT_ONCE)
    assert [thing.id async for thing in things] == list(range(2, 20 * BATCH + 1))
    assert (most, asked) == (AT_ONCE, 20)


async def test_after_a_failure_the_same_batches_are_asked_for_again() -> None:
    fails = True

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        if fails and 150 in batch:
            raise errors.RequestTimeout("late", method="GET", path="/things")
        return [Commit(id=number) for number in batch]

    things = BatchIterator(fetch, range(1, 201), path="/things", missing_ok=False)
    with pytest.raises(errors.RequestTimeout):
        await anext(things)
    fails = False
    assert [thing.id async for thing in things] == list(range(1, 201))


async def test_what_nobody_asked_for_is_left_out() -> None:
    async def fetch(batch: Sequence[int]) -> list[Commit]:
        return [Commit(id=9), *(Commit(id=number) for number in batch)]

    assert [thing.id async for thing in BatchIterator(fetch, [3, 1], path="/things", missing_ok=False)] == [3, 1]


async def test_an_id_that_is_unknown_in_two_batches_is_missing_once() -> None:
    things, _ = many([7, *range(100, 100 + BATCH), 7], range(100, 300), missing_ok=True)
    assert len([thing async for thing in things]) == BATCH
    assert things.missing == (7,)


async def test_progress_is_told_at_every_batch() -> None:
    told: list[Progress] = []

    async def fetch(batch: Sequence[int]) -> list[Commit]:
        return [Commit(id=number) for number in batch if number != 7]

    things = BatchIterator(
        fetch, range(1, 251), path="/things", missing_ok=True, progress=told.append, waiting=lambda: 3
    )
    assert len([thing async for thing in things]) == 249
    assert told == [Progress(done=done, failed=1, total=250, waiting=3) for done in (100, 200, 250)]
