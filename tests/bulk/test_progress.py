"""Progress: reported after every step, and once a second in between."""

from collections.abc import Callable

import anyio
import pytest

from aiotravis.bulk.progress import Progress, Reporter
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
