"""One call for all tasks that want the same answer at the same time."""

import anyio
import pytest

from aiotravis.flows.single_flight import SingleFlight


class Source:
    """Records its calls; returns once `released` is set."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.released = anyio.Event()
        self.fails = False

    async def __call__(self, key: str) -> str:
        self.calls.append(key)
        await self.released.wait()
        if self.fails:
            raise LookupError(key)
        return f"{key}{len(self.calls)}"


async def test_simultaneous_and_soon_following_calls_share_an_answer() -> None:
    source = Source()
    flights = SingleFlight(source, 60.0)
    answers: list[str] = []

    async def ask(key: str) -> None:
        answers.append(await flights.get(key))

    async with anyio.create_task_group() as group:
        for key in ("a", "a", "b", "a"):
            group.start_soon(ask, key)
        await anyio.wait_all_tasks_blocked()
        source.released.set()
    assert sorted(answers) == ["a2", "a2", "a2", "b2"]
    assert await flights.get("a") == "a2"
    assert source.calls == ["a", "b"]


async def test_an_answer_is_not_shared_beyond_its_maximum_age() -> None:
    source = Source()
    source.released.set()
    flights = SingleFlight(source, -1.0)
    assert [await flights.get("a") for _ in range(3)] == ["a1", "a2", "a3"]
    assert len(flights._flights) == 1


async def test_a_task_that_asks_late_in_a_long_call_makes_another() -> None:
    source = Source()
    flights = SingleFlight(source, 0.0)
    answers: list[str] = []

    async def ask() -> None:
        answers.append(await flights.get("a"))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        source.released.set()
    assert answers == ["a1", "a2"]


async def test_after_a_failed_call_the_next_task_makes_another() -> None:
    source = Source()
    source.released.set()
    source.fails = True
    flights = SingleFlight(source, 60.0)
    with pytest.raises(LookupError):
        await flights.get("a")
    source.fails = False
    assert await flights.get("a") == "a2"


async def test_after_a_cancelled_call_one_waiting_task_makes_another() -> None:
    source = Source()
    flights = SingleFlight(source, 60.0)
    answers: list[str] = []
    first = anyio.CancelScope()

    async def ask(scope: anyio.CancelScope) -> None:
        with scope:
            answers.append(await flights.get("a"))

    async with anyio.create_task_group() as group:
        group.start_soon(ask, first)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(ask, anyio.CancelScope())
        group.start_soon(ask, anyio.CancelScope())
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        assert source.calls == ["a", "a"]
        source.released.set()
    assert answers == ["a2", "a2"]
