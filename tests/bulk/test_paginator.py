"""A list in descending numbers, fetched ahead."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiotravis import Build, errors
from aiotravis.bulk.paginator import MAX_PAGES_AHEAD, Paginator


class History:
    """A server: pages of builds below a number; with ``growing``, every request is followed by a new build."""

    def __init__(self, numbers: Sequence[int], page: int, *, growing: bool = False) -> None:
        self.numbers = sorted(numbers, reverse=True)
        self.page = page
        self.growing = growing
        self.requests = 0

    async def fetch(self, after: int | None) -> list[Build]:
        self.requests += 1
        below = [number for number in self.numbers if after is None or number < after]
        if self.growing:
            self.numbers.insert(0, self.numbers[0] + 1 if self.numbers else 1)
        return [Build(id=number, number=str(number)) for number in below[: self.page]]


@st.composite
def histories(draw: st.DrawFn) -> set[int]:
    """Numbers in dense runs, with wide gaps between them and single gaps within, as a filter leaves them."""
    runs = draw(st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 200)), max_size=4))
    numbers = {number for first, length in runs for number in range(first, first + length)}
    kept = draw(st.integers(1, 5))
    return {number for number in numbers if number % kept == 0} - draw(st.sets(st.integers(1, 1700), max_size=20))


@settings(deadline=None)
@given(histories(), st.integers(1, 40), st.booleans())
@example(set(range(1, 101)), 10, True)  # Pages smaller than expected: gaps between those fetched ahead.
async def test_every_build_is_yielded_once_newest_first(numbers: set[int], page: int, growing: bool) -> None:
    history = History(list(numbers), page, growing=growing)
    numbers_seen = [int(build.number) async for build in Paginator(history.fetch, after=None)]
    assert numbers_seen == sorted(numbers, reverse=True)


async def test_a_dense_history_takes_as_many_requests_as_it_has_pages() -> None:
    history = History(range(1, 5001), 25)
    assert len([build async for build in Paginator(history.fetch, after=None)]) == 5000
    assert history.requests == 200


async def test_breaking_off_early_costs_few_requests() -> None:
    history = History(range(1, 5001), 25)
    pages = Paginator(history.fetch, after=None)
    requests: list[int] = []
    for _ in range(101):
        await anext(pages)
        requests.append(history.requests)
    assert [requests[count - 1] for count in (1, 25, 26, 100, 101)] == [1, 1, 4, 4, 13]


async def test_at_most_48_pages_are_requested_at_once() -> None:
    history = History(range(1, 5 * MAX_PAGES_AHEAD * 25), 25)
    pages = Paginator(history.fetch, after=None)
    before, most = 0, 0
    async for _ in pages:
        most, before = max(most, history.requests - before), history.requests
    assert most == MAX_PAGES_AHEAD


async def test_a_history_can_start_below_a_number() -> None:
    history = History(range(1, 101), 25)
    numbers = [int(build.number) async for build in Paginator(history.fetch, after=51)]
    assert numbers == list(range(50, 0, -1))
    assert [build async for build in Paginator(history.fetch, after=1)] == []


async def test_an_empty_history_yields_nothing() -> None:
    assert [build async for build in Paginator(History([], 25).fetch, after=None)] == []


@settings(deadline=None)
@given(histories(), st.integers(1, 40), st.integers(1, 2000))
async def test_below_a_number_every_build_is_yielded_once_newest_first(
    numbers: set[int], page: int, after: int
) -> None:
    history = History(list(numbers), page, growing=True)
    numbers_seen = [int(build.number) async for build in Paginator(history.fetch, after=after)]
    assert numbers_seen == sorted((number for number in numbers if number < after), reverse=True)


async def test_after_a_failure_iteration_continues_where_it_was() -> None:
    history = History(range(1, 201), 25)
    fails = False

    async def fetch(after: int | None) -> list[Build]:
        if fails and after is not None and after < 150:
            raise errors.RequestTimeout("late", method="GET", path="/builds")
        return await history.fetch(after)

    pages = Paginator(fetch, after=None)
    numbers = [int((await anext(pages)).number) for _ in range(100)]
    fails = True
    with pytest.raises(errors.RequestTimeout):
        await anext(pages)
    fails = False
    numbers += [int(build.number) async for build in pages]
    assert numbers == list(range(200, 0, -1))


async def test_an_unordered_page_is_sorted_by_number() -> None:
    async def fetch(after: int | None) -> list[Build]:
        return [Build(id=number, number=str(number)) for number in (9, 1, 10, 2)]

    assert [build.number async for build in Paginator(fetch, after=None)] == ["10", "9", "2", "1"]


async def test_a_server_that_ignores_after_number_raises_instead_of_looping() -> None:
    async def fetch(after: int | None) -> list[Build]:
        return [Build(id=number, number=str(number)) for number in range(100, 75, -1)]

    pages = Paginator(fetch, after=None)
    assert [int((await anext(pages)).number) for _ in range(25)] == list(range(100, 75, -1))
    with pytest.raises(errors.DecodeError, match="ignored after_number=76"):
        await anext(pages)
