"""Progress: reported after every step, and once a second in between."""

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from aiotravis.bulk.progress import Progress, Reporter
from aiotravis.errors import TravisError, UsageError
from tests.autojump import run


async def test_every_step_is_reported() -> None:
    reported: list[Progress] = []
    reporter = Reporter(reported.append, 7, lambda: 3)
    reporter.advance(2, 0)
    reporter.advance(1, 1)
    assert reported == [
        Progress(done=2, failed=0, total=7, waiting=3),
        Progress(done=3, failed=1, total=7, waiting=3),
    ]


async def test_without_a_callback_nothing_is_reported() -> None:
    reporter = Reporter(None, None, lambda: 0)
    reporter.start()
    reporter.advance(1, 0)
    reporter.stop()


def test_progress_is_reported_once_a_second_until_stopped() -> None:
    reported: list[float] = []

    async def scenario(clock: Callable[[], float]) -> None:
        started = clock()
        reporter = Reporter(lambda _: reported.append(clock() - started), None, lambda: 0)
        reporter.start()
        reporter.start()
        await anyio.sleep(3.5)
        reporter.stop()
        reporter.stop()
        await anyio.sleep(5)

    run(scenario)
    assert [round(seconds) for seconds in reported] == [1, 2, 3]


def test_an_error_of_the_callback_between_steps_is_raised_at_the_next_step() -> None:
    def fail(_: Progress) -> None:
        raise LookupError("mine")

    async def scenario(_: Callable[[], float]) -> None:
        reporter = Reporter(fail, None, lambda: 0)
        reporter.start()
        await anyio.sleep(2.5)
        with pytest.raises(LookupError, match="mine"):
            reporter.advance(1, 0)

    run(scenario)


async def report(_: Progress) -> None:
    await anyio.lowlevel.checkpoint()


class Reporting:
    async def __call__(self, progress: Progress) -> None:
        await report(progress)


@pytest.mark.parametrize("callback", [report, partial(report), 3, "print"])
def test_a_callback_that_is_async_or_no_function_is_refused_at_once(callback: Any) -> None:
    with pytest.raises(UsageError, match="progress must be a ") as info:
        Reporter(callback, None, lambda: 0)
    assert info.value.argument == "progress"


def start(progress: Progress) -> object:
    return report(progress)


@pytest.mark.parametrize("callback", [start, Reporting()])
def test_a_callback_that_turns_out_to_be_async_is_refused(callback: Any) -> None:
    with pytest.raises(UsageError, match="progress must be a plain function, not an async one"):
        Reporter(callback, None, lambda: 0).advance(1, 0)


async def test_a_callback_may_start_a_task() -> None:
    async with anyio.create_task_group() as group:
        Reporter(lambda progress: group.start_soon(report, progress), None, lambda: 0).advance(1, 0)


async def test_a_callback_cannot_end_the_iteration_that_it_reports() -> None:
    def end(_: Progress) -> None:
        raise StopAsyncIteration

    with pytest.raises(TravisError, match="progress raised StopAsyncIteration"):
        Reporter(end, None, lambda: 0).advance(1, 0)
