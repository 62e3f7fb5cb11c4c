"""One answer for all who ask the same at about the same time."""

import anyio
import pytest

from aiotravis.flows.single_flight import SingleFlight


class Source:
    """Counts how often it is asked; answers once it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let = anyio.Event()
        self.fails = False

    async def __call__(self, key: str) -> str:
        self.asked.append(key)
        await self.let.wait()
        if self.fails:
            raise LookupError(key)
        return f"{key}{len(self.asked)}"


async def test_those_who_ask_at_once_share_an_answer_and_those_who_come_soon_after() -> None:
    source = Source()
    shared = SingleFlight(source, 60.0)
    answers: list[str] = []

    async def ask(key: str) -> None:
        answers.append(await shared.get(key))

    async with anyio.create_task_group() as group:
        for key in ("a", "a", "b", "a"):
            group.start_soon(ask, key)
        await anyio.wait_all_tasks_blocked()
        source.let.set()
    assert sorted(answers) == ["a2", "a2", "a2", "b2"]
    assert await shared.get("a") == "a2"
    assert source.asked == ["a", "b"]


async def test_an_answer_gets_old() -> None:
    source = Source()
    source.let.set()
    shared = SingleFlight(source, -1.0)
    assert [await shared.get("a") for _ in range(3)] == ["a1", "a2", "a3"]
    assert len(shared._asked) == 1


async def test_where_one_fails_the_next_asks() -> None:
    source = Source()
    source.let.set()
    source.fails = True
    shared = SingleFlight(source, 60.0)
    with pytest.raises(LookupError):
        await shared.get("a")
    source.fails = False
    assert await shared.get("a") == "a2"


async def test_where_one_is_cancelled_another_asks() -> None:
    source = Source()
    shared = SingleFlight(source, 60.0)
    answers: list[str] = []
    first = anyio.CancelScope()

    async def ask(scope: anyio.CancelScope) -> None:
        with scope:
            answers.append(await shared.get("a"))

    async with anyio.create_task_group() as group:
        group.start_soon(ask, first)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(ask, anyio.CancelScope())
        group.start_soon(ask, anyio.CancelScope())
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        assert source.asked == ["a", "a"]
        source.let.set()
    assert answers == ["a2", "a2"]
