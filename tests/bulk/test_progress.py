"""Progress: told after every step, and once a second in between."""

from collections.abc import Callable

import anyio
import pytest

from aiotravis.bulk.progress import Progress, Reporter
from tests.autojump import run


async def test_every_step_is_told() -> None:
    told: list[Progress] = []
    reporter = Reporter(told.append, 7, lambda: 3)
    reporter.advance(2, 0)
    reporter.advance(1, 1)
    assert told == [
        Progress(done=2, failed=0, total=7, waiting=3),
        Progress(done=3, failed=1, total=7, waiting=3),
    ]


async def test_nobody_has_to_listen() -> None:
    reporter = Reporter(None, None, lambda: 0)
    reporter.start()
    reporter.advance(1, 0)
    reporter.stop()


def test_it_is_told_once_a_second_until_it_is_stopped() -> None:
    told: list[float] = []

    async def story(clock: Callable[[], float]) -> None:
        began = clock()
        reporter = Reporter(lambda _: told.append(clock() - began), None, lambda: 0)
        reporter.start()
        reporter.start()
        await anyio.sleep(3.5)
        reporter.stop()
        reporter.stop()
        await anyio.sleep(5)

    run(story)
    assert [round(moment) for moment in told] == [1, 2, 3]


def test_what_the_callback_raises_between_two_steps_is_told_at_the_next() -> None:
    def fail(_: Progress) -> None:
        raise LookupError("mine")

    async def story(_: Callable[[], float]) -> None:
        reporter = Reporter(fail, None, lambda: 0)
        reporter.start()
        await anyio.sleep(2.5)
        with pytest.raises(LookupError, match="mine"):
            reporter.advance(1, 0)

    run(story)
