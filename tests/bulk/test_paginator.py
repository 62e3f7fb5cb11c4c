"""A history that is iterated newest first, and continued later with what is new."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
import anyio.lowlevel
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiotravis import Build, Progress, Results, State, Unreadable, errors
from aiotravis.bulk.batches import BatchIterator
from aiotravis.bulk.cursor import OVERLAP, Boundary, Position
from aiotravis.bulk.page_reader import NumberFilter
from aiotravis.bulk.paginator import Paginator

PAGE: Final = 25  # fact 4: builds in a page

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)

CASES: Final = int(os.environ.get("AIOTRAVIS_HISTORY_CASES", "300"))


class World:
    """A repository: its builds by id, and the requests that it was asked."""

    def __init__(self, *, reuse_numbers: bool = False) -> None:
        self.builds: dict[int, Build] = {}
        self.requests: list[object] = []
        self.odd: dict[int, str] = {}
        self._reuse_numbers = reuse_numbers
        self._late: list[tuple[int, Build]] = []
        self._last_id = self._highest = 0

    def begin(self, *, back: int = -1, late: int = 0, started_at: datetime | None = None) -> Build:
        """Create a build.

        Args:
            back: Give it a number that is as much lower than the highest one; -1 for the next number.
            late: After how many other builds it becomes visible.
            started_at: Start of its run.
        """
        self._last_id += 1
        if self._reuse_numbers:
            self._highest = max((int(build.number) for build in self.builds.values()), default=0)
        number = max(1, self._highest - back)
        self._highest = max(self._highest, number)
        build = Build(id=self._last_id, number=str(number), started_at=started_at)
        self._late = [(left - 1, other) for left, other in self._late]
        self._late.append((late, build))
        self.appear()
        return build

    def appear(self, *, all_of_them: bool = False) -> None:
        visible = [build for left, build in self._late if left <= 0 or all_of_them]
        self.builds.update((build.id, build) for build in visible)
        self._late = [(left, build) for left, build in self._late if build not in visible]

    def set_state(self, place: int, state: State) -> None:
        """Change the state of a build, counted from the newest."""
        ids = sorted(self.builds, reverse=True)
        if ids:
            build = self.builds[ids[place % len(ids)]]
            if state.finished or build.finished:
                self.builds[build.id] = msgspec.structs.replace(build, state=state)

    def delete(self, place: int) -> None:
        ids = sorted(self.builds, reverse=True)
        if ids:
            del self.builds[ids[place % len(ids)]]

    async def fetch(self, number_filter: NumberFilter | None) -> list[Build]:
        self.requests.append(number_filter)
        await anyio.lowlevel.checkpoint()
        builds = sorted(self.builds.values(), key=lambda build: (int(build.number), build.id), reverse=True)
        if number_filter is None:
            builds = builds[:PAGE]
        elif number_filter[0] == "number":
            builds = [build for build in builds if int(build.number) == number_filter[1]]
        else:
            builds = [build for build in builds if int(build.number) < number_filter[1]][:PAGE]
        return [msgspec.structs.replace(build, number=self.odd.get(build.id, build.number)) for build in builds]

    async def _fetch_ids(self, ids: Sequence[int]) -> list[Build]:
        self.requests.append(tuple(ids))
        await anyio.lowlevel.checkpoint()
        return [self.builds[build_id] for build_id in ids if build_id in self.builds]

    def paginator(
        self, cursor: str | None = None, *, known: Boundary | None = None, **options: Any
    ) -> Paginator[Build]:
        """Iterate from a cursor; here, one is the plain JSON of its position."""
        return Paginator(
            self.fetch,
            position=Position(known=known) if cursor is None else msgspec.json.decode(cursor, type=Position),
            fetch_many=lambda ids: BatchIterator(self._fetch_ids, ids, path="/builds", missing_ok=True),
            encode=lambda position: msgspec.json.encode(position).decode(),
            **options,
        )

    async def mine(self, cursor: str | None = None) -> tuple[list[int], str]:
        """Return the numbers of what an iteration yields, and its cursor."""
        pages = self.paginator(cursor)
        return [int(build.number) async for build in pages], pages.cursor

    def fill(self, count: int) -> None:
        for _ in range(count):
            self.begin()
        for place in range(count):
            self.set_state(place, State.PASSED)


# Stories --------------------------------------------------------------------------------------------------------------

Step = tuple[Any, ...]

places = st.integers(0, 40)

changes = st.one_of(
    st.tuples(st.just("begin"), st.just(-1), st.just(0), st.integers(1, 30)),
    st.tuples(st.just("begin"), st.integers(-1, 5), st.integers(0, 4), st.integers(1, 3)),
    st.tuples(st.just("end"), places, st.sampled_from([State.PASSED, State.FAILED, State.ERRORED, State.CANCELED])),
    st.tuples(st.just("end all")),
    st.tuples(st.just("restart"), places),
    st.tuples(st.just("delete"), places, st.integers(1, 30)),
)

runs = st.tuples(
    st.just("mine"),
    st.none() | st.integers(0, 60),  # builds that are taken before it is cancelled
    st.integers(0, 3),  # builds taken after the cursor was stored
    st.dictionaries(st.integers(0, 60), changes, max_size=3),  # what happens in the meantime
    st.none() | st.integers(1, 30),  # limit
)


class Miner:
    """Stores what it takes, and a cursor; now and then it loses what it took after the cursor was stored."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cursor: str | None = None
        self.ended: list[int] = []

    @property
    def position(self) -> Position:
        return Position() if self.cursor is None else msgspec.json.decode(self.cursor, type=Position)

    async def run(
        self, take: int | None = None, lost: int = 0, meanwhile: dict[int, Step] | None = None, limit: int | None = None
    ) -> None:
        pages, taken = self.world.paginator(self.cursor, limit=limit), list[int]()
        cursors = [(pages.cursor, 0)]
        task = asyncio.current_task()
        assert task is not None
        try:
            while take is None or len(cursors) <= take:
                if meanwhile and (change := meanwhile.pop(len(cursors) - 1, None)):
                    apply(self.world, change)
                build = await anext(pages, None)
                if build is None:
                    break
                if build.finished:
                    taken.append(build.id)
                cursors.append((pages.cursor, len(taken)))
            else:
                # The step that is under way is cancelled.
                with anyio.CancelScope() as scope:
                    asyncio.get_running_loop().call_soon(scope.cancel)
                    await pages.to_list()
        finally:
            if take is None:
                cursors.append((pages.cursor, len(taken)))
                lost = 0
            self.cursor, count = cursors[max(0, len(cursors) - 1 - lost)]
            self.ended += taken[:count]


def apply(world: World, step: Step) -> None:
    match step:
        case ("begin", back, late, count):
            for _ in range(count):
                world.begin(back=back, late=late)
        case ("end", place, state):
            world.set_state(place, state)
        case ("end all",):
            for place in range(len(world.builds)):
                world.set_state(place, State.PASSED)
        case ("restart", place):
            world.set_state(place, State.CREATED)
        case ("delete", place, count):
            for _ in range(count):
                world.delete(place)
        case _:
            raise AssertionError(step)


@settings(deadline=None, max_examples=CASES)
@given(st.lists(st.one_of(changes, changes, runs), max_size=30), st.booleans())
@example(
    [("begin", -1, 0, 30), ("end all",), ("mine", 5, 2, {}, None), ("begin", -1, 0, 30), ("mine", 3, 0, {}, None)],
    False,
)
@example(
    [("begin", -1, 0, 30), ("mine", None, 0, {}, None), ("delete", 0, 30), ("begin", -1, 0, 3), ("end all",)], True
)
async def test_each_build_that_has_ended_comes_as_ended_whatever_happened(story: list[Step], reuse: bool) -> None:
    world = World(reuse_numbers=reuse)
    miner = Miner(world)
    for step in story:
        if step[0] == "mine":
            await miner.run(*step[1:])
        else:
            apply(world, step)
    world.appear(all_of_them=True)
    # What is left of an iteration that was broken off, then what had not ended, then nothing.
    for _ in range(2):
        await miner.run()
    ended = {build.id for build in world.builds.values() if build.finished}
    assert ended - set(miner.ended) == set()
    yielded, before = len(miner.ended), len(world.requests)
    await miner.run()
    assert len(miner.ended) == yielded
    # Those of a history without any other build count too: it may be hidden.
    unfinished = len(miner.position.pending)
    # One for the newest page, one for each hundred of those, and what the reader of pages needs to be sure.
    assert len(world.requests) - before <= 5 + unfinished / 100


@settings(deadline=None, max_examples=CASES // 3)
@given(st.lists(st.one_of(changes, st.tuples(st.just("mine"), st.none() | st.integers(0, 60))), max_size=30))
async def test_without_a_loss_no_build_comes_as_ended_twice(story: list[Step]) -> None:
    world = World()
    miner = Miner(world)
    for step in [*story, ("mine", None)]:
        if step[0] == "mine":
            requests, ended = len(world.requests), len(miner.ended)
            await miner.run(step[1])
            new = len(miner.ended) - ended + len(miner.position.pending)
            assert step[1] is not None or len(world.requests) - requests <= 8 + new / 5
        else:
            apply(world, step)
    assert len(miner.ended) == len(set(miner.ended))


# What is new ----------------------------------------------------------------------------------------------------------


async def test_a_cursor_continues_with_what_is_new_in_one_request() -> None:
    world = World()
    world.fill(100)
    numbers, cursor = await world.mine()
    assert numbers == list(range(100, 0, -1))
    for new in (0, 1, 11):
        world.fill(new)
        world.requests.clear()
        numbers, cursor = await world.mine(cursor)
        assert numbers == list(range(len(world.builds), len(world.builds) - new, -1))
        assert world.requests == [None]
    world.fill(30)
    world.requests.clear()
    numbers, cursor = await world.mine(cursor)
    assert (len(numbers), len(world.requests)) == (30, 2)
    world.fill(240)
    world.requests.clear()
    assert len((await world.mine(cursor))[0]) == 240
    assert len(world.requests) <= 13


async def test_builds_come_again_once_they_have_ended_and_not_before() -> None:
    world = World()
    world.fill(300)
    world.set_state(250, State.CREATED)
    world.set_state(3, State.CREATED)
    _, cursor = await world.mine()
    world.requests.clear()
    assert (await world.mine(cursor))[0] == []
    assert world.requests == [(297, 50), None]
    world.set_state(250, State.FAILED)
    numbers, cursor = await world.mine(cursor)
    assert numbers == [50]
    world.requests.clear()
    assert (await world.mine(cursor))[0] == []
    assert world.requests == [(297,), None]
    world.delete(3)
    _, cursor = await world.mine(cursor)
    world.requests.clear()
    assert (await world.mine(cursor))[0] == []
    assert world.requests == [None]


async def test_restarts_of_known_builds_are_not_new() -> None:
    world = World()
    world.fill(100)
    _, cursor = await world.mine()
    for place in (0, 5, 13, 50):
        world.set_state(place, State.CREATED)
    assert (await world.mine(cursor))[0] == []


@pytest.mark.parametrize("taken", [1, 5, 24, 25, 60, 99])
async def test_an_iteration_that_was_broken_off_is_continued_before_what_is_new(taken: int) -> None:
    world = World()
    world.fill(100)
    pages = world.paginator()
    for _ in range(taken):
        await anext(pages)
    world.fill(30)
    again = world.paginator(pages.cursor)
    for number in range(100 - taken, 0, -1):
        assert int((await anext(again)).number) == number
    assert [int(build.number) async for build in again] == list(range(130, 100, -1))
    assert (await world.mine(again.cursor))[0] == []


async def test_breaking_off_again_and_again_gets_to_the_end() -> None:
    world, seen, cursor = World(), list[int](), None
    world.fill(100)
    for _ in range(34):
        pages = world.paginator(cursor, limit=3)
        seen += [int(build.number) async for build in pages]
        cursor = pages.cursor
    assert seen == list(range(100, 0, -1))


async def test_a_history_without_builds_has_a_cursor() -> None:
    world = World()
    _, cursor = await world.mine()
    world.fill(3)
    assert (await world.mine(cursor))[0] == [3, 2, 1]


async def test_a_to_list_that_was_cancelled_leaves_the_cursor_where_it_was() -> None:
    world = World()
    world.fill(100)
    pages = world.paginator()
    await anext(pages)
    before = pages.cursor
    with anyio.CancelScope() as scope:
        asyncio.get_running_loop().call_soon(scope.cancel)
        await pages.to_list()
    assert scope.cancelled_caught
    assert pages.cursor == before
    assert len(await pages.to_list()) == 99
    assert (await world.mine(pages.cursor))[0] == []


async def test_a_pending_build_that_cannot_be_read_is_asked_for_again() -> None:
    world = World()
    world.fill(3)
    world.set_state(0, State.CREATED)
    _, cursor = await world.mine()
    build, unreadable = world.builds[3], [Unreadable(excerpt="{}", reason="no id")]

    async def fetch_ids(ids: Sequence[int]) -> Results[Build]:
        return Results([], unreadable)

    pages = world.paginator(cursor)
    pages._batches = BatchIterator(fetch_ids, [3], path="/builds", missing_ok=True)
    assert await pages.to_list() == []
    world.builds[3] = msgspec.structs.replace(build, state=State.PASSED)
    assert (await world.mine(pages.cursor))[0] == [3]


async def test_a_repository_that_is_hidden_for_a_while_loses_no_build() -> None:
    # fact 9.4: a hidden repository gives an empty list, not 404.
    world, hidden = World(), World()
    world.fill(30)
    world.set_state(2, State.CREATED)
    _, cursor = await world.mine()
    numbers, cursor = await hidden.mine(cursor)
    assert numbers == []
    world.set_state(2, State.PASSED)
    world.fill(1)
    assert (await world.mine(cursor))[0] == [28, 31]


@pytest.mark.parametrize("odd", ["", "7", "0", "x", "7.5", "100000"])
@pytest.mark.parametrize("place", [0, 3, 11, 20])
async def test_a_new_build_of_an_odd_number_comes_once(odd: str, place: int) -> None:
    # fact 10.1: one odd value takes nothing else with it.
    world = World()
    world.fill(100)
    _, cursor = await world.mine()
    world.fill(21)
    world.odd[121 - place] = odd
    for expected in (range(101, 122), [], [122], []):
        if list(expected) == [122]:
            world.fill(1)
        pages = world.paginator(cursor)
        assert sorted([build.id async for build in pages]) == list(expected)
        cursor = pages.cursor


@pytest.mark.parametrize("number", [0, 1, 50, 99, 100, 101, 2**31 - 1])
async def test_since_a_number_ends_by_itself(number: int) -> None:
    world = World()
    world.fill(100)
    pages = world.paginator(known=Boundary(number=number))
    assert [int(build.number) async for build in pages] == list(range(100, number, -1))
    assert len(world.requests) <= 3 + max(0, 100 - number) / 20
    assert (await world.mine(pages.cursor))[0] == []
    world.fill(1)
    assert (await world.mine(pages.cursor))[0] == ([101] if number < 101 else [])


async def test_since_a_build_includes_newer_ones_of_the_same_number() -> None:
    world = World()
    world.fill(50)
    older, newer = world.begin(back=0), world.begin(back=0)
    pages = world.paginator(known=Boundary(number=50, id=older.id))
    assert [build.id async for build in pages] == [newer.id]
    third = world.begin(back=0)
    pages = world.paginator(pages.cursor)
    assert [build.id async for build in pages] == [third.id]


def timed(*minutes: int | None) -> World:
    """Builds that started so many minutes after noon, oldest first."""
    world = World()
    for minute in minutes:
        world.begin(started_at=None if minute is None else NOON + timedelta(minutes=minute))
    for place in range(len(minutes)):
        world.set_state(place, State.PASSED)
    return world


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([-2, -1, 0, 1], [4, 3]),
        ([-2, -1, None, 1, None], [5, 4, 3]),  # What has not started is newer.
        ([-9, 5, -7, -1, 0, 1], [6, 5]),  # A restart of an old build is not new.
        ([None, -1, 2], [3]),
        ([-1, 1, -(10**8), 2], [4, 3, 2]),  # Travis did not exist then: unknown.
        ([1, 2], [2, 1]),
        ([-2, -1], []),
    ],
)
async def test_since_a_time_ends_at_the_first_run_that_started_before(
    minutes: list[int | None], expected: list[int]
) -> None:
    world = timed(*minutes)
    pages = world.paginator(known=Boundary(since=NOON))
    assert [build.id async for build in pages] == expected
    assert (await world.mine(pages.cursor))[0] == []
    world.begin(started_at=NOON + timedelta(hours=1))
    assert (await world.mine(pages.cursor))[0] == [len(minutes) + 1]


async def test_since_a_time_that_was_broken_off_ends_there_too() -> None:
    world = timed(*range(-50, 50))
    pages = world.paginator(known=Boundary(since=NOON))
    for _ in range(20):
        await anext(pages)
    numbers, cursor = await world.mine(pages.cursor)
    assert numbers == list(range(80, 50, -1))
    assert (await world.mine(cursor))[0] == []


async def test_progress_counts_what_was_fetched() -> None:
    world, reported = World(), list[Progress]()
    world.fill(60)
    await world.paginator(progress=reported.append).to_list()
    assert [step.done for step in reported] == [24, 60]
    assert {(step.total, step.waiting) for step in reported} == {(None, 0)}
    reported.clear()
    await world.paginator(progress=reported.append, limit=5, waiting=lambda: 2).to_list()
    assert reported == [Progress(done=5, failed=0, total=5, waiting=2)]


async def test_a_failure_of_a_page_continues_with_that_page() -> None:
    world, fails = World(), True
    world.fill(100)

    async def fetch(number_filter: NumberFilter | None) -> list[Build]:
        if fails and number_filter:
            raise errors.RequestTimeout("late", method="GET", path="/builds")
        return await world.fetch(number_filter)

    pages = Paginator(fetch)
    with pytest.raises(errors.RequestTimeout):
        await pages.to_list()
    fails = False
    assert [int(build.number) for build in await pages.to_list()] == list(range(100, 0, -1))


def test_the_overlap_needs_no_second_page() -> None:
    assert OVERLAP <= PAGE // 2
