"""The pages of a list in descending numbers, fetched ahead: read by a paginator."""

import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from typing import Any

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiotravis import Build, Results, Unreadable, errors
from aiotravis.bulk.page_reader import MAX_NUMBER, MAX_PAGES_AHEAD, NumberFilter, number_key
from aiotravis.bulk.paginator import Paginator

PAGE = 25  # fact 4: builds in a page


class History:
    """A server: pages of builds below a number; with ``growing``, every request is followed by new builds.

    Builds that share a number come in another order each time: nothing tells it (fact 10.1).
    """

    def __init__(self, numbers: Iterable[int], page: int = PAGE, *, growing: bool = False) -> None:
        self.builds: list[Build] = []
        self.page = page
        self.growing = growing
        self.requests: list[NumberFilter | None] = []
        self._numbers: list[int] = []
        for number in sorted(numbers):
            self._add(number)
        self._random = random.Random(len(self.builds))

    def _add(self, number: int) -> None:
        self.builds.append(Build(id=len(self.builds) + 1, number=str(number)))
        self._numbers.append(number)

    async def fetch(self, number_filter: NumberFilter | None) -> list[Build]:
        self.requests.append(number_filter)
        numbers = self._numbers
        if number_filter is not None and number_filter[0] == "number":
            builds = self._newest(bisect_left(numbers, number_filter[1]), bisect_right(numbers, number_filter[1]))
        else:
            end = len(numbers) if number_filter is None else bisect_left(numbers, number_filter[1])
            # All that share the lowest number: chance decides which of them the page shows.
            start = bisect_left(numbers, numbers[max(0, end - self.page)]) if end else 0
            builds = self._newest(start, end)[: self.page]
        if self.growing:
            highest = numbers[-1] if numbers else 0
            # A push and its pull request at once.
            for number in [highest + 1] * self._random.randint(1, 2):
                self._add(number)
        return builds

    def _newest(self, start: int, end: int) -> list[Build]:
        builds = self.builds[start:end]
        return sorted(builds, key=lambda build: (int(build.number), self._random.random()), reverse=True)

    def pages(self, *, after: int | None = None, limit: int | None = None) -> Paginator[Build]:
        return Paginator(self.fetch, after=after, limit=limit)

    def newest_first(self, after: int | None = None) -> list[int]:
        """Return the ids of the builds below a number, in the order in which they must be yielded."""
        builds = sorted(self.builds, key=lambda build: (int(build.number), build.id), reverse=True)
        return [build.id for build in builds if after is None or int(build.number) < after]


async def collect(pages: Paginator[Build], seen: list[Build]) -> None:
    """Append all builds, those before an error, too."""
    async for build in pages:
        seen.append(build)  # noqa: PERF401 - what came before the error counts


def request_bound(history: History) -> float:
    """Return the requests that any history may take, however its numbers are repeated.

    Twice those of unique numbers, one for each number with so many builds that a page shows few such numbers,
    those of the first estimates, one that shows that nothing is below 1, and one that shows that number= is obeyed.
    """
    large = [count for count in Counter(build.number for build in history.builds).values() if count >= 8]
    return 2 * len(history.builds) / (PAGE - 1) + len(large) + 22


def repeat(length: int, share: float, times: tuple[int, int], seed: int) -> list[int]:
    """Return so many numbers from 1 on, a share of which is repeated so many times."""
    chance = random.Random(seed)
    numbers: list[int] = []
    number = 0
    while len(numbers) < length:
        number += 1
        numbers += [number] * (chance.randint(*times) if chance.random() < share else 1)
    return numbers[:length]


@st.composite
def histories(draw: st.DrawFn) -> set[int]:
    """Numbers in dense runs, with wide gaps between them and single gaps within, as a filter leaves them."""
    runs = draw(st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 200)), max_size=4))
    numbers = {number for first, length in runs for number in range(first, first + length)}
    kept = draw(st.integers(1, 5))
    return {number for number in numbers if number % kept == 0} - draw(st.sets(st.integers(1, 1700), max_size=20))


@st.composite
def repeated_numbers(draw: st.DrawFn) -> list[int]:
    """Runs of numbers, a share of which is repeated 2 to 60 times: always as often, or at random."""
    numbers: list[int] = []
    for _ in range(draw(st.integers(1, 3))):
        fewest = draw(st.integers(2, 60))
        most = draw(st.sampled_from([fewest, 60]))
        share = draw(st.sampled_from([0.02, 0.1, 0.5, 1.0]))
        run = repeat(draw(st.integers(1, 500)), share, (fewest, most), draw(st.integers(0, 1000)))
        first = max(numbers, default=0)
        numbers += [first + number for number in run]
    return numbers


@settings(deadline=None)
@given(histories(), st.integers(1, 40), st.booleans())
@example(set(range(1, 101)), 10, True)  # Pages smaller than expected: gaps between those fetched ahead.
async def test_every_build_is_yielded_once_newest_first(numbers: set[int], page: int, growing: bool) -> None:
    history = History(numbers, page, growing=growing)
    numbers_seen = [int(build.number) async for build in history.pages()]
    assert numbers_seen == sorted(numbers, reverse=True)


@settings(deadline=None)
@given(repeated_numbers(), st.booleans(), st.none() | st.integers(1, 500))
@example([1] * 60, False, None)
@example([number for number in range(1, 9) for _ in range(PAGE)], True, None)
@example([*range(1, 3), *[3] * (PAGE - 2)], True, None)
@example([*range(1, 2), *[2] * PAGE], True, None)
async def test_builds_that_share_a_number_are_yielded_once_newest_first(
    numbers: list[int], growing: bool, after: int | None
) -> None:
    # fact 10.1: a cursor taken from the lowest number seen would lose the builds that share it.
    history = History(numbers, growing=growing)
    expected, bound = history.newest_first(after), request_bound(history)
    assert [build.id async for build in history.pages(after=after)] == expected
    assert len(history.requests) <= bound


@pytest.mark.parametrize("times", [(2, 60), (2, 2), (2, 10), (10, 20), (60, 60)])
@pytest.mark.parametrize("seed", range(5))
async def test_a_tenth_of_repeated_numbers_needs_at_most_half_more_requests(times: tuple[int, int], seed: int) -> None:
    unique = History(range(1, 2001))
    await unique.pages().to_list()
    history = History(repeat(2000, 0.1, times, seed), growing=True)
    expected = history.newest_first()
    assert [build.id async for build in history.pages()] == expected
    assert len(history.requests) <= 1.5 * len(unique.requests)


async def test_numbers_repeated_at_any_place_of_the_pages_lose_no_build() -> None:
    for offset in range(PAGE):
        for times in (2, 3, PAGE - 1, PAGE, PAGE + 1):
            history = History([*range(1, 60), *[60] * times, *range(61, 61 + offset)])
            assert [build.id async for build in history.pages()] == history.newest_first()


async def test_a_dense_history_takes_one_request_for_every_24_builds() -> None:
    # fact 10.1: a page cannot tell whether it holds all builds of its lowest number, so 24 of 25 count.
    history = History(range(1, 5001))
    assert len([build async for build in history.pages()]) == 5000
    assert len(history.requests) == 209


@pytest.mark.parametrize(
    ("builds", "requests"), [(0, 1), (1, 1), (24, 1), (25, 2), (26, 2), (100, 5), (575, 24), (576, 24)]
)
async def test_a_short_dense_history_takes_at_most_one_request_more_than_it_has_pages(
    builds: int, requests: int
) -> None:
    history = History(range(1, builds + 1))
    assert len(await history.pages().to_list()) == builds
    assert len(history.requests) == requests <= -(-builds // PAGE) + 1


async def test_breaking_off_early_costs_few_requests() -> None:
    history = History(range(1, 5001))
    pages = history.pages()
    requests: list[int] = []
    for _ in range(97):
        await anext(pages)
        requests.append(len(history.requests))
    assert [requests[count - 1] for count in (1, 24, 25, 96, 97)] == [1, 1, 4, 4, 13]


async def test_at_most_48_pages_are_requested_at_once() -> None:
    history = History(range(1, 5 * MAX_PAGES_AHEAD * PAGE))
    pages = history.pages()
    before, most = 0, 0
    async for _ in pages:
        most, before = max(most, len(history.requests) - before), len(history.requests)
    assert most == MAX_PAGES_AHEAD


async def test_a_history_can_start_below_a_number() -> None:
    history = History(range(1, 101))
    numbers = [int(build.number) async for build in history.pages(after=51)]
    assert numbers == list(range(50, 0, -1))
    assert [build async for build in history.pages(after=1)] == []


async def test_an_empty_history_yields_nothing() -> None:
    assert [build async for build in History([]).pages()] == []


@settings(deadline=None)
@given(histories(), st.integers(1, 40), st.integers(1, 2000))
async def test_below_a_number_every_build_is_yielded_once_newest_first(
    numbers: set[int], page: int, after: int
) -> None:
    history = History(numbers, page, growing=True)
    numbers_seen = [int(build.number) async for build in history.pages(after=after)]
    assert numbers_seen == sorted((number for number in numbers if number < after), reverse=True)


async def test_after_a_failure_iteration_continues_where_it_was() -> None:
    history = History([*range(1, 201), 150, 150, 100, 50])
    fails = False

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        if fails and number_filter and number_filter[1] < 150:
            raise errors.RequestTimeout("late", method="GET", path="/builds")
        return await history.fetch(number_filter)

    pages = Paginator(fetch)
    seen = [(await anext(pages)).id for _ in range(30)]
    fails = True
    with suppress(errors.RequestTimeout):
        async for build in pages:
            seen.append(build.id)  # noqa: PERF401 - what came before the failure counts
    with pytest.raises(errors.RequestTimeout):
        await anext(pages)
    fails = False
    seen += [build.id async for build in pages]
    assert seen == history.newest_first()


async def test_a_deadline_around_each_step_loses_no_page() -> None:
    history = History(range(1, 201))
    requested: Counter[NumberFilter | None] = Counter()

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        requested[number_filter] += 1
        if number_filter and number_filter[1] % 3 == 0 and requested[number_filter] < 3:
            await anyio.sleep_forever()
        return await history.fetch(number_filter)

    pages, seen, expired = Paginator(fetch), list[int](), 0
    while len(seen) < 200:
        with anyio.move_on_after(0.01) as step:
            seen.append((await anext(pages)).id)
        expired += step.cancelled_caught
    assert (seen, expired > 0) == (list(range(200, 0, -1)), True)
    assert all(times == (3 if wanted and wanted[1] % 3 == 0 else 1) for wanted, times in requested.items())


async def test_an_unordered_page_is_sorted_by_number_then_by_id() -> None:
    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        return [Build(id=build_id, number=number) for build_id, number in enumerate(["9", "1", "10", "2", "10"])]

    assert [(build.number, build.id) async for build in Paginator(fetch)] == [
        ("10", 4), ("10", 2), ("9", 0), ("2", 3), ("1", 1),
    ]  # fmt: skip


async def test_a_server_that_ignores_after_number_raises_instead_of_looping() -> None:
    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        return [Build(id=number, number=str(number)) for number in range(100, 75, -1)]

    pages = Paginator(fetch)
    assert [int((await anext(pages)).number) for _ in range(24)] == list(range(100, 76, -1))
    for _ in range(2):
        with pytest.raises(errors.DecodeError, match="ignored after_number=77"):
            await anext(pages)


async def test_a_server_that_ignores_number_raises_instead_of_losing_builds() -> None:
    history = History([*range(1, 50), *[50] * 60, 51])

    async def fetch(number_filter: NumberFilter | None) -> Sequence[Build]:
        return await history.fetch(None if number_filter and number_filter[0] == "number" else number_filter)

    pages, seen = Paginator(fetch), list[Build]()
    assert (await anext(pages)).number == "51"
    for _ in range(2):
        with pytest.raises(errors.DecodeError, match=r"ignored number=49"):
            await collect(pages, seen)
    assert seen == []


async def test_a_build_seen_before_a_failing_request_by_number_is_kept() -> None:
    history = History([*range(1, 50), *[50] * 30, 51])

    async def fetch(number_filter: NumberFilter | None) -> Sequence[Build]:
        return [] if number_filter == ("number", 50) else await history.fetch(number_filter)

    numbers = [int(build.number) async for build in Paginator(fetch)]
    assert numbers == [51, *[50] * 24, *range(49, 0, -1)]


# Numbers that cannot be read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["", "x", "-7", "1e3", "9" * 5000, ".", "null"])
@pytest.mark.parametrize("places", [{1}, {0, 24}, {23, 24, 25}, {30, 60, 99}, set(range(20, 30))])
async def test_builds_without_a_readable_number_come_last_once(odd: str, places: set[int]) -> None:
    history = History(range(1, 101))

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        page = await history.fetch(number_filter)
        return [Build(id=build.id, number=odd) if 100 - build.id in places else build for build in page]

    expected = [number for number in range(100, 0, -1) if 100 - number not in places]
    unreadable = sorted((100 - place for place in places), reverse=True)
    assert [build.id async for build in Paginator(fetch)] == [*expected, *unreadable]


@pytest.mark.parametrize("count", [1, 24, 25, 30, 60])
async def test_builds_without_a_number_before_all_others_hide_no_build(count: int) -> None:
    """Travis sorts null before every number, and ``after_number`` leaves it out."""
    history = History(range(1, 101))
    unnumbered = [Build(id=1000 + place, number="") for place in range(count)]

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        page = await history.fetch(number_filter)
        return [*unnumbered, *page][:PAGE] if number_filter is None else page

    pages, seen = Paginator(fetch), list[Build]()
    # More than fit the page may have no number: nothing leads to them.
    error = pytest.raises(errors.DecodeError, match="No number of the first page") if count >= PAGE else nullcontext()
    with error:
        await collect(pages, seen)
    assert [build.id for build in seen[:100]] == list(range(100, 0, -1))
    assert [build.id for build in seen[100:]] == [build.id for build in unnumbered[:PAGE]][::-1]
    assert (("after_number", MAX_NUMBER) in history.requests) == (count >= PAGE)


async def test_a_full_page_without_readable_numbers_is_yielded_and_then_raises() -> None:
    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        return [Build(id=build_id, number="") for build_id in range(1, PAGE + 1)]

    pages = Paginator(fetch)
    assert [(await anext(pages)).id for _ in range(PAGE)] == list(range(PAGE, 0, -1))
    with pytest.raises(errors.DecodeError, match=f"No number below {MAX_NUMBER} can be read"):
        await anext(pages)
    assert [build async for build in pages] == []


def test_number_key_of_a_text_of_thousands_of_digits_is_that_of_no_number() -> None:
    assert number_key("9" * 5000) == number_key("x") == (-1,)
    assert number_key("784.10") == (784, 10)


@pytest.mark.parametrize("number", [784, None, 1.5, b"784", ("784",)])
def test_number_key_takes_only_strings(number: Any) -> None:
    with pytest.raises(errors.UsageError, match="number must be a string, as Travis sends it") as info:
        number_key(number)
    assert info.value.argument == "number"


# Odd numbers ----------------------------------------------------------------------------------------------------------


def shown_as(shown: dict[int, str], count: int = 200, *, page: int = PAGE) -> Paginator[Build]:
    """A server that knows builds by numbers equal to their ids, and shows other numbers of some."""
    history = History(range(1, count + 1), page)

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        builds = await history.fetch(number_filter)
        return [Build(id=build.id, number=shown.get(build.id, build.number)) for build in builds]

    return Paginator(fetch)


ODD_NUMBERS = [
    "0",
    "7",
    "07",
    "7.5",
    "1",
    "150",
    "170",
    "173",
    "175",
    "177",
    "190",
    "1000",
    "784.1",
    "2147483648",
    " 9 ",
]


@pytest.mark.parametrize("odd", ODD_NUMBERS)
@pytest.mark.parametrize("build_id", [200, 188, 178, 177, 176, 175, 152, 100, 26, 25, 2, 1])
async def test_one_odd_number_takes_no_other_build_with_it(odd: str, build_id: int) -> None:
    # fact 10.1: one value never takes more with it than itself.
    seen = [build.id async for build in shown_as({build_id: odd})]
    assert sorted(seen) == list(range(1, 201))
    assert [other for other in seen if other != build_id] == [other for other in range(200, 0, -1) if other != build_id]


@pytest.mark.parametrize(
    "odd", [{177: "7", 176: "5"}, {190: "0", 178: "0"}, {176: "173", 177: "173"}, {180: "1", 1: "180"}]
)
async def test_several_odd_numbers_in_a_page_take_no_other_build_with_them(odd: dict[int, str]) -> None:
    seen = [build.id async for build in shown_as(odd)]
    assert sorted(seen) == list(range(1, 201))


@pytest.mark.parametrize("build_id", range(81, 101))
@pytest.mark.parametrize("odd", ["0", "1", "7", "110"])
async def test_an_odd_number_in_smaller_pages_takes_no_other_build_with_it(odd: str, build_id: int) -> None:
    seen = [build.id async for build in shown_as({build_id: odd}, 100, page=10)]
    assert sorted(seen) == list(range(1, 101))


async def test_one_odd_number_costs_few_requests() -> None:
    requests = 0
    history = History(range(1, 2001))

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        nonlocal requests
        requests += 1
        builds = await history.fetch(number_filter)
        return [Build(id=build.id, number="7" if build.id == 1900 else build.number) for build in builds]

    unique = History(range(1, 2001))
    await unique.pages().to_list()
    assert len(await Paginator(fetch).to_list()) == 2000
    assert requests <= len(unique.requests) + 2


@pytest.mark.parametrize("zeros", [1, 24, 25, 26, 60])
@pytest.mark.parametrize("numbered", [0, 1, 24, 25, 100])
async def test_builds_with_number_0_are_yielded_once_last(zeros: int, numbered: int) -> None:
    history = History([*[0] * zeros, *range(1, numbered + 1)], growing=True)
    expected = history.newest_first()
    assert [build.id async for build in history.pages()] == expected


@pytest.mark.parametrize("first", [-60, -30, 2**31, 2**63])
async def test_numbers_that_cannot_be_requested_raise_after_what_was_read(first: int) -> None:
    numbers = [*range(first, first + 30), *range(1, 31)]
    history, seen = History(numbers), list[Build]()
    pages = history.pages()
    with pytest.raises(errors.DecodeError, match="has after this page cannot be requested"):
        await collect(pages, seen)
    read = [build.number for build in seen]
    assert read[:30] == [str(number) for number in range(30, 0, -1)]
    assert len(read) == len(set(read)) == 55
    assert ([build async for build in pages], history.requests[-1] is None) == ([], False)


async def test_spaces_around_numbers_do_not_count() -> None:
    # fact 9.10: numbers are strings, and order as integers.
    assert [build.id async for build in shown_as({number: f" {number}" for number in range(1, 61)}, 60)] == [
        *range(60, 0, -1)
    ]


@pytest.mark.parametrize("page", [2, 5, 10, 24])
@pytest.mark.parametrize("times", [1, 5, 10, 11, 24, 25, 60])
async def test_smaller_pages_of_one_number_are_completed(page: int, times: int) -> None:
    history = History([*range(2, 100), *[100] * times, 101, *[102] * times], page, growing=True)
    expected = history.newest_first()
    seen = [build.id async for build in history.pages()]
    assert (len(seen), sorted(seen, reverse=True)) == (len(expected), expected)


@pytest.mark.parametrize("newest", [25, 26, 40, 60])
@pytest.mark.parametrize("after", [None, 202])
async def test_a_server_that_ignores_number_is_noticed_in_the_newest_number(newest: int, after: int | None) -> None:
    history, seen = History([*range(1, 201), *[201] * newest]), list[Build]()

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        return await history.fetch(None if number_filter and number_filter[0] == "number" else number_filter)

    with pytest.raises(errors.DecodeError, match="ignored number=200"):
        await collect(Paginator(fetch, after=after), seen)
    assert seen == []


@pytest.mark.parametrize("odd", ["", "0", "7", "784.1", "999"])
async def test_one_odd_number_among_those_of_a_number_is_yielded(odd: str) -> None:
    history = History([*range(1, 50), *[50] * 60, 51])

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        builds = await history.fetch(number_filter)
        return [Build(id=build.id, number=odd if build.id == 80 else build.number) for build in builds]

    seen = [build.id async for build in Paginator(fetch)]
    assert sorted(seen, reverse=True) == history.newest_first()


async def test_a_build_whose_number_is_missing_from_one_page_only_is_yielded_in_its_place() -> None:
    history = History(range(1, 201))

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        builds = await history.fetch(number_filter)
        return [Build(id=build.id, number="" if place == 24 else build.number) for place, build in enumerate(builds)]

    assert [build.id async for build in Paginator(fetch)] == list(range(200, 0, -1))


@pytest.mark.parametrize("repeats", [2, 3])
async def test_records_repeated_in_a_response_are_yielded_once(repeats: int) -> None:
    history = History([*range(1, 101), *[50] * 40])

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        return [build for build in await history.fetch(number_filter) for _ in range(repeats)]

    assert [build.id async for build in Paginator(fetch)] == history.newest_first()


# Limits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "requests"), [(1, 1), (24, 1), (25, 2), (48, 2), (49, 3), (100, 5), (5000, 85)])
async def test_a_limit_ends_the_iteration_and_requests_no_more_than_it_needs(limit: int, requests: int) -> None:
    history = History(range(1, 2001))
    pages = history.pages(limit=limit)
    assert [int(build.number) async for build in pages] == list(range(2000, max(2000 - limit, 0), -1))
    assert await pages.first() is None
    assert len(history.requests) <= requests


async def test_a_limit_counts_builds_that_share_a_number() -> None:
    history = History([1, *[2] * 60, 3])
    assert [build.id async for build in history.pages(limit=31)] == history.newest_first()[:31]


def partly_readable(history: History, odd: set[int]) -> Paginator[Build]:
    async def fetch(number_filter: NumberFilter | None) -> Results[Build]:
        page = await history.fetch(number_filter)
        unreadable = [Unreadable(excerpt="{}", reason="no id") for build in page if build.id in odd]
        return Results([build for build in page if build.id not in odd], unreadable)

    return Paginator(fetch)


@pytest.mark.parametrize("odd", [{1}, {100, 76, 75, 2}, set(range(52, 75)), set(range(1, 101, 2))])
async def test_unreadable_records_are_listed_and_hide_no_other_build(odd: set[int]) -> None:
    pages = partly_readable(History(range(1, 101), 25), odd)
    assert [build.id async for build in pages] == sorted(set(range(1, 101)) - odd, reverse=True)
    assert pages.unreadable


async def test_a_full_page_of_unreadable_records_raises_after_what_was_read() -> None:
    pages = partly_readable(History(range(1, 101), 25), set(range(51, 76)))
    assert [(await anext(pages)).id for _ in range(25)] == list(range(100, 75, -1))
    # What was read ahead is not lost.
    seen: list[Build] = []
    with pytest.raises(errors.DecodeError, match="No number below 76 can be read"):
        await collect(pages, seen)
    assert [build.id for build in seen] == list(range(50, 0, -1))
